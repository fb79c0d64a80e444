"""Compare a model with simpler and other models of the same peaks (paper fig. 2E)."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._core.comparison import paired_difference, resampled_differences
from iceqream._core.correlation import MIN_PAIRS, r2_interval
from iceqream._core.messages import known_names
from iceqream._core.threads import threads
from iceqream._progress import progress_bar
from iceqream._stored_models import check_no_model, stored_trajectories
from iceqream.inference import fit_trajectory
from iceqream.inference.inputs import MIN_PEAKS, check_library
from iceqream.inference.peaks import ModelledPeaks
from iceqream.models.features import SEQUENCE_FEATURES, available_features, stored_ranges
from iceqream.motifs import as_motif_set
from iceqream.tl._cross_validate import DEFAULT_FOLDS, fold_labels
from iceqream.tl._fitted import Fitted, fitted
from iceqream.tl._model_variants import IQ, VARIANTS, Setting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from mudata import MuData

    from iceqream.motifs import MotifSet
    from iceqream.motifs.libraries import Library
    from iceqream.tl._model_variants import Predicted

logger = logging.getLogger(__name__)

_GIVEN = "given"
"""What the only split is called, where it is that of the fit."""


def compare_models(
    data: AnnData | MuData,
    *,
    motifs: Library | None = None,
    models: Sequence[str] | None = None,
    folds: int | str | None = None,
    n_folds: int = DEFAULT_FOLDS,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    key_added: str = _keys.MODEL_COMPARISON,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    rng: int | np.random.Generator = 0,
    progress: bool = True,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Compare how well a model and simpler or other models predict held-out peaks (paper fig. 2E).

    All learn from the same training peaks, penalties and sizes included, and all but ``iq_no_features`` have the
    model's features beside their motifs:

    ========================  ==========================================================================================
    ``features``              features alone, linear
    ``database``              best motifs of the library, linear: as many as the model has, one by one those that
                              explain most of what features and the ones before leave
    ``clusters``              best motif of each cluster of library motifs, linear: as many clusters as the model has
                              motifs, made as the paper makes them
    ``pbm_linear``            the model's motifs, linear
    ``gam``                   the model's motifs, additive: a spline per term (statsmodels)
    ``boosting``              the model's motifs, boosted trees (scikit-learn)
    ``xgboost``               the model's motifs, boosted trees of XGBoost, where it is installed
    ``iq_no_features``        IQ without features
    ``iq_unrefined``          IQ, motifs as they were before refinement
    ``iq_max``                IQ, of each motif the best site alone (paper eq. 8)
    ``iq_no_pairs``           IQ without pairs of terms
    ``iq``                    the model
    ========================  ==========================================================================================

    Linear is a ridge regression. What stands on the model's motifs is fitted to the peaks that these were learned on,
    as IQ is; held-out peaks decide nothing. Models that begin with IQ keep motifs and pairs, but for what their name
    says, and are refitted with a penalty chosen as in the fit. What does not apply to a model (it has no pairs, for
    instance) is left out, and the log says so.

    On the split of the fit, the model is the stored one, its motifs learned on training peaks alone. The difference to
    it has an error from resamples of the held-out peaks, which does not know how the models would differ had they been
    learned from other peaks. With `folds` everything is learned anew in each of them, the model too, by the options of
    its fit; that takes as long as so many fits, and the error of the difference counts it
    (`iceqream.get.comparison_df`).

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model.
    motifs
        The library, as in `iceqream.tl.fit_trajectory`: that of the fit, if the comparison is to be fair.
    models
        Which of these models; ``None`` takes all. ``iq`` is always among them.
    folds
        ``None``: the split of the fit. A number, ``"chrom"`` or a column of ``var``: folds of all modelled peaks, as in
        `iceqream.tl.cross_validate`. Later changes of the model (`iceqream.tl.remove_motifs`, for instance) are not
        made again in them.
    n_folds
        Number of folds by chromosome.
    key
        Key of ``uns`` and ``varm`` where the model is.
    trajectory
        Name of one trajectory of a manifold, on the split of its fit.
    key_added
        Key of ``uns`` and ``varm``.
    mod
        Modality of a MuData that holds the peaks.
    n_jobs
        Threads; the result does not depend on it.
    rng
        Seed or generator of folds, fits and resamples.
    progress
        Whether to show a bar.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``uns[key_added]`` (table: `iceqream.get.model_comparison_df`) and
    ``varm[key_added]``, a DataFrame: dap, what each model predicts of held-out peaks (NaN for others), fold.

    Raises
    ------
    KeyError
        If there is no fit under the key, no such model or column.
    ValueError
        If no peaks are held out (10 at least), a fold leaves fewer than 100 training peaks, there are fewer than two
        folds, or folds are asked for of a trajectory of a manifold, which shares its motifs with others.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.tl.compare_models(adata, motifs=library, models=["database", "pbm_linear"])
    >>> iq.get.model_comparison_df(adata).index.tolist()
    ['database', 'pbm_linear', 'iq']
    """
    check_no_model(data, key_added, mod)
    fit = fitted(data, key, mod, trajectory=trajectory, copy=copy)
    adata, generator = fit.adata, np.random.default_rng(rng)
    names = _applicable(fit, models)
    library = as_motif_set(motifs)
    check_library(library, fit.codes.shape[1])
    if folds is not None and stored_trajectories(adata, key):
        msg = (
            "The trajectories of a manifold share their motifs, which folds of one of them would not: leave folds out, "
            "or fit the trajectory by itself with iq.tl.fit_trajectory."
        )
        raise ValueError(msg)
    fold = None if folds is None else fold_labels(adata, folds, n_folds, generator)
    splits = _splits(fit, fold)
    seed = int(generator.integers(2**31))
    predicted = np.full((len(names), adata.n_vars), np.nan)
    scores = []
    with threads(n_jobs), progress_bar(len(names) * len(splits), "comparison", "model", show=progress) as bar:
        for fold_name, part in splits.items():
            began = time.perf_counter()
            if fold is not None:
                logger.info("fold %s: the model is learned without it", fold_name)
                part = _learned_anew(part, library, seed)
            learning = time.perf_counter() - began
            setting, score = Setting(part, library, seed), _Score.empty(len(names), part.peaks)
            for k, name in enumerate(names):
                began = time.perf_counter()
                said = VARIANTS[name].predicted(setting)
                seconds = time.perf_counter() - began
                if name == IQ:
                    seconds = np.nan if fold is None else learning
                score.add(k, said, seconds, part.peaks)
                test = ~part.peaks.is_train
                predicted[k, part.rows[test]] = said.dap[test]
                logger.info("%s: R2 %.3f train, %.3f held out", VARIANTS[name].label, score.train[k], score.test[k])
                bar.update(1)
            scores.append(score)
    held_out = np.isfinite(predicted).all(axis=0)
    dap = fit.table[_keys.DAP].to_numpy(dtype=np.float64)
    adata.varm[key_added] = _held_out_table(fit, names, predicted, fold)
    adata.uns[key_added] = {
        "kind": _keys.COMPARE_MODELS,
        "models": np.array(names, dtype=object),
        "labels": np.array([VARIANTS[name].label for name in names], dtype=object),
        "folds": np.array(list(splits), dtype=object),
        **_summary(scores, predicted[:, held_out], dap[held_out], names, generator),
        "params": {"key": key, "trajectory": trajectory or "", "folds": "" if folds is None else str(folds)},
    }
    return fit.data if copy else None


@dataclass(frozen=True, eq=False)
class _Score:
    """How well each model does on one split: arrays over the models."""

    train: np.ndarray
    test: np.ndarray
    n_terms: np.ndarray
    seconds: np.ndarray
    n_train: int
    n_test: int

    @classmethod
    def empty(cls, n: int, peaks: ModelledPeaks) -> _Score:
        n_train = int(peaks.is_train.sum())
        train, test, n_terms, seconds = np.full((4, n), np.nan)
        return cls(train, test, n_terms, seconds, n_train, len(peaks.dap) - n_train)

    def add(self, k: int, said: Predicted, seconds: float, peaks: ModelledPeaks) -> None:
        self.train[k], self.test[k] = peaks.r2(said.dap)
        self.n_terms[k], self.seconds[k] = said.n_terms, seconds


def _applicable(fit: Fitted, models: Sequence[str] | None) -> list[str]:
    """Return the models to compare, those left out that make no sense for this one."""
    asked = list(VARIANTS) if models is None else known_names(models, VARIANTS, "There is no model to compare called")
    why = {name: VARIANTS[name].lacks(fit.model) for name in asked}
    for name, reason in why.items():
        if reason:
            logger.info("%s is left out: %s", VARIANTS[name].label, reason)
    return [name for name in VARIANTS if name == IQ or (name in why and not why[name])]


def _splits(fit: Fitted, fold: np.ndarray | None) -> dict[str, Fitted]:
    """Return the fit with each of the splits; refuse those with too few peaks."""
    if fold is None:
        splits = {_GIVEN: fit}
    else:
        labels = pd.Series(fold[fit.rows])
        names = [str(name) for name in labels.dropna().unique()]
        if len(names) < 2:
            msg = f"A comparison in folds needs two or more with modelled peaks, found {names}. Use folds=5."
            raise ValueError(msg)
        left = int(labels.isna().sum())
        if left:
            logger.info("%d of %d modelled peaks have no fold and take no part", left, len(labels))
        splits = {name: _without_fold(fit, labels.to_numpy(), name) for name in names}
    for name, part in splits.items():
        n_train, n = int(part.peaks.is_train.sum()), len(part.peaks.dap)
        if n - n_train < MIN_PAIRS:
            where = "the split of the fit" if fold is None else f"fold {name}"
            msg = f"{n - n_train} peaks are held out by {where}; {MIN_PAIRS} are needed. folds=5 makes random folds."
            raise ValueError(msg)
        if n_train < MIN_PEAKS:
            msg = f"Without fold {name} {n_train} training peaks are left; at least {MIN_PEAKS} are needed."
            raise ValueError(msg)
    return splits


def _without_fold(fit: Fitted, labels: np.ndarray, name: str) -> Fitted:
    """Return the fit with one fold of its peaks held out."""
    kept = np.flatnonzero(pd.notna(labels))
    weights = None if fit.peaks.weights is None else fit.peaks.weights[kept]
    peaks = ModelledPeaks(fit.peaks.dap[kept], labels[kept] != name, weights)
    return replace(fit, rows=fit.rows[kept], peaks=peaks)


def _learned_anew(part: Fitted, library: MotifSet, seed: int) -> Fitted:
    """Return the fit with a model that was learned on its training peaks, by the options of the fit."""
    adata, rows, peaks = part.adata, part.rows, part.peaks
    names = [str(name) for name in part.model.features.names]
    modelled, train = np.zeros((2, adata.n_vars), dtype=bool)
    modelled[rows], train[rows[peaks.is_train]] = True, True
    dap, weights = np.zeros(adata.n_vars), np.ones(adata.n_vars)
    dap[rows] = peaks.dap
    if peaks.weights is not None:
        weights[rows] = peaks.weights
    model = fit_trajectory(
        part.codes,
        dap,
        motifs=library,
        features=available_features(adata, names),
        feature_ranges=stored_ranges(adata),
        composition=[name for name in names if name in SEQUENCE_FEATURES],
        modelled=modelled,
        train=train,
        weights=None if peaks.weights is None else weights,
        options=part.options,
        states=part.model.states,
        rng=seed,
        progress=False,
    )
    return replace(part, model=model, values=model.values(adata))


def _held_out_table(fit: Fitted, names: list[str], predicted: np.ndarray, fold: np.ndarray | None) -> pd.DataFrame:
    """Return dAP and what each model predicts of held-out peaks."""
    table = {_keys.DAP: fit.table[_keys.DAP].to_numpy(), **dict(zip(names, predicted.astype(np.float32), strict=True))}
    if fold is not None:
        table["fold"] = pd.Categorical(fold)
    return pd.DataFrame(table, index=fit.adata.var_names)


def _summary(
    scores: list[_Score], predicted: np.ndarray, dap: np.ndarray, names: list[str], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return R2 of each model over the splits, and its difference to the model itself, with errors."""
    train, test = (np.column_stack([getattr(score, name) for score in scores]) for name in ("train", "test"))
    n_train, n_test = (np.array([getattr(score, name) for score in scores]) for name in ("n_train", "n_test"))
    reference = names.index(IQ)
    if len(scores) > 1:
        own = [paired_difference(one, n_test, n_train) for one in test]
        ends = [(max(one.low, 0.0), min(one.high, 1.0)) for one in own]
        differences = [paired_difference(one - test[reference], n_test, n_train) for one in test]
    else:
        ends = [r2_interval(one, dap) for one in predicted]
        differences = resampled_differences(predicted.T, dap, reference, rng)
    low, high = np.array(ends).T
    return {
        "r2_train": train,
        "r2": test,
        "n_train": n_train,
        "n_test": n_test,
        "r2_low": low,
        "r2_high": high,
        "difference": np.array([one.mean for one in differences]),
        "se": np.array([one.se for one in differences]),
        "low": np.array([one.low for one in differences]),
        "high": np.array([one.high for one in differences]),
        "n_terms": np.mean([score.n_terms for score in scores], axis=0),
        "seconds": np.mean([score.seconds for score in scores], axis=0),
    }
