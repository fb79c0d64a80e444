"""How a model is learned: from sequences and dAP to a `iceqream.models.TrajectoryModel`."""

from iceqream.inference.fit import fit_trajectory
from iceqream.inference.options import FitOptions

__all__ = ["FitOptions", "fit_trajectory"]
