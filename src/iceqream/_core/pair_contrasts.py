"""What two things do together beyond what each does alone, on the scale of log odds, in one state or two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import brentq

from iceqream._core.permutation import orders_within, quantile_strata, sequential_p
from iceqream._core.regression import fit_logistic, logistic

if TYPE_CHECKING:
    from collections.abc import Sequence

_LARGEST = 8.0
"""Contrasts are looked for between minus this and this, logit units."""
_RANK = 1e-9
"""Directions of the design with less of the largest variance are no columns."""
_STRATA = 16
"""Of peaks with similar fitted probabilities."""


@dataclass(frozen=True, eq=False)
class AdditiveFit:
    """A logistic regression of one response without any pair, and the curve that its linear predictor passes through.

    Access probabilities saturate: those estimated from counts are cut at 1, and a difference of two of them is no
    logistic function of what adds up. A cubic of the linear predictor takes up what all terms have in common of that,
    so that no pair of strong terms is said to interact for it.
    """

    sign: float
    """1, or -1 if its contrast is subtracted."""
    y: np.ndarray
    """float64, n, 0-1."""
    eta: np.ndarray
    """float64, n: logit of what is expected without pairs."""
    curve: np.ndarray
    """float64, n x 4: the columns of the cubic; n x 1 without."""
    slope: np.ndarray
    """float64, n: derivative of `eta` by the linear predictor of the terms."""
    n_columns: int
    """Columns with weight."""

    @classmethod
    def of(cls, sign: float, y: np.ndarray, columns: np.ndarray, lambda_: float) -> AdditiveFit:
        """Fit a response to the columns, and no curve."""
        fit = fit_logistic(columns, y, lambda_=lambda_)
        used, one = int((fit.coefficients != 0).sum()), np.ones(len(y))
        return cls(sign, y, fit.linear_predictor(columns), one[:, None], one, used)

    def curved(self) -> AdditiveFit:
        """Return the fit with a cubic of its linear predictor."""
        spread = float(self.eta.std()) or 1.0
        u = (self.eta - self.eta.mean()) / spread
        powers = np.column_stack([u, u**2, u**3])
        fit = fit_logistic(powers, self.y, lambda_=0.0)
        slope = np.column_stack([np.ones(len(u)), 2 * u, 3 * u**2]) @ fit.coefficients / spread
        curve = np.column_stack([np.ones(len(u)), powers])
        return AdditiveFit(self.sign, self.y, fit.linear_predictor(powers), curve, slope, self.n_columns + 3)

    @property
    def probability(self) -> np.ndarray:
        """Fitted probability, float64, n."""
        return logistic(self.eta)

    @property
    def residual(self) -> np.ndarray:
        """Response minus fitted probability, float64, n."""
        return self.y - self.probability


class Contrasts(NamedTuple):
    """One value per pair, float64."""

    estimate: np.ndarray
    """What both add to the log odds beyond both alone."""
    error: np.ndarray
    """Its standard error."""
    p: np.ndarray
    """Of the permutation test, two-sided."""


def contrasts(
    fits: Sequence[AdditiveFit],
    columns: np.ndarray,
    both: np.ndarray,
    aside: np.ndarray,
    *,
    n_permutations: int,
    rng: np.random.Generator,
) -> Contrasts:
    """Estimate and test the contrast of each pair, beside additive models of one response or of two.

    The contrast solves sum z (y - logistic(eta + contrast both)) = 0, where z is what the indicator of both has beyond
    all `columns` and the curve (weighted by the variance of the response): to first order neither errors nor the
    penalty of the additive model matter (contrasts of 1 come out by up to a fifth too large or small, where the pair is
    much of what bends the curve). Standard errors are sandwich estimates. For the test the residuals of all
    responses are permuted together among rows of similar fitted probabilities (16 strata), and the score divided by
    its standard error is compared.

    Parameters
    ----------
    fits
        Additive models, the contrasts of which add up with their signs.
    columns
        float64, n x q: what contrasts are to be beyond of.
    both
        bool, n x k: where both of a pair are.
    aside
        bool, n x k: rows that take no part in the contrast of a pair: they have a level of their own.
    n_permutations
        At most; tests stop early. 0 leaves the test out.
    rng
        Generator of the permutations.
    """
    estimates, influences, scores = [], [], []
    for fit in fits:
        beside = np.column_stack([fit.curve, columns * fit.slope[:, None]])
        z = _beyond(beside, fit.probability * (1 - fit.probability), both, aside)
        estimate, influence, score = _solved(fit, z, both)
        estimates.append(fit.sign * estimate)
        influences.append(fit.sign * influence)
        scores.append(fit.sign * score)
    n = len(columns)
    # residuals of a fit are smaller than errors
    inflation = np.sqrt(n / max(n - 1 - max(fit.n_columns for fit in fits), 1))
    error = inflation * np.sqrt((np.sum(influences, axis=0) ** 2).sum(axis=0))
    untested = np.full(both.shape[1], np.nan)
    p = _permutation_p(fits, scores, inflation, n_permutations, rng) if n_permutations else untested
    return Contrasts(np.sum(estimates, axis=0), error, p)


def _beyond(columns: np.ndarray, weights: np.ndarray, both: np.ndarray, aside: np.ndarray) -> np.ndarray:
    """Return what indicators have beyond the columns and the rows that stand aside, weighted, float64, n x k."""
    root = np.sqrt(weights)[:, None]
    scaled = columns * root
    scaled /= np.maximum(np.linalg.norm(scaled, axis=0), np.finfo(float).tiny)
    size, directions = np.linalg.eigh(scaled.T @ scaled)
    kept = size > _RANK * size[-1]
    basis = scaled @ (directions[:, kept] / np.sqrt(size[kept]))

    def without_columns(indicator: np.ndarray) -> np.ndarray:
        weighted = indicator * root
        return weighted - basis @ (basis.T @ weighted)

    left, out = without_columns(both), without_columns(aside)
    square = (out**2).sum(axis=0)
    varies = square > _RANK * len(columns)
    left -= out * np.divide((left * out).sum(axis=0), square, out=np.zeros_like(square), where=varies)
    return left / root


def _solved(fit: AdditiveFit, z: np.ndarray, both: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the contrast, each row's influence on it, and what each residual adds to the score, per unit of it."""
    p, residual = fit.probability, fit.residual
    estimate, influence, score = np.zeros(z.shape[1]), np.empty_like(z), np.empty_like(z)
    for k in range(z.shape[1]):
        rows, own = np.flatnonzero(both[:, k]), z[:, k]
        eta, weight, total = fit.eta[rows], own[rows], float(own @ residual)

        def excess(
            beta: float, eta: np.ndarray = eta, weight: np.ndarray = weight, total: float = total,
            before: np.ndarray = p[rows],
        ) -> float:  # fmt: skip
            return total - float(weight @ (logistic(eta + beta) - before))

        ends = excess(-_LARGEST), excess(_LARGEST)
        if np.sign(ends[0]) == np.sign(ends[1]):
            estimate[k] = np.sign(total) * _LARGEST
        else:
            estimate[k] = brentq(excess, -_LARGEST, _LARGEST, xtol=1e-9)
        after = residual.copy()
        fitted = logistic(eta + estimate[k])
        after[rows] = fit.y[rows] - fitted
        influence[:, k] = own * after / _positive(weight @ (fitted * (1 - fitted)))
        score[:, k] = own / _positive(weight @ (p[rows] * (1 - p[rows])))
    return estimate, influence, score


def _positive(value: float) -> float:
    return max(float(value), np.finfo(float).tiny)


def _permutation_p(
    fits: Sequence[AdditiveFit], scores: list[np.ndarray], inflation: float, n_permutations: int,
    rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    residuals = [fit.residual for fit in fits]
    per_fit = round(_STRATA ** (1 / len(fits)))
    labels = [quantile_strata(fit.eta, per_fit) for fit in fits]
    strata = np.unique(np.column_stack(labels), axis=0, return_inverse=True)[1].ravel()
    products = [(i, j, scores[i] * scores[j] * (1 + (i != j))) for i in range(len(fits)) for j in range(i, len(fits))]

    def statistics(rows: list[np.ndarray], which: np.ndarray) -> np.ndarray:
        score = sum(row @ part[:, which] for row, part in zip(rows, scores, strict=True))
        square = sum((rows[i] * rows[j]) @ product[:, which] for i, j, product in products)
        return np.abs(score) / np.sqrt(np.maximum(square, np.finfo(float).tiny))

    def permuted(n: int, which: np.ndarray) -> np.ndarray:
        orders = orders_within(strata, n, rng)
        return statistics([residual[orders] for residual in residuals], which)

    observed = statistics([residual[None, :] for residual in residuals], np.arange(scores[0].shape[1]))[0]
    return sequential_p(observed / inflation, permuted, n_permutations)
