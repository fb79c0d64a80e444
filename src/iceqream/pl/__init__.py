"""Pictures: everything takes `show` and `save`; nothing changes rcParams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iceqream.pl._access_probability import ap_scatter, normalization
    from iceqream.pl._cluster_heatmap import cluster_heatmap
    from iceqream.pl._common_motifs import common_motifs
    from iceqream.pl._compare_models import compare_models
    from iceqream.pl._constitutive import constitutive
    from iceqream.pl._dependency_map import dependency_map
    from iceqream.pl._design import design
    from iceqream.pl._ensemble import ensemble
    from iceqream.pl._homogenization import homogenization
    from iceqream.pl._interaction_support import interaction_support
    from iceqream.pl._interactions import interaction_network
    from iceqream.pl._iq_plot import iq_plot
    from iceqream.pl._logos import logos
    from iceqream.pl._low_affinity import low_affinity
    from iceqream.pl._manifold_heatmap import manifold_heatmap
    from iceqream.pl._manifold_report import manifold_report
    from iceqream.pl._model_quality import levels, prediction_boxplot, residual_r2
    from iceqream.pl._model_report import model_report
    from iceqream.pl._motif_activity import motif_activity
    from iceqream.pl._motif_heatmap import motif_heatmap
    from iceqream.pl._motif_panels import energy_boxplot, spatial_curves, spatial_frequency
    from iceqream.pl._motif_regression import motif_regression
    from iceqream.pl._mutagenesis import mutagenesis
    from iceqream.pl._partial_dependence import partial_dependence
    from iceqream.pl._prediction_scatter import prediction_scatter
    from iceqream.pl._refinement import refinement
    from iceqream.pl._response_curves import response_curves
    from iceqream.pl._saturation_summary import saturation_summary
    from iceqream.pl._score_variants import score_variants
    from iceqream.pl._site_profile import site_profile
    from iceqream.pl._spacing_scan import spacing_scan
    from iceqream.pl._tf_expression import tf_expression
    from iceqream.pl._total_ap import total_ap
    from iceqream.pl._trajectory_scatter import trajectory_scatter
    from iceqream.pl._validate_peaks import validate_peaks

_HOMES = {
    "ap_scatter": "_access_probability",
    "cluster_heatmap": "_cluster_heatmap",
    "common_motifs": "_common_motifs",
    "compare_models": "_compare_models",
    "constitutive": "_constitutive",
    "dependency_map": "_dependency_map",
    "design": "_design",
    "energy_boxplot": "_motif_panels",
    "ensemble": "_ensemble",
    "homogenization": "_homogenization",
    "interaction_network": "_interactions",
    "interaction_support": "_interaction_support",
    "iq_plot": "_iq_plot",
    "levels": "_model_quality",
    "logos": "_logos",
    "low_affinity": "_low_affinity",
    "manifold_heatmap": "_manifold_heatmap",
    "manifold_report": "_manifold_report",
    "model_report": "_model_report",
    "motif_activity": "_motif_activity",
    "motif_heatmap": "_motif_heatmap",
    "motif_regression": "_motif_regression",
    "mutagenesis": "_mutagenesis",
    "normalization": "_access_probability",
    "partial_dependence": "_partial_dependence",
    "prediction_boxplot": "_model_quality",
    "prediction_scatter": "_prediction_scatter",
    "refinement": "_refinement",
    "residual_r2": "_model_quality",
    "response_curves": "_response_curves",
    "saturation_summary": "_saturation_summary",
    "score_variants": "_score_variants",
    "site_profile": "_site_profile",
    "spacing_scan": "_spacing_scan",
    "spatial_curves": "_motif_panels",
    "spatial_frequency": "_motif_panels",
    "tf_expression": "_tf_expression",
    "total_ap": "_total_ap",
    "trajectory_scatter": "_trajectory_scatter",
    "validate_peaks": "_validate_peaks",
}

__all__ = [
    "ap_scatter",
    "cluster_heatmap",
    "common_motifs",
    "compare_models",
    "constitutive",
    "dependency_map",
    "design",
    "energy_boxplot",
    "ensemble",
    "homogenization",
    "interaction_network",
    "interaction_support",
    "iq_plot",
    "levels",
    "logos",
    "low_affinity",
    "manifold_heatmap",
    "manifold_report",
    "model_report",
    "motif_activity",
    "motif_heatmap",
    "motif_regression",
    "mutagenesis",
    "normalization",
    "partial_dependence",
    "prediction_boxplot",
    "prediction_scatter",
    "refinement",
    "residual_r2",
    "response_curves",
    "saturation_summary",
    "score_variants",
    "site_profile",
    "spacing_scan",
    "spatial_curves",
    "spatial_frequency",
    "tf_expression",
    "total_ap",
    "trajectory_scatter",
    "validate_peaks",
]


def __getattr__(name: str) -> Any:
    # matplotlib is imported with the first picture, not with the package
    if name in _HOMES:
        from importlib import import_module

        function = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = function
        return function
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return __all__
