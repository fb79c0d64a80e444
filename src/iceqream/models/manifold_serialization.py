"""The model of a manifold as plain data: one motif block, the trajectories' coefficients and results stacked."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream._core.response import N_RESPONSES, RESPONSES
from iceqream.models.features import FeatureScaling
from iceqream.models.interactions import Interactions
from iceqream.models.serialization import (
    MANIFOLD,
    OF_TERMS,
    SCHEMA_VERSION,
    check_layout,
    pbms_from_dict,
    pbms_to_dict,
    plain,
    strings,
)
from iceqream.models.trajectory import QUANTILES, TrajectoryModel
from iceqream.motifs import MotifSet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iceqream.models.manifold import ManifoldModel
    from iceqream.motifs.pbm import PBMSet

_TABLES = ("levels", "dropped", "sizes")
_WITH_PAIRS = ("effects", "effect_errors", "residual_r2")
"""Of terms, then of pairs."""
_MEMBER = "member_"
_TRAJECTORY = "trajectory"


def manifold_to_dict(model: ManifoldModel) -> dict[str, Any]:
    """Flatten the model of a manifold."""
    models = list(model.trajectories.values())
    return {
        "kind": MANIFOLD,
        "schema_version": SCHEMA_VERSION,
        "iceqream_version": version("iceqream"),
        "trajectories": np.array(model.names, dtype=object),
        "start_states": np.array([one.states[0] for one in models], dtype=object),
        "end_states": np.array([one.states[1] for one in models], dtype=object),
        **pbms_to_dict(model.pbms),
        "feature_names": model.features.names,
        "feature_low": model.features.low,
        "feature_high": model.features.high,
        "responses": np.array(RESPONSES, dtype=object),
        "used": model.used,
        "coefficients": model.coefficients,
        "intercepts": np.array([one.intercept for one in models], dtype=np.float64),
        "probability_ranges": np.array([one.probability_range for one in models], dtype=np.float64),
        "dap_ranges": np.array([one.dap_range for one in models], dtype=np.float64),
        **_stacked_terms(model),
        **_stacked_pairs(model),
        **{name: _stacked_table([getattr(one, name) for one in models], model.names) for name in _TABLES},
        "trajectory_stats": _stats_table(models),
        "trajectory_params": plain(models[0].params, "params"),
        "params": plain(model.params, "params"),
        "stats": plain(model.stats, "stats"),
        "manifold_sizes": model.sizes.astype(np.float64).rename(index=str).rename_axis(None),
        "members": model.members.rename(index=str).rename_axis(None),
        **_members_to_dict(model.member_pbms),
    }


def manifold_parts(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the model of a manifold is made of: the arguments that rebuild it."""
    check_layout(stored, MANIFOLD, "the model of a manifold")
    pbms = pbms_from_dict(stored)
    features = FeatureScaling(
        strings(stored["feature_names"]), np.asarray(stored["feature_low"]), np.asarray(stored["feature_high"])
    )
    used = np.asarray(stored["used"], dtype=bool)
    names = [str(name) for name in stored["trajectories"]]
    trajectories = {name: _trajectory(stored, t, used[t], pbms.take(np.flatnonzero(used[t])), features)
                    for t, name in enumerate(names)}  # fmt: skip
    sizes = pd.DataFrame(stored["manifold_sizes"]).reset_index(drop=True)
    return {
        "pbms": pbms,
        "features": features,
        "trajectories": trajectories,
        "params": dict(stored["params"]),
        "stats": dict(stored["stats"]),
        "sizes": sizes.astype({"motifs": np.int64}),
        "members": pd.DataFrame(stored["members"]).reset_index(drop=True).astype(
            {_TRAJECTORY: str, "motif": str, "common": str}
        ),
        "member_pbms": _members_from_dict(stored),
    }  # fmt: skip


def _stacked_terms(model: ManifoldModel) -> dict[str, np.ndarray]:
    """Return what is known of each trajectory's terms, trajectories x terms; NaN where a motif is not used."""
    n_terms = len(model.terms)
    out = {}
    for name in (*OF_TERMS, "residual_r2"):
        width = (len(QUANTILES),) if name == "quantiles" else ()
        stacked = np.full((len(model), n_terms, *width), np.nan)
        for t, one in enumerate(model.trajectories.values()):
            stacked[t, model.positions(one)] = getattr(one, name)[: len(one.terms)]
        out[name] = stacked
    return out


def _stacked_pairs(model: ManifoldModel) -> dict[str, np.ndarray]:
    """Return the pairs of all trajectories, one after the other, with what is known of them."""
    parts: dict[str, list[np.ndarray]] = {}
    for t, one in enumerate(model.trajectories.values()):
        pairs, positions, n_terms = one.interactions, model.positions(one), len(one.terms)
        row = {
            **vars(pairs),
            "first": positions[pairs.first],
            "second": positions[pairs.second],
            _TRAJECTORY: np.full(len(pairs), t, dtype=np.int64),
            **{name: getattr(one, name)[n_terms:] for name in _WITH_PAIRS},
        }
        for name, values in row.items():
            parts.setdefault(name, []).append(values)
    width = max(values.shape[1] for values in parts["coefficients"])
    parts["coefficients"] = [values if len(values) else np.empty((0, width)) for values in parts["coefficients"]]
    return {f"interaction_{name}": np.concatenate(values) for name, values in parts.items()}


def _stacked_table(tables: list[pd.DataFrame], names: tuple[str, ...]) -> pd.DataFrame:
    """Return tables one below the other, with the trajectory of each row."""
    marked = [table.assign(**{_TRAJECTORY: name}) for table, name in zip(tables, names, strict=True)]
    filled = [table for table in marked if len(table)]
    joined = pd.concat(filled, ignore_index=True) if filled else marked[0].astype({_TRAJECTORY: str})
    return joined.rename(index=str).rename_axis(None)


def _stats_table(models: list[TrajectoryModel]) -> pd.DataFrame:
    """Return the results of each trajectory, one row per trajectory."""
    rows = [plain(one.stats, "stats") for one in models]
    return pd.DataFrame(rows).rename(index=str)


def _members_to_dict(pbms: PBMSet | None) -> dict[str, Any]:
    """Flatten the trajectories' own motifs: PSSMs, curves and scales; what else is known of them is in a table."""
    if pbms is None:
        return {}
    bare = replace(pbms, motifs=MotifSet(pbms.motifs.names, pbms.motifs.pssm, pbms.motifs.lengths), start=None)
    return {f"{_MEMBER}{name}": value for name, value in pbms_to_dict(bare).items()}


def _members_from_dict(stored: Mapping[str, Any]) -> PBMSet | None:
    own = {name.removeprefix(_MEMBER): value for name, value in stored.items() if name.startswith(_MEMBER)}
    return pbms_from_dict(own) if own else None


def _trajectory(
    stored: Mapping[str, Any], t: int, used: np.ndarray, pbms: Any, features: FeatureScaling
) -> TrajectoryModel:
    """Rebuild one trajectory."""
    n_motifs, n_features = len(used), len(features)
    terms = np.concatenate([np.flatnonzero(used), np.arange(n_motifs, n_motifs + n_features)])
    of_pairs = np.flatnonzero(np.asarray(stored[f"interaction_{_TRAJECTORY}"]) == t)
    pairs = {name: np.asarray(stored[f"interaction_{name}"])[of_pairs] for name in vars(Interactions.none())}
    position = np.zeros(n_motifs + n_features, dtype=np.int64)
    position[terms] = np.arange(len(terms))
    pairs["first"], pairs["second"] = (position[pairs[name].astype(np.int64)] for name in ("first", "second"))
    known = {name: np.asarray(stored[name], dtype=np.float64)[t, terms] for name in (*OF_TERMS, "residual_r2")}
    for name in _WITH_PAIRS:
        known[name] = np.concatenate([known[name], np.asarray(stored[f"interaction_{name}"])[of_pairs]])
    row = pd.DataFrame(stored["trajectory_stats"]).iloc[t]
    tables: dict[str, Any] = {name: _table_of(stored, name, str(stored["trajectories"][t])) for name in _TABLES}
    tables["dropped"] = tables["dropped"].astype(str)
    tables["sizes"] = tables["sizes"].astype({"motifs": np.int64})
    probability, dap = stored["probability_ranges"][t], stored["dap_ranges"][t]
    return TrajectoryModel(
        pbms,
        features,
        np.asarray(stored["coefficients"], dtype=np.float64)[t, terms].reshape(len(terms), N_RESPONSES),
        float(stored["intercepts"][t]),
        (float(probability[0]), float(probability[1])),
        (float(dap[0]), float(dap[1])),
        (str(stored["start_states"][t]), str(stored["end_states"][t])),
        params=dict(stored["trajectory_params"]),
        stats={str(name): value.item() if isinstance(value, np.generic) else value for name, value in row.items()},
        interactions=Interactions(**pairs),
        **known,
        **tables,
    )


def _table_of(stored: Mapping[str, Any], name: str, trajectory: str) -> pd.DataFrame:
    table = pd.DataFrame(stored[name])
    return table[table[_TRAJECTORY].astype(str) == trajectory].drop(columns=_TRAJECTORY).reset_index(drop=True)
