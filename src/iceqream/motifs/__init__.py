"""Motifs: sets of PSSMs, files, databases, similarity, and energies over plain sequences."""

from iceqream._core.energy import SpatialCurves
from iceqream.motifs._energies import LocalEnergies, energies, local_energies
from iceqream.motifs._motif_set import Motif, MotifSet
from iceqream.motifs.databases import hocomoco, jaspar, pyprego
from iceqream.motifs.families import annotate
from iceqream.motifs.kmers import screen_kmers
from iceqream.motifs.libraries import as_motif_set
from iceqream.motifs.pbm import PBM, PBMSet
from iceqream.motifs.pooling import library
from iceqream.motifs.readers import read, write
from iceqream.motifs.regression import MotifRegression, regress
from iceqream.motifs.similarity import match, similarity

__all__ = [
    "PBM",
    "LocalEnergies",
    "Motif",
    "MotifRegression",
    "MotifSet",
    "PBMSet",
    "SpatialCurves",
    "annotate",
    "as_motif_set",
    "energies",
    "hocomoco",
    "jaspar",
    "library",
    "local_energies",
    "match",
    "pyprego",
    "read",
    "regress",
    "screen_kmers",
    "similarity",
    "write",
]
