"""Results as models and DataFrames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import get_adata
from iceqream._core.response import RESPONSES
from iceqream._stored_models import any_model, kind_of, peak_results, stored_trajectories, trajectories_of
from iceqream.models.levels import LEVEL_COLUMNS
from iceqream.models.serialization import DISCOVERED, pbms_from_dict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from anndata import AnnData
    from mudata import MuData

    from iceqream._stored_models import Source
    from iceqream.models import ManifoldModel, TrajectoryModel
    from iceqream.motifs import PBMSet


def model(
    data: AnnData | MuData, key: str = _keys.MODEL, *, trajectory: str | None = None, mod: str = _keys.ATAC
) -> TrajectoryModel | ManifoldModel:
    """Return a fitted model; it stands alone and predicts without the AnnData.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData.
    key
        Key of ``uns`` where `iceqream.tl.fit_trajectory` or `iceqream.tl.fit_manifold` wrote it.
    trajectory
        Name of one trajectory of a manifold; ``None`` returns what is under the key, whole.
    mod
        Modality of a MuData that holds the peaks.

    Returns
    -------
    TrajectoryModel, or the ManifoldModel of all trajectories.

    Raises
    ------
    KeyError
        If there is no model under the key, or no such trajectory.
    ValueError
        If a trajectory is named where there is but one.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.get.model(adata).states
    ('S1', 'S4')
    """
    return any_model(get_adata(data, mod), key, trajectory)


def discovered_motifs(data: AnnData | MuData, key: str = _keys.DISCOVERED, *, mod: str = _keys.ATAC) -> PBMSet:
    """Return motifs that were found de novo, with their spatial curves.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData.
    key
        Key of ``uns`` where `iceqream.tl.discover_motifs` wrote them.
    mod
        Modality of a MuData that holds the peaks.

    Returns
    -------
    PBMSet
        ``.motifs`` is the `iceqream.motifs.MotifSet`; its metadata hold seed, match and similarity.

    Raises
    ------
    KeyError
        If there are no motifs under the key.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1500, rng=0)
    >>> found = iq.tl.discover_motifs(adata, start="S1", end="S4", n_motifs=1, kmer_width=200)
    >>> iq.get.discovered_motifs(adata).motifs.names.tolist() == found.motifs.names.tolist()
    True
    """
    adata = get_adata(data, mod)
    if kind_of(adata, key) != DISCOVERED:
        msg = f"There are no de-novo motifs in uns[{key!r}]; run iq.tl.discover_motifs first."
        raise KeyError(msg)
    return pbms_from_dict(adata.uns[key])


def coefs_df(
    data: AnnData | MuData | TrajectoryModel | ManifoldModel,
    key: str = _keys.MODEL,
    *,
    trajectory: str | None = None,
    mod: str = _keys.ATAC,
) -> pd.DataFrame:
    """Return the coefficients of the four response functions.

    Parameters
    ----------
    data
        AnnData, MuData or a model.
    key, trajectory, mod
        As in `model`.

    Returns
    -------
    DataFrame, one row per term (motifs, then features): type, low-energy, high-energy, higher-energy, sigmoid (logit
    units), effect, effect_se, effect_dap, effect_own, effect_pairs and correlation (as in `motifs_df`), residual_r2
    (`iceqream.tl.residual_r2`; NaN before).
    Of a manifold without `trajectory`: of all trajectories, with the name in a first column, trajectory.

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
    >>> iq.get.coefs_df(adata).columns.tolist()[:6]
    ['type', 'low-energy', 'high-energy', 'higher-energy', 'sigmoid', 'effect']
    """
    return of_trajectories(_coefs, data, key, trajectory, mod)


def _coefs(fitted: TrajectoryModel) -> pd.DataFrame:
    table = pd.DataFrame(fitted.coefficients, index=pd.Index(fitted.terms, name="term"), columns=pd.Index(RESPONSES))
    table.insert(0, "type", ["motif"] * len(fitted.pbms) + ["feature"] * len(fitted.features))
    return table.assign(**effects_of(fitted, len(table)))


def effects_of(fitted: TrajectoryModel, n: int) -> dict[str, np.ndarray]:
    """Return the columns that say how strongly the first `n` terms act."""
    return {
        "effect": fitted.effects[:n],
        "effect_se": fitted.effect_errors[:n],
        "effect_dap": fitted.dap_effects[:n],
        "effect_own": fitted.own_effects[:n],
        "effect_pairs": fitted.pair_effects[:n],
        "correlation": fitted.correlations[:n],
        "residual_r2": fitted.residual_r2[:n],
    }


def interactions_df(
    data: AnnData | MuData | TrajectoryModel | ManifoldModel,
    key: str = _keys.MODEL,
    *,
    trajectory: str | None = None,
    mod: str = _keys.ATAC,
) -> pd.DataFrame:
    """Return the interactions of a model, strongest first.

    Parameters
    ----------
    data
        AnnData, MuData or a model.
    key, trajectory, mod
        As in `model`.

    Returns
    -------
    DataFrame, one row per pair: first, second (terms), coefficient (logit units per product scaled to 0-1; the sum of
    the four coefficients where products were expanded), effect (standard deviation of its contribution over the
    modelled peaks, with the sign of the coefficient), effect_se (its standard error, given the terms of the model),
    residual_r2 (`iceqream.tl.residual_r2`; NaN before).
    Of a manifold without `trajectory`: of all trajectories, with the name in a first column, trajectory.

    Raises
    ------
    KeyError
        If there is no model under the key.

    Notes
    -----
    These are terms of the prediction, on the scale of dAP. Accessibility ends at 1, so that two motifs that open do
    less together than the sum, on that scale, whatever they do to each other: a negative coefficient of such a pair
    says that the sum saturates and is no evidence of antagonism, and a synergy may have none. Whether the peaks support
    an interaction beyond saturation is what `iceqream.tl.interaction_support` tests.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1500, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.get.interactions_df(adata)["effect"].abs().is_monotonic_decreasing
    True
    """
    return of_trajectories(_interactions, data, key, trajectory, mod)


def _interactions(fitted: TrajectoryModel) -> pd.DataFrame:
    pairs, terms = fitted.interactions, fitted.terms
    table = pd.DataFrame(
        {
            "first": terms[pairs.first],
            "second": terms[pairs.second],
            "coefficient": pairs.coefficients.sum(axis=1),
            "effect": fitted.effects[len(terms) :],
            "effect_se": fitted.effect_errors[len(terms) :],
            "residual_r2": fitted.residual_r2[len(terms) :],
        },
        index=pd.Index(fitted.interaction_names, name="interaction"),
    )
    return table.iloc[np.argsort(-table["effect"].abs().to_numpy(), kind="stable")]


def levels_df(
    data: AnnData | MuData | TrajectoryModel | ManifoldModel,
    key: str = _keys.MODEL,
    *,
    trajectory: str | None = None,
    mod: str = _keys.ATAC,
) -> pd.DataFrame:
    """Return what each level of the inference, and each later change, left and how well it predicts (fig. 2A).

    Parameters
    ----------
    data
        AnnData, MuData or a model.
    key, trajectory, mod
        As in `model`.

    Returns
    -------
    DataFrame, one row per level: draft (by default two or three models are learned apart from each other, "clusters",
    "growth" and "de novo", then pooled; empty for levels of the whole model), motifs, features, interactions, r2_train,
    r2_test (squared correlation with dAP; NaN for the library; of the best motif alone after the screen), r2_test_low,
    r2_test_high (95 % interval).
    Of a manifold without `trajectory`: of all trajectories, with the name in a first column, trajectory.

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
    >>> iq.get.levels_df(adata).index.tolist()[-5:]
    ['grown', 'pooled', 'pruned', 'filtered', 'interactions']
    """
    return of_trajectories(_levels, data, key, trajectory, mod)


def _levels(fitted: TrajectoryModel) -> pd.DataFrame:
    return fitted.levels.set_index("level").reindex(columns=list(LEVEL_COLUMNS[1:]))


def dropped_motifs_df(
    data: AnnData | MuData | TrajectoryModel | ManifoldModel,
    key: str = _keys.MODEL,
    *,
    trajectory: str | None = None,
    mod: str = _keys.ATAC,
) -> pd.DataFrame:
    """Return the motifs that were dropped from a model, by the inference or later, and why.

    Parameters
    ----------
    data
        AnnData, MuData or a model.
    key, trajectory, mod
        As in `model`.

    Returns
    -------
    DataFrame, one row per motif, in the order of their dropping: level (the step) and reason (too little information,
    too little residual R2, nothing gained in the folds, or the user's wish). What resembles the same motifs of the
    library as one that stayed has its name with a number.
    Of a manifold without `trajectory`: of all trajectories, with the name in a first column, trajectory.

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
    >>> iq.tl.remove_motifs(adata, iq.get.motifs_df(adata).index[-1])
    >>> iq.get.dropped_motifs_df(adata)["reason"].iloc[-1]
    'on request'
    """
    return of_trajectories(_dropped, data, key, trajectory, mod)


def _dropped(fitted: TrajectoryModel) -> pd.DataFrame:
    return fitted.dropped.set_index("motif")


def predictions_df(
    data: AnnData | MuData, key: str = _keys.MODEL, *, trajectory: str | None = None, mod: str = _keys.ATAC
) -> pd.DataFrame:
    """Return observed and predicted dAP per peak.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData.
    key, trajectory, mod
        As in `model`.

    Returns
    -------
    DataFrame, one row per peak: dap, pred, split (train, test, unused), and weight if given to the fit.
    Of a manifold without `trajectory`: of all trajectories, with the name in a first column, trajectory;
    ``.pivot(columns="trajectory", values="dap")`` puts them beside each other.

    Raises
    ------
    KeyError
        If there are no results under the key, or no such trajectory.
    ValueError
        If a trajectory is named where there is but one.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.get.predictions_df(adata)["split"].value_counts().to_dict()
    {'train': 480, 'test': 120, 'unused': 0}
    """
    adata = get_adata(data, mod)
    names = stored_trajectories(adata, key) if trajectory is None else ()
    if not names:
        return peak_results(adata, key, trajectory)
    return joined({name: peak_results(adata, key, name) for name in names})


def of_trajectories(
    table: Callable[[TrajectoryModel], pd.DataFrame], data: Source, key: str, trajectory: str | None, mod: str
) -> pd.DataFrame:
    """Return the table of a model, or of all trajectories of a manifold where none is named."""
    return joined({name: table(one) for name, one in trajectories_of(data, key, trajectory, mod).items()})


def joined(tables: Mapping[str | None, pd.DataFrame]) -> pd.DataFrame:
    """Return tables below each other, told by a first column; one without a name as it is."""
    if None in tables:
        return tables[None]
    for name, table in tables.items():
        table.insert(0, "trajectory", str(name))
    # an empty table would decide the types of the columns
    return pd.concat([table for table in tables.values() if len(table)] or list(tables.values())[:1])
