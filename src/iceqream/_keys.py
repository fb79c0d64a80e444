"""Where everything is kept in an AnnData: the one home of slot names."""

from __future__ import annotations

# var
CHROM = "chrom"
START = "start"
END = "end"
TSS_DISTANCE = "tss_distance"
TSS_GENE = "tss_gene"
CONSTITUTIVE = "constitutive"
REGIONAL_COUNTS = "regional_counts"

# layers
ACCESS_PROBABILITY = "ap"

# varm, and uns for what describes it
SEQUENCE = "sequence"
FEATURES = "features"
MOTIF_ENERGY = "motif_energy"

# varm and uns of a fitted model
MODEL = "iq"
MANIFOLD = "iq_manifold"
STATE_MODEL = "iq_state"
DISCOVERED = "discovered_motifs"
DAP = "dap"
PREDICTION = "pred"
SPLIT = "split"
WEIGHT = "weight"
STABILITY = "_stability"
"""Behind the key of the model."""
CROSS_VALIDATION = "iq_cv"
OPTIONS = "options"
MODEL_COMPARISON = "model_comparison"
COMPARE_MODELS = "compare_models"
"""The tool that writes it, as its kind."""
ENSEMBLE = "ensemble"
PEAK_CLUSTER = "peak_cluster"
"""In var."""
MOTIF_ENRICHMENT = "motif_enrichment"
MOTIF_ACTIVITY = "motif_activity"
"""In obsm and uns."""
ERROR = "_se"
"""Behind the key of the activities, in obsm."""
ACTIVITY_R2 = "_r2"
ACTIVITY_R2_COVARIATES = "_r2_covariates"
"""Behind the key of the activities, in obs."""
INTERACTION_SUPPORT = "interaction_support"
TF_EXPRESSION = "tf_expression"
PARTIAL_DEPENDENCE = "partial_dependence"
SITE_PROFILE = "site_profile"
LOW_AFFINITY = "low_affinity"
SPLITS = ("train", "test", "unused")
CLOSED = "closed"
"""What a model of one state calls its start: nothing is open there."""

# MuData
ATAC = "atac"
RNA = "rna"
