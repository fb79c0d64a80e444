"""Tools: fit and apply models."""

from iceqream.tl._fit_trajectory import fit_trajectory
from iceqream.tl._predict import predict

__all__ = ["fit_trajectory", "predict"]
