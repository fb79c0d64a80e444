"""Residual R2 of terms, and the filter of weak motifs (METHOD section 6, level 4)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from iceqream._core.correlation import r2
from iceqream._core.regression import fit_logistic, logistic
from iceqream.inference.design_matrix import column_groups, columns, groups_with_pairs, penalty_factors
from iceqream.inference.uncertainty import curvature

if TYPE_CHECKING:
    from collections.abc import Callable

    from iceqream._core.regression import LogisticFit
    from iceqream.inference.options import FitOptions
    from iceqream.inference.peaks import ModelledPeaks
    from iceqream.models.trajectory import TrajectoryModel

logger = logging.getLogger(__name__)

_DOUBT = 3.0
"""Motifs whose estimated residual R2 is below this many thresholds are judged by a refit."""


@dataclass
class _Regression:
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
        cls, model: TrajectoryModel, values: np.ndarray, peaks: ModelledPeaks, lambda_: float, options: FitOptions
    ) -> _Regression:
        train, n_terms, pairs = peaks.is_train, values.shape[1], model.interactions
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

    def without(self, group: int) -> tuple[LogisticFit, np.ndarray, float]:
        """Refit without a group's columns: the fit on the others, their positions, and what it costs."""
        keep = np.setdiff1d(np.arange(self.X.shape[1]), self.groups[group])
        fit = fit_logistic(
            self.X[:, keep],
            self.y,
            lambda_=self.lambda_,
            l1_ratio=self.l1_ratio,
            weights=self.weights,
            factors=None if self.factors is None else self.factors[keep],
            start=self.fit.take(keep),
        )
        return fit, keep, self.r2 - r2(logistic(fit.linear_predictor(self.X[:, keep])), self.dap)


def residual_r2(
    model: TrajectoryModel,
    values: np.ndarray,
    peaks: ModelledPeaks,
    *,
    lambda_: float,
    options: FitOptions,
    advance: Callable[[int], object] = lambda _: None,
) -> np.ndarray:
    """Return what the removal of each term and each interaction costs: R2 on training peaks, by exact refits.

    A term leaves together with its interactions.

    Returns
    -------
    float64, terms then interactions.
    """
    regression = _Regression.of(model, values, peaks, lambda_, options)
    out = np.zeros(len(regression.groups))
    for i, group in enumerate(regression.groups):
        if regression.fit.coefficients[group].any():
            out[i] = regression.without(i)[2]
        advance(1)
    return out


def weak_motifs(
    model: TrajectoryModel,
    values: np.ndarray,
    peaks: ModelledPeaks,
    *,
    lambda_: float,
    options: FitOptions,
    advance: Callable[[int], object] = lambda _: None,
) -> tuple[np.ndarray, dict[int, str]]:
    """Find the motifs to drop: little information, then, from the weakest up, little residual R2.

    After each removal the others are judged anew, on all training peaks. Estimates from the Hessian say where to look;
    what is dropped is decided by a refit. One motif stays in any case.

    Returns
    -------
    Positions of the motifs to keep, and for each of the others why it is dropped.
    """
    min_bits, min_residual_r2 = options.min_bits, options.min_residual_r2
    bits = model.pbms.motifs.information_content().sum(axis=1)
    left = list(range(len(model.pbms)))
    why: dict[int, str] = {}
    regression = _Regression.of(model, values, peaks, lambda_, options)

    def drop(motif: int, fit: LogisticFit, keep: np.ndarray, reason: str) -> None:
        coefficients = np.zeros(regression.X.shape[1])
        coefficients[keep] = fit.coefficients
        # columns stay where they are; those of dropped motifs become constant
        regression.X[:, regression.groups[motif]] = 0.0
        regression.fit = replace(fit, coefficients=coefficients)
        regression.r2 = r2(logistic(regression.fit.linear_predictor(regression.X)), regression.dap)
        left.remove(motif)
        why[motif] = reason
        logger.info("level 4: %s dropped, %s", model.motif_names[motif], reason)
        advance(1)

    for motif in np.argsort(bits, kind="stable"):
        if bits[motif] < min_bits and len(left) > 1:
            fit, keep, _ = regression.without(int(motif))
            drop(int(motif), fit, keep, f"{bits[motif]:.2f} bits")
    while len(left) > 1:
        estimates = regression.costs(left)
        for i in np.argsort(estimates, kind="stable"):
            if estimates[i] >= _DOUBT * min_residual_r2:
                return np.array(left), why
            fit, keep, cost = regression.without(left[i])
            if cost < min_residual_r2:
                drop(left[i], fit, keep, f"residual R2 {cost:.2g}")
                break
        else:
            break
    return np.array(left), why
