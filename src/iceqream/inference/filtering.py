"""Residual R2 of terms, and the filter of weak motifs (METHOD section 6, level 4)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from iceqream.inference.removal import Regression

if TYPE_CHECKING:
    from collections.abc import Callable

    from iceqream.inference.options import FitOptions
    from iceqream.inference.peaks import ModelledPeaks
    from iceqream.models.trajectory import TrajectoryModel

logger = logging.getLogger(__name__)

_DOUBT = 3.0
"""Motifs whose estimated residual R2 is below this many thresholds are judged by a refit."""


def residual_r2(
    model: TrajectoryModel,
    values: np.ndarray,
    peaks: ModelledPeaks,
    *,
    lambda_: float,
    options: FitOptions,
    advance: Callable[[int], object] = lambda _: None,
) -> np.ndarray:
    """Return what the removal of each term and each interaction costs: R2 on training peaks, by exact refits.

    A term leaves together with its interactions.

    Returns
    -------
    float64, terms then interactions.
    """
    regression = Regression.of(values, model.interactions, peaks, lambda_, options)
    out = np.zeros(len(regression.groups))
    for i, group in enumerate(regression.groups):
        if regression.fit.coefficients[group].any():
            out[i] = regression.r2 - regression.without(i).r2
        advance(1)
    return out


def weak_motifs(
    model: TrajectoryModel,
    values: np.ndarray,
    peaks: ModelledPeaks,
    *,
    lambda_: float,
    options: FitOptions,
    advance: Callable[[int], object] = lambda _: None,
) -> tuple[np.ndarray, dict[int, str]]:
    """Find the motifs to drop: little information, then, from the weakest up, little residual R2.

    After each removal the others are judged anew, on all training peaks. Estimates from the Hessian say where to look;
    what is dropped is decided by a refit. One motif stays in any case.

    Returns
    -------
    Positions of the motifs to keep, and for each of the others why it is dropped.
    """
    min_bits, min_residual_r2 = options.min_bits, options.min_residual_r2
    bits = model.pbms.motifs.information_content().sum(axis=1)
    left = list(range(len(model.pbms)))
    why: dict[int, str] = {}
    regression = Regression.of(values, model.interactions, peaks, lambda_, options)

    def drop(motif: int, reason: str) -> None:
        left.remove(motif)
        why[motif] = reason
        logger.info("level 4: %s dropped, %s", model.motif_names[motif], reason)
        advance(1)

    for motif in np.argsort(bits, kind="stable"):
        if bits[motif] < min_bits and len(left) > 1:
            regression = regression.without(int(motif))
            drop(int(motif), f"{bits[motif]:.2f} bits")
    while len(left) > 1:
        estimates = regression.costs(left)
        for i in np.argsort(estimates, kind="stable"):
            if estimates[i] >= _DOUBT * min_residual_r2:
                return np.array(left), why
            fewer = regression.without(left[i])
            cost = regression.r2 - fewer.r2
            if cost < min_residual_r2:
                regression = fewer
                drop(left[i], f"residual R2 {cost:.2g}")
                break
        else:
            break
    return np.array(left), why
