"""Models and what they say of each peak, as kept in an AnnData: the one reader of trajectories and of manifolds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import get_adata
from iceqream._core.messages import did_you_mean, examples
from iceqream.models import files
from iceqream.models.manifold import ManifoldModel
from iceqream.models.serialization import MANIFOLD
from iceqream.models.trajectory import TrajectoryModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData
    from mudata import MuData

    Source: TypeAlias = AnnData | MuData | TrajectoryModel | ManifoldModel
    """Where a model is: itself, or under a key of the data."""

_LAYERS = (_keys.DAP, _keys.PREDICTION, _keys.SPLIT, _keys.WEIGHT)
"""Of the array of a manifold: peaks x trajectories x 3, or 4 with weights."""


def stored_model(adata: AnnData, key: str) -> TrajectoryModel | ManifoldModel:
    """Return the model under a key, of one trajectory or of a manifold."""
    if kind_of(adata, key) not in files.KINDS:
        known = stored_keys(adata)
        msg = (
            f"There is no model in uns[{key!r}]; run iq.tl.fit_trajectory or iq.tl.fit_manifold first. Models are in: "
            f"{examples(known) or 'none'}.{did_you_mean(key, known)}"
        )
        raise KeyError(msg)
    return files.from_uns(adata.uns[key])


def stored_keys(adata: AnnData) -> list[str]:
    """Return the keys of all models."""
    return [key for key in map(str, adata.uns) if kind_of(adata, key) in files.KINDS]


def check_no_model(data: AnnData | MuData, key_added: str, mod: str) -> None:
    """Refuse to write results of another kind over a model."""
    if kind_of(get_adata(data, mod), key_added) in files.KINDS:
        msg = f"uns[{key_added!r}] holds a model, which would be lost: choose another key_added."
        raise ValueError(msg)


def any_model(
    data: Source, key: str = _keys.MODEL, trajectory: str | None = None, mod: str = _keys.ATAC
) -> TrajectoryModel | ManifoldModel:
    """Return what is under a key or given itself: one trajectory where it is named, else the whole."""
    given = isinstance(data, TrajectoryModel | ManifoldModel)
    model = data if given else stored_model(get_adata(data, mod), key)
    if trajectory is None:
        return model
    if isinstance(model, ManifoldModel):
        return model[trajectory]
    msg = (
        f"{'The model' if given else f'uns[{key!r}]'} holds one trajectory, {' -> '.join(model.states)}: leave "
        f"trajectory={trajectory!r} out."
    )
    raise ValueError(msg)


def trajectory_model(
    data: Source, key: str = _keys.MODEL, trajectory: str | None = None, mod: str = _keys.ATAC
) -> TrajectoryModel:
    """Return the model of one trajectory: what is under a key or given itself, or part of a manifold."""
    model = any_model(data, key, trajectory, mod)
    if isinstance(model, TrajectoryModel):
        return model
    where = "The model" if isinstance(data, ManifoldModel) else f"uns[{key!r}]"
    names = " or ".join(map(repr, model.names))
    msg = f"{where} holds a manifold: name one of its trajectories, trajectory={names}."
    raise ValueError(msg)


def trajectories_of(
    data: Source, key: str = _keys.MODEL, trajectory: str | None = None, mod: str = _keys.ATAC
) -> dict[str | None, TrajectoryModel]:
    """Return all models of a manifold by trajectory; where it is one that is there or named, that alone under None."""
    model = any_model(data, key, trajectory, mod)
    return {None: model} if isinstance(model, TrajectoryModel) else {name: model[name] for name in model}


def stored_trajectories(adata: AnnData, key: str) -> tuple[str, ...]:
    """Return the names of the trajectories under a key; none where it is no manifold."""
    manifold = kind_of(adata, key) == MANIFOLD
    return tuple(map(str, adata.uns[key]["trajectories"])) if manifold else ()


def manifold_model(
    data: AnnData | MuData | TrajectoryModel | ManifoldModel, key: str = _keys.MANIFOLD, mod: str = _keys.ATAC
) -> ManifoldModel:
    """Return the model of a manifold, given itself or under a key."""
    given = isinstance(data, TrajectoryModel | ManifoldModel)
    model = data if given else stored_model(get_adata(data, mod), key)
    if isinstance(model, ManifoldModel):
        return model
    where = "The model" if given else f"uns[{key!r}]"
    msg = (
        f"{where} holds one trajectory, {' -> '.join(model.states)}, not a manifold: run iq.tl.fit_manifold, or "
        "iq.tl.homogenize for models that are there."
    )
    raise ValueError(msg)


def kind_of(adata: AnnData, key: str) -> str | None:
    """Return what kind of result is under a key; ``None`` if none of ours is."""
    return files.kind_of(adata.uns.get(key))


def peak_results(adata: AnnData, key: str, trajectory: str | None = None) -> pd.DataFrame:
    """Return dap, pred, split (and weight) of each peak, of one trajectory."""
    if key not in adata.varm:
        msg = (
            f"There are no predictions in varm[{key!r}] (keys: {examples(adata.varm) or 'none'}); run "
            "iq.tl.fit_trajectory first."
        )
        raise KeyError(msg)
    held: object = adata.varm[key]
    if isinstance(held, pd.DataFrame) and trajectory is None:
        return pd.DataFrame(held).copy()
    names = stored_trajectories(adata, key)
    if trajectory not in names:
        trajectory_model(adata, key, trajectory)  # says which trajectories there are
    position = names.index(str(trajectory))
    values = np.asarray(held)[:, position, :]
    table = pd.DataFrame({name: values[:, i] for i, name in enumerate(_LAYERS[: values.shape[1]])}, adata.var_names)
    splits = values[:, _LAYERS.index(_keys.SPLIT)].astype(np.int64)
    return table.assign(**{_keys.SPLIT: pd.Categorical.from_codes(splits, categories=pd.Index(_keys.SPLITS))})


def write_trajectory(adata: AnnData, key: str, model: TrajectoryModel, table: pd.DataFrame) -> None:
    """Write the model of one trajectory, and its table of peaks."""
    adata.varm[key] = table
    adata.uns[key] = model.to_uns()


def replace_trajectories(adata: AnnData, key: str, models: Mapping[str | None, TrajectoryModel]) -> None:
    """Write models back: some of a manifold's trajectories by name, or the only one under None."""
    stored = stored_model(adata, key)
    if isinstance(stored, ManifoldModel):
        changed = {str(name): model for name, model in models.items()}
        stored = replace(stored, trajectories={**stored.trajectories, **changed})
    else:
        stored = models[None]
    adata.uns[key] = stored.to_uns()


def copy_results(adata: AnnData, key: str, trajectory: str | None, key_added: str) -> None:
    """Copy what is said of each peak, of one trajectory or of all, to another key."""
    whole = trajectory is None and key in adata.varm
    adata.varm[key_added] = adata.varm[key].copy() if whole else peak_results(adata, key, trajectory)


def write_manifold(adata: AnnData, key: str, model: ManifoldModel, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write a manifold's model, and the table of each trajectory as one array."""
    write_peak_results(adata, key, tables)
    adata.uns[key] = model.to_uns()


def write_peak_results(adata: AnnData, key: str, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write the tables of a manifold's trajectories as one array, float32, peaks x trajectories x columns."""
    weighted = any(_keys.WEIGHT in table for table in tables.values())
    columns = _LAYERS if weighted else _LAYERS[:-1]
    stacked = [np.column_stack([_column(table, name) for name in columns]) for table in tables.values()]
    adata.varm[key] = np.stack(stacked, axis=1).astype(np.float32)


def _column(table: pd.DataFrame, name: str) -> np.ndarray:
    """Return what is said of each peak as numbers; without weights all peaks weigh alike."""
    if name not in table:
        return np.ones(len(table))
    return table[name].cat.codes.to_numpy() if name == _keys.SPLIT else table[name].to_numpy()
