"""Readers of results: a model and its tables."""

from iceqream.get._comparison import comparison_df
from iceqream.get._manifold_tables import (
    homogenization_df,
    manifold_df,
    manifold_levels_df,
    member_similarity_df,
)
from iceqream.get._motif_matches import motif_matches_df
from iceqream.get._motif_tables import energies_df, energy_bins_df, local_contributions_df, spatial_frequency_df
from iceqream.get._tables import (
    coefs_df,
    discovered_motifs,
    dropped_motifs_df,
    interactions_df,
    levels_df,
    model,
    motifs_df,
    predictions_df,
)

__all__ = [
    "coefs_df",
    "comparison_df",
    "discovered_motifs",
    "dropped_motifs_df",
    "energies_df",
    "energy_bins_df",
    "homogenization_df",
    "interactions_df",
    "levels_df",
    "local_contributions_df",
    "manifold_df",
    "manifold_levels_df",
    "member_similarity_df",
    "model",
    "motif_matches_df",
    "motifs_df",
    "predictions_df",
    "spatial_frequency_df",
]
