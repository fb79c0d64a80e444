"""The levels of the inference, one after the other, on one set of peaks (METHOD section 6)."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream._core import prego
from iceqream._core.correlation import correlations
from iceqream._progress import progress_bar
from iceqream.inference.consolidation import Contributions, cluster_motifs, fuse_clusters, fuse_pbms
from iceqream.inference.design_matrix import columns
from iceqream.inference.filtering import weak_motifs
from iceqream.inference.final_fit import fit_responses, penalty, summarized
from iceqream.inference.growth import FoldGrowth, Growth, grow, held_out_parts
from iceqream.inference.pairs import INTERACTION_STEPS, add_interactions
from iceqream.inference.peaks import ModelledPeaks, scaling_set
from iceqream.inference.refined_model import REFINEMENT_STEPS, refined_model, warn_of_others
from iceqream.inference.refinement import JointFit
from iceqream.inference.screening import best_sharpness, screen
from iceqream.inference.selection import SELECTION_STEPS, select_motifs
from iceqream.inference.spatial_curves import refined_curves
from iceqream.models.interactions import Interactions
from iceqream.models.levels import LEVEL_COLUMNS, SIZE_COLUMNS
from iceqream.motifs import MotifSet, naming, regress
from iceqream.motifs.pbm import PBMSet

if TYPE_CHECKING:
    from iceqream._core.regression import LogisticFit
    from iceqream.inference.options import FitOptions
    from iceqream.inference.screening import Screen
    from iceqream.inference.selection import Selection
    from iceqream.models.features import FeatureScaling
    from iceqream.models.trajectory import TrajectoryModel

logger = logging.getLogger(__name__)

MIN_DENOVO_PEAKS = 200
MIN_DENOVO_DAP = 0.1
"""Level 0: de-novo motifs are learned from peaks that change by at least this much (METHOD section 7)."""


class Inference:
    """The levels, one method each, on one set of peaks."""

    def __init__(
        self,
        codes: np.ndarray,
        rows: np.ndarray,
        peaks: ModelledPeaks,
        scaling: FeatureScaling,
        feature_values: np.ndarray,
        options: FitOptions,
        states: tuple[str, str],
        rng: np.random.Generator,
        progress: bool,  # noqa: FBT001
    ) -> None:
        self.codes, self.rows, self.peaks = codes, rows, peaks
        self.modelled = codes if len(rows) == len(codes) else codes[rows]
        self.support = options.support(int(peaks.is_train.sum()))
        self.scaling_set = scaling_set(codes, self.modelled, peaks.is_train, options)
        self.scaling, self.feature_values = scaling, feature_values
        self.options, self.states, self.rng, self.progress = options, states, rng, progress
        self.levels: list[dict[str, Any]] = []
        self.stats: dict[str, Any] = {}
        self.sizes = pd.DataFrame(columns=list(SIZE_COLUMNS))
        self._latest: tuple[PBMSet, np.ndarray] | None = None
        self.dropped: list[tuple[str, PBMSet, list[str]]] = []

    def infer(self, library: MotifSet) -> TrajectoryModel:
        """Run all levels."""
        if self.options.n_denovo:
            self.changing()
        learned = self.grown if self.options.learning == "growth" else self.from_clusters
        model, fit = learned(library)
        model, fit = self.filtered(model, fit)
        if self.options.learning == "clusters" and self.options.refine and len(model.pbms):
            model, fit = self.refined(model, fit)
        if self.options.interactions and len(model.pbms):
            model, fit = self.with_interactions(model, fit)
        if not fit.converged:
            logger.warning("the final fit has a KKT residual of %.2g (lambda %.2g)", fit.kkt, fit.lambda_)
        model = summarized(model, self.terms(model.pbms), self.peaks, fit, self.options.pair_penalty)
        stats = {**model.stats, "n_library": len(library), **self.stats}
        # of several motifs that would have the same name the strongest has it without a number
        strongest_first = np.argsort(-np.abs(model.effects[: len(model.pbms)]), kind="stable")
        with_names = named(model.pbms.take(strongest_first), library)
        model = replace(model, pbms=with_names.take(np.argsort(strongest_first)))
        warn_of_others(model.pbms)
        for level, pbms, reasons in self.dropped:
            names = named(pbms, library).motifs.names
            model = model.with_dropped(level, dict(zip(names, reasons, strict=True)))
        return replace(
            model, stats=stats, sizes=self.sizes, levels=pd.DataFrame(self.levels, columns=list(LEVEL_COLUMNS))
        )

    def from_clusters(self, library: MotifSet) -> tuple[TrajectoryModel, LogisticFit]:
        """Levels 0 to 3 by clusters of motifs (the paper and the reference)."""
        if self.options.n_denovo:
            library = MotifSet.concat([library, self.denovo()])
        screened = self.screened(library, [])[0]
        selection = self.selected(screened)
        self.stats |= {"n_selected": len(selection.motifs), "selection_lambda": selection.lambda_}
        model, fit = self.fitted(self.consolidated(library, screened, selection), Interactions.none())
        self.record("consolidated", model)
        if self.options.second_consolidation is not None:
            model, fit = self.consolidated_again(model, fit)
        return self.with_refined_curves(model, fit)

    def grown(self, library: MotifSet) -> tuple[TrajectoryModel, LogisticFit]:
        """Levels 0 to 3 by growth: motifs join one batch after the other, as long as the folds get better."""
        options, peaks = self.options, self.peaks
        training = np.flatnonzero(peaks.is_train)
        sharpness = options.sharpness
        if isinstance(sharpness, str):
            sharpness = best_sharpness(self.modelled, peaks, library, support=self.support, options=options)
        library = library.sharpened(sharpness)
        _, bin_size, n_bins = prego.spatial_bins(self.codes.shape[1], None, None)
        logger.info("level 3: motifs act in the central %d of %d bp", bin_size * n_bins, self.codes.shape[1])
        parts = held_out_parts(len(training), options.size_folds, self.rng)
        rows = [training, *(np.delete(training, part) for part in parts)]
        candidates = [(library, screened) for screened in self.screened(library, rows[1:])]
        seeds = self.rng.integers(2**63, size=len(rows))
        ways = [(candidates, bool(options.refine))]
        if options.refine == "cv":
            ways.append((candidates, False))
        if options.n_denovo:
            # each fold finds motifs of its own: those of all training peaks look useful on any part of them
            with_denovo = [
                self.joined_by_denovo(*known, inside) for known, inside in zip(candidates, rows, strict=True)
            ]
            ways += [(with_denovo, refine) for _, refine in ways]
        if not parts:  # nothing to judge by
            ways = ways[-1:]
        grown, state = [], self.rng.bit_generator.state
        for known, refine in ways:
            # the same folds for the penalties, so that nothing but the way differs
            self.rng.bit_generator.state = state
            grown.append(self.growth(known, parts, seeds, refine=refine))
        best = int(np.argmin([sizes["deviance"].min() for _, _, sizes in grown])) if parts else 0
        joint, lambdas, self.sizes = grown[best]
        if options.n_denovo:
            helps = ways[best][0] is not candidates
            logger.info("level 0: %d de-novo motifs %s", options.n_denovo, "join" if helps else "do not help the folds")
        if len(self.sizes):
            path = zip(self.sizes["motifs"], self.sizes["deviance"], strict=True)
            said = ", ".join(f"{size} motifs {value:.4f}" for size, value in path)
            logger.info("level 3: held-out deviance in %d folds: %s", len(parts), said)
        self.stats |= {"sharpness": sharpness, "size_folds": len(parts), "refined": ways[best][1]}
        model, fit = self.fitted(self.scaled(joint.pbms()), Interactions.none(), lambdas[0])
        self.record("grown", model)
        return model, fit

    def growth(
        self,
        candidates: list[tuple[MotifSet, Screen]],
        parts: list[np.ndarray],
        seeds: np.ndarray,
        *,
        refine: bool,
    ) -> tuple[JointFit, list[float], pd.DataFrame]:
        """Let a model grow on all training peaks, beside one without each part of them; libraries in this order."""
        training = np.flatnonzero(self.peaks.is_train)
        most = self.options.max_motifs
        whole, *in_folds = (
            Growth(self.joint_fit(training, part, int(seed)), *known, training)
            for part, known, seed in zip([None, *parts], candidates, seeds, strict=True)
        )
        weights = self.peaks.training_weights[training, None]
        folds = [FoldGrowth(grown, part, weights[part], []) for grown, part in zip(in_folds, parts, strict=True)]
        with progress_bar(most, "level 3: growing", "motif", show=self.progress) as bar:
            found = grow(
                whole, folds, dap=self.peaks.dap[training, None], max_motifs=most, refine=refine,
                penalties=self.penalties, advance=bar.update,
            )  # fmt: skip
            bar.update(most - bar.n)
        return found

    def joint_fit(self, training: np.ndarray, held_out: np.ndarray | None, seed: int) -> JointFit:
        """Return a model without motifs on the training peaks, some of which it does not learn from."""
        weights = self.peaks.training_weights[training]
        if held_out is not None:
            weights[held_out] = 0.0
        return JointFit(
            self.modelled[training],
            self.peaks.response[training, None],
            weights[:, None],
            self.feature_values[training],
            options=self.options,
            rng=np.random.default_rng(seed),
        )

    def penalties(self, fit: JointFit) -> list[float]:
        """Return the penalty of the one response of a joint fit on all training peaks."""
        training = np.flatnonzero(self.peaks.is_train)
        peaks = self.peaks.part(training, np.ones(len(training), dtype=bool))
        X = columns(fit.terms, Interactions.none())
        if X.shape[1] == 0:
            return [0.0]
        return [penalty(self.options.lambda_, X, peaks, self.options.l1_ratio, self.rng)]

    def terms(self, pbms: PBMSet) -> np.ndarray:
        """Return the terms' values of the modelled peaks; the latest are kept, as each level asks again."""
        if self._latest is None or self._latest[0] is not pbms:
            self._latest = (pbms, np.hstack([pbms.normalized_energies(self.modelled), self.feature_values]))
        return self._latest[1]

    def record(self, level: str, model: TrajectoryModel) -> None:
        """Add a model to the table of levels."""
        counts = (len(model.pbms), len(model.features), len(model.interactions))
        self.add_level(level, counts, model.predict_values(self.terms(model.pbms)))

    def add_level(self, level: str, counts: tuple[int, int, int], predicted: np.ndarray) -> None:
        """Add a row to the table of levels: numbers of motifs, features and interactions, and R2."""
        row = level_row(level, counts, self.peaks, predicted)
        self.levels.append(row)
        logger.info("%s: %d motifs, %d features, %d interactions, R2 %.3f train, %.3f held out", level, *counts,
                    row["r2_train"], row["r2_test"])  # fmt: skip

    def changing(self) -> np.ndarray:
        """Return which training peaks change enough to show de-novo motifs, bool, modelled peaks."""
        used = self.peaks.is_train & (np.abs(self.peaks.dap) >= MIN_DENOVO_DAP)
        if used.sum() < MIN_DENOVO_PEAKS:
            msg = (
                f"{int(used.sum())} training peaks have |dAP| >= {MIN_DENOVO_DAP}; de-novo motifs need "
                f"{MIN_DENOVO_PEAKS}. Set n_denovo=0."
            )
            raise ValueError(msg)
        return used

    def denovo(self, rows: np.ndarray | None = None) -> MotifSet:
        """Return motifs found in the training peaks (or those at some rows) that change."""
        used = self.changing()
        if rows is not None:
            used &= np.isin(np.arange(len(used)), rows)
        n, dap = self.options.n_denovo, self.peaks.dap[used]
        found = regress(self.modelled[used], dap, n_motifs=n, rng=self.rng, progress=self.progress)
        return found.pbms.motifs.rename([f"denovo_{i + 1}" for i in range(len(found.pbms))])

    def joined_by_denovo(self, library: MotifSet, screened: Screen, rows: np.ndarray) -> tuple[MotifSet, Screen]:
        """Return a library and its screen with the motifs that these training peaks show."""
        found, options, peaks = self.denovo(rows), self.options, self.peaks
        nothing = np.zeros(len(found))
        pbms = self.scaled(PBMSet.uniform(found, nothing, nothing, self.codes.shape[1], options.pseudo_probability))
        energies = pbms.normalized_energies(self.modelled)
        weights = None if peaks.weights is None else peaks.weights[rows]
        correlation = correlations(energies[rows], peaks.dap[rows], weights)[:, 0]
        joined = screened.joined(correlation, energies, pbms.energy_low, pbms.energy_high)
        return MotifSet.concat([library, found]), joined

    def screened(self, library: MotifSet, parts: list[np.ndarray]) -> list[Screen]:
        """Level 1, on all training peaks and on each part of them; the R2 is that of the best motif alone."""
        options = self.options
        self.levels.append(
            dict(zip(LEVEL_COLUMNS, ("library", len(library), len(self.scaling), 0, *[float("nan")] * 4), strict=True))
        )
        with progress_bar(len(library), "level 1: screening", "motif", show=self.progress) as bar:
            found, *in_parts = screen(
                self.codes,
                self.rows,
                self.peaks,
                library,
                # what correlates little with dAP may well correlate with what other motifs leave unexplained
                min_correlation=0.0 if options.learning == "growth" else options.min_correlation,
                max_motifs=options.max_motifs,
                max_screened=options.max_screened,
                scheme=options.normalization,
                pseudo_probability=options.pseudo_probability,
                support=self.support,
                parts=parts,
                advance=bar.update,
            )
        self.stats |= {"n_screened": len(found.motifs), "screen_threshold": found.threshold}
        best = int(np.abs(found.correlation[found.motifs]).argmax())
        # the direction is learned on the training peaks: a held-out correlation of the other sign is no success
        sign = np.sign(found.correlation[found.motifs[best]])
        self.add_level("screened", (len(found.motifs), 0, 0), sign * found.energies[:, best].astype(np.float64))
        return [found, *in_parts]

    def selected(self, screened: Screen) -> Selection:
        """Level 2."""
        with progress_bar(SELECTION_STEPS, "level 2: selecting", "fit", show=self.progress) as bar:
            chosen = select_motifs(
                screened.energies, self.feature_values, self.peaks, self.options, self.rng, advance=bar.update
            )
        self.add_level("linear", (len(chosen.motifs), len(self.scaling), 0), chosen.predicted)
        return chosen

    def consolidated(self, library: MotifSet, screened: Screen, selection: Selection) -> PBMSet:
        """Level 3: one physical binding model per cluster, its energies scaled."""
        options, width = self.options, self.codes.shape[1]
        energies = screened.energies_of(selection.motifs)
        contributions = Contributions(
            library[screened.motifs[selection.motifs]],
            energies * selection.coefficients,
            energies,
            selection.coefficients,
        )
        clusters = cluster_motifs(contributions, options.max_motifs)
        if options.consolidation == "none":
            members = (np.flatnonzero(clusters == k) for k in range(clusters.max() + 1))
            strongest = selection.motifs[[contributions.strongest(m) for m in members]]
            low, high = screened.energy_low[strongest], screened.energy_high[strongest]
            motifs = library[screened.motifs[strongest]]
            return PBMSet.uniform(motifs, low, high, width, options.pseudo_probability)
        with progress_bar(int(clusters.max()) + 1, "level 3: consolidating", "cluster", show=self.progress) as bar:
            motifs, curves = fuse_clusters(
                contributions,
                clusters,
                self.modelled,
                self.peaks.is_train,
                bins=prego.spatial_bins(width, None, None),
                seed=options.consolidation,
                pseudo_probability=options.pseudo_probability,
                advance=bar.update,
            )
        nothing = np.zeros(len(motifs))
        unscaled = PBMSet(motifs, curves, nothing, nothing, width, options.pseudo_probability)
        return self.scaled(unscaled)

    def scaled(self, pbms: PBMSet) -> PBMSet:
        """Return the motifs with their 0-10 scale learned on the peaks that set it."""
        return pbms.scaled_to(self.scaling_set, self.options.normalization, self.support)

    def fitted(
        self, pbms: PBMSet, interactions: Interactions, lambda_: float | None = None
    ) -> tuple[TrajectoryModel, LogisticFit]:
        """Fit response functions; the penalty is chosen unless given."""
        values, options = self.terms(pbms), self.options
        if lambda_ is None:
            X = columns(values, interactions)
            lambda_ = penalty(options.lambda_, X, self.peaks, options.l1_ratio, self.rng) if X.shape[1] else 0.0
        return fit_responses(
            pbms,
            self.scaling,
            interactions,
            values,
            self.peaks,
            lambda_=lambda_,
            options=options,
            states=self.states,
        )

    def consolidated_again(self, model: TrajectoryModel, fit: LogisticFit) -> tuple[TrajectoryModel, LogisticFit]:
        """Level 4: clusters of the models, on their partial responses."""
        options = self.options
        n_clusters = options.second_consolidation or len(model.pbms)
        values = self.terms(model.pbms)
        contributions = Contributions.of(model, values)
        clusters = cluster_motifs(contributions, n_clusters, options.min_cluster_correlation)
        pbms = fuse_pbms(model.pbms, contributions, clusters, self.modelled, self.peaks.is_train, options)
        model, fit = self.fitted(self.scaled(pbms), Interactions.none(), fit.lambda_)
        self.record("consolidated again", model)
        return model, fit

    def with_refined_curves(self, model: TrajectoryModel, fit: LogisticFit) -> tuple[TrajectoryModel, LogisticFit]:
        """Level 3 continued: where the motifs act, learned from dAP."""
        n_passes = self.options.curve_passes
        with progress_bar(n_passes * len(model.pbms), "level 3: spatial curves", "motif", show=self.progress) as bar:
            for _ in range(n_passes):
                pbms = refined_curves(model, self.terms(model.pbms), self.peaks, self.modelled, advance=bar.update)
                model, fit = self.fitted(self.scaled(pbms), Interactions.none(), fit.lambda_)
        if n_passes:
            self.record("spatial curves", model)
        return model, fit

    def filtered(self, model: TrajectoryModel, fit: LogisticFit) -> tuple[TrajectoryModel, LogisticFit]:
        """Level 4: weak motifs are dropped."""
        if len(model.pbms) == 0:
            return model, fit
        with progress_bar(len(model.pbms), "level 4: filtering", "motif", show=self.progress) as bar:
            kept, why = weak_motifs(
                model,
                self.terms(model.pbms),
                self.peaks,
                lambda_=fit.lambda_,
                options=self.options,
                advance=bar.update,
            )
            bar.update(len(kept))
        if why:
            logger.info("level 4: %d of %d motifs dropped", len(why), len(model.pbms))
            self.dropped.append(("filtered", model.pbms.take(np.array(list(why))), list(why.values())))
            model, fit = self.fitted(model.pbms.take(kept), Interactions.none(), fit.lambda_)
        self.record("filtered", model)
        return model, fit

    def refined(self, model: TrajectoryModel, fit: LogisticFit) -> tuple[TrajectoryModel, LogisticFit]:
        """Level 4 continued: PSSMs, spatial curves and coefficients of all motifs, learned together."""
        with progress_bar(REFINEMENT_STEPS, "level 4: refining", "pass", show=self.progress) as bar:
            found = refined_model(
                model,
                self.modelled,
                self.feature_values,
                self.peaks,
                self.options,
                lambda_=fit.lambda_,
                scaled=self.scaled,
                rng=self.rng,
                advance=bar.update,
            )
            bar.update(REFINEMENT_STEPS - bar.n)
        self.stats["refined"] = found is not None
        if found is not None:
            if found.dropped:
                left_out = model.pbms.take(np.array(list(found.dropped)))
                self.dropped.append(("refined", left_out, list(found.dropped.values())))
            self.stats |= {"refine_pull": found.pull, "refine_passes": found.passes}
            model, fit = found.model, found.fit
        self.record("refined", model)
        return model, fit

    def with_interactions(self, model: TrajectoryModel, fit: LogisticFit) -> tuple[TrajectoryModel, LogisticFit]:
        """Level 5."""
        values = self.terms(model.pbms)
        with progress_bar(INTERACTION_STEPS, "level 5: interactions", "fit", show=self.progress) as bar:
            joined = add_interactions(
                model, values, self.peaks, self.options, lambda_=fit.lambda_, rng=self.rng, advance=bar.update
            )
        if joined is not None:
            model, fit = self.without_idle(*joined)
        self.record("interactions", model)
        return model, fit

    def without_idle(self, model: TrajectoryModel, fit: LogisticFit) -> tuple[TrajectoryModel, LogisticFit]:
        """Drop the motifs that have no weight left, alone or in a pair, now that the penalty is another."""
        n, n_terms = len(model.pbms), len(model.terms)
        pairs = model.interactions
        weight = np.array([model.coefficients[motif].any() or pairs.involve(motif).any() for motif in range(n)])
        idle = np.flatnonzero(~weight)
        if len(idle) == 0 or not weight.any():
            return model, fit
        self.dropped.append(("interactions", model.pbms.take(idle), ["no weight beside the others"] * len(idle)))
        kept = np.concatenate([np.flatnonzero(weight), np.arange(n, n_terms)])
        return self.fitted(model.pbms.take(np.flatnonzero(weight)), pairs.without_terms(kept), fit.lambda_)


def level_row(level: str, counts: tuple[int, int, int], peaks: ModelledPeaks, predicted: np.ndarray) -> dict[str, Any]:
    """Return a row of the table of levels: numbers of motifs, features and interactions, and R2 with its interval."""
    row = (level, *counts, *peaks.r2(predicted), *peaks.r2_interval(predicted))
    return dict(zip(LEVEL_COLUMNS, row, strict=True))


def named(pbms: PBMSet, library: MotifSet) -> PBMSet:
    """Name each PBM by what the most similar motifs of the library agree on; these stay in the motifs' metadata."""
    if len(pbms) == 0:
        return pbms
    return replace(pbms, motifs=naming.named(pbms.motifs, library))
