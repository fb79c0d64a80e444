"""Levels by growth: motifs join one batch after the other, and folds of the training peaks say how many."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from iceqream._core import prego
from iceqream._core.correlation import correlations
from iceqream._progress import progress_bar
from iceqream.inference.design_matrix import columns
from iceqream.inference.final_fit import penalty
from iceqream.inference.growth import FoldGrowth, Growth, grow, held_out_parts
from iceqream.inference.levels import Inference
from iceqream.inference.refinement import JointFit, joint_fit
from iceqream.inference.screening import best_sharpness
from iceqream.models.interactions import Interactions
from iceqream.motifs import MotifSet
from iceqream.motifs.pbm import PBMSet

if TYPE_CHECKING:
    import pandas as pd

    from iceqream._core.regression import LogisticFit
    from iceqream.inference.screening import Screen
    from iceqream.models.trajectory import TrajectoryModel

logger = logging.getLogger(__name__)


class GrowthInference(Inference):
    """Motifs join a model that grows and are refined together."""

    def learned(self, library: MotifSet) -> tuple[TrajectoryModel, LogisticFit]:
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
            Growth(
                joint_fit(
                    self.modelled, self.feature_values, self.peaks, self.options, np.random.default_rng(seed), part
                ),
                *known,
                training,
            )
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

    def penalties(self, fit: JointFit) -> list[float]:
        """Return the penalty of the one response of a joint fit on all training peaks."""
        training = np.flatnonzero(self.peaks.is_train)
        peaks = self.peaks.part(training, np.ones(len(training), dtype=bool))
        X = columns(fit.terms, Interactions.none())
        if X.shape[1] == 0:
            return [0.0]
        return [penalty(self.options.lambda_, X, peaks, self.options.l1_ratio, self.rng)]

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
