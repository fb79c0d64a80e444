"""Readers of results: a model and its tables."""

from iceqream.get._comparison import comparison_df
from iceqream.get._ensemble import ensemble_df, error_classes_df
from iceqream.get._interaction_support import interaction_support_df
from iceqream.get._lineages import (
    cluster_profiles_df,
    expression_df,
    motif_activity,
    motif_activity_df,
    motif_enrichment_df,
    tf_expression_df,
)
from iceqream.get._low_affinity import low_affinity_df
from iceqream.get._manifold_tables import (
    homogenization_df,
    manifold_df,
    member_similarity_df,
)
from iceqream.get._model_comparison import model_comparison_df
from iceqream.get._motif_matches import motif_matches_df
from iceqream.get._motif_tables import energies_df, energy_bins_df, local_contributions_df, spatial_frequency_df
from iceqream.get._motifs import motifs_df
from iceqream.get._partial_dependence import partial_dependence_df
from iceqream.get._site_profile import site_profile_df
from iceqream.get._tables import (
    coefs_df,
    discovered_motifs,
    dropped_motifs_df,
    interactions_df,
    levels_df,
    model,
    predictions_df,
)

__all__ = [
    "cluster_profiles_df",
    "coefs_df",
    "comparison_df",
    "discovered_motifs",
    "dropped_motifs_df",
    "energies_df",
    "energy_bins_df",
    "ensemble_df",
    "error_classes_df",
    "expression_df",
    "homogenization_df",
    "interaction_support_df",
    "interactions_df",
    "levels_df",
    "local_contributions_df",
    "low_affinity_df",
    "manifold_df",
    "member_similarity_df",
    "model",
    "model_comparison_df",
    "motif_activity",
    "motif_activity_df",
    "motif_enrichment_df",
    "motif_matches_df",
    "motifs_df",
    "partial_dependence_df",
    "predictions_df",
    "site_profile_df",
    "spatial_frequency_df",
    "tf_expression_df",
]
