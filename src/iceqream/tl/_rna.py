"""Expression of chosen genes over the rows of the peaks, or over groups of both: scanpy normalises and aggregates."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from iceqream._anndata import get_adata
from iceqream._core.messages import examples
from iceqream._groups import group_labels
from iceqream.motifs.symbols import comparable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mudata import MuData

    from iceqream._groups import Groups

logger = logging.getLogger(__name__)

SYMBOL_COLUMNS = ("gene_symbols", "gene_symbol", "symbol", "symbols", "gene_name", "gene_names", "feature_name",
                  "gene_short_name", "gene")  # fmt: skip
TARGET = 1e4
_ENOUGH = 1_000_000
_ENSEMBL = re.compile(r"^ENS[A-Z]*G\d{6,}")
# what older annotations call a gene
_FORMER = {"TBXT": "T", "ARNTL": "BMAL1", "BMAL1": "ARNTL"}


class Expression(NamedTuple):
    """Normalised expression of genes."""

    table: pd.DataFrame
    """float32, rows (or groups) x genes."""
    fraction: np.ndarray
    """Share of the rows of the RNA that were used with any count, per gene."""


def gene_of_symbol(
    rna: AnnData, wanted: Iterable[str], symbols: str | None, layer: str | None = None
) -> dict[str, int]:
    """Return the position in the RNA of each wanted symbol that is there, whatever its case and separators.

    Of several genes with a symbol it is the one with the most counts in the layer.

    Raises
    ------
    KeyError
        If there is no such column of symbols, or layer.
    """
    names = _symbols(rna, symbols)
    positions: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        positions.setdefault(comparable(name), []).append(i)
    found = {}
    for symbol in dict.fromkeys(wanted):
        upper = comparable(symbol)
        there = positions.get(upper) or positions.get(_FORMER.get(upper, ""), [])
        if len(there) > 1:
            totals = np.asarray(_matrix(rna, layer)[:, there].sum(axis=0)).ravel()
            found[symbol] = there[int(totals.argmax())]
        elif there:
            found[symbol] = there[0]
    return found


def _symbols(rna: AnnData, symbols: str | None) -> list[str]:
    """Return the symbol of each gene: of the given column, or where names are Ensembl's, of a usual one."""
    if symbols is not None:
        if symbols not in rna.var:
            msg = f"symbols={symbols!r} is not a column of the RNA's var ({examples(rna.var.columns) or 'none'})."
            raise KeyError(msg)
        return [str(name) for name in rna.var[symbols]]
    names = [str(name) for name in rna.var_names]
    ensembl = sum(bool(_ENSEMBL.match(name)) for name in names[:1000])
    column = next((c for c in SYMBOL_COLUMNS if c in rna.var), None)
    if 2 * ensembl > len(names[:1000]) and column is not None:
        logger.info("genes have Ensembl names: their symbols are taken from var[%r] of the RNA", column)
        return [str(name) for name in rna.var[column]]
    return names


def expression_over(
    data: MuData, rows: pd.Index, genes: np.ndarray, *, rna: str, layer: str | None, groupby: Groups | None
) -> Expression:
    """Return the expression of genes (positions) over rows of the RNA, or over groups of these names.

    Whole numbers (or means of them over ``obs["n_cells"]`` cells) are counts: summed within groups, brought to 10,000
    per row and their log1p taken. Anything else is taken as normalised, and averaged within groups.
    """
    import scanpy as sc

    source = get_adata(data, rna)
    labels = None
    if groupby is None:
        used = source.obs_names.get_indexer(rows)
    else:
        labels = group_labels(data, groupby, rna)
        used = np.flatnonzero(labels.isin(rows))
    matrix: Any = _matrix(source, layer)[used]
    matrix = sparse.csr_matrix(matrix) if sparse.issparse(matrix) else np.asarray(matrix)
    cells = source.obs["n_cells"].to_numpy()[used] if "n_cells" in source.obs else None
    counts = _are_counts(matrix, cells)
    fraction = np.asarray((matrix[:, genes] > 0).mean(axis=0), dtype=np.float64).ravel()
    if labels is None:
        part = AnnData(matrix.astype(np.float32), obs=pd.DataFrame(index=rows))
    else:
        of_row = pd.Categorical(labels.iloc[used], categories=list(rows))
        part = AnnData(matrix.astype(np.float32), obs=pd.DataFrame({"group": of_row}, index=source.obs_names[used]))
        func = "sum" if counts else "mean"
        part = sc.get.aggregate(part, by="group", func=func)
        part = AnnData(part.layers[func], obs=pd.DataFrame(index=part.obs_names))[list(rows)].copy()
    if counts:
        logger.info("the RNA holds counts: brought to 10,000 per row, then log1p (scanpy)")
        sc.pp.normalize_total(part, target_sum=TARGET)
        sc.pp.log1p(part)
    else:
        logger.info("the RNA does not hold counts: taken as normalised")
    values: Any = part.X[:, genes]
    values = values.toarray() if sparse.issparse(values) else np.asarray(values)
    return Expression(
        pd.DataFrame(values.astype(np.float32), index=rows, columns=source.var_names[genes].astype(str)), fraction
    )


def _matrix(source: AnnData, layer: str | None) -> Any:
    if layer is None and source.X is not None:
        return source.X
    if layer is None:
        msg = f"The RNA has no X; pass layer=..., one of {examples(source.layers) or 'none'}."
        raise KeyError(msg)
    if layer not in source.layers:
        there = examples(name for name in source.layers if name is not None) or "none"
        msg = f"The RNA has no layer {layer!r}; layers are {there}."
        raise KeyError(msg)
    return source.layers[layer]


def _are_counts(matrix: Any, cells: np.ndarray | None) -> bool:
    """Return whether values are counts, or means of counts over so many cells per row."""
    if _whole(matrix.data if sparse.issparse(matrix) else matrix):
        return True
    if cells is None or not np.issubdtype(cells.dtype, np.number):
        return False
    return _whole((sparse.diags_array(cells.astype(np.float64)) @ sparse.csr_array(matrix)).data)


def _whole(values: np.ndarray) -> bool:
    """Return whether values are whole and not negative, as far as float32 keeps them."""
    # the first million says it all
    values = np.asarray(values).ravel()[:_ENOUGH].astype(np.float64)
    if values.size == 0 or values.min() < 0:
        return False
    return bool((np.abs(values - np.rint(values)) <= 1e-3 + 1e-6 * values).all())
