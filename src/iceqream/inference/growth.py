"""A model grows: the motifs that explain best what it leaves unexplained join, and all are refined together.

How far it grows is decided in folds of the training peaks. Motifs that were learned on all training peaks look useful
on any part of these; so each fold grows a model of its own without the peaks that are held out in it, and the deviance
of these says, after each batch of motifs, what the motifs are worth. Three numbers are those of all training peaks: the
sharpness of the library, the scale of its energies and the penalties.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream._core.columns import moments, products
from iceqream._core.correlation import r2
from iceqream._core.regression import logistic
from iceqream.models.levels import SIZE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable

    from iceqream.inference.refinement import JointFit
    from iceqream.inference.screening import Screen
    from iceqream.motifs import MotifSet

logger = logging.getLogger(__name__)

N_TOGETHER = 4
"""Motifs that join at once, before all are refined."""
ENOUGH_PEAKS = 8_000
"""Folds are held out one after the other until they have so many peaks together: then the differences between sizes
are known well enough, and no large set is fitted five times."""
_MOST_ALIKE = 0.6
"""Absolute correlation of two motifs' energies above which they do not join together: the second would explain what the
first explains."""
_DUPLICATE = 0.9
"""Absolute correlation with a motif of the model above which a candidate is the same motif."""
_PATIENCE = 2
"""Batches without a lower held-out deviance after which growth ends."""
_NULL_ERRORS = 2.0
"""Standard errors by which a model must be better than one without motifs. It is the best of several sizes; of 12 sets
of permuted dAP none passed."""
_TOLERANCE = 0.005
"""Of what the motifs lower the deviance by: so much may be lost to have fewer. With many peaks the deviance goes on
falling by next to nothing after the last motif that matters."""


class Growth:
    """One model that grows.

    Parameters
    ----------
    fit
        The model, without motifs at first.
    library
        All candidates.
    screened
        Those that passed, with their energies.
    rows
        Positions of the fit's peaks among those of the screen.
    """

    def __init__(self, fit: JointFit, library: MotifSet, screened: Screen, rows: np.ndarray) -> None:
        self.fit, self._library, self._screened, self._rows = fit, library, screened, rows
        self._weights = np.zeros(len(screened.held))
        self._weights[rows] = fit.weights.mean(axis=1)
        self._mean, self._sd = moments(screened.held, self._weights)
        self._open = self._sd[screened.columns] > 0

    def extend(self, n: int) -> int:
        """Let up to `n` motifs join whose energies correlate best with the residuals; return how many did."""
        chosen = self._best(n)
        matrices = [self._library.matrix(int(self._screened.motifs[k])) for k in chosen]
        if chosen:
            self.fit.add([str(self._library.names[self._screened.motifs[k]]) for k in chosen], matrices)
        return len(chosen)

    def _best(self, n: int) -> list[int]:
        residuals = self.fit.residuals() * self.fit.weights
        # a score statistic: squared correlations, each response weighed by its number of peaks
        strength = np.sqrt(sum(self._correlation(r) ** 2 / np.sum(r**2) for r in residuals.T))
        strength[~self._open] = 0.0
        for known in self.fit.energy_values.T:
            strength[np.abs(self._likeness(known)) > _DUPLICATE] = 0.0
        chosen: list[int] = []
        while len(chosen) < n and strength.max(initial=0.0) > 0:
            best = int(strength.argmax())
            chosen.append(best)
            self._open[best] = False
            energies = self._screened.held[self._rows, self._screened.columns[best]]
            strength[np.abs(self._likeness(energies)) > _MOST_ALIKE] = 0.0
            strength[best] = 0.0
        return chosen

    def _correlation(self, weighted: np.ndarray) -> np.ndarray:
        """Return the covariance of each candidate with a weighted vector over its own standard deviation."""
        columns = self._screened.columns
        vector = np.zeros(len(self._screened.held))
        vector[self._rows] = weighted
        raw = products(self._screened.held, vector, columns) - self._mean[columns] * vector.sum()
        sd = self._sd[columns]
        return np.divide(raw, sd, out=np.zeros_like(raw), where=sd > 0)

    def _likeness(self, values: np.ndarray) -> np.ndarray:
        """Return the correlation of each candidate with values of the fit's peaks."""
        share = self._weights[self._rows] / self._weights.sum()
        centred = values.astype(np.float64) - share @ values
        length = np.sqrt(share @ centred**2)
        return self._correlation(share * centred) / length if length > 0 else np.zeros(len(self._open))


@dataclass(frozen=True, eq=False)
class FoldGrowth:
    """A growth on a part of the training peaks."""

    growth: Growth
    held_out: np.ndarray
    """Positions of the peaks that it does not learn from, among its own."""
    weights: np.ndarray
    """float64, held-out peaks x responses."""
    eta: list[np.ndarray]
    """Linear predictors of the held-out peaks after each batch."""

    def record(self) -> None:
        """Note what the model predicts now."""
        self.eta.append(self.growth.fit.linear_predictors()[self.held_out])


def held_out_parts(n: int, n_folds: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Return, for each fold that is needed, the positions of the training peaks that are held out."""
    labels = rng.permutation(np.arange(n) % n_folds) if n_folds else np.empty(0)
    return [np.flatnonzero(labels == k) for k in range(min(n_folds, -(-ENOUGH_PEAKS * n_folds // n)))]


def grow(
    growth: Growth,
    folds: list[FoldGrowth],
    *,
    dap: np.ndarray,
    max_motifs: int,
    refine: bool,
    penalties: Callable[[JointFit], list[float]],
    advance: Callable[[int], object] = lambda _: None,
) -> tuple[JointFit, list[float], pd.DataFrame]:
    """Let a model and its folds grow side by side, as long as the folds get better.

    Parameters
    ----------
    growth
        On all training peaks.
    folds
        Without parts of them; without any, the model grows to `max_motifs`.
    dap
        float64, training peaks x responses, for R2.
    max_motifs
        Motifs at most.
    refine
        Whether PSSMs and curves are learned after each batch.
    penalties
        Returns the penalty of each response for a fit.
    advance
        Called with the number of motifs that joined.

    Returns
    -------
    The model at the size of the lowest held-out deviance, its penalties, and the table of sizes (`SIZE_COLUMNS`).
    """
    lambdas = penalties(growth.fit)
    for one in (growth, *(fold.growth for fold in folds)):
        one.fit.refit(lambdas)
    for fold in folds:
        fold.record()
    stages = [(growth.fit.copy(), lambdas)]
    table = held_out_deviance(folds, dap, [0])
    while len(growth.fit) < max_motifs:
        joined = growth.extend(min(N_TOGETHER, max_motifs - len(growth.fit)))
        if joined == 0:
            break
        lambdas = penalties(growth.fit)
        growth.fit.refit(lambdas)
        if refine:
            growth.fit.learn(lambdas)
        for fold in folds:
            fold.growth.extend(joined)
            fold.growth.fit.refit(lambdas)
            if refine:
                fold.growth.fit.learn(lambdas)
            fold.record()
        advance(joined)
        stages.append((growth.fit.copy(), lambdas))
        if folds:
            table = held_out_deviance(folds, dap, [len(fit) for fit, _ in stages])
            if int(table["deviance"].argmin()) + _PATIENCE < len(stages):
                break
    best = best_stage(table) if folds else len(stages) - 1
    return *stages[best], table


def held_out_deviance(folds: list[FoldGrowth], dap: np.ndarray, sizes: list[int]) -> pd.DataFrame:
    """Return the held-out deviance of models of each size, over all folds and responses.

    Returns
    -------
    DataFrame with `SIZE_COLUMNS`: motifs; deviance, the mean over the held-out peaks; standard_error of its difference
    to the lowest, from the differences of each peak; r2, the mean over folds and responses of the squared correlation.
    """
    if not folds:
        return pd.DataFrame(columns=list(SIZE_COLUMNS))
    fit = folds[0].growth.fit
    rows = np.concatenate([fold.held_out for fold in folds])
    weights = np.concatenate([fold.weights for fold in folds])
    eta = np.array([np.concatenate([fold.eta[k] for fold in folds]) for k in range(len(sizes))])
    # each response counts alike, as in learning
    share = weights / weights.sum(axis=0) / weights.shape[1]
    loss = 2 * (share * (np.logaddexp(0.0, eta) - fit.response[rows] * eta)).sum(axis=2)
    deviance = loss.sum(axis=1)
    difference = loss - loss[deviance.argmin()]
    n = len(rows)
    error = np.sqrt(n * difference.var(axis=1))
    scores = [
        np.mean([
            r2(logistic(fold.eta[k][:, t]), dap[fold.held_out, t])
            for fold in folds for t in range(dap.shape[1])
        ])
        for k in range(len(sizes))
    ]  # fmt: skip
    return pd.DataFrame(dict(zip(SIZE_COLUMNS, (sizes, deviance, error, scores), strict=True)))


def best_stage(table: pd.DataFrame) -> int:
    """Return the position of the fewest motifs with nearly the lowest held-out deviance.

    None, if they do not lower it by two standard errors. Between sizes the one-standard-error rule would take fewer and
    lose R2 on blood cells: the curve is flat at its end, but steep below a dozen motifs.
    """
    deviance, error = table["deviance"].to_numpy(), table["standard_error"].to_numpy()
    gain = deviance[0] - deviance.min()
    if gain <= _NULL_ERRORS * error[0]:
        return 0
    return int(np.argmax(deviance <= deviance.min() + _TOLERANCE * gain))
