"""How predicted effects agree with measured ones: correlation, direction, and telling variants with an effect apart.

All statistics take a weight per row, so that resamples are counts and nothing is sorted twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

LEVEL = 0.95


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
    dx, dy = (v - (weights * v).sum() / total for v in (x, y))
    norm = np.sqrt((weights * dx**2).sum() * (weights * dy**2).sum())
    return float((weights * dx * dy).sum() / norm) if norm > 0 else np.nan


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


def percentile_interval(resamples: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return standard error and the bounds of the 95 % interval of each column of resamples (NaN left out)."""
    known = np.isfinite(resamples).sum(axis=0) > 1
    out = np.full((3, resamples.shape[1]), np.nan)
    if known.any():
        part = resamples[:, known]
        out[0, known] = np.nanstd(part, axis=0, ddof=1)
        out[1:, known] = np.nanquantile(part, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return out[0], out[1], out[2]
