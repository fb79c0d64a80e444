"""Level 1: which motifs of a library have energies that correlate with dAP, block by block."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from iceqream._core import energy as _energy
from iceqream._core.correlation import correlations
from iceqream._core.normalization import Scheme, energy_range, scale

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from iceqream.inference.options import FitOptions
    from iceqream.inference.peaks import ModelledPeaks
    from iceqream.motifs import MotifSet

logger = logging.getLogger(__name__)

_BLOCK_BYTES = 256 * 2**20
"""Energies of one block of motifs over all sequences."""
_SMALLEST_BLOCK = 64
SHARPNESSES = (1.0, 0.7, 0.5)
SHARPNESS_PEAKS = 5_000
N_BEST = 10
"""Motifs whose correlations are compared to choose the sharpness of a library."""


@dataclass(frozen=True, eq=False)
class Screen:
    """Motifs that passed on one set of training peaks, with what is needed to go on."""

    motifs: np.ndarray
    """Positions in the library."""
    correlation: np.ndarray
    """Pearson correlation with dAP on the training peaks of every motif in the library."""
    threshold: float
    """Absolute correlation that was asked for in the end."""
    held: np.ndarray
    """Normalised energies, float32, Fortran order, modelled peaks x motifs that passed on any set of peaks."""
    columns: np.ndarray
    """Where in `held` the motifs are."""
    energy_low: np.ndarray
    energy_high: np.ndarray

    @property
    def energies(self) -> np.ndarray:
        """Return the normalised energies, float32, peaks x motifs, Fortran order."""
        return self.energies_of(np.arange(len(self.motifs)))

    def energies_of(self, motifs: np.ndarray) -> np.ndarray:
        """Return the normalised energies of some of the motifs that passed; a copy unless it is the first ones."""
        columns = self.columns[motifs]
        if np.array_equal(columns, np.arange(len(columns))):
            return self.held[:, : len(columns)]
        out = np.empty((len(self.held), len(columns)), np.float32, order="F")
        for i, column in enumerate(columns):
            out[:, i] = self.held[:, column]
        return out


def energy_blocks(
    codes: np.ndarray, library: MotifSet, order: np.ndarray, pseudo_probability: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield positions in the library and their energies over all sequences (log2), as many as memory bears."""
    size = max(_SMALLEST_BLOCK, _BLOCK_BYTES // (8 * len(codes)))
    for first in range(0, len(order), size):
        block = order[first : first + size]
        probabilities = _energy.with_pseudo_probability(library.pssm[block], pseudo_probability)
        yield block, _energy.energies(codes, probabilities, library.lengths[block])


def best_sharpness(
    codes: np.ndarray, peaks: ModelledPeaks, library: MotifSet, *, support: int, options: FitOptions
) -> float:
    """Return the sharpness of the library whose best motifs correlate most with dAP on the training peaks.

    Up to `SHARPNESS_PEAKS` of them, evenly spread, are looked at.
    """
    training = np.flatnonzero(peaks.is_train)
    rows = training[:: -(-len(training) // SHARPNESS_PEAKS)]
    weights = None if peaks.weights is None else peaks.weights[rows]
    order = np.argsort(library.lengths, kind="stable")
    found = {}
    for sharpness in SHARPNESSES:
        motifs = library.sharpened(sharpness)
        strength = np.zeros(len(library))
        for block, energies in energy_blocks(codes[rows], motifs, order, options.pseudo_probability):
            low, high = energy_range(energies, scheme=options.normalization, support=min(support, len(rows)))
            strength[block] = np.abs(correlations(scale(energies, low, high), peaks.dap[rows], weights)[:, 0])
        found[sharpness] = float(np.sort(strength)[-N_BEST:].mean())
    best = max(found, key=lambda sharpness: found[sharpness])
    logger.info("level 1: the library's energies are multiplied by %g (mean |r| of the best: %s)", best,
                ", ".join(f"{value:.3f} at {key:g}" for key, value in found.items()))  # fmt: skip
    return best


def screen(
    codes: np.ndarray,
    modelled: np.ndarray,
    peaks: ModelledPeaks,
    library: MotifSet,
    *,
    min_correlation: float,
    max_motifs: int,
    max_screened: int,
    scheme: Scheme,
    pseudo_probability: float,
    support: int = 1,
    parts: Sequence[np.ndarray] = (),
    advance: Callable[[int], object] = lambda _: None,
) -> list[Screen]:
    """Keep the motifs with |correlation| of at least `min_correlation`, the best `max_screened` at most.

    If fewer than `max_motifs` pass, the threshold is halved once; if none passes then, the `max_motifs` best are taken.
    Energies are computed block by block, once for all parts; only those of motifs that can still be kept are held.

    Parameters
    ----------
    codes
        All sequences, n x width; with a support of 1 they set the scale of the energies.
    modelled
        Rows of `codes` that are modelled.
    peaks
        dAP, split and weights of the modelled rows.
    library
        Motifs.
    min_correlation, max_motifs, max_screened, scheme, pseudo_probability
        METHOD section 6, `FitOptions`.
    support
        Training peaks that reach either end of the scale; above 1 they alone set it.
    parts
        Positions of parts of the training peaks, on each of which the motifs are screened as well. The scale of the
        energies is that of all training peaks: it does not know of dAP.
    advance
        Called with the number of motifs done.

    Returns
    -------
    The screen on all training peaks, then that on each part.
    """
    sets = [np.flatnonzero(peaks.is_train), *parts]
    sieves = [_Sieve(np.zeros(len(library)), min_correlation, max_motifs, max_screened) for _ in sets]
    low, high = np.empty(len(library)), np.empty(len(library))
    held: dict[int, np.ndarray] = {}
    # motifs of similar length share a block, as the kernel packs them by length
    order = np.argsort(library.lengths, kind="stable")
    # without a scale that all sequences set, the others need no energies
    whole = support <= 1
    for block, energies in energy_blocks(codes if whole else codes[modelled], library, order, pseudo_probability):
        inside = energies[modelled] if whole else energies
        setting = energies if whole else inside[peaks.is_train]
        low[block], high[block] = energy_range(setting, scheme=scheme, support=support)
        values = scale(inside, low[block], high[block])
        for sieve, rows in zip(sieves, sets, strict=True):
            weights = None if peaks.weights is None else peaks.weights[rows]
            sieve.correlation[block] = correlations(values[rows], peaks.dap[rows], weights)[:, 0]
        held |= {int(motif): np.ascontiguousarray(values[:, i]) for i, motif in enumerate(block)}
        wanted = np.concatenate([sieve.possible() for sieve in sieves])
        held = {motif: held[motif] for motif in map(int, np.unique(wanted)) if motif in held}
        advance(len(block))

    passed = [sieve.passed(quiet=k > 0) for k, sieve in enumerate(sieves)]
    first, threshold = passed[0]
    logger.info("level 1: %d of %d motifs have |r| >= %.3g with dAP", len(first), len(library), threshold)
    # those of the first screen come first, so that it needs no copy
    union = np.concatenate([first, np.setdiff1d(np.concatenate([motifs for motifs, _ in passed]), first)])
    matrix = np.empty((len(modelled), len(union)), dtype=np.float32, order="F")
    for i, motif in enumerate(union):
        matrix[:, i] = held.pop(int(motif))
    column = np.zeros(len(library), dtype=np.int64)
    column[union] = np.arange(len(union))
    return [
        Screen(motifs, sieve.correlation, threshold, matrix, column[motifs], low[motifs], high[motifs])
        for sieve, (motifs, threshold) in zip(sieves, passed, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class _Sieve:
    """What passes on one set of peaks."""

    correlation: np.ndarray
    min_correlation: float
    max_motifs: int
    max_screened: int

    def possible(self) -> np.ndarray:
        """Return the motifs that may pass in the end, given the correlations up to now."""
        # what passes half the threshold may be needed, until enough pass the whole; the best in any case
        enough = (np.abs(self.correlation) >= self.min_correlation).sum() >= self.max_motifs
        kept = self._best(self.min_correlation if enough else self.min_correlation / 2, self.max_screened)
        return np.union1d(kept, self._best(0.0, self.max_motifs))

    def passed(self, *, quiet: bool) -> tuple[np.ndarray, float]:
        """Return the motifs that pass, in the order of the library, and the absolute correlation that was asked for."""
        threshold, strength = self.min_correlation, np.abs(self.correlation)
        said, warned = (logging.DEBUG, logging.DEBUG) if quiet else (logging.INFO, logging.WARNING)
        if threshold > 0 and (strength >= threshold).sum() < self.max_motifs:
            logger.log(said, "fewer than %d motifs pass |r| >= %g: halved", self.max_motifs, threshold)
            threshold /= 2
        n_passed = int((strength >= threshold).sum())
        motifs = np.sort(self._best(threshold, self.max_screened))
        if len(motifs) == 0:
            motifs = np.sort(self._best(0.0, self.max_motifs))
            floor, threshold = threshold, float(strength[motifs].min())
            message = "no motif reaches |r| >= %g; took the %d best, |r| >= %.3g"
            logger.log(warned, message, floor, len(motifs), threshold)
        elif len(motifs) < n_passed:
            threshold = float(strength[motifs].min())
            logger.log(said, "level 1: %d motifs pass; the %d best go on", n_passed, len(motifs))
        return motifs, threshold

    def _best(self, threshold: float, most: int) -> np.ndarray:
        """Return the motifs with at least this absolute correlation, the best `most` of them."""
        strength = np.abs(self.correlation)
        order = np.argsort(-strength, kind="stable")[:most]
        return order[strength[order] >= threshold]
