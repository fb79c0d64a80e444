"""Level 1: which motifs of a library have energies that correlate with dAP, block by block."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from iceqream._core import energy as _energy
from iceqream._core.correlation import correlations
from iceqream._core.normalization import Scheme, energy_range, range_of_ends, scale
from iceqream._core.screen_columns import scaled_correlations, supported_ends
from iceqream._progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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


@dataclass(frozen=True, eq=False)
class Screened:
    """A change of accessibility that a library is screened against."""

    rows: np.ndarray
    """Rows of the sequences that are modelled."""
    peaks: ModelledPeaks
    support: int
    """Training peaks that reach either end of the scale; above 1 they alone set it."""
    parts: Sequence[np.ndarray] = ()
    """Positions of parts of the training peaks, on each of which the motifs are screened as well. The scale of the
    energies is that of all training peaks: it does not know of dAP."""


def best_sharpness(
    codes: np.ndarray, screened: Sequence[Screened], library: MotifSet, options: FitOptions
) -> list[float]:
    """Return for each dAP the sharpness of the library whose best motifs correlate most with it in training.

    Up to `SHARPNESS_PEAKS` of the training peaks of each, evenly spread, are looked at; energies are computed once.
    """
    parts = []
    for one in screened:
        training = np.flatnonzero(one.peaks.is_train)
        parts.append(training[:: -(-len(training) // SHARPNESS_PEAKS)])
    every = np.unique(np.concatenate([one.rows[part] for one, part in zip(screened, parts, strict=True)]))
    order = np.argsort(library.lengths, kind="stable")
    found = np.empty((len(SHARPNESSES), len(screened)))
    for s, sharpness in enumerate(SHARPNESSES):
        strength = np.zeros((len(screened), len(library)))
        blocks = energy_blocks(codes[every], library.sharpened(sharpness), order, options.pseudo_probability)
        for block, energies in blocks:
            for t, (one, part) in enumerate(zip(screened, parts, strict=True)):
                values = energies[_among(every, one.rows[part])]
                low, high = energy_range(values, scheme=options.normalization, support=min(one.support, len(part)))
                weights = None if one.peaks.weights is None else one.peaks.weights[part]
                r = correlations(scale(values, low, high), one.peaks.dap[part], weights)[:, 0]
                strength[t, block] = np.abs(r)
        found[s] = np.sort(strength, axis=1)[:, -N_BEST:].mean(axis=1)
    best = [SHARPNESSES[int(of_one.argmax())] for of_one in found.T]
    for sharpness, of_one in zip(best, found.T, strict=True):
        said = ", ".join(f"{r:.3f} at {key:g}" for key, r in zip(SHARPNESSES, of_one, strict=True))
        message = "level 1: the library's energies are multiplied by %g (mean |r| of the best: %s)"
        logger.info(message, sharpness, said)
    return best


def screen(
    codes: np.ndarray,
    screened: Sequence[Screened],
    library: MotifSet,
    options: FitOptions,
    *,
    min_correlation: float | None = None,
    progress: bool = False,
) -> list[list[Screen]]:
    """Keep the motifs with |correlation| of at least `min_correlation`, the best `max_screened` at most.

    If fewer than `max_motifs` pass, the threshold is halved once; if none passes then, the `max_motifs` best are taken.
    Energies are computed block by block, once for every dAP and all parts; only those of motifs that can still be kept
    are held.

    Parameters
    ----------
    codes
        All sequences, n x width; with a support of 1 they set the scale of the energies.
    screened
        What the motifs are screened against.
    library
        Motifs.
    options
        Constants: min_correlation, max_motifs, max_screened, normalization, pseudo_probability (METHOD section 6).
    min_correlation
        In place of that of the options.
    progress
        Whether to show a bar.

    Returns
    -------
    For each dAP the screen on all training peaks, then that on each part.
    """
    least = options.min_correlation if min_correlation is None else min_correlation
    sieves = [_Sieves(one, library, least, options.max_motifs, options.max_screened) for one in screened]
    # motifs of similar length share a block, as the kernel packs them by length
    order = np.argsort(library.lengths, kind="stable")
    # without a scale that all sequences set, the others need no energies
    whole = any(one.support <= 1 for one in screened)
    every = np.arange(len(codes)) if whole else np.unique(np.concatenate([one.rows for one in screened]))
    looked_at = codes if len(every) == len(codes) else codes[every]
    places = [_among(every, one.rows) for one in screened]
    with progress_bar(len(library), "level 1: screening", "motif", show=progress) as bar:
        for block, energies in energy_blocks(looked_at, library, order, options.pseudo_probability):
            for of_one, place in zip(sieves, places, strict=True):
                of_one.look(block, energies, place, options.normalization)
            bar.update(len(block))
    return [of_one.screens() for of_one in sieves]


def _among(every: np.ndarray, rows: np.ndarray) -> np.ndarray | slice:
    """Return the positions of rows among all that were looked at (sorted)."""
    return slice(None) if len(rows) == len(every) else np.searchsorted(every, rows)


class _Sieves:
    """What passes against one dAP, on all training peaks and on parts of them."""

    def __init__(
        self, screened: Screened, library: MotifSet, min_correlation: float, max_motifs: int, max_screened: int
    ) -> None:
        self._peaks, self._support, self._n = screened.peaks, screened.support, len(screened.rows)
        self._sets = [np.flatnonzero(self._peaks.is_train), *screened.parts]
        self._sieves = [_Sieve(np.zeros(len(library)), min_correlation, max_motifs, max_screened) for _ in self._sets]
        self._low, self._high = np.empty(len(library)), np.empty(len(library))
        self._held: dict[int, np.ndarray] = {}

    def look(self, block: np.ndarray, energies: np.ndarray, place: np.ndarray | slice, scheme: Scheme) -> None:
        """Look at the energies of some motifs; `place` is where the modelled peaks are among the rows."""
        peaks, every = self._peaks, np.arange(len(energies))
        modelled = every if isinstance(place, slice) else place
        setting = every if self._support <= 1 else modelled[peaks.is_train]
        self._low[block], self._high[block] = self._range(energies, setting, scheme)
        for sieve, rows in zip(self._sieves, self._sets, strict=True):
            weights = None if peaks.weights is None else peaks.weights[rows]
            sieve.correlation[block] = scaled_correlations(
                energies, self._low[block], self._high[block], modelled[rows], peaks.dap[rows], weights
            )
        wanted = np.unique(np.concatenate([sieve.possible() for sieve in self._sieves]))
        fresh = {int(motif): i for i, motif in enumerate(block)}
        self._held = {
            motif: self._held[motif]
            if motif in self._held
            else scale(energies[place, fresh[motif]], self._low[motif], self._high[motif])
            for motif in map(int, wanted)
            if motif in self._held or motif in fresh
        }

    def _range(self, energies: np.ndarray, rows: np.ndarray, scheme: Scheme) -> tuple[np.ndarray, np.ndarray]:
        """Return the energies that are mapped to 0 and 10, from some of the rows."""
        if scheme != "reference":
            return energy_range(energies[rows], scheme=scheme, support=self._support)
        minimum, maximum = supported_ends(energies, rows, self._support)
        return range_of_ends(minimum, maximum, maximum)

    def screens(self) -> list[Screen]:
        """Return the screen on all training peaks, then that on each part."""
        passed = [sieve.passed(quiet=k > 0) for k, sieve in enumerate(self._sieves)]
        first, threshold = passed[0]
        n = len(self._low)
        if threshold > 0:
            logger.info("level 1: %d of %d motifs have |r| >= %.3g with dAP", len(first), n, threshold)
        # those of the first screen come first, so that it needs no copy
        union = np.concatenate([first, np.setdiff1d(np.concatenate([motifs for motifs, _ in passed]), first)])
        matrix = np.empty((self._n, len(union)), dtype=np.float32, order="F")
        for i, motif in enumerate(union):
            matrix[:, i] = self._held.pop(int(motif))
        column = np.zeros(n, dtype=np.int64)
        column[union] = np.arange(len(union))
        return [
            Screen(motifs, sieve.correlation, threshold, matrix, column[motifs], self._low[motifs], self._high[motifs])
            for sieve, (motifs, threshold) in zip(self._sieves, passed, strict=True)
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
