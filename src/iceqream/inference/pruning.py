"""Motifs leave a model from the weakest up, and every size on the way is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from iceqream.inference.design_matrix import columns
from iceqream.inference.removal import Regression
from iceqream.models.interactions import Interactions

if TYPE_CHECKING:
    from collections.abc import Callable

    from iceqream.inference.options import FitOptions
    from iceqream.inference.peaks import ModelledPeaks

_FEW = 12
"""Up to so many motifs each size is looked at, above that every second."""


@dataclass(frozen=True, eq=False)
class Pruned:
    """A model of fewer motifs."""

    motifs: np.ndarray
    """Positions among all motifs."""
    eta: np.ndarray
    """Linear predictors of the peaks that were asked for."""


def sizes_up_to(most: int) -> list[int]:
    """Return the numbers of motifs to look at, from 0 to `most`."""
    return [*range(min(_FEW, most) + 1), *range(_FEW + 1 + (most - _FEW - 1) % 2, most + 1, 2)]


def backward_path(
    values: np.ndarray,
    n_motifs: int,
    peaks: ModelledPeaks,
    rows: np.ndarray,
    sizes: list[int],
    *,
    lambda_: float,
    options: FitOptions,
    advance: Callable[[int], object] = lambda _: None,
) -> list[Pruned]:
    """Let those motifs leave that cost least R2 on the training peaks, down to each size.

    What the removal of a motif costs is estimated by a Newton step, anew at each size; then all coefficients are
    fitted anew.

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
    advance
        Called with 1 after each size.

    Returns
    -------
    A model per size, in the order of the sizes.
    """
    regression = Regression.of(values, Interactions.none(), peaks, lambda_, options)
    X = columns(values[rows], Interactions.none())
    left = np.arange(n_motifs)
    found = {}
    for size in sorted(set(sizes), reverse=True):
        if len(left) > size:
            weakest = np.argsort(regression.costs(left.tolist()), kind="stable")[: len(left) - size]
            regression = regression.without(*left[weakest])
            left = np.delete(left, weakest)
        found[size] = Pruned(left, regression.fit.linear_predictor(X))
        advance(1)
    return [found[size] for size in sizes]
