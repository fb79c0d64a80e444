"""The levels of the inference, one after the other, on one set of peaks (METHOD section 6)."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream._progress import progress_bar
from iceqream.inference.design_matrix import columns
from iceqream.inference.filtering import weak_motifs
from iceqream.inference.final_fit import IDLE, fit_responses, motifs_with_weight, penalty, summarized
from iceqream.inference.pairs import INTERACTION_STEPS, add_interactions
from iceqream.inference.peaks import ModelledPeaks, scaling_set
from iceqream.inference.refined_model import warn_of_others
from iceqream.inference.screening import Screened
from iceqream.models.interactions import Interactions
from iceqream.models.levels import LEVEL_COLUMNS, SIZE_COLUMNS
from iceqream.motifs import MotifSet, naming, regress
from iceqream.motifs._motif_set import joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iceqream._core.regression import LogisticFit
    from iceqream.inference.options import FitOptions
    from iceqream.inference.screening import Screen
    from iceqream.models.features import FeatureScaling
    from iceqream.models.trajectory import TrajectoryModel
    from iceqream.motifs.pbm import PBMSet

logger = logging.getLogger(__name__)

PAIRS = "interactions"
"""Name of the level at which pairs of terms join."""
MIN_DENOVO_PEAKS = 200
MIN_DENOVO_DAP = 0.1
"""Level 0: de-novo motifs are learned from peaks that change by at least this much (METHOD section 7)."""


class Inference(ABC):
    """The levels, one method each, on one set of peaks."""

    draft = ""
    """The draft that is being learned."""

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
            self.check_changing()
        model = self.finished(*self.learned(library))
        model = self.named(replace(model, stats={**model.stats, "n_library": len(library), **self.stats}), library)
        warn_of_others(model.pbms)
        return model

    def finished(self, model: TrajectoryModel, fit: LogisticFit) -> TrajectoryModel:
        """Levels 4 and 5, and what the model comes to."""
        model, fit = self.filtered(model, fit)
        model, fit = self.refined(model, fit)
        if self.options.interactions and len(model.pbms):
            model, fit = self.with_interactions(model, fit)
        if not fit.converged:
            logger.warning("the final fit has a KKT residual of %.2g (lambda %.2g)", fit.kkt, fit.lambda_)
        model = summarized(model, self.terms(model.pbms), self.peaks, fit, self.options.pair_penalty)
        return replace(model, sizes=self.sizes, levels=pd.DataFrame(self.levels, columns=list(LEVEL_COLUMNS)))

    def named(self, model: TrajectoryModel, library: MotifSet) -> TrajectoryModel:
        """Return the model with motifs named after those of the library, and with a note of those that were dropped.

        Of several motifs that would have the same name the strongest has it without a number, then come the weaker
        ones, last those that were dropped.
        """
        n = len(model.pbms)
        strongest_first = np.argsort(-np.abs(model.effects[:n]), kind="stable")
        motifs = joined([model.pbms.motifs[strongest_first], *(pbms.motifs for _, pbms, _ in self.dropped)])
        motifs = naming.named(motifs, library)
        model = replace(model, pbms=replace(model.pbms, motifs=motifs[np.argsort(strongest_first)]))
        return self.with_dropped(model, motifs.names[n:])

    def with_dropped(self, model: TrajectoryModel, names: np.ndarray) -> TrajectoryModel:
        """Return the model with a note of the motifs that were dropped, under these names."""
        left_out = iter(names)
        for level, _, reasons in self.dropped:
            model = model.with_dropped(level, {str(next(left_out)): reason for reason in reasons})
        return model

    @abstractmethod
    def learned(self, library: MotifSet) -> tuple[TrajectoryModel, LogisticFit]:
        """Levels 0 to 3: from a library to motifs with responses."""

    @abstractmethod
    def refined(self, model: TrajectoryModel, fit: LogisticFit) -> tuple[TrajectoryModel, LogisticFit]:
        """Refine the motifs that the filter left, where that was not done on the way."""

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
        row = level_row(level, self.draft, counts, self.peaks, predicted)
        self.levels.append(row)
        logger.info("%s: %d motifs, %d features, %d interactions, R2 %.3f train, %.3f held out", level, *counts,
                    row["r2_train"], row["r2_test"])  # fmt: skip

    def changing(self) -> np.ndarray:
        """Return which training peaks change enough to show de-novo motifs, bool, modelled peaks."""
        return (self.peaks.training_weights > 0) & (np.abs(self.peaks.dap) >= MIN_DENOVO_DAP)

    def check_changing(self) -> None:
        """Refuse de-novo motifs where too few training peaks change."""
        n = int(self.changing().sum())
        if n < MIN_DENOVO_PEAKS:
            msg = (
                f"{n} training peaks have |dAP| >= {MIN_DENOVO_DAP}; de-novo motifs need {MIN_DENOVO_PEAKS}. Set "
                "n_denovo=0."
            )
            raise ValueError(msg)

    def denovo(self) -> MotifSet:
        """Return motifs found in the training peaks that change."""
        used, n = self.changing(), self.options.n_denovo
        found = regress(self.modelled[used], self.peaks.dap[used], n_motifs=n, rng=self.rng, progress=self.progress)
        return found.pbms.motifs.rename([f"denovo_{i + 1}" for i in range(len(found.pbms))])

    def note_screen(self, library: MotifSet, found: Screen) -> None:
        """Add the library, and the R2 of its best motif alone, to the table of levels."""
        row = ("library", self.draft, len(library), len(self.scaling), 0, *[float("nan")] * 4)
        self.levels.append(dict(zip(LEVEL_COLUMNS, row, strict=True)))
        self.stats |= {"n_screened": len(found.motifs), "screen_threshold": found.threshold}
        best = int(np.abs(found.correlation[found.motifs]).argmax())
        # the direction is learned on the training peaks: a held-out correlation of the other sign is no success
        sign = np.sign(found.correlation[found.motifs[best]])
        self.add_level("screened", (len(found.motifs), 0, 0), sign * found.energies[:, best].astype(np.float64))

    def screened(self, parts: Sequence[np.ndarray] = ()) -> Screened:
        """Return what a library is screened against."""
        return Screened(self.rows, self.peaks, self.support, parts)

    def scaled(self, pbms: PBMSet) -> PBMSet:
        """Return the motifs with their 0-10 scale learned on the peaks that set it."""
        return pbms.scaled_to(self.scaling_set, self.options.normalization, self.support)

    def fitted(
        self, pbms: PBMSet, interactions: Interactions, lambda_: float | None = None
    ) -> tuple[TrajectoryModel, LogisticFit]:
        """Fit response functions; the penalty is chosen unless given."""
        values, options = self.terms(pbms), self.options
        if lambda_ is None:
            lambda_ = self.chosen_penalty(columns(values, interactions), self.peaks)
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

    def chosen_penalty(self, X: np.ndarray, peaks: ModelledPeaks) -> float:
        """Return the penalty for a regression on these columns (peaks x columns)."""
        return penalty(self.options.lambda_, X, peaks, self.options.l1_ratio, self.rng) if X.shape[1] else 0.0

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

    def with_interactions(self, model: TrajectoryModel, fit: LogisticFit) -> tuple[TrajectoryModel, LogisticFit]:
        """Level 5."""
        values = self.terms(model.pbms)
        with progress_bar(INTERACTION_STEPS, "level 5: interactions", "fit", show=self.progress) as bar:
            joined = add_interactions(
                model, values, self.peaks, self.options, lambda_=fit.lambda_, rng=self.rng, advance=bar.update
            )
        if joined is not None:
            model, fit = self.without_idle(*joined)
        self.record(PAIRS, model)
        return model, fit

    def without_idle(self, model: TrajectoryModel, fit: LogisticFit) -> tuple[TrajectoryModel, LogisticFit]:
        """Drop the motifs that have no weight left, alone or in a pair, now that the penalty is another."""
        n, n_terms = len(model.pbms), len(model.terms)
        pairs = model.interactions
        weight = motifs_with_weight(model)
        idle = np.flatnonzero(~weight)
        if len(idle) == 0 or not weight.any():
            return model, fit
        self.dropped.append(("interactions", model.pbms.take(idle), [IDLE] * len(idle)))
        kept = np.concatenate([np.flatnonzero(weight), np.arange(n, n_terms)])
        return self.fitted(model.pbms.take(np.flatnonzero(weight)), pairs.without_terms(kept), fit.lambda_)


def level_row(
    level: str, draft: str, counts: tuple[int, int, int], peaks: ModelledPeaks, predicted: np.ndarray
) -> dict[str, Any]:
    """Return a row of the table of levels: numbers of motifs, features and interactions, and R2 with its interval."""
    row = (level, draft, *counts, *peaks.r2(predicted), *peaks.r2_interval(predicted))
    return dict(zip(LEVEL_COLUMNS, row, strict=True))
