"""Sums of cells: states x peaks."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from iceqream import _keys
from iceqream._anndata import get_adata
from iceqream._core.messages import examples
from iceqream._progress import progress_bar

if TYPE_CHECKING:
    from mudata import MuData

logger = logging.getLogger(__name__)

_CHUNK = 4096
"""Cells that are read at once."""


def pseudobulk(
    data: AnnData | MuData,
    groupby: str | pd.Series,
    *,
    layer: str | None = None,
    min_cells: int = 1,
    mod: str = _keys.ATAC,
    rna: str | None = _keys.RNA,
) -> AnnData | MuData:
    """Sum the counts of cells that belong together: metacells, cell types, samples.

    Parameters
    ----------
    data
        AnnData (cells x peaks), backed or in memory, or MuData.
    groupby
        Column of ``obs`` (of the peaks' modality, or of the MuData) with the group of each cell, such as a cell type or
        a metacell from metacells (``metacell_name``) or SEACells (``SEACell``); or a Series with cells as index. Cells
        without a group, and outliers of metacells (``Outliers``, -1), are left out.
    layer
        Counts to sum; ``None`` takes ``X``.
    min_cells
        Groups with fewer cells are left out.
    mod
        Modality of a MuData that holds the peaks.
    rna
        Modality of a MuData that holds expression: its mean per group is kept beside the peaks. ``None`` leaves it out.

    Returns
    -------
    AnnData (groups x peaks), or MuData with the modalities `mod` and `rna`: ``X`` sums (float32; means for `rna`),
    ``obs["n_cells"]``, ``obs["n_counts"]`` and every column of ``obs`` that is constant within each group.

    Raises
    ------
    KeyError
        If the column or layer is missing.
    ValueError
        If no group has `min_cells` cells, or counts are negative or missing.

    Examples
    --------
    >>> import iceqream as iq
    >>> mdata = iq.datasets.simulated_multiome(n_peaks=200, rng=0)
    >>> states = iq.pp.pseudobulk(mdata["atac"], "state")
    >>> states.shape[1], "n_cells" in states.obs
    (200, True)
    """
    adata = get_adata(data, mod)
    labels = _labels(data, adata, groupby)
    sizes = labels.value_counts()
    kept = sorted(sizes.index[sizes >= min_cells])
    if not kept:
        msg = f"No group of {_name(groupby)} has {min_cells} cells; the largest has {sizes.max() if len(sizes) else 0}."
        raise ValueError(msg)
    small = sizes.index[sizes < min_cells]
    if len(small):
        logger.info("%d group(s) with fewer than %d cells left out: %s", len(small), min_cells, examples(small))
    left_out = adata.n_obs - int(sizes[kept].sum())
    if left_out:
        logger.info("%d of %d cells are in no group", left_out, adata.n_obs)
    states = _summed(adata, labels, kept, layer, mean=False)
    if isinstance(data, AnnData) or rna is None or rna not in data.mod:
        return states
    from mudata import MuData

    expression = data.mod[rna]
    return MuData(
        {mod: states, rna: _summed(expression, labels.reindex(expression.obs_names).dropna(), kept, None, mean=True)}
    )


def _name(groupby: Any) -> str:
    return repr(groupby) if isinstance(groupby, str) else "the groups"


def _labels(data: AnnData | MuData, adata: AnnData, groupby: str | pd.Series) -> pd.Series:
    """Return the group of each cell that has one."""
    if isinstance(groupby, str):
        column = next((table[groupby] for table in (adata.obs, data.obs) if groupby in table), None)
        if column is None:
            msg = f"groupby={groupby!r} is not a column of obs; it has {examples(adata.obs.columns) or 'none'}."
            raise KeyError(msg)
    else:
        column = pd.Series(groupby)
    column = column.reindex(adata.obs_names).dropna().astype(str)
    return column[~column.isin(["Outliers", "-1", "nan", ""])]


def _summed(adata: AnnData, labels: pd.Series, kept: list[str], layer: str | None, *, mean: bool) -> AnnData:
    if layer is not None and layer not in [key for key in adata.layers if key is not None]:
        msg = f"There is no layer {layer!r}; layers are {examples(k for k in adata.layers if k is not None) or 'none'}."
        raise KeyError(msg)
    group = pd.Categorical(labels.reindex(adata.obs_names), categories=kept).codes
    total = np.zeros((len(kept), adata.n_vars))
    source = adata.X if layer is None else adata.layers[layer]
    with progress_bar(adata.n_obs, "pseudobulk", "cell", show=adata.n_obs > 50_000) as bar:
        for first in range(0, adata.n_obs, _CHUNK):
            codes = group[first : first + _CHUNK]
            member = codes >= 0
            if member.any():
                block: Any = sparse.csr_matrix(source[first : first + _CHUNK])[member]
                values = block.data
                if not np.isfinite(values).all() or (len(values) and values.min() < 0):
                    msg = f"The counts of {'X' if layer is None else layer} are negative or missing in some cells."
                    raise ValueError(msg)
                rows = codes[member]
                indicator = sparse.csr_matrix((np.ones(len(rows)), (rows, np.arange(len(rows)))),
                                              shape=(len(kept), len(rows)))  # fmt: skip
                total += (indicator @ block.astype(np.float64)).toarray()
            bar.update(len(codes))
    sizes = np.bincount(group[group >= 0], minlength=len(kept))
    values = total / np.maximum(sizes, 1)[:, None] if mean else total
    out = AnnData(values.astype(np.float32))
    out.obs_names, out.var = kept, adata.var.copy()
    out.obs["n_cells"], out.obs["n_counts"] = sizes, total.sum(axis=1)
    _copy_constant_columns(adata, out, group)
    for slot in (_keys.SEQUENCE, _keys.FEATURES):
        if slot in adata.varm:
            out.varm[slot] = adata.varm[slot]
        if slot in adata.uns:
            out.uns[slot] = adata.uns[slot]
    return out


def _copy_constant_columns(adata: AnnData, out: AnnData, group: np.ndarray) -> None:
    """Carry over the columns of obs that have one value in each group, with their colours."""
    inside = group >= 0
    for name in adata.obs.columns:
        column = adata.obs[name][inside]
        table = pd.DataFrame({"value": column.astype(object).to_numpy(), "group": group[inside]}).drop_duplicates()
        if table["group"].duplicated().any():
            continue
        values = table.set_index("group")["value"].reindex(range(out.n_obs))
        if pd.api.types.is_numeric_dtype(column.dtype):
            out.obs[name] = values.to_numpy(dtype=column.dtype)
            continue
        out.obs[name] = pd.Categorical(values.astype(str))
        if f"{name}_colors" in adata.uns:
            out.uns[f"{name}_colors"] = _colors(adata, name, out.obs[name].cat.categories)


def _colors(adata: AnnData, name: str, categories: pd.Index) -> np.ndarray:
    known = dict(
        zip(adata.obs[name].astype("category").cat.categories.astype(str), adata.uns[f"{name}_colors"], strict=False)
    )
    return np.array([str(known.get(str(c), "#999999")) for c in categories], dtype=object)
