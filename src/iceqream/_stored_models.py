"""Models and what they say of each peak, as kept in an AnnData: the one reader of trajectories and of manifolds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._core.messages import did_you_mean, examples
from iceqream.models.manifold import ManifoldModel
from iceqream.models.serialization import MANIFOLD, TRAJECTORY
from iceqream.models.trajectory import TrajectoryModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData

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


def trajectory_model(adata: AnnData, key: str, trajectory: str | None = None) -> TrajectoryModel:
    """Return the model of one trajectory: what is under a key, or part of a manifold."""
    model = stored_model(adata, key)
    if isinstance(model, ManifoldModel):
        if trajectory is None:
            msg = (
                f"uns[{key!r}] holds a manifold: name one of its trajectories, trajectory="
                f"{' or '.join(map(repr, model.names))}."
            )
            raise ValueError(msg)
        return model[trajectory]
    if trajectory is not None:
        msg = f"uns[{key!r}] holds one trajectory, {' -> '.join(model.states)}: leave trajectory={trajectory!r} out."
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
    held = adata.varm[key]
    if isinstance(held, pd.DataFrame):
        if trajectory is not None:
            trajectory_model(adata, key, trajectory)  # says that there is but one
        return held.copy()
    model = stored_model(adata, key)
    trajectory_model(adata, key, trajectory)
    values = np.asarray(held)[:, list(model).index(trajectory)]
    table = pd.DataFrame({name: values[:, i] for i, name in enumerate(_LAYERS[: values.shape[1]])}, adata.var_names)
    splits = pd.Categorical.from_codes(table[_keys.SPLIT].astype(int), categories=list(_keys.SPLITS))
    return table.assign(**{_keys.SPLIT: splits})


def write_manifold(adata: AnnData, key: str, model: ManifoldModel, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write a manifold's model, and the table of each trajectory as one array."""
    columns = _LAYERS[: len(next(iter(tables.values())).columns)]
    stacked = [
        np.column_stack([t[c].cat.codes if c == _keys.SPLIT else t[c] for c in columns]) for t in tables.values()
    ]
    adata.varm[key] = np.stack(stacked, axis=1).astype(np.float32)
    adata.uns[key] = model.to_uns()
