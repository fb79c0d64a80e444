"""A branching manifold whose truth is known: three trajectories from one state that share some of their motifs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from anndata import AnnData

from iceqream import _keys
from iceqream.datasets.simulation import MANIFOLD, simulate, strengths

if TYPE_CHECKING:
    from mudata import MuData

TRAJECTORIES = ("A", "B", "C")
STEM = "stem"
TIMES = (1 / 3, 2 / 3, 1.0)
"""Of the states of a trajectory after the stem."""
BASELINE = -2.2
"""More motifs act in the stem than at the start of a single trajectory: peaks are as often open."""
SYNERGY = (0, 5, 1.5)
"""Two motifs that add to each other in the first trajectory."""
GENES = (
    ("SPI1", "SPIB", "ETS1"),
    ("RUNX1", "RUNX2", "RUNX3"),
    ("POU2F2", "POU5F1", "POU2F1"),
    ("GATA1", "GATA2", "GATA3"),
    ("TEAD1", "TEAD4", "TEAD2"),
    ("CEBPA", "CEBPB", "CEBPG"),
    ("FOXO1", "FOXA2", "FOXP1"),
    ("EBF1", "EBF2", "EBF3"),
)
"""Of each planted motif's family: the gene that is expressed as the motif acts, one that is expressed as another motif
acts, and one that does not change."""
_PROGRAMMES = (STEM, *TRAJECTORIES, "cycle", "")
_SHARES = (0.1, 0.1, 0.1, 0.1, 0.02, 0.58)
"""Of the genes that belong to no motif, by programme; the last ones have none."""
_LOG_FOLDS = (0.7, 2.5)
"""Smallest and largest change of a gene along its programme, natural log."""
_GENE_SD = 0.25
"""Of a gene's log expression among metacells, beside the counts."""


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


def simulated_manifold_multiome(
    n_peaks: int = 4000,
    width: int = 500,
    *,
    n_metacells: int = 200,
    n_genes: int = 600,
    rng: int | np.random.Generator = 0,
) -> MuData:
    """Simulate metacells with accessibility and expression on a branching manifold.

    Metacells lie everywhere between the stem and the three ends. Of the family of each planted motif three genes are
    expressed: one as the motif acts (POU2F2 for the motif of POU5F1, TEAD1 for TEAD4, FOXO1 for FOXA2, else the gene
    of the motif's name), one as another motif acts that has least to do with it, and one evenly. Of the other genes
    some belong to the stem, to a trajectory, or to a cycle that all metacells are in.

    Parameters
    ----------
    n_peaks, width, rng
        As in `simulated_manifold`.
    n_metacells
        Metacells, at least 30, a third on each trajectory.
    n_genes
        Genes of the RNA modality, at least 100: the 24 of the motifs' families first.

    Returns
    -------
    MuData
        ``mod["atac"]``: as `simulated_manifold`, metacells x peaks; ``mod["rna"]``: counts, metacells x genes.
        ``obs`` of the whole and of both: state (the nearest of those of `simulated_manifold`), branch, time. ``var`` of
        the RNA: motif (whose family the gene is in, "" for others), follows (the motif or programme that it is
        expressed like, "" for none). ``uns["truth"]`` of the RNA: motifs, and genes (the one of each that is expressed
        as the motif acts).

    Raises
    ------
    ValueError
        If a number is too small.

    Examples
    --------
    >>> import iceqream as iq
    >>> mdata = iq.datasets.simulated_manifold_multiome(n_peaks=200, n_metacells=60, rng=0)
    >>> mdata["rna"].uns["truth"]["genes"].tolist()[:3]
    ['SPI1', 'RUNX1', 'POU2F2']
    """
    from mudata import MuData

    if n_metacells < 10 * len(TRAJECTORIES) or n_genes < 100:
        msg = f"simulated_manifold_multiome needs 30 metacells and 100 genes or more, got {n_metacells} and {n_genes}."
        raise ValueError(msg)
    generator = np.random.default_rng(rng)
    branch = np.arange(n_metacells) % len(TRAJECTORIES)
    time = generator.random(n_metacells)
    atac = on_branches(n_peaks, width, branch, time, generator)
    rna = _expression(atac.obsm["activity_true"], branch, time, n_genes, generator)
    states = state_names(branch, time)
    obs = pd.DataFrame(
        {
            "state": pd.Categorical(states),
            "branch": pd.Categorical([state.rstrip("123") for state in states]),
            "time": time,
        },
        index=[f"M{i + 1:03d}" for i in range(n_metacells)],
    )
    atac.obs, rna.obs = obs, obs.copy()
    mdata = MuData({_keys.ATAC: atac, _keys.RNA: rna})
    mdata.obs[obs.columns] = obs
    return mdata


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


def _expression(
    activity: np.ndarray, branch: np.ndarray, time: np.ndarray, n_genes: int, rng: np.random.Generator
) -> AnnData:
    """Return counts of genes in rows where the planted motifs have this activity (rows x motifs)."""
    motifs = np.array([motif.name for motif in MANIFOLD], dtype=object)
    programmes = {
        STEM: 1.0 - time,
        **{name: time * (branch == i) for i, name in enumerate(TRAJECTORIES)},
        "cycle": 0.5 + 0.5 * np.sin(rng.uniform(0.0, 2 * np.pi, size=len(time))),
        **dict(zip(motifs, (activity / activity.max(axis=0)).T, strict=True)),
        "": np.zeros(len(time)),
    }
    unlike = motifs[np.abs(np.corrcoef(activity.T)).argmin(axis=1)]
    family_follows = np.column_stack([motifs, unlike, np.full(len(motifs), "", dtype=object)]).ravel()
    others = n_genes - family_follows.size
    follows = np.concatenate([family_follows, rng.choice(np.array(_PROGRAMMES, dtype=object), size=others, p=_SHARES)])
    folds = rng.uniform(*_LOG_FOLDS, size=n_genes)
    folds[: family_follows.size] = _LOG_FOLDS[1]
    level = rng.normal(np.log(20.0), 1.0, size=n_genes)
    logs = level + folds * np.column_stack([programmes[name] for name in follows])
    logs += rng.normal(0.0, _GENE_SD, size=logs.shape)
    library = rng.lognormal(0.0, 0.3, size=len(time))
    rna = AnnData(rng.poisson(np.exp(logs) * library[:, None]).astype(np.float32))
    rna.var_names = [*np.ravel(GENES), *(f"gene{i + 1}" for i in range(others))]
    rna.var["motif"] = [*np.repeat(motifs, len(GENES[0])), *[""] * others]
    rna.var["follows"] = follows
    rna.uns["truth"] = {"motifs": motifs, "genes": np.array([genes[0] for genes in GENES], dtype=object)}
    return rna
