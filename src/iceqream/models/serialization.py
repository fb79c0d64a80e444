"""Models as plain data: flat dictionaries of arrays, numbers and strings; never pickled."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream._core.response import RESPONSES
from iceqream._files import reading, target
from iceqream.models.features import FeatureScaling
from iceqream.models.interactions import Interactions
from iceqream.models.levels import LEVEL_COLUMNS
from iceqream.motifs import MotifSet, SpatialCurves
from iceqream.motifs.pbm import PBMSet

if TYPE_CHECKING:
    from os import PathLike

    from iceqream.models.trajectory import TrajectoryModel

SCHEMA_VERSION = 6
"""1 had no interactions, levels and residual R2; 2 no effects, correlations and dropped motifs; 3 no effects of pairs
within those of terms, no errors and no quantiles; 4 no table of sizes; 5 not what refined motifs started from. All
are still read."""
TRAJECTORY = "trajectory"
MANIFOLD = "manifold"
DISCOVERED = "motifs"
_ROOT = "iceqream_model"
OF_TERMS = ("effects", "own_effects", "pair_effects", "dap_effects", "effect_errors", "correlations", "quantiles")


def trajectory_to_dict(model: TrajectoryModel) -> dict[str, Any]:
    """Flatten a trajectory model."""
    return {
        "kind": TRAJECTORY,
        "schema_version": SCHEMA_VERSION,
        "iceqream_version": version("iceqream"),
        "states": np.array(model.states, dtype=object),
        **pbms_to_dict(model.pbms),
        "feature_names": model.features.names,
        "feature_low": model.features.low,
        "feature_high": model.features.high,
        "responses": np.array(RESPONSES, dtype=object),
        "coefficients": model.coefficients,
        "intercept": float(model.intercept),
        "probability_range": np.array(model.probability_range),
        "dap_range": np.array(model.dap_range),
        **{f"interaction_{name}": value for name, value in vars(model.interactions).items()},
        "levels": model.levels.rename(index=str).rename_axis(None),
        "residual_r2": model.residual_r2,
        **{name: getattr(model, name) for name in OF_TERMS},
        "dropped": model.dropped.rename(index=str).rename_axis(None),
        "sizes": model.sizes.astype(np.float64).rename(index=str).rename_axis(None),
        "params": plain(model.params, "params"),
        "stats": plain(model.stats, "stats"),
    }


def pbms_to_dict(pbms: PBMSet) -> dict[str, Any]:
    """Flatten physical binding models."""
    motifs = pbms.motifs
    return {
        "width": pbms.width,
        "motif_names": motifs.names,
        "pssm": motifs.pssm,
        "pssm_length": motifs.lengths,
        "motif_table": motifs.metadata.astype(str).reset_index(drop=True).rename(columns=str).rename_axis(None),
        "pseudo_probability": pbms.pseudo_probability,
        "spatial": pbms.spatial.weights,
        "spatial_start": pbms.spatial.start,
        "spatial_bin_size": pbms.spatial.bin_size,
        "energy_low": np.asarray(pbms.energy_low, dtype=np.float64),
        "energy_high": np.asarray(pbms.energy_high, dtype=np.float64),
        "energy_mode": pbms.mode,
        **_start_to_dict(pbms.start),
    }


def _start_to_dict(start: PBMSet | None) -> dict[str, Any]:
    """Flatten what refined motifs started from; nothing of motifs that were not."""
    if start is None:
        return {}
    motifs = start.motifs
    return {
        "start_names": motifs.names,
        "start_pssm": motifs.pssm,
        "start_pssm_length": motifs.lengths,
        "start_spatial": start.spatial.weights,
    }


def pbms_from_dict(stored: Mapping[str, Any]) -> PBMSet:
    """Rebuild physical binding models."""
    table = pd.DataFrame(stored["motif_table"])
    motifs = MotifSet(
        strings(stored["motif_names"]), np.asarray(stored["pssm"]), np.asarray(stored["pssm_length"]), table
    )
    curves = SpatialCurves(
        np.asarray(stored["spatial"], dtype=np.float64), int(stored["spatial_start"]), int(stored["spatial_bin_size"])
    )
    pbms = PBMSet(
        motifs,
        curves,
        np.asarray(stored["energy_low"]),
        np.asarray(stored["energy_high"]),
        int(stored["width"]),
        float(stored["pseudo_probability"]),
        "max" if stored.get("energy_mode") == "max" else "sum",
    )
    return pbms.beside_start(*_start_from_dict(stored, curves)) if "start_names" in stored else pbms


def _start_from_dict(stored: Mapping[str, Any], curves: SpatialCurves) -> tuple[MotifSet, SpatialCurves]:
    """Rebuild what refined motifs started from, on the same spatial bins."""
    motifs = MotifSet(
        strings(stored["start_names"]), np.asarray(stored["start_pssm"]), np.asarray(stored["start_pssm_length"])
    )
    weights = np.asarray(stored["start_spatial"], dtype=np.float64)
    return motifs, SpatialCurves(weights, curves.start, curves.bin_size)


def discovered_to_dict(
    pbms: PBMSet, r2: np.ndarray, r2_combined: np.ndarray, params: Mapping[str, Any]
) -> dict[str, Any]:
    """Flatten de-novo motifs with the R2 of each (motifs x targets) and of all together (targets)."""
    return {
        "kind": DISCOVERED,
        "schema_version": SCHEMA_VERSION,
        "iceqream_version": version("iceqream"),
        **pbms_to_dict(pbms),
        "r2": r2,
        "r2_combined": r2_combined,
        "params": plain(params, "params"),
    }


def check_layout(stored: Mapping[str, Any], wanted: str, title: str) -> None:
    """Refuse what is of another kind, or was written by a newer version."""
    kind = stored.get("kind") if hasattr(stored, "get") else None
    if kind != wanted:
        hint = " iq.models.load reads either kind." if kind in {TRAJECTORY, MANIFOLD} else ""
        msg = f"This is not {title}: its kind is {kind!r}.{hint}"
        raise ValueError(msg)
    if int(stored["schema_version"]) > SCHEMA_VERSION:
        msg = (
            f"The model was written by iceqream {stored['iceqream_version']} in layout {stored['schema_version']}; "
            f"this version reads layouts up to {SCHEMA_VERSION}. Update iceqream."
        )
        raise ValueError(msg)
    if tuple(map(str, stored["responses"])) != RESPONSES:
        msg = f"The model's response functions are {list(stored['responses'])}, expected {list(RESPONSES)}."
        raise ValueError(msg)


def trajectory_parts(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a trajectory model is made of: the arguments that rebuild it."""
    check_layout(stored, TRAJECTORY, "a trajectory model")
    pbms = pbms_from_dict(stored)
    features = FeatureScaling(
        strings(stored["feature_names"]), np.asarray(stored["feature_low"]), np.asarray(stored["feature_high"])
    )
    states, probability, dap = stored["states"], stored["probability_range"], stored["dap_range"]
    return {
        "pbms": pbms,
        "features": features,
        "coefficients": np.asarray(stored["coefficients"], dtype=np.float64),
        "intercept": float(stored["intercept"]),
        "probability_range": (float(probability[0]), float(probability[1])),
        "dap_range": (float(dap[0]), float(dap[1])),
        "states": (str(states[0]), str(states[1])),
        "params": dict(stored["params"]),
        "stats": dict(stored["stats"]),
        **_later_parts(stored),
    }


def _later_parts(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what models of older layouts lack."""
    parts: dict[str, Any] = {}
    if int(stored["schema_version"]) >= 2:
        pairs = {name: np.asarray(stored[f"interaction_{name}"]) for name in vars(Interactions.none())}
        pairs["coefficients"] = pairs["coefficients"].reshape(len(pairs["first"]), -1 if len(pairs["first"]) else 1)
        parts["interactions"] = Interactions(**pairs)
        levels = pd.DataFrame(stored["levels"]).reset_index(drop=True)
        parts["levels"] = levels if "draft" in levels else levels.assign(draft="")[list(LEVEL_COLUMNS)]
        parts["residual_r2"] = np.asarray(stored["residual_r2"], dtype=np.float64)
    if int(stored["schema_version"]) >= 3:
        parts |= {name: np.asarray(stored[name], dtype=np.float64) for name in OF_TERMS if name in stored}
        parts["dropped"] = pd.DataFrame(stored["dropped"]).astype(str).reset_index(drop=True)
    if int(stored["schema_version"]) == 3:
        # effects of terms were those of the terms alone
        n_terms, pairs = len(parts["correlations"]), parts["interactions"]
        parts["own_effects"] = parts["effects"][:n_terms].copy()
        in_pairs = np.union1d(pairs.first, pairs.second).astype(int)
        parts["effects"][in_pairs] = np.nan
    if int(stored["schema_version"]) >= 5:
        sizes = pd.DataFrame(stored["sizes"]).reset_index(drop=True)
        parts["sizes"] = sizes.astype({"motifs": np.int64})
    return parts


def save(data: Mapping[str, Any], path: str | PathLike[str]) -> None:
    """Write a dictionary to HDF5 or zarr under a temporary name, then move it into place."""
    import h5py
    import zarr
    from anndata.io import write_elem

    path = target(path)
    unfinished = path.with_name(path.name + ".part")
    if path.suffix in {".h5", ".hdf5"}:
        with h5py.File(unfinished, "w") as file:
            write_elem(file, _ROOT, dict(data))
        unfinished.replace(path)
    elif path.suffix == ".zarr":
        if unfinished.exists():
            shutil.rmtree(unfinished)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*autosharding")  # a notice about anndata's plans
            write_elem(zarr.open_group(str(unfinished), mode="w"), _ROOT, dict(data))
        if path.exists():
            shutil.rmtree(path)
        unfinished.rename(path)
    else:
        msg = f"A model is saved as .h5 or .zarr, got {path.name!r}."
        raise ValueError(msg)


def load(path: str | PathLike[str]) -> dict[str, Any]:
    """Read a dictionary written by `save`."""
    import h5py
    import zarr
    from anndata.io import read_elem

    path = Path(path)
    if not path.exists():
        msg = f"There is no model at {path}."
        raise FileNotFoundError(msg)
    with reading(path, "a model (.h5 or .zarr)"):
        if path.is_dir():
            group = zarr.open_group(str(path), mode="r")
            stored = read_elem(group[_ROOT]) if _ROOT in group else None
        else:
            with h5py.File(path, "r") as file:
                stored = read_elem(file[_ROOT]) if _ROOT in file else None
    if stored is None:
        msg = f"{path} holds no iceqream model. To take one out of an AnnData, use iq.get.model(adata)."
        raise ValueError(msg)
    if not isinstance(stored, Mapping):
        msg = f"{path} holds no iceqream model, but a {type(stored).__name__} in its place."
        raise TypeError(msg)
    return dict(stored)


def plain(values: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Refuse at fit time what some file format would refuse, or worse accept, when it is written."""
    plain: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, np.generic):
            value = value.item()
        if not isinstance(value, bool | int | float | str | None):
            msg = f"{what}[{key!r}] is a {type(value).__name__}; only numbers, strings, booleans and None are kept."
            raise TypeError(msg)
        plain[key] = value
    return plain


def strings(values: Any) -> np.ndarray:
    """Return an array of str objects."""
    return np.array([str(v) for v in values], dtype=object)
