"""Simulated data with known truth."""

from iceqream.datasets.simulation import simulated_motifs, simulated_multiome, simulated_trajectory

__all__ = ["simulated_motifs", "simulated_multiome", "simulated_trajectory"]
