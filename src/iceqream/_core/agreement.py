"""How predicted effects agree with measured ones: correlation, direction, and telling variants with an effect apart.

All statistics take a weight per row, so that resamples are counts and nothing is sorted twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import ndtri, stdtrit

if TYPE_CHECKING:
    from collections.abc import Callable

LEVEL = 0.95
LARGEST_R = 1 - 1e-9
_ROUNDING = 1e-12
"""Relative to the largest value: what varies by less is constant."""
_NEVER_EXACT = 1e-6


class Ranked(NamedTuple):
    """Values in groups of equal ones."""

    group: np.ndarray
    """int64, n: position of each value among the distinct ones, ascending."""
    n_groups: int

    @classmethod
    def of(cls, values: np.ndarray) -> Ranked:
        """Sort values once."""
        distinct, group = np.unique(values, return_inverse=True)
        return cls(group, len(distinct))

    def ranks(self, weights: np.ndarray) -> np.ndarray:
        """Return the mean rank of each value where a row occurs `weights` times, float64, n."""
        size = np.bincount(self.group, weights, self.n_groups)
        before = np.cumsum(size) - size
        return (before + (size + 1) / 2)[self.group]


def weighted_pearson(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> float:
    """Return the correlation of two vectors, NaN where one is constant."""
    total = weights.sum()
    if total <= 0:
        return np.nan
    dx, dy = (v - (weights * v).sum() / total for v in (x, y))
    sx, sy = (np.sqrt((weights * d**2).sum() / total) for d in (dx, dy))
    if sx <= _ROUNDING * np.abs(x).max() or sy <= _ROUNDING * np.abs(y).max():
        return np.nan
    return float(np.clip((weights * dx * dy).sum() / (total * sx * sy), -1.0, 1.0))


def weighted_spearman(x: Ranked, y: Ranked, weights: np.ndarray) -> float:
    """Return the rank correlation of two vectors, NaN where one is constant."""
    return weighted_pearson(x.ranks(weights), y.ranks(weights), weights)


def weighted_agreement(agrees: np.ndarray, known: np.ndarray, weights: np.ndarray) -> float:
    """Return the share of rows of known direction that agree, NaN where there is none."""
    total = (weights * known).sum()
    return float((weights * (agrees & known)).sum() / total) if total > 0 else np.nan


def weighted_auroc(values: Ranked, positive: np.ndarray, weights: np.ndarray) -> float:
    """Return the probability that a positive row has the higher value (ties count half), NaN without either kind."""
    of_positive = weights * positive
    n_positive = of_positive.sum()
    n_negative = weights.sum() - n_positive
    if n_positive <= 0 or n_negative <= 0:
        return np.nan
    rank = (of_positive * values.ranks(weights)).sum()
    # a row that occurs several times has the mean of its ranks, as ties have
    return float((rank - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def weighted_average_precision(values: Ranked, positive: np.ndarray, weights: np.ndarray) -> float:
    """Return the mean precision at each positive row, equal values at once; NaN without positive rows."""
    hits = np.bincount(values.group, weights * positive, values.n_groups)[::-1]
    total = np.cumsum(np.bincount(values.group, weights, values.n_groups)[::-1])
    if hits.sum() <= 0:
        return np.nan
    precision = np.divide(np.cumsum(hits), total, out=np.zeros_like(total), where=total > 0)
    return float((precision * hits).sum() / hits.sum())


def resampled(
    statistic: Callable[[np.ndarray], np.ndarray], blocks: np.ndarray | None, n: int, n_resamples: int,
    rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """Return a statistic of weights on resamples of rows, or of whole blocks of them, resamples x statistics.

    Parameters
    ----------
    statistic
        Takes n weights.
    blocks
        int64, n: the block of each row, 0 to their number; ``None``: every row is its own.
    n
        Number of rows.
    n_resamples, rng
        How many, and generator.
    """
    block = np.arange(n) if blocks is None else blocks
    n_blocks = int(block.max()) + 1
    found = []
    for _ in range(n_resamples):
        counts = np.bincount(rng.integers(n_blocks, size=n_blocks), minlength=n_blocks)
        found.append(statistic(counts[block].astype(np.float64)))
    return np.array(found)


def resampling_errors(resamples: np.ndarray) -> np.ndarray:
    """Return the standard deviation of each column of resamples, NaN where fewer than half have a value."""
    out = np.full(resamples.shape[1], np.nan)
    known = np.isfinite(resamples).sum(axis=0) >= max(2, len(resamples) / 2)
    if known.any():
        out[known] = np.nanstd(resamples[:, known], axis=0, ddof=1)
    return out


def quantile(n_units: int | None) -> float:
    """Return how many standard errors the 95 % interval reaches: of Student's t with n - 1 degrees of freedom.

    ``None`` is the normal one. Resamples of few units spread too little, which Student's wider interval makes up for.
    """
    return float(ndtri(0.5 + LEVEL / 2)) if n_units is None else float(stdtrit(n_units - 1, 0.5 + LEVEL / 2))


def correlation_interval(r: float, error: float, reach: float) -> tuple[float, float]:
    """Return the bounds of a correlation, `reach` standard errors away on Fisher's z scale."""
    limited = float(np.clip(r, -LARGEST_R, LARGEST_R))
    width = reach * error / (1 - limited**2)
    low, high = np.tanh(np.arctanh(limited) + np.array([-width, width]))
    return min(float(low), r), max(float(high), r)


def area_interval(share: float, error: float, reach: float) -> tuple[float, float]:
    """Return the bounds of an area between 0 and 1, `reach` standard errors away on the logit scale."""
    inside = float(np.clip(share, _NEVER_EXACT, 1 - _NEVER_EXACT))
    logit, width = np.log(inside / (1 - inside)), reach * error / (inside * (1 - inside))
    low, high = 1 / (1 + np.exp(-(logit + np.array([-width, width]))))
    return min(float(low), share), max(float(high), share)


def share_interval(share: float, n: float, reach: float) -> tuple[float, float]:
    """Return Wilson's bounds of a share of `n` throws (which need not be a whole number); NaN without any."""
    if not n > 0 or not np.isfinite(share):
        return np.nan, np.nan
    square = reach**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    width = reach / (1 + square / n) * np.sqrt(share * (1 - share) / n + square / (4 * n**2))
    return max(float(middle - width), 0.0), min(float(middle + width), 1.0)


def effective_number(share: float, error: float, n: float, n_blocks: float) -> float:
    """Return how many independent throws are as uncertain as `n` rows in blocks.

    Where all rows agree (or none) resamples do not vary: then each block counts as one throw.
    """
    if error > 0:
        return float(np.clip(share * (1 - share) / error**2, min(1.0, n), n))
    return float(n_blocks) if np.isfinite(error) else np.nan
