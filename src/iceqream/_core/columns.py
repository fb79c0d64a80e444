"""Weighted moments and products of the columns of a tall matrix, without a copy of it."""

from __future__ import annotations

import numba
import numpy as np


def moments(X: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weighted mean and standard deviation of each column, float64 (weights sum to 1)."""
    return _moments(np.asfortranarray(X), weights)


def products(X: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Return ``X.T @ vector`` with float64 sums."""
    if X.dtype == np.float64:
        return X.T @ vector
    return _products(np.asfortranarray(X), vector)


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
def _products(X: np.ndarray, vector: np.ndarray) -> np.ndarray:
    n, p = X.shape
    out = np.zeros(p)
    for j in numba.prange(p):
        total = 0.0
        for i in range(n):
            total += vector[i] * X[i, j]
        out[j] = total
    return out
