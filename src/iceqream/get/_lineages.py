"""Answers to questions across lineages as tables: activities, enrichments, profiles of clusters, expression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData

from iceqream import _keys
from iceqream._anndata import get_adata
from iceqream._core.messages import examples
from iceqream._groups import profiles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mudata import MuData

    from iceqream._groups import Groups

_TESTS = ("log2_enrichment", "se", "p", "q")
_EXPRESSION_COLUMNS = (
    "motif", "rank", "symbol", "gene", "source", "correlation", "p", "q", "mean_expression", "fraction"
)  # fmt: skip


def cluster_profiles_df(
    data: AnnData | MuData,
    groups: str = _keys.PEAK_CLUSTER,
    *,
    groupby: Groups | None = None,
    layer: str = _keys.ACCESS_PROBABILITY,
    mod: str = _keys.ATAC,
) -> pd.DataFrame:
    """Return the mean access probability of each group of peaks in each state.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData.
    groups
        Column of ``var`` with the group of each peak, as of `iceqream.tl.cluster_peaks`.
    groupby
        Groups of rows whose means are the states; ``None`` takes every row.
    layer
        Access probabilities.
    mod
        Modality of a MuData that holds the peaks.

    Returns
    -------
    DataFrame, states x groups, float64; missing values are left out of the means.

    Raises
    ------
    KeyError
        If there is no such column or layer.
    ValueError
        If no peak has a group.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> iq.tl.cluster_peaks(adata, 3)
    >>> iq.get.cluster_profiles_df(adata).shape
    (4, 3)
    """
    adata = get_adata(data, mod)
    if groups not in adata.var:
        msg = f"groups={groups!r} is not a column of var ({examples(adata.var.columns) or 'none'})."
        raise KeyError(msg)
    labels = pd.Categorical(adata.var[groups]).remove_unused_categories()
    if len(labels.categories) == 0:
        msg = f"var[{groups!r}] has no group of peaks: all values are missing."
        raise ValueError(msg)
    states, values = profiles(data, layer, groupby, mod)
    members = [np.flatnonzero(labels.codes == k) for k in range(len(labels.categories))]
    means = np.column_stack([np.nanmean(values[:, one], axis=1, dtype=np.float64) for one in members])
    return pd.DataFrame(means, index=states, columns=labels.categories.astype(str))


def motif_enrichment_df(
    data: AnnData | MuData, key: str = _keys.MOTIF_ENRICHMENT, *, mod: str = _keys.ATAC
) -> pd.DataFrame:
    """Return how many strong sites of each motif each group of peaks has, against all groups.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData.
    key
        Key of ``uns`` where `iceqream.tl.motif_enrichment` wrote.
    mod
        Modality of a MuData that holds the peaks.

    Returns
    -------
    DataFrame, one row per motif and group: motif, group, log2_enrichment (of the share of peaks with a strong site, in
    the group against all groups; pseudo-count 0.5), se (its standard error), p (hypergeometric, two-sided), q (false
    discovery rate), hits and n_peaks (of the group), fraction (their ratio), fraction_all (in all groups).
    ``.pivot(index="motif", columns="group", values="log2_enrichment")`` makes a matrix.

    Raises
    ------
    KeyError
        If there is nothing under the key.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> iq.tl.cluster_peaks(adata, 3)
    >>> iq.tl.motif_enrichment(adata, motifs=iq.datasets.simulated_motifs(decoys=False))
    >>> len(iq.get.motif_enrichment_df(adata))
    18
    """
    stored = stored_answer(data, key, _keys.MOTIF_ENRICHMENT, mod)
    motifs, groups = texts(stored["motif_names"]), texts(stored["groups"])
    hits, n_peaks = np.asarray(stored["hits"]), np.asarray(stored["n_peaks"])
    shape = hits.shape
    return pd.DataFrame(
        {
            "motif": np.repeat(motifs, len(groups)),
            "group": np.tile(groups, len(motifs)),
            **{name: np.asarray(stored[name]).ravel() for name in _TESTS},
            "hits": hits.ravel(),
            "n_peaks": np.broadcast_to(n_peaks, shape).ravel(),
            "fraction": (hits / n_peaks).ravel(),
            "fraction_all": np.broadcast_to(hits.sum(axis=1, keepdims=True) / n_peaks.sum(), shape).ravel(),
        }
    )


def motif_activity_df(
    data: AnnData | MuData, key: str = _keys.MOTIF_ACTIVITY, *, errors: bool = False, mod: str = _keys.ATAC
) -> pd.DataFrame:
    """Return the activity of each motif in each row.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData.
    key
        Key of ``obsm`` and ``uns`` where `iceqream.tl.motif_activity` wrote.
    errors
        Whether to return the standard errors instead.
    mod
        Modality of a MuData that holds the peaks.

    Returns
    -------
    DataFrame, rows x motifs, float32: change of access probability per standard deviation of the motif's energy, as
    deviation from the mean over all rows of the data.

    Raises
    ------
    KeyError
        If there is nothing under the key.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, preset="paper")
    >>> iq.tl.motif_activity(adata)
    >>> iq.get.motif_activity_df(adata).index.tolist()
    ['S1', 'S2', 'S3', 'S4']
    """
    stored = stored_answer(data, key, _keys.MOTIF_ACTIVITY, mod)
    adata = get_adata(data, mod)
    slot = key + _keys.ERROR if errors else key
    if slot not in adata.obsm:
        msg = f"obsm[{slot!r}] is missing: run iq.tl.motif_activity again."
        raise KeyError(msg)
    return pd.DataFrame(np.asarray(adata.obsm[slot]), index=adata.obs_names, columns=texts(stored["motif_names"]))


def motif_activity(data: AnnData | MuData, key: str = _keys.MOTIF_ACTIVITY, *, mod: str = _keys.ATAC) -> AnnData:
    """Return the activities as an AnnData of rows x motifs with the embeddings of the data, for scanpy's pictures.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData.
    key
        Key of ``obsm`` and ``uns`` where `iceqream.tl.motif_activity` wrote.
    mod
        Modality of a MuData that holds the peaks.

    Returns
    -------
    AnnData, rows x motifs: ``X`` activities, ``layers["se"]`` standard errors, ``obs`` of the peaks' modality and the
    columns of a MuData's own, colours of categories, and every ``obsm`` of the peaks, then of the MuData, then of its
    other modalities that has all rows.

    Raises
    ------
    KeyError
        If there is nothing under the key.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> adata.obsm["X_umap"] = np.zeros((4, 2))
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, preset="paper")
    >>> iq.tl.motif_activity(adata)
    >>> activity = iq.get.motif_activity(adata)
    >>> "GATA" in activity.var_names, list(activity.obsm)
    (True, ['X_umap'])

    Then ``sc.pl.umap(activity, color="GATA", cmap="RdBu_r", vcenter=0)``.
    """
    table = motif_activity_df(data, key, mod=mod)
    adata = get_adata(data, mod)
    out = AnnData(table.to_numpy(), obs=adata.obs.copy(), var=pd.DataFrame(index=table.columns.astype(str)))
    out.layers["se"] = motif_activity_df(data, key, errors=True, mod=mod).to_numpy()
    sources: list[Any] = [adata]
    if not isinstance(data, AnnData):
        own = [name for name in data.obs if str(name).partition(":")[0] not in data.mod and name not in out.obs]
        out.obs = out.obs.join(data.obs[own])
        sources += [data, *(other for name, other in data.mod.items() if name != mod)]
    for source in sources:
        where = source.obs_names.get_indexer(adata.obs_names)
        if (where < 0).any():
            continue
        for name, values in source.obsm.items():
            shape = np.shape(values)
            # a MuData keeps which rows its modalities have there
            if name not in {*out.obsm, key, key + _keys.ERROR} and len(shape) == 2 and name not in _modalities(data):
                out.obsm[name] = values.iloc[where] if isinstance(values, pd.DataFrame) else values[where]
        for name, values in source.uns.items():
            if str(name).endswith("_colors") and name not in out.uns:
                out.uns[name] = values
    return out


def tf_expression_df(data: AnnData | MuData, key: str = _keys.TF_EXPRESSION, *, mod: str = _keys.ATAC) -> pd.DataFrame:
    """Return which factors a motif may stand for, and how their expression follows its activity.

    Parameters
    ----------
    data
        MuData, or its modality of peaks.
    key
        Key of ``uns`` where `iceqream.tl.tf_expression` wrote.
    mod
        Modality of a MuData that holds the peaks.

    Returns
    -------
    DataFrame, one row per motif and factor, best first within each motif: motif, rank (from 1), symbol (of the factor),
    gene (its name in the RNA), source ("match": of a library motif that the motif resembles; "family": of the same
    family as one), correlation (of expression and activity), p, q, mean_expression (over the rows, log1p of counts per
    10,000 unless the RNA came otherwise normalised), fraction (of cells or metacells with any count), n (rows).

    Raises
    ------
    KeyError
        If there is nothing under the key.

    Examples
    --------
    >>> import iceqream as iq
    >>> mdata = iq.datasets.simulated_multiome(n_peaks=600, rng=0)
    >>> options = dict(motifs=iq.datasets.simulated_motifs(), min_tss_distance=None, preset="paper")
    >>> iq.tl.fit_trajectory(mdata, "S1", "S4", groupby="state", **options)
    >>> iq.tl.motif_activity(mdata)
    >>> iq.tl.tf_expression(mdata)
    >>> iq.get.tf_expression_df(mdata).query("motif == 'GATA'")["gene"].iloc[0]
    'GATA1'
    """
    stored = stored_answer(data, key, _keys.TF_EXPRESSION, mod)
    table = pd.DataFrame({name: np.asarray(stored[name]) for name in _EXPRESSION_COLUMNS})
    for name in ("motif", "symbol", "gene", "source"):
        table[name] = texts(table[name].to_numpy())
    return table.assign(n=len(stored["rows"]))


def expression_df(data: AnnData | MuData, key: str = _keys.TF_EXPRESSION, *, mod: str = _keys.ATAC) -> pd.DataFrame:
    """Return the expression of the factors that motifs may stand for, over the rows that were compared.

    Parameters
    ----------
    data
        MuData, or its modality of peaks.
    key
        Key of ``uns`` where `iceqream.tl.tf_expression` wrote.
    mod
        Modality of a MuData that holds the peaks.

    Returns
    -------
    DataFrame, rows (metacells, states, or groups) x genes, float32: log1p of counts per 10,000 unless the RNA came
    otherwise normalised.

    Raises
    ------
    KeyError
        If there is nothing under the key.

    Examples
    --------
    >>> import iceqream as iq
    >>> mdata = iq.datasets.simulated_multiome(n_peaks=600, rng=0)
    >>> options = dict(motifs=iq.datasets.simulated_motifs(), min_tss_distance=None, preset="paper")
    >>> iq.tl.fit_trajectory(mdata, "S1", "S4", groupby="state", **options)
    >>> iq.tl.motif_activity(mdata)
    >>> iq.tl.tf_expression(mdata)
    >>> len(iq.get.expression_df(mdata))
    40
    """
    stored = stored_answer(data, key, _keys.TF_EXPRESSION, mod)
    return pd.DataFrame(np.asarray(stored["expression"]), index=texts(stored["rows"]), columns=texts(stored["genes"]))


def stored_answer(data: AnnData | MuData, key: str, kind: str, mod: str) -> Mapping[str, Any]:
    """Return what the tool of this kind wrote to ``uns``.

    Raises
    ------
    KeyError
        If it is not there.
    """
    adata = get_adata(data, mod)
    stored = adata.uns.get(key)
    if not hasattr(stored, "get") or stored.get("kind") != kind:
        there = [k for k, v in adata.uns.items() if hasattr(v, "get") and v.get("kind") == kind]
        msg = (
            f"There is no result in uns[{key!r}]; run iq.tl.{kind} first. Such results are in: "
            f"{examples(there) or 'none'}."
        )
        raise KeyError(msg)
    return stored


def texts(values: Any) -> pd.Index:
    """Return names as they were written, whatever a file made of them."""
    return pd.Index([str(value) for value in np.asarray(values)], dtype=object)


def _modalities(data: AnnData | MuData) -> set[str]:
    return set() if isinstance(data, AnnData) else {str(name) for name in data.mod}
