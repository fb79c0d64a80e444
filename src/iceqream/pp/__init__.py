"""Preprocessing: from reads to access probabilities, sequences, features and motif energies."""

from iceqream.pp._access_probability import access_probability
from iceqream.pp._accessibility_features import epigenomic_features, regional_accessibility
from iceqream.pp._call_peaks import call_peaks, read_peaks
from iceqream.pp._motif_energies import motif_energies
from iceqream.pp._motif_features import motif_features
from iceqream.pp._pseudobulk import pseudobulk
from iceqream.pp._read_bigwigs import read_bigwigs
from iceqream.pp._read_fragments import read_fragments
from iceqream.pp._sequence_features import sequence_features
from iceqream.pp._sequences import sequences
from iceqream.pp._tfidf import tfidf
from iceqream.pp._tss_distance import tss_distance

__all__ = [
    "access_probability",
    "call_peaks",
    "epigenomic_features",
    "motif_energies",
    "motif_features",
    "pseudobulk",
    "read_bigwigs",
    "read_fragments",
    "read_peaks",
    "regional_accessibility",
    "sequence_features",
    "sequences",
    "tfidf",
    "tss_distance",
]
