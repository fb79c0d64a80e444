"""Pearson correlation of columns with targets, and squared correlation."""

from __future__ import annotations

import numpy as np


def correlations(columns: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Correlate every column with every target.

    Meant to be called block by block, so that a matrix of all motifs never has to exist.

    Parameters
    ----------
    columns
        n x m, any float type; sums are taken in float64.
    targets
        n, or n x t.
    weights
        One per row; ``None`` weighs all equally.

    Returns
    -------
    float64, m x t; 0 where a column or a target is constant.
    """
    targets = np.asarray(targets, dtype=np.float64)
    if targets.ndim == 1:
        targets = targets[:, None]
    if weights is not None:
        share = np.asarray(weights, dtype=np.float64)[:, None] / np.sum(weights)
        root = np.sqrt(share)
        mean = (share * columns).sum(axis=0)
        centred = root * (columns - mean)
        y = root * (targets - (share * targets).sum(axis=0))
        length = np.sqrt((y**2).sum(axis=0))
        y = np.divide(y, length, out=np.zeros_like(y), where=length > 0)
        smallest = 1e-12
    else:
        y = _standardized(targets)
        mean = columns.mean(axis=0, dtype=np.float64)
        centred = columns - mean
        smallest = 1e-12 * np.sqrt(len(columns))
    norm = np.sqrt(np.einsum("ij,ij->j", centred, centred))
    products = centred.T @ y
    # rounding noise of a constant column is not variation
    constant = norm <= smallest * np.maximum(np.abs(mean), 1.0)
    return np.where(constant[:, None], 0.0, products / np.where(constant, 1.0, norm)[:, None])


def r2(predicted: np.ndarray, observed: np.ndarray) -> float:
    """Return the squared Pearson correlation of two vectors (NaN for fewer than two values, 0 for a constant one)."""
    if len(predicted) < 2:
        return float("nan")
    return float(correlations(np.asarray(predicted, dtype=np.float64)[:, None], observed)[0, 0] ** 2)


def correlation_matrix(columns: np.ndarray) -> np.ndarray:
    """Return the Pearson correlations between columns, float64, m x m (constant columns: 0, diagonal 1)."""
    z = _standardized(np.asarray(columns, dtype=np.float64))
    out = np.clip(z.T @ z, -1.0, 1.0)
    np.fill_diagonal(out, 1.0)
    return out


def _standardized(values: np.ndarray) -> np.ndarray:
    centred = values - values.mean(axis=0)
    norm = np.sqrt((centred**2).sum(axis=0))
    return np.divide(centred, norm, out=np.zeros_like(centred), where=norm > 0)
