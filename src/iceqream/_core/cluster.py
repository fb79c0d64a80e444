"""Clustering of columns by correlation, and an order of rows that can be read."""

from __future__ import annotations

import numpy as np
from scipy.cluster.hierarchy import cut_tree, fcluster, leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import pdist, squareform

from iceqream._core.correlation import correlation_matrix

_APART = -2.0
"""In place of the correlation of two that may not be together: below all that there are."""
_ROUNDING = 1e-12
MOST_ORDERED = 1_000
"""Rows that are ordered by a tree; more would take memory and time with the square of their number."""


def cluster_columns(columns: np.ndarray, n_clusters: int, min_correlation: float = -1.0) -> np.ndarray:
    """Cut a complete-linkage tree on 1 - Pearson correlation into at most `n_clusters` clusters.

    Parameters
    ----------
    columns
        n x m.
    n_clusters
        Wanted number; with m or more every column is its own cluster.
    min_correlation
        A cluster with a lower mean pairwise correlation is cut in two at the top of its tree, and so on: the result can
        have more than `n_clusters` clusters.

    Returns
    -------
    int64, m: cluster of each column, numbered from 0 in the order of first appearance.
    """
    m = columns.shape[1]
    if n_clusters >= m:
        return np.arange(m)
    correlation = correlation_matrix(columns)
    labels = _cut(correlation, n_clusters)
    waiting = list(range(labels.max() + 1))
    while waiting:
        members = np.flatnonzero(labels == waiting.pop())
        if len(members) == 1:
            continue
        block = correlation[np.ix_(members, members)]
        if block[np.triu_indices(len(members), 1)].mean() < min_correlation:
            # the top of the tree, also where several merges are of the same height
            halves, new = cut_tree(_tree(block), 2)[:, 0], labels.max() + 1
            labels[members[halves == 1]] = new
            waiting += [int(labels[members[halves == 0][0]]), int(new)]
    return _numbered(labels)


def linked(correlation: np.ndarray, apart: np.ndarray, least: float) -> np.ndarray:
    """Return groups in which every two correlate by `least` at least and none are `apart`, by complete linkage.

    Parameters
    ----------
    correlation
        m x m, symmetric.
    apart
        bool, m x m, symmetric: which may not be together, whatever their correlation.
    least
        Lowest correlation within a group.

    Returns
    -------
    int64, m: group of each, numbered from 0 in the order of first appearance.
    """
    if len(correlation) < 2:
        return np.zeros(len(correlation), dtype=np.int64)
    tree = _tree(np.where(apart, _APART, correlation))
    return _numbered(fcluster(tree, 1.0 - least + _ROUNDING, criterion="distance"))


def leaf_order(rows: np.ndarray) -> np.ndarray:
    """Return an order in which neighbouring rows are similar: leaves of an average-linkage tree, optimally turned.

    More than `MOST_ORDERED` rows keep the order they have.
    """
    if not 2 < len(rows) <= MOST_ORDERED:
        return np.arange(len(rows))
    distances = pdist(np.asarray(rows, dtype=np.float64))
    return leaves_list(optimal_leaf_ordering(linkage(distances, method="average"), distances)).astype(np.int64)


def _tree(correlation: np.ndarray) -> np.ndarray:
    distances = np.maximum(1.0 - correlation, 0.0)
    np.fill_diagonal(distances, 0.0)
    return linkage(squareform(distances, checks=False), method="complete")


def _cut(correlation: np.ndarray, n_clusters: int) -> np.ndarray:
    return _numbered(fcluster(_tree(correlation), n_clusters, criterion="maxclust"))


def _numbered(labels: np.ndarray) -> np.ndarray:
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]
