"""Apply a model to peaks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import get_adata, prepare
from iceqream._stored_models import (
    kind_of,
    peak_results,
    stored_model,
    stored_trajectories,
    write_manifold,
    write_peak_results,
)
from iceqream.models import ManifoldModel, TrajectoryModel, load
from iceqream.tl._fit_inputs import result_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from anndata import AnnData
    from mudata import MuData


def predict(
    data: AnnData | MuData,
    model: TrajectoryModel | ManifoldModel | str | PathLike[str] | None = None,
    *,
    features: Mapping[str, Any] | None = None,
    key_added: str | None = None,
    mod: str = _keys.ATAC,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Predict dAP of every peak with a fitted model.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with ``varm["sequence"]``.
    model
        A model, the key of one in ``uns`` or the path of a saved one; ``None`` is that in ``uns["iq"]``.
    features
        Unscaled values, one per peak, of features that are not computed from sequence; those in ``varm["features"]``
        are found.
    key_added
        Key of ``varm``; ``None`` is that of the model, or for a model that is not in the data ``"iq"``, of a manifold
        ``"iq_manifold"``.
    mod
        Modality of a MuData that holds the peaks.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes the column pred (float32) of the DataFrame ``varm[key_added]``; other
    columns stay. Of a manifold, whose energies are computed once, the same of all trajectories in the array
    ``varm[key_added]`` (`iceqream.tl.fit_manifold`, `iceqream.get.predictions_df`); where there is none, dap is NaN and
    all peaks are unused, and ``uns[key_added]`` holds the model, which names the trajectories.

    Raises
    ------
    KeyError
        If there is no model or no sequences.
    ValueError
        If the sequences are shorter than the model's, a feature is missing, or there are results of other
        trajectories under the key.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> new = iq.datasets.simulated_trajectory(n_peaks=200, rng=1)
    >>> iq.tl.predict(new, iq.get.model(adata))
    >>> new.varm["iq"].shape
    (200, 1)
    """
    key_added, model = _key_and_model(get_adata(data, mod), model, key_added)
    data, adata = prepare(data, mod, copy=copy)
    names = model.names if isinstance(model, ManifoldModel) else ()
    held = (key_added in adata.varm) or (bool(names) and kind_of(adata, key_added) is not None)
    if held and stored_trajectories(adata, key_added) != names:
        of = " and ".join(names) or " -> ".join(model.states if isinstance(model, TrajectoryModel) else ())
        msg = f"Under {key_added!r} are results of other trajectories than {of}: say where these go, key_added=..."
        raise ValueError(msg)
    if isinstance(model, TrajectoryModel):
        table = peak_results(adata, key_added) if held else pd.DataFrame(index=adata.var_names)
        table[_keys.PREDICTION] = model.predict(adata, features=features).astype(np.float32)
        adata.varm[key_added] = table
    else:
        _write_all(adata, key_added, model, model.predict(adata, features=features))
    return data if copy else None


def _key_and_model(
    adata: AnnData, model: TrajectoryModel | ManifoldModel | str | PathLike[str] | None, key_added: str | None
) -> tuple[str, TrajectoryModel | ManifoldModel]:
    """Return where predictions go, and the model: given itself, under a key, or in a file."""
    if model is None:
        model = key_added or _keys.MODEL
        return model, stored_model(adata, model)
    if isinstance(model, str) and (model in adata.uns or not (Path(model).suffix or Path(model).exists())):
        return key_added or model, stored_model(adata, model)
    found = model if isinstance(model, TrajectoryModel | ManifoldModel) else load(Path(model))
    return key_added or (_keys.MANIFOLD if isinstance(found, ManifoldModel) else _keys.MODEL), found


def _write_all(adata: AnnData, key: str, model: ManifoldModel, predicted: pd.DataFrame) -> None:
    """Write the predictions of all trajectories."""
    none = np.zeros(adata.n_vars, dtype=bool)
    unknown = np.full(adata.n_vars, np.nan)
    tables = {
        name: peak_results(adata, key, name).assign(**{_keys.PREDICTION: predicted[name].to_numpy()})
        if key in adata.varm
        else result_table(unknown, predicted[name].to_numpy(), none, none, None, adata.var_names)
        for name in model
    }
    if kind_of(adata, key) is None:
        write_manifold(adata, key, model, tables)
    else:
        write_peak_results(adata, key, tables)
