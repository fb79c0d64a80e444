"""What a model is and how it predicts: physical binding models, trajectories and manifolds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iceqream._core.response import RESPONSES
from iceqream.models.files import load
from iceqream.models.manifold import ManifoldModel
from iceqream.models.torch_export import to_torch
from iceqream.models.trajectory import TrajectoryModel
from iceqream.motifs.pbm import PBM, PBMSet

if TYPE_CHECKING:
    from iceqream.inference import FitOptions, fit_manifold, fit_trajectory

__all__ = [
    "PBM", "RESPONSES", "FitOptions", "ManifoldModel", "PBMSet", "TrajectoryModel", "fit_manifold", "fit_trajectory",
    "load", "to_torch",
]  # fmt: skip

_OF_INFERENCE = frozenset({"FitOptions", "fit_manifold", "fit_trajectory"})
"""Users find them beside the model; they live a layer above it, so they are looked up when they are asked for."""


def __getattr__(name: str) -> Any:
    if name in _OF_INFERENCE:
        from iceqream import inference

        return getattr(inference, name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return __all__
