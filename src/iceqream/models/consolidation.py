"""Level 3: from clusters of similar library motifs to one physical binding model each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from iceqream._core.cluster import cluster_columns
from iceqream.motifs.pbm import PBMSet

if TYPE_CHECKING:
    from iceqream.motifs import MotifSet


@dataclass(frozen=True, eq=False)
class Selection:
    """Motifs that the linear model of level 2 kept."""

    motifs: MotifSet
    values: np.ndarray
    """Normalised energies, modelled peaks x motifs."""
    coefficients: np.ndarray
    """Of the linear model, per unit of normalised energy."""
    energy_low: np.ndarray
    energy_high: np.ndarray


def cluster_selection(selection: Selection, n_clusters: int) -> np.ndarray:
    """Return the cluster of each motif; clusters are numbered by their largest coefficient, from the top."""
    labels = cluster_columns(selection.values, n_clusters)
    largest = np.array([selection.coefficients[labels == k].max() for k in range(labels.max() + 1)])
    rank = np.argsort(np.argsort(-largest, kind="stable"))
    return rank[labels]


def partial_response(selection: Selection, members: np.ndarray) -> np.ndarray:
    """Return ``Mod_b = sum of beta_i E_i`` over a cluster's members, modelled peaks (METHOD section 6)."""
    return selection.values[:, members].astype(np.float64) @ selection.coefficients[members]


def strongest_members(selection: Selection, clusters: np.ndarray, width: int, pseudo_probability: float) -> PBMSet:
    """Represent each cluster by the PSSM with the largest contribution, with a uniform spatial curve.

    The contribution of a motif is the covariance of ``beta_i E_i`` with the cluster's partial response.
    """
    chosen = []
    for k in range(clusters.max() + 1):
        members = np.flatnonzero(clusters == k)
        response = partial_response(selection, members)
        terms = selection.values[:, members].astype(np.float64) * selection.coefficients[members]
        covariance = (terms - terms.mean(axis=0)).T @ (response - response.mean())
        chosen.append(members[int(covariance.argmax())])
    return PBMSet.uniform(
        selection.motifs[np.array(chosen)],
        selection.energy_low[chosen],
        selection.energy_high[chosen],
        width,
        pseudo_probability,
    )
