"""Models and what they say of each peak, as kept in an AnnData: the one reader of trajectories and of manifolds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import get_adata
from iceqream._core.messages import did_you_mean, examples
from iceqream.models.manifold import ManifoldModel
from iceqream.models.serialization import MANIFOLD, TRAJECTORY
from iceqream.models.trajectory import TrajectoryModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData
    from mudata import MuData

_KINDS = {TRAJECTORY: TrajectoryModel, MANIFOLD: ManifoldModel}
_LAYERS = (_keys.DAP, _keys.PREDICTION, _keys.SPLIT, _keys.WEIGHT)
"""Of the array of a manifold: peaks x trajectories x 3, or 4 with weights."""


def stored_model(adata: AnnData, key: str) -> TrajectoryModel | ManifoldModel:
    """Return the model under a key, of one trajectory or of a manifold."""
    kind = kind_of(adata, key)
    if kind not in _KINDS:
        known = [k for k in map(str, adata.uns) if kind_of(adata, k) in _KINDS]
        msg = (
            f"There is no model in uns[{key!r}]; run iq.tl.fit_trajectory or iq.tl.fit_manifold first. Models are in: "
            f"{examples(known) or 'none'}.{did_you_mean(key, known)}"
        )
        raise KeyError(msg)
    return _KINDS[kind].from_uns(adata.uns[key])


def trajectory_model(
    data: AnnData | MuData | TrajectoryModel | ManifoldModel,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    mod: str = _keys.ATAC,
) -> TrajectoryModel:
    """Return the model of one trajectory: what is under a key or given itself, or part of a manifold."""
    given = isinstance(data, TrajectoryModel | ManifoldModel)
    model = data if given else stored_model(get_adata(data, mod), key)
    where = "The model" if given else f"uns[{key!r}]"
    if isinstance(model, ManifoldModel):
        if trajectory is None:
            names = " or ".join(map(repr, model.names))
            msg = f"{where} holds a manifold: name one of its trajectories, trajectory={names}."
            raise ValueError(msg)
        return model[trajectory]
    if trajectory is not None:
        msg = f"{where} holds one trajectory, {' -> '.join(model.states)}: leave trajectory={trajectory!r} out."
        raise ValueError(msg)
    return model


def kind_of(adata: AnnData, key: str) -> str | None:
    """Return what kind of result is under a key; ``None`` if none of ours is."""
    stored = adata.uns.get(key)
    kind = stored.get("kind") if hasattr(stored, "get") else None
    return None if kind is None else str(kind)


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
        return held.copy()
    trajectory_model(adata, key, trajectory)  # says which trajectories there are
    position = list(stored_model(adata, key)).index(str(trajectory))
    values = np.asarray(held)[:, position, :]
    table = pd.DataFrame({name: values[:, i] for i, name in enumerate(_LAYERS[: values.shape[1]])}, adata.var_names)
    splits = values[:, _LAYERS.index(_keys.SPLIT)].astype(np.int64)
    return table.assign(**{_keys.SPLIT: pd.Categorical.from_codes(splits, categories=list(_keys.SPLITS))})


def write_manifold(adata: AnnData, key: str, model: ManifoldModel, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write a manifold's model, and the table of each trajectory as one array."""
    columns = _LAYERS[: len(next(iter(tables.values())).columns)]
    stacked = [
        np.column_stack([t[c].cat.codes if c == _keys.SPLIT else t[c] for c in columns]) for t in tables.values()
    ]
    adata.varm[key] = np.stack(stacked, axis=1).astype(np.float32)
    adata.uns[key] = model.to_uns()
