"""Motifs leave a model from the weakest up, and every size on the way is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from iceqream.inference.design_matrix import columns
from iceqream.inference.removal import Regression
from iceqream.models.interactions import Interactions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iceqream.inference.options import FitOptions
    from iceqream.inference.peaks import ModelledPeaks


@dataclass(frozen=True, eq=False)
class Asked:
    """A response that motifs explain together with others, and the peaks to predict."""

    regression: Regression
    """On all motifs; the first terms are the motifs, in the same order in every response."""
    X: np.ndarray
    """Columns of the peaks to predict."""

    @classmethod
    def of(
        cls, values: np.ndarray, peaks: ModelledPeaks, asked: np.ndarray, lambda_: float, options: FitOptions
    ) -> Asked:
        """Fit terms (values of the modelled peaks, n x terms, 0-10) and ask for peaks with the values `asked`."""
        regression = Regression.of(values, Interactions.none(), peaks, lambda_, options)
        return cls(regression, columns(asked, Interactions.none()))


@dataclass(frozen=True, eq=False)
class Pruned:
    """A model of fewer motifs."""

    motifs: np.ndarray
    """Positions among all motifs."""
    eta: list[np.ndarray]
    """Linear predictors of the peaks that were asked for, for each response."""


def backward_path(asked: Sequence[Asked], n_motifs: int, sizes: list[int], *, share: float = 0.0) -> list[Pruned]:
    """Let those motifs leave that cost least R2 on the training peaks, down to each size.

    What the removal of a motif costs, over all responses, is estimated by a Newton step; after each removal all
    coefficients are fitted anew, and the others are judged anew.

    Parameters
    ----------
    asked
        The responses, each with its regression.
    n_motifs
        How many of the terms are motifs.
    sizes
        Numbers of motifs; where one is larger than `n_motifs`, all stay.
    share
        Of the motifs that are left, so many leave at once, one at least: it saves time where there are many.

    Returns
    -------
    A model per size, in the order of the sizes.
    """
    regressions = [one.regression for one in asked]
    left = np.arange(n_motifs)
    found = {}
    for size in sorted(set(sizes), reverse=True):
        while len(left) > size:
            # few at a time: of two motifs that say the same each costs little as long as the other is there
            costs = np.sum([one.costs(left.tolist()) for one in regressions], axis=0)
            n = min(max(int(share * len(left)), 1), len(left) - size)
            weakest = np.argsort(costs, kind="stable")[:n]
            regressions = [one.without(*left[weakest].tolist()) for one in regressions]
            left = np.delete(left, weakest)
        eta = [one.fit.linear_predictor(part.X) for one, part in zip(regressions, asked, strict=True)]
        found[size] = Pruned(left, eta)
    return [found[size] for size in sizes]
