"""Level 3: from clusters of similar library motifs to one physical binding model each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from iceqream._core import prego
from iceqream._core.cluster import cluster_columns
from iceqream._core.energy import SpatialCurves, with_pseudo_probability
from iceqream._core.kmers import screen_kmers
from iceqream._core.sequence import centre
from iceqream.motifs import MotifSet
from iceqream.motifs._motif_set import unique_names
from iceqream.motifs.kmers import DEFAULT_K, DEFAULT_MAX_GAP
from iceqream.motifs.regression import DEFAULT_KMER_WIDTH, DEFAULT_LENGTH
from iceqream.motifs.seeds import LETTER_PROBABILITY

if TYPE_CHECKING:
    from collections.abc import Callable

    from iceqream.inference.options import FitOptions
    from iceqream.models.trajectory import TrajectoryModel
    from iceqream.motifs.pbm import PBMSet

_MIN_KMER = 0.04


@dataclass(frozen=True, eq=False)
class Contributions:
    """Motifs and what each adds to the linear predictor of the modelled peaks."""

    motifs: MotifSet
    values: np.ndarray
    """float64, modelled peaks x motifs: ``beta_i E_i`` at level 3, partial responses at level 4."""
    energies: np.ndarray
    """Normalised energies, modelled peaks x motifs."""
    coefficients: np.ndarray
    """What clusters are ordered by: of the linear model at level 3, largest contributions at level 4."""

    @classmethod
    def of(cls, model: TrajectoryModel, values: np.ndarray) -> Contributions:
        """Return the motifs of a model, with their partial responses to `values` (n x terms)."""
        n = len(model.pbms)
        responses = model.partial_responses_of(values)[:, :n]
        return cls(model.pbms.motifs, responses, values[:, :n], responses.max(axis=0))

    def response(self, members: np.ndarray) -> np.ndarray:
        """Return ``Mod_b``, the sum over a cluster's members (METHOD section 6), float64, modelled peaks."""
        return self.values[:, members].sum(axis=1)

    def strongest(self, members: np.ndarray) -> int:
        """Return the member whose contribution has the largest covariance with that of the cluster."""
        terms, response = self.values[:, members], self.response(members)
        covariance = (terms - terms.mean(axis=0)).T @ (response - response.mean())
        return int(members[int(covariance.argmax())])


def cluster_motifs(contributions: Contributions, n_clusters: int, min_correlation: float = -1.0) -> np.ndarray:
    """Return the cluster of each motif; clusters are numbered by their largest coefficient, from the top.

    Clusters whose mean pairwise correlation is below `min_correlation` are split.
    """
    labels = cluster_columns(contributions.energies, n_clusters, min_correlation)
    largest = np.array([contributions.coefficients[labels == k].max() for k in range(labels.max() + 1)])
    rank = np.argsort(np.argsort(-largest, kind="stable"))
    return rank[labels]


def fuse_clusters(
    contributions: Contributions,
    clusters: np.ndarray,
    codes: np.ndarray,
    is_train: np.ndarray,
    *,
    bins: tuple[int, int, int],
    seed: Literal["pssm", "kmer"],
    pseudo_probability: float,
    alone: SpatialCurves | None = None,
    advance: Callable[[int], object] = lambda _: None,
) -> tuple[MotifSet, SpatialCurves]:
    """Fit one PWM and spatial curve to each cluster's partial response (PREGO, METHOD section 6).

    A cluster of one motif keeps its PSSM and learns only the spatial curve, or keeps that too.

    Parameters
    ----------
    contributions
        The motifs and what they add in the modelled peaks.
    clusters
        Cluster of each motif.
    codes
        Sequences of the modelled peaks.
    is_train
        The peaks to learn from.
    bins
        Start, size and number of the spatial bins; one bin is not optimised.
    seed
        Start from the PSSM with the largest contribution (paper), or from the k-mer that correlates best with the
        partial response in the central 300 bp (reference; from the PSSM where none does).
    pseudo_probability
        Added to the PSSM that a regression starts from.
    alone
        Curves of the motifs, kept by clusters of one; ``None`` learns them.
    advance
        Called with 1 after each cluster.

    Returns
    -------
    The fused motifs, in the order of the clusters, and their curves.
    """
    start, bin_size, n_bins = bins
    fusion = Fusion.on(codes[is_train], bins, seed, pseudo_probability)
    uniform = np.full(n_bins, 1.0 / n_bins)
    matrices, curves, rows = [], [], []
    for k in range(clusters.max() + 1):
        members = np.flatnonzero(clusters == k)
        strongest = contributions.strongest(members)
        matrix, single = contributions.motifs.matrix(strongest), len(members) == 1
        rows.append((str(contributions.motifs.names[strongest]), len(members)))
        advance(1)
        if single and (alone is not None or n_bins == 1):
            matrices.append(matrix)
            curves.append(uniform if alone is None else alone.weights[strongest])
            continue
        fused, curve = fusion.fit(matrix, contributions.response(members)[is_train][:, None], single=single)
        matrices.append(fused)
        curves.append(curve)
    table = pd.DataFrame(rows, columns=["strongest", "n_fused"])
    names = unique_names(table["strongest"].tolist())
    motifs = MotifSet.from_dict(dict(zip(names, matrices, strict=True)), table)
    return motifs, SpatialCurves(np.vstack(curves), start, bin_size)


@dataclass(frozen=True, eq=False)
class Fusion:
    """Sequences on which new PSSMs and spatial curves are fitted to what motifs add (PREGO)."""

    region: np.ndarray
    """The part of the sequences under the curve."""
    central: np.ndarray
    """The part that k-mers are looked for in."""
    bin_size: int
    n_bins: int
    seed: Literal["pssm", "kmer"]
    pseudo_probability: float

    @classmethod
    def on(
        cls, codes: np.ndarray, bins: tuple[int, int, int], seed: Literal["pssm", "kmer"], pseudo_probability: float
    ) -> Fusion:
        """Return the fusion on these sequences."""
        start, bin_size, n_bins = bins
        region = np.ascontiguousarray(codes[:, start : start + n_bins * bin_size])
        central = centre(codes, min(DEFAULT_KMER_WIDTH, codes.shape[1]))
        return cls(region, central, bin_size, n_bins, seed, pseudo_probability)

    def fit(self, matrix: np.ndarray, targets: np.ndarray, *, single: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return a PSSM and the weights of its curve for targets (n x t), from a matrix; a `single` one keeps it."""
        pwm = with_pseudo_probability(most_informative(matrix, prego.MAX_LENGTH), self.pseudo_probability)
        if not single:
            pwm = _fused_start(pwm, self.central, targets, self.seed)
        uniform = np.full(self.n_bins, 1.0 / self.n_bins)
        fit = prego.optimize(
            self.region,
            targets,
            pwm,
            uniform,
            self.bin_size,
            optimize_pwm=not single,
            optimize_spatial=self.n_bins > 1,
        )
        return matrix if single else fit.probabilities, fit.spatial


def fuse_pbms(
    pbms: PBMSet,
    contributions: Contributions,
    clusters: np.ndarray,
    modelled: np.ndarray,
    is_train: np.ndarray,
    options: FitOptions,
) -> PBMSet:
    """Return one PBM per cluster of PBMs, on the spatial bins that they have; their scale has to be learned.

    A cluster started from what its strongest member started from.
    """
    curves = pbms.spatial
    motifs, fused = fuse_clusters(
        contributions,
        clusters,
        modelled,
        is_train,
        bins=(curves.start, curves.bin_size, curves.weights.shape[1]),
        seed="kmer" if options.consolidation == "kmer" else "pssm",
        pseudo_probability=pbms.pseudo_probability,
        alone=curves,
    )
    nothing = np.zeros(len(motifs))
    result = replace(pbms, motifs=motifs, spatial=fused, energy_low=nothing, energy_high=nothing, start=None)
    if pbms.start is None:
        return result
    strongest = [contributions.strongest(np.flatnonzero(clusters == k)) for k in range(clusters.max() + 1)]
    start = pbms.start.take(np.array(strongest))
    result = result.started_from(start.motifs, start.spatial)
    # names are those of the library, also where several motifs started from the same one
    of_library = pbms.motifs.metadata["start"].to_numpy()[strongest]
    known = result.motifs.metadata.assign(start=of_library, strongest=of_library)
    return replace(result, motifs=replace(result.motifs, metadata=known))


def most_informative(matrix: np.ndarray, length: int) -> np.ndarray:
    """Return the part of a long motif with the most information."""
    if len(matrix) <= length:
        return matrix
    bits = 2.0 + np.sum(matrix * np.log2(np.maximum(matrix, 1e-9)), axis=1)
    start = int(np.convolve(bits, np.ones(length), mode="valid").argmax())
    return matrix[start : start + length]


def _fused_start(pwm: np.ndarray, central: np.ndarray, targets: np.ndarray, seed: str) -> np.ndarray:
    """Return the PWM that a cluster's regression starts from: 15 positions at least."""
    if seed == "kmer":
        found = screen_kmers(central, targets, DEFAULT_K, max_gap=DEFAULT_MAX_GAP, min_correlation=_MIN_KMER)
        if len(found):
            return prego.seed_pwm(found.strings()[0], DEFAULT_LENGTH, letter_probability=LETTER_PROBABILITY)
    missing = max(DEFAULT_LENGTH - len(pwm), 0)
    return np.pad(pwm, ((missing // 2, missing - missing // 2), (0, 0)), constant_values=0.25)
