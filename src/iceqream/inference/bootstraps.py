"""Coefficients on resamples of the training peaks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream._core.regression import LogisticFit, fit_logistic
from iceqream._core.response import N_RESPONSES
from iceqream.inference.design_matrix import columns, penalty_factors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iceqream.inference.options import FitOptions
    from iceqream.inference.peaks import ModelledPeaks
    from iceqream.models.trajectory import TrajectoryModel


def bootstraps(
    model: TrajectoryModel,
    values: np.ndarray,
    peaks: ModelledPeaks,
    lambda_: float,
    options: FitOptions,
    n: int,
    rng: np.random.Generator,
) -> Iterator[LogisticFit]:
    """Yield fits of a model's coefficients to resamples of its training peaks; terms and pairs stay as they are.

    Parameters
    ----------
    model
        Its pairs of terms.
    values
        Terms' values of the modelled peaks, n x terms.
    peaks
        Their dAP, split and weights.
    lambda_, options
        The penalty, and constants of the fit.
    n
        Resamples.
    rng
        Generator of the resamples.
    """
    train, pairs = peaks.is_train, model.interactions
    X, y, weights = columns(values[train], pairs), peaks.response[train], peaks.training_weights[train]
    settings: dict[str, Any] = {
        "lambda_": lambda_,
        "l1_ratio": options.l1_ratio,
        "factors": penalty_factors(values.shape[1], pairs, options.pair_penalty),
    }
    whole = fit_logistic(X, y, weights=weights, **settings)
    for _ in range(n):
        drawn = np.bincount(rng.integers(len(y), size=len(y)), minlength=len(y))
        yield fit_logistic(X, y, weights=weights * drawn, start=whole, **settings)


def with_fit(model: TrajectoryModel, fit: LogisticFit) -> TrajectoryModel:
    """Return the model with the coefficients of a fit of the same columns."""
    n = N_RESPONSES * len(model.terms)
    return replace(
        model,
        coefficients=fit.coefficients[:n].reshape(-1, N_RESPONSES),
        intercept=fit.intercept,
        interactions=model.interactions.with_coefficients(fit.coefficients[n:]),
    )
