"""Several weak sites or one strong one, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream.get._lineages import stored_answer, texts

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

_COLUMNS = (
    "direction", "n_several", "n_single", "dap_several", "dap_single", "score", "score_se", "ks", "ks_p", "ks_q",
    "unexplained", "unexplained_se", "unexplained_p", "unexplained_q",
    "best_site", "best_site_se", "best_site_p", "best_site_q",
)  # fmt: skip


def low_affinity_df(
    data: AnnData | MuData,
    key: str = _keys.LOW_AFFINITY,
    *,
    part: Literal["motifs", "models"] = "motifs",
    mod: str = _keys.ATAC,
) -> pd.DataFrame:
    """Return whether motifs act through several weak sites or through their best one.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData.
    key
        Key of ``uns`` where `iceqream.tl.low_affinity` wrote.
    part
        ``"motifs"``, or ``"models"``: all motifs together.
    mod
        Modality of a MuData that holds the peaks.

    Returns
    -------
    DataFrame. Motifs, one row each: direction (1 opens, -1 closes), n_several, n_single (modelled peaks with several
    weak sites and with a single strong one), dap_several, dap_single (their mean dAP), score (their difference, eq. 9,
    times direction) and score_se, ks, ks_p, ks_q (two-sided Kolmogorov-Smirnov test of the two), unexplained (the same
    difference of dAP less its prediction, within fifths of energy) with se, p, q, all these NaN where either group has
    fewer than 20 peaks; best_site (how much more of the variance of dAP the model explains in held-out peaks with the
    motif's best site instead of the sum over its sites; of every motif) with se, p, q. p of the latter two are normal,
    q are Benjamini and Hochberg's over the motifs.
    Models, rows sum and best_site (of every motif): r2_train, r2 (of held-out peaks) with r2_low and r2_high (95 %),
    gain (as best_site above) and gain_se.

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
    >>> iq.tl.low_affinity(adata)
    >>> iq.get.low_affinity_df(adata).columns.tolist()[:3]
    ['direction', 'n_several', 'n_single']
    """
    if part not in {"motifs", "models"}:
        msg = f"part must be 'motifs' or 'models', got {part!r}."
        raise ValueError(msg)
    stored = stored_answer(data, key, _keys.LOW_AFFINITY, mod)
    if part == "models":
        columns = ("r2_train", "r2", "r2_low", "r2_high", "gain", "gain_se")
        table = {name: np.asarray(stored["models"][name]) for name in columns}
        return pd.DataFrame(table, index=pd.Index(["sum", "best_site"], name="model"))
    names = pd.Index(texts(stored["motif_names"]), name="motif")
    return pd.DataFrame({name: np.asarray(stored[name]) for name in _COLUMNS}, index=names)
