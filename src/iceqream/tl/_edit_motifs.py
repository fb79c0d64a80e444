"""Change the motifs of a fitted model: drop, rename."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._core.messages import examples
from iceqream._core.threads import threads
from iceqream._progress import progress_bar
from iceqream.inference import FitOptions
from iceqream.inference.filtering import weak_motifs
from iceqream.models.trajectory import check_has_motifs
from iceqream.motifs import as_motif_set, naming
from iceqream.tl._fitted import Fitted, changed, fitted, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from mudata import MuData

    from iceqream._core.regression import LogisticFit
    from iceqream.models import TrajectoryModel
    from iceqream.motifs.libraries import Library
    from iceqream.motifs.naming import NameBy

logger = logging.getLogger(__name__)


def filter_motifs(
    data: AnnData | MuData,
    *,
    min_bits: float = FitOptions.min_bits,
    min_residual_r2: float = FitOptions.min_residual_r2,
    key: str = _keys.MODEL,
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
    key_added
        Where the changed model goes; ``None`` replaces the old one.
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
    fit = fitted(data, key, mod, copy=copy)
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
    write(fit, model, regression, "filter_motifs", key_added or key, dropped=dropped)
    return fit.data if copy else None


def remove_motifs(
    data: AnnData | MuData,
    motifs: str | Sequence[str],
    *,
    key: str = _keys.MODEL,
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
    key_added
        Where the changed model goes; ``None`` replaces the old one.
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
        If the model has no motifs, or none would be left.

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
    fit = fitted(data, key, mod, copy=copy)
    leaving = fit.positions(motifs)
    kept = np.setdiff1d(np.arange(len(fit.model.pbms)), leaving)
    if len(kept) == 0:
        msg = "No motif would be left. To fit features alone, compare with iq.tl.residual_r2."
        raise ValueError(msg)
    with threads(n_jobs):
        model, regression = _with_motifs(fit, kept)
    dropped = dict.fromkeys(map(str, fit.model.motif_names[leaving]), "on request")
    write(fit, model, regression, "remove_motifs", key_added or key, dropped=dropped)
    return fit.data if copy else None


def rename_motifs(
    data: AnnData | MuData,
    names: Mapping[str, str] | Library | None = None,
    *,
    by: NameBy = "family",
    key: str = _keys.MODEL,
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
    mod
        Modality of a MuData that holds the peaks.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``uns[key]``, and the names in ``uns[f"{key}_stability"]``
    (`iceqream.tl.stability`) where that is a table of the same motifs.

    Raises
    ------
    KeyError
        If there is no fit under the key, or the model lacks a motif.
    ValueError
        If the model has no motifs, two given names are the same, one is empty or a feature's, `by` is unknown, or no
        matches are stored.

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
    fit = fitted(data, key, mod, copy=copy)
    check_has_motifs(fit.model)
    pbms = fit.model.pbms
    if library is not None:
        pbms = replace(pbms, motifs=naming.named(pbms.motifs, library, by))
    elif renames is None:
        pbms = replace(pbms, motifs=naming.renamed(pbms.motifs, by))
    else:
        labels = fit.model.motif_names.copy()
        for position, name in zip(fit.positions(renames), renames.values(), strict=True):
            labels[position] = str(name)
        repeated = [name for name in set(labels) if (labels == name).sum() > 1]
        features = [name for name in labels if name in set(fit.model.features.names)]
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
        pbms = replace(pbms, motifs=pbms.motifs.rename(labels))
    fit.adata.uns[key] = replace(fit.model, pbms=pbms).to_uns()
    _rename_stability(fit, key, dict(zip(fit.model.motif_names, pbms.motifs.names, strict=True)))
    return fit.data if copy else None


def _rename_stability(fit: Fitted, key: str, names: Mapping[str, str]) -> None:
    """Let the table of stability follow, if it is one of these motifs."""
    table = fit.adata.uns.get(f"{key}_stability")
    if isinstance(table, pd.DataFrame) and set(table.index) == set(names):
        fit.adata.uns[f"{key}_stability"] = table.rename(index=names)


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
