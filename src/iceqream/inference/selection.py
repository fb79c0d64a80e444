"""Level 2: a linear model of raw energies chooses among the motifs that passed the screen."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from iceqream._core.regression import fit_logistic, logistic
from iceqream.inference.final_fit import penalty

if TYPE_CHECKING:
    from collections.abc import Callable

    from iceqream.inference.options import FitOptions
    from iceqream.inference.peaks import ModelledPeaks

logger = logging.getLogger(__name__)

SELECTION_STEPS = 3


@dataclass(frozen=True, eq=False)
class Selection:
    """What the linear model kept."""

    motifs: np.ndarray
    """Positions among the motifs that passed the screen."""
    coefficients: np.ndarray
    """Per unit of normalised energy."""
    predicted: np.ndarray
    """Fitted probability of the linear model of motifs and features, modelled peaks."""
    lambda_: float


def select_motifs(
    values: np.ndarray,
    features: np.ndarray,
    peaks: ModelledPeaks,
    options: FitOptions,
    rng: np.random.Generator,
    *,
    advance: Callable[[int], object] = lambda _: None,
) -> Selection:
    """Keep the motifs with weight in a linear model (METHOD section 6).

    A first fit of the motifs alone keeps |beta| >= `min_coefficient` (all when none is), a second one with the
    features keeps beta != 0 (all when none is).

    Parameters
    ----------
    values
        Normalised energies, modelled peaks x motifs.
    features
        Scaled features, modelled peaks x features.
    peaks
        dAP, split and weights.
    options
        Constants; ``selection_lambda="cv"`` takes the penalty with the lowest held-out deviance in five random folds.
    rng
        Generator of the folds.
    advance
        Called with 1 after each of the `SELECTION_STEPS`: penalty, motifs alone, motifs and features.

    Returns
    -------
    Selection
    """
    y, weights = peaks.response, peaks.training_weights
    lambda_ = penalty(options.selection_lambda, values, peaks, options.l1_ratio, rng)
    advance(1)
    first = fit_logistic(values, y, lambda_=lambda_, l1_ratio=options.l1_ratio, weights=weights)
    advance(1)
    keep = np.flatnonzero(np.abs(first.coefficients) >= options.min_coefficient)
    if len(keep) == 0:
        logger.info("level 2: no |beta| >= %g, all %d motifs go on", options.min_coefficient, values.shape[1])
        keep = np.arange(values.shape[1])
    columns = np.hstack([values[:, keep], features])
    second = fit_logistic(columns, y, lambda_=lambda_, l1_ratio=options.l1_ratio, weights=weights)
    advance(1)
    coefficients = second.coefficients[: len(keep)]
    used = coefficients != 0
    if not used.any():
        coefficients, used = first.coefficients[keep], np.ones(len(keep), dtype=bool)
    logger.info("level 2: %d of %d motifs kept at lambda %.2g", used.sum(), values.shape[1], lambda_)
    return Selection(keep[used], coefficients[used], logistic(second.linear_predictor(columns)), lambda_)
