"""Scaling of energies and features to 0-10 with constants that are kept for new sequences.

Both schemes of METHOD section 3 are a straight line between two stored energies, `low` -> 0 and `high` -> 10, clipped.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

Scheme = Literal["reference", "paper"]

TOP = 10.0
REFERENCE_QUANTILE = 1.0
REFERENCE_FLOOR = -7.0
PAPER_QUANTILE = 0.99
FEATURE_QUANTILES = (0.05, 0.95)


def energy_range(
    energies: np.ndarray,
    *,
    scheme: Scheme = "reference",
    quantile: float | None = None,
    floor: float = REFERENCE_FLOOR,
    support: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the energies that are mapped to 0 and to 10.

    Parameters
    ----------
    energies
        Sequences of the normalisation set x motifs, log2 units.
    scheme
        ``"reference"``: ``z = clip(E - log2 quantile(2^E, q), floor, 0)``, then min-max over the set.
        ``"paper"``: ``10 + E - quantile(E, q)`` (paper eq. 3).
    quantile
        q; ``None`` is 1 (the maximum) for the reference's scheme and 0.99 for the paper's.
    floor
        Lowest z of the reference's scheme, log2 units below the top.
    support
        Sequences of the set that reach either end of the scale, at least: what lies beyond is clipped, so that no
        coefficient rests on fewer. The schemes as published: 1.

    Returns
    -------
    Low and high energy per motif, float64. A motif that is constant over the set has low == high.
    """
    energies = np.asarray(energies)
    minimum, maximum = supported_range(energies, support)
    if scheme == "paper":
        high = np.quantile(energies, PAPER_QUANTILE if quantile is None else quantile, axis=0).astype(np.float64)
        high = np.minimum(high, maximum)
        return high - TOP, high
    q = REFERENCE_QUANTILE if quantile is None else quantile
    # relative to the maximum, so that 2^E cannot underflow
    top = maximum + (0.0 if q == 1 else np.log2(np.quantile(np.exp2(energies - maximum), q, axis=0)))
    return range_of_ends(minimum, maximum, top, floor)


def range_of_ends(
    minimum: np.ndarray, maximum: np.ndarray, top: np.ndarray, floor: float = REFERENCE_FLOOR
) -> tuple[np.ndarray, np.ndarray]:
    """Return the energies that are mapped to 0 and 10 in the reference's scheme, from the ends of each column.

    `top` is the energy that z = 0 stands for: with the quantile 1 the maximum.
    """
    low = np.maximum(minimum - top, floor) + top
    high = np.minimum(maximum - top, 0.0) + top
    return np.minimum(low, high), high


def supported_range(values: np.ndarray, support: int) -> tuple[np.ndarray, np.ndarray]:
    """Return, per column, the values that `support` rows are at most and at least (1: the extremes), float64."""
    if support <= 1:
        return values.min(axis=0).astype(np.float64), values.max(axis=0).astype(np.float64)
    n = len(values)
    first, last = min(support, n) - 1, max(n - support, 0)
    low, high = np.partition(values, (first, last), axis=0)[[first, last]].astype(np.float64)
    return np.minimum(low, high), high


def scale(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Map `low` to 0 and `high` to 10, clipped; columns with low == high become 0.

    Parameters
    ----------
    values
        n x columns.
    low, high
        One constant per column.

    Returns
    -------
    Array of the dtype of `values`, n x columns, in [0, 10].
    """
    span = np.asarray(high, dtype=np.float64) - low
    slope = np.divide(TOP, span, out=np.zeros_like(span), where=span > 0)
    # -inf (no window of positive probability) times a slope of 0 must not become NaN
    finite = np.maximum(values, np.where(slope > 0, low, 0.0))
    finite = np.where(slope > 0, finite, 0.0)
    return np.clip((finite - np.where(slope > 0, low, 0.0)) * slope, 0.0, TOP).astype(values.dtype, copy=False)


def feature_range(values: np.ndarray, quantiles: tuple[float, float] = FEATURE_QUANTILES) -> np.ndarray:
    """Return the two quantiles per column between which a feature is scaled, float64, 2 x columns (NaN ignored)."""
    return np.nanquantile(values, quantiles, axis=0)
