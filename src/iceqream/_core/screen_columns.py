"""Scale and correlation of many columns of energies at once, without copies of the matrix.

Columns are taken by the cache line: a thread walks down the rows of sixteen of them, so that memory is read once for
the scale and once for the correlations.
"""

from __future__ import annotations

import numba
import numpy as np

from iceqream._core.normalization import TOP

_LINE = 16
"""float32 columns of a cache line."""
_CONSTANT = 1e-12
"""Share of the variance below which a column is constant but for rounding."""


def supported_ends(energies: np.ndarray, rows: np.ndarray, support: int) -> tuple[np.ndarray, np.ndarray]:
    """Return, per column, the values that `support` rows are at most and at least (`supported_range`), float64.

    Parameters
    ----------
    energies
        float32, n x m, C order.
    rows
        int64: rows that count.
    support
        At least 1, at most the number of rows.
    """
    low, high = np.empty(energies.shape[1]), np.empty(energies.shape[1])
    _ends(energies, rows, min(support, len(rows)), low, high)
    return np.minimum(low, high), high


def scaled_correlations(
    energies: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    rows: np.ndarray,
    target: np.ndarray,
    weights: np.ndarray | None,
) -> np.ndarray:
    """Correlate columns, once they are on the scale of 0-10, with a target.

    Parameters
    ----------
    energies
        float32, n x m, C order.
    low, high
        What is mapped to 0 and 10, m each.
    rows
        int64, k: rows that count.
    target
        float64, k.
    weights
        float64, k; ``None`` weighs all equally.

    Returns
    -------
    float64, m: Pearson correlation; 0 where a column or the target is constant.
    """
    share = np.full(len(rows), 1.0 / max(len(rows), 1)) if weights is None else weights / weights.sum()
    centred = target - (share * target).sum()
    length = np.sqrt((share * centred**2).sum())
    span = high - low
    slope = np.divide(TOP, span, out=np.zeros_like(span), where=span > 0)
    sums = np.zeros((3, energies.shape[1]))
    _moments(energies, np.where(slope > 0, low, 0.0), slope, rows, share, share * centred, sums)
    mean, square, product = sums
    variance = square - mean**2
    varies = (variance > _CONSTANT * np.maximum(square, 1.0)) & (length > 0)
    return np.divide(product, np.sqrt(np.maximum(variance, 0.0)) * length, out=np.zeros_like(mean), where=varies)


@numba.njit(parallel=True, nogil=True, cache=True)
def _ends(energies: np.ndarray, rows: np.ndarray, support: int, low: np.ndarray, high: np.ndarray) -> None:
    n_columns = energies.shape[1]
    n_blocks = (n_columns + _LINE - 1) // _LINE
    for block in numba.prange(n_blocks):
        first = block * _LINE
        size = min(_LINE, n_columns - first)
        # the smallest and largest values so far, each as a heap whose root is the one that leaves next
        least = np.full((size, support), np.inf)
        most = np.full((size, support), -np.inf)
        for r in range(len(rows)):
            row = energies[rows[r]]
            for c in range(size):
                value = row[first + c]
                if value < least[c, 0]:
                    _replace(least[c], -value, -1.0)
                if value > most[c, 0]:
                    _replace(most[c], value, 1.0)
        for c in range(size):
            low[first + c] = least[c, 0]
            high[first + c] = most[c, 0]


@numba.njit(nogil=True, cache=True)
def _replace(heap: np.ndarray, value: float, sign: float) -> None:
    """Put a value in place of a heap's root; with a sign of -1 the heap holds negative values, largest first."""
    n = len(heap)
    i = 0
    while True:
        child = 2 * i + 1
        if child >= n:
            break
        if child + 1 < n and sign * heap[child + 1] < sign * heap[child]:
            child += 1
        if sign * heap[child] >= value:
            break
        heap[i] = heap[child]
        i = child
    heap[i] = sign * value


@numba.njit(parallel=True, nogil=True, cache=True)
def _moments(
    energies: np.ndarray, low: np.ndarray, slope: np.ndarray, rows: np.ndarray, share: np.ndarray, y: np.ndarray,
    sums: np.ndarray,
) -> None:  # fmt: skip
    n_columns = energies.shape[1]
    n_blocks = (n_columns + _LINE - 1) // _LINE
    for block in numba.prange(n_blocks):
        first = block * _LINE
        size = min(_LINE, n_columns - first)
        mean, square, product = np.zeros(_LINE), np.zeros(_LINE), np.zeros(_LINE)
        base, factor = np.zeros(_LINE), np.zeros(_LINE)
        base[:size], factor[:size] = low[first : first + size], slope[first : first + size]
        for r in range(len(rows)):
            row = energies[rows[r]]
            w, wy = share[r], y[r]
            for c in range(size):
                # as `scale` does it: an energy of -inf is at the lower end; where the slope is 0 all are 0
                value = max(np.float64(row[first + c]), base[c]) - base[c] if factor[c] > 0 else 0.0
                z = np.float64(np.float32(min(value * factor[c], TOP)))
                mean[c] += w * z
                square[c] += w * z * z
                product[c] += wy * z
        sums[0, first : first + size] = mean[:size]
        sums[1, first : first + size] = square[:size]
        sums[2, first : first + size] = product[:size]
