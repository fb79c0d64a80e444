"""Solver of the penalised fractional logistic regression: proximal Newton steps on working sets of columns.

Built for tall matrices with many correlated columns and for paths of penalties: columns join a working set when they
violate the optimality conditions; the Hessian of the working set is computed once, extended when columns join, and kept
along the path, since the curvature p (1 - p) of a fractional response changes little. Gradients are exact, so the
solution does not depend on how old the Hessian is; only the number of steps does. The matrix is never copied whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from iceqream._core.columns import combination, moments, products, standardize

SMALL = 100
"""Up to this many columns are solved at once; larger problems start with as many and grow."""
_MAX_ROUNDS = 50
_MAX_STEPS = 200
_MAX_SWEEPS = 1_000
_SWEEPS = 20
_SOLVES = 5
_MAX_HALVINGS = 20
_STALE = 5
"""Steps after which the Hessian is computed anew."""
_JITTER = {"float32": 3e-6, "float64": 1e-10}
"""Relative to the mean diagonal of the Hessian, whose rounding errors must not make it indefinite."""


@dataclass(frozen=True)
class Solution:
    """Coefficients on standardised columns, and how good they are."""

    centre: float
    """Linear predictor of a row of average values."""
    scaled: np.ndarray
    objective: float
    kkt: float
    n_iterations: int


class Problem:
    """One response and one tall matrix, with weights; rows of weight 0 take no part."""

    def __init__(
        self, X: np.ndarray, y: np.ndarray, weights: np.ndarray | None, factors: np.ndarray | None = None
    ) -> None:
        self.X = np.asfortranarray(X)
        self.y = y
        n = len(y)
        self.weights = (
            np.full(n, 1.0 / n) if weights is None else np.asarray(weights, dtype=np.float64) / np.sum(weights)
        )
        self.mean, self.sd = moments(self.X, self.weights)
        self.varies = self.sd > 1e-10 * np.maximum(np.abs(self.mean), 1.0)
        if factors is not None:
            # a column standardised to a variance below 1 needs a larger coefficient, which is penalised more
            self.sd = self.sd * factors
        self.average = float(self.weights @ y)
        limited = min(max(self.average, 1e-12), 1 - 1e-12)
        self.null = float(np.log(limited / (1 - limited)))
        """Intercept of the model without columns."""
        self._rows = np.flatnonzero(self.weights > 0)
        self._working = np.array([], dtype=np.int64)
        dtype = np.float32 if X.dtype == np.float32 else np.float64
        self._columns = np.empty((len(self._rows), 0), dtype=dtype, order="F")
        self._hessian = np.zeros((1, 1))
        self._curvature = np.array([])

    def gradient(self, residual: np.ndarray) -> np.ndarray:
        """Return the gradient of the mean loss for standardised coefficients, given weights * (p - y)."""
        raw = products(self.X, residual) - self.mean * residual.sum()
        return np.divide(raw, self.sd, out=np.zeros_like(raw), where=self.varies)

    def solve(self, lambda_: float, l1_ratio: float, tolerance: float, centre: float, scaled: np.ndarray) -> Solution:
        """Minimise the penalised loss from a starting point until no condition is violated by more than `tolerance`.

        A starting point that is worse than no columns at all (it may leave no curvature to start with) is not used.
        """
        p = self.X.shape[1]
        l1, ridge = lambda_ * l1_ratio, lambda_ * (1 - l1_ratio)
        scaled = np.where(self.varies, scaled, 0.0)
        solvable = bool(self.varies.any()) and 0.0 < self.average < 1.0
        eta = self._eta(centre, scaled)
        if not solvable or not self._objective(eta, scaled, l1, ridge) <= self._null_objective():
            centre, scaled = self.null, np.zeros(p)
            eta = self._eta(centre, scaled)
        residual = self._residual(eta)
        gradient = self.gradient(residual) + ridge * scaled
        n_steps = 0
        for _ in range(_MAX_ROUNDS if solvable else 0):
            working = self._grown(gradient, scaled, l1, tolerance)
            # the intercept may have to move although no column does
            if len(working) > len(self._working) or len(self._curvature) == 0:
                self._extend(working, eta)
            centre, scaled, eta, steps = self._descend(centre, scaled, eta, l1, ridge, tolerance)
            n_steps += steps
            residual = self._residual(eta)
            gradient = self.gradient(residual) + ridge * scaled
            outside = np.abs(gradient) - l1
            outside[self._working] = 0.0
            if outside.max(initial=0.0) <= tolerance:
                break
        violation = np.where(scaled != 0, np.abs(gradient + l1 * np.sign(scaled)), np.abs(gradient) - l1)
        kkt = max(abs(float(residual.sum())), float(violation.max(initial=0.0)))
        return Solution(centre, scaled, self._objective(eta, scaled, l1, ridge), kkt, n_steps)

    def _eta(self, centre: float, scaled: np.ndarray) -> np.ndarray:
        used = np.flatnonzero(scaled)
        slope = scaled[used] / self.sd[used]
        return centre - float(self.mean[used] @ slope) + combination(self.X, used, slope)

    def _residual(self, eta: np.ndarray) -> np.ndarray:
        return self.weights * (np.exp(-np.logaddexp(0.0, -eta)) - self.y)

    def _null_objective(self) -> float:
        return float(np.logaddexp(0.0, self.null)) - self.average * self.null

    def _objective(self, eta: np.ndarray, scaled: np.ndarray, l1: float, ridge: float) -> float:
        loss = float(self.weights @ (np.logaddexp(0.0, eta) - self.y * eta))
        return loss + l1 * float(np.abs(scaled).sum()) + ridge / 2 * float(scaled @ scaled)

    def _grown(self, gradient: np.ndarray, scaled: np.ndarray, l1: float, tolerance: float) -> np.ndarray:
        """Return the working set, its old columns first, with those that violate their condition most."""
        if l1 == 0 or self.X.shape[1] <= SMALL:
            new = np.flatnonzero(self.varies)
        else:
            excess = np.abs(gradient) - l1
            excess[self._working] = 0.0
            order = np.argsort(-excess, kind="stable")[: max(SMALL, len(self._working))]
            new = np.union1d(order[excess[order] > tolerance], np.flatnonzero(scaled))
        return np.concatenate([self._working, np.setdiff1d(new, self._working)]).astype(np.int64)

    def _extend(self, working: np.ndarray, eta: np.ndarray) -> None:
        """Standardise the columns that join and compute their part of the Hessian."""
        joined = working[len(self._working) :]
        together = np.empty((len(self._rows), len(working)), dtype=self._columns.dtype, order="F")
        together[:, : len(self._working)] = self._columns
        block = together[:, len(self._working) :]
        standardize(self.X, self._rows, joined, self.mean[joined], self.sd[joined], block)
        if len(self._curvature) == 0:
            self._curvature = self._current_curvature(eta)
        n_old, n_new = len(self._working), len(working)
        weighted = self._curvature[:, None].astype(block.dtype) * block
        hessian = np.zeros((n_new + 1, n_new + 1))
        hessian[: n_old + 1, : n_old + 1] = self._hessian
        hessian[0, 0] = self._curvature.sum()
        cross = self._columns.T @ weighted
        hessian[1 : n_old + 1, n_old + 1 :] = cross
        hessian[n_old + 1 :, 1 : n_old + 1] = cross.T
        hessian[n_old + 1 :, n_old + 1 :] = block.T @ weighted
        hessian[0, n_old + 1 :] = hessian[n_old + 1 :, 0] = weighted.sum(axis=0, dtype=np.float64)
        self._columns, self._working, self._hessian = together, working, hessian

    def _refresh(self, eta: np.ndarray) -> None:
        """Compute the Hessian of the working set anew."""
        self._curvature = self._current_curvature(eta)
        weighted = self._curvature[:, None].astype(self._columns.dtype) * self._columns
        self._hessian[0, 0] = self._curvature.sum()
        self._hessian[0, 1:] = self._hessian[1:, 0] = weighted.sum(axis=0, dtype=np.float64)
        self._hessian[1:, 1:] = self._columns.T @ weighted

    def _current_curvature(self, eta: np.ndarray) -> np.ndarray:
        probability = np.exp(-np.logaddexp(0.0, -eta[self._rows]))
        return self.weights[self._rows] * probability * (1 - probability)

    def _descend(
        self, centre: float, scaled: np.ndarray, eta: np.ndarray, l1: float, ridge: float, tolerance: float
    ) -> tuple[float, np.ndarray, np.ndarray, int]:
        """Take proximal Newton steps on the working set until its conditions hold."""
        working = self._working
        beta = scaled[working]
        objective = self._objective(eta, scaled, l1, ridge)
        for step in range(_MAX_STEPS):
            residual = self._residual(eta)
            total = float(residual.sum())
            raw = self._columns.T @ residual[self._rows].astype(self._columns.dtype)
            if self._columns.dtype == np.float32:
                # single precision is enough for the Hessian, not for what decides
                raw = (products(self.X, residual, working) - self.mean[working] * total) / self.sd[working]
            gradient = np.concatenate([[total], raw + ridge * beta])
            smooth = gradient[1:]
            violation = np.where(beta != 0, np.abs(smooth + l1 * np.sign(beta)), np.abs(smooth) - l1)
            worst = max(abs(total), float(violation.max(initial=0.0)))
            if worst <= 0.5 * tolerance:
                return centre, scaled, eta, step
            if step and step % _STALE == 0:
                self._refresh(eta)
            target = self._step(gradient, centre, beta, l1, ridge, min(tolerance, 0.05 * worst))
            share = 1.0
            for _ in range(_MAX_HALVINGS):
                new_centre = centre + share * (target[0] - centre)
                new = scaled.copy()
                new[working] = beta + share * (target[1:] - beta)
                new_eta = self._eta(new_centre, new)
                new_objective = self._objective(new_eta, new, l1, ridge)
                if new_objective <= objective + 1e-14 * abs(objective):
                    break
                share /= 2
                self._refresh(eta)
            else:
                return centre, scaled, eta, step
            centre, scaled, eta, objective = new_centre, new, new_eta, new_objective
            beta = scaled[working]
        return centre, scaled, eta, _MAX_STEPS

    def _step(
        self, gradient: np.ndarray, centre: float, beta: np.ndarray, l1: float, ridge: float, tolerance: float
    ) -> np.ndarray:
        """Return the minimiser of the quadratic model, intercept first."""
        start = np.concatenate([[centre], beta])
        hessian = self._hessian.copy()
        diagonal = np.diag_indices_from(hessian)
        hessian[diagonal] += _JITTER[self._columns.dtype.name] * hessian.trace() / len(hessian)
        hessian[1:, 1:][np.diag_indices(len(beta))] += ridge
        if l1 == 0:
            return start - np.linalg.solve(hessian, gradient)
        penalty = np.full(len(start), l1)
        penalty[0] = 0.0
        return _quadratic_minimum(hessian, gradient, start, penalty, tolerance)


def _quadratic_minimum(
    hessian: np.ndarray, gradient: np.ndarray, start: np.ndarray, penalty: np.ndarray, tolerance: float
) -> np.ndarray:
    """Minimise gradient.d + d.H.d / 2 + sum penalty |start + d|; return start + d.

    A few sweeps of coordinate descent find which coefficients matter; with these and their signs known the minimum
    follows from linear equations, which correlated columns do not slow down. A coefficient that would change its sign
    on the way stops at zero.
    """
    at, slope = start.copy(), gradient.copy()
    for _ in range(_MAX_SWEEPS):
        if _sweep(hessian, at, slope, penalty, _SWEEPS) <= tolerance:
            break
        for _ in range(_SOLVES):
            used = np.flatnonzero((at != 0) | (penalty == 0))
            block = hessian[np.ix_(used, used)]
            try:
                step = -cho_solve(cho_factor(block), slope[used] + penalty[used] * np.sign(at[used]))
            except LinAlgError:  # equal columns in single precision: sweeps go on alone
                break
            target = at[used] + step
            crossing = (target * at[used] < 0) & (penalty[used] > 0)
            share = np.where(crossing, at[used] / np.where(crossing, at[used] - target, 1.0), 1.0)
            length = float(share.min())
            at[used] += length * step
            slope += hessian[:, used] @ (length * step)
            if length == 1.0:
                break
            at[used[share == length]] = 0.0
    return at


@numba.njit(cache=True)
def _sweep(hessian: np.ndarray, at: np.ndarray, slope: np.ndarray, penalty: np.ndarray, n_sweeps: int) -> float:
    """Change `at` and `slope` by cyclic coordinate descent; return the last sweep's largest change of a gradient."""
    n = len(at)
    worst = 0.0
    for _ in range(n_sweeps):
        worst = 0.0
        for j in range(n):
            curvature = hessian[j, j]
            free = at[j] - slope[j] / curvature
            shrunk = max(abs(free) - penalty[j] / curvature, 0.0)
            change = (shrunk if free > 0 else -shrunk) - at[j]
            if change != 0.0:
                at[j] += change
                for k in range(n):
                    slope[k] += change * hessian[j, k]
                worst = max(worst, abs(change) * curvature)
    return worst
