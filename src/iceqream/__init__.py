"""IceQream: explain from DNA sequence how the accessibility of regulatory elements changes between cell states."""

from iceqream import motifs

__all__ = ["motifs"]
