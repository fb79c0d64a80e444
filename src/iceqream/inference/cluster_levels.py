"""Levels by clusters of motifs: a linear model selects, clusters are fused (METHOD section 6; the publications)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from iceqream._core import prego
from iceqream._progress import progress_bar
from iceqream.inference.consolidation import Contributions, cluster_motifs, fuse_clusters, fuse_pbms
from iceqream.inference.levels import Inference
from iceqream.inference.refined_model import REFINEMENT_STEPS, refined_model
from iceqream.inference.screening import screen
from iceqream.inference.selection import SELECTION_STEPS, select_motifs
from iceqream.inference.spatial_curves import refined_curves
from iceqream.models.interactions import Interactions
from iceqream.motifs import MotifSet
from iceqream.motifs.pbm import PBMSet

if TYPE_CHECKING:
    from iceqream._core.regression import LogisticFit
    from iceqream.inference.screening import Screen
    from iceqream.inference.selection import Selection
    from iceqream.models.trajectory import TrajectoryModel

logger = logging.getLogger(__name__)


class ClusterInference(Inference):
    """Motifs are selected by a linear model, and clusters of them become one each."""

    def learned(self, library: MotifSet) -> tuple[TrajectoryModel, LogisticFit]:
        """Levels 0 to 3 by clusters of motifs (the paper and the reference)."""
        if self.options.n_denovo:
            library = MotifSet.concat([library, self.denovo()])
        found = screen(self.codes, [self.screened()], library, self.options, progress=self.progress)[0][0]
        self.note_screen(library, found)
        return self.of_clusters(library, found)

    @property
    def fused_on(self) -> np.ndarray:
        """Training peaks that clusters are fused on, bool, modelled peaks."""
        return self.peaks.is_train

    def of_clusters(self, library: MotifSet, screened: Screen) -> tuple[TrajectoryModel, LogisticFit]:
        """Levels 2 and 3, from the motifs that passed the screen."""
        selection = self.selected(screened)
        self.stats |= {"n_selected": len(selection.motifs), "selection_lambda": selection.lambda_}
        model, fit = self.fitted(self.consolidated(library, screened, selection), Interactions.none())
        self.record("consolidated", model)
        if self.options.second_consolidation is not None:
            model, fit = self.consolidated_again(model, fit)
        return self.with_refined_curves(model, fit)

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
                self.fused_on,
                bins=prego.spatial_bins(width, None, None),
                seed=options.consolidation,
                pseudo_probability=options.pseudo_probability,
                advance=bar.update,
            )
        nothing = np.zeros(len(motifs))
        unscaled = PBMSet(motifs, curves, nothing, nothing, width, options.pseudo_probability)
        return self.scaled(unscaled)

    def consolidated_again(self, model: TrajectoryModel, fit: LogisticFit) -> tuple[TrajectoryModel, LogisticFit]:
        """Level 4: clusters of the models, on their partial responses."""
        options = self.options
        n_clusters = options.second_consolidation or len(model.pbms)
        values = self.terms(model.pbms)
        contributions = Contributions.of(model, values)
        clusters = cluster_motifs(contributions, n_clusters, options.min_cluster_correlation)
        pbms = fuse_pbms(model.pbms, contributions, clusters, self.modelled, self.fused_on, options)
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

    def refined(self, model: TrajectoryModel, fit: LogisticFit) -> tuple[TrajectoryModel, LogisticFit]:
        """Level 4 continued: PSSMs, spatial curves and coefficients of all motifs, learned together."""
        if not self.options.refine or len(model.pbms) == 0:
            return model, fit
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
