"""Several predictions of one response combined by weights that are not negative."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

_RANK = 1e-10


class Stack(NamedTuple):
    """What predictions are multiplied with, and what is added."""

    intercept: float
    weights: np.ndarray
    """float64, one per prediction."""

    def combined(self, predicted: np.ndarray) -> np.ndarray:
        """Return the combination of predictions, n x m, float64."""
        return self.intercept + predicted @ self.weights


def stack(predicted: np.ndarray, observed: np.ndarray, weights: np.ndarray) -> Stack:
    """Fit the weights by least squares, none below 0 (Breiman, Machine Learning 24, 49-64, 1996).

    Good predictions of one response resemble each other, and without the bound a weight below 0 would fit the noise of
    their difference.

    Parameters
    ----------
    predicted
        n x m.
    observed
        n.
    weights
        Of the rows, not negative.
    """
    share = weights / weights.sum()
    mean, mean_y = share @ predicted, float(share @ observed)
    centred = np.where(_varies(predicted), predicted - mean, 0.0)
    gram = (share[:, None] * centred).T @ centred
    found = _from_moments(gram, (share * (observed - mean_y)) @ centred)
    return Stack(float(mean_y - mean @ found), found)


def cross_fitted(predicted: np.ndarray, observed: np.ndarray, weights: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Return the combination in each fold by the weights of the others, float64, n."""
    out = np.empty(len(observed))
    for name in np.unique(fold):
        inside = fold == name
        of_others = stack(predicted[~inside], observed[~inside], weights[~inside])
        out[inside] = of_others.combined(predicted[inside])
    return out


def weight_errors(
    predicted: np.ndarray, observed: np.ndarray, weights: np.ndarray, rng: np.random.Generator, n_resamples: int
) -> np.ndarray:
    """Return standard errors of the weights from resamples of the rows, float64, m."""
    n, m = predicted.shape
    y = observed - observed.mean()
    X = np.where(_varies(predicted), predicted - predicted.mean(axis=0), 0.0)
    pairs = [(i, j) for i in range(m) for j in range(i, m)]
    moments = np.column_stack([np.ones(n), y, X, X * y[:, None], *(X[:, i] * X[:, j] for i, j in pairs)])
    found = np.empty((n_resamples, m))
    for k in range(n_resamples):
        counts = rng.multinomial(n, np.full(n, 1 / n)) * weights
        sums = counts @ moments
        means = sums / sums[0]
        mean = means[2 : 2 + m]
        gram = np.empty((m, m))
        for value, (i, j) in zip(means[2 + 2 * m :], pairs, strict=True):
            gram[i, j] = gram[j, i] = value - mean[i] * mean[j]
        found[k] = _from_moments(gram, means[2 + m : 2 + 2 * m] - mean * means[1])
    return found.std(axis=0, ddof=1)


def _varies(predicted: np.ndarray) -> np.ndarray:
    # of a constant rounding alone would vary
    return (predicted != predicted[:1]).any(axis=0)


def _from_moments(gram: np.ndarray, products: np.ndarray) -> np.ndarray:
    """Solve the problem from second moments, for columns of standard deviation 1; constant ones get 0."""
    sd = np.sqrt(np.maximum(np.diag(gram), 0.0))
    varies = sd > _RANK * max(float(sd.max(initial=0.0)), np.finfo(np.float64).tiny)
    scale = np.where(varies, sd, 1.0)
    values, vectors = np.linalg.eigh(np.where(np.outer(varies, varies), gram, 0.0) / np.outer(scale, scale))
    root = np.sqrt(np.maximum(values, 0.0))
    solid = root > np.sqrt(_RANK)
    moments = vectors.T @ (np.where(varies, products, 0.0) / scale)
    target = np.divide(moments, root, out=np.zeros(len(root)), where=solid)
    # the rows of a square matrix with the same second moments
    found, _ = nnls(np.where(solid, root, 0.0)[:, None] * vectors.T, target)
    return np.where(varies, found, 0.0) / scale
