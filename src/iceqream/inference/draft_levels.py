"""Levels by drafts: two models learned in different ways, whose motifs join in one model.

A draft is a model of its own. One consists of clusters of library motifs that a linear model selects
(`cluster_levels`), the other grows (`growth`); both are refined. They are learned apart from each other: motifs that
are learned together explain each other's noise, and two models of different origin err in different peaks. Then all
motifs join, those that are alike become one, the coefficients are fitted anew, and the weakest leave. How many stay is
decided in folds of the training peaks, in each of which all of this is done without the peaks that are held out: motifs
that were learned on all training peaks look useful on any part of these. What the folds take over from all training
peaks: the scales of dAP, features and the library's energies, its sharpness, and the penalty at which motifs leave.
Which motifs are alike is seen in the sequences of all modelled peaks.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from iceqream._core import prego
from iceqream._core.correlation import correlations
from iceqream._progress import progress_bar
from iceqream.inference.cluster_levels import ClusterInference
from iceqream.inference.consolidation import Contributions, cluster_motifs, fuse_pbms
from iceqream.inference.design_matrix import columns
from iceqream.inference.final_fit import motifs_with_weight
from iceqream.inference.growth import N_TOGETHER, Growth
from iceqream.inference.pruning import Asked, backward_path
from iceqream.inference.refinement import joint_fit
from iceqream.inference.screening import best_sharpness, screen
from iceqream.inference.sizes import HeldOut, best_size, held_out_deviance, held_out_parts
from iceqream.models.interactions import Interactions
from iceqream.motifs.pbm import PBMSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from iceqream._core.energy import SpatialCurves
    from iceqream._core.regression import LogisticFit
    from iceqream.inference.refinement import JointFit
    from iceqream.inference.screening import Screen
    from iceqream.models.trajectory import TrajectoryModel
    from iceqream.motifs import MotifSet

logger = logging.getLogger(__name__)

_SHARE_GROWN = 0.6
"""Motifs of the draft that grows, as a part of those of the other."""
_FITTED_PULL = 4.0
"""How many times as strongly motifs are held that were fitted to these peaks before they are refined."""
_ALIKE = 0.7
"""Mean correlation of energies above which motifs that correlate with dAP in the same direction are fused."""
_FUSED_PEAKS = 10_000
"""Training peaks, evenly spread, that clusters are fused on at most: it bounds the time. Fewer harm: with 1,750 instead
of 3,500 four blood contrasts lost 0.016 of held-out R2."""


@dataclass(frozen=True, eq=False)
class ScreenedLibrary:
    """The motifs that drafts are learned from, on all training peaks and without those of each fold."""

    sharpness: float
    of_library: list[Screen]
    of_soft: list[Screen]
    """Of the library at this sharpness."""


@dataclass(frozen=True, eq=False)
class Joined:
    """The motifs of the drafts together, learned in one way."""

    runs: list[DraftsInference]
    """The run on all training peaks, then that of each fold."""
    pools: list[PBMSet]
    """All motifs of each run."""
    lambda_: float
    """Penalty of all motifs together."""
    kept: list[np.ndarray]
    """Motifs of each pool, by position: as many as the folds say are enough."""
    sizes: pd.DataFrame
    """`SIZE_COLUMNS`; empty without folds."""
    refined: bool
    with_denovo: bool
    fused: bool
    """Whether motifs that are alike were fused; if not, the strongest of them is in the pool."""

    @property
    def deviance(self) -> float:
        """Return the lowest deviance of held-out peaks, 0 if none were held out."""
        return float(self.sizes["deviance"].min()) if len(self.sizes) else 0.0

    @property
    def motifs(self) -> list[PBMSet]:
        """Return the motifs that stay in each run."""
        return [pool.take(kept) for pool, kept in zip(self.pools, self.kept, strict=True)]


class DraftsInference(ClusterInference):
    """Two drafts are learned, joined and pruned."""

    is_fold = False
    """Whether this is the run of a fold: what it predicts for its own held-out peaks is all that counts of it."""
    parts: list[np.ndarray] | None = None
    """Peaks that each fold holds out, by position among the modelled; ``None`` draws them."""
    at_hand: ScreenedLibrary | None = None
    """The screened library; ``None`` screens it."""
    joined_as: Joined
    """What was learned, and how."""

    def learned(self, library: MotifSet) -> tuple[TrajectoryModel, LogisticFit]:
        """Levels 0 to 3: drafts, their motifs together, and of these as many as the folds need."""
        options = self.options
        _, bin_size, n_bins = prego.spatial_bins(self.codes.shape[1], None, None)
        logger.info("level 3: motifs act in the central %d of %d bp", bin_size * n_bins, self.codes.shape[1])
        parts = self.held_out()
        at_hand = self.at_hand or screened_libraries([self], library, progress=self.progress)[0]
        self.at_hand = None  # these are large
        self.joined_as = best = min(self.joined(library, at_hand, parts), key=lambda one: one.deviance)
        self.levels += best.runs[0].levels
        self.stats |= best.runs[0].stats
        self.stats |= {"sharpness": at_hand.sharpness, "size_folds": len(parts)}
        self.stats |= {"refined": best.refined, "fused": best.fused}
        self.sizes = best.sizes
        if options.n_denovo:
            helps = "join" if best.with_denovo else "do not help the folds"
            logger.info("level 0: de-novo motifs %s", helps)
            self.stats["with_denovo"] = best.with_denovo
        if options.refine == "cv":
            logger.info("level 3: drafts are %s", "refined" if best.refined else "not refined: the folds are better so")
        if parts:
            ones = "are fused" if best.fused else "are not fused, the strongest stay"
            logger.info("level 3: motifs that are alike %s", ones)
            path = zip(self.sizes["motifs"], self.sizes["deviance"], strict=True)
            said = ", ".join(f"{size} motifs {value:.4f}" for size, value in path)
            logger.info("level 3: held-out deviance in %d folds: %s", len(parts), said)
        pool, kept = best.pools[0], best.kept[0]
        self.record("pooled", self.fitted(pool, Interactions.none(), best.lambda_)[0])
        left_out = np.setdiff1d(np.arange(len(pool)), kept)
        if len(left_out):
            n = len(kept)
            why = f"beyond the {n} that the folds need" if n else "no motif helps the folds"
            why = why if parts else f"beyond max_motifs={options.max_motifs}"
            self.dropped.append(("pruned", pool.take(left_out), [why] * len(left_out)))
        model, fit = self.fitted(pool.take(kept), Interactions.none())
        self.record("pruned", model)
        return model, fit

    def held_out(self) -> list[np.ndarray]:
        """Return the peaks that each fold holds out, by position among the modelled."""
        if self.parts is None:
            counted = np.flatnonzero(self.peaks.training_weights > 0)
            self.parts = [counted[part] for part in held_out_parts(len(counted), self.options.size_folds, self.rng)]
        return self.parts

    def joined(self, library: MotifSet, at_hand: ScreenedLibrary, parts: list[np.ndarray]) -> list[Joined]:
        """Return the motifs of the drafts together, in each way of learning that the folds are to compare.

        `parts` are the positions of the peaks that the folds hold out. Without folds nothing can be compared: what is
        wanted is done.
        """
        options, training = self.options, np.flatnonzero(self.peaks.is_train)
        inside = [np.setdiff1d(training, part) for part in parts]
        self.note_screen(library, at_hand.of_library[0])
        soft = library.sharpened(at_hand.sharpness)
        seeds = self.rng.integers(2**63, size=1 + len(parts))
        found = []
        for refine in (True, False) if options.refine == "cv" else (bool(options.refine),):
            # the same seeds, so that nothing but the way differs
            runs = [self.run_on(rows, int(seed)) for rows, seed in zip([training, *inside], seeds, strict=True)]
            drafts = []
            with progress_bar(len(runs), "level 3: drafts", "model", show=self.progress) as bar:
                for k, run in enumerate(runs):
                    run.is_fold = k > 0
                    if run.is_fold:
                        logger.info("level 3: drafts without part %d of the training peaks", k)
                    of_library, of_soft = (library, at_hand.of_library[k]), (soft, at_hand.of_soft[k])
                    drafts.append(run.drafts(of_library, of_soft, refine=refine))
                    bar.update(1)
            for with_denovo in (False, True) if options.n_denovo and parts else (bool(options.n_denovo),):
                both = [run.pooled(one if with_denovo else one[:2]) for run, one in zip(runs, drafts, strict=True)]
                fused, strongest = zip(*both, strict=True)
                # one penalty for both, so that nothing but the motifs differs
                lambda_ = runs[0].fitted(fused[0], Interactions.none())[1].lambda_
                for pools in (fused, strongest) if parts else (fused,):
                    kept, sizes = self.sized(pools, runs, parts, lambda_)
                    found.append(
                        Joined(runs, list(pools), lambda_, kept, sizes, refine, with_denovo, fused=pools is fused)
                    )
        return found

    def refined(self, model: TrajectoryModel, fit: LogisticFit) -> tuple[TrajectoryModel, LogisticFit]:
        """Return the model as it is: to refine all motifs together again was measured to harm."""
        return model, fit

    def run_on(self, rows: np.ndarray, seed: int) -> DraftsInference:
        """Return a run on some of the training peaks, by position, with a generator of its own."""
        is_train = np.zeros(len(self.peaks.is_train), dtype=bool)
        is_train[rows] = True
        peaks = self.peaks.part(np.arange(len(is_train)), is_train)
        rng = np.random.default_rng(seed)
        return DraftsInference(
            self.codes,
            self.rows,
            peaks,
            self.scaling,
            self.feature_values,
            self.options,
            self.states,
            rng,
            progress=False,
        )

    def add_level(self, level: str, counts: tuple[int, int, int], predicted: np.ndarray) -> None:
        """Add a row to the table of levels, but for folds, whose held-out peaks are no test."""
        if not self.is_fold:
            super().add_level(level, counts, predicted)

    def drafts(
        self, of_library: tuple[MotifSet, Screen], of_soft: tuple[MotifSet, Screen], *, refine: bool
    ) -> list[PBMSet]:
        """Return the motifs of each draft: of clusters, of growth, and those found de novo, if wanted."""
        self.draft = "clusters"
        found = [self.clustered(*of_library, refine=refine)]
        self.draft = "growth"
        found.append(self.grown(*of_soft, refine=refine))
        if self.options.n_denovo:
            self.draft = "de novo"
            found.append(self.fitted_before(self.denovo(), None, refine=refine))
            if not self.is_fold:
                self.record("found", self.fitted(self.scaled(found[-1]), Interactions.none())[0])
        self.draft = ""
        return found

    @property
    def fused_on(self) -> np.ndarray:
        """Some of the training peaks, bool, modelled peaks."""
        training = np.flatnonzero(self.peaks.is_train)
        used = np.zeros(len(self.peaks.is_train), dtype=bool)
        used[training[np.linspace(0, len(training) - 1, min(len(training), _FUSED_PEAKS)).astype(np.int64)]] = True
        return used

    def clustered(self, library: MotifSet, screened: Screen, *, refine: bool) -> PBMSet:
        """Return the draft of clusters of motifs."""
        model, _ = self.of_clusters(library, screened)
        pbms = self.fitted_before(model.pbms.motifs, model.pbms.spatial, refine=refine)
        if refine and not self.is_fold:
            self.record("refined", self.fitted(self.scaled(pbms), Interactions.none())[0])
        return pbms

    def grown(self, library: MotifSet, screened: Screen, *, refine: bool) -> PBMSet:
        """Return the draft that grows from the library, motif by motif."""
        joint = joint_fit(self.modelled, self.feature_values, self.peaks, self.options, self.rng)
        lambdas = self.penalties(joint)
        joint.refit(lambdas)
        growth = Growth(joint, library, screened, np.flatnonzero(self.peaks.is_train))
        most = math.ceil(_SHARE_GROWN * self.options.max_motifs)
        while len(joint) < most and growth.extend(min(N_TOGETHER, most - len(joint))):
            lambdas = self.penalties(joint)
            joint.refit(lambdas)
            if refine:
                joint.learn(lambdas)
        if not self.is_fold:
            self.record("grown", self.fitted(self.scaled(joint.pbms()), Interactions.none(), lambdas[0])[0])
        return joint.pbms()

    def fitted_before(self, motifs: MotifSet, curves: SpatialCurves | None, *, refine: bool) -> PBMSet:
        """Return motifs that were fitted to these peaks, refined if wanted."""
        options = replace(self.options, pssm_pull=_FITTED_PULL * self.options.pssm_pull)
        joint = joint_fit(self.modelled, self.feature_values, self.peaks, options, self.rng)
        joint.add(motifs, curves)
        if refine:
            lambdas = self.penalties(joint)
            joint.refit(lambdas)
            joint.learn(lambdas)
        return joint.pbms()

    def penalties(self, joint: JointFit) -> list[float]:
        """Return the penalty of the one response of a joint fit."""
        training = np.flatnonzero(self.peaks.is_train)
        peaks = self.peaks.part(training, np.ones(len(training), dtype=bool))
        return [self.chosen_penalty(columns(joint.terms, Interactions.none()), peaks)]

    def pooled(self, drafts: list[PBMSet]) -> tuple[PBMSet, PBMSet]:
        """Return the motifs of all drafts, one of those that are alike: fused (PREGO, on what they add), the strongest.

        Fused motifs were better on blood cells (0.01 of held-out R2), the strongest on simulated ones (0.01 to 0.02),
        where refinement finds what was planted and PREGO, which smooths, loses some of it: the folds decide.
        """
        joined = self.scaled(PBMSet.concat(drafts))
        if len(joined) == 0:
            return joined, joined
        model, fit = self.fitted(joined, Interactions.none())
        pool = joined.take(np.flatnonzero(motifs_with_weight(model)))
        if len(pool) == 0:
            return pool, pool
        model, _ = self.fitted(pool, Interactions.none(), fit.lambda_)
        contributions = Contributions.of(model, self.terms(pool))
        # by dAP, not by their weight: beside its like a motif may get weight of the other sign, and only corrects it
        used = self.peaks.training_weights > 0
        weights = self.peaks.training_weights[used]
        sign = correlations(contributions.energies[used], self.peaks.dap[used], weights)[:, 0]
        direction = np.where(sign < 0, -1.0, 1.0)
        clusters = cluster_motifs(replace(contributions, energies=contributions.energies * direction), 1, _ALIKE)
        logger.info("level 3: %d motifs of %d drafts, %d with weight, %d when those alike are one", len(joined),
                    len(drafts), len(pool), clusters.max() + 1)  # fmt: skip
        fused = fuse_pbms(pool, contributions, clusters, self.modelled, self.fused_on, self.options)
        # before the folds judge, so that no later level undoes their choice; where the fused motif is too vague its
        # members stay
        clear, clear_fused = (
            pbms.motifs.information_content().sum(axis=1) >= self.options.min_bits for pbms in (pool, fused)
        )
        vague = int((~clear & (~clear_fused[clusters] | (np.bincount(clusters)[clusters] == 1))).sum())
        if vague:
            logger.info("level 3: %d motif(s) of less than %g bits left out", vague, self.options.min_bits)
        apart = ~clear_fused[clusters] & clear
        of_fused = PBMSet.concat([fused.take(np.flatnonzero(clear_fused)), pool.take(np.flatnonzero(apart))])
        members = [np.flatnonzero((clusters == k) & clear) for k in range(clusters.max() + 1)]
        strongest = np.array([contributions.strongest(of) for of in members if len(of)], dtype=np.int64)
        return self.scaled(of_fused), pool.take(strongest)

    def sized(
        self, pools: Sequence[PBMSet], runs: list[DraftsInference], parts: list[np.ndarray], lambda_: float
    ) -> tuple[list[np.ndarray], pd.DataFrame]:
        """Return the motifs of each pool that stay, by position, and the table of sizes of the folds."""
        most = min(self.options.max_motifs, len(pools[0]))
        sizes = list(range(most + 1)) if parts else [most]
        paths = []
        for pool, run, rows in zip(pools, runs, [np.empty(0, dtype=np.int64), *parts], strict=True):
            terms = run.terms(pool)
            asked = Asked.of(terms, run.peaks, terms[rows], lambda_, self.options)
            paths.append(backward_path([asked], len(pool), sizes))
        peaks = self.peaks
        folds = [
            HeldOut(
                peaks.response[rows, None],
                peaks.dap[rows, None],
                peaks.training_weights[rows, None],
                [one.eta[0][:, None] for one in path],
            )
            for rows, path in zip(parts, paths[1:], strict=True)
        ]
        table = held_out_deviance(folds, sizes)
        best = best_size(table) if folds else len(sizes) - 1
        return [path[best].motifs for path in paths], table


def screened_libraries(runs: Sequence[DraftsInference], library: MotifSet, *, progress: bool) -> list[ScreenedLibrary]:
    """Screen a library for several runs on the same sequences; energies are computed once for all."""
    options, codes = runs[0].options, runs[0].codes
    if isinstance(options.sharpness, str):
        sharpness = best_sharpness(codes, [run.screened() for run in runs], library, options)
    else:
        sharpness = [options.sharpness] * len(runs)
    against = []
    for run in runs:
        training = np.flatnonzero(run.peaks.is_train)
        against.append(run.screened([np.setdiff1d(training, part) for part in run.held_out()]))
    of_library = screen(codes, against, library, options, progress=progress)
    of_soft: dict[int, list[Screen]] = {}
    for value in sorted(set(sharpness)):
        alike = [t for t in range(len(runs)) if sharpness[t] == value]
        # what correlates little with dAP may well correlate with what other motifs leave unexplained
        soft = library.sharpened(value)
        found = screen(codes, [against[t] for t in alike], soft, options, min_correlation=0.0, progress=progress)
        of_soft |= dict(zip(alike, found, strict=True))
    return [ScreenedLibrary(sharpness[t], of_library[t], of_soft[t]) for t in range(len(runs))]
