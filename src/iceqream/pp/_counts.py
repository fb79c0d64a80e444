"""Counts of an AnnData as they lie, and whether they are counts."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from iceqream import _keys
from iceqream._anndata import get_adata
from iceqream._core.access_probability import NormalizedCounts
from iceqream._core.blocks import read_rows
from iceqream._core.messages import examples

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

logger = logging.getLogger(__name__)


def check_loaded(data: AnnData | MuData, mod: str, *, written: bool = True) -> None:
    """Refuse a lazy AnnData, and to write to a part of one that is backed by a file.

    Raises
    ------
    TypeError
        With what to load.
    """
    adata = get_adata(data, mod)
    if not isinstance(adata.obs, pd.DataFrame):
        msg = "The AnnData is lazy (read_lazy): load it first, adata = adata.to_memory()."
        raise TypeError(msg)
    if written and adata.isbacked and adata.is_view:
        msg = "This is a part of an AnnData that is backed by a file: load it first, adata = adata.to_memory()."
        raise TypeError(msg)


def counts_of(adata: AnnData, layer: str | None, *, passes: int = 2) -> Any:
    """Return the matrix of counts so that its rows can be read: dense, sparse by rows, or backed by a file.

    A dask array is computed, unless it is passed over once: every pass would compute it again.

    Raises
    ------
    KeyError
        If there is no such layer, or nothing in ``X``.
    TypeError
        If it lies by columns in a file.
    """
    if layer is not None and layer not in [key for key in adata.layers if key is not None]:
        msg = f"There is no layer {layer!r}; layers are {examples(k for k in adata.layers if k is not None) or 'none'}."
        raise KeyError(msg)
    source = adata.X if layer is None else adata.layers[layer]
    if source is None:
        msg = "There are no counts in X; pass layer=..."
        raise KeyError(msg)
    if passes > 1 and hasattr(source, "compute"):
        logger.info("counts are a dask array: they are loaded")
        source = source.compute()
    return by_rows(source)


def by_rows(source: Any) -> Any:
    """Return a matrix whose rows can be read one after the other."""
    if sparse.issparse(source):
        return source.tocsr()
    if getattr(source, "format", "csr") == "csc":
        msg = "The counts lie by columns (csc) in a file: load them first, adata = adata.to_memory()."
        raise TypeError(msg)
    return source if hasattr(source, "shape") else np.asarray(source)


def normalized(adata: AnnData, counts: Any, regional: np.ndarray | None = None) -> NormalizedCounts:
    """Return the counts after the regional step.

    Raises
    ------
    ValueError
        If counts are negative or missing.
    """
    norm = NormalizedCounts(counts, regional)
    if norm.n_bad:
        peaks = adata.var_names[norm.bad]
        msg = f"{norm.n_bad} count(s) are negative or missing, for instance in {examples(peaks)}."
        raise ValueError(msg)
    return norm


def warn_if_no_counts(adata: AnnData, norm: NormalizedCounts, layer: str | None) -> None:
    """Say that data are logarithms, 0 and 1 only, or fractions; counts times a number do no harm."""
    where = "X" if layer is None else f"layers[{layer!r}]"
    fractional = np.flatnonzero(~norm.whole)
    if len(fractional) == 0:
        if norm.largest == 1:
            logger.warning("%s holds 0 and 1 only: how open a strong peak is, is lost. Pass the counts (layer=...) "
                           "unless they never exceed 1", where)  # fmt: skip
        return
    row = int(fractional[0])
    values = read_rows(norm.counts, slice(row, row + 1))[0]
    values = values[values > 0]
    said = (layer is None and "log1p" in adata.uns and norm.largest < 20) or (
        not _multiples(values) and _multiples(np.expm1(np.minimum(values, 50.0)))
    )
    if said:
        logger.warning("%s holds logarithms (log1p), such as %.3g: access probabilities will be wrong. Pass the counts "
                       "(layer=...)", where, values.min())  # fmt: skip
    elif not _multiples(values) and _keys.REGIONAL_COUNTS not in adata.var:
        logger.warning("%s holds fractions, such as %.3g: right if this is coverage, wrong if it was scaled, imputed "
                       "or taken logarithms of; then pass the counts (layer=...)", where, values.min())  # fmt: skip


def _multiples(values: np.ndarray) -> bool:
    """Return whether the values are whole multiples of the smallest, as counts times a number are."""
    ratio = values / values.min()
    ratio = ratio[ratio < 100]
    return bool((np.abs(ratio - np.round(ratio)) < 0.01).mean() > 0.99)
