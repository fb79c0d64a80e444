"""k-means of profiles, the number of clusters by silhouette, and clusters in an order that can be read."""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_limits

from iceqream._core.cluster import leaf_order

SAMPLE = 20_000
"""Profiles on which k-means starts are compared; Lloyd's algorithm then ends on all."""
SILHOUETTE_SAMPLE = 4_000
STARTS, TRIAL_STARTS = 5, 2
PASSES = 100


def k_means(profiles: np.ndarray, n_clusters: int, rng: np.random.Generator, *, n_starts: int = STARTS) -> np.ndarray:
    """Return the cluster of each profile (rows), int64, from 0.

    The best of several starts on a sample of the profiles, then all of them from there. One thread, so that sums do not
    depend on the number of threads.
    """
    from sklearn.cluster import KMeans

    seed = int(rng.integers(2**31))
    with threadpool_limits(1):
        sample = profiles[_sample(len(profiles), SAMPLE, rng)]
        found = KMeans(n_clusters, n_init=n_starts, max_iter=PASSES, random_state=seed).fit(sample)
        if len(sample) < len(profiles):
            found = KMeans(n_clusters, init=found.cluster_centers_, n_init=1, max_iter=PASSES).fit(profiles)
    return found.labels_.astype(np.int64)


def silhouettes(profiles: np.ndarray, candidates: list[int], rng: np.random.Generator) -> np.ndarray:
    """Return the mean silhouette of k-means with each number of clusters, float64, on samples of the profiles."""
    from sklearn.metrics import silhouette_score

    part = profiles[_sample(len(profiles), SAMPLE, rng)]
    judged = _sample(len(part), SILHOUETTE_SAMPLE, rng)
    scores = []
    for n_clusters in candidates:
        labels = k_means(part, n_clusters, rng, n_starts=TRIAL_STARTS)[judged]
        n_found = len(np.unique(labels))
        with threadpool_limits(1):
            scores.append(silhouette_score(part[judged], labels) if 1 < n_found < len(judged) else -1.0)
    return np.array(scores)


def in_order(labels: np.ndarray, profiles: np.ndarray) -> np.ndarray:
    """Return the labels numbered so that neighbouring clusters have similar mean profiles, the larger end first."""
    present, labels, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    centres = np.array([profiles[labels == k].mean(axis=0) for k in range(len(present))])
    order = leaf_order(centres)
    if len(order) > 1:
        ends = (sizes[order[0]], -order[0]), (sizes[order[-1]], -order[-1])
        order = order if ends[0] >= ends[1] else order[::-1]
    return np.argsort(order)[labels]


def _sample(n: int, size: int, rng: np.random.Generator) -> np.ndarray:
    return np.arange(n) if n <= size else np.sort(rng.choice(n, size=size, replace=False))
