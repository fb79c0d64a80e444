"""Models with the coefficients of resamples of their training peaks."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from iceqream._anndata import get_adata
from iceqream.inference.bootstraps import bootstraps, with_fit
from iceqream.models import ManifoldModel, TrajectoryModel
from iceqream.tl._fitted import fitted

if TYPE_CHECKING:
    from iceqream._stored_models import Source

logger = logging.getLogger(__name__)

DEFAULT_BOOTSTRAPS = 20


def resampled_models(
    data: Source,
    model: TrajectoryModel | ManifoldModel,
    key: str,
    trajectory: str | None,
    mod: str,
    n: int,
    rng: int | np.random.Generator,
) -> list[list[TrajectoryModel]]:
    """Return for each trajectory of a model the fits of its coefficients to resamples; none where it is not at hand.

    Motifs, features and pairs stay as they are.
    """
    names = [trajectory] if isinstance(model, TrajectoryModel) else list(model.names)
    if n == 0 or isinstance(data, TrajectoryModel | ManifoldModel):
        return [[] for _ in names]
    if key not in get_adata(data, mod).varm:
        logger.info("the peaks of the fit are not here (varm[%r]): effects have no standard errors", key)
        return [[] for _ in names]
    generator, found = np.random.default_rng(rng), []
    for name in names:
        fit = fitted(data, key, mod, trajectory=name, copy=False)
        refits = bootstraps(fit.model, fit.modelled_values, fit.peaks, fit.lambda_, fit.options, n, generator)
        found.append([with_fit(fit.model, one) for one in refits])
    return found
