"""A branching manifold whose truth is known: three trajectories from one state that share some of their motifs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream.datasets.simulation import MANIFOLD, simulate, strengths

if TYPE_CHECKING:
    from anndata import AnnData

TRAJECTORIES = ("A", "B", "C")
STEM = "stem"
TIMES = (1 / 3, 2 / 3, 1.0)
"""Of the states of a trajectory after the stem."""
BASELINE = -2.2
"""More motifs act in the stem than at the start of a single trajectory: peaks are as often open."""
SYNERGY = (0, 5, 1.5)
"""Two motifs that add to each other in the first trajectory."""


def simulated_manifold(n_peaks: int = 4000, width: int = 500, *, rng: int | np.random.Generator = 0) -> AnnData:
    """Simulate peaks on a branching manifold: three trajectories from one stem that share some of their motifs.

    Peaks, sequences and counts are made as in `simulated_trajectory`. Of eight planted motifs two act in all three
    trajectories (Spi1 opens elements in A and B and closes them in C; Runx1 closes them everywhere, most in A), three
    in two, and three in one alone. Spi1 and CEBPA add to each other in A.

    Parameters
    ----------
    n_peaks
        Number of peaks, at least 100.
    width
        bp, at least 100.
    rng
        Seed or generator.

    Returns
    -------
    AnnData, 10 states x peaks
        As `simulated_trajectory`, with the states stem, A1, A2, A3, B1, ..., C3. ``obs``: branch, time (0 at the stem,
        1 at the ends). ``obsm["activity_true"]``: what each planted motif adds to the logit of accessibility at full
        occupancy. ``uns["trajectories"]``: start and end state by name. ``uns["truth"]``: motifs, trajectories,
        effects (motifs x trajectories, end less start, logit units; 0 where a motif does nothing), spread, synergy,
        depth.

    Raises
    ------
    ValueError
        If a number is too small.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_manifold(n_peaks=200, rng=0)
    >>> adata.shape, adata.uns["truth"]["effects"].shape
    ((10, 200), (8, 3))
    """
    branch = np.array([0, *np.repeat(np.arange(len(TRAJECTORIES)), len(TIMES))])
    time = np.array([0.0, *np.tile(TIMES, len(TRAJECTORIES))])
    adata = on_branches(n_peaks, width, branch, time, np.random.default_rng(rng))
    adata.obs_names = state_names(branch, time)
    return adata


def on_branches(n_peaks: int, width: int, branch: np.ndarray, time: np.ndarray, rng: np.random.Generator) -> AnnData:
    """Return rows x peaks, with rows at a `time` (0-1) of a branch (number)."""
    strength = strengths(MANIFOLD, branch, time)
    first, second, size = SYNERGY
    pair = (first, second, size * time * (branch == 0))
    adata = simulate(n_peaks, width, MANIFOLD, strength, [pair], rng, baseline=BASELINE)
    adata.obs["branch"] = pd.Categorical(np.where(time == 0, STEM, np.array(TRAJECTORIES)[branch]))
    adata.obs["time"] = time
    adata.obsm["activity_true"] = strength
    adata.uns["trajectories"] = {name: np.array([STEM, f"{name}{len(TIMES)}"], dtype=object) for name in TRAJECTORIES}
    names = adata.uns["truth"]["motifs"]
    adata.uns["truth"] |= {
        "trajectories": np.array(TRAJECTORIES, dtype=object),
        "effects": np.array([motif.effects for motif in MANIFOLD]),
        "synergy": names[[first, second]],
    }
    return adata


def state_names(branch: np.ndarray, time: np.ndarray) -> list[str]:
    """Return the name of the state that each row is nearest to."""
    nearest = np.rint(time * len(TIMES)).astype(int)
    return [STEM if i == 0 else f"{TRAJECTORIES[b]}{i}" for b, i in zip(branch, nearest, strict=True)]
