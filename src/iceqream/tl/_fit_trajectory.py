"""Fit the model of one trajectory."""

from __future__ import annotations

import logging
from dataclasses import fields, replace
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import check_names, coordinates, peak_mask, prepare, sequences_of, state_profile
from iceqream._core.messages import did_you_mean, examples, refuse_data
from iceqream._files import numbers
from iceqream._groups import group_labels, stored_groups
from iceqream.inference import FitOptions
from iceqream.inference import fit_trajectory as fit
from iceqream.models.features import SEQUENCE_FEATURES, available_features, stored_features, stored_ranges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from mudata import MuData

    from iceqream._core.normalization import Scheme
    from iceqream._groups import Groups
    from iceqream.inference.options import Preset
    from iceqream.motifs.libraries import Library

    _Wanted = tuple[bool | list[str], dict[str, np.ndarray]]

logger = logging.getLogger(__name__)

DEFAULT_MIN_TSS_DISTANCE = 5_000
DEFAULT_HELD_OUT = 0.2


def fit_trajectory(
    data: AnnData | MuData,
    start: str,
    end: str,
    *,
    groupby: Groups | None = None,
    motifs: Library | None = None,
    layer: str = _keys.ACCESS_PROBABILITY,
    peaks: str | Sequence[str] | Sequence[int] | np.ndarray | pd.Series | None = None,
    min_tss_distance: int | None = DEFAULT_MIN_TSS_DISTANCE,
    features: bool | Sequence[str] = True,
    weights: str | np.ndarray | None = None,
    preset: Preset = "default",
    max_motifs: int | None = None,
    n_denovo: int | None = None,
    interactions: bool | Literal["cv"] | None = None,
    consolidation: Literal["pssm", "kmer", "none"] | None = None,
    lambda_: float | Literal["cv"] | None = None,
    selection_lambda: float | Literal["cv"] | None = None,
    normalization: Scheme | None = None,
    split: float | str | Sequence[str] = DEFAULT_HELD_OUT,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    rng: int | np.random.Generator = 0,
    key_added: str = _keys.MODEL,
    copy: bool = False,
    **options: Any,
) -> AnnData | MuData | None:
    """Explain from sequence how accessibility changes from one state to another.

    A library of motifs is screened by the correlation of energy and ``dAP = AP[end] - AP[start]``. Two drafts of a
    model are learned apart from each other: one of clusters of motifs that a linear model selects, one that grows by
    the motifs that explain best what it leaves unexplained. Four response functions per motif and feature are fitted by
    an L1-penalised fractional logistic regression, and the PSSMs and spatial curves of all motifs of a draft are
    learned together. Then their motifs join, of alike ones one is left, and the weakest leave; how many stay is
    decided in folds of the training peaks, for each of which everything is learned anew (where no motif is worth it,
    there is none). Products of terms join, each beside the weight of its two terms alone (paper fig. 2A and eq. 1-4). A
    prediction is the fitted probability on the scale of dAP. When held-out R2 does not differ from 0, a warning says
    so. ``learning="clusters"`` selects and fuses motifs as the publications do.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with ``layers["ap"]`` and ``varm["sequence"]`` (`iceqream.pp.sequences`).
        The training peaks set the scale of the energies, with ``min_support=1`` all peaks.
    start, end
        Two states: names of rows, or of groups of rows (`groupby`), whose mean is taken.
    groupby
        Column of ``obs`` (of the peaks, of the MuData or, as ``"rna:celltype"``, of another modality), several columns
        (states such as ``"B|day1"``), or a Series or array of labels. Groups that are no column of the peaks' ``obs``
        are written to ``obs["<key_added>_groups"]``.
    motifs
        The library: a MotifSet, the path of a motif file, or a dictionary of matrices; ``None`` is
        ``iq.motifs.jaspar()``, the 1,019 vertebrate motifs of JASPAR 2026. Larger libraries (`iceqream.motifs.library`)
        take longer.
    layer
        Access probabilities in [0, 1].
    peaks
        Peaks to model: a boolean mask, the name of a column of ``var`` (boolean, or 0 and 1), names of peaks, or
        integer positions from 0; ``None`` takes all.
    min_tss_distance
        Model only peaks farther than this from any start site, bp (``var["tss_distance"]``); ``None`` switches the
        filter off. Peaks without a distance (no gene on their chromosome) count as far, with a warning.
    features
        ``True``: GC content, dinucleotides and whatever ``varm["features"]`` holds. ``False``: motifs only. Names:
        these sequence features, columns of ``varm["features"]``, or numeric columns of ``var`` or of a DataFrame in
        ``varm`` (histone marks, for example).
    weights
        Weight of each peak in the screen and in every regression: an array, or the name of a numeric column of
        ``var``; ``None`` weighs all equally. R2 counts all peaks alike.
    preset
        Constants: ``"default"`` (what predicts best in cross-validation on real cells), ``"paper"``, or
        ``"reference"``, the R package (`iceqream.models.FitOptions.preset`). What follows replaces single ones.
    max_motifs
        Motifs of the model, at most; 20 by default. How many there are is decided in folds of the training peaks.
    n_denovo
        Motifs to learn from the training peaks by PREGO, a draft of their own; 0 by default. Each fold finds its own;
        they join if the folds are better with them.
    interactions
        Whether products of two motifs, and of a feature and a motif, enter (default); ``"cv"``: if they lower the
        held-out deviance in five folds of the training peaks.
    consolidation
        How a cluster of library motifs becomes one motif: ``"pssm"`` (default) and ``"kmer"`` fit a new
        PSSM to what its members contribute, from the strongest member or from a k-mer (PREGO); ``"none"`` keeps the
        strongest member.
    lambda_
        Penalty of the final fit; ``"cv"``, the default, chooses it by five-fold cross-validation inside the training
        peaks.
    selection_lambda
        Penalty of the linear model that selects motifs, likewise.
    normalization
        How energies are scaled to 0-10: the R package's scheme (``"reference"``, default) or the paper's eq. 3.
    split
        Peaks that are held out: a fraction (0 holds out none, with a warning), ``"chrom"`` (random whole
        chromosomes, about a fifth of the peaks), a list of chromosomes, or a column of ``var`` ("train"/"test",
        anything else unused; or boolean, true for training).
    mod
        Modality of a MuData that holds the peaks.
    n_jobs
        Threads; the result does not depend on it.
    rng
        Seed or generator of the split and the folds.
    key_added
        Key of ``varm`` and ``uns``.
    copy
        Whether to return a changed copy.
    **options
        Further constants of the inference, the fields of `iceqream.models.FitOptions`: learning (``"clusters"`` selects
        and fuses motifs as the publications do), refine (whether PSSMs, spatial curves and coefficients are learned
        together; later: `iceqream.tl.refine`), size_folds (0 keeps ``max_motifs``, in a fourth of the time),
        sharpness, pssm_pull, min_residual_r2, min_support, calibrated, heredity, pair_penalty and others.

    Returns
    -------
    ``None``, or the changed copy. Writes ``varm[key_added]`` (DataFrame: dap, pred (float32; pred of every peak),
    split (train, test, unused), and weight if given) and ``uns[key_added]``, the model (`iceqream.get.model`).

    Raises
    ------
    KeyError
        If a state, layer, column or the sequences are missing (with what to run first).
    TypeError
        If an option is none of `iceqream.models.FitOptions`, or `motifs` or `peaks` of no form that is read.
    ValueError
        If access probabilities leave [0, 1] or are missing, a state is empty, the two states do not differ, or fewer
        than 100 training peaks are left.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> iq.pp.tss_distance(adata, adata.uns["tss"])
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=iq.datasets.simulated_motifs())
    >>> sorted(adata.varm["iq"].columns)
    ['dap', 'pred', 'split']
    """
    constants = fit_options(
        preset,
        {
            "max_motifs": max_motifs,
            "n_denovo": n_denovo,
            "interactions": interactions,
            "consolidation": consolidation,
            "lambda_": lambda_,
            "selection_lambda": selection_lambda,
            "normalization": normalization,
            **options,
        },
    )
    data, adata = prepare(data, mod, copy=copy)
    check_names(adata)
    codes = sequences_of(adata)
    labels = None if groupby is None else group_labels(data, groupby, mod)
    first, last = (state_profile(adata, s, labels=labels, layer=layer) for s in (start, end))
    if start == end:
        msg = f"start and end are both {start!r}: name two states."
        raise ValueError(msg)
    dap = last - first
    modelled = _modelled(adata, peaks, min_tss_distance)
    generator = np.random.default_rng(rng)
    train, test = _split(adata, split, modelled, generator)
    used = modelled & (train | test)
    composition, given = features_of(adata, features)
    peak_weights = peak_weights_of(adata, weights)
    model = fit(
        codes,
        dap,
        motifs=motifs,
        features=given,
        feature_ranges=stored_ranges(adata),
        composition=composition,
        modelled=used,
        train=train,
        weights=peak_weights,
        options=constants,
        states=(str(start), str(end)),
        n_jobs=n_jobs,
        rng=generator,
    )
    filters: dict[str, Any] = {
        "preset": preset,
        "groupby": stored_groups(adata, groupby, labels, key_added),
        "layer": layer,
        "min_tss_distance": min_tss_distance,
        "split": split if isinstance(split, str | float | int) else ",".join(map(str, split)),
        "rng": rng if isinstance(rng, int) else None,
    }
    model = replace(model, params={**model.params, **filters})
    if key_added in adata.uns:
        logger.warning("uns[%r] and varm[%r] are replaced", key_added, key_added)
    category = np.where(train & used, "train", np.where(test & used, "test", "unused"))
    table = pd.DataFrame(
        {
            _keys.DAP: dap.astype(np.float32),
            _keys.PREDICTION: model.predict(codes, features=given).astype(np.float32),
            _keys.SPLIT: pd.Categorical(category, categories=list(_keys.SPLITS)),
        },
        index=adata.var_names,
    )
    if peak_weights is not None:
        table[_keys.WEIGHT] = peak_weights
    adata.varm[key_added] = table
    adata.uns[key_added] = model.to_uns()
    return data if copy else None


def fit_options(preset: Preset, given: dict[str, Any]) -> FitOptions:
    """Return the constants of the inference; refuse unknown ones and values that make no sense."""
    known = [field.name for field in fields(FitOptions)]
    unknown = [name for name in given if name not in known]
    if unknown:
        own = [name for name, one in signature(fit_trajectory).parameters.items() if one.kind is one.KEYWORD_ONLY]
        near = did_you_mean(unknown[0], [*own, *known])
        said = near or f" Constants of the inference are {', '.join(known)}."
        msg = f"fit_trajectory has no option {examples(unknown)}.{said}"
        raise TypeError(msg)
    return FitOptions.preset(preset, **given)


def peak_weights_of(adata: AnnData, weights: str | np.ndarray | None) -> np.ndarray | None:
    """Return the weight of each peak, float64, unchecked; ``None`` without."""
    refuse_data(weights, "weights")
    if not isinstance(weights, str):
        return None if weights is None else np.asarray(weights, dtype=np.float64)
    if weights not in adata.var or not pd.api.types.is_numeric_dtype(adata.var[weights]):
        msg = f"weights={weights!r} is not a numeric column of var ({examples(adata.var.columns) or 'none'})."
        raise KeyError(msg)
    return adata.var[weights].to_numpy(dtype=np.float64)


def _modelled(adata: AnnData, peaks: Any, min_tss_distance: int | None) -> np.ndarray:
    """Return the mask of the peaks to model and log what was left out."""
    mask = np.ones(adata.n_vars, dtype=bool)
    if peaks is not None:
        chosen = peak_mask(adata, peaks)
        mask &= chosen
        logger.info("%d of %d peaks chosen by peaks=", mask.sum(), len(mask))
    if min_tss_distance is not None:
        if _keys.TSS_DISTANCE not in adata.var:
            msg = (
                "There is no var['tss_distance']: run iq.pp.tss_distance(adata, 'genes.gtf.gz') first, or pass "
                "min_tss_distance=None to model peaks near start sites as well."
            )
            raise KeyError(msg)
        far = _far(adata, min_tss_distance)
        near = int((mask & ~far).sum())
        if near:
            logger.warning("%d of %d peaks lie within %d bp of a start site and are left out (min_tss_distance)", near,
                           mask.sum(), min_tss_distance)  # fmt: skip
        mask &= far
    if not mask.any():
        msg = f"No peak of {adata.n_vars} is left to model: relax peaks or min_tss_distance."
        raise ValueError(msg)
    return mask


def _far(adata: AnnData, min_tss_distance: int) -> np.ndarray:
    """Return which peaks are farther from a start site; those without a distance are."""
    distance = numbers(adata.var[_keys.TSS_DISTANCE])
    missing = np.isnan(distance)
    if missing.all():
        msg = (
            "var['tss_distance'] has no number: run iq.pp.tss_distance(adata, 'genes.gtf.gz'), or pass "
            "min_tss_distance=None."
        )
        raise ValueError(msg)
    if missing.any():
        logger.warning("%d of %d peaks have no distance to a start site: taken as far", missing.sum(), len(missing))
    return missing | (np.abs(distance) > min_tss_distance)


def _split(
    adata: AnnData, split: float | str | Sequence[str], modelled: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return masks of training and held-out peaks over all peaks."""
    refuse_data(split, "split")
    test = np.zeros(adata.n_vars, dtype=bool)
    if isinstance(split, int | float):
        if not 0 <= split < 1:
            msg = f"The held-out fraction must lie in [0, 1), got {split}."
            raise ValueError(msg)
        rows = np.flatnonzero(modelled)
        test[rng.permutation(rows)[: round(split * len(rows))]] = True
        return ~test, test
    if isinstance(split, str) and split != _keys.CHROM:
        return _split_by_column(adata, split, modelled)
    chrom = coordinates(adata)["chrom"].to_numpy().astype(str)
    present, counts = np.unique(chrom[modelled], return_counts=True)
    if isinstance(split, str):
        if len(present) < 2:
            msg = f"All peaks lie on {present[0]}: a split by chromosome needs two. Use a fraction or a column."
            raise ValueError(msg)
        order = rng.permutation(len(present))
        reached = np.cumsum(counts[order]) / counts.sum()
        held_out = present[order[: max(1, int((reached <= DEFAULT_HELD_OUT).sum()))]]
    else:
        held_out = np.array([str(c) for c in split])
        unknown = held_out[~np.isin(held_out, present)]
        if len(unknown):
            msg = f"No modelled peak lies on {examples(unknown)}, to be held out; there are {examples(present)}."
            raise ValueError(msg)
    logger.info("held out: %s", ", ".join(held_out))
    test = np.isin(chrom, held_out)
    return ~test, test


def _split_by_column(adata: AnnData, split: str, modelled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if split not in adata.var:
        msg = f"split={split!r} is neither a fraction, 'chrom', nor a column of var ({examples(adata.var.columns)})."
        raise KeyError(msg)
    column = adata.var[split]
    if column.dtype == bool:
        train = column.to_numpy()
        return train, ~train
    names = column.astype(str).to_numpy()
    train, test = (names == name for name in _keys.SPLITS[:2])
    if not train.any():
        msg = f"var[{split!r}] marks no peak 'train'; it holds {examples(column.astype(str).unique())}."
        raise ValueError(msg)
    neither = modelled & ~np.isin(names, _keys.SPLITS)
    if neither.any():
        found = examples(np.unique(names[neither]))
        logger.warning(
            "var[%r] is neither train, test nor unused in %d peaks (%s): left out", split, neither.sum(), found
        )
    return train, test


def features_of(adata: AnnData, features: bool | Sequence[str]) -> _Wanted:  # noqa: FBT001
    """Return which sequence features are wanted and the unscaled values of the others."""
    refuse_data(features, "features")
    if features is False:
        return False, {}
    if features is True:
        return True, stored_features(adata)
    wanted = [str(name) for name in features]
    given = available_features(adata, wanted)
    missing = [name for name in wanted if name not in SEQUENCE_FEATURES and name not in given]
    if missing:
        msg = (
            f"Feature {examples(missing)} is neither a sequence feature, in varm['features'], nor a numeric column of "
            "var or of a DataFrame in varm."
        )
        raise KeyError(msg)
    return [name for name in wanted if name in SEQUENCE_FEATURES], given
