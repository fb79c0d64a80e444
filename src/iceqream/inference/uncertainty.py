"""How far the effects of a fitted model can be trusted, given its motifs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from iceqream._core.regression import logistic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iceqream._core.regression import LogisticFit

RIDGE = 1e-8
"""Relative to the mean diagonal of a Hessian: nearly equal columns must not stop its factorisation."""


def curvature(
    fit: LogisticFit, X: np.ndarray, used: np.ndarray, weights: np.ndarray, factors: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the columns in use after one of ones, the inverse Hessian of the objective, and fitted probabilities."""
    p = logistic(fit.linear_predictor(X))
    share = weights / weights.sum()
    A = np.column_stack([np.ones(len(X)), X[:, used]])
    hessian = A.T @ ((share * p * (1 - p))[:, None] * A)
    diagonal = np.diag_indices_from(hessian)
    hessian[diagonal] += RIDGE * np.trace(hessian) / len(hessian)
    if fit.l1_ratio < 1:
        # the smooth part of an elastic net, on columns of variance 1 (times the factors)
        spread = share @ A[:, 1:] ** 2 - (share @ A[:, 1:]) ** 2
        squares = 1.0 if factors is None else factors[used] ** 2
        hessian[diagonal] += np.concatenate([[0.0], fit.lambda_ * (1 - fit.l1_ratio) * spread * squares])
    return A, cho_solve(cho_factor(hessian), np.eye(len(hessian))), p


def effect_errors(
    fit: LogisticFit,
    X: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    groups: Sequence[np.ndarray],
    factors: np.ndarray | None = None,
) -> np.ndarray:
    """Return the standard error of each group's effect, the standard deviation of what its columns add over the peaks.

    The covariance of the coefficients is the sandwich estimate for the columns in use: it takes the columns as given
    and does not count on the binomial variance, which a fractional response does not have.

    Parameters
    ----------
    fit
        A regression on X.
    X, y, weights
        Training peaks.
    groups
        Positions of the columns of each group.
    factors
        Penalty factors of the columns.

    Returns
    -------
    float64, one per group, logit units; 0 for a group without weight.
    """
    used = np.flatnonzero(fit.coefficients)
    A, inverse, p = curvature(fit, X, used, weights, factors)
    share = weights / weights.sum()
    spread = inverse @ (A.T @ ((share * (y - p))[:, None] ** 2 * A)) @ inverse
    mean = share @ A
    covariance = A.T @ (share[:, None] * A) - np.outer(mean, mean)
    coefficients = np.concatenate([[0.0], fit.coefficients[used]])
    errors = np.zeros(len(groups))
    for i, group in enumerate(groups):
        inside = 1 + np.flatnonzero(np.isin(used, group))
        slope = covariance[np.ix_(inside, inside)] @ coefficients[inside]
        variance = float(coefficients[inside] @ slope)
        if variance > 0:
            errors[i] = np.sqrt(slope @ spread[np.ix_(inside, inside)] @ slope / variance)
    return errors
