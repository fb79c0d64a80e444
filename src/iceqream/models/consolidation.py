"""Level 3: from clusters of similar library motifs to one physical binding model each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from iceqream._core import prego
from iceqream._core.cluster import cluster_columns
from iceqream._core.energy import SpatialCurves, with_pseudo_probability
from iceqream._core.kmers import screen_kmers
from iceqream._core.sequence import centre
from iceqream.motifs import MotifSet
from iceqream.motifs.kmers import DEFAULT_K, DEFAULT_MAX_GAP
from iceqream.motifs.pbm import PBMSet
from iceqream.motifs.regression import DEFAULT_KMER_WIDTH, DEFAULT_LENGTH
from iceqream.motifs.seeds import LETTER_PROBABILITY

if TYPE_CHECKING:
    from collections.abc import Callable

_MIN_KMER = 0.04


@dataclass(frozen=True, eq=False)
class Selection:
    """Motifs that the linear model of level 2 kept."""

    motifs: MotifSet
    energies: np.ndarray
    """Normalised energies, modelled peaks x motifs."""
    coefficients: np.ndarray
    """Of the linear model, per unit of normalised energy."""
    energy_low: np.ndarray
    energy_high: np.ndarray


def cluster_selection(selection: Selection, n_clusters: int) -> np.ndarray:
    """Return the cluster of each motif; clusters are numbered by their largest coefficient, from the top."""
    labels = cluster_columns(selection.energies, n_clusters)
    largest = np.array([selection.coefficients[labels == k].max() for k in range(labels.max() + 1)])
    rank = np.argsort(np.argsort(-largest, kind="stable"))
    return rank[labels]


def partial_response(selection: Selection, members: np.ndarray) -> np.ndarray:
    """Return ``Mod_b = sum of beta_i E_i`` over a cluster's members, modelled peaks (METHOD section 6)."""
    return selection.energies[:, members].astype(np.float64) @ selection.coefficients[members]


def strongest_members(selection: Selection, clusters: np.ndarray) -> np.ndarray:
    """Return the member of each cluster with the largest contribution.

    The contribution of a motif is the covariance of ``beta_i E_i`` with the cluster's partial response.
    """
    chosen = []
    for k in range(clusters.max() + 1):
        members = np.flatnonzero(clusters == k)
        response = partial_response(selection, members)
        terms = selection.energies[:, members].astype(np.float64) * selection.coefficients[members]
        covariance = (terms - terms.mean(axis=0)).T @ (response - response.mean())
        chosen.append(members[int(covariance.argmax())])
    return np.array(chosen)


def keep_strongest(selection: Selection, clusters: np.ndarray, width: int, pseudo_probability: float) -> PBMSet:
    """Represent each cluster by its strongest PSSM with a uniform spatial curve."""
    chosen = strongest_members(selection, clusters)
    return PBMSet.uniform(
        selection.motifs[chosen],
        selection.energy_low[chosen],
        selection.energy_high[chosen],
        width,
        pseudo_probability,
    )


def fuse_clusters(
    selection: Selection,
    clusters: np.ndarray,
    codes: np.ndarray,
    is_train: np.ndarray,
    *,
    seed: Literal["pssm", "kmer"],
    pseudo_probability: float,
    advance: Callable[[int], object] = lambda _: None,
) -> tuple[MotifSet, SpatialCurves]:
    """Fit one PWM and spatial curve to each cluster's partial response (PREGO, METHOD section 6).

    A cluster of one motif keeps its PSSM and learns only the spatial curve.

    Parameters
    ----------
    selection
        The motifs of level 2 and their energies in the modelled peaks.
    clusters
        Cluster of each motif.
    codes
        Sequences of the modelled peaks.
    is_train
        The peaks to learn from.
    seed
        Start from the PSSM with the largest contribution (paper), or from the k-mer that correlates best with the
        partial response in the central 300 bp (reference; from the PSSM where none does).
    pseudo_probability
        Added to the PSSM that a regression starts from.
    advance
        Called with 1 after each cluster.

    Returns
    -------
    The fused motifs, in the order of the clusters, and their curves.
    """
    start, bin_size, n_bins = prego.spatial_bins(codes.shape[1], None, None)
    training = codes[is_train]
    region = np.ascontiguousarray(training[:, start : start + n_bins * bin_size])
    central = centre(training, min(DEFAULT_KMER_WIDTH, codes.shape[1]))
    uniform = np.full(n_bins, 1.0 / n_bins)
    matrices, curves, names = {}, [], []
    for k, strongest in enumerate(strongest_members(selection, clusters)):
        members = np.flatnonzero(clusters == k)
        response = partial_response(selection, members)[is_train][:, None]
        matrix = selection.motifs.matrix(int(strongest))
        pwm, single = with_pseudo_probability(matrix, pseudo_probability), len(members) == 1
        if not single:
            pwm = _fused_start(pwm, central, response, seed)
        fit = prego.optimize(region, response, pwm, uniform, bin_size, optimize_pwm=not single)
        name = str(selection.motifs.names[strongest])
        matrices[name] = matrix if single else fit.probabilities
        curves.append(fit.spatial)
        names.append(len(members))
        advance(1)
    motifs = MotifSet.from_dict(matrices, pd.DataFrame({"strongest": list(matrices), "n_fused": names}))
    return motifs, SpatialCurves(np.vstack(curves), start, bin_size)


def _fused_start(pwm: np.ndarray, central: np.ndarray, response: np.ndarray, seed: str) -> np.ndarray:
    """Return the PWM that a cluster's regression starts from: 15 positions at least."""
    if seed == "kmer":
        found = screen_kmers(central, response, DEFAULT_K, max_gap=DEFAULT_MAX_GAP, min_correlation=_MIN_KMER)
        if len(found):
            return prego.seed_pwm(found.strings()[0], DEFAULT_LENGTH, letter_probability=LETTER_PROBABILITY)
    missing = max(DEFAULT_LENGTH - len(pwm), 0)
    return np.pad(pwm, ((missing // 2, missing - missing // 2), (0, 0)), constant_values=0.25)
