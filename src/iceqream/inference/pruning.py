"""Motifs leave a model from the weakest up, and every size on the way is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from iceqream.inference.design_matrix import columns
from iceqream.inference.removal import Regression
from iceqream.models.interactions import Interactions

if TYPE_CHECKING:
    from iceqream.inference.options import FitOptions
    from iceqream.inference.peaks import ModelledPeaks


@dataclass(frozen=True, eq=False)
class Pruned:
    """A model of fewer motifs."""

    motifs: np.ndarray
    """Positions among all motifs."""
    eta: np.ndarray
    """Linear predictors of the peaks that were asked for."""


def backward_path(
    values: np.ndarray,
    n_motifs: int,
    peaks: ModelledPeaks,
    rows: np.ndarray,
    sizes: list[int],
    *,
    lambda_: float,
    options: FitOptions,
) -> list[Pruned]:
    """Let those motifs leave that cost least R2 on the training peaks, down to each size.

    What the removal of a motif costs is estimated by a Newton step; after each removal all coefficients are fitted
    anew, and the others are judged anew.

    Parameters
    ----------
    values
        Terms' values of the modelled peaks (the motifs first), n x terms, 0-10.
    n_motifs
        How many of the terms are motifs.
    peaks
        dAP, split and weights.
    rows
        Positions of the peaks to predict.
    sizes
        Numbers of motifs; where one is larger than `n_motifs`, all stay.
    lambda_
        The penalty, at every size.
    options
        Constants of the regression.

    Returns
    -------
    A model per size, in the order of the sizes.
    """
    regression = Regression.of(values, Interactions.none(), peaks, lambda_, options)
    X = columns(values[rows], Interactions.none())
    left = np.arange(n_motifs)
    found = {}
    for size in sorted(set(sizes), reverse=True):
        while len(left) > size:
            # one at a time: of two motifs that say the same each costs little as long as the other is there
            weakest = int(regression.costs(left.tolist()).argmin())
            regression = regression.without(int(left[weakest]))
            left = np.delete(left, weakest)
        found[size] = Pruned(left, regression.fit.linear_predictor(X))
    return [found[size] for size in sizes]
