"""Which terms of a model are behind the difference of two predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from iceqream.models import TrajectoryModel


def term_changes(model: TrajectoryModel, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return what each term adds to the change of the linear predictor between two sequences.

    A term's change is that of its own response and its share of its pairs'. What a pair changes by is shared as the
    average over both orders in which its terms may change, so the shares sum up to it (Shapley values).

    Parameters
    ----------
    model
        The model.
    before, after
        Terms' values, n x terms, 0-10 (`TrajectoryModel.values`).

    Returns
    -------
    float64, n x terms, logit units; a row sums up to the difference of the two linear predictors.
    """
    changes = model.partial_responses_of(after) - model.partial_responses_of(before)
    pairs = model.interactions
    if len(pairs) == 0:
        return changes
    x, y = (before[:, part].astype(np.float64) for part in (pairs.first, pairs.second))
    new_x, new_y = (after[:, part].astype(np.float64) for part in (pairs.first, pairs.second))
    neither, both = pairs.added_by(x * y), pairs.added_by(new_x * new_y)
    # the second term's change given either value of the first is half the rest
    of_first = (pairs.added_by(new_x * y) - neither + both - pairs.added_by(x * new_y)) / 2
    of_second = both - neither - of_first
    for k, (first, second) in enumerate(zip(pairs.first, pairs.second, strict=True)):
        changes[:, first] += of_first[:, k]
        changes[:, second] += of_second[:, k]
    return changes
