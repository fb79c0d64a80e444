"""Whether motifs act through several weak sites or through their best one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from iceqream.inference.final_fit import fit_responses
from iceqream.inference.sites import strongest_apart
from iceqream.motifs.sites import Sites, find_sites

if TYPE_CHECKING:
    from iceqream.inference.options import FitOptions
    from iceqream.inference.peaks import ModelledPeaks
    from iceqream.models.trajectory import TrajectoryModel
    from iceqream.motifs.pbm import PBMSet

LEAST_ENERGY = 7.5
SINGLE_SHARE = 0.7
"""Quantile of the difference of energies above which a peak has a single site."""
_APART = 1.0
"""Below that quantile by so much a peak has several."""
MEDIUM, HIGH = 6.0, 8.0
"""Local energies of a site, and of a strong one."""


class TwoGroups(NamedTuple):
    """Peaks with several weak sites and with a single strong one, bool, n x motifs each."""

    several: np.ndarray
    single: np.ndarray


def groups_by_energy(summed: np.ndarray, best: np.ndarray) -> TwoGroups:
    """Tell the groups apart by the energies of all sites and of the best site, both 0-10, n x motifs."""
    several, single = (np.zeros(summed.shape, dtype=bool) for _ in range(2))
    for m in range(summed.shape[1]):
        bound = np.maximum(summed[:, m], best[:, m]) >= LEAST_ENERGY
        if not bound.any():
            continue
        beyond = best[:, m].astype(np.float64) - summed[:, m]
        edge = np.quantile(beyond[bound], SINGLE_SHARE)
        single[:, m], several[:, m] = bound & (beyond >= edge), bound & (beyond < edge - _APART)
    return TwoGroups(several, single)


def groups_by_sites(pbms: PBMSet, codes: np.ndarray) -> TwoGroups:
    """Tell the groups apart by sites that do not overlap: one strong site alone, or several of which none is strong."""
    sites = find_sites(pbms, codes, MEDIUM)
    keep = strongest_apart(sites, pbms.motifs.lengths)
    sites = Sites(*(column[keep] for column in sites))
    n, strong = (np.zeros((len(codes), len(pbms)), dtype=np.int64) for _ in range(2))
    np.add.at(n, (sites.sequence, sites.motif), 1)
    np.add.at(strong, (sites.sequence, sites.motif), (sites.energy >= HIGH).astype(np.int64))
    return TwoGroups((n > 1) & (strong == 0), (n == 1) & (strong == 1))


def refitted(
    model: TrajectoryModel,
    pbms: PBMSet,
    values: np.ndarray,
    peaks: ModelledPeaks,
    lambda_: float,
    options: FitOptions,
) -> np.ndarray:
    """Return the predictions of the model with its coefficients fitted to other values of its terms, float64, n."""
    support = options.support(int(peaks.is_train.sum()))
    pairs = model.interactions.scaled_to(values[peaks.is_train], support)
    again, _ = fit_responses(
        pbms, model.features, pairs, values, peaks, lambda_=lambda_, options=options, states=model.states
    )
    return again.predict_values(values)


def explained_more(before: np.ndarray, after: np.ndarray, observed: np.ndarray) -> tuple[float, float]:
    """Return how much more of the variance other predictions of the same peaks explain, and its standard error."""
    if len(observed) < 2:
        return float("nan"), float("nan")
    gained = ((before - observed) ** 2 - (after - observed) ** 2) / observed.var()
    return float(gained.mean()), float(gained.std(ddof=1) / np.sqrt(len(gained)))
