"""Clustering of columns by correlation."""

from __future__ import annotations

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from iceqream._core.correlation import correlation_matrix


def cluster_columns(columns: np.ndarray, n_clusters: int) -> np.ndarray:
    """Cut a complete-linkage tree on 1 - Pearson correlation into at most `n_clusters` clusters.

    Parameters
    ----------
    columns
        n x m.
    n_clusters
        Wanted number; with m or more every column is its own cluster.

    Returns
    -------
    int64, m: cluster of each column, numbered from 0 in the order of first appearance.
    """
    m = columns.shape[1]
    if n_clusters >= m:
        return np.arange(m)
    distances = np.maximum(1.0 - correlation_matrix(columns), 0.0)
    np.fill_diagonal(distances, 0.0)
    tree = linkage(squareform(distances, checks=False), method="complete")
    labels = fcluster(tree, n_clusters, criterion="maxclust")
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]
