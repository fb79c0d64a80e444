"""Bins that intervals touch, sums over windows of a binned track, and its local maxima."""

from __future__ import annotations

import numpy as np


def touched_bins(start: np.ndarray, end: np.ndarray, binsize: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return every bin that intervals [start, end) touch: number of the interval, bin, bases of it in the bin."""
    first, last = start // binsize, (end - 1) // binsize
    n = np.maximum(last - first + 1, 0)
    owner = np.repeat(np.arange(len(start)), n)
    at = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n) + first[owner]
    covered = np.minimum(end[owner], (at + 1) * binsize) - np.maximum(start[owner], at * binsize)
    return owner, at, covered


def cumulative(track: np.ndarray) -> np.ndarray:
    """Return sums up to the start of each bin, float64, bins + 1."""
    return np.concatenate([[0.0], np.cumsum(track, dtype=np.float64)])


def window_sums(sums: np.ndarray, start: np.ndarray, end: np.ndarray, binsize: int) -> np.ndarray:
    """Return the sum of a track over [start, end) bp, from its cumulative sums.

    A bin that lies partly inside counts in proportion; windows are cut at the ends of the chromosome.
    """
    last = len(sums) - 1
    edges = np.arange(last + 1)
    at = [np.interp(np.clip(np.asarray(p) / binsize, 0, last), edges, sums) for p in (start, end)]
    return at[1] - at[0]


def punctured_mean(track: np.ndarray, inner: int, outer: int) -> np.ndarray:
    """Return the mean of the bins at distances of more than `inner` up to `outer` bins, float64.

    Near the ends of the chromosome the mean is taken over the bins that exist.
    """
    sums = cumulative(track)
    n = len(track)
    position = np.arange(n)

    def around(reach: int) -> tuple[np.ndarray, np.ndarray]:
        first, last = np.maximum(position - reach, 0), np.minimum(position + reach + 1, n)
        return sums[last] - sums[first], last - first

    (wide, n_wide), (narrow, n_narrow) = around(outer), around(inner)
    count = n_wide - n_narrow
    return np.divide(wide - narrow, count, out=np.zeros(n), where=count > 0)


def local_maxima(track: np.ndarray, threshold: float) -> np.ndarray:
    """Return the bins above a threshold that no neighbour exceeds; of a plateau the middle one."""
    n = len(track)
    change = np.flatnonzero(np.diff(track)) + 1
    first = np.concatenate([[0], change])
    last = np.concatenate([change, [n]]) - 1
    height = track[first]
    before = np.concatenate([[-np.inf], height[:-1]])
    after = np.concatenate([height[1:], [-np.inf]])
    top = (height > threshold) & (height > before) & (height > after)
    return (first[top] + last[top]) // 2


def keep_apart(position: np.ndarray, height: np.ndarray, distance: int) -> np.ndarray:
    """Return which of sorted positions to keep so that none lies within `distance` of a higher one kept."""
    kept = np.zeros(len(position), dtype=bool)
    blocked = np.zeros(len(position), dtype=bool)
    for i in np.argsort(-height, kind="stable"):
        if blocked[i]:
            continue
        kept[i] = True
        first, last = np.searchsorted(position, [position[i] - distance + 1, position[i] + distance])
        blocked[first:last] = True
    return kept
