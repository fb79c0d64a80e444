"""A trajectory whose truth is known: real motifs in mammalian background, saturating binding, two interactions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from anndata import AnnData

from iceqream import _keys
from iceqream._core import energy as _energy
from iceqream._core.regression import logistic
from iceqream._sequences import read_codes
from iceqream.datasets.layout import coordinates_of, regional_bias
from iceqream.motifs import MotifSet, SpatialCurves, jaspar
from iceqream.motifs._energies import DEFAULT_PSEUDO_PROBABILITY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mudata import MuData

    from iceqream._sequences import Sequences

RELEASE = "JASPAR2026"


@dataclass(frozen=True)
class Planted:
    """A motif whose sites are planted."""

    name: str
    effects: tuple[float, ...]  # of each trajectory: added to the logit of accessibility at full occupancy; > 0 opens
    rate: float  # mean number of planted sites per peak
    spread: float  # standard deviation of a site's distance from the peak centre, bp


PLANTED = (
    Planted("GATA1_MA0035.5", (2.6,), 0.9, 40.0),
    Planted("TEAD4_MA0809.3", (2.0,), 0.8, 60.0),
    Planted("FOXA2_MA0047.4", (1.8,), 0.8, 90.0),
    Planted("CEBPA_MA0102.5", (1.8,), 0.7, 60.0),
    Planted("Spi1_MA0080.7", (-2.4,), 0.9, 50.0),
    Planted("POU5F1_MA1115.2", (-1.8,), 0.8, 80.0),
)
SYNERGY = (0, 2, 1.5)
ANTAGONISM = (3, 4, -1.2)
_OTHERS = (
    "Runx1_MA0002.3", "CTCF_MA0139.2", "MEF2C_MA0497.2", "SOX2_MA0143.5", "KLF4_MA0039.5", "HNF1A_MA0046.3",
    "TP53_MA0106.3", "FOS::JUN_MA0099.4", "NFYA_MA0060.4", "REST_MA0138.3", "MYOD1_MA0499.3", "E2F1_MA0024.3",
    "STAT3_MA0144.3", "ESRRB_MA0141.4", "PAX6_MA0069.1", "RFX1_MA0509.3", "Nrf1_MA0506.3", "ZEB1_MA0103.4",
    "EBF1_MA0154.5", "SRF_MA0083.3", "NFIA_MA0670.2", "Mafb_MA0117.3", "GRHL2_MA1105.3", "ONECUT1_MA0679.3",
)  # fmt: skip

# Transitions between neighbouring letters (A, C, G, T) in AT-rich and GC-rich 500 bp windows of human chromosome 22,
# both strands; CpG is depleted in both.
_AT_RICH = ((0.340, 0.170, 0.224, 0.266), (0.373, 0.238, 0.043, 0.346), (0.303, 0.197, 0.238, 0.262),
            (0.222, 0.196, 0.242, 0.340))  # fmt: skip
_GC_RICH = ((0.205, 0.239, 0.398, 0.158), (0.283, 0.351, 0.080, 0.286), (0.215, 0.262, 0.351, 0.172),
            (0.102, 0.299, 0.394, 0.205))  # fmt: skip

SHARPNESS = (0.6, 1.0, 2.5)
"""Powers of the PSSM from which sites are drawn: weak, typical and strong."""
OCCUPIED = 0.75
"""Quantile of a motif's energy at which half of its sites are bound."""
SLOPE = 1.1
BASELINE = -1.5
PEAK_SD = 0.6
STATE_SD = 0.25
_LEAK = 0.02
_CURVE_BIN = 20
_DEPTHS = (150.0, 15.0)
"""Reads of a fully open peak in the deepest and the shallowest state."""


MANIFOLD = (
    Planted("Spi1_MA0080.7", (2.4, 1.3, -1.6), 0.9, 50.0),
    Planted("Runx1_MA0002.3", (-2.5, -1.6, -0.8), 0.8, 60.0),
    Planted("POU5F1_MA1115.2", (1.8, -1.5, 0.0), 0.8, 80.0),
    Planted("GATA1_MA0035.5", (0.0, 2.6, 1.3), 0.9, 40.0),
    Planted("TEAD4_MA0809.3", (2.2, 0.0, 1.1), 0.8, 60.0),
    Planted("CEBPA_MA0102.5", (2.4, 0.0, 0.0), 0.7, 60.0),
    Planted("FOXA2_MA0047.4", (0.0, 2.2, 0.0), 0.8, 90.0),
    Planted("EBF1_MA0154.5", (0.0, 0.0, 2.6), 0.8, 50.0),
)
"""Of `iceqream.datasets.simulated_manifold`: two act in three trajectories, three in two, three in one."""


GRAMMAR = (
    ("GATA1_MA0035.5", "plain", 2.2), ("Spi1_MA0080.7", "plain", -2.2), ("CEBPA_MA0102.5", "plain", 2.0),
    ("FOXA2_MA0047.4", "spacing", 0.4), ("TEAD4_MA0809.3", "spacing", 0.4),
    ("POU5F1_MA1115.2", "orientation", 0.4), ("Runx1_MA0002.3", "orientation", 0.4),
    ("ESRRB_MA0141.4", "sum", 2.4), ("NFYA_MA0060.4", "best", 2.4),
)  # fmt: skip
"""Of `iceqream.datasets.simulated_grammar`: motif, how it acts, and effect alone."""


def simulated_motifs(*, decoys: bool = True, manifold: bool = False, grammar: bool = False) -> MotifSet:
    """Return the planted motifs and, unless told otherwise, motifs that are not planted: thirty in all.

    Parameters
    ----------
    decoys
        Whether to add the motifs that are not planted.
    manifold
        Whether the planted motifs are the eight of `simulated_manifold` and not the six of `simulated_trajectory`.
    grammar
        Whether they are the nine of `simulated_grammar`.

    Returns
    -------
    MotifSet
        Motifs of JASPAR 2026 (vertebrates); ``metadata["planted"]`` is a boolean.

    Examples
    --------
    >>> import iceqream as iq
    >>> len(iq.datasets.simulated_motifs(decoys=False))
    6
    """
    planted_names = [planted.name for planted in (MANIFOLD if manifold else PLANTED)]
    if grammar:
        planted_names = [name for name, _, _ in GRAMMAR]
    others = [name for name in [*_OTHERS, *(p.name for p in PLANTED)] if name not in planted_names]
    names = planted_names + (others if decoys else [])
    motifs = jaspar(RELEASE)[names]
    planted = np.arange(len(names)) < len(planted_names)
    return MotifSet(motifs.names, motifs.pssm, motifs.lengths, motifs.metadata.assign(planted=planted))


def simulated_trajectory(
    n_peaks: int = 4000, width: int = 500, n_states: int = 4, *, rng: int | np.random.Generator = 0
) -> AnnData:
    """Simulate peaks whose accessibility changes along a trajectory for known reasons.

    Background sequences follow the dinucleotide statistics of the human genome at varying GC content. Sites of six
    JASPAR motifs are planted on both strands, with affinities from weak to strong and a preference for the centre.
    The energy of the whole sequence saturates in an occupancy; occupancies add up to the logit of accessibility, with
    one synergy and one antagonism. Four motifs open elements towards the end, two keep them open at the start. One
    peak in twelve is a constitutive promoter. Counts have a depth per state and a bias along the genome.

    Parameters
    ----------
    n_peaks
        Number of peaks, at least 100.
    width
        bp, at least 100.
    n_states
        States S1, S2, ... along the trajectory, at least 2.
    rng
        Seed or generator.

    Returns
    -------
    AnnData, states x peaks
        ``X``: counts (float32). ``layers["ap"]``: access probability estimated from the counts with the true depth
        and bias; ``layers["ap_true"]``: the truth. ``var``: chrom, start, end, constitutive, regional_counts (reads
        of the 20 kb around the peak, over all states). ``varm["sequence"]``: uint8 codes. ``varm["occupancy"]``: true
        occupancy per planted motif. ``uns["tss"]``: start sites (DataFrame with chrom, start, end, strand, gene).
        ``uns["truth"]``: motifs, effects, spreads, interactions, depth per state.

    Raises
    ------
    ValueError
        If a number is too small.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=200, rng=0)
    >>> adata.shape, adata.varm["sequence"].shape
    ((4, 200), (200, 500))
    """
    if n_states < 2:
        msg = f"A trajectory needs at least 2 states, got {n_states}."
        raise ValueError(msg)
    generator = np.random.default_rng(rng)
    adata = _along_a_line(n_peaks, width, np.linspace(0.0, 1.0, n_states), generator)
    adata.obs_names = [f"S{i + 1}" for i in range(n_states)]
    return adata


def simulated_multiome(
    n_peaks: int = 4000,
    width: int = 500,
    n_states: int = 4,
    *,
    n_metacells: int = 40,
    n_genes: int = 60,
    rng: int | np.random.Generator = 0,
) -> MuData:
    """Simulate metacells with accessibility and expression, in which the planted factors are expressed when they act.

    Parameters
    ----------
    n_peaks, width, n_states, rng
        As in `simulated_trajectory`.
    n_metacells
        Metacells, spread evenly over the states.
    n_genes
        Genes of the RNA modality: the planted factors first, the others do not follow the trajectory.

    Returns
    -------
    MuData
        ``mod["atac"]``: as `simulated_trajectory`, metacells x peaks; ``mod["rna"]``: counts, metacells x genes.
        ``obs["state"]`` of both is the state, ``obs["time"]`` the position along the trajectory in [0, 1].

    Raises
    ------
    ValueError
        If a number is too small.

    Examples
    --------
    >>> import iceqream as iq
    >>> mdata = iq.datasets.simulated_multiome(n_peaks=200, n_metacells=8, rng=0)
    >>> sorted(mdata.mod)
    ['atac', 'rna']
    """
    from mudata import MuData

    if n_states < 2 or n_metacells < n_states or n_genes < len(PLANTED):
        msg = (
            f"simulated_multiome needs n_states >= 2, n_metacells >= n_states and n_genes >= {len(PLANTED)}; got "
            f"{n_states}, {n_metacells} and {n_genes}."
        )
        raise ValueError(msg)
    generator = np.random.default_rng(rng)
    state = np.arange(n_metacells) * n_states // n_metacells
    time = state / (n_states - 1)
    atac = _along_a_line(n_peaks, width, time, generator)
    names = [f"M{i + 1:03d}" for i in range(n_metacells)]
    labels = pd.Categorical([f"S{s + 1}" for s in state])
    activity = _activity(time)
    expression = np.full((n_metacells, n_genes), 1.0)
    expression[:, : len(PLANTED)] = 0.05 + 1.5 * activity
    scale = generator.lognormal(np.log(40.0), 1.0, size=n_genes)
    library = generator.lognormal(0.0, 0.3, size=n_metacells)
    counts = generator.poisson(expression * scale * library[:, None])
    rna = AnnData(counts.astype(np.float32))
    factors = [planted.name.split("_")[0].upper() for planted in PLANTED]
    rna.var_names = factors + [f"gene{i + 1}" for i in range(n_genes - len(factors))]
    for modality in (atac, rna):
        modality.obs_names = names
        modality.obs["state"] = labels
        modality.obs["time"] = time
    mdata = MuData({_keys.ATAC: atac, _keys.RNA: rna})
    mdata.obs["state"] = labels
    return mdata


def _activity(time: np.ndarray) -> np.ndarray:
    """Return how active the planted motifs are along the one trajectory, 0-1, rows x motifs."""
    opening = np.array([planted.effects[0] > 0 for planted in PLANTED])
    return np.where(opening[None, :], time[:, None], 1.0 - time[:, None])


def _along_a_line(n_peaks: int, width: int, time: np.ndarray, rng: np.random.Generator) -> AnnData:
    pairs = _pairs_along_a_line(time)
    adata = simulate(n_peaks, width, PLANTED, strengths(PLANTED, np.zeros(len(time), dtype=int), time), pairs, rng)
    names = adata.uns["truth"]["motifs"]
    adata.uns["truth"] |= {
        "effects": np.array([planted.effects[0] for planted in PLANTED]),
        "synergy": names[list(SYNERGY[:2])],
        "antagonism": names[list(ANTAGONISM[:2])],
    }
    return adata


def _pairs_along_a_line(time: np.ndarray) -> list[tuple[int, int, np.ndarray]]:
    """Return the synergy and the antagonism: two motifs, and what both add in each row."""
    activity = _activity(time)
    return [(a, b, size * activity[:, a] * np.maximum(activity[:, b], 0.5)) for a, b, size in (SYNERGY, ANTAGONISM)]


def simulated_dap(data: AnnData, sequences: Sequences) -> np.ndarray:
    """Return the true change of access probability of other sequences in a simulation, without its noise.

    Parameters
    ----------
    data
        What `simulated_trajectory` returned: its peaks say at which energy a site is bound half the time.
    sequences
        Sequences of the simulation's width, as `iceqream.models.TrajectoryModel.predict` takes them.

    Returns
    -------
    float64, n: access probability at the end of the trajectory less that at its start.

    Raises
    ------
    KeyError
        If the data are no simulated trajectory.
    ValueError
        If the sequences are of another width, or no DNA.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=200, rng=0)
    >>> iq.datasets.simulated_dap(adata, adata[:, :3]).shape
    (3,)
    """
    names = [planted.name for planted in PLANTED]
    if list(data.uns.get("truth", {}).get("motifs", ())) != names:
        msg = "These data are not of iq.datasets.simulated_trajectory: uns['truth'] lacks its motifs."
        raise KeyError(msg)
    motifs = jaspar(RELEASE)[names]
    own = np.asarray(data.varm[_keys.SEQUENCE])
    codes = read_codes(sequences)
    if codes.shape[1] != own.shape[1]:
        msg = f"The simulation has sequences of {own.shape[1]} bp, these have {codes.shape[1]} bp."
        raise ValueError(msg)
    plain = ~data.var[_keys.CONSTITUTIVE].to_numpy(dtype=bool)
    half = np.quantile(_planted_energies(own[plain], PLANTED, motifs), OCCUPIED, axis=0)
    occupancy = logistic(SLOPE * (_planted_energies(codes, PLANTED, motifs) - half))
    time = np.array([0.0, 1.0])
    eta = BASELINE + strengths(PLANTED, np.zeros(2, dtype=int), time) @ occupancy.T
    for a, b, size in _pairs_along_a_line(time):
        eta += size[:, None] * occupancy[:, a] * occupancy[:, b]
    start, end = logistic(eta)
    return end - start


def strengths(planted: tuple[Planted, ...], trajectory: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Return what each motif adds to the logit of accessibility at full occupancy, rows x motifs.

    Rows lie at `time` (0-1) of a trajectory (number). A motif that closes elements in some trajectory acts at time 0
    already, so that nothing is ever negative.
    """
    effects = np.array([motif.effects for motif in planted])
    first = np.maximum(-effects.min(axis=1), 0.0)
    last = first[:, None] + effects
    return (1.0 - time[:, None]) * first + time[:, None] * last[:, trajectory].T


def simulate(
    n_peaks: int,
    width: int,
    planted: tuple[Planted, ...],
    strength: np.ndarray,
    pairs: Sequence[tuple[int, int, np.ndarray]],
    rng: np.random.Generator,
    *,
    baseline: float = BASELINE,
) -> AnnData:
    """Return rows x peaks in which the planted motifs act with a `strength` (rows x motifs), alone and in pairs.

    A pair is two motifs and what both together add in each row, logit units at full occupancy. Where nothing is bound,
    the logit is the `baseline`.
    """
    check_size(n_peaks, width)
    motifs = jaspar(RELEASE)[[motif.name for motif in planted]]
    constitutive = rng.random(n_peaks) < 1 / 12
    codes = background(n_peaks, width, constitutive, rng)
    plant(codes, planted, motifs, ~constitutive, rng)
    occupancy = occupancy_of(codes, planted, motifs, ~constitutive)
    ap = _access_probability(occupancy, strength, pairs, baseline, constitutive, rng)
    adata = measured(codes, ap, constitutive, rng)
    adata.varm["occupancy"] = occupancy.astype(np.float32)
    adata.uns["truth"] = {
        "motifs": motifs.names,
        "spread": np.array([motif.spread for motif in planted]),
        **adata.uns["truth"],
    }
    return adata


def measured(codes: np.ndarray, ap: np.ndarray, constitutive: np.ndarray, rng: np.random.Generator) -> AnnData:
    """Return counts of peaks whose access probability (rows x peaks) is known, and what is estimated from them."""
    n_peaks, width = codes.shape
    coordinates, tss = coordinates_of(n_peaks, width, constitutive, rng)
    region = regional_bias(coordinates, rng)
    depth = np.geomspace(*_DEPTHS, num=len(ap))[rng.permutation(len(ap))]
    expected = depth[:, None] * region[None, :]
    counts = rng.poisson(expected * (ap + _LEAK))
    estimated = np.clip(counts / expected - _LEAK, 0.0, 1.0)

    adata = AnnData(counts.astype(np.float32))
    adata.layers[_keys.ACCESS_PROBABILITY] = estimated.astype(np.float32)
    adata.layers["ap_true"] = ap.astype(np.float32)
    chrom, start, end = coordinates
    adata.var_names = [f"{c}:{s}-{e}" for c, s, e in zip(chrom, start, end, strict=True)]
    adata.var[_keys.CHROM] = pd.Categorical(chrom)
    adata.var[_keys.START], adata.var[_keys.END] = start, end
    adata.var[_keys.CONSTITUTIVE] = constitutive
    adata.var["regional_counts"] = rng.poisson(8.0 * depth.sum() * region).astype(np.int64)
    adata.varm[_keys.SEQUENCE] = codes
    adata.uns["tss"] = tss
    adata.uns["truth"] = {"depth": depth}
    adata.uns["sequence"] = {"params": {"genome": "simulated", "width": width}}
    return adata


def check_size(n_peaks: int, width: int, least: int = 100) -> None:
    """Refuse a simulation of too few or too short peaks."""
    if n_peaks < 100 or width < least:
        msg = f"The simulation needs at least 100 peaks of {least} bp, got {n_peaks} of {width} bp."
        raise ValueError(msg)


def background(n: int, width: int, constitutive: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw first-order Markov sequences; each peak has its own GC content, promoters the highest."""
    mixture = np.where(constitutive, 0.9, rng.beta(1.6, 2.0, size=n))
    transition = (1 - mixture)[:, None, None] * np.array(_AT_RICH) + mixture[:, None, None] * np.array(_GC_RICH)
    cumulative = np.cumsum(transition / transition.sum(axis=2, keepdims=True), axis=2)
    codes = np.empty((n, width), dtype=np.uint8)
    codes[:, 0] = rng.integers(0, 4, size=n)
    rows = np.arange(n)
    for i in range(1, width):
        u = rng.random(n)[:, None]
        codes[:, i] = np.minimum((cumulative[rows, codes[:, i - 1]] < u).sum(axis=1), 3)
    return codes


def plant(
    codes: np.ndarray, planted: tuple[Planted, ...], motifs: MotifSet, where: np.ndarray, rng: np.random.Generator
) -> None:
    """Write sites into the sequences: number, affinity, distance from the centre and strand are random."""
    n, width = codes.shape
    for m, motif in enumerate(planted):
        pssm = motifs.matrix(m)
        length = len(pssm)
        sites = np.repeat(np.arange(n), np.where(where, rng.poisson(motif.rate, size=n), 0))
        centre = width / 2 + rng.normal(0.0, motif.spread, size=len(sites)) - length / 2
        start = np.clip(np.round(centre).astype(np.int64), 0, width - length)
        power = rng.choice(np.array(SHARPNESS), size=len(sites))
        letters = drawn_sites(pssm, power, rng)
        reverse = rng.random(len(sites)) < 0.5
        letters[reverse] = 3 - letters[reverse, ::-1]
        codes[sites[:, None], start[:, None] + np.arange(length)] = letters


def drawn_sites(pssm: np.ndarray, power: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a site for each power of the PSSM, uint8, sites x length, on the forward strand."""
    letters = np.empty((len(power), len(pssm)), dtype=np.uint8)
    for j in range(len(pssm)):
        p = pssm[j] ** power[:, None]
        cumulative = np.cumsum(p / p.sum(axis=1, keepdims=True), axis=1)
        letters[:, j] = np.minimum((cumulative < rng.random(len(power))[:, None]).sum(axis=1), 3)
    return letters


def occupancy_of(codes: np.ndarray, planted: tuple[Planted, ...], motifs: MotifSet, where: np.ndarray) -> np.ndarray:
    """Return the saturating occupancy of each planted motif, from the energy of the whole sequence."""
    energies = _planted_energies(codes, planted, motifs)
    return logistic(SLOPE * (energies - np.quantile(energies[where], OCCUPIED, axis=0)))


def _planted_energies(codes: np.ndarray, planted: tuple[Planted, ...], motifs: MotifSet) -> np.ndarray:
    width = codes.shape[1]
    n_bins = width // _CURVE_BIN
    start = (width - n_bins * _CURVE_BIN) // 2
    distance = start + (np.arange(n_bins) + 0.5) * _CURVE_BIN - width / 2
    spread = np.array([[motif.spread] for motif in planted])
    curves = SpatialCurves(np.exp(-0.5 * (distance[None, :] / spread) ** 2) + 1e-3, start, _CURVE_BIN)
    probabilities = _energy.with_pseudo_probability(motifs.pssm, DEFAULT_PSEUDO_PROBABILITY)
    return _energy.energies(codes, probabilities, motifs.lengths, spatial=curves).astype(np.float64)


def _access_probability(
    occupancy: np.ndarray,
    strength: np.ndarray,
    pairs: Sequence[tuple[int, int, np.ndarray]],
    baseline: float,
    constitutive: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the true access probability, rows x peaks."""
    eta = baseline + strength @ occupancy.T
    for a, b, size in pairs:
        eta += size[:, None] * occupancy[:, a] * occupancy[:, b]
    eta += rng.normal(0.0, PEAK_SD, size=occupancy.shape[0])
    eta += rng.normal(0.0, STATE_SD, size=eta.shape)
    eta[:, constitutive] = 4.0 + rng.normal(0.0, 0.3, size=(len(strength), int(constitutive.sum())))
    return logistic(eta)
