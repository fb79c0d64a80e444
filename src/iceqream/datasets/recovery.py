"""What a model that was fitted on simulated peaks found of the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._core.messages import examples
from iceqream.datasets.simulation import RELEASE
from iceqream.motifs import jaspar, similarity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData

    from iceqream.models import TrajectoryModel

_ALIKE = 0.7
"""Similarity from which a model's motif counts as the planted one."""


def recovered_motifs(adata: AnnData, key: str = _keys.MODEL) -> pd.DataFrame:
    """Compare a model that was fitted on simulated peaks with the truth.

    Parameters
    ----------
    adata
        Result of `simulated_trajectory` with a fitted model.
    key
        Key of the model.

    Returns
    -------
    DataFrame, one row per planted motif: effect_true (sign: positive opens), motif (the model's strongest motif of
    similarity 0.7 or more, "" if there is none), similarity (Spearman, both strands), effect, rank (1 is the model's
    strongest), recovered (the motif is there with the right sign).

    Raises
    ------
    KeyError
        If the AnnData is not simulated, or has no model.
    ValueError
        If it is a manifold.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1500, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> int(iq.datasets.recovered_motifs(adata)["recovered"].sum())
    6
    """
    from iceqream._stored_models import trajectory_model

    names, trajectories, effects = _truth(adata)
    if trajectories:
        msg = f"The peaks are of {len(trajectories)} trajectories: use iq.datasets.recovered_manifold."
        raise ValueError(msg)
    table = _compared(names, effects[:, 0], trajectory_model(adata, key))
    table["recovered"] = table["effect"] * table["effect_true"] > 0
    return table.drop(columns="effect_dap")


def recovered_manifold(adata: AnnData, models: Mapping[str, TrajectoryModel]) -> pd.DataFrame:
    """Compare models of several trajectories, fitted on a simulated manifold, with the truth.

    Parameters
    ----------
    adata
        Result of `simulated_manifold`.
    models
        Models by the names of their trajectories (A, B, C), two at least.

    Returns
    -------
    DataFrame, one row per planted motif and trajectory: effect_true (0 where it does nothing), motif, similarity,
    effect and rank as in `recovered_motifs`, effect_dap (as in `iceqream.get.motifs_df`; 0 without a motif), recovered
    (the motif is there with the right sign; where it does nothing, its effect_dap is smaller than wherever it does
    something), in_order (of the planted motif: its effect_dap have the order of the true effects over the
    trajectories), n_motifs (of the planted motif: how many different PSSMs stand for it over the trajectories; 1 where
    all share one).

    Raises
    ------
    KeyError
        If the AnnData is not a simulated manifold, or a trajectory is none of its own.
    ValueError
        If there are fewer than two models.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_manifold(n_peaks=600, rng=0)
    >>> quick = {"motifs": iq.datasets.simulated_motifs(manifold=True), "size_folds": 0, "interactions": False}
    >>> models = {}
    >>> for name in ("A", "B"):
    ...     start, end = adata.uns["trajectories"][name]
    ...     iq.tl.fit_trajectory(adata, start, end, min_tss_distance=None, refine=False, key_added=name, **quick)
    ...     models[name] = iq.get.model(adata, name)
    >>> table = iq.datasets.recovered_manifold(adata, models)
    >>> table.loc["Runx1_MA0002.3", "recovered"].tolist()
    [True, True]
    """
    names, trajectories, effects = _truth(adata)
    unknown = [name for name in models if name not in trajectories]
    if unknown or len(models) < 2:
        kind: type[KeyError | ValueError] = KeyError if unknown else ValueError
        msg = (
            f"models must have two or more of the trajectories {examples(trajectories) or 'none'}; got "
            f"{examples(models) or 'none'}."
        )
        raise kind(msg)
    tables = {name: _compared(names, effects[:, trajectories.index(name)], models[name]) for name in models}
    table = pd.concat(tables, names=["trajectory"]).swaplevel().loc[names.tolist()]
    table["effect_dap"] = table["effect_dap"].fillna(0.0)
    by_factor = table.groupby(level="planted", sort=False)
    table["recovered"] = table["effect"] * table["effect_true"] > 0
    nothing = table["effect_true"] == 0
    smallest = table["effect_dap"].abs().where(~nothing).groupby(level="planted").transform("min")
    table.loc[nothing, "recovered"] = (table["effect_dap"].abs() < smallest)[nothing]
    in_order = by_factor.apply(lambda rows: _same_order(rows["effect_true"], rows["effect_dap"]))
    table["in_order"] = in_order[table.index.get_level_values("planted")].to_numpy()
    different = {name: _n_different(models, table.loc[name, "motif"]) for name in names}
    table["n_motifs"] = [different[name] for name in table.index.get_level_values("planted")]
    return table


def _truth(adata: AnnData) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Return the planted motifs, the trajectories (empty of a single one) and effects, motifs x trajectories."""
    if "truth" not in adata.uns:
        msg = "uns['truth'] is missing: this is not the result of iq.datasets.simulated_trajectory or _manifold."
        raise KeyError(msg)
    truth = adata.uns["truth"]
    names, effects = np.asarray(truth["motifs"]), np.asarray(truth["effects"])
    return names, [str(name) for name in truth.get("trajectories", [])], effects.reshape(len(names), -1)


def _compared(names: np.ndarray, effects: np.ndarray, fitted: TrajectoryModel) -> pd.DataFrame:
    """Return the strongest motif of a model that is like each of the planted ones, and what it does."""
    from iceqream.get import motifs_df

    found = motifs_df(fitted)
    columns = ["effect_true", "motif", "similarity", "effect", "effect_dap", "rank"]
    rows = []
    alike = similarity(jaspar(RELEASE)[list(names)], fitted.pbms.motifs[list(found.index)]).to_numpy()
    for effect, row in zip(effects, alike, strict=True):
        ranks = np.flatnonzero(row >= _ALIKE)
        if len(ranks) == 0:
            rows.append((effect, "", np.nan, np.nan, np.nan, -1))
            continue
        best = int(ranks[0])
        of_best = found.iloc[best]
        rows.append((effect, found.index[best], row[best], of_best["effect"], of_best["effect_dap"], best + 1))
    return pd.DataFrame(rows, index=pd.Index(names, name="planted"), columns=columns)


def _same_order(truth: pd.Series, found: pd.Series) -> bool:
    """Return whether all pairs that differ in truth differ in the same direction."""
    direction = np.sign(np.subtract.outer(truth.to_numpy(), truth.to_numpy()))
    of_found = np.sign(np.subtract.outer(found.to_numpy(), found.to_numpy()))
    return bool((of_found == direction)[direction != 0].all())


def _n_different(models: Mapping[str, TrajectoryModel], motifs: pd.Series) -> int:
    """Return how many different PSSMs these motifs are, by trajectory; the same name may stand for several."""
    different: list[np.ndarray] = []
    for trajectory, name in motifs[motifs != ""].items():
        matrix = models[str(trajectory)].pbms.motifs[[name]].matrix(0)
        if not any(matrix.shape == other.shape and np.allclose(matrix, other, atol=1e-6) for other in different):
            different.append(matrix)
    return len(different)
