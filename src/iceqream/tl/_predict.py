"""Apply a model to peaks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import prepare
from iceqream._core.messages import examples
from iceqream.models import TrajectoryModel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from anndata import AnnData
    from mudata import MuData


def predict(
    data: AnnData | MuData,
    model: TrajectoryModel | str | PathLike[str] | None = None,
    *,
    features: Mapping[str, Any] | None = None,
    key_added: str = _keys.MODEL,
    mod: str = _keys.ATAC,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Predict dAP of every peak with a fitted model.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with ``varm["sequence"]``.
    model
        A model, the path of a saved one, or ``None`` for the one in ``uns[key_added]``.
    features
        Unscaled values, one per peak, of features that are not computed from sequence; those in ``varm["features"]``
        are found.
    key_added
        Key of ``varm``.
    mod
        Modality of a MuData that holds the peaks.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes the column pred (float32) of the DataFrame ``varm[key_added]``; other
    columns stay.

    Raises
    ------
    KeyError
        If there is no model or no sequences.
    ValueError
        If the sequences are shorter than the model's, or a feature is missing.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8)
    >>> new = iq.datasets.simulated_trajectory(n_peaks=200, rng=1)
    >>> iq.tl.predict(new, iq.get.model(adata))
    >>> new.varm["iq"].shape
    (200, 1)
    """
    data, adata = prepare(data, mod, copy=copy)
    if model is None:
        if key_added not in adata.uns:
            msg = f"There is no model in uns[{key_added!r}] (keys: {examples(adata.uns)}): pass model=..."
            raise KeyError(msg)
        model = TrajectoryModel.from_uns(adata.uns[key_added])
    elif not isinstance(model, TrajectoryModel):
        model = TrajectoryModel.load(Path(model))
    predicted = model.predict(adata, features=features).astype(np.float32)
    table = adata.varm[key_added].copy() if key_added in adata.varm else pd.DataFrame(index=adata.var_names)
    table[_keys.PREDICTION] = predicted
    adata.varm[key_added] = table
    return data if copy else None
