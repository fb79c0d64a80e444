"""Rows that are matched in a covariate."""

from __future__ import annotations

import numpy as np


def matched(
    wanted: np.ndarray, candidates: np.ndarray, n_each: int, bin_size: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw candidates so that in every bin of the covariate there are `n_each` for each wanted row.

    Parameters
    ----------
    wanted, candidates
        The covariate of both.
    n_each
        Candidates per wanted row.
    bin_size
        In units of the covariate.
    rng
        Generator of what is drawn.

    Returns
    -------
    Positions of the wanted rows that stay (where a bin has too few candidates, some leave), and of the candidates.
    """
    bins = [np.floor(values / bin_size).astype(np.int64) for values in (wanted, candidates)]
    kept, drawn = [], []
    for name in np.unique(bins[0]):
        rows, pool = (np.flatnonzero(of == name) for of in bins)
        n = min(len(rows), len(pool) // n_each)
        kept.append(np.sort(rng.permutation(rows)[:n]))
        drawn.append(np.sort(rng.permutation(pool)[: n * n_each]))
    return np.sort(np.concatenate(kept)), np.sort(np.concatenate(drawn))
