"""Features that are no sequence: accessibility around a peak, and epigenomic tracks."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import coordinates, prepare
from iceqream._core.intervals import resize
from iceqream._core.messages import examples
from iceqream.coverage import DEFAULT_BINSIZE
from iceqream.models.features import FeatureScaling
from iceqream.pp._access_probability import DEFAULT_WINDOW
from iceqream.pp._read_bigwigs import read_bigwigs
from iceqream.pp._sequence_features import write_features

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from anndata import AnnData
    from mudata import MuData

    from iceqream.coverage import Coverage

logger = logging.getLogger(__name__)

REGIONAL = "regional_accessibility"


def regional_accessibility(
    data: AnnData | MuData,
    coverage: Coverage | None = None,
    *,
    state: str | None = None,
    window: int = DEFAULT_WINDOW,
    key_added: str = _keys.FEATURES,
    mod: str = _keys.ATAC,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Add how accessible the surroundings of each peak are as a feature (METHOD section 1).

    The coverage of the window around a peak, without the peak, as log2(1 + sum), scaled to 0-10 between its 5 % and
    95 % quantiles.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData.
    coverage
        Coverage along the genome; ``None`` takes ``var["regional_counts"]``.
    state
        State whose coverage is taken, best the start of the trajectory; ``None``: all together.
    window
        Total width of the window, bp.
    key_added
        Key of ``varm`` and ``uns``.
    mod
        Modality of a MuData that holds the peaks.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Adds the column regional_accessibility to ``varm[key_added]`` and its constants to
    ``uns[key_added]``.

    Raises
    ------
    KeyError
        If there is neither coverage nor ``var["regional_counts"]``, or no such state.
    ValueError
        If a state is asked for without coverage.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=200, rng=0)
    >>> iq.pp.regional_accessibility(adata)
    >>> adata.uns["features"]["names"].tolist()
    ['regional_accessibility']
    """
    data, adata = prepare(data, mod, copy=copy)
    if coverage is None:
        if state is not None:
            msg = f"The surroundings in {state!r} need its coverage: pass coverage=..."
            raise ValueError(msg)
        if _keys.REGIONAL_COUNTS not in adata.var:
            msg = "There is no var['regional_counts']: pass coverage=... (iq.pp.read_fragments, iq.pp.read_bigwigs)."
            raise KeyError(msg)
        around = adata.var[_keys.REGIONAL_COUNTS].to_numpy(dtype=np.float64)
    else:
        table = coordinates(adata)
        place = (table["chrom"].to_numpy(), table["start"].to_numpy(), table["end"].to_numpy())
        each = coverage.punctured_counts(*place, window)
        around = each.sum(axis=0) if state is None else each[coverage.state_index([state])[0]]
    _write(adata, {REGIONAL: np.log2(1 + around)}, key_added)
    return data if copy else None


def epigenomic_features(
    data: AnnData | MuData,
    tracks: Mapping[str, str | PathLike[str] | np.ndarray],
    *,
    width: int | None = None,
    log: bool = False,
    key_added: str = _keys.FEATURES,
    mod: str = _keys.ATAC,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Add histone marks or other signals at the peaks as features, scaled to 0-10 (METHOD section 6).

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData.
    tracks
        Name of each feature and where its values are from: the path of a bigWig file (mean over the peak; needs
        ``iceqream[tracks]``), a numeric column of ``var``, or one value per peak.
    width
        Average bigWig files over this many bp around the centre; ``None``: over the peak.
    log
        Take log2(1 + signal).
    key_added
        Key of ``varm`` and ``uns``.
    mod
        Modality of a MuData that holds the peaks.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Adds columns to ``varm[key_added]`` (clipped to their 5 % and 95 % quantiles, 0-10)
    and their constants to ``uns[key_added]``. Missing values become 0 with a warning.

    Raises
    ------
    KeyError
        If something is neither a file nor a column.
    ValueError
        If a column is constant, not numeric, or of another length.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=200, rng=0)
    >>> iq.pp.epigenomic_features(adata, {"H3K4me1": adata.var["regional_counts"].to_numpy()})
    >>> adata.varm["features"].shape
    (200, 1)
    """
    if not tracks:
        msg = "No track is given."
        raise ValueError(msg)
    data, adata = prepare(data, mod, copy=copy)
    values: dict[str, np.ndarray] = {}
    files: dict[str, Path] = {}
    for name, source in tracks.items():
        if isinstance(source, str) and source in adata.var:
            if not pd.api.types.is_numeric_dtype(adata.var[source]):
                msg = f"var[{source!r}] is not numeric."
                raise ValueError(msg)
            values[str(name)] = adata.var[source].to_numpy(dtype=np.float64)
        elif isinstance(source, str) or hasattr(source, "__fspath__"):
            path = Path(source)
            if not path.exists():
                msg = f"{source!s} is neither a file nor a column of var ({examples(adata.var.columns) or 'none'})."
                raise KeyError(msg)
            files[str(name)] = path
        else:
            values[str(name)] = np.asarray(source, dtype=np.float64)
            if values[str(name)].shape != (adata.n_vars,):
                msg = f"{name!r} needs one value per peak ({adata.n_vars}), got shape {values[str(name)].shape}."
                raise ValueError(msg)
    if files:
        table = coordinates(adata)
        start, end = table["start"].to_numpy(), table["end"].to_numpy()
        if width is not None:
            start, end = resize(start, end, width)
        windows = pd.DataFrame({"chrom": table["chrom"].to_numpy(), "start": start, "end": end})
        signal: Any = read_bigwigs(files, windows)
        # bins hold means: their sum times the bin size over the width is the mean over the window
        share = (end - start) / DEFAULT_BINSIZE
        values |= {name: np.asarray(signal.X[i], dtype=np.float64) / share for i, name in enumerate(files)}
    ordered = {str(name): values[str(name)] for name in tracks}
    _write(adata, {n: np.log2(1 + v) if log else v for n, v in ordered.items()}, key_added)
    return data if copy else None


def _write(adata: AnnData, columns: dict[str, np.ndarray], key: str) -> None:
    for name, values in columns.items():
        missing = ~np.isfinite(values)
        if missing.any():
            logger.warning("feature %r: %d missing value(s) replaced by 0", name, missing.sum())
            columns[name] = np.where(missing, 0.0, values)
    matrix = np.column_stack(list(columns.values()))
    scaling = FeatureScaling.fit(np.array(list(columns), dtype=object), matrix)
    flat = scaling.low == scaling.high
    if flat.any():
        msg = f"{examples(scaling.names[flat])} is the same in nearly all peaks and would tell nothing."
        raise ValueError(msg)
    write_features(adata, scaling, scaling.scale(matrix), key)
