"""Pearson correlation of columns with targets, and squared correlation."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

DEFAULT_CONFIDENCE = 0.95
MIN_PAIRS = 10
"""Fewer pairs say nothing about how far a correlation can be trusted."""
LARGEST_R = 1 - 1e-9
_ROUNDING = 1e-12
"""Per row and relative to the mean: rounding noise of a constant column is not variation."""


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
        smallest = _ROUNDING
    else:
        y = _standardized(targets)
        mean = columns.mean(axis=0, dtype=np.float64)
        centred = columns - mean
        smallest = _ROUNDING * np.sqrt(len(columns))
    norm = np.sqrt(np.einsum("ij,ij->j", centred, centred))
    products = centred.T @ y
    constant = norm <= smallest * np.maximum(np.abs(mean), 1.0)
    return np.where(constant[:, None], 0.0, products / np.where(constant, 1.0, norm)[:, None])


def r2(predicted: np.ndarray, observed: np.ndarray) -> float:
    """Return the squared Pearson correlation of two vectors (NaN for fewer than two values, 0 for a constant one)."""
    if len(predicted) < 2:
        return float("nan")
    return float(correlations(np.asarray(predicted, dtype=np.float64)[:, None], observed)[0, 0] ** 2)


def r2_interval(
    predicted: np.ndarray, observed: np.ndarray, confidence: float = DEFAULT_CONFIDENCE
) -> tuple[float, float]:
    """Return the bounds of the squared correlation of two vectors of independent pairs.

    The correlation's variance is estimated from the pairs themselves (mean square of its influence function), without
    assuming a normal distribution, and its interval taken on Fisher's z scale. The lower bound is 0 when the
    correlation may be 0 or negative: then the prediction does not differ from chance.

    Parameters
    ----------
    predicted, observed
        n each.
    confidence
        Of the two-sided interval.

    Returns
    -------
    Lower and upper bound; NaN for fewer than ten pairs or a constant vector.
    """
    n = len(predicted)
    unknown = (float("nan"), float("nan"))
    if n < MIN_PAIRS:
        return unknown
    x, y = np.sqrt(n) * _standardized(np.column_stack([predicted, observed]).astype(np.float64)).T
    if not (x.any() and y.any()):
        return unknown
    r = float(np.clip(np.mean(x * y), -1.0, 1.0))
    influence = x * y - r / 2 * (x**2 + y**2)
    error = float(np.sqrt(np.mean(influence**2) / (n - 2)))
    limited = float(np.clip(r, -LARGEST_R, LARGEST_R))
    reach = float(ndtri(0.5 + confidence / 2)) * error / (1 - limited**2)
    low, high = np.tanh(np.arctanh(limited) + np.array([-reach, reach])).tolist()
    return max(low, 0.0) ** 2, max(low**2, high**2)


def correlation_matrix(columns: np.ndarray) -> np.ndarray:
    """Return the Pearson correlations between columns, float64, m x m (constant columns: 0, diagonal 1)."""
    z = _standardized(np.asarray(columns, dtype=np.float64))
    out = np.clip(z.T @ z, -1.0, 1.0)
    np.fill_diagonal(out, 1.0)
    return out


def _standardized(values: np.ndarray) -> np.ndarray:
    mean = values.mean(axis=0)
    centred = values - mean
    norm = np.sqrt((centred**2).sum(axis=0))
    varies = norm > _ROUNDING * np.sqrt(len(values)) * np.maximum(np.abs(mean), 1.0)
    return np.where(varies, centred / np.where(varies, norm, 1.0), 0.0)
