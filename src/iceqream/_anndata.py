"""Taking arrays out of AnnData and MuData, with errors that say what to run first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData

from iceqream import _keys
from iceqream._core.messages import examples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mudata import MuData

_PEAK_NAME = re.compile(r"^(?P<chrom>.+?)[:\-_](?P<start>\d+)[\-_](?P<end>\d+)$")


def dense(values: Any) -> np.ndarray:
    """Return a matrix, sparse or not, as a dense float64 array."""
    return np.asarray(values.toarray() if hasattr(values, "toarray") else values, dtype=np.float64)


def get_adata(data: AnnData | MuData, mod: str = _keys.ATAC) -> AnnData:
    """Return the AnnData of peaks: `data` itself, or the modality `mod` of a MuData."""
    if isinstance(data, AnnData):
        return data
    from mudata import MuData

    if isinstance(data, MuData):
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
        msg = f"{len(names)} peak name(s) occur more than once: {examples(names)}. Run adata.var_names_make_unique()."
        raise ValueError(msg)


def state_profile(adata: AnnData, state: str, *, groupby: str | None, layer: str, what: str = "state") -> np.ndarray:
    """Return the access probability of one state, float64 per peak: one row, or the mean over a group's rows."""
    if layer not in [key for key in adata.layers if key is not None]:
        msg = (
            f"There is no layer {layer!r} of access probabilities; layers are "
            f"{examples(k for k in adata.layers if k is not None) or 'none'}. Pass layer=... or compute them first."
        )
        raise KeyError(msg)
    if groupby is None:
        labels, where = adata.obs_names.astype(str), "obs_names"
    elif groupby in adata.obs:
        labels, where = pd.Index(adata.obs[groupby].astype(str)), f"obs[{groupby!r}]"
    else:
        msg = f"groupby={groupby!r} is not a column of obs; it has {examples(adata.obs.columns) or 'none'}."
        raise KeyError(msg)
    rows = np.flatnonzero(labels == str(state))
    if len(rows) == 0:
        hint = "" if groupby else " Pass groupby=... if the states are groups of rows."
        msg = f"The {what} {state!r} is not in {where}, which holds {examples(labels.unique())}.{hint}"
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


def peak_table(peaks: AnnData | pd.DataFrame) -> pd.DataFrame:
    """Return chrom, start and end of peaks given as an AnnData or a table (BED), with their names as index."""
    if isinstance(peaks, AnnData):
        return coordinates(peaks).set_axis(peaks.var_names, axis=0)
    table = pd.DataFrame(peaks)
    missing = [name for name in (_keys.CHROM, _keys.START, _keys.END) if name not in table]
    if missing:
        msg = f"The peaks lack {', '.join(missing)}; their columns are {examples(table.columns)}."
        raise ValueError(msg)
    start, end = table[_keys.START].to_numpy(dtype=np.int64), table[_keys.END].to_numpy(dtype=np.int64)
    chrom = table[_keys.CHROM].astype(str).to_numpy(dtype=object)
    names = [f"{c}:{s}-{e}" for c, s, e in zip(chrom, start, end, strict=True)]
    return pd.DataFrame({"chrom": chrom, "start": start, "end": end}, index=pd.Index(names))
