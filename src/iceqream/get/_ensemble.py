"""An ensemble of predictions, and who explains which peaks, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream.get._lineages import stored_answer, texts

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

_SCORES = (
    "r2", "r2_low", "r2_high", "difference", "se", "gain", "gain_se", "weight", "weight_se", "standardized",
    "standardized_se",
)  # fmt: skip
_OF_CLASSES = ("n_peaks", "mean_dap", "mean_dap_se", "mean_size", "n_by_mean")


def ensemble_df(data: AnnData | MuData, key: str = _keys.ENSEMBLE, *, mod: str = _keys.ATAC) -> pd.DataFrame:
    """Return how well a model, other predictions and their ensemble predict held-out peaks.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData.
    key
        Key of ``uns`` where `iceqream.tl.ensemble` wrote.
    mod
        Modality of a MuData that holds the peaks.

    Returns
    -------
    DataFrame, one row per prediction, ``iq`` first and the ensemble last: r2 with its 95 % interval r2_low to r2_high,
    difference (of r2, from that of ``iq``) and its standard error se, gain (r2 of the ensemble less this) and gain_se,
    weight (dAP per unit of the prediction) and weight_se, standardized and standardized_se (the same in standard
    deviations of both, which compares predictions on other scales). Errors are from resamples of the peaks; that of a
    weight near 0, which cannot fall below, is rough.

    Raises
    ------
    KeyError
        If there is no ensemble under the key.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> noise = np.random.default_rng(0).normal(size=adata.n_vars)
    >>> iq.tl.ensemble(adata, {"a network": adata.varm["iq"]["dap"] + 0.1 * noise})
    >>> bool(iq.get.ensemble_df(adata).loc["iq", "gain"] > 0)
    True
    """
    stored = stored_answer(data, key, _keys.ENSEMBLE, mod)
    index = texts(stored["models"]).rename("model")
    return pd.DataFrame({name: np.asarray(stored[name]) for name in _SCORES}, index=index)


def error_classes_df(data: AnnData | MuData, key: str = _keys.ENSEMBLE, *, mod: str = _keys.ATAC) -> pd.DataFrame:
    """Return how many held-out peaks a model, another prediction, both or neither explain (paper fig. 5E).

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData.
    key
        Key of ``uns`` where `iceqream.tl.ensemble` wrote.
    mod
        Modality of a MuData that holds the peaks.

    Returns
    -------
    DataFrame, one row per other prediction and class: other (name of the prediction), class (both, iq, other,
    neither), n_peaks, fraction, mean_dap with its standard error mean_dap_se, mean_size (mean absolute dAP) and
    n_by_mean (of these peaks, those that the mean dAP alone explains: what no model needs to explain).

    Raises
    ------
    KeyError
        If there is no ensemble under the key.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> noise = np.random.default_rng(0).normal(size=adata.n_vars)
    >>> iq.tl.ensemble(adata, {"a network": adata.varm["iq"]["dap"] + 0.1 * noise})
    >>> iq.get.error_classes_df(adata)["class"].tolist()
    ['both', 'iq', 'other', 'neither']
    """
    stored = stored_answer(data, key, _keys.ENSEMBLE, mod)
    others, classes = texts(stored["models"])[1:-1], texts(stored["classes"])
    values = {name: np.asarray(stored[name]).ravel() for name in _OF_CLASSES}
    total = np.asarray(stored["n_peaks"]).sum(axis=1)
    table = pd.DataFrame({"other": np.repeat(others, len(classes)), "class": np.tile(classes, len(others)), **values})
    table.insert(3, "fraction", table["n_peaks"] / np.repeat(total, len(classes)))
    return table
