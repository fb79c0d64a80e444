"""Readers of results: a model and its tables."""

from iceqream.get._tables import (
    coefs_df,
    discovered_motifs,
    interactions_df,
    levels_df,
    model,
    motifs_df,
    predictions_df,
)

__all__ = ["coefs_df", "discovered_motifs", "interactions_df", "levels_df", "model", "motifs_df", "predictions_df"]
