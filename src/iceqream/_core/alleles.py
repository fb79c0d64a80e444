"""Alternative alleles of windows, and the best window of a motif over what differs."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from iceqream._core.sequence import UNKNOWN


class Edits(NamedTuple):
    """Bases that are replaced, by window and place; those of a window do not overlap."""

    window: np.ndarray
    """int64: position of the window, ascending."""
    position: np.ndarray
    """int64: first base that is removed, from the window's first base; may lie outside of it."""
    removed: np.ndarray
    """int64: number of bases that are removed."""
    first: np.ndarray
    """int64, edits + 1: where an edit's bases begin in `inserted`."""
    inserted: np.ndarray
    """uint8: bases that are put in their place, one edit's after another's."""


class Alternatives(NamedTuple):
    """Windows with edits, and where these lie in them."""

    codes: np.ndarray
    """uint8, n x width."""
    source: np.ndarray
    """int32, n x width: where each base is in the reference, from the window's first base. Inserted bases take the
    places of the removed ones, and what is more of them that of the last, or of the base before an insertion."""
    start: np.ndarray
    """int64, edits: first base that is inserted, in the alternative window."""
    end: np.ndarray
    """int64, edits: the base after the last; the same where nothing is inserted."""


def alternative_windows(around: np.ndarray, margin: int, n: int, edits: Edits) -> Alternatives:
    """Return windows with edits, of the same width, that keep the base at their centre where it is.

    Edits that end before the base at ``width // 2`` move what lies left of them, the others what lies right of them:
    a window is filled up from the sequence around it, or cut, at that end. (An edit of the central base itself keeps
    what lies left of it in place.)

    Parameters
    ----------
    around
        uint8, n x (width + 2 margin): the reference windows with as many bases on either side. The margin is not
        smaller than the number of bases that the edits of a window remove.
    margin
        bp.
    n
        Number of windows.
    edits
        What is replaced.
    """
    width = around.shape[1] - 2 * margin
    codes, source = np.full((n, width), UNKNOWN, dtype=np.uint8), np.zeros((n, width), dtype=np.int32)
    start, end = (np.zeros(len(edits.window), dtype=np.int64) for _ in range(2))
    bounds = np.searchsorted(edits.window, np.arange(n + 1))
    _apply(around, margin, bounds, edits.position + margin, edits.removed, edits.first, edits.inserted, codes, source,
           start, end)  # fmt: skip
    return Alternatives(codes, source, np.clip(start, 0, width), np.clip(end, 0, width))


def best_windows_over(
    codes: np.ndarray, row: np.ndarray, start: np.ndarray, end: np.ndarray, probabilities: np.ndarray,
    lengths: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Return the best window of each motif among those that overlap some bases of a sequence.

    Parameters
    ----------
    codes
        uint8, n x width.
    row
        Sequence of each query.
    start, end
        Its bases; where both are equal, the windows that have bases on both sides of that point.
    probabilities
        motifs x longest length x 4 (pseudo-probabilities already added).
    lengths
        Of the motifs, up to the width.

    Returns
    -------
    score
        float64, queries x motifs: log2 of the two strands' summed probability; -inf where no window overlaps.
    first
        int32: first base of the window, -1 where there is none; of equal ones the first.
    strand
        int8: 1 or -1, the strand with the higher score; 1 where they are equal.
    """
    shape = (len(row), len(lengths))
    score, first, strand = np.full(shape, -np.inf), np.full(shape, -1, np.int32), np.ones(shape, np.int8)
    # of both strands beside each other; an N scores log2(1/4)
    letters = np.full((len(lengths), probabilities.shape[1], 5, 2), -2.0)
    with np.errstate(divide="ignore"):
        for m, length in enumerate(lengths):
            letters[m, :length, :4, 0] = np.log2(probabilities[m, :length])
            letters[m, :length, :4, 1] = np.log2(probabilities[m, :length][::-1, ::-1])
    _best_over(
        codes, np.asarray(row, dtype=np.int64), np.asarray(start, dtype=np.int64), np.asarray(end, dtype=np.int64),
        letters, np.asarray(lengths, dtype=np.int64), score, first, strand,
    )  # fmt: skip
    return score, first, strand


@numba.njit(cache=True, nogil=True, parallel=True)
def _apply(around, margin, bounds, position, removed, first, inserted, codes, source, start, end):
    n, width = codes.shape
    for row in numba.prange(n):
        low, high = bounds[row], bounds[row + 1]
        split = margin + width // 2
        right = low
        while right < high and position[right] + removed[right] <= split:
            right += 1
        if right < high:
            split = min(split, position[right])
        # to the right of the split, forwards
        out, at = split - margin, split
        for e in range(right, high):
            while at < position[e]:
                if 0 <= out < width:
                    codes[row, out], source[row, out] = around[row, at], at - margin
                out, at = out + 1, at + 1
            start[e] = out
            for k in range(first[e], first[e + 1]):
                if 0 <= out < width:
                    codes[row, out] = inserted[k]
                    source[row, out] = position[e] - margin + min(k - first[e], removed[e] - 1)
                out += 1
            end[e] = out
            at = position[e] + removed[e]
        while out < width:
            if out >= 0:
                codes[row, out], source[row, out] = around[row, at], at - margin
            out, at = out + 1, at + 1
        # to the left of it, backwards; `out` and `at` are the base after the next one
        out, at = split - margin, split
        for e in range(right - 1, low - 1, -1):
            while at > position[e] + removed[e]:
                out, at = out - 1, at - 1
                if 0 <= out < width:
                    codes[row, out], source[row, out] = around[row, at], at - margin
            end[e] = out
            for k in range(first[e + 1] - 1, first[e] - 1, -1):
                out -= 1
                if 0 <= out < width:
                    codes[row, out] = inserted[k]
                    source[row, out] = position[e] - margin + min(k - first[e], removed[e] - 1)
            start[e] = out
            at = position[e]
        while out > 0:
            out, at = out - 1, at - 1
            if out < width:
                codes[row, out], source[row, out] = around[row, at], at - margin


@numba.njit(cache=True, nogil=True, parallel=True)
def _best_over(codes, row, start, end, letters, lengths, score, first, strand):
    width = codes.shape[1]
    for q in numba.prange(len(row)):
        sequence = codes[row[q]]
        for m in range(len(lengths)):
            length = lengths[m]
            best = -np.inf
            for i in range(max(start[q] - length + 1, 0), min(end[q], width - length + 1)):
                forward, reverse = 0.0, 0.0
                for j in range(length):
                    code = sequence[i + j]
                    forward += letters[m, j, code, 0]
                    reverse += letters[m, j, code, 1]
                high = max(forward, reverse)
                # both strands have one bit more than the better one at most: most windows need no logarithm
                if high + 1.0 <= best or high == -np.inf:
                    continue
                both = high + np.log2(1.0 + np.exp2(-abs(forward - reverse)))
                if both > best:
                    best = both
                    first[q, m] = i
                    strand[q, m] = -1 if reverse > forward else 1
            score[q, m] = best
