"""Fractional logistic regression with an L1 or elastic-net penalty (METHOD section 5), solved by glum."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_LAMBDA = 1e-5
_TOLERANCE = 1e-3
"""Largest violation of the optimality conditions, as a fraction of lambda."""
_UNPENALIZED_TOLERANCE = 1e-8
_MAX_ITERATIONS = 500


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
    weights = (
        np.full(len(y), 1.0 / len(y)) if weights is None else np.asarray(weights, dtype=np.float64) / np.sum(weights)
    )
    mean = weights @ X
    sd = np.sqrt(np.maximum(weights @ (X - mean) ** 2, 0.0))
    varies = sd > 1e-10 * np.maximum(np.abs(mean), 1.0)
    average = float(weights @ y)
    if not varies.any() or average in {0.0, 1.0}:
        intercept = float(np.log(max(average, 1e-12) / max(1 - average, 1e-12)))
        coefficients = np.zeros(X.shape[1])
        n_iterations = 0
    else:
        columns = np.asfortranarray((X[:, varies] - mean[varies]) / sd[varies])
        first = None
        if start is not None:
            first = np.concatenate([[start.intercept + mean @ start.coefficients], (start.coefficients * sd)[varies]])
        scaled, n_iterations = _solve(columns, y, weights, lambda_, l1_ratio, first)
        coefficients = np.zeros(X.shape[1])
        coefficients[varies] = scaled[1:] / sd[varies]
        intercept = float(scaled[0] - mean @ coefficients)
    objective, kkt = _optimality(X, y, weights, intercept, coefficients, lambda_, l1_ratio, mean, sd)
    return LogisticFit(
        intercept,
        coefficients,
        lambda_,
        l1_ratio,
        objective,
        kkt,
        n_iterations,
        kkt <= 2 * _gradient_tolerance(lambda_),
    )


def fit_path(
    X: np.ndarray,
    y: np.ndarray,
    lambdas: Sequence[float],
    *,
    l1_ratio: float = 1.0,
    weights: np.ndarray | None = None,
) -> list[LogisticFit]:
    """Fit a path of penalties, each started from the one before; from the strongest down, returned in given order."""
    fits: dict[int, LogisticFit] = {}
    previous: LogisticFit | None = None
    for i in np.argsort(-np.asarray(lambdas, dtype=np.float64), kind="stable"):
        previous = fit_logistic(X, y, lambda_=float(lambdas[i]), l1_ratio=l1_ratio, weights=weights, start=previous)
        fits[int(i)] = previous
    return [fits[i] for i in range(len(lambdas))]


def largest_lambda(X: np.ndarray, y: np.ndarray, *, l1_ratio: float = 1.0) -> float:
    """Return the smallest penalty at which every coefficient is 0 (unweighted)."""
    sd = X.std(axis=0)
    gradient = (X - X.mean(axis=0)).T @ (y - y.mean()) / len(y)
    scaled = np.divide(np.abs(gradient), sd, out=np.zeros_like(sd), where=sd > 0)
    return float(scaled.max() / max(l1_ratio, 1e-3))


@dataclass(frozen=True)
class CrossValidation:
    """Held-out deviance of a path of penalties."""

    lambdas: np.ndarray
    deviance: np.ndarray
    """Mean held-out deviance per penalty."""
    standard_error: np.ndarray
    """Standard error of `deviance` over the folds."""
    best: float
    """Penalty of the lowest deviance."""
    one_standard_error: float
    """Strongest penalty within one standard error of the lowest deviance."""


def cross_validate(
    X: np.ndarray, y: np.ndarray, lambdas: Sequence[float], folds: np.ndarray, *, l1_ratio: float = 1.0
) -> CrossValidation:
    """Judge penalties on held-out folds.

    Parameters
    ----------
    X, y, lambdas, l1_ratio
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
    deviance = np.empty((len(names), len(lambdas)))
    for k, name in enumerate(names):
        held_out = folds == name
        fits = fit_path(X[~held_out], y[~held_out], lambdas, l1_ratio=l1_ratio)
        for i, fit in enumerate(fits):
            eta = fit.linear_predictor(X[held_out])
            deviance[k, i] = 2 * np.mean(np.logaddexp(0.0, eta) - y[held_out] * eta)
    mean = deviance.mean(axis=0)
    error = deviance.std(axis=0, ddof=1) / np.sqrt(len(names))
    values = np.asarray(lambdas, dtype=np.float64)
    best = int(mean.argmin())
    within = values[mean <= mean[best] + error[best]]
    return CrossValidation(values, mean, error, float(values[best]), float(within.max()))


def _solve(
    columns: np.ndarray, y: np.ndarray, weights: np.ndarray, lambda_: float, l1_ratio: float, start: np.ndarray | None
) -> tuple[np.ndarray, int]:
    from glum import GeneralizedLinearRegressor
    from sklearn.exceptions import ConvergenceWarning

    model = GeneralizedLinearRegressor(
        family="binomial",
        alpha=lambda_,
        l1_ratio=l1_ratio,
        fit_intercept=True,
        gradient_tol=_gradient_tolerance(lambda_),
        max_iter=_MAX_ITERATIONS,
        start_params=start,
        check_input=False,
        copy_X=False,
    )
    with warnings.catch_warnings():
        # convergence is judged by the KKT residual and reported in the result
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(columns, y, sample_weight=weights * len(y))
    return np.concatenate([[model.intercept_], model.coef_]), int(model.n_iter_)


def _optimality(
    X: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    intercept: float,
    coefficients: np.ndarray,
    lambda_: float,
    l1_ratio: float,
    mean: np.ndarray,
    sd: np.ndarray,
) -> tuple[float, float]:
    eta = intercept + X @ coefficients
    residual = weights * (logistic(eta) - y)
    scaled = coefficients * sd
    gradient = np.divide(X.T @ residual - mean * residual.sum(), sd, out=np.zeros_like(sd), where=sd > 0)
    gradient += lambda_ * (1 - l1_ratio) * scaled
    l1 = lambda_ * l1_ratio
    active = np.abs(gradient + l1 * np.sign(scaled))
    inactive = np.maximum(np.abs(gradient) - l1, 0.0)
    violation = np.where(coefficients != 0, active, inactive)
    violation[sd <= 1e-10 * np.maximum(np.abs(mean), 1.0)] = 0.0
    kkt = max(abs(float(residual.sum())), float(violation.max(initial=0.0)))
    loss = float(weights @ (np.logaddexp(0.0, eta) - y * eta))
    penalty = lambda_ * float(l1_ratio * np.abs(scaled).sum() + (1 - l1_ratio) / 2 * (scaled**2).sum())
    return loss + penalty, kkt


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
