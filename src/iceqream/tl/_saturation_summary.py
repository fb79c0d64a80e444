"""Which motifs carry the effects of substitutions, over many sequences."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import get_adata, peak_mask
from iceqream._core.threads import threads
from iceqream._progress import progress_bar
from iceqream._stored_models import trajectory_model
from iceqream.inference.mutagenesis import substitution_shares
from iceqream.models import ManifoldModel, TrajectoryModel
from iceqream.models.features import SEQUENCE_FEATURES
from iceqream.models.trajectory import check_has_motifs
from iceqream.tl._mutation_inputs import mutation_inputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iceqream._sequences import Sequences
    from iceqream._stored_models import Source

logger = logging.getLogger(__name__)

DEFAULT_PEAKS = 1000
COMPOSITION = "composition"
"""Stands for GC content and dinucleotides."""


def saturation_summary(
    data: Source,
    peaks: Any = None,
    *,
    sequences: Sequences | None = None,
    n_peaks: int | None = DEFAULT_PEAKS,
    features: Mapping[str, Any] | None = None,
    rng: int | np.random.Generator = 0,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Sum up which motifs carry the effects of all single substitutions.

    The effect of a substitution is the change of predicted dAP, regardless of its direction. It is shared among the
    model's terms in proportion to what each adds to the change of the linear predictor (pairs count half for either
    term); the shares over all substitutions of all peaks are divided by the total effect.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a model and sequences, or a `iceqream.models.TrajectoryModel`.
    peaks
        Peaks to change, as in `fit_trajectory`; ``None`` takes all.
    sequences
        Sequences to change instead, as `iceqream.models.TrajectoryModel.predict` takes them.
    n_peaks
        Where there are more, so many are drawn; ``None`` takes all.
    features
        Values of features that are not computed from sequence, for `sequences`.
    rng
        Seed or generator of the draw.
    key, trajectory, mod
        As in `iceqream.get.model`.
    n_jobs
        Threads; the result does not depend on it.

    Returns
    -------
    DataFrame, one row per term, largest first (index: motif; all features of composition together are
    ``"composition"``): share of the total effect, with share_error (standard error over peaks), lost (part of the
    term's effect that comes from substitutions that lower its value: sites that are there; the rest are sites that
    arise), leading (share of the peaks in which no other term carries more), effect (mean over peaks of the term's
    part of the effects' sum, dAP).

    Raises
    ------
    KeyError
        If there is no model or peak of that name, or no sequences.
    ValueError
        If the model has no motifs, or fewer than two sequences are left.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.tl.saturation_summary(adata, n_peaks=20).columns.tolist()
    ['share', 'share_error', 'lost', 'leading', 'effect']
    """
    model = trajectory_model(data, key, trajectory, mod)
    check_has_motifs(model)
    if n_peaks is not None and n_peaks < 2:
        msg = f"n_peaks must be at least 2, got {n_peaks}."
        raise ValueError(msg)
    draw = np.random.default_rng(rng)
    if sequences is None and n_peaks is not None and not isinstance(data, TrajectoryModel | ManifoldModel):
        adata = get_adata(data, mod)
        rows = np.arange(adata.n_vars) if peaks is None else np.flatnonzero(peak_mask(adata, peaks))
        if len(rows) > n_peaks:
            logger.info("%d of %d peaks are drawn", n_peaks, len(rows))
            peaks = np.sort(draw.choice(rows, n_peaks, replace=False))
    inputs = mutation_inputs(data, model, peaks, sequences, features, mod=mod)
    if len(inputs.codes) < 2:
        msg = f"{len(inputs.codes)} sequence cannot tell how much shares differ; give two or more."
        raise ValueError(msg)
    with threads(n_jobs), progress_bar(len(inputs.codes), "substitutions", "sequence") as bar:
        of_peaks, lost = substitution_shares(model, inputs.codes, inputs.features, bar.update)
    terms = np.array([COMPOSITION if str(t) in SEQUENCE_FEATURES else str(t) for t in model.terms], dtype=object)
    names = pd.unique(terms)
    # composition is one term to the reader
    of_peaks, lost = (
        np.column_stack([part[:, terms == name].sum(axis=1) for name in names]) for part in (of_peaks, lost)
    )
    total = of_peaks.sum(axis=1)
    share = of_peaks.sum(axis=0) / max(total.sum(), np.finfo(float).tiny)
    # of a ratio of two sums over peaks
    residual = (of_peaks - share * total[:, None]) / max(total.mean(), np.finfo(float).tiny)
    carried = of_peaks.sum(axis=0)
    table = pd.DataFrame(
        {
            "share": share,
            "share_error": residual.std(axis=0, ddof=1) / np.sqrt(len(total)),
            "lost": np.divide(lost.sum(axis=0), carried, out=np.full(len(names), np.nan), where=carried > 0),
            "leading": np.bincount(of_peaks.argmax(axis=1), minlength=len(names)) / len(total),
            "effect": of_peaks.mean(axis=0),
        },
        index=pd.Index(names.astype(str), name="motif"),
    )
    return table.sort_values("share", ascending=False, kind="stable")
