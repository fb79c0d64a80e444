"""Tools: fit and apply models."""

from iceqream.tl.fit_trajectory import fit_trajectory
from iceqream.tl.predict import predict

__all__ = ["fit_trajectory", "predict"]
