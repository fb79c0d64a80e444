"""Tools: fit and apply models."""

from iceqream.tl._discover_motifs import discover_motifs
from iceqream.tl._fit_trajectory import fit_trajectory
from iceqream.tl._predict import predict

__all__ = ["discover_motifs", "fit_trajectory", "predict"]
