"""Spatial curves learned from dAP itself, after the motifs are known.

A cluster's partial response is made of energies that weigh all positions alike, so it says little about where a motif
acts. What the other terms leave unexplained does: each motif's curve is fitted again, with its PSSM as it is, to its
own partial response plus the residual of the model (the partial residual of an additive model).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from iceqream._core import prego
from iceqream._core.energy import SpatialCurves, with_pseudo_probability
from iceqream._core.regression import logistic
from iceqream.inference.consolidation import most_informative

if TYPE_CHECKING:
    from collections.abc import Callable

    from iceqream.inference.peaks import ModelledPeaks
    from iceqream.models.trajectory import TrajectoryModel
    from iceqream.motifs.pbm import PBMSet

_MIN_IMPROVEMENT = 1e-5
"""Of R2: one motif explains little of a residual."""
_LEAST_VARIANCE = 1e-3


def refined_curves(
    model: TrajectoryModel,
    values: np.ndarray,
    peaks: ModelledPeaks,
    codes: np.ndarray,
    *,
    advance: Callable[[int], object] = lambda _: None,
) -> PBMSet:
    """Fit each motif's spatial curve to its partial residual on the training peaks.

    Parameters
    ----------
    model, values, peaks
        A fitted model, its terms' values and dAP of the modelled peaks.
    codes
        Their sequences.
    advance
        Called with 1 after each motif.

    Returns
    -------
    The motifs with other curves; their 0-10 scale has to be learned anew.
    """
    train = peaks.training_weights > 0
    probability = logistic(model.linear_predictor(values[train]))
    variance = np.maximum(probability * (1 - probability), _LEAST_VARIANCE)
    residual = (peaks.response[train] - probability) / variance
    responses = model.partial_responses_of(values[train])
    start, bin_size, n_bins = prego.spatial_bins(codes.shape[1], None, None)
    region = np.ascontiguousarray(codes[train][:, start : start + n_bins * bin_size])
    known = model.pbms.spatial
    same_bins = (known.start, known.bin_size, known.weights.shape[1]) == (start, bin_size, n_bins)
    curves = np.empty((len(model.pbms), n_bins))
    for i in range(len(model.pbms)):
        matrix = most_informative(model.pbms.motifs.matrix(i), min(prego.MAX_LENGTH, region.shape[1]))
        curves[i] = prego.optimize(
            region,
            (responses[:, i] + residual)[:, None],
            with_pseudo_probability(matrix, model.pbms.pseudo_probability),
            known.weights[i] if same_bins else np.full(n_bins, 1.0 / n_bins),
            bin_size,
            optimize_pwm=False,
            min_improvement=_MIN_IMPROVEMENT,
        ).spatial
        advance(1)
    return replace(model.pbms, spatial=SpatialCurves(curves, start, bin_size))
