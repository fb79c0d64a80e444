"""Mean profiles around sites, with bootstraps over the groups that sites belong to."""

from __future__ import annotations

import numpy as np

_BAND = (2.5, 97.5)


def binned(windows: np.ndarray, bin_size: int) -> np.ndarray:
    """Return the means of bins of windows, n x bins, NaN where no base is known; the width is a multiple of bins."""
    parts = windows.reshape(len(windows), -1, bin_size)
    known = np.isfinite(parts)
    n = known.sum(axis=2)
    return np.divide(np.where(known, parts, 0.0).sum(axis=2), n, out=np.full(n.shape, np.nan), where=n > 0)


def mean_profile(
    windows: np.ndarray, group: np.ndarray, draws: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mean of windows and its 95 % band.

    Parameters
    ----------
    windows
        n x bins; NaN is left out.
    group
        int64, n: groups (0, 1, ...) that are drawn as a whole.
    draws
        How often each group was drawn, bootstraps x groups.

    Returns
    -------
    Three float64 arrays of a value per bin.
    """
    known = np.isfinite(windows)
    sums, counts = (np.zeros((draws.shape[1], windows.shape[1])) for _ in range(2))
    np.add.at(sums, group, np.where(known, windows, 0.0))
    np.add.at(counts, group, known)
    with np.errstate(invalid="ignore"):
        mean = sums.sum(axis=0) / counts.sum(axis=0)
        again = (draws @ sums) / (draws @ counts)
    low, high = np.full((2, len(mean)), np.nan)
    seen = np.isfinite(again).any(axis=0)
    if seen.any():
        low[seen], high[seen] = np.nanpercentile(again[:, seen], _BAND, axis=0)
    return mean, low, high


def bootstrap_draws(n_groups: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return how often each group is drawn, float64, n x groups."""
    return rng.multinomial(n_groups, np.full(n_groups, 1.0 / n_groups), size=n).astype(np.float64)
