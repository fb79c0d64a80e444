"""Fuse motifs of a fitted model: those that a user names, or those that act alike."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from iceqream import _keys
from iceqream._core.messages import examples
from iceqream._core.threads import threads
from iceqream.inference import FitOptions
from iceqream.inference.consolidation import Contributions, cluster_motifs, fuse_pbms
from iceqream.models.interactions import Interactions
from iceqream.models.trajectory import check_has_motifs
from iceqream.motifs import as_motif_set, naming
from iceqream.tl._fitted import Fitted, changed, to_change, write, write_unchanged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from mudata import MuData

    from iceqream._core.regression import LogisticFit
    from iceqream.models import TrajectoryModel
    from iceqream.motifs import PBMSet
    from iceqream.motifs.libraries import Library

logger = logging.getLogger(__name__)


def merge_motifs(
    data: AnnData | MuData,
    groups: Mapping[str, Sequence[str]],
    *,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    key_added: str | None = None,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Fuse motifs of a fitted model into one each and refit.

    A new PSSM and spatial curve are fitted by PREGO to the sum of the members' partial responses. Interactions of
    merged motifs are left out (`iceqream.tl.add_interactions` finds them anew).

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model.
    groups
        Name of each new motif and the names of its members, two or more.
    key
        Key of ``uns`` and ``varm`` where the model is.
    trajectory
        Name of one trajectory of a manifold (`iceqream.get.model`).
    key_added
        Where the changed model goes; ``None`` replaces the old one. A changed trajectory of a manifold, which shares
        its motifs with others, needs a key of its own.
    mod
        Modality of a MuData that holds the peaks.
    n_jobs
        Threads; the result does not depend on it.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``uns[key_added]`` (the model, with one more row in its levels) and
    ``varm[key_added]`` (pred).

    Raises
    ------
    KeyError
        If there is no fit under the key, or the model lacks a motif.
    TypeError
        If the groups have no names.
    ValueError
        If the model has no motifs, a group has fewer than two members, a motif is in two groups, or a new
        name is taken, or a changed trajectory of a manifold would have no key of its own.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> first, second = iq.get.model(adata).motif_names[:2]
    >>> iq.tl.merge_motifs(adata, {"merged": [first, second]})
    >>> "merged" in iq.get.model(adata).motif_names
    True
    """
    if not isinstance(groups, Mapping):
        msg = (
            f"groups names each new motif and its members, such as {{'merged': ['CEBPA', 'HLF']}}; got a "
            f"{type(groups).__name__}."
        )
        raise TypeError(msg)
    fit = to_change(data, key, mod, trajectory=trajectory, key_added=key_added, copy=copy)
    names = fit.model.motif_names
    members = {str(name): fit.positions(group) for name, group in groups.items()}
    small = [name for name, group in members.items() if len(group) < 2]
    if small or not members:
        msg = f"A group needs two motifs or more: {examples(small) or 'none is given'}. See iq.tl.rename_motifs."
        raise ValueError(msg)
    used, counts = np.unique(np.concatenate(list(members.values())), return_counts=True)
    if (counts > 1).any():
        msg = f"Each motif can be in one group only: {examples(names[used[counts > 1]])}."
        raise ValueError(msg)
    others = np.setdiff1d(np.arange(len(names)), used)
    taken = [name for name in members if name in {*names[others], *fit.model.features.names}]
    if taken:
        msg = f"The model has a motif or feature of that name already: {examples(taken)}."
        raise ValueError(msg)
    clusters = np.empty(len(names), dtype=np.int64)
    clusters[others] = np.arange(len(others))
    for k, group in enumerate(members.values()):
        clusters[group] = len(others) + k
    with threads(n_jobs):
        pbms = _fused(fit, Contributions.of(fit.model, fit.modelled_values), clusters)
        labels = np.concatenate([names[others], np.array(list(members), dtype=object)])
        pbms = replace(pbms, motifs=pbms.motifs.rename(labels))
        model, regression = _with_pbms(fit, pbms)
    write(fit, model, regression, "merge_motifs")
    return fit.data if copy else None


def consolidate(
    data: AnnData | MuData,
    n_motifs: int,
    *,
    min_correlation: float = FitOptions.min_cluster_correlation,
    motifs: Library | None = None,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    key_added: str | None = None,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Fuse the motifs of a fitted model that act alike (METHOD section 6, level 4).

    The energies are clustered by complete linkage on 1 - Pearson correlation; a cluster whose mean pairwise correlation
    is too low is split; each becomes one motif, fitted by PREGO to the sum of its members' partial responses.
    Interactions are left out (`iceqream.tl.add_interactions` finds them anew). Where nothing goes together the model
    stays as it is, with a warning.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model.
    n_motifs
        Number of clusters; splitting can leave more.
    min_correlation
        Mean pairwise correlation that a cluster needs.
    motifs
        Library to name the result after: a MotifSet, the path of a motif file, or a dictionary of matrices; ``None``
        is ``iq.motifs.jaspar()``.
    key
        Key of ``uns`` and ``varm`` where the model is.
    trajectory
        Name of one trajectory of a manifold (`iceqream.get.model`).
    key_added
        Where the changed model goes; ``None`` replaces the old one. A changed trajectory of a manifold, which shares
        its motifs with others, needs a key of its own.
    mod
        Modality of a MuData that holds the peaks.
    n_jobs
        Threads; the result does not depend on it.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``uns[key_added]`` (the model, with one more row in its levels) and
    ``varm[key_added]`` (pred).

    Raises
    ------
    KeyError
        If there is no fit under the key.
    ValueError
        If the model has no motifs, or `n_motifs` is below 1, or a
        changed trajectory of a manifold would have no key of its own.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.tl.consolidate(adata, 3, min_correlation=-1.0, motifs=library)
    >>> len(iq.get.model(adata).pbms)
    3
    """
    if n_motifs < 1:
        msg = f"n_motifs must be at least 1, got {n_motifs}."
        raise ValueError(msg)
    library = as_motif_set(motifs)
    fit = to_change(data, key, mod, trajectory=trajectory, key_added=key_added, copy=copy)
    check_has_motifs(fit.model)
    contributions = Contributions.of(fit.model, fit.modelled_values)
    clusters = cluster_motifs(contributions, n_motifs, min_correlation)
    n_before = len(fit.model.pbms)
    if len(np.unique(clusters)) == n_before:
        logger.warning(
            "nothing is consolidated: no two of the %d motifs go together with n_motifs=%d and min_correlation=%g; the "
            "model stays as it is",
            n_before, n_motifs, min_correlation,
        )  # fmt: skip
        write_unchanged(fit, key)
        return fit.data if copy else None
    with threads(n_jobs):
        pbms = _fused(fit, contributions, clusters)
        pbms = replace(pbms, motifs=naming.named(pbms.motifs, library))
        model, regression = _with_pbms(fit, pbms)
    write(fit, model, regression, "consolidate")
    return fit.data if copy else None


def _fused(fit: Fitted, contributions: Contributions, clusters: np.ndarray) -> PBMSet:
    modelled = fit.codes[fit.rows]
    fused = fuse_pbms(fit.model.pbms, contributions, clusters, modelled, fit.peaks.is_train, fit.options)
    return fit.scaled(fused)


def _with_pbms(fit: Fitted, pbms: PBMSet) -> tuple[TrajectoryModel, LogisticFit]:
    """Refit with other motifs, without interactions."""
    n_lost = len(fit.model.interactions)
    if n_lost:
        logger.warning("%d interactions left out; run iq.tl.add_interactions to find them anew", n_lost)
    features = fit.modelled_values[:, len(fit.model.pbms) :]
    values = np.hstack([pbms.normalized_energies(fit.codes[fit.rows]), features])
    return changed(fit, pbms=pbms, interactions=Interactions.none(), values=values)
