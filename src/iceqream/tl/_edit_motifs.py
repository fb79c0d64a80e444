"""Change the motifs of a fitted model: drop, rename."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import get_adata, prepare
from iceqream._core.messages import examples
from iceqream._core.threads import threads
from iceqream._progress import progress_bar
from iceqream._stored_models import any_model, copy_results
from iceqream.inference import FitOptions
from iceqream.inference.filtering import weak_motifs
from iceqream.models.trajectory import TrajectoryModel, check_has_motifs, motif_positions
from iceqream.motifs import as_motif_set, naming
from iceqream.tl._fitted import Fitted, changed, check_key_added, to_change, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from mudata import MuData

    from iceqream._core.regression import LogisticFit
    from iceqream.models import ManifoldModel
    from iceqream.motifs import MotifSet
    from iceqream.motifs.libraries import Library
    from iceqream.motifs.naming import NameBy

logger = logging.getLogger(__name__)


def filter_motifs(
    data: AnnData | MuData,
    *,
    min_bits: float = FitOptions.min_bits,
    min_residual_r2: float = FitOptions.min_residual_r2,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    key_added: str | None = None,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Drop weak motifs from a fitted model and refit the rest (METHOD section 6, level 4).

    First the motifs with little information, then, from the weakest up, those whose removal costs little R2 on the
    training peaks; the others are judged anew after each removal. One motif stays in any case.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model.
    min_bits
        Least total information of a PSSM, bits.
    min_residual_r2
        Least R2 on training peaks that a motif's removal must cost.
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
        If a changed trajectory of a manifold would have no key of its own.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8)
    >>> iq.tl.filter_motifs(adata, min_residual_r2=0.1, key_added="few")
    >>> len(iq.get.model(adata, "few").pbms) < len(iq.get.model(adata).pbms)
    True
    """
    fit = to_change(data, key, mod, trajectory=trajectory, key_added=key_added, copy=copy)
    check_has_motifs(fit.model)
    with threads(n_jobs), progress_bar(len(fit.model.pbms), "filtering", "motif") as bar:
        kept, why = weak_motifs(
            fit.model,
            fit.modelled_values,
            fit.peaks,
            lambda_=fit.lambda_,
            options=replace(fit.options, min_bits=min_bits, min_residual_r2=min_residual_r2),
            advance=bar.update,
        )
        bar.update(len(kept))
        model, regression = _with_motifs(fit, kept)
    dropped = {str(fit.model.motif_names[motif]): reason for motif, reason in why.items()}
    write(fit, model, regression, "filter_motifs", dropped=dropped)
    return fit.data if copy else None


def remove_motifs(
    data: AnnData | MuData,
    motifs: str | Sequence[str],
    *,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    key_added: str | None = None,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Take motifs out of a fitted model, with their interactions, and refit the rest.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model.
    motifs
        Name or names.
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
    ValueError
        If the model has no motifs, or none would be left, or a
        changed trajectory of a manifold would have no key of its own.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8)
    >>> weakest = iq.get.motifs_df(adata).index[-1]
    >>> iq.tl.remove_motifs(adata, weakest)
    >>> weakest in iq.get.model(adata).motif_names
    False
    """
    fit = to_change(data, key, mod, trajectory=trajectory, key_added=key_added, copy=copy)
    leaving = fit.positions(motifs)
    kept = np.setdiff1d(np.arange(len(fit.model.pbms)), leaving)
    if len(kept) == 0:
        msg = "No motif would be left. To fit features alone, compare with iq.tl.residual_r2."
        raise ValueError(msg)
    with threads(n_jobs):
        model, regression = _with_motifs(fit, kept)
    dropped = dict.fromkeys(map(str, fit.model.motif_names[leaving]), "on request")
    write(fit, model, regression, "remove_motifs", dropped=dropped)
    return fit.data if copy else None


def rename_motifs(
    data: AnnData | MuData,
    names: Mapping[str, str] | Library | None = None,
    *,
    by: NameBy = "family",
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    key_added: str | None = None,
    mod: str = _keys.ATAC,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Give motifs of a fitted model other names. A name is a label, not an identification.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model.
    names
        Old name to new name; or a library (a MotifSet, the path of a motif file, a dictionary of matrices), whose
        members each motif is compared with anew; ``None`` takes the matches that are stored with the model
        (`iceqream.get.motif_matches_df`).
    by
        Unless `names` gives them one by one, what names are made of: ``"family"``, on which the five most similar
        library motifs agree (GATA, AP-1, E-box CAGGTG), else the consensus; ``"symbol"`` of the best of that family;
        ``"match"``, the name of the most similar motif; ``"consensus"`` alone. Repeats get a suffix.
    key
        Key of ``uns`` where the model is.
    trajectory
        Name of one trajectory of a manifold (`iceqream.get.model`), whose motifs alone get other names; ``None``
        renames those that all of them share.
    key_added
        Where the changed model goes; ``None`` replaces the old one. One trajectory of a manifold needs a key of its
        own.
    mod
        Modality of a MuData that holds the peaks.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``uns[key_added]`` (and under another key than before
    ``varm[key_added]``), and the names in ``uns[f"{key_added}_stability"]`` (`iceqream.tl.stability`) where that is a
    table of these motifs.

    Raises
    ------
    KeyError
        If there is no fit under the key, or the model lacks a motif.
    ValueError
        If the model has no motifs, two given names are the same, one is empty or a feature's, `by` is unknown, no
        matches are stored, or one trajectory of a manifold would have no key of its own.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8)
    >>> first = iq.get.model(adata).motif_names[0]
    >>> iq.tl.rename_motifs(adata, {first: "my motif"})
    >>> iq.get.model(adata).motif_names[0]
    'my motif'
    >>> iq.tl.rename_motifs(adata, by="consensus")
    >>> iq.get.model(adata).motif_names[0].startswith("motif ")
    True
    """
    renames = names if isinstance(names, Mapping) and all(isinstance(v, str) for v in names.values()) else None
    library = None if names is None or renames is not None else as_motif_set(names)
    if trajectory is not None:
        check_key_added(data, key, mod, trajectory, key_added)
    model = any_model(get_adata(data, mod), key, trajectory)
    motifs = _named(model, renames, library, by)
    data, adata = prepare(data, mod, copy=copy)
    if key_added not in {None, key}:
        copy_results(adata, key, trajectory, str(key_added))
    adata.uns[key_added or key] = _with_names(model, motifs).to_uns()
    _rename_stability(adata, key_added or key, dict(zip(model.motif_names, motifs.names, strict=True)))
    return data if copy else None


def _named(
    model: TrajectoryModel | ManifoldModel, renames: Mapping[str, str] | None, library: MotifSet | None, by: NameBy
) -> MotifSet:
    """Return the motifs of a model with other names."""
    check_has_motifs(model)
    motifs = model.pbms.motifs
    if library is not None:
        return naming.named(motifs, library, by)
    if renames is None:
        return naming.renamed(motifs, by)
    motif_positions(model, renames)
    labels = np.array([str(renames.get(str(name), name)) for name in motifs.names], dtype=object)
    repeated = [name for name in set(labels) if (labels == name).sum() > 1]
    features = [name for name in labels if name in set(model.features.names)]
    if any(not name.strip() for name in labels):
        blank = [old for old, new in renames.items() if not new.strip()]
        msg = f"The new name of {examples(blank)} is empty: a motif needs a name."
        raise ValueError(msg)
    if features:
        msg = f"A feature of the model has that name already: {examples(features)}."
        raise ValueError(msg)
    if repeated:
        msg = f"Two motifs would have the same name: {examples(sorted(repeated))}."
        raise ValueError(msg)
    return motifs.rename(labels)


def _with_names(model: TrajectoryModel | ManifoldModel, motifs: MotifSet) -> TrajectoryModel | ManifoldModel:
    """Return a model whose motifs have other names; of a manifold in all trajectories."""
    pbms = replace(model.pbms, motifs=motifs)
    if isinstance(model, TrajectoryModel):
        return replace(model, pbms=pbms)
    trajectories = {
        name: replace(one, pbms=pbms.take(model.positions(one)[: len(one.pbms)]))
        for name, one in model.trajectories.items()
    }
    names = dict(zip(map(str, model.motif_names), map(str, motifs.names), strict=True))
    members = model.members.assign(common=[names.get(str(name), str(name)) for name in model.members["common"]])
    return replace(model, pbms=pbms, trajectories=trajectories, members=members)


def _rename_stability(adata: AnnData, key: str, names: Mapping[str, str]) -> None:
    """Let the table of stability follow, if it is one of these motifs."""
    table = adata.uns.get(f"{key}{_keys.STABILITY}")
    if isinstance(table, pd.DataFrame) and set(table.index) <= set(names):
        adata.uns[f"{key}{_keys.STABILITY}"] = table.rename(index=names)


def _with_motifs(fit: Fitted, kept: np.ndarray) -> tuple[TrajectoryModel, LogisticFit]:
    """Refit with some of the motifs."""
    n, n_terms = len(fit.model.pbms), len(fit.model.terms)
    terms = np.concatenate([kept, np.arange(n, n_terms)])
    return changed(
        fit,
        pbms=fit.model.pbms.take(kept),
        interactions=fit.model.interactions.without_terms(terms),
        values=fit.modelled_values[:, terms],
    )
