"""Tracks around the sites of motifs, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream.get._lineages import stored_answer, texts

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

_COLUMNS = ("mean", "low", "high", "control", "control_low", "control_high")


def site_profile_df(data: AnnData | MuData, key: str = _keys.SITE_PROFILE, *, mod: str = _keys.ATAC) -> pd.DataFrame:
    """Return the mean of each track around the sites of each motif.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData.
    key
        Key of ``uns`` where `iceqream.tl.site_profile` wrote.
    mod
        Modality of a MuData that holds the peaks.

    Returns
    -------
    DataFrame, one row per motif, track and bin: motif, track, position (bp of the bin's centre from the site's, along
    the motif), mean, low, high (95 % of the bootstraps over peaks), control, control_low, control_high (of the same
    peaks at the places of other peaks' sites), n_sites, n_peaks.

    Raises
    ------
    KeyError
        If there is nothing under the key.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> track = iq.tl.contribution_track(adata, "model.bw")
    >>> iq.tl.site_profile(adata, track, "GATA", reach=100, n_bootstraps=20)
    >>> len(iq.get.site_profile_df(adata))
    41
    """
    stored = stored_answer(data, key, _keys.SITE_PROFILE, mod)
    motifs, tracks, position = texts(stored["motif_names"]), texts(stored["tracks"]), np.asarray(stored["position"])
    n_bins = len(position)
    counts = {name: np.repeat(np.asarray(stored[name]).ravel(), n_bins) for name in ("n_sites", "n_peaks")}
    return pd.DataFrame(
        {
            "motif": np.repeat(motifs, len(tracks) * n_bins),
            "track": np.tile(np.repeat(tracks, n_bins), len(motifs)),
            "position": np.tile(position, len(motifs) * len(tracks)),
            **{name: np.asarray(stored[name]).ravel() for name in _COLUMNS},
            **counts,
        }
    )
