"""What the removal of terms from the final regression costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from iceqream._core.correlation import r2
from iceqream._core.regression import fit_logistic, logistic
from iceqream.inference.design_matrix import column_groups, columns, groups_with_pairs, penalty_factors
from iceqream.inference.uncertainty import curvature

if TYPE_CHECKING:
    from iceqream._core.regression import LogisticFit
    from iceqream.inference.options import FitOptions
    from iceqream.inference.peaks import ModelledPeaks
    from iceqream.models.interactions import Interactions


@dataclass(frozen=True, eq=False)
class Regression:
    """The final regression on the training peaks, whose columns belong to terms and interactions."""

    X: np.ndarray
    y: np.ndarray
    dap: np.ndarray
    weights: np.ndarray
    lambda_: float
    l1_ratio: float
    factors: np.ndarray | None
    groups: list[np.ndarray]
    """Columns that leave with each term (with the interactions it takes part in), then with each interaction."""
    fit: LogisticFit
    r2: float

    @classmethod
    def of(
        cls, values: np.ndarray, pairs: Interactions, peaks: ModelledPeaks, lambda_: float, options: FitOptions
    ) -> Regression:
        """Fit terms (values of the modelled peaks, n x terms) and pairs to the training peaks."""
        # peaks without weight teach nothing
        train, n_terms = peaks.training_weights > 0, values.shape[1]
        X = columns(values[train], pairs)
        y, weights, l1_ratio = peaks.response[train], peaks.training_weights[train], options.l1_ratio
        factors = penalty_factors(n_terms, pairs, options.pair_penalty)
        fit = fit_logistic(X, y, lambda_=lambda_, l1_ratio=l1_ratio, weights=weights, factors=factors)
        groups = groups_with_pairs(n_terms, pairs) + column_groups(n_terms, pairs)[1]
        score = r2(logistic(fit.linear_predictor(X)), peaks.dap[train])
        return cls(X, y, peaks.dap[train], weights, lambda_, l1_ratio, factors, groups, fit, score)

    def costs(self, groups: list[int]) -> np.ndarray:
        """Estimate what the removal of each group costs: one Newton step on the columns in use, no refit."""
        used = np.flatnonzero(self.fit.coefficients)
        eta = self.fit.linear_predictor(self.X)
        A, inverse, _ = curvature(self.fit, self.X, used, self.weights, self.factors)
        cost = np.zeros(len(groups))
        for i, group in enumerate(groups):
            inside = 1 + np.flatnonzero(np.isin(used, self.groups[group]))
            if len(inside) == 0:
                continue
            leaving = self.fit.coefficients[used[inside - 1]]
            step = -inverse[:, inside] @ np.linalg.solve(inverse[np.ix_(inside, inside)], leaving)
            cost[i] = self.r2 - r2(logistic(eta + A @ step), self.dap)
        return cost

    def without(self, *groups: int) -> Regression:
        """Return the regression refitted without some groups; their columns stay, and are constant."""
        left_out = np.concatenate([self.groups[group] for group in groups])
        keep = np.setdiff1d(np.arange(self.X.shape[1]), left_out)
        X = self.X.copy(order="F")
        X[:, left_out] = 0.0
        # a column that is nearly constant can carry much of the level, which stays
        carried = np.average(self.X[:, left_out] @ self.fit.coefficients[left_out], weights=self.weights)
        fit = fit_logistic(
            X[:, keep],
            self.y,
            lambda_=self.lambda_,
            l1_ratio=self.l1_ratio,
            weights=self.weights,
            factors=None if self.factors is None else self.factors[keep],
            start=replace(self.fit.take(keep), intercept=self.fit.intercept + float(carried)),
        )
        coefficients = np.zeros(X.shape[1])
        coefficients[keep] = fit.coefficients
        fit = replace(fit, coefficients=coefficients)
        return replace(self, X=X, fit=fit, r2=r2(logistic(fit.linear_predictor(X)), self.dap))
