"""Preprocessing: sequences, distances to start sites, sequence features, motif energies."""

from iceqream.pp.motif_energies import motif_energies
from iceqream.pp.sequence_features import sequence_features
from iceqream.pp.sequences import sequences
from iceqream.pp.tss_distance import tss_distance

__all__ = ["motif_energies", "sequence_features", "sequences", "tss_distance"]
