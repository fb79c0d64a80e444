"""Models with the coefficients of resamples of their training peaks."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import get_adata
from iceqream._stored_models import peak_results
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
    adata, generator, found = get_adata(data, mod), np.random.default_rng(rng), []
    for name in names:
        one = model if isinstance(model, TrajectoryModel) else model[str(name)]
        table = peak_results(adata, key, name) if key in adata.varm else pd.DataFrame()
        n_here = int((table[_keys.SPLIT] == "train").sum()) if _keys.SPLIT in table else 0
        if n_here == 0 or n_here != one.stats.get("n_train"):
            message = "%d of the %s training peaks of the fit under %r are here: effects have no standard errors"
            logger.warning(message, n_here, one.stats.get("n_train", "unknown"), key)
            return [[] for _ in names]
        fit = fitted(data, key, mod, trajectory=name, copy=False)
        refits = bootstraps(fit.model, fit.modelled_values, fit.peaks, fit.lambda_, fit.options, n, generator)
        found.append([with_fit(fit.model, one) for one in refits])
    return found
