"""Permutation tests: of many statistics at once, each only as long as needed; within strata; of groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

_ENOUGH = 20
"""Permutations as extreme as the data after which a test stops."""
_ROUNDING = 1e-9
"""Relative: permutations that differ from the data by less are as extreme, whatever the order of the sums was."""


def sequential_p(
    observed: np.ndarray, permuted: Callable[[int, np.ndarray], np.ndarray], n_permutations: int, batch: int = 128
) -> np.ndarray:
    """Return permutation p-values of statistics of which large ones are extreme.

    Each test stops at its 20th permutation as extreme as the data (Besag and Clifford 1991): the p-value, 20 by the
    number of permutations, is valid and as fine as it matters. A test that never stops has (1 + hits) / (1 + all).

    Parameters
    ----------
    observed
        float64, k: statistics of the data.
    permuted
        Takes a number and the positions of the tests that go on; returns so many permutations of their statistics,
        number x tests. All tests share a permutation.
    n_permutations
        At most.
    batch
        Permutations that are drawn at once; the result does not depend on it as long as `permuted` draws one by one.

    Returns
    -------
    float64, k; NaN where `observed` is.
    """
    p = np.full(len(observed), np.nan)
    hits = np.zeros(len(observed), dtype=np.int64)
    going = np.flatnonzero(np.isfinite(observed))
    done = 0
    while len(going) and done < n_permutations:
        n = min(batch, n_permutations - done)
        extreme = permuted(n, going) >= observed[going] - _ROUNDING * np.abs(observed[going])
        counts = hits[going] + np.cumsum(extreme, axis=0)
        stops = counts[-1] >= _ENOUGH
        p[going[stops]] = _ENOUGH / (done + 1 + (counts[:, stops] >= _ENOUGH).argmax(axis=0))
        hits[going] = counts[-1]
        going = going[~stops]
        done += n
    p[going] = (1 + hits[going]) / (1 + done)
    return p


def orders_within(strata: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return `n` random orders of rows in which every row is replaced by one of its stratum, int64, n x rows."""
    places = np.argsort(strata, kind="stable")
    ends = np.cumsum(np.bincount(strata))
    orders = np.empty((n, len(strata)), dtype=np.int64)
    for order in orders:
        for first, last in zip(np.concatenate([[0], ends[:-1]]), ends, strict=True):
            order[places[first:last]] = rng.permutation(places[first:last])
    return orders


def quantile_strata(values: np.ndarray, n: int) -> np.ndarray:
    """Return which of `n` equally large strata of ascending values each row is in, int64."""
    rank = np.empty(len(values), dtype=np.int64)
    rank[np.argsort(values, kind="stable")] = np.arange(len(values))
    return rank * n // len(values)


def groups_p(
    values: np.ndarray,
    member: np.ndarray,
    beside: np.ndarray,
    fewest: int,
    n_permutations: int,
    rng: np.random.Generator,
) -> tuple[float, int, float]:
    """Test whether values differ between members of groups and others, beyond what depends on other columns linearly.

    Values and indicators of groups are taken beyond the columns `beside`. The statistic is the largest product, over
    the groups, of both, divided by the norm of the indicator: without columns that is the difference between the mean
    of a group and of all others, by its standard error. The null is that the values beyond the columns are
    exchangeable.

    Parameters
    ----------
    values
        float64, n.
    member
        bool, n x groups, which may overlap.
    beside
        float64, n x q.
    fewest
        Members, and others, of a group that is compared.

    Returns
    -------
    p, the group with the largest statistic, and the mean of its values minus that of all others; NaN, -1 and NaN where
    no group is large enough.
    """
    size = member.sum(axis=0)
    large = np.flatnonzero((size >= fewest) & (len(values) - size >= fewest))
    columns = np.column_stack([np.ones(len(values)), beside])
    if len(large) == 0 or len(values) <= 2 * columns.shape[1]:
        return np.nan, -1, np.nan
    basis = np.linalg.qr(columns)[0]
    inside, left = member[:, large].astype(np.float64), values - basis @ (basis.T @ values)
    inside -= basis @ (basis.T @ inside)
    inside /= np.maximum(np.linalg.norm(inside, axis=0), np.finfo(float).tiny)
    own = np.abs(left @ inside)
    # what is left of the values varies less than they do
    freedom = np.sqrt(1 - columns.shape[1] / len(values))

    def permuted(n: int, _: np.ndarray) -> np.ndarray:
        rows = rng.permuted(np.tile(left, (n, 1)), axis=1)
        return np.abs(rows @ inside).max(axis=1, keepdims=True)

    p = sequential_p(np.array([own.max() * freedom]), permuted, n_permutations)
    best = int(large[own.argmax()])
    return float(p[0]), best, float(values[member[:, best]].mean() - values[~member[:, best]].mean())
