"""Peaks in which distance, orientation and number of sites matter, for known reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream._core import energy as _energy
from iceqream._core.regression import logistic
from iceqream.datasets.simulation import (
    BASELINE,
    GRAMMAR,
    OCCUPIED,
    PEAK_SD,
    RELEASE,
    SLOPE,
    STATE_SD,
    Planted,
    background,
    check_size,
    drawn_sites,
    measured,
    occupancy_of,
    plant,
)
from iceqream.motifs import jaspar
from iceqream.motifs._energies import DEFAULT_PSEUDO_PROBABILITY

if TYPE_CHECKING:
    from anndata import AnnData

    from iceqream.motifs import MotifSet

TOGETHER = 2.4
"""What both motifs of a pair add where the rule holds, logit units."""
ANTAGONISM = -3.0
"""What the first and the third motif add together at full occupancy."""
_N_STATES = 4
_RATE, _SPREAD = 0.9, 60.0
_CONFIGURATIONS = ("neither", "first", "second", "apart", "together")
_SHARES = (0.4, 0.12, 0.12, 0.18, 0.18)
_NEAR, _FAR = (4, 22), (70, 120)
"""Bases between two sites of a pair."""
_STRONG, _WEAK = 2.5, 0.7
"""Powers of the PSSM from which sites are drawn."""
_CLUSTERS = ("none", "strong", "weak")
_CLUSTER_SHARES = (0.4, 0.25, 0.35)
_WEAK_SITES = (4, 7)
_BEST_OCCUPIED, _STEEPER = 0.85, 2.0
_LOWER = 1.2
"""Than in `simulated_trajectory` lies the logit where nothing is bound: more motifs open here."""


def simulated_grammar(n_peaks: int = 4000, width: int = 500, *, rng: int | np.random.Generator = 0) -> AnnData:
    """Simulate peaks in which distance, orientation and number of sites matter.

    Nine motifs act along a trajectory S1 to S4. GATA1, Spi1 (closing) and CEBPA act as in `simulated_trajectory`; GATA1
    and CEBPA together less than their sum. FOXA2 and TEAD4 act together only when their sites are 4 to 21 bp apart, not
    70 to 119. POU5F1 and Runx1, always near, act together only on the same strand. ESRRB acts through the sum over its
    sites, so that clusters of weak sites count; NFYA through its best site only. Both have, in different peaks, one
    strong site or four to six weak ones.

    Parameters
    ----------
    n_peaks
        Number of peaks, at least 100.
    width
        bp, at least 300.
    rng
        Seed or generator.

    Returns
    -------
    AnnData, states x peaks
        As of `simulated_trajectory`; ``var["spacing"]`` and ``var["orientation"]`` say which sites of the two pairs
        were planted (neither, first, second, apart: both but not as the rule wants, together), ``var["sum"]`` and
        ``var["best"]`` those of ESRRB and NFYA (none, strong, weak). ``uns["truth"]``: motifs, roles, effects, and
        pairs (antagonism, spacing, orientation) with what they add.

    Raises
    ------
    ValueError
        If a number is too small.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_grammar(n_peaks=300, rng=0)
    >>> change = adata.to_df("ap_true").loc["S4"] - adata.to_df("ap_true").loc["S1"]
    >>> mean = change.groupby(adata.var["spacing"], observed=True).mean()
    >>> bool(mean["together"] > mean["apart"])
    True
    """
    check_size(n_peaks, width, 300)
    generator = np.random.default_rng(rng)
    names, roles, effects = (np.array(column, dtype=object) for column in zip(*GRAMMAR, strict=True))
    motifs = jaspar(RELEASE)[list(names)]
    constitutive = generator.random(n_peaks) < 1 / 12
    codes = background(n_peaks, width, constitutive, generator)
    plain = tuple(Planted(str(names[i]), (float(effects[i]),), _RATE, _SPREAD) for i in range(3))
    plant(codes, plain, motifs[[0, 1, 2]], ~constitutive, generator)
    clusters = [_plant_cluster(codes, motifs.matrix(i), ~constitutive, generator) for i in (7, 8)]
    pairs = [
        _plant_pair(codes, motifs, (3, 4), ~constitutive, generator, by="spacing"),
        _plant_pair(codes, motifs, (5, 6), ~constitutive, generator, by="orientation"),
    ]
    occupancy = np.zeros((n_peaks, len(names)))
    occupancy[:, :3] = occupancy_of(codes, plain, motifs[[0, 1, 2]], ~constitutive)
    for of, (first, second) in zip(pairs, ((3, 4), (5, 6)), strict=True):
        occupancy[:, first], occupancy[:, second] = np.isin(of, [1, 3, 4]), np.isin(of, [2, 3, 4])
    occupancy[:, 7] = _bound(codes, motifs[[7]], ~constitutive, "sum")
    occupancy[:, 8] = _bound(codes, motifs[[8]], ~constitutive, "max")
    ap = _access_probability(occupancy, effects.astype(np.float64), pairs, constitutive, generator)
    adata = measured(codes, ap, constitutive, generator)
    adata.obs_names = [f"S{i + 1}" for i in range(_N_STATES)]
    adata.varm["occupancy"] = occupancy.astype(np.float32)
    for name, of in zip(("spacing", "orientation"), pairs, strict=True):
        adata.var[name] = pd.Categorical.from_codes(of, pd.Index(_CONFIGURATIONS))
    for name, of in zip(("sum", "best"), clusters, strict=True):
        adata.var[name] = pd.Categorical.from_codes(of, pd.Index(_CLUSTERS))
    adata.uns["truth"] |= {
        "motifs": names,
        "roles": roles,
        "effects": effects.astype(np.float64),
        "antagonism": names[[0, 2]],
        "spacing": names[[3, 4]],
        "orientation": names[[5, 6]],
        "together": np.array([ANTAGONISM, TOGETHER, TOGETHER]),
    }
    return adata


def _plant_cluster(codes: np.ndarray, pssm: np.ndarray, where: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Write one strong site or several weak ones into some sequences, and return what each has."""
    n, width = codes.shape
    kind = np.where(where, rng.choice(len(_CLUSTERS), size=n, p=_CLUSTER_SHARES), 0)
    count = np.where(kind == 1, 1, np.where(kind == 2, rng.integers(*_WEAK_SITES, size=n), 0))
    rows = np.repeat(np.arange(n), count)
    letters = drawn_sites(pssm, np.where(kind[rows] == 1, _STRONG, _WEAK), rng)
    _write(codes, rows, rng.integers(width // 5, 4 * width // 5 - len(pssm), size=len(rows)), letters, rng)
    return kind


def _plant_pair(
    codes: np.ndarray, motifs: MotifSet, pair: tuple[int, int], where: np.ndarray, rng: np.random.Generator, *, by: str
) -> np.ndarray:
    """Write sites of two motifs into some sequences, and return the configuration of each."""
    n, width = codes.shape
    kind = np.where(where, rng.choice(len(_CONFIGURATIONS), size=n, p=_SHARES), 0)
    lengths = motifs.lengths[list(pair)]
    by_spacing = by == "spacing"
    gap = np.where((kind == 3) & by_spacing, rng.integers(*_FAR, size=n), rng.integers(*_NEAR, size=n))
    span = lengths.sum() + gap
    left = width // 2 - span // 2 + rng.integers(-30, 31, size=n)
    swapped = rng.random(n) < 0.5
    start = [
        np.where(swapped, left + lengths[1] + gap, left),
        np.where(swapped, left, left + lengths[0] + gap),
    ]
    strand, other = rng.random((2, n)) < 0.5
    turned = other if by_spacing else np.where(kind == 3, ~strand, strand)
    for i, (motif, has, reverse) in enumerate(zip(pair, ((1, 3, 4), (2, 3, 4)), (strand, turned), strict=True)):
        rows = np.flatnonzero(np.isin(kind, has))
        letters = drawn_sites(motifs.matrix(motif), np.full(len(rows), _STRONG), rng)
        _write(codes, rows, start[i][rows], letters, rng, reverse[rows])
    return kind


def _write(
    codes: np.ndarray,
    rows: np.ndarray,
    start: np.ndarray,
    letters: np.ndarray,
    rng: np.random.Generator,
    reverse: np.ndarray | None = None,
) -> None:
    reverse = rng.random(len(rows)) < 0.5 if reverse is None else reverse
    letters[reverse] = 3 - letters[reverse, ::-1]
    codes[rows[:, None], start[:, None] + np.arange(letters.shape[1])] = letters


def _bound(codes: np.ndarray, motif: MotifSet, where: np.ndarray, mode: _energy.Mode) -> np.ndarray:
    """Return the occupancy of one motif by all its sites, or by its best site."""
    probabilities = _energy.with_pseudo_probability(motif.pssm, DEFAULT_PSEUDO_PROBABILITY)
    energies = _energy.energies(codes, probabilities, motif.lengths, mode=mode)[:, 0].astype(np.float64)
    half = np.quantile(energies[where], OCCUPIED if mode == "sum" else _BEST_OCCUPIED)
    return logistic(_STEEPER * SLOPE * (energies - half))


def _access_probability(
    occupancy: np.ndarray,
    effects: np.ndarray,
    pairs: list[np.ndarray],
    constitutive: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the true access probability, states x peaks."""
    time = np.linspace(0.0, 1.0, _N_STATES)[:, None]
    added = occupancy @ np.maximum(effects, 0.0) + ANTAGONISM * occupancy[:, 0] * occupancy[:, 2]
    for of in pairs:
        added += TOGETHER * (of == _CONFIGURATIONS.index("together"))
    closing = occupancy @ np.maximum(-effects, 0.0)
    eta = BASELINE - _LOWER + time * added + (1 - time) * closing
    eta += rng.normal(0.0, PEAK_SD, size=len(occupancy)) + rng.normal(0.0, STATE_SD, size=eta.shape)
    eta[:, constitutive] = 4.0 + rng.normal(0.0, 0.3, size=(_N_STATES, int(constitutive.sum())))
    return logistic(eta)
