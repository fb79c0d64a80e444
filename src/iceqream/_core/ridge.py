"""Ridge regression of many responses on the same columns: one factorisation for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PENALTIES = np.logspace(-4.0, 2.0, 13)
"""Per row of the design, for columns of standard deviation 1."""
_BLOCK = 64
"""Responses that are held in float64 at once."""
_RANK = 1e-10


class ManyRidges(NamedTuple):
    """Coefficients of standardised columns for every response."""

    coefficients: np.ndarray
    """float64, responses x columns: change of the response per standard deviation of the column."""
    errors: np.ndarray
    """Their standard errors, float64, responses x columns."""
    penalty: float
    """The one chosen for all, per row of the design."""
    r2: np.ndarray
    """Of held-out rows, per response: 1 - squared error / variance; negative where the mean predicts better."""
    r2_covariates: np.ndarray
    """The same of the covariates alone."""


def ridge_many(
    columns: np.ndarray,
    covariates: np.ndarray,
    responses: Callable[[slice], np.ndarray],
    n_responses: int,
    fold: np.ndarray,
) -> ManyRidges:
    """Regress many responses on the same columns, with one penalty for all that predicts held-out rows best.

    Columns are standardised; covariates and an intercept are not penalised, so columns have to explain what the
    covariates leave. The penalty is the one of `PENALTIES` with the least squared error of held-out rows, summed over
    the responses. Errors are robust to unequal variances (HC1) and do not include the bias that the penalty brings.

    Parameters
    ----------
    columns
        n x m, any float type.
    covariates
        n x q; may depend on each other.
    responses
        Returns some of the responses, float64, n x these.
    n_responses
        Their number.
    fold
        int, n: the fold of each row, from 0.
    """
    n, m = columns.shape
    X = _standardized(columns)
    Z = np.column_stack([np.ones(n), _standardized(covariates)])
    q = Z.shape[1]
    D = np.hstack([Z, X])
    members = [np.flatnonzero(fold == f) for f in range(int(fold.max()) + 1)]
    gram = np.array([D[rows].T @ D[rows] for rows in members])
    cross = np.zeros((len(members), q + m, n_responses))
    square = np.zeros((len(members), n_responses))
    for block in _blocks(n_responses):
        Y = responses(block)
        for f, rows in enumerate(members):
            part = Y[rows]
            cross[f][:, block] = D[rows].T @ part
            square[f, block] = np.einsum("ij,ij->j", part, part)
    whole, product = gram.sum(axis=0), cross.sum(axis=0)

    lost = np.zeros((len(PENALTIES), n_responses))
    lost_covariates = np.zeros(n_responses)
    for f, rows in enumerate(members):
        system = _System(whole - gram[f], product - cross[f], q)
        for k, penalty in enumerate(PENALTIES):
            beta = system.solution(penalty * (n - len(rows)))
            lost[k] += _squared_error(beta, gram[f], cross[f], square[f])
        beta = system.covariates_alone()
        lost_covariates += _squared_error(beta, gram[f][:q, :q], cross[f][:q], square[f])
    best = int(lost.sum(axis=1).argmin())
    variance = square.sum(axis=0) - product[0] ** 2 / n
    variance = np.where(variance > 0, variance, np.nan)

    system = _System(whole, product, q)
    beta = system.solution(PENALTIES[best] * n)
    influence = system.influence(X, Z, PENALTIES[best] * n)
    free = n - system.degrees(PENALTIES[best] * n)
    errors = np.empty((n_responses, m))
    for block in _blocks(n_responses):
        residual = responses(block) - D @ beta[:, block]
        errors[block] = np.sqrt(np.square(residual).T @ influence * (n / max(free, 1.0)))
    return ManyRidges(
        beta[q:].T.copy(), errors, float(PENALTIES[best]), 1 - lost[best] / variance, 1 - lost_covariates / variance
    )


class _System:
    """The normal equations, with the covariates solved for: what is left is a ridge on the columns."""

    def __init__(self, gram: np.ndarray, product: np.ndarray, q: int) -> None:
        self.inverse = np.linalg.pinv(gram[:q, :q], rcond=_RANK, hermitian=True)
        self.rank = int(np.linalg.matrix_rank(gram[:q, :q], tol=_RANK * np.abs(gram[:q, :q]).max(), hermitian=True))
        self.explained = self.inverse @ gram[:q, q:]
        self.product_z = product[:q]
        left = gram[q:, q:] - gram[q:, :q] @ self.explained
        values, self.vectors = np.linalg.eigh((left + left.T) / 2)
        self.values = np.maximum(values, 0.0)
        self.rotated = self.vectors.T @ (product[q:] - self.explained.T @ product[:q])

    def solution(self, penalty: float) -> np.ndarray:
        """Return the coefficients of covariates and columns, (q + m) x responses."""
        slope = self.vectors @ (self.rotated / (self.values + penalty)[:, None])
        return np.vstack([self.inverse @ self.product_z - self.explained @ slope, slope])

    def covariates_alone(self) -> np.ndarray:
        return self.inverse @ self.product_z

    def degrees(self, penalty: float) -> float:
        """Return the effective number of coefficients."""
        return self.rank + float((self.values / (self.values + penalty)).sum())

    def influence(self, X: np.ndarray, Z: np.ndarray, penalty: float) -> np.ndarray:
        """Return the squared weight that each row has in each column's coefficient, n x m."""
        inverse = (self.vectors / (self.values + penalty)) @ self.vectors.T
        return np.square((X - Z @ self.explained) @ inverse)


def _squared_error(beta: np.ndarray, gram: np.ndarray, product: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Return the squared error of some rows, per response, from their sums alone."""
    return square - 2 * np.einsum("ks,ks->s", beta, product) + np.einsum("ks,ks->s", beta, gram @ beta)


def _standardized(columns: np.ndarray) -> np.ndarray:
    values = np.asarray(columns, dtype=np.float64)
    centred = values - values.mean(axis=0)
    sd = centred.std(axis=0)
    varies = sd > _RANK * np.maximum(np.abs(values).max(axis=0, initial=0.0), 1.0)
    return np.where(varies, centred / np.where(varies, sd, 1.0), 0.0)


def _blocks(n: int) -> Iterator[slice]:
    for first in range(0, n, _BLOCK):
        yield slice(first, min(first + _BLOCK, n))
