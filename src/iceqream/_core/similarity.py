"""Similarity of motifs: the best match over all offsets of the shorter along the longer."""

from __future__ import annotations

from typing import Any, Literal

import numba
import numpy as np

Method = Literal["spearman", "pearson", "kl", "cosine"]
_METHODS: dict[str, int] = {"spearman": 0, "pearson": 1, "kl": 2, "cosine": 3}
_MIN_OVERLAP = 5
_ROUNDING = 1.0 + 1e-9
"""A bound is as good as what it bounds."""


@numba.njit(cache=True)
def _ranks(values: np.ndarray) -> np.ndarray:
    """Average ranks."""
    order = np.argsort(values, kind="mergesort")
    ranks = np.empty(len(values))
    i = 0
    while i < len(values):
        j = i
        while j + 1 < len(values) and values[order[j + 1]] == values[order[i]]:
            j += 1
        for k in range(i, j + 1):
            ranks[order[k]] = 0.5 * (i + j)
        i = j + 1
    return ranks


@numba.njit(cache=True)
def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    mean_a, mean_b = a.mean(), b.mean()
    ab = aa = bb = 0.0
    for i in range(len(a)):
        ab += (a[i] - mean_a) * (b[i] - mean_b)
        aa += (a[i] - mean_a) ** 2
        bb += (b[i] - mean_b) ** 2
    if aa <= 0.0 or bb <= 0.0:
        return 0.0
    return ab / np.sqrt(aa * bb)


@numba.njit(cache=True)
def _compare(query: np.ndarray, target: np.ndarray, method: int) -> tuple[float, int]:
    """Return the best similarity and where the query starts in the target (negative: before it)."""
    query_is_short = len(query) <= len(target)
    short, long = (query, target) if query_is_short else (target, query)
    n = len(short)
    flat = np.ascontiguousarray(short).reshape(-1)
    ranked = _ranks(flat) if method == 0 else flat
    best, best_offset = -np.inf, 0
    for offset in range(len(long) - n + 1):
        window = np.ascontiguousarray(long[offset : offset + n]).reshape(-1)
        if method == 0:
            value = _pearson(ranked, _ranks(window))
        elif method == 1:
            value = _pearson(flat, window)
        else:
            # symmetric Kullback-Leibler divergence in bits per position, negated: 0 is identity
            value = 0.0
            for i in range(4 * n):
                value -= (flat[i] - window[i]) * np.log2(flat[i] / window[i])
            value /= 2.0 * n
        if value > best:
            best, best_offset = value, offset if query_is_short else -offset
    return best, best_offset


@numba.njit(cache=True)
def _compare_information(
    query: np.ndarray, target: np.ndarray, query_sums: np.ndarray, target_sums: np.ndarray, least: float
) -> tuple[float, int]:
    """Return the best cosine of the differences from 0.25, and where the query starts in the target.

    All of the query counts, the overlap of the target, and half of what the target has elsewhere (geometric mean): a
    position weighs by its information, and informative positions that face nothing cost. Offsets at which even equal
    motifs would not exceed the best so far, `least` to begin with, are passed over.
    """
    n, m = len(query), len(target)
    all_query, all_target = query_sums[n], target_sums[m]
    overlap = min(_MIN_OVERLAP, n, m)
    best, best_offset = least, 0
    for offset in range(overlap - n, m - overlap + 1):
        first, last = max(0, offset), min(m, n + offset)
        covered = target_sums[last] - target_sums[first]
        scale = np.sqrt(all_query * np.sqrt(covered * all_target))
        facing = query_sums[last - offset] - query_sums[first - offset]
        if np.sqrt(facing * covered) * _ROUNDING <= best * scale:
            continue
        product = 0.0
        for j in range(first, last):
            for k in range(4):
                product += (query[j - offset, k] - 0.25) * (target[j, k] - 0.25)
        if product > best * scale:
            best, best_offset = product / scale, offset
    return best, best_offset


@numba.njit(cache=True)
def _running_sums(motifs: np.ndarray) -> np.ndarray:
    """Return the sums of squared differences from 0.25 before each position, motifs x (longest length + 1)."""
    sums = np.zeros((motifs.shape[0], motifs.shape[1] + 1))
    for i in range(motifs.shape[0]):
        for j in range(motifs.shape[1]):
            sums[i, j + 1] = sums[i, j]
            for k in range(4):
                sums[i, j + 1] += (motifs[i, j, k] - 0.25) ** 2
    return sums


@numba.njit(parallel=True, cache=True)
def _compare_all(
    queries: Any,
    query_lengths: Any,
    targets: Any,
    target_lengths: Any,
    method: int,
    least: float,
    similarity: Any,
    offset: Any,
) -> None:
    query_sums, target_sums = _running_sums(queries), _running_sums(targets)
    for j in numba.prange(len(target_lengths)):
        for i in range(len(query_lengths)):
            query, target = queries[i, : query_lengths[i]], targets[j, : target_lengths[j]]
            if method == 3:
                value, at = _compare_information(query, target, query_sums[i], target_sums[j], least)
            else:
                value, at = _compare(query, target, method)
            similarity[i, j] = value
            offset[i, j] = at


def similarities(
    queries: np.ndarray,
    query_lengths: np.ndarray,
    targets: np.ndarray,
    target_lengths: np.ndarray,
    method: Method,
    least: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Compare stacked probabilities (pseudo-probabilities already added), forward strands only.

    Parameters
    ----------
    queries, targets
        Motifs x longest length x 4.
    query_lengths, target_lengths
        Lengths, bp.
    method
        Correlation of the 4 x overlap values (of their ranks for ``"spearman"``), ``"kl"``, or ``"cosine"`` of the
        differences from 0.25, which alone counts what lies outside of the overlap.
    least
        Cosines up to this one are given as this one, and need not be found out.

    Returns
    -------
    Similarity (float64) and offset of the query's first position in the target (int64), each queries x targets.
    """
    similarity = np.empty((len(query_lengths), len(target_lengths)))
    offset = np.empty(similarity.shape, dtype=np.int64)
    _compare_all(queries, query_lengths, targets, target_lengths, _METHODS[method], least, similarity, offset)
    return similarity, offset
