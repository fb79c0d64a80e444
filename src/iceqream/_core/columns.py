"""Weighted moments and products of the columns of a tall matrix, without a copy of it."""

from __future__ import annotations

import numba
import numpy as np

_ROWS = 2048
"""Rows that are summed together while they are in the cache."""


def moments(X: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weighted mean and standard deviation of each column, float64 (weights sum to 1)."""
    return _moments(np.asfortranarray(X), weights)


def products(X: np.ndarray, vector: np.ndarray, chosen: np.ndarray | None = None) -> np.ndarray:
    """Return ``X[:, chosen].T @ vector`` (``None``: all columns) with float64 sums."""
    if X.dtype == np.float64 and chosen is None:
        return X.T @ vector
    columns = np.arange(X.shape[1]) if chosen is None else chosen
    return _products(np.asfortranarray(X), columns, vector)


def combination(X: np.ndarray, chosen: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Return ``X[:, chosen] @ slope`` with float64 sums."""
    return _combination(np.asfortranarray(X), chosen, slope)


@numba.njit(cache=True, parallel=True)
def standardize(
    X: np.ndarray, rows: np.ndarray, chosen: np.ndarray, mean: np.ndarray, sd: np.ndarray, out: np.ndarray
) -> None:
    """Write ``(X[rows][:, chosen] - mean) / sd`` (constants of the chosen columns) into the columns of `out`."""
    for k in numba.prange(len(chosen)):
        j = chosen[k]
        for i in range(len(rows)):
            out[i, k] = (X[rows[i], j] - mean[k]) / sd[k]


@numba.njit(cache=True, parallel=True, fastmath={"reassoc", "contract"})
def _moments(X: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n, p = X.shape
    mean = np.zeros(p)
    sd = np.zeros(p)
    for j in numba.prange(p):
        total = 0.0
        for i in range(n):
            total += weights[i] * X[i, j]
        square = 0.0
        for i in range(n):
            difference = X[i, j] - total
            square += weights[i] * difference * difference
        mean[j] = total
        sd[j] = np.sqrt(square)
    return mean, sd


@numba.njit(cache=True, parallel=True, fastmath={"reassoc", "contract"})
def _products(X: np.ndarray, chosen: np.ndarray, vector: np.ndarray) -> np.ndarray:
    out = np.zeros(len(chosen))
    for k in numba.prange(len(chosen)):
        j = chosen[k]
        total = 0.0
        for i in range(len(vector)):
            total += vector[i] * X[i, j]
        out[k] = total
    return out


@numba.njit(cache=True, parallel=True, fastmath={"contract"})
def _combination(X: np.ndarray, chosen: np.ndarray, slope: np.ndarray) -> np.ndarray:
    n = X.shape[0]
    out = np.zeros(n)
    for part in numba.prange((n + _ROWS - 1) // _ROWS):
        first, last = part * _ROWS, min((part + 1) * _ROWS, n)
        for k in range(len(chosen)):
            j = chosen[k]
            for i in range(first, last):
                out[i] += slope[k] * X[i, j]
    return out
