"""Models that stand alone: physical binding models and the trajectory model."""

from iceqream._core.response import RESPONSES
from iceqream.models.fit import FitOptions, fit_trajectory
from iceqream.models.pbm import PBM, PBMSet
from iceqream.models.trajectory import TrajectoryModel

__all__ = ["PBM", "RESPONSES", "FitOptions", "PBMSet", "TrajectoryModel", "fit_trajectory"]
