"""Inference of a trajectory model from arrays (METHOD sections 5 and 6)."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._core.messages import refuse_data
from iceqream._core.threads import threads
from iceqream._sequences import check_informative, read_codes
from iceqream.inference.cluster_levels import ClusterInference
from iceqream.inference.draft_levels import DraftsInference
from iceqream.inference.inputs import check_library, checked_weights, modelled_rows, scaled_features
from iceqream.inference.options import FitOptions
from iceqream.inference.peaks import ModelledPeaks
from iceqream.motifs import as_motif_set

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from iceqream._sequences import Sequences
    from iceqream.models.trajectory import TrajectoryModel
    from iceqream.motifs.libraries import Library

logger = logging.getLogger(__name__)


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

    Levels: the library is screened by correlation with dAP; two drafts are learned apart from each other, one of
    clusters of motifs that a linear model selects, one that grows by the motifs that explain best what it leaves
    unexplained, each with PSSMs, spatial curves and responses of all its motifs together; their motifs join, of alike
    ones one is left, and the weakest leave. How many stay is decided in folds of the training peaks, for each of which
    everything is learned anew (none may be worth it). Pairs of terms join. ``options.learning="clusters"`` selects and
    fuses motifs as the publications do (METHOD section 6).

    Parameters
    ----------
    sequences
        Sequences of equal width, in any form of `TrajectoryModel.predict`; of an AnnData or MuData the sequences alone
        are taken. The training sequences set the scale of the energies; all of them with ``min_support=1``.
    dap
        Change of access probability per sequence, in [-1, 1]; only values of `modelled` sequences are used.
    motifs
        The library: a MotifSet, the path of a motif file, or a dictionary of matrices; ``None`` is
        ``iq.motifs.jaspar()``.
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
        equally. R2 counts all peaks alike, but what removals cost those with weight.
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
    peaks = ModelledPeaks(dap[rows], is_train, checked_weights(weights, len(codes), rows, is_train))
    support = options.support(int(is_train.sum()))
    scaling, feature_values = scaled_features(
        codes, rows, features or {}, composition, feature_ranges or {}, among=rows[is_train], support=support
    )
    with threads(n_jobs):
        inference = DraftsInference if options.learning == "drafts" else ClusterInference
        run = inference(codes, rows, peaks, scaling, feature_values, options, states, generator, progress)
        model = run.infer(library)
    logger.info("%s", model.r2_text)
    if model.doubt:
        logger.warning("%s", model.doubt)
    params: dict[str, Any] = {**vars(options), "rng": rng if isinstance(rng, int) else None}
    return replace(model, params=params)
