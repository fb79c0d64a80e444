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
from iceqream._core.response import N_RESPONSES
from iceqream.inference.design_matrix import column_groups, columns, columns_beside, groups_with_pairs, penalty_factors
from iceqream.inference.uncertainty import effect_errors
from iceqream.models.trajectory import QUANTILES, TrajectoryModel

if TYPE_CHECKING:
    from iceqream.inference.options import FitOptions
    from iceqream.inference.peaks import ModelledPeaks
    from iceqream.models.features import FeatureScaling
    from iceqream.models.interactions import Interactions
    from iceqream.motifs.pbm import PBMSet

logger = logging.getLogger(__name__)

N_FOLDS = 5
IDLE = "no weight beside the others"
"""Why a motif leaves that has no weight, alone or in a pair."""
_PATH_LENGTH = 8
_PATH_RATIO = 0.02


def penalty_path(
    X: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    folds: np.ndarray,
    l1_ratio: float,
    factors: np.ndarray | None = None,
) -> CrossValidation:
    """Judge penalties from the largest one down by cross-validation."""
    top = largest_lambda(X, y, l1_ratio=l1_ratio, weights=weights, factors=factors)
    lambdas = np.geomspace(top, max(top * _PATH_RATIO, DEFAULT_LAMBDA), _PATH_LENGTH)
    return cross_validate(X, y, list(lambdas), folds, l1_ratio=l1_ratio, weights=weights, factors=factors)


def penalty(
    wanted: float | Literal["cv"],
    X: np.ndarray,
    peaks: ModelledPeaks,
    l1_ratio: float,
    rng: np.random.Generator,
    factors: np.ndarray | None = None,
) -> float:
    """Return the penalty itself, or the one with the lowest held-out deviance in folds of the training peaks."""
    if not isinstance(wanted, str):
        return float(wanted)
    folds = peaks.folds(N_FOLDS, rng)
    return penalty_path(X, peaks.response, peaks.training_weights, folds, l1_ratio, factors).best


def fit_responses(
    pbms: PBMSet,
    scaling: FeatureScaling,
    interactions: Interactions,
    values: np.ndarray,
    peaks: ModelledPeaks,
    *,
    lambda_: float,
    options: FitOptions,
    states: tuple[str, str],
) -> tuple[TrajectoryModel, LogisticFit]:
    """Fit the coefficients of all terms to the training peaks.

    Parameters
    ----------
    pbms, scaling, interactions
        The terms; pairs that get no weight are left out of the model, with `options.heredity` those too of which a
        term alone gets none.
    values
        Terms' values of the modelled peaks, n x terms, 0-10.
    peaks
        Their dAP, split and weights.
    lambda_
        The penalty.
    options
        Constants: l1_ratio, pair_penalty, heredity, calibrated.
    states
        Names of the states.

    Returns
    -------
    The model (without statistics) and the fit, on the columns of the model's terms and pairs.
    """
    train, n_terms = peaks.is_train, values.shape[1]
    n = N_RESPONSES * n_terms
    pairs, fit = interactions, None
    while True:
        fit = fit_logistic(
            columns(values[train], pairs),
            peaks.response[train],
            lambda_=lambda_,
            l1_ratio=options.l1_ratio,
            weights=peaks.training_weights[train],
            factors=penalty_factors(n_terms, pairs, options.pair_penalty),
            start=fit,
        )
        pairs = pairs.with_coefficients(fit.coefficients[n:])
        own = (fit.coefficients[:n].reshape(-1, N_RESPONSES) != 0).any(axis=1)
        used = np.flatnonzero((pairs.coefficients != 0).any(axis=1))
        beside = pairs.between(own)
        if not options.heredity or np.isin(used, beside).all():
            break
        # without its pairs a term may gain weight or lose it: look again
        fit = fit.take(columns_beside(n_terms, pairs, beside))
        pairs = pairs.take(beside)
    if not fit.converged:
        logger.warning("the regression has a KKT residual of %.2g (lambda %.2g)", fit.kkt, lambda_)
    fit = fit.take(columns_beside(n_terms, pairs, used))
    pairs = pairs.take(used)
    probability_range = (0.0, 1.0)
    if not options.calibrated:
        probability = logistic(fit.linear_predictor(columns(values[train], pairs)))
        probability_range = (float(probability.min()), float(probability.max()))
    coefficients = fit.coefficients[:n].reshape(-1, N_RESPONSES)
    model = TrajectoryModel(
        pbms, scaling, coefficients, fit.intercept, probability_range, peaks.dap_range, states, interactions=pairs
    )
    return model, fit


def summarized(
    model: TrajectoryModel, values: np.ndarray, peaks: ModelledPeaks, fit: LogisticFit, pair_penalty: float
) -> TrajectoryModel:
    """Return a model with what its fit came to on the modelled peaks.

    That is, in `stats`, R2 of training and held-out peaks, numbers, penalty and convergence; and the terms' effects,
    their errors, correlations and quantiles.
    """
    predicted = model.predict_values(values)
    r2_train, r2_test = peaks.r2(predicted)
    low, high = peaks.r2_interval(predicted)
    stats = {
        "r2_train": r2_train,
        "r2_test": r2_test,
        "r2_test_low": low,
        "r2_test_high": high,
        "n_train": int(peaks.is_train.sum()),
        "n_test": int((~peaks.is_train).sum()),
        "n_motifs": len(model.pbms),
        "n_interactions": len(model.interactions),
        "lambda_": fit.lambda_,
        "kkt": fit.kkt,
        "converged": fit.converged,
    }
    values = values.astype(np.float64)
    own, shared = model.own_responses_of(values), model.pair_responses_of(values)
    effects, eta = signed_effects(values, own + shared), model.linear_predictor(values)
    on_dap = [np.std(predicted - model.dap_of(eta - own[:, i] - shared[:, i])) for i in range(values.shape[1])]
    pairs = np.sign(model.interactions.coefficients.sum(axis=1)) * model.interactions.contributions(values).std(axis=0)
    train, (_, of_pair) = peaks.is_train, column_groups(values.shape[1], model.interactions)
    errors = effect_errors(
        fit,
        columns(values[train], model.interactions),
        peaks.response[train],
        peaks.training_weights[train],
        groups_with_pairs(values.shape[1], model.interactions) + of_pair,
        penalty_factors(values.shape[1], model.interactions, pair_penalty),
    )
    return replace(
        model,
        stats={**model.stats, **stats},
        effects=np.concatenate([effects, pairs]),
        own_effects=signed_effects(values, own),
        pair_effects=signed_effects(values, shared),
        dap_effects=np.sign(effects) * on_dap,
        effect_errors=errors,
        correlations=correlations(values, peaks.dap)[:, 0],
        quantiles=np.quantile(values[train], QUANTILES, axis=0).T,
    )


def motifs_with_weight(model: TrajectoryModel) -> np.ndarray:
    """Return which motifs have weight, alone or in a pair, bool."""
    pairs = model.interactions
    weight = [model.coefficients[i].any() or pairs.involve(i).any() for i in range(len(model.pbms))]
    return np.array(weight, dtype=bool)


def signed_effects(values: np.ndarray, added: np.ndarray) -> np.ndarray:
    """Return the standard deviation of what each term adds, with the sign of its correlation with the term's value."""
    sign = [np.sign(correlations(values[:, [i]], added[:, i])[0, 0]) for i in range(added.shape[1])]
    return np.array(sign) * added.std(axis=0) + 0.0
