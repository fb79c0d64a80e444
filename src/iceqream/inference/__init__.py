"""How a model is learned: from sequences and dAP to a `iceqream.models.TrajectoryModel` or `ManifoldModel`."""

from iceqream.inference.fit import fit_trajectory
from iceqream.inference.manifold import fit_manifold
from iceqream.inference.options import FitOptions

__all__ = ["FitOptions", "fit_manifold", "fit_trajectory"]
