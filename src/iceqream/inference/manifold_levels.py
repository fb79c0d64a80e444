"""Levels of a manifold: the motifs of several trajectories' own models become one set that all of them use.

Each trajectory is fitted by itself. Then motifs that are alike become one, all trajectories' coefficients are fitted to
all common motifs, and the motifs leave that cost least R2 over all trajectories; how many stay is decided in folds of
the training peaks. The folds are those of the trajectories' own models: in each, all of this is done with motifs that
were learned without the peaks that are held out. What the folds take over from all training peaks: as in
`draft_levels`, and the number of motifs of each trajectory's own model.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream.inference.design_matrix import columns
from iceqream.inference.final_fit import IDLE, fit_responses, motifs_with_weight, penalty
from iceqream.inference.homogenization import MIN_CHANGE, Members, closest_common, common_motifs
from iceqream.inference.levels import Inference
from iceqream.inference.peaks import scaling_set
from iceqream.inference.pruning import Asked, Pruned, backward_path
from iceqream.inference.refinement import JointFit
from iceqream.inference.sizes import HeldOut, best_size, held_out_deviance
from iceqream.models.interactions import Interactions
from iceqream.motifs.pbm import PBMSet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from iceqream._core.regression import LogisticFit
    from iceqream.inference.options import FitOptions
    from iceqream.inference.peaks import ModelledPeaks
    from iceqream.models.features import FeatureScaling
    from iceqream.models.trajectory import TrajectoryModel
    from iceqream.motifs import MotifSet

logger = logging.getLogger(__name__)

_FUSED_PEAKS = 10_000
"""Training peaks, evenly spread, that common motifs are fused on at most."""
_PULL = 80.0
"""How strongly common PSSMs are held when they are refined: they were refined before, in their own trajectories."""
_PASSES = 1
_SHARE = 0.1
"""Of the motifs that are left, so many leave at once."""
_SIZE_RATIO = 0.9
"""Of a number of motifs that the folds judge to the one before."""


@dataclass(frozen=True, eq=False)
class TrajectoryPeaks:
    """One trajectory of a manifold."""

    name: str
    states: tuple[str, str]
    rows: np.ndarray
    """Positions of its peaks among those of the manifold."""
    peaks: ModelledPeaks


class CommonFit:
    """Trajectories that are fitted to common motifs, on one set of training peaks.

    Parameters
    ----------
    codes
        Sequences of the manifold's peaks: all that some trajectory models, uint8, n x width.
    every
        All sequences, which set the scale of energies where the options say so.
    features
        Their features, float32, n x features, 0-10.
    trajectories
        The peaks of each trajectory, with the training peaks of this fit.
    scaling, options
        Of the features; constants.
    """

    def __init__(
        self,
        codes: np.ndarray,
        every: np.ndarray,
        features: np.ndarray,
        trajectories: Sequence[TrajectoryPeaks],
        scaling: FeatureScaling,
        options: FitOptions,
    ) -> None:
        self.codes, self.every, self.features, self.trajectories = codes, every, features, trajectories
        self.scaling, self.options = scaling, options
        self.is_train = np.zeros(len(codes), dtype=bool)
        changing = np.zeros(len(codes), dtype=bool)
        for one in trajectories:
            self.is_train[one.rows[one.peaks.is_train]] = True
            counted = (one.peaks.training_weights > 0) & (np.abs(one.peaks.dap) > MIN_CHANGE)
            changing[one.rows[counted]] = True
        self.training = np.flatnonzero(self.is_train)
        used = np.flatnonzero(changing) if changing.any() else self.training
        self.fused_on = used[np.linspace(0, len(used) - 1, min(len(used), _FUSED_PEAKS)).astype(np.int64)]
        self.support = options.support(len(self.training))

    def without(self, held_out: np.ndarray) -> CommonFit:
        """Return the fit that does not learn from some peaks (a mask over those of the manifold)."""
        parts = [
            replace(t, peaks=t.peaks.part(np.arange(len(t.rows)), t.peaks.is_train & ~held_out[t.rows]))
            for t in self.trajectories
        ]
        return CommonFit(self.codes, self.every, self.features, parts, self.scaling, self.options)

    def scaled(self, pbms: PBMSet) -> PBMSet:
        """Return motifs with their 0-10 scale, learned on the training peaks of all trajectories or all sequences."""
        setting = scaling_set(self.every, self.codes, self.is_train, self.options)
        return pbms.scaled_to(setting, self.options.normalization, self.support)

    def terms(self, pbms: PBMSet) -> np.ndarray:
        """Return the values of motifs and features in all peaks of the manifold, float32, n x terms, 0-10."""
        return np.hstack([pbms.normalized_energies(self.codes), self.features])

    def fitted(self, t: int, pbms: PBMSet, terms: np.ndarray, lambda_: float) -> tuple[TrajectoryModel, LogisticFit]:
        """Fit the responses of one trajectory to motifs and features (values of all peaks)."""
        one = self.trajectories[t]
        return fit_responses(
            pbms,
            self.scaling,
            Interactions.none(),
            terms[one.rows],
            one.peaks,
            lambda_=lambda_,
            options=self.options,
            states=one.states,
        )

    def penalties(self, terms: np.ndarray, rng: np.random.Generator) -> list[float]:
        """Return the penalty of each trajectory for a regression on terms (values of all peaks)."""
        if terms.shape[1] == 0:
            return [0.0] * len(self.trajectories)
        return [
            penalty(
                self.options.lambda_,
                columns(terms[one.rows], Interactions.none()),
                one.peaks,
                self.options.l1_ratio,
                rng,
            )
            for one in self.trajectories
        ]

    def members(self, own: Sequence[PBMSet], lambdas: Sequence[float]) -> Members:
        """Return the motifs of the trajectories' own models, with what each adds in every peak of the manifold.

        A motif of one trajectory is asked about all peaks, also those that only others model: its response is known
        there as well.
        """
        pbms = self.scaled(PBMSet.concat(own))
        owner = np.repeat(np.arange(len(own)), [len(one) for one in own])
        energies, responses = pbms.normalized_energies(self.codes), []
        for t, lambda_ in enumerate(lambdas):
            of = np.flatnonzero(owner == t)
            terms = np.hstack([energies[:, of], self.features])
            model, _ = self.fitted(t, pbms.take(of), terms, lambda_)
            responses.append(model.partial_responses_of(terms)[:, : len(of)])
        return Members(pbms, owner, energies, np.hstack(responses))

    def path(self, pbms: PBMSet, rows: np.ndarray, sizes: list[int], lambdas: Sequence[float]) -> list[Pruned]:
        """Return the motifs that are left at each size, and what the trajectories predict for the peaks at `rows`."""
        terms = self.terms(pbms)
        asked = [
            Asked.of(terms[one.rows], one.peaks, terms[rows], lambda_, self.options)
            for one, lambda_ in zip(self.trajectories, lambdas, strict=True)
        ]
        return backward_path(asked, len(pbms), sizes, share=_SHARE)

    def predicted(self, pbms: PBMSet, rows: np.ndarray, lambdas: Sequence[float]) -> np.ndarray:
        """Return the linear predictors of peaks, float64, rows x trajectories."""
        terms = self.terms(pbms)
        models = [self.fitted(t, pbms, terms, lambda_)[0] for t, lambda_ in enumerate(lambdas)]
        return np.column_stack([model.linear_predictor(terms[rows]) for model in models])

    def refined(self, pbms: PBMSet, lambdas: Sequence[float], rng: np.random.Generator) -> PBMSet:
        """Return the motifs with PSSMs and spatial curves learned together with all trajectories' coefficients."""
        if len(pbms) == 0:
            return pbms
        response, weights = (np.zeros((len(self.codes), len(self.trajectories))) for _ in range(2))
        for t, one in enumerate(self.trajectories):
            response[one.rows, t], weights[one.rows, t] = one.peaks.response, one.peaks.training_weights
        rows = self.training[weights[self.training].any(axis=1)]
        options = replace(self.options, pssm_pull=_PULL, pseudo_probability=pbms.pseudo_probability)
        joint = JointFit(self.codes[rows], response[rows], weights[rows], self.features[rows], options=options, rng=rng)
        joint.add(pbms.motifs, pbms.spatial)
        joint.refit(lambdas)
        joint.learn(lambdas, _PASSES)
        learned = joint.pbms()
        # what is known of the motifs stays
        motifs = replace(learned.motifs, metadata=pbms.motifs.metadata)
        return self.scaled(replace(learned, motifs=motifs, start=pbms.start))

    def held_out(self, rows: np.ndarray, eta: Sequence[np.ndarray]) -> HeldOut:
        """Return what fits without some peaks predict for these, beside what they are."""
        response, dap, weights = (np.zeros((len(self.codes), len(self.trajectories))) for _ in range(3))
        for t, one in enumerate(self.trajectories):
            response[one.rows, t], dap[one.rows, t] = one.peaks.response, one.peaks.dap
            weights[one.rows, t] = one.peaks.training_weights
        return HeldOut(response[rows], dap[rows], weights[rows], eta)


@dataclass(frozen=True, eq=False)
class CommonMotifs:
    """Common motifs, and how they came about."""

    pbms: PBMSet
    """Refined if that helps."""
    plain: PBMSet
    """Before they were refined."""
    cluster: np.ndarray
    """Of each member of the trajectories' own models, the position of the common motif; -1 where none is like it."""
    members: Members
    sizes: pd.DataFrame
    stats: dict[str, Any]


def learn_common_motifs(
    fits: Sequence[CommonFit],
    own: Sequence[Sequence[PBMSet]],
    parts: Sequence[np.ndarray],
    lambdas: Sequence[float],
    *,
    n_motifs: int | None,
    same: float,
    refine: bool,
    rng: np.random.Generator,
    advance: Callable[[int], object] = lambda _: None,
) -> CommonMotifs:
    """Make one set of motifs of those of several models.

    Parameters
    ----------
    fits
        On all training peaks, then without those of each fold.
    own
        For each fit, the motifs of each trajectory's own model, learned on the same peaks.
    parts
        Peaks that each fold holds out, positions among those of the manifold.
    lambdas
        Penalties of the trajectories' own models.
    n_motifs
        Motifs at most; ``None`` lets the folds decide, without folds all stay.
    same
        Mean correlation of energies above which motifs are one.
    refine
        Whether the common motifs are refined together, where the folds find that better (without folds in any case).
    rng
        Generator of folds and orders.
    advance
        Called with 1 after each of the fits.
    """
    whole, seeds = fits[0], rng.integers(2**63, size=len(fits))
    merged = []
    for fit, motifs in zip(fits, own, strict=True):
        merged.append(_merged(fit, motifs, lambdas, same))
        advance(1)
    members, clusters, pools = zip(*merged, strict=True)
    common_lambdas = whole.penalties(whole.terms(pools[0][0]), rng)
    n_ways = 2 if parts and whole.options.consolidation != "none" else 1
    ways = [_sized(fits, [pool[way] for pool in pools], parts, common_lambdas, n_motifs) for way in range(n_ways)]
    best = int(np.argmin([table["deviance"].min() if len(table) else 0.0 for _, _, table in ways]))
    left, kept, table = ways[best]
    n_pool = len(pools[0][0])
    stats: dict[str, Any] = {
        "n_own_motifs": len(clusters[0]),
        "n_clusters": n_pool,
        "fused": best == 0 and whole.options.consolidation != "none",
        "size_folds": len(parts),
        "refined": False,
    }
    pbms = plain = kept[0]
    if refine and len(plain):
        refined = [
            fit.refined(pool, common_lambdas, np.random.default_rng(int(seed)))
            for fit, pool, seed in zip(fits, kept, seeds, strict=True)
        ]
        stats["refined"] = not parts or _helps(fits, parts, kept, refined, common_lambdas)
        pbms = refined[0] if stats["refined"] else plain
    position = np.full(n_pool, -1, dtype=np.int64)
    position[left] = np.arange(len(left))
    place = closest_common(members[0], plain, position[clusters[0]], whole.codes, whole.training)
    return CommonMotifs(pbms, plain, place, members[0], table, stats)


def _merged(
    fit: CommonFit, own: Sequence[PBMSet], lambdas: Sequence[float], same: float
) -> tuple[Members, np.ndarray, tuple[PBMSet, PBMSet]]:
    """Return the motifs of all models, the cluster of each, and what becomes of the clusters, in both ways."""
    members = fit.members(own, lambdas)
    clusters = members.clusters(fit.training, same)
    fused, strongest = common_motifs(members, clusters, fit.codes, fit.fused_on, fit.options)
    return members, clusters, (fit.scaled(fused), strongest)


def _sized(
    fits: Sequence[CommonFit],
    pools: Sequence[PBMSet],
    parts: Sequence[np.ndarray],
    lambdas: Sequence[float],
    n_motifs: int | None,
) -> tuple[np.ndarray, list[PBMSet], pd.DataFrame]:
    """Return the motifs of the first pool that stay, by position, those of each pool, and the table of sizes."""
    sizes = _sizes(len(pools[0]), n_motifs, with_folds=bool(parts))
    asked = [np.empty(0, dtype=np.int64), *parts]
    paths = [fit.path(pool, rows, sizes, lambdas) for fit, pool, rows in zip(fits, pools, asked, strict=True)]
    folds = [
        fits[0].held_out(rows, [np.column_stack(one.eta) for one in path])
        for rows, path in zip(parts, paths[1:], strict=True)
    ]
    table = held_out_deviance(folds, sizes)
    best = best_size(table) if folds and n_motifs is None else len(sizes) - 1
    kept = [pool.take(path[best].motifs) for pool, path in zip(pools, paths, strict=True)]
    return paths[0][best].motifs, kept, table


def _sizes(n: int, wanted: int | None, *, with_folds: bool) -> list[int]:
    """Return the numbers of motifs to be judged, from none up."""
    if wanted is not None:
        return [min(wanted, n)]
    if not with_folds:
        return [n]
    sizes, size = [0], float(n)
    while size >= 1:
        sizes.append(int(size))
        size = min(size * _SIZE_RATIO, int(size) - 1)
    return sorted(set(sizes))


def _helps(
    fits: Sequence[CommonFit],
    parts: Sequence[np.ndarray],
    plain: Sequence[PBMSet],
    refined: Sequence[PBMSet],
    lambdas: Sequence[float],
) -> bool:
    """Return whether held-out peaks are predicted better by refined motifs."""
    whole, folds = fits[0], []
    nothing = plain[0].take(np.empty(0, dtype=np.int64))
    for fit, rows, before, after in zip(fits[1:], parts, plain[1:], refined[1:], strict=True):
        folds.append(whole.held_out(rows, [fit.predicted(p, rows, lambdas) for p in (nothing, before, after)]))
    table = held_out_deviance(folds, [0, len(plain[0]), len(plain[0])])
    before, after = table["deviance"].to_numpy()[1:]
    logger.info("manifold: held-out deviance %.4f, refined together %.4f", before, after)
    return bool(after < before)


class CommonTrajectory(Inference):
    """Levels of one trajectory with motifs that it shares with others."""

    common: CommonMotifs
    used: np.ndarray
    """Positions of the common motifs that took the place of some of its own."""

    def learned(self, library: MotifSet) -> tuple[TrajectoryModel, LogisticFit]:
        """Fit the motifs that it used, all of them, and, if they were refined, the refined ones."""
        del library
        plain = self.common.plain
        self.record("homogenized", self.fitted(plain.take(self.used), Interactions.none())[0])
        model, fit = self.fitted(plain, Interactions.none())
        self.record("full", model)
        if self.common.pbms is not plain:
            model, fit = self.fitted(self.common.pbms, Interactions.none())
            self.record("refined", model)
        weight = np.flatnonzero(motifs_with_weight(model))
        if len(weight) < len(model.pbms):
            idle = np.setdiff1d(np.arange(len(model.pbms)), weight)
            self.dropped.append(("common", model.pbms.take(idle), [IDLE] * len(idle)))
            model, fit = self.fitted(model.pbms.take(weight), Interactions.none(), fit.lambda_)
        return model, fit

    def refined(self, model: TrajectoryModel, fit: LogisticFit) -> tuple[TrajectoryModel, LogisticFit]:
        """Return the model as it is: its motifs are those of all trajectories."""
        return model, fit
