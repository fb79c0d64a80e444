"""Simulated data with known truth."""

from iceqream.datasets.grammar import simulated_grammar
from iceqream.datasets.manifold import simulated_manifold, simulated_manifold_multiome
from iceqream.datasets.recovery import recovered_manifold, recovered_motifs
from iceqream.datasets.simulation import (
    simulated_dap,
    simulated_motifs,
    simulated_multiome,
    simulated_trajectory,
)

__all__ = [
    "recovered_manifold",
    "recovered_motifs",
    "simulated_dap",
    "simulated_grammar",
    "simulated_manifold",
    "simulated_manifold_multiome",
    "simulated_motifs",
    "simulated_multiome",
    "simulated_trajectory",
]
