"""Whether the peaks themselves say that two motifs interact: together, by distance and by orientation (fig. 3H-L)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import ks_2samp

from iceqream._core.pair_contrasts import contrasts
from iceqream._core.permutation import groups_p
from iceqream.motifs.similarity import DEFAULT_PRIOR, DEFAULT_TRIM_BITS, compared
from iceqream.motifs.sites import informative_spans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iceqream._core.pair_contrasts import AdditiveFit
    from iceqream.motifs import MotifSet
    from iceqream.motifs.sites import BestSites

logger = logging.getLogger(__name__)

GROUPS = ("both", "first", "second", "neither")
ORIENTATIONS = ("first before second", "second before first", "convergent", "divergent")
"""On the same strand, read along it; on opposite ones, pointing to each other or away from each other."""
STRANDS = (*ORIENTATIONS, "same strand")
"""What is compared with all others."""
DEFAULT_DISTANCES = (20.0, 50.0, 100.0, 200.0, 300.0)
PALINDROME = 0.95
"""Similarity (cosine) of a motif to its reverse complement from which its strand means nothing."""
FEWEST = 10
"""Peaks with both motifs below which a pair is not tested."""
FEWEST_IN_GROUP = 5
"""Peaks of a distance or orientation below which it is not compared with the others."""
_BLOCK = 128
"""Pairs whose indicators are held at once."""
_CONTRAST, _DISTANCE, _ORIENTATION = range(3)


@dataclass(frozen=True, eq=False)
class Geometry:
    """How the best sites of a pair lie in the peaks that have both."""

    rows: np.ndarray
    """int64: positions of the peaks."""
    bin: np.ndarray
    """int64: bin of the distance between the centres, -1 beyond the last."""
    orientation: np.ndarray
    """int64: among `ORIENTATIONS`."""
    beside: np.ndarray
    """float64, n x 6: energies of the two sites, their distances from the middle of the peak, and squares of these."""
    n_overlapping: int
    """Peaks left out because their best sites are one and the same place."""


@dataclass(frozen=True, eq=False)
class SitePlaces:
    """Best sites of all motifs, reduced to their informative positions; arrays of n x motifs."""

    energy: np.ndarray
    """float32, 0-10."""
    min_energy: float
    """Of a site that counts."""
    middle: float
    """Of the peak, bp."""
    centre: np.ndarray
    """float64, bp."""
    strand: np.ndarray
    """int8."""
    lengths: np.ndarray
    """float64, motifs: informative positions, bp."""

    @classmethod
    def of(cls, sites: BestSites, motifs: MotifSet, min_energy: float, width: int) -> SitePlaces:
        """Return the places of best sites in peaks of a width; edges of motifs below 0.1 bits do not count."""
        first, last = np.array(informative_spans(motifs), dtype=np.int64).reshape(-1, 2).T
        core = (first + last) / 2
        centre = sites.start + np.where(sites.strand > 0, core, motifs.lengths - core)
        return cls(sites.energy, min_energy, width / 2, centre, sites.strand, (last - first).astype(np.float64))

    def overlapping(self, a: int, b: int) -> np.ndarray:
        """Return where the best sites of two motifs overlap by half of the shorter one or more, bool, n."""
        lengths = self.lengths[[a, b]]
        return np.abs(self.centre[:, a] - self.centre[:, b]) <= (lengths.sum() - lengths.min()) / 2

    def geometry(self, a: int, b: int, edges: np.ndarray) -> Geometry:
        """Return how two motifs' sites lie to each other where both are strong and apart; bins end at `edges`."""
        strong = (self.energy[:, [a, b]] >= self.min_energy).all(axis=1)
        apart = ~self.overlapping(a, b)
        rows = np.flatnonzero(strong & apart)
        after = self.centre[rows, b] - self.centre[rows, a]
        group = np.searchsorted(edges, np.abs(after), side="left")
        one, other = self.strand[rows, a], self.strand[rows, b]
        left = np.where(after > 0, one, other)
        same = np.where((after > 0) == (one > 0), 0, 1)
        orientation = np.where(one == other, same, np.where(left > 0, 2, 3))
        off = np.abs(self.centre[rows][:, [a, b]] - self.middle) / self.middle
        beside = np.column_stack([self.energy[rows][:, [a, b]], off, off**2])
        return Geometry(rows, np.where(group < len(edges), group, -1), orientation, beside,
                        int((strong & ~apart).sum()))  # fmt: skip


def palindromes(motifs: MotifSet) -> np.ndarray:
    """Return how similar each motif is to its reverse complement (cosine), float64."""
    trimmed = motifs.trim(DEFAULT_TRIM_BITS)
    likeness, _, _ = compared(trimmed, trimmed.reverse_complement(), "cosine", "forward", DEFAULT_PRIOR)
    return np.diagonal(likeness).copy()


def pair_groups(strong: np.ndarray, places: SitePlaces, a: int, b: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the group of each peak among `GROUPS` (-1: one place serves both motifs), and which are set aside so."""
    group = np.where(strong[:, a], np.where(strong[:, b], 0, 1), np.where(strong[:, b], 2, 3))
    aside = (group == 0) & places.overlapping(a, b)
    return np.where(aside, -1, group), aside


def group_means(values: np.ndarray, group: np.ndarray, n_groups: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return number, mean and standard error of values by group; NaN where there is none, or but one."""
    parts = [values[group == g] for g in range(n_groups)]
    n = np.array([len(part) for part in parts])
    mean = np.array([part.mean() if len(part) else np.nan for part in parts])
    error = np.array([part.std(ddof=1) / np.sqrt(len(part)) if len(part) > 1 else np.nan for part in parts])
    return n, mean, error


def ks_beyond(values: np.ndarray, others: np.ndarray, *, larger: bool) -> tuple[float, float]:
    """Return D and p of the one-sided Kolmogorov-Smirnov test that values are larger (or smaller) than others."""
    if min(len(values), len(others)) < FEWEST_IN_GROUP:
        return np.nan, np.nan
    test = ks_2samp(values, others, alternative="less" if larger else "greater", method="asymp")
    return float(test.statistic), float(test.pvalue)


def support(
    pairs: np.ndarray,
    strong: np.ndarray,
    places: SitePlaces,
    dap: np.ndarray,
    fits: Sequence[AdditiveFit],
    columns: np.ndarray,
    palindromic: np.ndarray,
    *,
    edges: np.ndarray,
    n_permutations: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Compare and test pairs of motifs.

    Parameters
    ----------
    pairs
        int64, k x 2: positions of motifs.
    strong
        bool, n x motifs: peaks with a high energy of a motif.
    places
        Best sites.
    dap
        float64, n.
    fits
        Additive models of the responses, without curves. What the responses have beyond their curves, with their signs,
        is dAP beyond the additive models, whose dependence on distance and orientation is tested.
    columns
        float64, n x q: what these were fitted to.
    palindromic
        bool, motifs.
    edges
        Upper ends of the bins of distances, ascending, bp.
    n_permutations
        At most.
    seed
        Of the permutations; those of a pair do not depend on the other pairs.

    Returns
    -------
    Arrays with one row per pair (see `iceqream.tl.interaction_support`).
    """
    curved = [fit.curved() for fit in fits]
    n_pairs, residual = len(pairs), np.sum([fit.sign * fit.residual for fit in curved], axis=0)
    out = _empty(n_pairs, len(edges))
    for k, (a, b) in enumerate(pairs):
        group, aside = pair_groups(strong, places, a, b)
        out["n"][k], out["dap"][k], out["dap_se"][k] = group_means(dap, group, len(GROUPS))
        out["n_aside"][k] = aside.sum()
        larger = out["dap"][k][0] > out["dap"][k][3]
        out["ks_first"][k] = ks_beyond(dap[group == 0], dap[group == 1], larger=larger)[1]
        out["ks_second"][k] = ks_beyond(dap[group == 0], dap[group == 2], larger=larger)[1]
        _by_geometry(out, k, places.geometry(a, b, edges), dap, residual, n_permutations, (seed, int(a), int(b)),
                     larger=larger, strands=not palindromic[[a, b]].any())  # fmt: skip
    tested = np.flatnonzero(out["n"][:, 0] >= FEWEST)
    with_strong = np.column_stack([columns, strong])
    for first in range(0, len(tested), _BLOCK):
        block = tested[first : first + _BLOCK]
        groups = [pair_groups(strong, places, *pair) for pair in pairs[block]]
        both = np.column_stack([group == 0 for group, _ in groups])
        aside = np.column_stack([part for _, part in groups])
        rng = np.random.default_rng((seed, _CONTRAST))
        found = contrasts(curved, with_strong, both, aside, n_permutations=n_permutations, rng=rng)
        plain = contrasts(fits, with_strong, both, aside, n_permutations=0, rng=rng)
        out["interaction"][block], out["interaction_se"][block], out["interaction_p"][block] = found
        out["plain"][block], out["plain_se"][block] = plain[:2]
    return out


def _empty(n_pairs: int, n_bins: int) -> dict[str, np.ndarray]:
    """Return the arrays that are to be filled in: measures as NaN, numbers as 0, and what is best as -1."""
    per_group = {"": len(GROUPS), "distance_": n_bins, "orientation_": len(ORIENTATIONS)}
    shapes: dict[str, tuple[int, ...]] = {}
    for part, size in per_group.items():
        shapes |= {f"{part}dap": (size,), f"{part}dap_se": (size,)}
        if part:
            shapes |= {f"{part}residual": (size,), f"{part}effect": (), f"{part}p": ()}
    shapes |= {"distance_ks": (n_bins,), "distance_ks_p": (n_bins,)}
    alone = ("interaction", "interaction_se", "interaction_p", "plain", "plain_se", "ks_first", "ks_second")
    shapes |= dict.fromkeys(alone, ())
    out = {name: np.full((n_pairs, *shape), np.nan) for name, shape in shapes.items()}
    out |= {f"{part}n": np.zeros((n_pairs, size), dtype=np.int64) for part, size in per_group.items()}
    out |= {name: np.zeros(n_pairs, dtype=np.int64) for name in ("n_aside", "n_overlapping")}
    return out | {f"{part}_best": np.full(n_pairs, -1, dtype=np.int64) for part in ("distance", "orientation")}


def _by_geometry(
    out: dict[str, np.ndarray],
    k: int,
    found: Geometry,
    dap: np.ndarray,
    residual: np.ndarray,
    n_permutations: int,
    seed: tuple[int, int, int],
    *,
    larger: bool,
    strands: bool,
) -> None:
    """Fill in what distance and orientation do in one pair."""
    out["n_overlapping"][k] = found.n_overlapping
    for name, number, of_peak in (("distance", _DISTANCE, found.bin), ("orientation", _ORIENTATION, found.orientation)):
        used = of_peak >= 0
        rows, group = found.rows[used], of_peak[used]
        n_groups = out[f"{name}_n"].shape[1]
        columns = group_means(dap[rows], group, n_groups)
        for column, values in zip(("n", "dap", "dap_se"), columns, strict=True):
            out[f"{name}_{column}"][k] = values
        out[f"{name}_residual"][k] = group_means(residual[rows], group, n_groups)[1]
        if name == "distance" or strands:
            member = _nearer(group, n_groups) if name == "distance" else _strands(group)
            tested = groups_p(residual[rows], member, found.beside[used], FEWEST_IN_GROUP, n_permutations,
                              np.random.default_rng((*seed, number)))  # fmt: skip
            out[f"{name}_p"][k], out[f"{name}_best"][k], out[f"{name}_effect"][k] = tested
    of_bin = [dap[found.rows[found.bin == g]] for g in range(out["distance_n"].shape[1])]
    for g in range(1, len(of_bin)):
        out["distance_ks"][k, g], out["distance_ks_p"][k, g] = ks_beyond(of_bin[0], of_bin[g], larger=larger)


def _nearer(group: np.ndarray, n_groups: int) -> np.ndarray:
    """Return which sites lie within the first bin, the first two, and so on but for all, bool, n x (bins - 1)."""
    return group[:, None] <= np.arange(n_groups - 1)


def _strands(orientation: np.ndarray) -> np.ndarray:
    """Return which sites lie as each of `STRANDS` says, bool, n x 5."""
    return np.column_stack([orientation[:, None] == np.arange(len(ORIENTATIONS)), orientation < 2])
