"""IceQream: explain from DNA sequence how the accessibility of regulatory elements changes between cell states."""

from iceqream import models, motifs
from iceqream.genome import Genes, Genome

__all__ = ["Genes", "Genome", "models", "motifs"]
