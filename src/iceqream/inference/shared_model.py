"""The model of a manifold, put together of trajectories that share their motifs."""

from __future__ import annotations

import logging
from dataclasses import replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream._progress import progress_bar
from iceqream.inference.homogenization import closest_common, member_table
from iceqream.inference.inputs import scaled_features
from iceqream.inference.levels import PAIRS
from iceqream.inference.manifold_levels import (
    CommonFit,
    CommonMotifs,
    CommonTrajectory,
    TrajectoryPeaks,
    learn_common_motifs,
)
from iceqream.models.manifold import ManifoldModel
from iceqream.motifs import naming
from iceqream.motifs.similarity import with_own

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iceqream.inference.options import FitOptions
    from iceqream.models.features import FeatureScaling
    from iceqream.models.trajectory import TrajectoryModel
    from iceqream.motifs import MotifSet
    from iceqream.motifs.pbm import PBMSet

logger = logging.getLogger(__name__)


def check_common(n_motifs: int | None, same: float) -> None:
    """Refuse numbers that make no sense."""
    if n_motifs is not None and (not isinstance(n_motifs, Integral) or isinstance(n_motifs, bool) or n_motifs < 1):
        msg = f"n_motifs must be None or a whole number of at least 1, got {n_motifs!r}."
        raise ValueError(msg)
    if not isinstance(same, Real) or not -1 <= same <= 1:
        msg = f"same is a correlation, from -1 to 1, got {same!r}."
        raise ValueError(msg)


def common_fit(
    codes: np.ndarray, rows: np.ndarray, trajectories: Sequence[TrajectoryPeaks], options: FitOptions, **given: Any
) -> CommonFit:
    """Return the fit of trajectories to common motifs.

    Parameters
    ----------
    codes
        All sequences.
    rows
        Positions of the manifold's peaks among them.
    trajectories
        Their peaks, by position among those of the manifold.
    options
        Constants.
    **given
        Features: given, composition, ranges (`scaled_features`).
    """
    is_train = np.zeros(len(rows), dtype=bool)
    for one in trajectories:
        is_train[one.rows[one.peaks.is_train]] = True
    scaling, values = features_of_peaks(codes, rows, is_train, options, **given)
    return CommonFit(codes[rows], codes, values, trajectories, scaling, options)


def with_common_motifs(
    whole: CommonFit,
    own: Sequence[TrajectoryModel],
    of_runs: Sequence[Sequence[PBMSet]],
    lambdas: Sequence[float],
    parts: Sequence[np.ndarray],
    library: MotifSet | None,
    *,
    n_motifs: int | None,
    same: float,
    refine: bool,
    rng: np.random.Generator,
    progress: bool,
) -> ManifoldModel:
    """Return the model of a manifold whose trajectories have models of their own.

    Parameters
    ----------
    whole
        The trajectories' peaks.
    own
        Their own models.
    of_runs
        The motifs of each trajectory, of all training peaks and of each fold.
    lambdas
        Penalties of their own models.
    parts
        Peaks that each fold holds out, positions among those of the manifold.
    library
        What motifs are named after; ``None`` keeps the names.
    n_motifs, same, refine, rng
        As in `learn_common_motifs`.
    progress
        Whether to show a bar.
    """
    masks = [np.isin(np.arange(len(whole.codes)), part) for part in parts]
    fits = [whole, *(whole.without(mask) for mask in masks)]
    with progress_bar(len(fits), "common motifs", "fit", show=progress) as bar:
        common = learn_common_motifs(
            fits,
            of_runs,
            parts,
            lambdas,
            n_motifs=n_motifs,
            same=same,
            refine=refine,
            rng=rng,
            advance=bar.update,
        )
    common = _named(common, whole, library, lambdas)
    _say(common)
    names = [one.name for one in whole.trajectories]
    models = {}
    with progress_bar(len(names), "trajectories with common motifs", "model", show=progress) as bar:
        for t, (one, model) in enumerate(zip(whole.trajectories, own, strict=True)):
            bar.set_postfix_str(one.name)
            models[one.name] = _with_common(whole, t, common, model, np.random.default_rng(rng.integers(2**63)))
            bar.update(1)
    used = np.any([np.isin(common.pbms.motifs.names, m.motif_names) for m in models.values()], axis=0)
    kept, place = np.flatnonzero(used), np.full(len(used) + 1, -1, dtype=np.int64)
    place[kept] = np.arange(len(kept))
    pbms = common.pbms.take(kept)
    own_names = [
        of.motifs.names if library is None or len(of) == 0 else naming.named(of.motifs, library).names
        for of in of_runs[0]
    ]
    # what no trajectory needs has left: the members of its cluster may be like another
    position = closest_common(common.members, pbms, place[common.cluster], whole.codes, whole.training)
    table = member_table(own_names, names, common.members.pbms, pbms, position, whole.codes[whole.training])
    stats = {**common.stats, "n_motifs": len(pbms), "n_trajectories": len(names)}
    return ManifoldModel(
        pbms, whole.scaling, models, stats=stats, sizes=common.sizes, members=table, member_pbms=common.members.pbms
    )


def _with_common(
    whole: CommonFit, t: int, common: CommonMotifs, own: TrajectoryModel, rng: np.random.Generator
) -> TrajectoryModel:
    """Return the model of one trajectory with common motifs; its levels begin with its own model."""
    one, options = whole.trajectories[t], replace(whole.options, n_denovo=0)
    run = CommonTrajectory(
        whole.codes, one.rows, one.peaks, whole.scaling, whole.features[one.rows], options, one.states, rng,
        progress=False,
    )  # fmt: skip
    run.common = common
    of_own = common.cluster[common.members.owner == t]
    run.used = np.unique(of_own[of_own >= 0])
    logger.info("trajectory %s with common motifs", one.name)
    run.levels += _own_levels(own)
    model = run.with_dropped(
        run.finished(*run.learned(own.pbms.motifs)),
        np.concatenate([[], *(pbms.motifs.names for _, pbms, _ in run.dropped)]),
    )
    kept: dict[str, Any] = {name: own.stats[name] for name in ("n_library", "sharpness") if name in own.stats}
    return replace(model, stats={**model.stats, **kept})


def _own_levels(own: TrajectoryModel) -> list[dict[str, Any]]:
    """Return how well a trajectory's own model predicts, without pairs of terms and with them.

    After pairs a model may have been edited; how it would do without them is then not known.
    """
    with_pairs = str(own.levels["level"].iloc[-1]) == PAIRS
    rows = [{**own.levels.iloc[-2 if with_pairs else -1], "level": "own"}]
    if with_pairs and len(own.interactions):
        rows.append({**own.levels.iloc[-1], "level": "own interactions"})
    return [{str(key): value for key, value in {**row, "draft": ""}.items()} for row in rows]


def _named(common: CommonMotifs, whole: CommonFit, library: MotifSet | None, lambdas: Sequence[float]) -> CommonMotifs:
    """Return common motifs in the order of their strength over all trajectories, named after those of a library."""
    n = len(common.pbms)
    if n == 0:
        return common
    terms, strength = whole.terms(common.pbms), np.zeros(n)
    for t, lambda_ in enumerate(lambdas):
        model, _ = whole.fitted(t, common.pbms, terms, lambda_)
        strength += model.own_responses_of(terms[whole.trajectories[t].rows])[:, :n].std(axis=0)
    order = np.argsort(-strength, kind="stable")
    rank = np.append(np.argsort(order), -1)
    pbms, plain = common.pbms.take(order), common.plain.take(order)
    motifs = naming.renamed(pbms.motifs) if library is None else naming.named(pbms.motifs, library)
    if pbms.start is not None:
        motifs = replace(motifs, metadata=motifs.metadata.assign(start_similarity=with_own(motifs, pbms.start.motifs)))
    same = common.pbms is common.plain
    pbms = replace(pbms, motifs=motifs)
    plain = pbms if same else replace(plain, motifs=plain.motifs.rename(motifs.names))
    return replace(common, pbms=pbms, plain=plain, cluster=rank[common.cluster])


def features_of_peaks(
    codes: np.ndarray, rows: np.ndarray, is_train: np.ndarray, options: FitOptions, **given: Any
) -> tuple[FeatureScaling, np.ndarray]:
    """Return the scaling of the features of some peaks, learned on all sequences, and their values."""
    support = options.support(int(is_train.sum()))
    return scaled_features(codes, rows, among=rows[is_train], support=support, **given)


def _say(common: CommonMotifs) -> None:
    """Log what became one, and what the folds say."""
    stats = common.stats
    logger.info("manifold: %d motifs of the trajectories' own models, %d when those alike are one (%s), %d stay",
                stats["n_own_motifs"], stats["n_clusters"], "fused" if stats["fused"] else "the strongest of each",
                len(common.plain))  # fmt: skip
    if len(common.sizes):
        path = zip(common.sizes["motifs"], common.sizes["deviance"], strict=True)
        said = ", ".join(f"{size} motifs {value:.4f}" for size, value in path)
        logger.info("manifold: held-out deviance in %d folds: %s", stats["size_folds"], said)
