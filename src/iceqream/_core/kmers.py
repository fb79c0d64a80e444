"""Which k-mers, with or without a gap, go with a response: exact counts by integer codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

from iceqream._core.sequence import UNKNOWN, reverse_complement

MIN_K, MAX_K = 4, 9
GAP_MARGIN = 2
"""Letters on either side of a gap at least."""
# columns of the table of sums: last sequence with the pattern (1-based), its count there, and over all sequences the
# count, the pairs of occurrences within a sequence, and the products with the targets
_LAST, _SEEN, _TOTAL, _PAIRS, _PRODUCTS = range(5)


@dataclass(frozen=True)
class KmerScreen:
    """K-mers that passed a screen, the best first.

    A pattern is `k` letters; with a gap of `gap` positions after letter `position` (0 for none).
    """

    k: int
    code: np.ndarray
    """int64: letters in base 4, the first most significant."""
    gap: np.ndarray
    position: np.ndarray
    mean: np.ndarray
    """Mean count per sequence."""
    variance: np.ndarray
    """Variance of the count (ddof 0)."""
    correlation: np.ndarray
    """float64, patterns x targets: Pearson correlation of count and target."""

    def __len__(self) -> int:
        return len(self.code)

    @property
    def r2(self) -> np.ndarray:
        """Largest squared correlation over the targets."""
        return (self.correlation**2).max(axis=1, initial=0.0)

    def strings(self) -> list[str]:
        """Return the patterns as text, '*' for a position of the gap."""
        out = []
        for code, gap, position in zip(self.code, self.gap, self.position, strict=True):
            letters = "".join("ACGT"[(int(code) >> 2 * (self.k - 1 - i)) & 3] for i in range(self.k))
            out.append(letters[:position] + "*" * int(gap) + letters[position:] if gap else letters)
        return out


def screen_kmers(
    codes: np.ndarray,
    targets: np.ndarray,
    k: int,
    *,
    max_gap: int = 1,
    min_correlation: float = 0.0,
    both_strands: bool = False,
    same_starts: bool = False,
) -> KmerScreen:
    """Count every k-mer in every sequence and correlate the counts with the targets.

    Parameters
    ----------
    codes
        uint8, n x width. Windows with an N, at a letter or in the gap, do not count.
    targets
        float64, n x t.
    k
        Letters, 4 to 9.
    max_gap
        Gaps of 1 to this many positions are tried as well, after letter 2 to k - 2.
    min_correlation
        Patterns below this absolute correlation with every target are left out.
    both_strands
        Whether occurrences on the reverse strand count.
    same_starts
        Count all patterns at the starts 0 .. width - k - max_gap only, gapped or not (the reference's rule).

    Returns
    -------
    KmerScreen
        Sorted by r2, ties by gap, position and code. Memory is a few numbers per possible pattern of one gap, whatever
        the number of sequences.

    Raises
    ------
    ValueError
        If k or the gap is out of range, or the patterns do not fit into the sequences.
    """
    if not MIN_K <= k <= MAX_K or max_gap < 0:
        msg = f"k must lie between {MIN_K} and {MAX_K} and max_gap not be negative, got {k} and {max_gap}."
        raise ValueError(msg)
    if k + max_gap > codes.shape[1]:
        msg = f"Patterns of {k} letters with a gap of {max_gap} do not fit into {codes.shape[1]} bp."
        raise ValueError(msg)
    groups = [(0, 0)] + [(g, p) for g in range(1, max_gap + 1) for p in range(GAP_MARGIN, k - GAP_MARGIN + 1)]
    gaps, positions = (np.array(column, dtype=np.int64) for column in zip(*groups, strict=True))
    centred = targets - targets.mean(axis=0)
    norm = np.sqrt((centred**2).sum(axis=0))
    y = np.divide(centred, norm, out=np.zeros_like(centred), where=norm > 0)
    strands = np.stack([codes, reverse_complement(codes)]) if both_strands else codes[None]
    # one row per pattern, so that a window touches one place in memory; counts are exact in float64
    sums = np.zeros((len(groups), 4**k, _PRODUCTS + y.shape[1]))
    _count(strands, y, k, gaps, positions, max_gap if same_starts else 0, sums)

    n = len(codes)
    total, products = sums[..., _TOTAL], sums[..., _PRODUCTS:]
    squares = total + 2 * sums[..., _PAIRS]
    spread = np.sqrt(np.maximum(squares - total**2 / n, 0.0))
    # the threshold without a division, which is left to the few that pass
    group, code = np.nonzero((np.abs(products) >= min_correlation * spread[..., None]).any(axis=2) & (spread > 0))
    correlation = products[group, code] / spread[group, code][:, None]
    best = (correlation**2).max(axis=1, initial=0.0)
    order = np.lexsort((code, positions[group], gaps[group], -best))
    group, code, correlation = group[order], code[order], correlation[order]
    mean = total[group, code] / n
    return KmerScreen(
        k,
        code,
        gaps[group],
        positions[group],
        mean,
        squares[group, code] / n - mean**2,
        correlation,
    )


@numba.njit(parallel=True, nogil=True, cache=True)
def _count(
    strands: Any,
    y: Any,
    k: int,
    gaps: Any,
    positions: Any,
    skipped: int,
    sums: Any,
) -> None:
    """Add up counts, pairs and products per pattern; one group of patterns a thread."""
    n, width = strands.shape[1], strands.shape[2]
    n_targets = y.shape[1]
    for group in numba.prange(len(gaps)):
        gap, position = gaps[group], positions[group]
        table = sums[group]
        last_start = width - k - max(skipped, gap)
        # an ungapped pattern is one half; the code of the whole span rolls along, and the halves are cut from it
        right = k - position if gap > 0 else 0
        span = k + gap
        mask = (np.int64(1) << 2 * span) - 1
        mask_right = (np.int64(1) << 2 * right) - 1
        for s in range(n):
            stamp = float(s + 1)
            for strand in range(strands.shape[0]):
                rolling = np.int64(0)
                known = 0
                for i in range(last_start + span):
                    letter = np.int64(strands[strand, s, i])
                    known = known + 1 if letter != UNKNOWN else 0
                    rolling = ((rolling << 2) | (letter & 3)) & mask
                    if known < span:
                        continue
                    code = ((rolling >> 2 * (right + gap)) << 2 * right) | (rolling & mask_right)
                    seen = table[code, _SEEN]
                    if table[code, _LAST] != stamp:
                        table[code, _LAST] = stamp
                        seen = 0.0
                    table[code, _PAIRS] += seen
                    table[code, _SEEN] = seen + 1.0
                    table[code, _TOTAL] += 1.0
                    for t in range(n_targets):
                        table[code, _PRODUCTS + t] += y[s, t]
