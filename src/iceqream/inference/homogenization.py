"""Motifs of several models that become one set: those that are alike are one (METHOD section 8).

Which motifs are alike is seen in their energies: complete linkage on 1 - Pearson correlation, in the training peaks of
all trajectories. The publications cut the tree at a wanted number and dissolve clusters whose motifs correlate below
0.6 on average. At 0.6 factors of different families are one, since energies correlate with the base composition they
share: five blood trajectories lost 0.03 of held-out R2, and nothing at 0.85.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream._core.cluster import cluster_columns
from iceqream._core.correlation import correlations
from iceqream.inference.consolidation import Fusion
from iceqream.models.manifold import MEMBER_COLUMNS
from iceqream.motifs import MotifSet
from iceqream.motifs.pbm import PBMSet
from iceqream.motifs.similarity import DEFAULT_PRIOR, compared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iceqream.inference.options import FitOptions

SAME = 0.85
"""Mean correlation of energies above which motifs of several models are one."""
ALIKE = (0.6, 0.7)
"""Correlation of energies and similarity of PSSMs from which a common motif takes the place of one that left."""
MIN_CHANGE = 0.1
"""Common motifs are fused on training peaks that change by more than this along one trajectory at least."""


@dataclass(frozen=True, eq=False)
class Members:
    """The motifs of several models, with what each adds in peaks that all of them are asked about."""

    pbms: PBMSet
    owner: np.ndarray
    """Position of the model that each motif is of."""
    energies: np.ndarray
    """float32, peaks x motifs, 0-10."""
    responses: np.ndarray
    """Partial response of each motif in its model, float64, peaks x motifs."""

    def clusters(self, peaks: np.ndarray, min_correlation: float, n_clusters: int = 1) -> np.ndarray:
        """Return the cluster of each motif: the tree is cut until all clusters have this mean correlation."""
        return cluster_columns(self.energies[peaks], n_clusters, min_correlation)

    def targets(self, members: np.ndarray) -> np.ndarray:
        """Return what a cluster's motifs add together in each model that has some, float64, peaks x models."""
        owners = self.owner[members]
        return np.column_stack([self.responses[:, members[owners == t]].sum(axis=1) for t in np.unique(owners)])

    def strongest(self, members: np.ndarray, peaks: np.ndarray) -> int:
        """Return the member whose energies explain best what the cluster adds in all models."""
        targets = self.targets(members)[peaks]
        explained = [(correlations(self.energies[peaks][:, [i]], t)[0, 0] ** 2 for t in targets.T) for i in members]
        return int(members[int(np.argmax([sum(one) for one in explained]))])


def common_motifs(
    members: Members,
    clusters: np.ndarray,
    codes: np.ndarray,
    peaks: np.ndarray,
    options: FitOptions,
) -> tuple[PBMSet, PBMSet]:
    """Return one PBM per cluster: fused (PREGO, one target per model that has a member), and the strongest member.

    Parameters
    ----------
    members, clusters
        The motifs, and the cluster of each.
    codes
        Sequences, uint8, of all peaks of `members`.
    peaks
        Positions of those to learn from.
    options
        Constants: consolidation ("none" fuses nothing), min_bits (a fused motif with less is the strongest member
        instead).

    Returns
    -------
    The fused motifs, whose scale has to be learned, and the strongest ones, in the order of the clusters.
    """
    groups = [np.flatnonzero(clusters == k) for k in range(int(clusters.max(initial=-1)) + 1)]
    strongest = members.pbms.take(np.array([members.strongest(of, peaks) for of in groups], dtype=np.int64))
    if options.consolidation == "none" or not groups:
        return strongest, strongest
    curves = members.pbms.spatial
    bins = (curves.start, curves.bin_size, curves.weights.shape[1])
    fusion = Fusion.on(codes[peaks], bins, options.consolidation, members.pbms.pseudo_probability)
    matrices, weights = [], curves.weights[np.zeros(len(groups), dtype=np.int64)]
    for k, of in enumerate(groups):
        matrix, weights[k] = strongest.motifs.matrix(k), strongest.spatial.weights[k]
        if len(of) > 1:
            matrix, weights[k] = fusion.fit(matrix, members.targets(of)[peaks])
        matrices.append(matrix)
    named = dict(zip(map(str, strongest.motifs.names), matrices, strict=True))
    motifs = MotifSet.from_dict(named, strongest.motifs.metadata)
    fused = replace(strongest, motifs=motifs, spatial=replace(curves, weights=weights), start=strongest.start)
    vague = motifs.information_content().sum(axis=1) < options.min_bits
    clear = np.arange(len(groups)) + np.where(vague, 0, len(groups))
    return PBMSet.concat([strongest, fused]).take(clear), strongest


def closest_common(
    members: Members, common: PBMSet, position: np.ndarray, codes: np.ndarray, peaks: np.ndarray
) -> np.ndarray:
    """Return which common motif took the place of each member, by position, -1 where none is like it.

    `position` is that of the cluster's own motif, -1 where it left: then it is the one that is most alike, in energies
    and in the PSSM, since the others explain what it would.
    """
    gone = np.flatnonzero(position < 0)
    if len(common) == 0 or len(gone) == 0:
        return position
    shared = common.normalized_energies(codes[peaks])
    alike = pssm_similarity(members.pbms.motifs[gone], common.motifs) >= ALIKE[1]
    place = position.copy()
    for i, row in zip(gone, alike, strict=True):
        r = np.where(row, correlations(shared, members.energies[peaks, i].astype(np.float64))[:, 0], 0.0)
        if r.max() >= ALIKE[0]:
            place[i] = int(r.argmax())
    return place


def member_table(
    own_names: Sequence[np.ndarray],
    models: Sequence[str],
    members: PBMSet,
    common: PBMSet,
    position: np.ndarray,
    codes: np.ndarray,
) -> pd.DataFrame:
    """Return which common motif took the place of each member (`ManifoldModel.members`).

    `position` is that of the common motif, -1 where none stayed; `codes` are the training sequences.
    """
    similarity, correlation = np.full(len(members), np.nan), np.full(len(members), np.nan)
    has = np.flatnonzero(position >= 0)
    if len(has):
        alike = pssm_similarity(members.motifs, common.motifs)
        similarity[has] = alike[has, position[has]]
        own, shared = members.normalized_energies(codes), common.normalized_energies(codes)
        correlation[has] = [correlations(own[:, [i]], shared[:, position[i]])[0, 0] for i in has]
    names = [*common.motifs.names, ""]
    rows = {
        "trajectory": np.repeat(np.array(models, dtype=object), [len(own) for own in own_names]),
        "motif": np.concatenate([np.asarray(own, dtype=object) for own in own_names]),
        "common": [str(names[i]) for i in position],
        "similarity": similarity,
        "correlation": correlation,
    }
    return pd.DataFrame(rows, columns=list(MEMBER_COLUMNS))


def pssm_similarity(first: MotifSet, second: MotifSet) -> np.ndarray:
    """Return how similar PSSMs are on either strand, first x second."""
    alike, _, _ = compared(first, second, "cosine", "both", DEFAULT_PRIOR)
    return np.asarray(alike)
