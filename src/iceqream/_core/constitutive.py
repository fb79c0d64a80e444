"""Which peaks are constitutive: open in every state (METHOD section 1)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba
import numpy as np

from iceqream._core.access_probability import NormalizedCounts
from iceqream._core.blocks import read_rows, row_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

PSEUDO = 1e-5
"""Added before the logarithm of a normalised signal."""
TOP_SHARE = 0.1
MIN_CONSTITUTIVE = 50
MIN_DEPTH = 5.0
"""Mean reads in a strong peak below which chance decides whether a row has any."""


@dataclass(frozen=True)
class Judges:
    """The rows by which peaks are judged to be open everywhere.

    Attributes
    ----------
    norm
        Rows, sums over groups, or the mean of all.
    voting
        bool per row of `norm`: deep enough to judge by.
    depth
        Mean reads in a strong peak, per row or group.
    together
        Whether what there is was too shallow, and all were put together.
    """

    norm: NormalizedCounts
    voting: np.ndarray
    depth: np.ndarray
    together: bool

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield blocks of the rows that vote."""
        for rows, block in self.norm:
            yield block[self.voting[rows]]

    def columns(self, peaks: np.ndarray) -> np.ndarray:
        """Return some peaks of the rows that vote."""
        blocks = [self.norm.block(rows, peaks)[self.voting[rows]] for rows in row_blocks(self.norm.shape)]
        return np.concatenate(blocks)


def judges(norm: NormalizedCounts, regional: np.ndarray | None = None, groups: np.ndarray | None = None) -> Judges:
    """Choose the rows, or sums over groups of rows, by which constitutive peaks are recognised.

    A row with few reads in strong peaks lacks many of them by chance and would rule out what is open everywhere. Such
    rows do not vote; where the others are less than two or hold less than half of the reads, all are put together, each
    counting alike.

    Parameters
    ----------
    norm
        Counts after the regional step.
    regional
        As for `norm`.
    groups
        Group of each row, from 0; -1 for none. ``None`` takes the rows themselves.
    """
    if groups is not None:
        norm = NormalizedCounts(_summed(norm, groups), regional)
    depth = reads_in_strong_peaks(norm)
    deep = depth >= MIN_DEPTH
    if deep.sum() >= min(2, norm.present.sum()) and depth[deep].sum() >= 0.5 * depth.sum():
        return Judges(norm, deep, depth, together=False)
    if depth.sum() < MIN_DEPTH:
        return Judges(norm, norm.present, depth, together=False)
    mean = np.zeros(norm.shape[1])
    for _, block in norm:
        for row in block:
            mean += row
    return Judges(NormalizedCounts(mean[None]), np.ones(1, dtype=bool), depth, together=True)


def reads_in_strong_peaks(norm: NormalizedCounts) -> np.ndarray:
    """Return the mean reads per row in the peaks of the top decile of all rows' sums, float64."""
    strong = np.sort(np.argsort(-norm.marginal, kind="stable")[: _n_strong(norm.shape[1])])
    means = [read_rows(norm.counts, rows)[:, strong].mean(axis=1) for rows in row_blocks(norm.shape)]
    return np.concatenate(means) / norm.unit


def lowest_signal(judged: Judges) -> np.ndarray:
    """Return ``min over states of log2(norm + 1e-5)``, float64, peaks."""
    lowest = np.full(judged.norm.shape[1], np.inf)
    for block in judged.blocks():
        np.minimum(lowest, block.min(axis=0, initial=np.inf), out=lowest)
    return np.log2(np.where(np.isfinite(lowest), lowest, 0.0) + PSEUDO)


def choose_constitutive(judged: Judges) -> np.ndarray:
    """Choose peaks that are open in every state: strong everywhere, and alike in how they vary.

    Candidates are the peaks whose lowest rank over the states is in the top decile. Open peaks share what is not
    biology: how much of a state's signal the other peaks take. So each candidate's log signal is compared with the
    median of all candidates state by state, and the half that follows it most closely is kept (50 at least).

    Returns
    -------
    bool, peaks.
    """
    n = judged.norm.shape[1]
    chosen = np.zeros(n, dtype=bool)
    candidates = np.argsort(-_lowest_rank(judged), kind="stable")[: _n_strong(n)]
    signal = judged.columns(candidates)
    everywhere = (signal > 0).all(axis=0)
    candidates = candidates[everywhere]
    if len(candidates) == 0 or len(signal) == 0:
        return chosen
    profile = np.log2(signal[:, everywhere])
    profile -= np.median(profile, axis=0)
    distance = np.sqrt(((profile - np.median(profile, axis=1, keepdims=True)) ** 2).mean(axis=0))
    kept = min(max(len(candidates) // 2, MIN_CONSTITUTIVE), len(candidates))
    chosen[candidates[np.argsort(distance, kind="stable")[:kept]]] = True
    return chosen


def _n_strong(n_peaks: int) -> int:
    return min(max(round(TOP_SHARE * n_peaks), MIN_CONSTITUTIVE), n_peaks)


def _lowest_rank(judged: Judges) -> np.ndarray:
    """Return the lowest rank of each peak over the rows that vote, on as many threads as the kernels."""
    n, n_threads = judged.norm.shape[1], numba.get_num_threads()

    def of_part(part: list[slice]) -> np.ndarray:
        lowest = np.full(n, n, dtype=np.int32)
        for rows in part:
            for row in judged.norm.block(rows)[judged.voting[rows]]:
                np.minimum(lowest, _rank(row), out=lowest)
        return lowest

    blocks = list(row_blocks(judged.norm.shape))
    with ThreadPoolExecutor(n_threads) as pool:
        return np.minimum.reduce(list(pool.map(of_part, [blocks[k::n_threads] for k in range(n_threads)])))


def _rank(row: np.ndarray) -> np.ndarray:
    """Return how many peaks are lower than each."""
    order = np.argsort(row)
    values = row[order]
    first = np.arange(len(row), dtype=np.int32)
    first[1:][values[1:] == values[:-1]] = 0
    rank = np.empty_like(first)
    # peaks with the same signal share a rank: their place on the chromosome says nothing
    rank[order] = np.maximum.accumulate(first)
    return rank


def _summed(norm: NormalizedCounts, groups: np.ndarray) -> np.ndarray:
    total = np.zeros((int(groups.max()) + 1, norm.shape[1]))
    for rows in row_blocks(norm.shape):
        for group, row in zip(groups[rows], read_rows(norm.counts, rows), strict=True):
            if group >= 0:
                total[group] += row
    return total
