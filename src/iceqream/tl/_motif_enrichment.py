"""Which motifs have more strong sites in one group of peaks than in all."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import prepare, sequences_of
from iceqream._core.enrichment import enrichment
from iceqream._core.messages import did_you_mean, examples
from iceqream._core.normalization import energy_range, scale
from iceqream._core.threads import threads
from iceqream._stored_models import check_no_model
from iceqream.get._model_motifs import model_motifs
from iceqream.inference.screening import energy_blocks
from iceqream.motifs import as_motif_set
from iceqream.motifs._energies import DEFAULT_PSEUDO_PROBABILITY

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

    from iceqream.motifs.libraries import Library

logger = logging.getLogger(__name__)

STRONG = 8.0
_SUPPORT = 30
"""Peaks that reach 10 at least, where the scale is learned here."""
_TOP_SHARE = 20
_SMALLEST = 10
"""Peaks of a group below which a warning is given."""


def motif_enrichment(
    data: AnnData | MuData,
    *,
    groups: str = _keys.PEAK_CLUSTER,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    motifs: Library | None = None,
    threshold: float = STRONG,
    key_added: str = _keys.MOTIF_ENRICHMENT,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Compare the share of peaks with a strong site between each group of peaks and all groups together (fig. 4D).

    A peak has a strong site of a motif if its energy reaches `threshold` on the scale of 0-10. The log2 ratio has a
    pseudo-count of 0.5 hits and 0.5 misses, within the group and outside of it, so that it is finite where there are no
    hits, and a standard error that says how far small counts can be trusted. The test is hypergeometric and two-sided
    (twice the smaller tail): a motif can be avoided as well. q is the false discovery rate of Benjamini and Hochberg
    over all motifs and groups (statsmodels). Groups that differ in GC content differ in motifs as well; a test cannot
    tell why.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with ``varm["sequence"]``.
    groups
        Column of ``var`` with the group of each peak, as of `iceqream.tl.cluster_peaks`; peaks without a group take no
        part.
    key, trajectory
        Key of the model whose motifs are counted, and of a manifold the trajectory (``None``: all its motifs).
    motifs
        A library to count instead, as `iceqream.motifs.as_motif_set` takes it; its energies are scaled over the peaks
        of all groups.
    threshold
        Energy of a strong site, above 0 and up to 10.
    key_added
        Key of ``uns``.
    mod
        Modality of a MuData that holds the peaks.
    n_jobs
        Threads; the result does not depend on it.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``uns[key_added]``: names of motifs and groups, and motifs x groups hits,
    log2_enrichment, se, p and q. `iceqream.get.motif_enrichment_df` makes a table of it.

    Raises
    ------
    KeyError
        If there is no such column, model or sequences.
    ValueError
        If there are fewer than two groups, or the threshold lies outside of (0, 10].

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> iq.tl.cluster_peaks(adata, 3)
    >>> iq.tl.motif_enrichment(adata, motifs=iq.datasets.simulated_motifs(decoys=False))
    >>> iq.get.motif_enrichment_df(adata).columns.tolist()[:4]
    ['motif', 'group', 'log2_enrichment', 'se']
    """
    from statsmodels.stats.multitest import multipletests

    if not 0 < threshold <= 10:
        msg = f"Energies are scaled to 0-10; a threshold lies above 0 and up to 10, got {threshold!r}."
        raise ValueError(msg)
    check_no_model(data, key_added, mod)
    data, adata = prepare(data, mod, copy=copy)
    labels = _groups_of_peaks(adata, groups)
    rows = np.flatnonzero(labels.codes >= 0)
    codes, member = sequences_of(adata)[rows], labels.codes[rows]
    n_groups = len(labels.categories)
    sizes = np.bincount(member, minlength=n_groups)
    with threads(n_jobs):
        if motifs is None:
            pbms, _ = model_motifs(data, key, trajectory, mod)
            names = pbms.motifs.names
            hits = _hits(pbms.normalized_energies(codes) >= threshold, member, n_groups)
        else:
            library = as_motif_set(motifs)
            names, hits = library.names, np.zeros((len(library), n_groups), dtype=np.int64)
            support = max(1, min(_SUPPORT, len(rows) // _TOP_SHARE))
            for block, energies in energy_blocks(codes, library, np.arange(len(library)), DEFAULT_PSEUDO_PROBABILITY):
                scaled = scale(energies, *energy_range(energies, support=support))
                hits[block] = _hits(scaled >= threshold, member, n_groups)
    rare = int((hits.sum(axis=1) == 0).sum())
    if rare:
        logger.warning("%d of %d motifs have no site of energy %g or more in any of these peaks", rare, len(names),
                       threshold)  # fmt: skip
    result = enrichment(hits, sizes)
    adata.uns[key_added] = {
        "kind": _keys.MOTIF_ENRICHMENT,
        "motif_names": np.array([str(name) for name in names], dtype=object),
        "groups": np.array(labels.categories.astype(str), dtype=object),
        "n_peaks": sizes.astype(np.int64),
        "hits": hits,
        "log2_enrichment": result.log2_ratio,
        "se": result.error,
        "p": result.p,
        "q": multipletests(result.p.ravel(), method="fdr_bh")[1].reshape(result.p.shape),
        "params": {
            "groups": groups,
            "key": "" if motifs is not None else key,
            "trajectory": trajectory or "",
            "threshold": float(threshold),
        },
    }
    return data if copy else None


def _hits(strong: np.ndarray, member: np.ndarray, n_groups: int) -> np.ndarray:
    """Return how many peaks of each group have a strong site, int64, motifs x groups."""
    indicator = (member[:, None] == np.arange(n_groups)).astype(np.float64)
    return np.rint(strong.T.astype(np.float64) @ indicator).astype(np.int64)


def _groups_of_peaks(adata: AnnData, groups: str) -> pd.Categorical:
    """Return the group of each peak, without empty groups; refuse what makes no groups."""
    if groups not in adata.var:
        hint = did_you_mean(groups, adata.var.columns) or " iq.tl.cluster_peaks makes one."
        msg = f"groups={groups!r} is not a column of var ({examples(adata.var.columns) or 'none'}).{hint}"
        raise KeyError(msg)
    column = adata.var[groups]
    if pd.api.types.is_float_dtype(column.dtype):
        msg = f"var[{groups!r}] holds measurements, no groups: pandas.cut makes some of them."
        raise ValueError(msg)
    labels = pd.Categorical(column).remove_unused_categories()
    sizes = np.bincount(labels.codes[labels.codes >= 0], minlength=len(labels.categories))
    if len(sizes) < 2:
        there = examples(labels.categories) or "none"
        msg = f"var[{groups!r}] has {len(sizes)} group(s) of peaks ({there}); two are needed."
        raise ValueError(msg)
    left = int((labels.codes < 0).sum())
    if left:
        logger.info("%d of %d peaks have no group in %s and take no part", left, len(labels), groups)
    small = labels.categories[sizes < _SMALLEST]
    if len(small):
        logger.warning("%d group(s) have fewer than %d peaks: %s", len(small), _SMALLEST, examples(small))
    return labels
