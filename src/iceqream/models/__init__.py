"""Models that stand alone: physical binding models and the trajectory model."""

from iceqream._core.response import RESPONSES
from iceqream.models.fit import fit_trajectory
from iceqream.models.options import FitOptions
from iceqream.models.trajectory import TrajectoryModel
from iceqream.motifs.pbm import PBM, PBMSet

__all__ = ["PBM", "RESPONSES", "FitOptions", "PBMSet", "TrajectoryModel", "fit_trajectory"]
