"""Preprocessing: sequences, distances to start sites, sequence features, motif energies."""

from iceqream.pp._motif_energies import motif_energies
from iceqream.pp._sequence_features import sequence_features
from iceqream.pp._sequences import sequences
from iceqream.pp._tss_distance import tss_distance

__all__ = ["motif_energies", "sequence_features", "sequences", "tss_distance"]
