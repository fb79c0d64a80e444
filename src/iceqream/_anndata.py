"""Taking arrays out of AnnData and MuData, with errors that say what to run first."""

from __future__ import annotations

import re
import sys
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
import pandas as pd
from anndata import AnnData

from iceqream import _keys
from iceqream._bed import read_bed
from iceqream._core.messages import did_you_mean, examples, refuse_data
from iceqream._files import numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mudata import MuData

_PEAK_NAME = re.compile(r"^(?P<chrom>.+?)[:\-_](?P<start>\d+)[\-_](?P<end>\d+)$")


def dense(values: Any) -> np.ndarray:
    """Return a matrix, sparse or not, as a dense float64 array."""
    return np.asarray(values.toarray() if hasattr(values, "toarray") else values, dtype=np.float64)


def is_mudata(data: object) -> TypeGuard[MuData]:
    """Return whether something is a MuData; mudata is not imported for what cannot be one."""
    mudata = sys.modules.get("mudata")
    return mudata is not None and isinstance(data, mudata.MuData)


def get_adata(data: AnnData | MuData, mod: str = _keys.ATAC) -> AnnData:
    """Return the AnnData of peaks: `data` itself, or the modality `mod` of a MuData."""
    if isinstance(data, AnnData):
        return data
    if is_mudata(data):
        if mod not in data.mod:
            msg = f"The MuData has no modality {mod!r}; it has {examples(data.mod)}. Pass mod=..."
            raise KeyError(msg)
        return data.mod[mod]
    msg = f"Expected an AnnData (states x peaks) or a MuData, got {type(data).__name__}."
    raise TypeError(msg)


def prepare(data: AnnData | MuData, mod: str, *, copy: bool) -> tuple[AnnData | MuData, AnnData]:
    """Return what is to be changed: the data (copied on request) and its AnnData of peaks."""
    if copy:
        get_adata(data, mod)
        data = data.copy()
    adata = get_adata(data, mod)
    if adata.is_view:
        # nested values of a view belong to its parent; scanpy's functions make views actual as well
        adata._init_as_actual(adata.copy())  # noqa: SLF001
    return data, adata


def coordinates(adata: AnnData) -> pd.DataFrame:
    """Return chrom (object), start and end (int64) of the peaks from var, or parsed from the peaks' names.

    BED convention: 0-based, half-open. Columns called ``chr`` or ``seqnames`` are accepted for ``chrom``.
    """
    var = adata.var
    chrom = next((c for c in (_keys.CHROM, "chr", "seqnames") if c in var.columns), None)
    if chrom is not None and _keys.START in var.columns and _keys.END in var.columns:
        table = pd.DataFrame(
            {"chrom": var[chrom].astype(str).astype(object), "start": var[_keys.START], "end": var[_keys.END]}
        )
        if table["start"].isna().any() or table["end"].isna().any():
            msg = "var['start'] and var['end'] have missing values."
            raise ValueError(msg)
    else:
        parts = [_PEAK_NAME.match(name) for name in adata.var_names]
        bad = [name for name, part in zip(adata.var_names, parts, strict=True) if part is None]
        if bad:
            msg = (
                f"{len(bad)} of {adata.n_vars} peaks have no coordinates: var lacks chrom, start and end, and names "
                f"such as {examples(bad)} are not chrom:start-end."
            )
            raise ValueError(msg)
        table = pd.DataFrame([part.groupdict() for part in parts if part is not None], index=adata.var_names)
    table = table.astype({"start": np.int64, "end": np.int64})
    repeated = table.duplicated()
    if repeated.any():
        names = adata.var_names[repeated.to_numpy()]
        msg = f"{len(names)} peak(s) have the same coordinates as another: {examples(names)}. Keep one of each."
        raise ValueError(msg)
    return table


def write_coordinates(adata: AnnData, table: pd.DataFrame) -> None:
    """Write chrom (category), start and end (int64) to var where they are missing or of another type."""
    adata.var[_keys.CHROM] = pd.Categorical(table["chrom"])
    adata.var[_keys.START] = table["start"].to_numpy()
    adata.var[_keys.END] = table["end"].to_numpy()


def sequences_of(adata: AnnData) -> np.ndarray:
    """Return varm["sequence"], uint8, peaks x width."""
    if _keys.SEQUENCE not in adata.varm:
        msg = "There are no sequences in varm['sequence']: run iq.pp.sequences(adata, genome=...) first."
        raise KeyError(msg)
    return np.asarray(adata.varm[_keys.SEQUENCE], dtype=np.uint8)


def check_names(adata: AnnData) -> None:
    """Refuse duplicated peaks: results could not be told apart."""
    if not adata.var_names.is_unique:
        names = adata.var_names[adata.var_names.duplicated()].unique()
        msg = (
            f"{len(names)} peak name(s) occur more than once: {examples(names)}. Keep the first of each: "
            "adata = adata[:, ~adata.var_names.duplicated()].copy()."
        )
        raise ValueError(msg)


def check_layer(adata: AnnData, layer: str) -> None:
    """Refuse a layer of access probabilities that is not there."""
    if layer not in [key for key in adata.layers if key is not None]:
        msg = (
            f"There is no layer {layer!r} of access probabilities; layers are "
            f"{examples(k for k in adata.layers if k is not None) or 'none'}. Pass layer=... or compute them first."
        )
        raise KeyError(msg)


def state_profile(
    adata: AnnData, state: str, *, labels: pd.Series | None = None, layer: str, what: str = "state"
) -> np.ndarray:
    """Return the access probability of one state, float64 per peak: one row, or the mean over a group's rows."""
    check_layer(adata, layer)
    named = adata.obs_names.astype(str) if labels is None else pd.Index(labels)
    rows = np.flatnonzero(named == str(state))
    if labels is None and len(rows) > 1:
        msg = (
            f"{len(rows)} rows are called {state!r}: pass groupby=... to take the mean of rows, or run "
            "adata.obs_names_make_unique()."
        )
        raise ValueError(msg)
    if len(rows) == 0:
        hint = " Pass groupby=... if the states are groups of rows." if labels is None else ""
        where = "obs_names, which hold" if labels is None else "the groups, which are"
        known = [str(name) for name in named.dropna().unique()]
        near = did_you_mean(str(state), known)
        msg = f"The {what} {state!r} is not in {where} {examples(known)}.{near}{hint}"
        raise KeyError(msg)
    values: Any = adata.layers[layer][rows]
    values = values.toarray() if hasattr(values, "toarray") else np.asarray(values)
    profile = values.mean(axis=0, dtype=np.float64)
    _check_probabilities(profile, values, state, layer, adata.var_names)
    return profile


def state_labels(adata: AnnData, groupby: str | None) -> np.ndarray:
    """Return the state of each row: its name, or its group where obs has that column."""
    return np.asarray(
        adata.obs_names if groupby is None or groupby not in adata.obs else adata.obs[groupby].astype(str)
    )


def profiles_at_hand(
    adata: AnnData, states: Sequence[str], *, groupby: str | None, layer: str
) -> list[np.ndarray | None]:
    """Return the access probabilities of states for a picture: None for what the data do not have."""
    if layer not in [key for key in adata.layers if key is not None]:
        return [None] * len(states)
    labels = state_labels(adata, groupby)
    members = [np.flatnonzero(labels == str(state)) for state in states]
    return [np.asarray(adata.layers[layer][rows].mean(axis=0)).ravel() if len(rows) else None for rows in members]


def _check_probabilities(profile: np.ndarray, values: np.ndarray, state: str, layer: str, names: pd.Index) -> None:
    missing = ~np.isfinite(profile)
    if missing.any():
        msg = (
            f"Layer {layer!r} has {int(missing.sum())} missing value(s) in {state!r}, for instance in "
            f"{examples(names[missing])}. Replace them or leave these peaks out."
        )
        raise ValueError(msg)
    if values.min() < 0 or values.max() > 1:
        msg = (
            f"Layer {layer!r} of {state!r} spans {values.min():.3g} to {values.max():.3g}; access probabilities lie "
            "in [0, 1]. Are these counts?"
        )
        raise ValueError(msg)
    if values.max() == 0:
        msg = f"State {state!r} is empty: every access probability in layer {layer!r} is 0."
        raise ValueError(msg)


def peak_table(peaks: AnnData | MuData | pd.DataFrame | str | PathLike[str], mod: str = _keys.ATAC) -> pd.DataFrame:
    """Return chrom, start and end of peaks given as data, a table or the path of a BED file, with their names as index.

    Raises
    ------
    TypeError
        For anything else.
    ValueError
        If a column is missing or holds no positions, or as of `iceqream._bed.read_bed`.
    """
    if isinstance(peaks, AnnData) or is_mudata(peaks):
        adata = get_adata(peaks, mod)
        return coordinates(adata).set_axis(adata.var_names, axis=0)
    if isinstance(peaks, str | PathLike):
        peaks = read_bed(peaks)
    if not isinstance(peaks, pd.DataFrame):
        msg = (
            "Peaks are an AnnData, a MuData, a table with chrom, start and end, or the path of a BED file; got "
            f"{type(peaks).__name__}."
        )
        raise TypeError(msg)
    missing = [name for name in (_keys.CHROM, _keys.START, _keys.END) if name not in peaks]
    if missing:
        msg = f"The peaks lack {', '.join(missing)}; their columns are {examples(peaks.columns)}."
        raise ValueError(msg)
    first, last = numbers(peaks[_keys.START]), numbers(peaks[_keys.END])
    bad = ~(first < last)  # NaN included
    if bad.any():
        msg = f"{int(bad.sum())} of {len(peaks)} peaks have no start before their end, row {bad.argmax()} first."
        raise ValueError(msg)
    start, end = first.astype(np.int64), last.astype(np.int64)
    chrom = peaks[_keys.CHROM].astype(str).to_numpy(dtype=object)
    names = [f"{c}:{s}-{e}" for c, s, e in zip(chrom, start, end, strict=True)]
    return pd.DataFrame({"chrom": chrom, "start": start, "end": end}, index=pd.Index(names))


def peak_mask(adata: AnnData, peaks: Any) -> np.ndarray:
    """Return the mask of peaks chosen by a column of var (boolean, or 0 and 1), a mask, names or integer positions.

    A boolean Series whose index names the peaks is taken by name.

    Raises
    ------
    KeyError
        If a name is neither a column nor a peak.
    TypeError
        If these are neither names, integers nor booleans.
    ValueError
        If a mask has another length or missing values, a column holds other numbers, or a position lies outside.
    """
    refuse_data(peaks, "peaks")
    if isinstance(peaks, str):
        peaks = _mask_column(adata.var[peaks]) if peaks in adata.var else [peaks]
    by_name = isinstance(peaks, pd.Series) and len(peaks) == adata.n_vars and set(peaks.index) == set(adata.var_names)
    values = np.asarray(peaks.reindex(adata.var_names) if by_name else peaks)
    if values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) == "boolean":
        if pd.isna(values).any():
            msg = f"The mask of peaks has {int(pd.isna(values).sum())} missing value(s): fillna(False)."
            raise ValueError(msg)
        values = values.astype(bool)
    if values.dtype == bool:
        if values.shape != (adata.n_vars,):
            msg = f"The mask of peaks has the shape {values.shape} for {adata.n_vars} peaks."
            raise ValueError(msg)
        return values
    mask = np.zeros(adata.n_vars, dtype=bool)
    mask[_peak_positions(adata, values)] = True
    return mask


def _mask_column(column: pd.Series) -> pd.Series:
    """Return a column that is to be a mask: numbers are no positions, but 0 and 1 can be meant."""
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return column
    if column.isin([0, 1]).all():
        return column.astype(bool)
    msg = f"var[{column.name!r}] is no mask of peaks: it must be boolean, or 0 and 1, got {examples(column.unique())}."
    raise ValueError(msg)


def _peak_positions(adata: AnnData, values: np.ndarray) -> np.ndarray:
    if values.ndim == 1 and (values.dtype.kind in "iu" or len(values) == 0):
        outside = values[(values < 0) | (values >= adata.n_vars)] if len(values) else values
        if len(outside):
            msg = f"{len(outside)} position(s) lie outside of the {adata.n_vars} peaks (from 0): {examples(outside)}."
            raise ValueError(msg)
        return values.astype(np.int64)
    texts = values.ndim == 1 and all(isinstance(value, str) for value in values)
    if not texts:
        msg = (
            "Peaks to model are a boolean mask, a boolean column of var, names of peaks or integer positions; got "
            f"{values.dtype} of shape {values.shape}."
        )
        raise TypeError(msg)
    index = adata.var_names.get_indexer(pd.Index(values))
    if (index < 0).any():
        unknown = values[index < 0]
        msg = (
            f"{len(unknown)} of {len(values)} are neither peaks nor a column of var: {examples(unknown)}; peaks are "
            f"{examples(adata.var_names)}, columns {examples(adata.var.columns) or 'none'}."
        )
        raise KeyError(msg)
    return index
