"""Fit the model of one trajectory."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from iceqream import _keys
from iceqream._anndata import check_names, prepare, sequences_of, state_profile
from iceqream._groups import group_labels, stored_groups
from iceqream.inference import fit_trajectory as fit
from iceqream.models.features import stored_ranges
from iceqream.tl._fit_inputs import (
    DEFAULT_HELD_OUT,
    DEFAULT_MIN_TSS_DISTANCE,
    features_of,
    fit_options,
    modelled_peaks,
    peak_weights_of,
    result_table,
    split_peaks,
    stored_filters,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from anndata import AnnData
    from mudata import MuData

    from iceqream._core.normalization import Scheme
    from iceqream._groups import Groups
    from iceqream.inference.options import Preset
    from iceqream.motifs.libraries import Library

logger = logging.getLogger(__name__)


def fit_trajectory(
    data: AnnData | MuData,
    start: str | None,
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
        Two states: names of rows, or of groups of rows (`groupby`), whose mean is taken. A start of ``None`` is one
        where nothing is open: the access probability of the end itself is explained (`fit_state`).
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
        fit_trajectory,
    )
    data, adata = prepare(data, mod, copy=copy)
    check_names(adata)
    codes = sequences_of(adata)
    labels = None if groupby is None else group_labels(data, groupby, mod)
    if start == end:
        msg = f"start and end are both {start!r}: name two states."
        raise ValueError(msg)
    last = state_profile(adata, end, labels=labels, layer=layer)
    dap = last if start is None else last - state_profile(adata, start, labels=labels, layer=layer)
    modelled = modelled_peaks(adata, peaks, min_tss_distance)
    generator = np.random.default_rng(rng)
    train, test = split_peaks(adata, split, modelled, generator)
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
        states=(_keys.CLOSED if start is None else str(start), str(end)),
        n_jobs=n_jobs,
        rng=generator,
    )
    filters: dict[str, Any] = {
        **stored_filters(preset, layer, min_tss_distance, split, rng),
        "groupby": stored_groups(adata, groupby, labels, key_added),
    }
    model = replace(model, params={**model.params, **filters})
    if key_added in adata.uns:
        logger.warning("uns[%r] and varm[%r] are replaced", key_added, key_added)
    predicted = model.predict(codes, features=given)
    table = result_table(dap, predicted, train, used, peak_weights, adata.var_names)
    adata.varm[key_added] = table
    adata.uns[key_added] = model.to_uns()
    return data if copy else None
