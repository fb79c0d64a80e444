"""Energies and composition of every single substitution of sequences, without computing whole sequences again.

A substitution changes only the windows that cover it. What these add with each of the four letters is collected in
one pass over the windows (the product over a window without one letter, times that letter's probability); all other
windows are a sum up to the first and a sum from the last of them. Nothing is subtracted, so nothing cancels.
"""

from __future__ import annotations

import numba
import numpy as np

from iceqream._core.energy import BACKGROUND, Mode, SpatialCurves
from iceqream._core.sequence import UNKNOWN

N_LETTERS = 4


def substitution_energies(
    codes: np.ndarray,
    probabilities: np.ndarray,
    lengths: np.ndarray,
    *,
    mode: Mode = "sum",
    spatial: SpatialCurves | None = None,
) -> np.ndarray:
    """Return the energies of sequences with each letter at each position (`iceqream._core.energy.energies`).

    Parameters
    ----------
    codes
        uint8, n x width, codes A0 C1 G2 T3 N4.
    probabilities
        motifs x longest length x 4, rows sum to 1 up to each motif's length (pseudo-probabilities already added).
    lengths
        Motif lengths.
    mode, spatial
        As in `energies`; both strands count.

    Returns
    -------
    float64, n x width x 4 letters x motifs, log2 units; with a sequence's own letter, the energy of the sequence.
    """
    n, width = codes.shape
    n_motifs = len(lengths)
    start, stop = (0, width) if spatial is None else (spatial.start, spatial.stop)
    weights = np.ones((n_motifs, 1)) if spatial is None else spatial.weights.astype(np.float64)
    bin_size = stop if spatial is None else spatial.bin_size
    longest = probabilities.shape[1]
    letters = np.full((n_motifs, longest, UNKNOWN + 1), BACKGROUND)
    letters[:, :, :N_LETTERS] = probabilities
    # of each column the largest value is taken out, so that long motifs do not leave the range of numbers
    inside = np.arange(longest) < np.asarray(lengths)[:, None]
    top = np.where(inside, letters.max(axis=2), 1.0)
    letters /= top[:, :, None]
    offset = np.log2(top).sum(axis=1)
    out = np.empty((n, n_motifs, width, N_LETTERS))
    _substitute(
        np.ascontiguousarray(codes), letters, np.asarray(lengths, dtype=np.int64), weights, start, stop, bin_size,
        mode == "max", offset, out,
    )  # fmt: skip
    return np.moveaxis(out, 1, -1)


def substitution_composition(codes: np.ndarray) -> np.ndarray:
    """Return GC content and dinucleotide frequencies of sequences with each letter at each position.

    Parameters
    ----------
    codes
        uint8, n x width.

    Returns
    -------
    float64, n x width x 4 letters x 17, as of `iceqream._core.sequence.gc_content` and `dinucleotide_frequencies`.
    """
    out = np.empty((*codes.shape, N_LETTERS, 1 + N_LETTERS**2))
    _compose(np.ascontiguousarray(codes), out)
    return out


@numba.njit(parallel=True, nogil=True, cache=True)
def _substitute(
    codes: np.ndarray,
    letters: np.ndarray,
    lengths: np.ndarray,
    weights: np.ndarray,
    start: int,
    stop: int,
    bin_size: int,
    maximum: bool,  # noqa: FBT001
    offset: np.ndarray,
    out: np.ndarray,
) -> None:
    n, width = codes.shape
    n_motifs = len(lengths)
    for task in numba.prange(n * n_motifs):
        s, m = task // n_motifs, task % n_motifs
        length = lengths[m]
        n_windows = max(stop - start - length + 1, 0)
        # of both strands: the reverse strand reads the complementary columns backwards
        columns = np.empty((2, length, UNKNOWN + 1))
        for j in range(length):
            for a in range(N_LETTERS):
                columns[0, j, a] = letters[m, j, a]
                columns[1, j, a] = letters[m, length - 1 - j, N_LETTERS - 1 - a]
            columns[0, j, UNKNOWN] = letters[m, j, UNKNOWN]
            columns[1, j, UNKNOWN] = letters[m, length - 1 - j, UNKNOWN]
        covering = np.zeros((width, N_LETTERS))
        window = np.zeros(n_windows)
        after = np.empty(length + 1)
        for i in range(n_windows):
            first = start + i
            weight = weights[m, i // bin_size]
            for strand in range(2):
                after[length] = 1.0
                for j in range(length - 1, -1, -1):
                    after[j] = after[j + 1] * columns[strand, j, codes[s, first + j]]
                before = weight
                for j in range(length):
                    others = before * after[j + 1]
                    for a in range(N_LETTERS):
                        value = others * columns[strand, j, a]
                        if maximum:
                            covering[first + j, a] = max(covering[first + j, a], value)
                        else:
                            covering[first + j, a] += value
                    before *= columns[strand, j, codes[s, first + j]]
                window[i] = max(window[i], before) if maximum else window[i] + before
        # what windows from each on add together
        rest = np.zeros(n_windows + 1)
        for i in range(n_windows - 1, -1, -1):
            rest[i] = max(rest[i + 1], window[i]) if maximum else rest[i + 1] + window[i]
        left = 0.0
        for j in range(width):
            # windows that end before j, and those that begin after it
            ended = j - start - length
            if 0 <= ended < n_windows:
                left = max(left, window[ended]) if maximum else left + window[ended]
            right = rest[min(max(j - start + 1, 0), n_windows)]
            for a in range(N_LETTERS):
                total = max(left, right, covering[j, a]) if maximum else left + covering[j, a] + right
                out[s, m, j, a] = np.log2(total) + offset[m] if total > 0.0 else -np.inf


@numba.njit(parallel=True, nogil=True, cache=True)
def _compose(codes: np.ndarray, out: np.ndarray) -> None:
    n, width = codes.shape
    for s in numba.prange(n):
        counts = np.zeros(N_LETTERS**2, dtype=np.int64)
        known, gc = 0, 0
        for j in range(width):
            known += codes[s, j] < UNKNOWN
            gc += 1 <= codes[s, j] <= 2
            if j > 0 and codes[s, j - 1] < UNKNOWN and codes[s, j] < UNKNOWN:
                counts[N_LETTERS * codes[s, j - 1] + codes[s, j]] += 1
        for j in range(width):
            own = codes[s, j]
            left = codes[s, j - 1] if j > 0 else UNKNOWN
            right = codes[s, j + 1] if j < width - 1 else UNKNOWN
            for a in range(N_LETTERS):
                changed = counts.copy()
                if left < UNKNOWN:
                    changed[N_LETTERS * left + a] += 1
                    if own < UNKNOWN:
                        changed[N_LETTERS * left + own] -= 1
                if right < UNKNOWN:
                    changed[N_LETTERS * a + right] += 1
                    if own < UNKNOWN:
                        changed[N_LETTERS * own + right] -= 1
                letters = known + (own == UNKNOWN)
                bases = gc + (1 <= a <= 2) - (1 <= own <= 2)
                out[s, j, a, 0] = bases / letters
                pairs = max(changed.sum(), 1)
                for k in range(N_LETTERS**2):
                    out[s, j, a, 1 + k] = changed[k] / pairs
