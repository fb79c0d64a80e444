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
    values: np.ndarray
    """Normalised energies, float32, modelled peaks x motifs that passed."""
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
    train: np.ndarray,
    dap: np.ndarray,
    library: MotifSet,
    *,
    min_correlation: float,
    max_motifs: int,
    scheme: Scheme,
    pseudo_probability: float,
    advance: Callable[[int], object] = lambda _: None,
) -> Screen:
    """Keep the motifs with |correlation| of at least `min_correlation`.

    If fewer than `max_motifs` pass, the threshold is halved once; if none passes then, the `max_motifs` best are taken.

    Parameters
    ----------
    codes
        All sequences: the normalisation set, n x width.
    modelled
        Rows of `codes` that are modelled.
    train, dap
        Training mask and dAP of the modelled rows.
    library
        Motifs.
    min_correlation, max_motifs, scheme, pseudo_probability
        METHOD section 6.
    advance
        Called with the number of motifs done.

    Returns
    -------
    Screen
    """
    correlation = np.empty(len(library))
    low, high = np.empty(len(library)), np.empty(len(library))
    floor = min_correlation / 2
    held: list[tuple[np.ndarray, np.ndarray]] = []
    # motifs of similar length share a block, as the kernel packs them by length
    order = np.argsort(library.lengths, kind="stable")
    for block, energies in energy_blocks(codes, library, order, pseudo_probability):
        low[block], high[block] = energy_range(energies, scheme=scheme)
        values = scale(energies[modelled], low[block], high[block])
        correlation[block] = correlations(values[train], dap[train])[:, 0]
        passed = np.abs(correlation[block]) >= floor
        held.append((block[passed], values[:, passed]))
        advance(len(block))

    threshold = min_correlation
    kept = np.abs(correlation) >= threshold
    if kept.sum() < max_motifs:
        threshold = floor
        kept = np.abs(correlation) >= threshold
        logger.info("fewer than %d motifs pass |r| >= %g: halved to %g", max_motifs, min_correlation, threshold)
    motifs = np.flatnonzero(kept)
    if len(motifs) == 0:
        motifs = np.sort(np.argsort(-np.abs(correlation), kind="stable")[:max_motifs])
        threshold = float(np.abs(correlation[motifs]).min())
        logger.warning("no motif reaches |r| >= %g; took the %d best, |r| >= %.3g", floor, len(motifs), threshold)
        probabilities = _energy.with_pseudo_probability(library.pssm[motifs], pseudo_probability)
        values = _energy.energies(codes[modelled], probabilities, library.lengths[motifs])
        values = scale(values, low[motifs], high[motifs])
    else:
        column = {int(motif): (b, i) for b, (block, _) in enumerate(held) for i, motif in enumerate(block)}
        values = np.empty((len(modelled), len(motifs)), dtype=np.float32)
        for i, motif in enumerate(motifs):
            b, j = column[int(motif)]
            values[:, i] = held[b][1][:, j]
    logger.info("level 1: %d of %d motifs have |r| >= %.3g with dAP", len(motifs), len(library), threshold)
    return Screen(motifs, correlation, threshold, values, low[motifs], high[motifs])
