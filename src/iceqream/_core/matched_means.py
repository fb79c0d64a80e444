"""Means of groups compared with those of a reference group within strata."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class MatchedGroups:
    """Weights of rows that make the matched difference of each group to the reference.

    A group's difference is the mean, over its rows, of the difference to the mean of the reference's rows in the same
    stratum; rows of strata without the reference take no part.
    """

    weights: np.ndarray
    """float64, groups x n; 0 throughout for the reference."""
    group: np.ndarray
    """int64, n."""
    strata: np.ndarray
    """int64, n."""
    reference: int

    @classmethod
    def of(cls, group: np.ndarray, strata: np.ndarray, n_groups: int, reference: int) -> MatchedGroups:
        """Match groups (0 to `n_groups` - 1) within strata."""
        n_strata = int(strata.max(initial=0)) + 1
        counts = np.zeros((n_groups, n_strata))
        np.add.at(counts, (group, strata), 1.0)
        weights = np.zeros((n_groups, len(group)))
        in_reference = group == reference
        for g in range(n_groups):
            both = (counts[g] > 0) & (counts[reference] > 0)
            n = counts[g, both].sum()
            if g == reference or n == 0:
                continue
            weights[g, (group == g) & both[strata]] = 1.0 / n
            share = np.divide(counts[g], counts[reference] * n, out=np.zeros(n_strata), where=both)
            weights[g, in_reference] = -share[strata[in_reference]]
        return cls(weights, group, strata, reference)

    @property
    def n_matched(self) -> np.ndarray:
        """Return how many rows of each group are compared."""
        n = (self.weights > 0).sum(axis=1)
        n[self.reference] = (self.group == self.reference).sum()
        return n

    def differences(self, values: np.ndarray) -> np.ndarray:
        """Return the difference of each group, float64; NaN where no row is compared, 0 for the reference."""
        return np.where(self.n_matched > 0, self.weights @ values, np.nan)

    def errors(self, values: np.ndarray) -> np.ndarray:
        """Return their standard errors, from the variances within group and stratum."""
        cell = self.group * (int(self.strata.max(initial=0)) + 1) + self.strata
        n_cells = int(cell.max(initial=0)) + 1
        size = np.bincount(cell, minlength=n_cells)
        means = np.bincount(cell, values, minlength=n_cells) / np.maximum(size, 1)
        squares = (values - means[cell]) ** 2
        used = np.arange(len(self.weights))
        freedom = np.array([(self.group == g).sum() - len(np.unique(cell[self.group == g])) for g in used])
        total = np.bincount(self.group, squares, minlength=len(used))
        variance = np.divide(total, freedom, out=np.full(len(used), np.nan), where=freedom > 0)
        # a group with a row per stratum has the variance of the reference
        variance = np.where(np.isfinite(variance), variance, variance[self.reference])
        return np.where(self.n_matched > 0, np.sqrt(self.weights**2 @ variance[self.group]), np.nan)
