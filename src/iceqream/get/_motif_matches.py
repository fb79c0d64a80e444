"""The library motifs that the motifs of a model resemble."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iceqream import _keys
from iceqream._stored_models import any_model
from iceqream.motifs.naming import stored_matches

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData

    from iceqream.models import ManifoldModel, TrajectoryModel


def motif_matches_df(
    data: AnnData | MuData | TrajectoryModel | ManifoldModel,
    key: str = _keys.MODEL,
    *,
    trajectory: str | None = None,
    mod: str = _keys.ATAC,
) -> pd.DataFrame:
    """Return the five library motifs that each motif of a model resembles most: what its name rests on.

    Parameters
    ----------
    data
        AnnData, MuData or a model.
    key, trajectory, mod
        As in `model`.

    Returns
    -------
    DataFrame, one row per motif and rank (index): name (of the library motif), symbol, family and class (as the library
    or JASPAR gives them; empty where unknown), similarity (cosine, `iceqream.motifs.similarity`; 1 for identity).
    Motifs merged by hand and models of older versions have no rows; `iceqream.tl.rename_motifs` with a library finds
    them. Of a manifold without `trajectory`: of the motifs that its trajectories share.

    Raises
    ------
    KeyError
        If there is no model under the key.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.get.motif_matches_df(adata).columns.tolist()
    ['name', 'symbol', 'family', 'class', 'similarity']
    """
    fitted = any_model(data, key, trajectory, mod)
    table = stored_matches(fitted.pbms.motifs).rename(columns={"match": "name", "tf_class": "class"})
    return table.set_index(["motif", "rank"])[["name", "symbol", "family", "class", "similarity"]]
