"""The motifs of whatever model is under a key: the one reader of the questions across lineages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iceqream._stored_models import any_model
from iceqream.models.trajectory import check_has_motifs

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

    from iceqream.models.features import FeatureScaling
    from iceqream.motifs import PBMSet


def model_motifs(data: AnnData | MuData, key: str, trajectory: str | None, mod: str) -> tuple[PBMSet, FeatureScaling]:
    """Return the PBMs and the features of the model under a key, of a manifold those of all or of one trajectory.

    Raises
    ------
    KeyError
        If there is no such model.
    ValueError
        If it has no motifs.
    """
    fitted = any_model(data, key, trajectory, mod)
    check_has_motifs(fitted)
    return fitted.pbms, fitted.features
