"""A model beside simpler and other models as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream.get._lineages import stored_answer, texts

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

_COLUMNS = ("n_terms", "r2_train", "r2", "r2_low", "r2_high", "difference", "se", "low", "high", "seconds")


def model_comparison_df(
    data: AnnData | MuData, key: str = _keys.MODEL_COMPARISON, *, mod: str = _keys.ATAC
) -> pd.DataFrame:
    """Return how well a model and simpler or other models predict held-out peaks.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData.
    key
        Key of ``uns`` where `iceqream.tl.compare_models` wrote.
    mod
        Modality of a MuData that holds the peaks.

    Returns
    -------
    DataFrame, one row per model: label (in words), n_terms (motifs or their energies, features and pairs), r2_train, r2
    (of held-out peaks) with its 95 % interval r2_low to r2_high, difference (of held-out r2, from that of ``iq``), its
    standard error se and 95 % interval low to high, and seconds (of what was fitted here; NaN for a model that was
    fitted before). Over folds all but the intervals are means; intervals and errors are then those of
    `iceqream.get.comparison_df`, which count that folds share training peaks.

    Raises
    ------
    KeyError
        If there is no comparison under the key.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.tl.compare_models(adata, motifs=library, models=["features"])
    >>> bool(iq.get.model_comparison_df(adata).loc["features", "difference"] < 0)
    True
    """
    stored = stored_answer(data, key, _keys.COMPARE_MODELS, mod)
    # R2 is kept for each fold
    numbers = {name: np.asarray(stored[name]) for name in _COLUMNS}
    columns = {name: values.mean(axis=1) if values.ndim == 2 else values for name, values in numbers.items()}
    index = texts(stored["models"]).rename("model")
    return pd.DataFrame({"label": texts(stored["labels"]).to_numpy(), **columns}, index=index)
