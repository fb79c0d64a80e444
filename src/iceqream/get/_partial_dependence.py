"""What a motif does in peaks that are otherwise alike, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream.get._lineages import stored_answer, texts

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

_COLUMNS = ("n", "dap", "dap_se", "n_matched", "matched", "matched_se", "model", "model_low", "model_high")


def partial_dependence_df(
    data: AnnData | MuData,
    key: str = _keys.PARTIAL_DEPENDENCE,
    *,
    part: Literal["groups", "curves"] = "groups",
    mod: str = _keys.ATAC,
) -> pd.DataFrame:
    """Return what each motif does in peaks that are otherwise alike.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData.
    key
        Key of ``uns`` where `iceqream.tl.partial_dependence` wrote.
    part
        ``"groups"``: peaks by energy or number of sites; ``"curves"``: the model's partial dependence.
    mod
        Modality of a MuData that holds the peaks.

    Returns
    -------
    DataFrame. Groups, one row per motif and group: motif, group, position (mean energy, or number of sites), n (peaks),
    dap and dap_se (their mean dAP and its standard error), n_matched (peaks that have others to be compared with),
    matched and matched_se (mean difference of dAP to the reference, the first group, within strata of GC content and of
    what the model says without the motif), model, model_low, model_high (the same of the model's predictions, 95 % of
    the bootstraps). Curves, one row per motif and energy: motif, energy, dap (change of the mean predicted dAP if all
    peaks had this energy instead of the reference's mean), dap_low, dap_high.

    Raises
    ------
    KeyError
        If there is nothing under the key.
    ValueError
        For another part.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.tl.partial_dependence(adata, "GATA", n_bootstraps=5)
    >>> iq.get.partial_dependence_df(adata, part="curves").shape
    (21, 5)
    """
    if part not in {"groups", "curves"}:
        msg = f"part must be 'groups' or 'curves', got {part!r}."
        raise ValueError(msg)
    stored = stored_answer(data, key, _keys.PARTIAL_DEPENDENCE, mod)
    if part == "groups":
        table = {name: np.asarray(stored[name]) for name in ("position", *_COLUMNS)}
        return pd.DataFrame({"motif": texts(stored["motif"]), "group": texts(stored["group"]), **table})
    names, grid = texts(stored["motif_names"]), np.asarray(stored["grid"])
    low, high = np.asarray(stored["curve_interval"])
    return pd.DataFrame(
        {
            "motif": np.repeat(names, len(grid)),
            "energy": np.tile(grid, len(names)),
            "dap": np.asarray(stored["curve"]).ravel(),
            "dap_low": low.ravel(),
            "dap_high": high.ravel(),
        }
    )
