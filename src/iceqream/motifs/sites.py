"""Where motifs lie in sequences, and on which strand."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from iceqream._core import energy as _energy
from iceqream._core.alleles import best_windows_over
from iceqream._core.normalization import TOP, scale
from iceqream.motifs.similarity import DEFAULT_TRIM_BITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iceqream.motifs._motif_set import MotifSet
    from iceqream.motifs.pbm import PBMSet

_ROWS = 4096
"""Sequences whose windows are held at once."""
_BOTH_STRANDS = 1.001
"""Both strands together have one bit more than the better one at most; the rest is rounding."""


class BestSites(NamedTuple):
    """The best window of each motif in each sequence, n x motifs each; the scale's end does not make windows equal."""

    energy: np.ndarray
    """float32, 0-10: both strands summed, without the spatial curve."""
    start: np.ndarray
    """int32: first base of the window."""
    strand: np.ndarray
    """int8: 1 or -1, the strand with the higher score; 1 where they are equal."""


class Sites(NamedTuple):
    """Windows of some energy at least, by sequence, motif and start."""

    sequence: np.ndarray
    """int64: position of the sequence."""
    motif: np.ndarray
    """int64: position of the motif."""
    start: np.ndarray
    """int32: first base of the window."""
    strand: np.ndarray
    """int8: 1 or -1, the strand with the higher score; 1 where they are equal."""
    energy: np.ndarray
    """float32, 0-10: both strands summed, without the spatial curve."""


def informative_spans(motifs: MotifSet) -> list[tuple[int, int]]:
    """Return, for each PSSM, its first position with information and the one after the last.

    A site on the other strand has them mirrored: ``length - last`` to ``length - first`` (`mirrored`).
    """
    spans = []
    for bits, length in zip(motifs.information_content(), motifs.lengths, strict=True):
        used = np.flatnonzero(bits >= DEFAULT_TRIM_BITS)
        spans.append((int(used[0]), int(used[-1]) + 1) if len(used) else (0, int(length)))
    return spans


def mirrored(span: tuple[int, int], length: int) -> tuple[int, int]:
    """Return where positions of a motif lie in a window of its reverse complement."""
    return length - span[1], length - span[0]


def best_sites(pbms: PBMSet, codes: np.ndarray) -> BestSites:
    """Return the best window of each motif in each sequence (local energies, METHOD section 9).

    Parameters
    ----------
    pbms
        Motifs with their scale.
    codes
        uint8, n x width.
    """
    shape = (len(codes), len(pbms))
    best = BestSites(np.zeros(shape, np.float32), np.zeros(shape, np.int32), np.ones(shape, np.int8))
    for m in range(len(pbms)):
        for rows in _blocks(len(codes)):
            forward, reverse = _strands(pbms, m, codes[rows])
            score = np.logaddexp2(forward, reverse)
            at = score.argmax(axis=1)
            within = np.arange(len(at))
            best.energy[rows, m], best.start[rows, m] = _scaled(pbms, m, score[within, at]), at
            best.strand[rows, m] = np.where(reverse[within, at] > forward[within, at], -1, 1)
    return best


def sites_over(pbms: PBMSet, codes: np.ndarray, row: np.ndarray, start: np.ndarray, end: np.ndarray) -> BestSites:
    """Return the best window of each motif among those that overlap some bases (local energies, METHOD section 9).

    Parameters
    ----------
    pbms
        Motifs with their scale.
    codes
        uint8, n x width.
    row, start, end
        Sequence and bases of each query; where start and end are equal, windows with bases on both sides of that point.

    Returns
    -------
    Queries x motifs; where no window overlaps the start is -1 and the energy 0.
    """
    probabilities = _energy.with_pseudo_probability(pbms.motifs.pssm, pbms.pseudo_probability)
    score, first, strand = best_windows_over(codes, row, start, end, probabilities, pbms.motifs.lengths)
    return BestSites(scale(score, pbms.energy_low, pbms.energy_high).astype(np.float32), first, strand)


def find_sites(pbms: PBMSet, codes: np.ndarray, min_energy: float) -> Sites:
    """Return every window that reaches an energy of 0-10.

    Parameters
    ----------
    pbms
        Motifs with their scale.
    codes
        uint8, n x width.
    min_energy
        Above 0, up to 10.
    """
    found: list[tuple[np.ndarray, ...]] = []
    least = pbms.energy_low + (pbms.energy_high - pbms.energy_low) * min_energy / TOP - _BOTH_STRANDS
    candidates = _best_strand(pbms, codes) >= least
    for m in range(len(pbms)):
        rows = np.flatnonzero(candidates[:, m])
        for part in _blocks(len(rows)):
            forward, reverse = _strands(pbms, m, codes[rows[part]])
            # most windows need no logarithm
            row, start = np.nonzero(np.maximum(forward, reverse) >= least[m])
            forward, reverse = forward[row, start], reverse[row, start]
            energy = _scaled(pbms, m, np.logaddexp2(forward, reverse))
            keep = energy >= min_energy
            strand = np.where(reverse > forward, -1, 1)
            of_part = (rows[part][row], np.full(len(row), m), start, strand, energy)
            found.append(tuple(column[keep] for column in of_part))
    columns = [np.concatenate(column) for column in zip(*found, strict=True)] if found else [np.empty(0)] * 5
    order = np.lexsort((columns[2], columns[1], columns[0]))
    types = (np.int64, np.int64, np.int32, np.int8, np.float32)
    return Sites(*(column[order].astype(kind) for column, kind in zip(columns, types, strict=True)))


def _best_strand(pbms: PBMSet, codes: np.ndarray) -> np.ndarray:
    """Return the best window's energy on one strand, log2, n x motifs, which is quickly found."""
    probabilities = _energy.with_pseudo_probability(pbms.motifs.pssm, pbms.pseudo_probability)
    return _energy.energies(codes, probabilities, pbms.motifs.lengths, mode="max")


def _strands(pbms: PBMSet, m: int, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the energy (log2) of every window of a motif on either strand, n x windows."""
    matrix = _energy.with_pseudo_probability(pbms.motifs.matrix(m), pbms.pseudo_probability)
    return _energy.window_log_odds(codes, matrix)


def _scaled(pbms: PBMSet, m: int, score: np.ndarray) -> np.ndarray:
    return scale(score, pbms.energy_low[m], pbms.energy_high[m])


def _blocks(n: int) -> Iterator[slice]:
    for first in range(0, n, _ROWS):
        yield slice(first, first + _ROWS)
