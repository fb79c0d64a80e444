"""Inference of a trajectory model from arrays (METHOD sections 5 and 6)."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._core import prego
from iceqream._core.messages import refuse_data
from iceqream._core.threads import threads
from iceqream._progress import progress_bar
from iceqream._sequences import check_informative, read_codes
from iceqream.models.consolidation import Contributions, cluster_motifs, fuse_clusters, fuse_pbms
from iceqream.models.design_matrix import columns
from iceqream.models.filtering import weak_motifs
from iceqream.models.final_fit import INTERACTION_STEPS, add_interactions, fit_responses, penalty, summarized
from iceqream.models.inputs import check_library, checked_weights, modelled_rows, scaled_features
from iceqream.models.interactions import Interactions
from iceqream.models.levels import LEVEL_COLUMNS, level_row
from iceqream.models.options import FitOptions
from iceqream.models.peaks import ModelledPeaks, scaling_set
from iceqream.models.screening import screen
from iceqream.models.selection import SELECTION_STEPS, select_motifs
from iceqream.models.spatial_refinement import refined_curves
from iceqream.motifs import MotifSet, as_motif_set, naming, regress
from iceqream.motifs.pbm import PBMSet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from iceqream._core.regression import LogisticFit
    from iceqream._sequences import Sequences
    from iceqream.models.features import FeatureScaling
    from iceqream.models.screening import Screen
    from iceqream.models.selection import Selection
    from iceqream.models.trajectory import TrajectoryModel
    from iceqream.motifs.libraries import Library

logger = logging.getLogger(__name__)

MIN_DENOVO_PEAKS = 200
MIN_DENOVO_DAP = 0.1
"""Level 0: de-novo motifs are learned from peaks that change by at least this much (METHOD section 7)."""


def fit_trajectory(
    sequences: Sequences,
    dap: np.ndarray,
    *,
    motifs: Library | None = None,
    features: Mapping[str, np.ndarray] | None = None,
    feature_ranges: Mapping[str, tuple[float, float]] | None = None,
    composition: bool | Sequence[str] = True,
    modelled: np.ndarray | None = None,
    train: np.ndarray | float = 0.8,
    weights: np.ndarray | None = None,
    options: FitOptions | None = None,
    states: tuple[str, str] = ("start", "end"),
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    rng: int | np.random.Generator = 0,
    progress: bool = True,
) -> TrajectoryModel:
    """Learn a model of dAP from sequences: arrays in, model out.

    Levels (METHOD section 6): the library, with de-novo motifs on request, is screened by correlation with dAP; a
    linear model selects motifs; clusters of correlated motifs become one physical binding model each, and their
    response functions are fitted with the features; weak motifs are dropped; pairs of terms join.

    Parameters
    ----------
    sequences
        Sequences of equal width, in any form of `TrajectoryModel.predict`; of an AnnData or MuData the sequences alone
        are taken. The training sequences set the scale of the energies; all of them with ``min_support=1``.
    dap
        Change of access probability per sequence, in [-1, 1]; only values of `modelled` sequences are used.
    motifs
        The library: a MotifSet, the path of a motif file, or a dictionary of matrices; ``None`` takes the vertebrate
        motifs of JASPAR 2026.
    features
        Further features: one unscaled value per sequence and name. Scaled to 0-10 by their 5 % and 95 % quantiles.
    feature_ranges
        For features that have a scale of their own: the values that are mapped to 0 and 10, as far as enough training
        peaks reach them (``min_support``).
    composition
        Whether GC content and the 16 dinucleotide frequencies are features, or the names of those that are
        (``gc_content``, ``AA``, ..., ``TT``).
    modelled
        Boolean mask of the sequences to model; ``None`` models all.
    train
        Boolean mask of the training sequences, or the fraction to draw at random.
    weights
        Weight of each sequence in the screen and in every regression of dAP, not negative; ``None`` weighs all
        equally. R2 counts all peaks alike.
    options
        Constants of the inference; ``FitOptions.preset("paper")`` and ``("reference")`` are those of the publications.
    states
        Names of the start and end state, kept with the model.
    mod
        Modality of a MuData that holds the peaks.
    n_jobs
        Threads; ``None`` uses numba's setting. The result does not depend on it.
    rng
        Seed or generator of the random split and of the folds.
    progress
        Whether to show a progress bar per level.

    Returns
    -------
    TrajectoryModel
        ``stats`` holds r2_train and r2_test (squared correlation of predicted and observed dAP), the number of peaks
        and motifs, and the KKT residual of the final fit; ``levels`` the motifs and R2 after each level.

    Raises
    ------
    ValueError
        For missing values, constant dAP, too few training peaks (100), sequences that are all the same or all N, or a
        library that is empty or whose energies are all constant.
    TypeError
        If the sequences or motifs are of no form that is read.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> ap = adata.layers["ap"]
    >>> model = iq.models.fit_trajectory(
    ...     adata.varm["sequence"], ap[3] - ap[0], motifs=iq.datasets.simulated_motifs(), progress=False
    ... )
    >>> model.width
    500
    """
    options = options or FitOptions()
    options.check()
    library = as_motif_set(motifs)
    codes = read_codes(sequences, mod=mod)
    check_informative(codes)
    check_library(library, codes.shape[1])
    generator = np.random.default_rng(rng)
    refuse_data(dap, "dap")
    dap = np.asarray(dap, dtype=np.float64)
    rows, is_train = modelled_rows(codes, dap, modelled, train, generator)
    peaks = ModelledPeaks(dap[rows], is_train, checked_weights(weights, len(codes), rows))
    support = options.support(int(is_train.sum()))
    scaling, feature_values = scaled_features(
        codes, rows, features or {}, composition, feature_ranges or {}, among=rows[is_train], support=support
    )
    with threads(n_jobs):
        run = _Inference(codes, rows, peaks, scaling, feature_values, options, states, generator, progress)
        model = run.infer(library)
    logger.info("%s", model.r2_text)
    if model.doubt:
        logger.warning("%s", model.doubt)
    params: dict[str, Any] = {**vars(options), "rng": rng if isinstance(rng, int) else None}
    return replace(model, params=params)


class _Inference:
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
        self._latest: tuple[PBMSet, np.ndarray] | None = None
        self.dropped: list[tuple[str, PBMSet, list[str]]] = []

    def infer(self, library: MotifSet) -> TrajectoryModel:
        candidates = self.with_denovo(library)
        screened = self.screened(candidates)
        selection = self.selected(screened)
        pbms = self.consolidated(candidates, screened, selection)
        model, fit = self.fitted(pbms, Interactions.none())
        self.record("consolidated", model)
        if self.options.second_consolidation is not None:
            model, fit = self.consolidated_again(model, fit)
        model, fit = self.with_refined_curves(model, fit)
        model, fit = self.filtered(model, fit)
        if self.options.interactions:
            model, fit = self.with_interactions(model, fit)
        if not fit.converged:
            logger.warning("the final fit has a KKT residual of %.2g (lambda %.2g)", fit.kkt, fit.lambda_)
        model = summarized(model, self.terms(model.pbms), self.peaks, fit, self.options.pair_penalty)
        stats = {
            **model.stats,
            "n_library": len(library),
            "n_screened": len(screened.motifs),
            "n_selected": len(selection.motifs),
            "screen_threshold": screened.threshold,
            "selection_lambda": selection.lambda_,
        }
        # of several motifs that would have the same name the strongest has it without a number
        strongest_first = np.argsort(-np.abs(model.effects[: len(model.pbms)]), kind="stable")
        with_names = named(model.pbms.take(strongest_first), library)
        model = replace(model, pbms=with_names.take(np.argsort(strongest_first)))
        for level, pbms, reasons in self.dropped:
            names = named(pbms, library).motifs.names
            model = model.with_dropped(level, dict(zip(names, reasons, strict=True)))
        return replace(model, stats=stats, levels=pd.DataFrame(self.levels, columns=list(LEVEL_COLUMNS)))

    def terms(self, pbms: PBMSet) -> np.ndarray:
        """Return the terms' values of the modelled peaks; the latest are kept, as each level asks again."""
        if self._latest is None or self._latest[0] is not pbms:
            self._latest = (pbms, np.hstack([pbms.normalized_energies(self.modelled), self.feature_values]))
        return self._latest[1]

    def record(self, level: str, model: TrajectoryModel) -> None:
        counts = (len(model.pbms), len(model.features), len(model.interactions))
        self.add_level(level, counts, model.predict_values(self.terms(model.pbms)))

    def add_level(self, level: str, counts: tuple[int, int, int], predicted: np.ndarray) -> None:
        """Add a row to the table of levels: numbers of motifs, features and interactions, and R2."""
        row = level_row(level, counts, self.peaks, predicted)
        self.levels.append(row)
        logger.info("%s: %d motifs, %d features, %d interactions, R2 %.3f train, %.3f held out", level, *counts,
                    row["r2_train"], row["r2_test"])  # fmt: skip

    def with_denovo(self, library: MotifSet) -> MotifSet:
        """Level 0: the library and motifs found in the training peaks."""
        peaks = self.peaks
        n = self.options.n_denovo
        if n:
            used = peaks.is_train & (np.abs(peaks.dap) >= MIN_DENOVO_DAP)
            if used.sum() < MIN_DENOVO_PEAKS:
                msg = (
                    f"{int(used.sum())} training peaks have |dAP| >= {MIN_DENOVO_DAP}; de-novo motifs need "
                    f"{MIN_DENOVO_PEAKS}. Set n_denovo=0."
                )
                raise ValueError(msg)
            found = regress(self.modelled[used], peaks.dap[used], n_motifs=n, rng=self.rng, progress=self.progress)
            names = [f"denovo_{i + 1}" for i in range(len(found.pbms))]
            library = MotifSet.concat([library, found.pbms.motifs.rename(names)])
        row = ("library", len(library), len(self.scaling), 0, *[float("nan")] * 4)
        self.levels.append(dict(zip(LEVEL_COLUMNS, row, strict=True)))
        return library

    def screened(self, library: MotifSet) -> Screen:
        """Level 1; the R2 is that of the best motif alone."""
        options = self.options
        with progress_bar(len(library), "level 1: screening", "motif", show=self.progress) as bar:
            found = screen(
                self.codes,
                self.rows,
                self.peaks,
                library,
                min_correlation=options.min_correlation,
                max_motifs=options.max_motifs,
                max_screened=options.max_screened,
                scheme=options.normalization,
                pseudo_probability=options.pseudo_probability,
                support=self.support,
                advance=bar.update,
            )
        best = int(np.abs(found.correlation[found.motifs]).argmax())
        # the direction is learned on the training peaks: a held-out correlation of the other sign is no success
        sign = np.sign(found.correlation[found.motifs[best]])
        self.add_level("screened", (len(found.motifs), 0, 0), sign * found.energies[:, best].astype(np.float64))
        return found

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
        energies = screened.energies[:, selection.motifs]
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
            lambda_ = penalty(options.lambda_, X, self.peaks, options.l1_ratio, self.rng)
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
        options = self.options
        with progress_bar(len(model.pbms), "level 4: filtering", "motif", show=self.progress) as bar:
            kept, why = weak_motifs(
                model,
                self.terms(model.pbms),
                self.peaks,
                lambda_=fit.lambda_,
                options=options,
                advance=bar.update,
            )
            bar.update(len(kept))
        if why:
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


def named(pbms: PBMSet, library: MotifSet) -> PBMSet:
    """Name each PBM by what the most similar motifs of the library agree on; these stay in the motifs' metadata."""
    return replace(pbms, motifs=naming.named(pbms.motifs, library))
