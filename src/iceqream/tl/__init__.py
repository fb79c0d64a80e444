"""Tools: fit models, change them, judge them and apply them."""

from iceqream.tl._cluster_peaks import cluster_peaks
from iceqream.tl._compare_models import compare_models
from iceqream.tl._cross_validate import cross_validate
from iceqream.tl._dependency_map import dependency_map
from iceqream.tl._design import design
from iceqream.tl._discover_motifs import discover_motifs
from iceqream.tl._edit_motifs import filter_motifs, remove_motifs, rename_motifs
from iceqream.tl._ensemble import ensemble
from iceqream.tl._fit_manifold import fit_manifold
from iceqream.tl._fit_state import fit_state
from iceqream.tl._fit_trajectory import fit_trajectory
from iceqream.tl._fuse_motifs import consolidate, merge_motifs
from iceqream.tl._homogenize import homogenize
from iceqream.tl._insert_sites import insert_sites, spacing_scan
from iceqream.tl._interaction_support import interaction_support
from iceqream.tl._low_affinity import low_affinity
from iceqream.tl._motif_activity import motif_activity
from iceqream.tl._motif_enrichment import motif_enrichment
from iceqream.tl._motif_sites import contribution_track, motif_sites
from iceqream.tl._mutagenesis import mutagenesis
from iceqream.tl._partial_dependence import partial_dependence
from iceqream.tl._predict import predict
from iceqream.tl._refine import refine
from iceqream.tl._refit import add_interactions, refit, residual_r2
from iceqream.tl._saturation_summary import saturation_summary
from iceqream.tl._score_variants import score_variants
from iceqream.tl._site_profile import site_profile
from iceqream.tl._stability import stability
from iceqream.tl._tf_expression import tf_expression
from iceqream.tl._validate_peaks import validate_peaks
from iceqream.tl._variant_effects import variant_effects

__all__ = [
    "add_interactions",
    "cluster_peaks",
    "compare_models",
    "consolidate",
    "contribution_track",
    "cross_validate",
    "dependency_map",
    "design",
    "discover_motifs",
    "ensemble",
    "filter_motifs",
    "fit_manifold",
    "fit_state",
    "fit_trajectory",
    "homogenize",
    "insert_sites",
    "interaction_support",
    "low_affinity",
    "merge_motifs",
    "motif_activity",
    "motif_enrichment",
    "motif_sites",
    "mutagenesis",
    "partial_dependence",
    "predict",
    "refine",
    "refit",
    "remove_motifs",
    "rename_motifs",
    "residual_r2",
    "saturation_summary",
    "score_variants",
    "site_profile",
    "spacing_scan",
    "stability",
    "tf_expression",
    "validate_peaks",
    "variant_effects",
]
