"""Residual R2 of terms, and the filter of weak motifs (METHOD section 6, level 4)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from iceqream._core.correlation import r2
from iceqream._core.regression import fit_logistic, logistic
from iceqream._core.response import N_RESPONSES
from iceqream.models.final_fit import columns

if TYPE_CHECKING:
    from collections.abc import Callable

    from iceqream._core.regression import LogisticFit
    from iceqream.models.peaks import ModelledPeaks
    from iceqream.models.trajectory import TrajectoryModel

logger = logging.getLogger(__name__)

_RIDGE = 1e-8
"""Relative to the mean diagonal of the Hessian: nearly equal columns must not stop its factorisation."""
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
    groups: list[np.ndarray]
    """Columns that leave with each term (with the interactions it takes part in), then with each interaction."""
    fit: LogisticFit
    r2: float

    @classmethod
    def of(
        cls, model: TrajectoryModel, values: np.ndarray, peaks: ModelledPeaks, lambda_: float, l1_ratio: float
    ) -> _Regression:
        train = peaks.is_train
        X = columns(values[train], model.interactions)
        y, weights = peaks.response[train], peaks.training_weights[train]
        fit = fit_logistic(X, y, lambda_=lambda_, l1_ratio=l1_ratio, weights=weights)
        n_terms, pairs = values.shape[1], model.interactions
        width = N_RESPONSES if pairs.expanded else 1
        of_pair = [N_RESPONSES * n_terms + width * k + np.arange(width) for k in range(len(pairs))]
        groups = []
        for term in range(n_terms):
            own = N_RESPONSES * term + np.arange(N_RESPONSES)
            shared = [of_pair[k] for k in np.flatnonzero((pairs.first == term) | (pairs.second == term))]
            groups.append(np.concatenate([own, *shared]))
        score = r2(logistic(fit.linear_predictor(X)), peaks.dap[train])
        return cls(X, y, peaks.dap[train], weights, lambda_, l1_ratio, groups + of_pair, fit, score)

    def costs(self, groups: list[int]) -> np.ndarray:
        """Estimate what the removal of each group costs: one Newton step on the columns in use, no refit."""
        used = np.flatnonzero(self.fit.coefficients)
        eta = self.fit.linear_predictor(self.X)
        p = logistic(eta)
        curvature = self.weights / self.weights.sum() * p * (1 - p)
        A = np.column_stack([np.ones(len(eta)), self.X[:, used]])
        hessian = A.T @ (curvature[:, None] * A)
        hessian[np.diag_indices_from(hessian)] += _RIDGE * np.trace(hessian) / len(hessian)
        inverse = cho_solve(cho_factor(hessian), np.eye(len(hessian)))
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
        warm = replace(self.fit, coefficients=self.fit.coefficients[keep])
        fit = fit_logistic(
            self.X[:, keep], self.y, lambda_=self.lambda_, l1_ratio=self.l1_ratio, weights=self.weights, start=warm
        )
        return fit, keep, self.r2 - r2(logistic(fit.linear_predictor(self.X[:, keep])), self.dap)


def residual_r2(
    model: TrajectoryModel,
    values: np.ndarray,
    peaks: ModelledPeaks,
    *,
    lambda_: float,
    l1_ratio: float,
    advance: Callable[[int], object] = lambda _: None,
) -> np.ndarray:
    """Return what the removal of each term and each interaction costs: R2 on training peaks, by exact refits.

    A term leaves together with its interactions.

    Returns
    -------
    float64, terms then interactions.
    """
    regression = _Regression.of(model, values, peaks, lambda_, l1_ratio)
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
    min_bits: float,
    min_residual_r2: float,
    lambda_: float,
    l1_ratio: float,
    advance: Callable[[int], object] = lambda _: None,
) -> tuple[np.ndarray, dict[int, str]]:
    """Find the motifs to drop: little information, then, from the weakest up, little residual R2.

    After each removal the others are judged anew, on all training peaks. Estimates from the Hessian say where to look;
    what is dropped is decided by a refit. One motif stays in any case.

    Returns
    -------
    Positions of the motifs to keep, and for each of the others why it is dropped.
    """
    bits = model.pbms.motifs.information_content().sum(axis=1)
    left = list(range(len(model.pbms)))
    why: dict[int, str] = {}
    regression = _Regression.of(model, values, peaks, lambda_, l1_ratio)

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
