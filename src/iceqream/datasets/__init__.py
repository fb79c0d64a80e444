"""Simulated data with known truth."""

from iceqream.datasets.simulation import recovered_motifs, simulated_motifs, simulated_multiome, simulated_trajectory

__all__ = ["recovered_motifs", "simulated_motifs", "simulated_multiome", "simulated_trajectory"]
