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
    from collections.abc import Callable, Iterator

    from iceqream.inference.peaks import ModelledPeaks
    from iceqream.motifs import MotifSet

logger = logging.getLogger(__name__)

_BLOCK_BYTES = 256 * 2**20
"""Energies of one block of motifs over all sequences."""
_SMALLEST_BLOCK = 64


@dataclass(frozen=True, eq=False)
class Screen:
    """Motifs that passed, with what is needed to go on."""

    motifs: np.ndarray
    """Positions in the library."""
    correlation: np.ndarray
    """Pearson correlation with dAP on training peaks of every motif in the library."""
    threshold: float
    """Absolute correlation that was asked for in the end."""
    energies: np.ndarray
    """Normalised energies, float32, modelled peaks x motifs that passed, Fortran order."""
    energy_low: np.ndarray
    energy_high: np.ndarray


def energy_blocks(
    codes: np.ndarray, library: MotifSet, order: np.ndarray, pseudo_probability: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield positions in the library and their energies over all sequences (log2), as many as memory bears."""
    size = max(_SMALLEST_BLOCK, _BLOCK_BYTES // (8 * len(codes)))
    for first in range(0, len(order), size):
        block = order[first : first + size]
        probabilities = _energy.with_pseudo_probability(library.pssm[block], pseudo_probability)
        yield block, _energy.energies(codes, probabilities, library.lengths[block])


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
    advance: Callable[[int], object] = lambda _: None,
) -> Screen:
    """Keep the motifs with |correlation| of at least `min_correlation`, the best `max_screened` at most.

    If fewer than `max_motifs` pass, the threshold is halved once; if none passes then, the `max_motifs` best are taken.
    Energies are computed block by block; only those of motifs that can still be kept are held.

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
    advance
        Called with the number of motifs done.

    Returns
    -------
    Screen
    """
    train = peaks.is_train
    weights = None if peaks.weights is None else peaks.weights[train]
    correlation = np.zeros(len(library))
    low, high = np.empty(len(library)), np.empty(len(library))
    floor = min_correlation / 2
    held: dict[int, np.ndarray] = {}
    # motifs of similar length share a block, as the kernel packs them by length
    order = np.argsort(library.lengths, kind="stable")
    # without a scale that all sequences set, the others need no energies
    whole = support <= 1
    for block, energies in energy_blocks(codes if whole else codes[modelled], library, order, pseudo_probability):
        inside = energies[modelled] if whole else energies
        low[block], high[block] = energy_range(energies if whole else inside[train], scheme=scheme, support=support)
        values = scale(inside, low[block], high[block])
        correlation[block] = correlations(values[train], peaks.dap[train], weights)[:, 0]
        held |= {int(motif): np.ascontiguousarray(values[:, i]) for i, motif in enumerate(block)}
        # what passes half the threshold may be needed, until enough pass the whole; the best in any case
        enough = (np.abs(correlation) >= min_correlation).sum() >= max_motifs
        kept = _best(correlation, min_correlation if enough else floor, max_screened)
        kept = np.union1d(kept, _best(correlation, 0.0, max_motifs))
        held = {motif: held[motif] for motif in map(int, kept) if motif in held}
        advance(len(block))

    threshold = min_correlation
    if (np.abs(correlation) >= threshold).sum() < max_motifs:
        threshold = floor
        logger.info("fewer than %d motifs pass |r| >= %g: halved to %g", max_motifs, min_correlation, threshold)
    n_passed = int((np.abs(correlation) >= threshold).sum())
    motifs = np.sort(_best(correlation, threshold, max_screened))
    if len(motifs) == 0:
        motifs = np.sort(_best(correlation, 0.0, max_motifs))
        threshold = float(np.abs(correlation[motifs]).min())
        logger.warning("no motif reaches |r| >= %g; took the %d best, |r| >= %.3g", floor, len(motifs), threshold)
    elif len(motifs) < n_passed:
        threshold = float(np.abs(correlation[motifs]).min())
        logger.info("level 1: %d motifs pass; the %d best go on", n_passed, len(motifs))
    matrix = np.empty((len(modelled), len(motifs)), dtype=np.float32, order="F")
    for i, motif in enumerate(motifs):
        matrix[:, i] = held.pop(int(motif))
    logger.info("level 1: %d of %d motifs have |r| >= %.3g with dAP", len(motifs), len(library), threshold)
    return Screen(motifs, correlation, threshold, matrix, low[motifs], high[motifs])


def _best(correlation: np.ndarray, threshold: float, most: int) -> np.ndarray:
    """Return the motifs with at least this absolute correlation, the best `most` of them."""
    strength = np.abs(correlation)
    order = np.argsort(-strength, kind="stable")[:most]
    return order[strength[order] >= threshold]
