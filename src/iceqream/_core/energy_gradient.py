"""Derivatives of a loss by the PSSMs and spatial curves of many motifs, from its derivatives by their energies.

The energy of a sequence is log2 of a sum over windows of a spatial weight times a product of odds. Its derivative by
the logarithm of one position's odds of one letter is the share of the sum that windows with this letter at this
position have (over ln 2), and by the logarithm of a bin's weight the share of that bin's windows. The shares are summed
over the sequences by `window_products.letter_sums`.

The odds of five letters at once are looked up in tables of 1,024 rows, so that the windows of a motif of 15 bp need
three factors each. Products are float32; sums over sequences are float64 and are added chunk by chunk, so that they do
not depend on the number of threads.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from iceqream._core.window_products import LANES, LETTERS, letter_sums, one_hot, summed

WORD = 5
"""Letters whose odds are looked up at once."""
_ROWS = 4**WORD
_SEQUENCES_PER_TASK = 32
_TASKS_AT_ONCE = 64
"""Bounds the memory of the sums that wait to be added."""


def energy_gradient(
    codes: np.ndarray,
    odds: np.ndarray,
    lengths: np.ndarray,
    weights: np.ndarray,
    bin_size: int,
    by_energy: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Turn the derivatives of a loss by energies into those by log odds and log spatial weights.

    Parameters
    ----------
    codes
        uint8, n x region: the part of the sequences under the spatial curves, ``bins * bin_size`` bp.
    odds
        float64, motifs x longest length x 4: probabilities over the background of 0.25.
    lengths
        Motif lengths.
    weights
        float64, motifs x bins: spatial curves.
    bin_size
        bp.
    by_energy
        float64, n x motifs: derivative of the loss by each energy (log2 units). Zeros cost no time.

    Returns
    -------
    float64, motifs x longest length x 4 (0 beyond a motif's length) and motifs x bins: derivatives of the loss by the
    natural logarithms of `odds` and `weights`. The same for any number of threads.
    """
    n_motifs, longest, _ = odds.shape
    tables = _word_tables(odds, lengths)
    by_odds = np.zeros((n_motifs, longest, 4))
    by_weights = np.zeros(weights.shape)
    size = _SEQUENCES_PER_TASK * _TASKS_AT_ONCE
    for first in range(0, len(codes), size):
        part, derivatives = codes[first : first + size], np.ascontiguousarray(by_energy[first : first + size])
        n_tasks = -(-len(part) // _SEQUENCES_PER_TASK)
        letters = np.zeros((n_tasks, n_motifs, longest, LETTERS))
        bins = np.zeros((n_tasks, *weights.shape))
        _accumulate(part, tables, odds, lengths, weights, bin_size, derivatives, letters, bins)
        by_odds += letters.sum(axis=0)[:, :, :4]
        by_weights += bins.sum(axis=0)
    return by_odds / math.log(2.0), by_weights / math.log(2.0)


def _word_tables(odds: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return motifs x 2 strands x words x 1,024: the product of the odds of each word of `WORD` letters, float32."""
    n_motifs, longest, _ = odds.shape
    n_words = -(-longest // WORD)
    padded = np.ones((n_motifs, 2, n_words * WORD, 4))
    for motif, length in enumerate(lengths):
        padded[motif, 0, :length] = odds[motif, :length]
        padded[motif, 1, :length] = odds[motif, :length][::-1, ::-1]
    by_word = padded.reshape(n_motifs, 2, n_words, WORD, 4)
    table = by_word[..., 0, :]
    for k in range(1, WORD):
        table = (table[..., :, None] * by_word[..., k, None, :]).reshape(n_motifs, 2, n_words, -1)
    return table.astype(np.float32)


@numba.njit(nogil=True, cache=True)
def _words(codes, words):
    """Write the table row of the `WORD` letters from each position on (letters past the end count as A)."""
    n = len(codes)
    row = 0
    for i in range(len(words) + WORD - 1):
        letter = np.int64(codes[i]) & 3 if i < n else 0
        row = (row * 4 + letter) % _ROWS
        if i >= WORD - 1:
            words[i - WORD + 1] = row


@numba.njit(nogil=True, cache=True)
def _products(words, table, n_words, out):
    """Write the product of the odds of each window."""
    for i in range(len(out)):
        out[i] = table[0, words[i]]
    for k in range(1, n_words):
        row = table[k]
        shifted = words[k * WORD : k * WORD + len(out)]
        for i in range(len(out)):
            out[i] *= row[shifted[i]]


@numba.njit(nogil=True, cache=True)
def _products_with_unknown(codes, odds, length, out):
    """Write the products of both strands' windows of a sequence with N, whose odds are 1."""
    for i in range(out.shape[1]):
        forward, reverse = np.float32(1.0), np.float32(1.0)
        for j in range(length):
            c = codes[i + j]
            if c < 4:
                forward *= np.float32(odds[j, c])
                reverse *= np.float32(odds[length - 1 - j, 3 - c])
        out[0, i], out[1, i] = forward, reverse


@numba.njit(parallel=True, nogil=True, cache=True)
def _accumulate(codes, tables, odds, lengths, weights, bin_size, by_energy, letters, bins):
    n, region = codes.shape
    n_motifs, n_bins = weights.shape
    longest = odds.shape[1]
    for task in numba.prange(letters.shape[0]):
        words = np.empty(region + longest + WORD, dtype=np.int16)
        planes = np.empty((3, region + longest // LANES * LANES + LANES), dtype=np.float32)
        lanes = np.empty((6, LANES), dtype=np.float32)
        sums = np.empty((longest, LETTERS))
        scratch = np.empty(2 * region, dtype=np.float32)
        shares = np.empty(n_bins)
        for s in range(task * _SEQUENCES_PER_TASK, min(n, (task + 1) * _SEQUENCES_PER_TASK)):
            unknown = one_hot(codes[s], planes)
            _words(codes[s], words)
            for m in range(n_motifs):
                if by_energy[s, m] == 0.0:
                    continue
                length = lengths[m]
                n_windows = region - length + 1
                windows = scratch[: 2 * n_windows].reshape(2, n_windows)
                if unknown:
                    _products_with_unknown(codes[s], odds[m], length, windows)
                else:
                    for strand in range(2):
                        _products(words, tables[m, strand], (length + WORD - 1) // WORD, windows[strand])
                whole = 0.0
                for b in range(n_bins):
                    first, last = b * bin_size, min((b + 1) * bin_size, n_windows)
                    weight = np.float32(weights[m, b])
                    shares[b] = 0.0
                    for strand in range(2):
                        if last > first:
                            windows[strand, first:last] *= weight
                            shares[b] += summed(windows[strand, first:last])
                    whole += shares[b]
                if whole <= 0.0:
                    continue
                scale = by_energy[s, m] / whole
                letter_sums(codes[s], windows, length, planes, lanes, sums, unknown)
                for j in range(length):
                    for c in range(LETTERS):
                        letters[task, m, j, c] += scale * sums[j, c]
                for b in range(n_bins):
                    bins[task, m, b] += scale * shares[b]
