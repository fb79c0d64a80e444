"""Fractional logistic regression with an L1 or elastic-net penalty (METHOD section 5)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from iceqream._core.proximal_newton import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_LAMBDA = 1e-5
_TOLERANCE = 1e-4
"""Largest violation of the optimality conditions, as a fraction of lambda."""
_UNPENALIZED_TOLERANCE = 1e-8
_LOOSENESS = 100.0
"""Of the tolerance in cross-validation, which compares deviances."""


@dataclass(frozen=True)
class LogisticFit:
    """A fitted fractional logistic regression.

    ``p = 1 / (1 + exp(-(intercept + X @ coefficients)))`` minimises
    ``mean(log(1 + e^eta) - y eta) + lambda * sum(l1_ratio |b| + (1 - l1_ratio) / 2 b^2)`` with
    ``b = coefficients * sd`` (weighted mean; glmnet's convention), times the column's penalty factor if there is one.
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

    def take(self, columns: np.ndarray) -> LogisticFit:
        """Return the fit of some of the columns, with their coefficients as they are."""
        return replace(self, coefficients=self.coefficients[columns])


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
    factors: np.ndarray | None = None,
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
    factors
        How many times as strongly each column is penalised, greater than 0; ``None`` penalises all alike.
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
    return _solve(Problem(X, y, weights, factors), lambda_, l1_ratio, start)


def largest_lambda(
    X: np.ndarray,
    y: np.ndarray,
    *,
    l1_ratio: float = 1.0,
    weights: np.ndarray | None = None,
    factors: np.ndarray | None = None,
) -> float:
    """Return the smallest penalty at which every coefficient is 0."""
    problem = Problem(X, np.asarray(y, dtype=np.float64), weights, factors)
    gradient = problem.gradient(problem.weights * (problem.average - problem.y))
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
    factors: np.ndarray | None = None,
) -> CrossValidation:
    """Judge penalties on held-out folds, from the strongest down.

    The path stops when the held-out deviance has risen by more than a standard error, or twice in a row: weaker
    penalties take longest and are worse.

    Parameters
    ----------
    X, y, lambdas, l1_ratio, weights, factors
        As in `fit_logistic`.
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
    problems = [Problem(X, y, np.where(folds == name, 0.0, weights), factors) for name in names]
    previous: list[LogisticFit | None] = [None] * len(names)
    deviance = np.full((len(names), len(lambdas)), np.nan)
    values = np.asarray(lambdas, dtype=np.float64)
    lowest, rises = None, 0
    for i in np.argsort(-values, kind="stable"):
        for k, name in enumerate(names):
            fit = _solve(problems[k], float(values[i]), l1_ratio, previous[k], looseness=_LOOSENESS)
            previous[k] = fit
            held_out = folds == name
            used = np.flatnonzero(fit.coefficients)
            eta = fit.intercept + X[np.ix_(held_out, used)] @ fit.coefficients[used]
            loss = np.logaddexp(0.0, eta) - y[held_out] * eta
            deviance[k, i] = 2 * np.average(loss, weights=weights[held_out])
        if lowest is None or deviance[:, i].mean() < deviance[:, lowest].mean():
            lowest, rises = i, 0
            continue
        rises += 1
        worse = deviance[:, i] - deviance[:, lowest]
        if rises == 2 or worse.mean() > worse.std(ddof=1) / np.sqrt(len(names)):
            break
    mean = deviance.mean(axis=0)
    error = deviance.std(axis=0, ddof=1) / np.sqrt(len(names))
    best = int(np.nanargmin(mean))
    within = values[mean <= mean[best] + error[best]]
    return CrossValidation(values, mean, error, float(values[best]), float(within.max()))


def _solve(
    problem: Problem, lambda_: float, l1_ratio: float, start: LogisticFit | None, *, looseness: float = 1.0
) -> LogisticFit:
    tolerance = looseness * _gradient_tolerance(lambda_)
    centre, scaled = problem.null, np.zeros(problem.X.shape[1])
    if start is not None:
        scaled = start.coefficients * problem.sd
        centre = start.intercept + float(problem.mean @ start.coefficients)
    found = problem.solve(lambda_, l1_ratio, tolerance, centre, scaled)
    coefficients = np.divide(found.scaled, problem.sd, out=np.zeros_like(found.scaled), where=problem.varies)
    return LogisticFit(
        found.centre - float(problem.mean @ coefficients),
        coefficients,
        lambda_,
        l1_ratio,
        found.objective,
        found.kkt,
        found.n_iterations,
        found.kkt <= 2 * tolerance,
    )


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
