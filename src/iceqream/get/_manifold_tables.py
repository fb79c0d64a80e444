"""Tables of a manifold: motifs by trajectories, what became of the trajectories' own motifs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from iceqream import _keys
from iceqream._stored_models import manifold_model
from iceqream.get._motifs import motifs_df
from iceqream.inference.homogenization import pssm_similarity

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

    from iceqream.models import ManifoldModel

QUANTITIES = (
    "effect", "effect_se", "effect_dap", "effect_own", "effect_pairs", "correlation", "residual_r2",
)  # fmt: skip


def manifold_df(
    data: AnnData | MuData | ManifoldModel,
    key: str = _keys.MANIFOLD,
    *,
    quantity: str = "effect",
    mod: str = _keys.ATAC,
) -> pd.DataFrame:
    """Return what each motif of a manifold does in each trajectory, motifs x trajectories (fig. 4D).

    Parameters
    ----------
    data
        AnnData, MuData or a model of a manifold.
    key, mod
        As in `model`.
    quantity
        Column of `motifs_df`: effect, effect_se, effect_own, effect_pairs (logit units), effect_dap (units of dAP),
        correlation, residual_r2.

    Returns
    -------
    DataFrame, float64, motifs (in the order of the model) x trajectories; NaN where a trajectory has no use for a
    motif, or the number is not known.

    Raises
    ------
    KeyError
        If there is no model under the key.
    ValueError
        If the model is of one trajectory, or `quantity` is unknown.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> ends = {"early": ("S1", "S3"), "late": ("S2", "S4")}
    >>> library = iq.datasets.simulated_motifs(decoys=False)
    >>> iq.tl.fit_manifold(adata, ends, motifs=library, min_tss_distance=None, size_folds=0)
    >>> iq.get.manifold_df(adata).columns.tolist()
    ['early', 'late']
    """
    if quantity not in QUANTITIES:
        msg = f"quantity must be one of {', '.join(QUANTITIES)}, got {quantity!r}."
        raise ValueError(msg)
    manifold = manifold_model(data, key, mod)
    motifs = pd.Index(manifold.motif_names, name="motif")
    columns = {name: motifs_df(manifold[name])[quantity].reindex(motifs).astype(float) for name in manifold}
    return pd.DataFrame(columns, index=motifs).rename_axis(columns="trajectory")


def homogenization_df(
    data: AnnData | MuData | ManifoldModel, key: str = _keys.MANIFOLD, *, mod: str = _keys.ATAC
) -> pd.DataFrame:
    """Return which common motif took the place of each motif of the trajectories' own models.

    Parameters
    ----------
    data
        AnnData, MuData or a model of a manifold.
    key, mod
        As in `model`.

    Returns
    -------
    DataFrame, one row per motif of a trajectory's own model: trajectory, motif, common (empty if none stayed),
    similarity (of the two PSSMs, cosine, either strand), correlation (of their energies in the training peaks).

    Raises
    ------
    KeyError
        If there is no model under the key.
    ValueError
        If the model is of one trajectory.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> ends = {"early": ("S1", "S3"), "late": ("S2", "S4")}
    >>> library = iq.datasets.simulated_motifs(decoys=False)
    >>> iq.tl.fit_manifold(adata, ends, motifs=library, min_tss_distance=None, size_folds=0)
    >>> iq.get.homogenization_df(adata)["trajectory"].unique().tolist()
    ['early', 'late']
    """
    return manifold_model(data, key, mod).members.copy()


def member_similarity_df(
    data: AnnData | MuData | ManifoldModel, key: str = _keys.MANIFOLD, *, mod: str = _keys.ATAC
) -> pd.DataFrame:
    """Return how similar each motif of the trajectories' own models is to each common motif (fig. 4B).

    Parameters
    ----------
    data
        AnnData, MuData or a model of a manifold.
    key, mod
        As in `model`.

    Returns
    -------
    DataFrame, float64, own motifs (index: trajectory and motif) x common motifs: similarity of the PSSMs, cosine,
    either strand (1: identical).

    Raises
    ------
    KeyError
        If there is no model under the key.
    ValueError
        If the model is of one trajectory, or does not know the trajectories' own motifs.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> ends = {"early": ("S1", "S3"), "late": ("S2", "S4")}
    >>> library = iq.datasets.simulated_motifs(decoys=False)
    >>> iq.tl.fit_manifold(adata, ends, motifs=library, min_tss_distance=None, size_folds=0)
    >>> iq.get.member_similarity_df(adata).index.names
    FrozenList(['trajectory', 'motif'])
    """
    manifold = manifold_model(data, key, mod)
    if manifold.member_pbms is None:
        msg = "The model does not know the trajectories' own motifs: it was not made by iq.tl.fit_manifold."
        raise ValueError(msg)
    rows = pd.MultiIndex.from_frame(manifold.members[["trajectory", "motif"]])
    columns = pd.Index(manifold.motif_names, name="common")
    if not len(rows) or not len(columns):
        return pd.DataFrame(index=rows, columns=columns, dtype=float)
    return pd.DataFrame(pssm_similarity(manifold.member_pbms.motifs, manifold.pbms.motifs), rows, columns)
