"""How many motifs a model needs: the deviance of peaks that are held out, by the number of motifs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

from iceqream._core.correlation import r2
from iceqream._core.regression import logistic
from iceqream.models.levels import SIZE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

ENOUGH_PEAKS = 2_000
"""Folds are held out one after the other until they have so many peaks together: then the differences between sizes
are known well enough, and no large set is fitted five times."""
_NULL_ERRORS = 3.0
"""Standard errors by which a model must be better than one without motifs. Two would not do: it is the best of several
sizes and ways, and a motif that fits all training peaks by chance does so in every part that is held out. Of 12 sets of
permuted dAP one came to 2.1."""
_TOLERANCE = 0.02
"""Of what the motifs lower the deviance by: so much may be lost to have fewer. With many peaks the deviance goes on
falling by next to nothing after the last motif that matters."""


_LARGEST_SLOPE = 2.0


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Peaks that were held out, and what models of each size predict for them."""

    response: np.ndarray
    """0-1, float64, n x responses."""
    dap: np.ndarray
    """float64, n x responses."""
    weights: np.ndarray
    """float64, n x responses; 0 where a peak does not count for a response."""
    eta: Sequence[np.ndarray]
    """Linear predictors, one array of n x responses per size."""


def held_out_parts(n: int, n_folds: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Return, for each fold that is needed, the positions of the training peaks that are held out."""
    labels = rng.permutation(np.arange(n) % n_folds) if n_folds else np.empty(0)
    return [np.flatnonzero(labels == k) for k in range(min(n_folds, -(-ENOUGH_PEAKS * n_folds // n)))]


def held_out_deviance(folds: list[HeldOut], sizes: Sequence[int]) -> pd.DataFrame:
    """Return the held-out deviance of models of each size, over all folds and responses.

    What a model adds to that of the first size is scaled by one number, at which the deviance is lowest: with few peaks
    motifs say too much, by the more the more there are, and still say more than none.

    Returns
    -------
    DataFrame with `SIZE_COLUMNS`: motifs; deviance, the mean over the held-out peaks; standard_error of its difference
    to the lowest, from the differences of each peak; r2, the mean over folds and responses of the squared correlation.
    """
    if not folds:
        return pd.DataFrame(columns=list(SIZE_COLUMNS))
    response = np.concatenate([fold.response for fold in folds])
    weights = np.concatenate([fold.weights for fold in folds])
    eta = np.array([np.concatenate([fold.eta[k] for fold in folds]) for k in range(len(sizes))])
    # each response counts alike, as in learning
    share = weights / weights.sum(axis=0) / weights.shape[1]
    loss = np.array([_losses(one, eta[0], response, share) for one in eta])
    deviance = loss.sum(axis=1)
    difference = loss - loss[deviance.argmin()]
    n = len(response)
    error = np.sqrt(n * difference.var(axis=1))
    scores = [
        np.mean([
            r2(logistic(fold.eta[k][used, t]), fold.dap[used, t])
            for fold in folds for t, used in enumerate(fold.weights.T > 0)
        ])
        for k in range(len(sizes))
    ]  # fmt: skip
    return pd.DataFrame(dict(zip(SIZE_COLUMNS, (sizes, deviance, error, scores), strict=True)))


def _losses(eta: np.ndarray, base: np.ndarray, response: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return what each peak adds to the deviance, at the best scale of each response's difference to the base."""

    def loss(slope: float, t: int) -> np.ndarray:
        scaled = base[:, t] + slope * (eta[:, t] - base[:, t])
        return 2 * share[:, t] * (np.logaddexp(0.0, scaled) - response[:, t] * scaled)

    losses = np.zeros(len(eta))
    for t in range(eta.shape[1]):
        slope = 1.0
        if (eta[:, t] != base[:, t]).any():
            slope = minimize_scalar(lambda b, t=t: loss(b, t).sum(), bounds=(0, _LARGEST_SLOPE), method="bounded").x
        losses += loss(slope, t)
    return losses


def best_size(table: pd.DataFrame) -> int:
    """Return the position of the fewest motifs with nearly the lowest held-out deviance.

    None, if they do not lower it by three standard errors. Between sizes the one-standard-error rule would take fewer
    and lose R2 on blood cells: the curve is flat at its end, but steep below a dozen motifs.
    """
    deviance, error = table["deviance"].to_numpy(), table["standard_error"].to_numpy()
    gain = deviance[0] - deviance.min()
    if gain <= _NULL_ERRORS * error[0]:
        return 0
    return int(np.argmax(deviance <= deviance.min() + _TOLERANCE * gain))
