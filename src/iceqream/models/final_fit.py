"""The regression of dAP on response functions and interactions (METHOD section 5), and pairs that join it."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from iceqream._core.correlation import correlations
from iceqream._core.regression import (
    DEFAULT_LAMBDA,
    CrossValidation,
    LogisticFit,
    cross_validate,
    fit_logistic,
    largest_lambda,
    logistic,
)
from iceqream._core.response import N_RESPONSES, design
from iceqream.models.interactions import Interactions, candidate_pairs
from iceqream.models.trajectory import TrajectoryModel

if TYPE_CHECKING:
    from iceqream.models.features import FeatureScaling
    from iceqream.models.options import FitOptions
    from iceqream.models.peaks import ModelledPeaks
    from iceqream.motifs.pbm import PBMSet

logger = logging.getLogger(__name__)

N_FOLDS = 5
_PATH_LENGTH = 8
_PATH_RATIO = 0.02


def columns(values: np.ndarray, interactions: Interactions) -> np.ndarray:
    """Return the columns of the regression: four per term, then the interactions'; float64, Fortran order."""
    expanded = design(values)
    return (
        expanded if len(interactions) == 0 else np.asfortranarray(np.hstack([expanded, interactions.columns(values)]))
    )


def penalty_path(
    X: np.ndarray, y: np.ndarray, weights: np.ndarray, folds: np.ndarray, l1_ratio: float
) -> CrossValidation:
    """Judge penalties from the largest one down by cross-validation."""
    top = largest_lambda(X, y, l1_ratio=l1_ratio, weights=weights)
    lambdas = np.geomspace(top, max(top * _PATH_RATIO, DEFAULT_LAMBDA), _PATH_LENGTH)
    return cross_validate(X, y, list(lambdas), folds, l1_ratio=l1_ratio, weights=weights)


def penalty(
    wanted: float | Literal["cv"], X: np.ndarray, peaks: ModelledPeaks, l1_ratio: float, rng: np.random.Generator
) -> float:
    """Return the penalty itself, or the one with the lowest held-out deviance in folds of the training peaks."""
    if not isinstance(wanted, str):
        return float(wanted)
    folds = peaks.folds(N_FOLDS, rng)
    return penalty_path(X, peaks.response, peaks.training_weights, folds, l1_ratio).best


def fit_responses(
    pbms: PBMSet,
    scaling: FeatureScaling,
    interactions: Interactions,
    values: np.ndarray,
    peaks: ModelledPeaks,
    *,
    lambda_: float,
    l1_ratio: float,
    states: tuple[str, str],
    start: LogisticFit | None = None,
) -> tuple[TrajectoryModel, LogisticFit]:
    """Fit the coefficients of all terms to the training peaks.

    Parameters
    ----------
    pbms, scaling, interactions
        The terms; pairs that get no weight are left out of the model.
    values
        Terms' values of the modelled peaks, n x terms, 0-10.
    peaks
        Their dAP, split and weights.
    lambda_, l1_ratio
        The penalty.
    states
        Names of the states.
    start
        A fit of the same columns to start from.

    Returns
    -------
    The model (without statistics) and the fit, on the columns of `columns`.
    """
    X = columns(values[peaks.is_train], interactions)
    weights = peaks.training_weights[peaks.is_train]
    fit = fit_logistic(
        X, peaks.response[peaks.is_train], lambda_=lambda_, l1_ratio=l1_ratio, weights=weights, start=start
    )
    if not fit.converged:
        logger.warning("the regression has a KKT residual of %.2g (lambda %.2g)", fit.kkt, lambda_)
    n = N_RESPONSES * values.shape[1]
    pairs = interactions.with_coefficients(fit.coefficients[n:])
    pairs = pairs.take(np.flatnonzero((pairs.coefficients != 0).any(axis=1)))
    probability = logistic(fit.linear_predictor(X))
    model = TrajectoryModel(
        pbms,
        scaling,
        fit.coefficients[:n].reshape(-1, N_RESPONSES),
        fit.intercept,
        (float(probability.min()), float(probability.max())),
        peaks.dap_range,
        states,
        interactions=pairs,
    )
    return model, fit


def summarized(model: TrajectoryModel, values: np.ndarray, peaks: ModelledPeaks, fit: LogisticFit) -> TrajectoryModel:
    """Return a model with what its fit came to on the modelled peaks.

    That is, in `stats`, R2 of training and held-out peaks, numbers, penalty and convergence; and the terms' effects and
    correlations.
    """
    r2_train, r2_test = peaks.r2(model.predict_values(values))
    stats = {
        "r2_train": r2_train,
        "r2_test": r2_test,
        "n_train": int(peaks.is_train.sum()),
        "n_test": int((~peaks.is_train).sum()),
        "n_motifs": len(model.pbms),
        "n_interactions": len(model.interactions),
        "lambda_": fit.lambda_,
        "kkt": fit.kkt,
        "converged": fit.converged,
    }
    responses = model.partial_responses_of(values)
    values = values.astype(np.float64)
    direction = [np.sign(correlations(values[:, [i]], responses[:, i])[0, 0]) for i in range(values.shape[1])]
    pairs = np.sign(model.interactions.coefficients.sum(axis=1)) * model.interactions.contributions(values).std(axis=0)
    return replace(
        model,
        stats={**model.stats, **stats},
        effects=np.concatenate([direction * responses.std(axis=0), pairs]),
        correlations=correlations(values, peaks.dap)[:, 0],
    )


def add_interactions(
    model: TrajectoryModel,
    values: np.ndarray,
    peaks: ModelledPeaks,
    options: FitOptions,
    *,
    lambda_: float,
    rng: np.random.Generator,
) -> tuple[TrajectoryModel, LogisticFit] | None:
    """Add pairs of terms to a model and refit everything.

    Terms with weight in a linear model of the raw values are anchors; their pairs are ranked by the correlation of
    their product with dAP (in later passes with the residual).

    Parameters
    ----------
    model
        A model; interactions that it has stay as candidates.
    values, peaks
        As in `fit_responses`.
    options
        Constants of level 5. With ``interactions="cv"`` the pairs enter only if they lower the held-out deviance;
        the penalty follows from ``lambda_``.
    lambda_
        Penalty of the model so far, used for the anchors.
    rng
        Generator of the folds.

    Returns
    -------
    The model and its fit, or ``None`` if no pair is left or it does not help.
    """
    train, weights, y = peaks.is_train, peaks.training_weights, peaks.response
    inside = values[train]
    linear = fit_logistic(inside, y[train], lambda_=lambda_, l1_ratio=options.l1_ratio, weights=weights[train])
    anchors = np.flatnonzero(np.abs(linear.coefficients) > options.min_anchor_coefficient)
    pairs = candidate_pairs(anchors, len(model.pbms), model.terms)
    if len(pairs) == 0:
        logger.info("level 5: no pair of terms with |beta| > %g", options.min_anchor_coefficient)
        return None
    candidates = Interactions.of(pairs, inside, expand=options.expand_interactions)
    most = options.max_interactions or 10 * values.shape[1]
    chosen = _ranked_pairs(model, candidates, inside, y[train], weights[train], most, lambda_, options)
    interactions = candidates.take(chosen)
    folds = peaks.folds(N_FOLDS, rng)
    new_lambda = lambda_ if isinstance(options.lambda_, str) else float(options.lambda_)
    if isinstance(options.lambda_, str) or options.interactions == "cv":
        with_pairs = penalty_path(columns(values, interactions), y, weights, folds, options.l1_ratio)
        new_lambda = with_pairs.best if isinstance(options.lambda_, str) else new_lambda
        if options.interactions == "cv":
            without = penalty_path(columns(values, Interactions.none()), y, weights, folds, options.l1_ratio)
            gain = float(np.nanmin(without.deviance) - np.nanmin(with_pairs.deviance))
            logger.info("level 5: %d pairs change the held-out deviance by %.3g", len(interactions), -gain)
            if gain <= 0:
                return None
    return fit_responses(
        model.pbms,
        model.features,
        interactions,
        values,
        peaks,
        lambda_=new_lambda,
        l1_ratio=options.l1_ratio,
        states=model.states,
    )


def _ranked_pairs(
    model: TrajectoryModel,
    candidates: Interactions,
    values: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    most: int,
    lambda_: float,
    options: FitOptions,
) -> np.ndarray:
    """Return the positions of the candidates to add, strongest first."""
    products = candidates.values(values)
    chosen: list[int] = []
    target = y
    for k in range(options.interaction_passes):
        signal = np.abs(correlations(products, target, weights)[:, 0])
        signal[chosen] = -1.0
        order = np.argsort(-signal, kind="stable")
        quota = -(-most * (k + 1) // options.interaction_passes) - len(chosen)
        order = order[signal[order] >= max(options.min_interaction_correlation * signal.max(), 0.0)][:quota]
        chosen += order.tolist()
        if k + 1 < options.interaction_passes:
            X = columns(values, candidates.take(np.array(chosen)))
            fit = fit_logistic(X, y, lambda_=lambda_, l1_ratio=options.l1_ratio, weights=weights)
            target = y - logistic(fit.linear_predictor(X))
    logger.info("level 5: %d of %d pairs of %d terms", len(chosen), len(candidates), len(model.terms))
    return np.array(chosen)
