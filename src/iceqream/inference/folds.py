"""How many motifs a model should have, decided by whole inferences in folds of the training peaks.

Motifs that were learned on all training peaks look useful on any part of these. So each fold learns its own, from the
screen to the spatial curves, without the peaks that are held out in it; its weakest motifs then leave one by one, and
the deviance of the held-out peaks says at each size what the motifs are worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream._core.correlation import r2
from iceqream._core.regression import logistic
from iceqream.inference.design_matrix import columns
from iceqream.inference.filtering import Elimination
from iceqream.models.interactions import Interactions
from iceqream.models.levels import SIZE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from iceqream._core.regression import LogisticFit
    from iceqream.inference.levels import Inference
    from iceqream.inference.options import FitOptions
    from iceqream.inference.peaks import ModelledPeaks
    from iceqream.models.trajectory import TrajectoryModel

N_FOLDS = 5
ENOUGH_PEAKS = 8_000
"""Folds are held out one after the other until they have so many peaks together: then the differences between sizes
are known well enough, and no large set is fitted five times."""


@dataclass(frozen=True, eq=False)
class Path:
    """A model's motifs leave one by one, the weakest first."""

    order: list[int]
    """Positions of the motifs in the order in which they leave."""
    eta: np.ndarray
    """Linear predictor of the held-out peaks with 0, 1, ... motifs; float64, sizes x peaks."""

    def kept(self, size: int) -> np.ndarray:
        """Return the positions of the motifs that are left at a size."""
        return np.sort(np.array(self.order[max(len(self.order) - size, 0) :], dtype=np.int64))

    def at(self, size: int) -> np.ndarray:
        """Return the linear predictor at a size, or at the largest one there is."""
        return self.eta[min(size, len(self.eta) - 1)]


@dataclass(frozen=True, eq=False)
class Fold:
    """An inference on a part of the training peaks, whose other part is held out."""

    run: Inference
    """On the training peaks alone: `run.peaks.is_train` is false for those that are held out here."""
    model: TrajectoryModel
    """After the curve pass, with all its motifs."""
    fit: LogisticFit
    path: Path

    def of_size(self, size: int) -> tuple[TrajectoryModel, LogisticFit]:
        """Return the fold's model of so many motifs; `run.terms(model.pbms)` are the values of its terms."""
        pbms = self.model.pbms.take(self.path.kept(size))
        return self.run.fitted(pbms, Interactions.none(), self.fit.lambda_)


def held_out_parts(peaks: ModelledPeaks, rng: np.random.Generator) -> list[np.ndarray]:
    """Return, for each fold, which of the training peaks are held out (bool, training peaks)."""
    n = int(peaks.is_train.sum())
    n_held_out = min(N_FOLDS, -(-ENOUGH_PEAKS * N_FOLDS // n))
    labels = rng.permutation(np.arange(n) % N_FOLDS)
    return [labels == k for k in range(n_held_out)]


def backward_path(
    model: TrajectoryModel,
    values: np.ndarray,
    peaks: ModelledPeaks,
    *,
    lambda_: float,
    options: FitOptions,
    advance: Callable[[int], object] = lambda _: None,
) -> Path:
    """Drop a model's motifs from the weakest up, those with little information first, and follow the held-out peaks."""
    X = columns(values[~peaks.is_train], Interactions.none())
    elimination = Elimination(model, values, peaks, lambda_=lambda_, options=options, advance=advance)
    elimination.drop_uninformative(options.min_bits, least=0)
    first = len(elimination.why)
    eta = [elimination.fit.linear_predictor(X)]
    while elimination.left:
        elimination.drop_weakest("")
        eta.append(elimination.fit.linear_predictor(X))
    # motifs without information belong to no size
    return Path(list(elimination.why)[first:], np.array(eta[::-1]))


def deviance_by_size(folds: Sequence[Fold]) -> pd.DataFrame:
    """Return the held-out deviance of models with 0, 1, ... motifs, over all folds.

    Returns
    -------
    DataFrame with `SIZE_COLUMNS`: motifs; deviance, the mean over the held-out peaks; standard_error of its difference
    to the lowest, from the differences of each peak; r2, the mean over the folds of the squared correlation.
    """
    sizes = range(max(len(fold.path.eta) for fold in folds))
    held_out = [~fold.run.peaks.is_train for fold in folds]
    y = np.concatenate([fold.run.peaks.response[out] for fold, out in zip(folds, held_out, strict=True)])
    weights = np.concatenate([
        np.ones(out.sum()) if fold.run.peaks.weights is None else fold.run.peaks.weights[out]
        for fold, out in zip(folds, held_out, strict=True)
    ])  # fmt: skip
    share = weights / weights.sum()
    eta = np.array([np.concatenate([fold.path.at(size) for fold in folds]) for size in sizes])
    loss = 2 * (np.logaddexp(0.0, eta) - y * eta)
    deviance = loss @ share
    difference = loss - loss[deviance.argmin()]
    centred = difference - (difference @ share)[:, None]
    error = np.sqrt(((share * centred) ** 2).sum(axis=1))
    scores = [
        np.nan_to_num([r2(logistic(fold.path.at(size)), fold.run.peaks.dap[out]) for size in sizes])
        for fold, out in zip(folds, held_out, strict=True)
    ]
    table = (list(sizes), deviance, error, np.mean(scores, axis=0))
    return pd.DataFrame(dict(zip(SIZE_COLUMNS, table, strict=True)))


def best_size(table: pd.DataFrame) -> int:
    """Return the number of motifs with the lowest held-out deviance, the fewest of equals.

    The one-standard-error rule takes fewer and loses R2: the curve is flat at its end, but steep below a dozen motifs.
    """
    return int(table["motifs"].iloc[int(table["deviance"].argmin())])
