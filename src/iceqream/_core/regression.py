"""Fractional logistic regression with an L1 or elastic-net penalty (METHOD section 5), solved by glum."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from iceqream._core.columns import moments, products

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_LAMBDA = 1e-5
_TOLERANCE = 1e-3
"""Largest violation of the optimality conditions, as a fraction of lambda."""
_UNPENALIZED_TOLERANCE = 1e-8
_MAX_ITERATIONS = 500
_SMALL = 100
"""Up to this many columns are solved at once; larger problems start with as many and grow."""
_MAX_ROUNDS = 50


@dataclass(frozen=True)
class LogisticFit:
    """A fitted fractional logistic regression.

    ``p = 1 / (1 + exp(-(intercept + X @ coefficients)))`` minimises
    ``mean(log(1 + e^eta) - y eta) + lambda * sum(l1_ratio |b| + (1 - l1_ratio) / 2 b^2)`` with
    ``b = coefficients * sd`` (weighted mean; glmnet's convention).
    """

    intercept: float
    coefficients: np.ndarray
    """float64, on the original scale of the columns."""
    lambda_: float
    l1_ratio: float
    objective: float
    kkt: float
    """Largest violation of the optimality (KKT) conditions, in units of the standardised gradient."""
    n_iterations: int
    converged: bool
    """Whether `kkt` is at most a thousandth of lambda (1e-8 where lambda is 0)."""

    def linear_predictor(self, X: np.ndarray) -> np.ndarray:
        """Return eta, float64, n."""
        return self.intercept + X @ self.coefficients


def logistic(eta: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-eta)) without overflow."""
    return np.exp(-np.logaddexp(0.0, -np.asarray(eta, dtype=np.float64)))


def fit_logistic(
    X: np.ndarray,
    y: np.ndarray,
    *,
    lambda_: float = DEFAULT_LAMBDA,
    l1_ratio: float = 1.0,
    weights: np.ndarray | None = None,
    start: LogisticFit | None = None,
) -> LogisticFit:
    """Fit one penalised fractional logistic regression to convergence.

    Parameters
    ----------
    X
        n x p, finite. Constant columns get the coefficient 0.
    y
        n values in [0, 1].
    lambda_
        Strength of the penalty on standardised columns.
    l1_ratio
        1 is the lasso, 0 ridge.
    weights
        Weight per row; ``None`` weighs all equally.
    start
        A fit to start from.

    Returns
    -------
    LogisticFit

    Raises
    ------
    ValueError
        If y leaves [0, 1], shapes differ, or `lambda_` or `l1_ratio` is out of range.
    """
    y = np.asarray(y, dtype=np.float64)
    _check_regression(X, y, lambda_, l1_ratio)
    return _Problem(X, y, weights).solve(lambda_, l1_ratio, start)


def fit_path(
    X: np.ndarray,
    y: np.ndarray,
    lambdas: Sequence[float],
    *,
    l1_ratio: float = 1.0,
    weights: np.ndarray | None = None,
) -> list[LogisticFit]:
    """Fit a path of penalties, each started from the one before; from the strongest down, returned in given order."""
    y = np.asarray(y, dtype=np.float64)
    problem = _Problem(X, y, weights)
    fits: dict[int, LogisticFit] = {}
    previous: LogisticFit | None = None
    for i in np.argsort(-np.asarray(lambdas, dtype=np.float64), kind="stable"):
        _check_regression(X, y, lambdas[i], l1_ratio)
        previous = fits[int(i)] = problem.solve(float(lambdas[i]), l1_ratio, previous)
    return [fits[i] for i in range(len(lambdas))]


def largest_lambda(X: np.ndarray, y: np.ndarray, *, l1_ratio: float = 1.0, weights: np.ndarray | None = None) -> float:
    """Return the smallest penalty at which every coefficient is 0."""
    problem = _Problem(X, np.asarray(y, dtype=np.float64), weights)
    gradient = problem.gradient(np.full(len(y), problem.average))
    return float(np.abs(gradient).max(initial=0.0) / max(l1_ratio, 1e-3))


@dataclass(frozen=True)
class CrossValidation:
    """Held-out deviance of a path of penalties."""

    lambdas: np.ndarray
    deviance: np.ndarray
    """Mean held-out deviance per penalty; NaN where the path was stopped before."""
    standard_error: np.ndarray
    """Standard error of `deviance` over the folds."""
    best: float
    """Penalty of the lowest deviance."""
    one_standard_error: float
    """Strongest penalty within one standard error of the lowest deviance."""


def cross_validate(
    X: np.ndarray,
    y: np.ndarray,
    lambdas: Sequence[float],
    folds: np.ndarray,
    *,
    l1_ratio: float = 1.0,
    weights: np.ndarray | None = None,
) -> CrossValidation:
    """Judge penalties on held-out folds, from the strongest down.

    The path stops when the held-out deviance has risen twice in a row: weaker penalties take longest and are worse.

    Parameters
    ----------
    X, y, lambdas, l1_ratio, weights
        As in `fit_path`.
    folds
        Integer fold of each row.

    Returns
    -------
    CrossValidation
    """
    names = np.unique(folds)
    if len(names) < 2:
        msg = f"Cross-validation needs at least two folds, got {len(names)}."
        raise ValueError(msg)
    y = np.asarray(y, dtype=np.float64)
    weights = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
    problems = [_Problem(X, y, np.where(folds == name, 0.0, weights)) for name in names]
    previous: list[LogisticFit | None] = [None] * len(names)
    deviance = np.full((len(names), len(lambdas)), np.nan)
    values = np.asarray(lambdas, dtype=np.float64)
    lowest, rises = np.inf, 0
    for i in np.argsort(-values, kind="stable"):
        for k, name in enumerate(names):
            fit = problems[k].solve(float(values[i]), l1_ratio, previous[k])
            previous[k] = fit
            held_out = folds == name
            used = np.flatnonzero(fit.coefficients)
            eta = fit.intercept + X[np.ix_(held_out, used)] @ fit.coefficients[used]
            loss = np.logaddexp(0.0, eta) - y[held_out] * eta
            deviance[k, i] = 2 * np.average(loss, weights=weights[held_out])
        mean = float(deviance[:, i].mean())
        rises = 0 if mean < lowest else rises + 1
        lowest = min(lowest, mean)
        if rises == 2:
            break
    mean = deviance.mean(axis=0)
    error = deviance.std(axis=0, ddof=1) / np.sqrt(len(names))
    best = int(np.nanargmin(mean))
    within = values[mean <= mean[best] + error[best]]
    return CrossValidation(values, mean, error, float(values[best]), float(within.max()))


class _Problem:
    """One response and one tall matrix, with weights; rows of weight 0 take no part.

    Columns that matter are found by working sets: the penalised problem is solved on some columns, those that violate
    the optimality conditions join them, until none does. The matrix itself is never copied.
    """

    def __init__(self, X: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> None:
        self.X = np.asfortranarray(X)
        self.y = y
        n = len(y)
        self.weights = (
            np.full(n, 1.0 / n) if weights is None else np.asarray(weights, dtype=np.float64) / np.sum(weights)
        )
        self.rows = np.flatnonzero(self.weights > 0)
        self.mean, self.sd = moments(self.X, self.weights)
        self.varies = self.sd > 1e-10 * np.maximum(np.abs(self.mean), 1.0)
        self.average = float(self.weights @ y)
        limited = min(max(self.average, 1e-12), 1 - 1e-12)
        self.null = float(np.log(limited / (1 - limited)))
        """Intercept of the model without columns."""

    def gradient(self, probability: np.ndarray) -> np.ndarray:
        """Return the gradient of the mean loss with respect to the standardised coefficients."""
        residual = self.weights * (probability - self.y)
        raw = products(self.X, residual) - self.mean * residual.sum()
        return np.divide(raw, self.sd, out=np.zeros_like(raw), where=self.varies)

    def solve(self, lambda_: float, l1_ratio: float, start: LogisticFit | None) -> LogisticFit:
        """Fit with one penalty, from another fit if there is one."""
        p = self.X.shape[1]
        scaled = np.zeros(p)
        centre, n_iterations = self.null, 0
        solvable = self.varies.any() and 0.0 < self.average < 1.0
        l1 = lambda_ * l1_ratio
        tolerance = _gradient_tolerance(lambda_)
        if start is not None and solvable:
            scaled = np.where(self.varies, start.coefficients * self.sd, 0.0)
            centre = start.intercept + float(self.mean @ start.coefficients)
        all_at_once = solvable and (l1 == 0 or p <= _SMALL)
        working = np.flatnonzero(self.varies) if all_at_once else np.array([], dtype=np.int64)
        if not all_at_once:
            eta, gradient = self._state(centre, scaled, lambda_, l1_ratio)
        for _ in range(_MAX_ROUNDS if solvable else 0):
            if not all_at_once:
                working = self._grown(working, scaled, np.abs(gradient) - l1, tolerance)
            solution, steps = self._solve_on(working, centre, scaled, lambda_, l1_ratio)
            n_iterations += steps
            centre = float(solution[0])
            scaled = np.zeros(p)
            scaled[working] = solution[1:]
            eta, gradient = self._state(centre, scaled, lambda_, l1_ratio)
            outside = np.abs(gradient) - l1
            outside[working] = 0.0
            if outside.max(initial=0.0) <= tolerance:
                break
        violation = np.where(scaled != 0, np.abs(gradient + l1 * np.sign(scaled)), np.abs(gradient) - l1)
        kkt = max(abs(float(self.weights @ (logistic(eta) - self.y))), float(violation.max(initial=0.0)))
        coefficients = np.divide(scaled, self.sd, out=np.zeros(p), where=self.varies)
        loss = float(self.weights @ (np.logaddexp(0.0, eta) - self.y * eta))
        penalty = lambda_ * float(l1_ratio * np.abs(scaled).sum() + (1 - l1_ratio) / 2 * (scaled**2).sum())
        return LogisticFit(
            centre - float(self.mean @ coefficients),
            coefficients,
            lambda_,
            l1_ratio,
            loss + penalty,
            kkt,
            n_iterations,
            kkt <= 2 * tolerance,
        )

    def _state(
        self, centre: float, scaled: np.ndarray, lambda_: float, l1_ratio: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the linear predictor of all rows, and the gradient of the smooth part."""
        used = np.flatnonzero(scaled)
        slope = scaled[used] / self.sd[used]
        eta = centre - float(self.mean[used] @ slope) + self.X[:, used] @ slope
        return eta, self.gradient(logistic(eta)) + lambda_ * (1 - l1_ratio) * scaled

    def _grown(self, working: np.ndarray, scaled: np.ndarray, excess: np.ndarray, tolerance: float) -> np.ndarray:
        """Return the working set with the columns that violate their condition most."""
        keep = np.union1d(working, np.flatnonzero(scaled))
        excess = excess.copy()
        excess[keep] = 0.0
        order = np.argsort(-excess, kind="stable")[: max(_SMALL, len(keep))]
        return np.union1d(keep, order[excess[order] > tolerance]).astype(np.int64)

    def _solve_on(
        self, working: np.ndarray, centre: float, scaled: np.ndarray, lambda_: float, l1_ratio: float
    ) -> tuple[np.ndarray, int]:
        from glum import GeneralizedLinearRegressor
        from sklearn.exceptions import ConvergenceWarning

        if len(working) == 0:
            return np.array([self.null]), 0
        everything = len(self.rows) == len(self.y)
        block = self.X[:, working] if everything else self.X[np.ix_(self.rows, working)]
        columns = np.asfortranarray((block - self.mean[working]) / self.sd[working])
        model = GeneralizedLinearRegressor(
            family="binomial",
            alpha=lambda_,
            l1_ratio=l1_ratio,
            fit_intercept=True,
            gradient_tol=_gradient_tolerance(lambda_),
            max_iter=_MAX_ITERATIONS,
            # glum 3 cannot start from given values with a single column
            start_params=np.concatenate([[centre], scaled[working]]) if len(working) > 1 else None,
            check_input=False,
            copy_X=False,
        )
        with warnings.catch_warnings():
            # convergence is judged by the KKT residual and reported in the result
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(columns, self.y[self.rows], sample_weight=self.weights[self.rows] * len(self.rows))
        return np.concatenate([[model.intercept_], model.coef_]), int(model.n_iter_)


def _gradient_tolerance(lambda_: float) -> float:
    return _TOLERANCE * lambda_ if lambda_ > 0 else _UNPENALIZED_TOLERANCE


def _check_regression(X: np.ndarray, y: np.ndarray, lambda_: float, l1_ratio: float) -> None:
    if X.ndim != 2 or len(X) != len(y) or len(y) == 0:
        msg = f"X must be n x p and y have n values, got shapes {X.shape} and {y.shape}."
        raise ValueError(msg)
    if not (np.isfinite(y).all() and y.min() >= 0 and y.max() <= 1):
        msg = f"The response must lie in [0, 1] without NaN; it spans {np.min(y)} to {np.max(y)}."
        raise ValueError(msg)
    if lambda_ < 0 or not 0 <= l1_ratio <= 1:
        msg = f"lambda_ must not be negative and l1_ratio lie in [0, 1], got {lambda_} and {l1_ratio}."
        raise ValueError(msg)
