"""From counts to access probabilities, step by step (METHOD section 1); states x peaks throughout.

The matrix of states is read a block of states at a time: only what is written in the end is ever whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream._core.blocks import quantile_of_blocks, read_rows, row_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

REGIONAL_QUANTILE = 0.1
PAPER_QUANTILE = 0.85


def regional_factor(regional: np.ndarray) -> np.ndarray | None:
    """Return ``max(r / quantile(r, 0.1), 1)`` of the coverage around each peak; ``None`` where that quantile is 0."""
    regional = np.asarray(regional, dtype=np.float64)
    reference = np.quantile(regional, REGIONAL_QUANTILE)
    return np.maximum(regional / reference, 1.0) if reference > 0 else None


class NormalizedCounts:
    """Counts divided by the regional factor ``max(r / quantile(r, 0.1), 1)`` and by the state's sum, block by block.

    Iteration yields the rows of each block and its values: float64, rows sum to 1 (to 0 where a state has no reads).

    Parameters
    ----------
    counts
        Reads or coverage per state and peak: an array, a sparse matrix by rows, or what is read from disk by rows.
    regional
        Sum over all states in the window around each peak, without the peak; ``None`` leaves the factor out.

    Attributes
    ----------
    depth
        Reads per state, before the regional factor.
    total, highest
        Sum and highest value per state, after it.
    marginal
        Reads per peak.
    whole
        bool per state: whether its values are whole numbers.
    unit
        What one read is, per state: 1, or the smallest positive value where values are not whole numbers.
    largest
        Largest value of all.
    bad, n_bad
        Peaks with a negative or missing value, and the number of these values.
    """

    def __init__(self, counts: Any, regional: np.ndarray | None = None) -> None:
        self.counts = counts
        self.shape: tuple[int, int] = counts.shape
        self.factor = None if regional is None else regional_factor(regional)
        n_states, n_peaks = self.shape
        self.depth, self.total, self.highest = np.zeros(n_states), np.zeros(n_states), np.zeros(n_states)
        self.whole, self.unit = np.ones(n_states, dtype=bool), np.ones(n_states)
        self.marginal = np.zeros(n_peaks)
        self.bad = np.zeros(n_peaks, dtype=bool)
        self.n_bad, self.largest = 0, 0.0
        for rows in row_blocks(self.shape):
            self._measure(rows)
        self.present = self.total > 0

    def _measure(self, rows: slice) -> None:
        block = read_rows(self.counts, rows)
        if not (block.min(initial=0.0) >= 0 and block.max(initial=0.0) < np.inf):
            wrong = ~np.isfinite(block) | (block < 0)
            self.n_bad += int(wrong.sum())
            self.bad |= wrong.any(axis=0)
            return
        self.depth[rows] = block.sum(axis=1)
        self.largest = max(self.largest, float(block.max(initial=0.0)))
        for state, row in enumerate(block, start=rows.start):
            # row by row: sums that do not depend on how the rows are cut into blocks
            self.marginal += row
            self.whole[state] = np.array_equal(row, np.floor(row))
            if not self.whole[state]:
                self.unit[state] = row[row > 0].min()
        if self.factor is not None:
            block = block / self.factor
        self.total[rows] = self.depth[rows] if self.factor is None else block.sum(axis=1)
        self.highest[rows] = block.max(axis=1, initial=0.0)

    def __iter__(self) -> Iterator[tuple[slice, np.ndarray]]:
        for rows in row_blocks(self.shape):
            yield rows, self.block(rows)

    def block(self, rows: slice, peaks: np.ndarray | None = None) -> np.ndarray:
        """Return some states (and peaks: a mask or positions), a new array."""
        counts = read_rows(self.counts, rows)
        factor = self.factor
        if peaks is not None:
            counts, factor = counts[:, peaks], None if factor is None else factor[peaks]
        if factor is not None:
            counts = counts / factor
        return _divided(counts, self.total[rows])

    def highest_signal(self) -> np.ndarray:
        """Return the highest value of each state."""
        return np.divide(self.highest, self.total, out=np.zeros_like(self.total), where=self.present)


@dataclass(frozen=True)
class ConstitutiveScale:
    """What brings the constitutive peaks of all states to the same signal.

    Attributes
    ----------
    factor
        What each state is divided by; NaN without reads in constitutive peaks.
    clip
        Scaled signal that becomes `top`, and is clipped there.
    top
        Highest signal.
    """

    factor: np.ndarray
    clip: float
    top: float

    def __call__(self, norm: np.ndarray, rows: slice) -> np.ndarray:
        """Return the scaled signal of a block of `NormalizedCounts`."""
        scaled = _divided(norm, self.factor[rows])
        scaled /= self.clip
        np.minimum(scaled, 1.0, out=scaled)
        scaled *= self.top
        return scaled


def constitutive_scale(
    norm: NormalizedCounts,
    constitutive: np.ndarray,
    anchor: int | None,
    *,
    quantile: float = 1.0,
    scaling_quantile: float = 1.0,
) -> ConstitutiveScale:
    """Scale states so that their constitutive peaks carry the same signal.

    Parameters
    ----------
    norm
        Counts after the regional step.
    constitutive
        bool, peaks.
    anchor
        State that keeps its scale; ``None``: the mean over states.
    quantile
        Of all values together: what is mapped to the top, and clipped there.
    scaling_quantile
        Divides the top.
    """
    share = np.concatenate([norm.block(rows, constitutive).sum(axis=1) for rows in row_blocks(norm.shape)])
    present = share > 0
    reference = share[present].mean() if anchor is None else share[anchor]
    factor = np.where(present, share / reference, np.nan)
    highest = norm.highest_signal()
    if quantile == 1:
        # rounding keeps the order: the highest value of a state, divided, is the highest divided value
        clip = float((highest[present] / factor[present]).max())
    else:
        clip = quantile_of_blocks(
            lambda: (_divided(block, factor[rows]) for rows, block in norm), int(np.prod(norm.shape)), quantile
        )
    top = highest.max() if anchor is None else highest[anchor]
    return ConstitutiveScale(factor, clip, float(top) / scaling_quantile)


def probability_top(
    norm: NormalizedCounts, scale: ConstitutiveScale, constitutive: np.ndarray, quantile: float
) -> float:
    """Return the signal that means 1: the quantile of all constitutive peaks and states."""
    size = norm.shape[0] * int(constitutive.sum())
    return quantile_of_blocks(
        lambda: (scale(norm.block(rows, constitutive), rows) for rows in row_blocks(norm.shape)), size, quantile
    )


def to_probability(signal: np.ndarray, top: float) -> np.ndarray:
    """Map `top` to 1, clip, and stretch each state to [0, 1]."""
    probability = signal / top
    np.minimum(probability, 1.0, out=probability)
    low = probability.min(axis=1, keepdims=True)
    span = probability.max(axis=1) - low[:, 0]
    probability -= low
    return _divided(probability, span)


def paper_factor(signal: np.ndarray, constitutive: np.ndarray, quantile: float = PAPER_QUANTILE) -> np.ndarray:
    """Return phi per state: a quantile of the constitutive peaks (paper eq. 7).

    Parameters
    ----------
    signal
        Mean coverage over the peak less that of the window around it without its centre.
    constitutive
        bool, peaks.
    quantile
        Of a state's constitutive peaks, mapped to 1.
    """
    return np.quantile(signal[:, constitutive], quantile, axis=1)


def paper_probability(signal: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """Return ``up / phi`` clipped to [0, 1] (paper eq. 7); 0 where phi is not positive."""
    return np.clip(signal / np.where(phi > 0, phi, np.inf)[:, None], 0.0, 1.0)


def inverse_frequency(norm: NormalizedCounts) -> np.ndarray:
    """Return ``log(1 + states / states with reads)`` of each peak (METHOD section 1)."""
    present = np.zeros(norm.shape[1])
    for rows in row_blocks(norm.shape):
        present += (read_rows(norm.counts, rows) > 0).sum(axis=0)
    return np.log(1 + norm.shape[0] / np.maximum(present, 1))


def tfidf(norm: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """Return ``log(1 + 1e4 counts / state total) * log(1 + states / states with reads)`` (METHOD section 1)."""
    return np.log1p(1e4 * norm) * inverse


def _divided(values: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Divide each state by its number; where that is not positive (or missing) the state becomes 0."""
    usable = by > 0
    # numpy's `where` is several times slower than dividing all and clearing the few
    out = values / np.where(usable, by, 1.0)[:, None]
    out[~usable] = 0.0
    return out
