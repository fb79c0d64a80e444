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
from iceqream._groups import group_columns, group_labels
from iceqream._progress import progress_bar
from iceqream.pp._counts import check_loaded, counts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mudata import MuData

logger = logging.getLogger(__name__)

_CHUNK = 4096
"""Cells that are read at once."""


def pseudobulk(
    data: AnnData | MuData,
    groupby: str | Sequence[str] | pd.Series,
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
        Column of ``obs`` with the group of each cell, such as a cell type or a metacell from metacells
        (``metacell_name``) or SEACells (``SEACell``); several columns, which make groups such as ``"B cell|patient1"``;
        or a Series with cells as index. Of a MuData, columns are looked for in the peaks' modality, the MuData and the
        other modalities (also as ``"rna:celltype"``). Cells without a group, and outliers of metacells (``Outliers``,
        -1), are left out, with a warning.
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
    ``obs["n_cells"]``, ``obs["n_counts"]`` and every column of ``obs`` (the MuData's too) that is constant within each
    group.

    Raises
    ------
    KeyError
        If the column or layer is missing.
    ValueError
        If the column holds measurements, no group has `min_cells` cells, or counts are negative or missing.
    TypeError
        If the data are lazy, or lie by columns in a file: load them with ``adata.to_memory()``.

    Examples
    --------
    >>> import iceqream as iq
    >>> mdata = iq.datasets.simulated_multiome(n_peaks=200, rng=0)
    >>> states = iq.pp.pseudobulk(mdata["atac"], "state")
    >>> states.shape[1], "n_cells" in states.obs
    (200, True)
    """
    check_loaded(data, mod, written=False)
    adata = get_adata(data, mod)
    labels = group_labels(data, groupby, mod)
    sizes = labels.value_counts()
    kept = sorted(sizes.index[sizes >= min_cells])
    if not kept:
        msg = f"No group of {_name(groupby)} has {min_cells} cells; the largest has {sizes.max() if len(sizes) else 0}."
        raise ValueError(msg)
    small = sizes.index[sizes < min_cells]
    if len(small):
        logger.warning("%d group(s) with fewer than %d cells left out (%d cells): %s", len(small), min_cells,
                       sizes[small].sum(), examples(small))  # fmt: skip
    about = _about_cells(data, adata, groupby, mod)
    states = _summed(adata, about, labels, kept, layer, mean=False)
    if isinstance(data, AnnData) or rna is None or rna not in data.mod or rna == mod:
        return states
    from mudata import MuData

    expression = data.mod[rna]
    of_expression = labels.reindex(expression.obs_names)
    return MuData({mod: states, rna: _summed(expression, expression.obs, of_expression, kept, None, mean=True)})


def _name(groupby: Any) -> str:
    return repr(groupby) if isinstance(groupby, str) else "the groups"


def _about_cells(data: AnnData | MuData, adata: AnnData, groupby: Any, mod: str) -> pd.DataFrame:
    """Return what is known of the cells: the columns of obs, of the MuData's own obs, and those to group by."""
    table = adata.obs.copy()
    if not isinstance(data, AnnData):
        own = [name for name in data.obs if str(name).partition(":")[0] not in data.mod and name not in table]
        table = table.join(data.obs[own])
    if isinstance(groupby, str | list | tuple):
        for name, column in group_columns(data, groupby, mod).items():
            short = name.partition(":")[2] if name.partition(":")[0] in getattr(data, "mod", ()) else name
            if short not in table:
                table[short] = column
    return table


def _summed(
    adata: AnnData, about: pd.DataFrame, labels: pd.Series, kept: list[str], layer: str | None, *, mean: bool
) -> AnnData:
    source = counts_of(adata, layer, passes=1)
    group = pd.Categorical(labels.reindex(adata.obs_names), categories=kept).codes
    total = np.zeros((len(kept), adata.n_vars))
    with progress_bar(adata.n_obs, "pseudobulk", "cell", show=adata.n_obs > 50_000) as bar:
        for first in range(0, adata.n_obs, _CHUNK):
            codes = group[first : first + _CHUNK]
            member = codes >= 0
            if member.any():
                block: Any = source[first : first + _CHUNK]
                block = sparse.csr_matrix(block.compute() if hasattr(block, "compute") else block)[member]
                values = block.data
                if not np.isfinite(values).all() or (len(values) and values.min() < 0):
                    msg = f"The counts of {'X' if layer is None else layer} are negative or missing in some cells."
                    raise ValueError(msg)
                rows = codes[member]
                indicator = sparse.csr_matrix((np.ones(len(rows)), (rows, np.arange(len(rows)))),
                                              shape=(len(kept), len(rows)))  # fmt: skip
                sums = (indicator @ block.astype(np.float64)).tocoo()
                total[sums.row, sums.col] += sums.data
            bar.update(len(codes))
    sizes = np.bincount(group[group >= 0], minlength=len(kept))
    n_counts = total.sum(axis=1)
    if mean:
        total /= np.maximum(sizes, 1)[:, None]
    out = AnnData(total.astype(np.float32))
    out.obs_names, out.var = kept, adata.var.copy()
    out.obs["n_cells"], out.obs["n_counts"] = sizes, n_counts
    _copy_constant_columns(adata, about, out, group)
    for slot in (_keys.SEQUENCE, _keys.FEATURES):
        if slot in adata.varm:
            out.varm[slot] = adata.varm[slot]
        if slot in adata.uns:
            out.uns[slot] = adata.uns[slot]
    return out


def _copy_constant_columns(adata: AnnData, about: pd.DataFrame, out: AnnData, group: np.ndarray) -> None:
    """Carry over the columns of obs that have one value in each group, with their colours."""
    inside = group >= 0
    for name in about.columns:
        column = about[name][inside]
        table = pd.DataFrame({"value": column.astype(object).to_numpy(), "group": group[inside]}).drop_duplicates()
        if table["group"].duplicated().any():
            continue
        values = table.set_index("group")["value"].reindex(range(out.n_obs))
        if pd.api.types.is_numeric_dtype(column.dtype):
            # a group without cells has no value, which integers cannot say
            out.obs[name] = values.astype(float if values.isna().any() else column.dtype).to_numpy()
            continue
        out.obs[name] = pd.Categorical(values.astype(str))
        if f"{name}_colors" in adata.uns:
            out.uns[f"{name}_colors"] = _colors(adata, about[name], out.obs[name].cat.categories)


def _colors(adata: AnnData, column: pd.Series, categories: pd.Index) -> np.ndarray:
    names = column.astype("category").cat.categories.astype(str)
    known = dict(zip(names, adata.uns[f"{column.name}_colors"], strict=False))
    return np.array([str(known.get(str(c), "#999999")) for c in categories], dtype=object)
