"""Level 5: which pairs of terms join a model (METHOD section 6)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from iceqream._core.correlation import correlations
from iceqream._core.regression import LogisticFit, fit_logistic, logistic
from iceqream.inference.design_matrix import columns, penalty_factors
from iceqream.inference.final_fit import N_FOLDS, fit_responses, penalty_path
from iceqream.models.features import SEQUENCE_FEATURES
from iceqream.models.interactions import Interactions, pair_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from iceqream.inference.options import FitOptions
    from iceqream.inference.peaks import ModelledPeaks
    from iceqream.models.trajectory import TrajectoryModel

logger = logging.getLogger(__name__)

INTERACTION_STEPS = 3
_DINUCLEOTIDE_FEATURES = frozenset(SEQUENCE_FEATURES[1:])


def add_interactions(
    model: TrajectoryModel,
    values: np.ndarray,
    peaks: ModelledPeaks,
    options: FitOptions,
    *,
    lambda_: float,
    rng: np.random.Generator,
    advance: Callable[[int], object] = lambda _: None,
) -> tuple[TrajectoryModel, LogisticFit] | None:
    """Add pairs of terms to a model and refit everything.

    The terms that may interact are those with weight alone, in the model and in a linear model of the raw values; their
    pairs are ranked by the correlation of their product with dAP (in later passes with the residual).

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
    advance
        Called with 1 after each of the steps: ranking, penalty, fit.

    Returns
    -------
    The model and its fit, or ``None`` if no pair is left or it does not help.
    """
    train, weights, y = peaks.is_train, peaks.training_weights, peaks.response
    inside = values[train]
    anchors = _anchors(model, inside, y[train], weights[train], lambda_, options)
    pairs = candidate_pairs(anchors, len(model.pbms), model.terms)
    if len(pairs) == 0:
        logger.info("level 5: no pair of terms to add")
        return None
    support = options.support(int(train.sum()))
    candidates = Interactions.of(pairs, inside, expand=options.expand_interactions, support=support)
    most = options.max_interactions or 10 * values.shape[1]
    chosen = _ranked_pairs(model, candidates, inside, y[train], weights[train], most, lambda_, options)
    interactions = candidates.take(chosen)
    advance(1)
    folds = peaks.folds(N_FOLDS, rng)
    new_lambda = lambda_ if isinstance(options.lambda_, str) else float(options.lambda_)
    if isinstance(options.lambda_, str) or options.interactions == "cv":
        factors = penalty_factors(values.shape[1], interactions, options.pair_penalty)
        with_pairs = penalty_path(columns(values, interactions), y, weights, folds, options.l1_ratio, factors)
        new_lambda = with_pairs.best if isinstance(options.lambda_, str) else new_lambda
        if options.interactions == "cv":
            without = penalty_path(columns(values, Interactions.none()), y, weights, folds, options.l1_ratio)
            gain = float(np.nanmin(without.deviance) - np.nanmin(with_pairs.deviance))
            logger.info("level 5: %d pairs change the held-out deviance by %.3g", len(interactions), -gain)
            if gain <= 0:
                return None
    advance(1)
    joined = fit_responses(
        model.pbms,
        model.features,
        interactions,
        values,
        peaks,
        lambda_=new_lambda,
        options=options,
        states=model.states,
    )
    advance(1)
    if len(joined[0].interactions) == 0:
        logger.info("level 5: no pair gets weight")
        return None
    return joined


def _anchors(
    model: TrajectoryModel,
    values: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    lambda_: float,
    options: FitOptions,
) -> np.ndarray:
    """Return the terms that may interact: those with weight alone, and in a linear model of the raw values."""
    own = (model.coefficients != 0).any(axis=1) if options.heredity else np.ones(len(model.terms), dtype=bool)
    if options.min_anchor_coefficient > 0:
        linear = fit_logistic(values, y, lambda_=lambda_, l1_ratio=options.l1_ratio, weights=weights)
        own = own & (np.abs(linear.coefficients) > options.min_anchor_coefficient)
    return np.flatnonzero(own)


def _strengths(candidates: Interactions, values: np.ndarray, target: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the absolute correlation of each pair with a target."""
    parts = (candidates.take(block).values(values) for block in pair_blocks(len(candidates)))
    return np.concatenate([np.abs(correlations(part, target, weights)[:, 0]) for part in parts])


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
    chosen: list[int] = []
    target = y
    for k in range(options.interaction_passes):
        signal = _strengths(candidates, values, target, weights)
        signal[chosen] = -1.0
        order = np.argsort(-signal, kind="stable")
        quota = -(-most * (k + 1) // options.interaction_passes) - len(chosen)
        order = order[signal[order] >= max(options.min_interaction_correlation * signal.max(), 0.0)][:quota]
        chosen += order.tolist()
        if k + 1 < options.interaction_passes:
            X = columns(values, candidates.take(np.array(chosen)))
            factors = penalty_factors(values.shape[1], candidates.take(np.array(chosen)), options.pair_penalty)
            fit = fit_logistic(X, y, lambda_=lambda_, l1_ratio=options.l1_ratio, weights=weights, factors=factors)
            target = y - logistic(fit.linear_predictor(X))
    logger.info("level 5: %d of %d pairs of %d terms", len(chosen), len(candidates), len(model.terms))
    return np.array(chosen)


def candidate_pairs(anchors: np.ndarray, n_motifs: int, terms: Sequence[str] | np.ndarray) -> np.ndarray:
    """Return all pairs of anchor motifs, and of anchor features and anchor motifs, each once, int64, k x 2.

    Dinucleotide frequencies do not interact.
    """
    motifs = [i for i in anchors if i < n_motifs]
    features = [i for i in anchors if i >= n_motifs and str(terms[i]) not in _DINUCLEOTIDE_FEATURES]
    pairs = [(a, b) for k, a in enumerate(motifs) for b in motifs[k + 1 :]]
    pairs += [(m, f) for f in features for m in motifs]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
