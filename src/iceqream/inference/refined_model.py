"""A whole model refined: PSSMs, spatial curves and coefficients learned together, judged in folds.

Any model can start: one of clusters, of drafts, or one that was edited, with pairs of terms or without. How strongly it
is changed, that is how far the motifs may leave where they started and how many passes are made, is decided by the
deviance of peaks that are held out in folds of the training peaks. Where none of that lowers it, the model stays.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream._core.messages import examples
from iceqream.inference.design_matrix import columns, penalty_factors
from iceqream.inference.final_fit import IDLE, N_FOLDS, fit_responses, motifs_with_weight, penalty
from iceqream.inference.refinement import JointFit, default_passes, joint_fit
from iceqream.inference.sizes import held_out_parts
from iceqream.motifs.naming import MIN_SIMILARITY
from iceqream.motifs.similarity import DEFAULT_PRIOR, compared

if TYPE_CHECKING:
    from collections.abc import Callable

    from iceqream._core.regression import LogisticFit
    from iceqream.inference.options import FitOptions
    from iceqream.inference.peaks import ModelledPeaks
    from iceqream.models.trajectory import TrajectoryModel
    from iceqream.motifs.pbm import PBMSet

logger = logging.getLogger(__name__)

PULLS = (5.0, 20.0, 80.0)
STRIDES = 3
"""The folds look so many times on the way of the default number of steps."""
MOST_STRIDES = 6
REFINEMENT_STEPS = len(PULLS) * MOST_STRIDES
_PATIENCE = 2
"""Looks without a lower held-out deviance after which a pull is given up."""
_ALIKE = 0.95
"""Absolute correlation of two motifs' energies above which they are one, if their PSSMs are similar too."""


@dataclass(frozen=True, eq=False)
class Refinement:
    """A refined model and how it came about."""

    model: TrajectoryModel
    fit: LogisticFit
    pull: float
    passes: int
    dropped: dict[int, str]
    """Motifs of the starting model that are left out, by position, and why."""


def refined_model(
    model: TrajectoryModel,
    codes: np.ndarray,
    feature_values: np.ndarray,
    peaks: ModelledPeaks,
    options: FitOptions,
    *,
    lambda_: float,
    scaled: Callable[[PBMSet], PBMSet],
    rng: np.random.Generator,
    advance: Callable[[int], object] = lambda _: None,
) -> Refinement | None:
    """Learn the motifs, curves and coefficients of a model together.

    Parameters
    ----------
    model
        Where to start.
    codes, feature_values, peaks
        Sequences (uint8), features (0-10) and dAP of the modelled peaks.
    options
        Constants of the fit: ``refine`` ("cv": the pull and the number of passes of the lowest held-out deviance, if
        that is lower than the model's; else `pssm_pull` and the default number of passes, in any case), and those of
        `JointFit`.
    lambda_
        Penalty of the model, kept while motifs are learned; in the end it is chosen anew where ``options.lambda_`` is
        "cv".
    scaled
        Returns motifs with their 0-10 scale learned.
    rng
        Generator of the folds and of the order of the peaks.
    advance
        Called with 1 after each look at the folds.

    Returns
    -------
    The refined model; ``None`` if the model stays as it is.
    """
    pull, passes = options.pssm_pull, default_passes(int(peaks.is_train.sum()))
    if options.refine == "cv":
        table = held_out_path(model, codes, feature_values, peaks, options, lambda_=lambda_, rng=rng, advance=advance)
        best = table.iloc[int(table["difference"].to_numpy().argmin())].astype(float)
        said = f"{best['difference']:+.3g} +- {best['standard_error']:.2g} of {best['deviance']:.4g}"
        if best["difference"] >= 0:
            logger.warning("refinement would raise the deviance of held-out peaks (at best by %s): the model stays "
                           "as it is", said)  # fmt: skip
            return None
        pull, passes = float(best["pull"]), int(best["passes"])
        logger.info("refinement: a pull of %g and %d passes change the held-out deviance by %s", pull, passes, said)
    joint = starting_fit(model, codes, feature_values, peaks, replace(options, pssm_pull=pull), rng)
    joint.refit([lambda_])
    joint.learn([lambda_], passes)
    pbms = scaled(joint.pbms())
    # what is known of the motifs stays
    known = model.pbms.motifs.metadata.drop(columns=["start", "start_similarity"], errors="ignore")
    table = known.assign(**{name: pbms.motifs.metadata[name].to_numpy() for name in ("start", "start_similarity")})
    pbms = replace(pbms, motifs=replace(pbms.motifs, metadata=table))
    return _refitted(model, pbms, codes, feature_values, peaks, options, lambda_, rng, pull, passes)


def starting_fit(
    model: TrajectoryModel,
    codes: np.ndarray,
    feature_values: np.ndarray,
    peaks: ModelledPeaks,
    options: FitOptions,
    rng: np.random.Generator,
    held_out: np.ndarray | None = None,
) -> JointFit:
    """Return a model as a joint fit on its training peaks; it does not learn from those at the positions `held_out`."""
    options = replace(options, pseudo_probability=model.pbms.pseudo_probability)
    joint = joint_fit(codes, feature_values, peaks, options, rng, held_out)
    joint.add(model.pbms.motifs, model.pbms.spatial)
    joint.pairs = [model.interactions.scaled_to(joint.terms[joint.training], joint.support)]
    return joint


def held_out_path(
    model: TrajectoryModel,
    codes: np.ndarray,
    feature_values: np.ndarray,
    peaks: ModelledPeaks,
    options: FitOptions,
    *,
    lambda_: float,
    rng: np.random.Generator,
    advance: Callable[[int], object] = lambda _: None,
) -> pd.DataFrame:
    """Judge pulls and numbers of passes in folds of the training peaks, each without the peaks that it holds out.

    Returns
    -------
    DataFrame, one row per pull and number of passes: pull, passes, deviance (mean over the held-out peaks), difference
    (to the model with its motifs as they are, its coefficients fitted without the held-out peaks) and standard_error
    of that, from the differences of each peak.
    """
    parts = held_out_parts(int(peaks.is_train.sum()), N_FOLDS, rng)
    seeds = rng.integers(2**63, size=len(parts))
    starts = [
        starting_fit(model, codes, feature_values, peaks, options, np.random.default_rng(int(seed)), part)
        for seed, part in zip(seeds, parts, strict=True)
    ]
    for fit in starts:
        fit.refit([lambda_])
    stride = max(default_passes(int(peaks.is_train.sum())) // STRIDES, 1)
    weights = np.concatenate([peaks.training_weights[peaks.is_train][part] for part in parts])
    before = _losses(starts, parts, weights)
    rows = []
    for pull in PULLS:
        fits = [fit.copy() for fit in starts]
        for fit in fits:
            fit.options = replace(fit.options, pssm_pull=pull)
        found: list[float] = []
        for k in range(1, MOST_STRIDES + 1):
            for fit in fits:
                fit.learn([lambda_], passes=stride)
            losses = _losses(fits, parts, weights)
            change = losses - before
            error = np.sqrt(len(change) * change.var())
            rows.append((pull, k * stride, losses.sum(), change.sum(), error))
            found.append(losses.sum())
            advance(1)
            if int(np.argmin(found)) + _PATIENCE < len(found):
                break
        advance(MOST_STRIDES - len(found))
    return pd.DataFrame(rows, columns=["pull", "passes", "deviance", "difference", "standard_error"])


def warn_of_others(pbms: PBMSet) -> None:
    """Name the motifs that refinement made another than they were at the start."""
    known = pbms.motifs.metadata
    if "start_similarity" not in known:
        return
    similarity = known["start_similarity"].to_numpy(dtype=np.float64)
    other = np.flatnonzero(similarity < MIN_SIMILARITY)
    if len(other):
        names, starts = pbms.motifs.names[other], known["start"].to_numpy()[other]
        said = [f"{n} (from {s}: {v:.2f})" for n, s, v in zip(names, starts, similarity[other], strict=True)]
        logger.warning("%d of %d motifs became another than they started from (similarity below %g): %s", len(other),
                       len(pbms), MIN_SIMILARITY, examples(said))  # fmt: skip


def _losses(fits: list[JointFit], parts: list[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Return what each held-out peak adds to the mean deviance."""
    eta = np.concatenate([fit.linear_predictors()[part, 0] for fit, part in zip(fits, parts, strict=True)])
    response = fits[0].response[np.concatenate(parts), 0]
    return 2 * weights / weights.sum() * (np.logaddexp(0.0, eta) - response * eta)


def _refitted(
    model: TrajectoryModel,
    pbms: PBMSet,
    codes: np.ndarray,
    feature_values: np.ndarray,
    peaks: ModelledPeaks,
    options: FitOptions,
    lambda_: float,
    rng: np.random.Generator,
    pull: float,
    passes: int,
) -> Refinement:
    """Fit the coefficients of refined motifs, without those that are idle or have become like a stronger one."""
    values = np.hstack([pbms.normalized_energies(codes), feature_values])
    pairs = model.interactions.scaled_to(values[peaks.is_train], options.support(int(peaks.is_train.sum())))
    if isinstance(options.lambda_, str) and values.shape[1]:
        factors = penalty_factors(values.shape[1], pairs, options.pair_penalty)
        lambda_ = penalty("cv", columns(values, pairs), peaks, options.l1_ratio, rng, factors)

    def fitted_on(terms: np.ndarray) -> tuple[TrajectoryModel, LogisticFit]:
        return fit_responses(
            pbms.take(terms[terms < len(pbms)]),
            model.features,
            pairs.without_terms(terms),
            values[:, terms],
            peaks,
            lambda_=lambda_,
            options=options,
            states=model.states,
        )

    every = np.arange(values.shape[1])
    refined, fit = fitted_on(every)
    why = idle_or_alike(refined, values)
    if why:
        refined, fit = fitted_on(np.setdiff1d(every, list(why)))
    for motif, reason in why.items():
        logger.info("refinement: %s dropped, %s", pbms.motifs.names[motif], reason)
    return Refinement(refined, fit, pull, passes, why)


def idle_or_alike(model: TrajectoryModel, values: np.ndarray) -> dict[int, str]:
    """Return the motifs that have no weight, or have become like a stronger one, by position, and why."""
    n, motifs = len(model.pbms), model.pbms.motifs
    weight = motifs_with_weight(model)
    if not weight.any():
        return {}
    why = {int(i): IDLE for i in np.flatnonzero(~weight)}
    strength = (model.own_responses_of(values) + model.pair_responses_of(values))[:, :n].std(axis=0)
    alike, _, _ = compared(motifs, motifs, "cosine", "both", DEFAULT_PRIOR)
    varying = values[:, :n].std(axis=0) > 0
    correlation = np.zeros((n, n))
    correlation[np.ix_(varying, varying)] = np.corrcoef(values[:, :n][:, varying], rowvar=False)
    one = (np.minimum(alike, alike.T) > MIN_SIMILARITY) & (np.abs(correlation) > _ALIKE)
    kept: list[int] = []
    for i in np.argsort(-strength, kind="stable"):
        if not weight[i]:
            continue
        same = [k for k in kept if one[i, k]]
        if same:
            why[int(i)] = f"became like {motifs.names[same[0]]}"
        else:
            kept.append(int(i))
    return why
