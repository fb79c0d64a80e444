"""How well values tell two groups apart: rank statistics with their uncertainty."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import norm, rankdata

LEVEL = 0.95
_NEVER_EXACT = 1e-6


class Discrimination(NamedTuple):
    """One value per column."""

    auroc: np.ndarray
    auroc_error: np.ndarray
    """Standard error (DeLong)."""
    auprc: np.ndarray
    """Average precision."""
    recall: np.ndarray
    """Share of the first group above all but a given share of the second."""


def discrimination(first: np.ndarray, second: np.ndarray, false_positives: float) -> Discrimination:
    """Compare columns of two groups of rows.

    Parameters
    ----------
    first, second
        n x columns and k x columns.
    false_positives
        Share of the second group above which `recall` is counted.
    """
    found = [
        _column(a, b, false_positives)
        for a, b in zip(first.T.astype(np.float64), second.T.astype(np.float64), strict=True)
    ]
    return Discrimination(*np.array(found).reshape(len(found), 4).T)


def interval(value: np.ndarray, error: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95 % bounds of a share, from its standard error, on the logit scale: they stay within 0 and 1.

    A share of 0 or 1 has no error of its own: its bound is that of none, or all, of `n` (Clopper and Pearson).
    """
    inside = np.clip(value, _NEVER_EXACT, 1 - _NEVER_EXACT)
    reach = norm.ppf((1 + LEVEL) / 2) * error / (inside * (1 - inside))
    logit = np.log(inside / (1 - inside))
    low, high = (1 / (1 + np.exp(-(logit + sign * reach))) for sign in (-1, 1))
    least = ((1 - LEVEL) / 2) ** (1 / n)
    low = np.where(value >= 1 - _NEVER_EXACT, np.minimum(low, least), np.minimum(low, value))
    high = np.where(value <= _NEVER_EXACT, np.maximum(high, 1 - least), np.maximum(high, value))
    return low, high


def _column(first: np.ndarray, second: np.ndarray, false_positives: float) -> tuple[float, float, float, float]:
    n, k = len(first), len(second)
    ranks = rankdata(np.concatenate([first, second]))
    # of each value, the share of the other group that lies below it
    below = (ranks[:n] - rankdata(first)) / k
    above = 1 - (ranks[n:] - rankdata(second)) / n
    error = np.sqrt(below.var(ddof=1) / n + above.var(ddof=1) / k)
    recall = float((first > np.quantile(second, 1 - false_positives)).mean())
    return float(below.mean()), float(error), _average_precision(first, second), recall


def _average_precision(first: np.ndarray, second: np.ndarray) -> float:
    """Return the mean precision at each member of the first group; equal values come at once."""
    values = np.concatenate([first, second])
    order = np.argsort(-values, kind="stable")
    hits = np.cumsum(order < len(first))
    last = np.flatnonzero(np.diff(values[order], append=-np.inf) != 0)
    precision, gained = hits[last] / (last + 1), np.diff(hits[last], prepend=0)
    return float((precision * gained).sum() / len(first))
