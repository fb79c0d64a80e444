"""The group of each cell or row: a column of obs, several of them, or given labels."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from iceqream import _keys
from iceqream._anndata import check_layer, get_adata
from iceqream._core.messages import did_you_mean, examples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mudata import MuData

    Groups = str | Sequence[str] | pd.Series

logger = logging.getLogger(__name__)

_OUTLIERS = ("Outliers", "-1")
"""What the metacells package calls cells that are in no metacell."""
_NO_NAME = ("nan", "None", "<NA>", "")
_MANY = 20
_SMALL = 4


def group_columns(data: AnnData | MuData, groupby: str | Sequence[str], mod: str = _keys.ATAC) -> dict[str, pd.Series]:
    """Return the columns of obs of these names, over the rows of the peaks; rows that a column lacks are missing.

    Looked for in the obs of the peaks' modality, then of the MuData, then (also as ``"rna:celltype"``) of its other
    modalities.
    """
    adata = get_adata(data, mod)
    names = _names(groupby)
    if not names:
        msg = "groupby is empty: pass a column of obs, or several."
        raise ValueError(msg)
    # a list is one of columns: labels in a list are the likely mistake
    hint = " For one label per row pass an array or a Series, not a list." if len(names) == adata.n_obs > 1 else ""
    return {name: _column(data, adata, name, mod, hint).reindex(adata.obs_names) for name in names}


def group_labels(data: AnnData | MuData, groupby: Groups, mod: str = _keys.ATAC) -> pd.Series:
    """Return the group of each row of the peaks as text, missing where it has none, and say how many these are.

    Several columns make groups such as ``"B cell|patient1"``.

    Raises
    ------
    KeyError
        If a column is missing.
    ValueError
        If a column holds measurements, or no row has a group.
    TypeError
        If `groupby` is neither a name nor several.
    """
    adata = get_adata(data, mod)
    if not adata.obs_names.is_unique:
        repeated = adata.obs_names[adata.obs_names.duplicated()].unique()
        msg = f"Row names occur more than once: {examples(repeated)}. Run adata.obs_names_make_unique()."
        raise ValueError(msg)
    columns = _given(adata, groupby) or group_columns(data, _names(groupby), mod)
    parts = [_as_text(column, name) for name, column in columns.items()]
    labels = parts[0]
    for part in parts[1:]:
        labels = labels.str.cat(part, sep="|")
    labels = labels.set_axis(adata.obs_names)
    missing = int(labels.isna().sum())
    named = examples(columns, 5) or "groupby"
    if missing == len(labels):
        msg = f"No row has a group in {named}: {len(labels)} values are missing. Do the names of the rows agree?"
        raise ValueError(msg)
    if missing:
        logger.warning("%d of %d rows have no group in %s and are left out", missing, len(labels), named)
    n_groups = labels.nunique()
    if len(labels) > _MANY and n_groups > len(labels) / _SMALL:
        logger.warning("%s makes %d groups of %d rows: is it a column of groups?", named, n_groups, len(labels))
    return labels


def profiles(
    data: AnnData | MuData, layer: str, groupby: Groups | None = None, mod: str = _keys.ATAC
) -> tuple[pd.Index, np.ndarray]:
    """Return the names and the values of the rows of a layer, or of groups of rows by their mean: rows x peaks, float.

    Groups stand in the order of their categories, or by name.

    Raises
    ------
    KeyError, ValueError, TypeError
        As in `group_labels`, or if there is no such layer.
    """
    adata = get_adata(data, mod)
    check_layer(adata, layer)
    values: Any = adata.layers[layer]
    if groupby is None:
        return adata.obs_names.astype(str), np.asarray(values.toarray() if sparse.issparse(values) else values)
    names, weights = group_weights(data, groupby, mod)
    means = weights @ values
    return names, np.asarray(means.toarray() if sparse.issparse(means) else means)


def group_weights(data: AnnData | MuData, groupby: Groups, mod: str = _keys.ATAC) -> tuple[pd.Index, sparse.csr_matrix]:
    """Return the names of groups and the matrix, groups x rows, that takes the mean over the rows of each."""
    labels = group_labels(data, groupby, mod)
    column = get_adata(data, mod).obs.get(groupby) if isinstance(groupby, str) else None
    present = set(labels.dropna())
    known: list[str] = sorted(present)
    if column is not None and isinstance(column.dtype, pd.CategoricalDtype):
        known = [str(name) for name in column.cat.categories]
    names = [name for name in known if name in present]
    codes = pd.Categorical(labels, categories=names).codes
    rows = np.flatnonzero(codes >= 0)
    share = 1.0 / np.bincount(codes[rows], minlength=len(names))[codes[rows]]
    return pd.Index(names), sparse.csr_matrix((share, (codes[rows], rows)), shape=(len(names), len(codes)))


def stored_groups(adata: AnnData, groupby: Groups | None, labels: pd.Series | None, key: str) -> str | None:
    """Return the column of obs with these groups; groups from elsewhere are written to ``obs["<key>_groups"]``."""
    if labels is None or (isinstance(groupby, str) and groupby in adata.obs):
        return groupby if isinstance(groupby, str) else None
    column = f"{key}_groups"
    adata.obs[column] = pd.Categorical(labels)
    return column


def _names(groupby: Any) -> list[str]:
    if isinstance(groupby, str):
        return [groupby]
    if not isinstance(groupby, Iterable):
        msg = f"groupby is a column of obs, several, or one label per row, not {groupby!r}."
        raise TypeError(msg)
    return [str(name) for name in groupby]


def _given(adata: AnnData, groupby: Any) -> dict[str, pd.Series] | None:
    """Return labels that were passed themselves: a Series by name, or an array with one label per row."""
    if isinstance(groupby, pd.Series):
        given = groupby[~groupby.index.duplicated()]
        return {str(groupby.name or "the given labels"): given.reindex(adata.obs_names)}
    if isinstance(groupby, np.ndarray | pd.Categorical | pd.Index):
        if len(groupby) != adata.n_obs:
            msg = f"groupby has {len(groupby)} labels for {adata.n_obs} rows; pass one for each, or a column of obs."
            raise ValueError(msg)
        return {"the given labels": pd.Series(groupby, index=adata.obs_names)}
    return None


def _column(data: AnnData | MuData, adata: AnnData, name: str, mod: str, hint: str) -> pd.Series:
    tables: dict[str, pd.DataFrame] = {mod: adata.obs}
    others: dict[str, AnnData] = {}
    if not isinstance(data, AnnData):
        tables["the MuData"] = data.obs
        others = {key: other for key, other in data.mod.items() if key != mod}
    for table in tables.values():
        for column in (name, f"{mod}:{name}"):
            if column in table:
                return table[column]
    prefix, _, rest = name.partition(":")
    if prefix == mod and rest in adata.obs:
        return adata.obs[rest]
    if prefix in others and rest in others[prefix].obs:
        return others[prefix].obs[rest]
    holders = [key for key, other in others.items() if name in other.obs]
    if len(holders) == 1:
        logger.info("groupby=%r is taken from the obs of %r", name, holders[0])
        return others[holders[0]].obs[name]
    # a MuData repeats the columns of its modalities under their names
    own = {where: [c for c in table if str(c).partition(":")[0] not in others | {mod: adata}]
           for where, table in tables.items()}  # fmt: skip
    every = [*(c for columns in own.values() for c in columns), *(c for other in others.values() for c in other.obs)]
    listed = "; ".join(f"{where}: {examples(columns, 8) or 'none'}" for where, columns in own.items())
    hint = hint or did_you_mean(name, every)
    if isinstance(data, AnnData) and not hint and "mudata" in sys.modules:
        # a modality does not know its MuData, but none exists where mudata was not imported
        hint = " If this is a modality of a MuData, whose own obs has the column, pass the MuData."
    if holders:
        hint = f" Several modalities have it: pass {examples((f'{key}:{name}' for key in holders), 5)}."
    msg = f"groupby={name!r} is not a column of obs ({listed}).{hint}"
    raise KeyError(msg)


def _as_text(column: pd.Series, name: str) -> pd.Series:
    values = column
    if pd.api.types.is_float_dtype(values.dtype):
        known = values.dropna()
        if not (np.isfinite(known).all() and np.array_equal(known, np.floor(known))):
            msg = (
                f"groupby={name!r} holds measurements ({known.nunique()} different numbers, such as "
                f"{examples(f'{value:g}' for value in known.iloc[:3])}), no groups. Pass a column of categories; "
                "pandas.cut makes one of numbers."
            )
            raise ValueError(msg)
        # whole numbers that are floats only because some are missing
        values = values.astype("Int64")
    text = values.astype(object).where(values.notna(), None)
    text = pd.Series([None if value is None else str(value) for value in text], index=column.index, dtype=object)
    outside = text.isin(_OUTLIERS)
    if outside.any():
        logger.info("%d rows are outliers of %s", int(outside.sum()), name)
    return text.where(~outside & ~text.isin(_NO_NAME), None)
