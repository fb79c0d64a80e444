"""Clusters of peaks by where they are accessible."""

from __future__ import annotations

import logging
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import peak_mask, prepare
from iceqream._core.messages import examples
from iceqream._core.peak_clusters import in_order, k_means, silhouettes
from iceqream._groups import profiles
from iceqream._stored_models import check_no_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from mudata import MuData

    from iceqream._groups import Groups

logger = logging.getLogger(__name__)

MIN_RANGE = 0.1
CANDIDATES = (3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30)
_SMALLEST = 20
"""Peaks per cluster on average, of candidates that are tried without being asked for."""


def cluster_peaks(
    data: AnnData | MuData,
    n_clusters: int | Sequence[int] | None = None,
    *,
    groupby: Groups | None = None,
    layer: str = _keys.ACCESS_PROBABILITY,
    peaks: Any = None,
    min_range: float = MIN_RANGE,
    standardize: bool = True,
    key_added: str = _keys.PEAK_CLUSTER,
    mod: str = _keys.ATAC,
    rng: int | np.random.Generator = 0,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Cluster peaks by their access probability across states: k-means, as in fig. 4D.

    Every peak's profile is brought to mean 0 and standard deviation 1 over the states, so that clusters are patterns
    (open in which states) and not levels; distances are then those of correlations. Clusters are numbered so that
    neighbours have similar profiles.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData.
    n_clusters
        Number of clusters; several numbers, or ``None`` for 3 to 30, of which the one with the highest mean silhouette
        is taken (judged on at most 20,000 peaks; all are in the log). Silhouettes favour few clusters: where details
        matter, say how many.
    groupby
        Groups of rows whose means are the states, as in `iceqream.pp.pseudobulk`: with metacells of many types, groups
        keep an abundant type from counting more. ``None`` takes every row as a state.
    layer
        Access probabilities.
    peaks
        Peaks to cluster, as in `iceqream.tl.fit_trajectory`; ``None`` takes all.
    min_range
        Peaks whose access probability spans less over the states are constant and left out. Noise spans more the more
        rows there are: of many shallow metacells raise it, or group them.
    standardize
        Whether to standardise the profiles; otherwise levels count as well.
    key_added
        Column of ``var``, and key of ``uns``.
    mod
        Modality of a MuData that holds the peaks.
    rng
        Seed or generator of the starts and samples.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``var[key_added]`` (category ``"1"``, ``"2"``, ...; missing for peaks that
    were left out) and ``uns[key_added]``: params, and of the numbers that were tried candidates and silhouettes.

    Raises
    ------
    KeyError
        If there is no such layer, column or peak.
    ValueError
        If access probabilities are missing, there are fewer than two states, or fewer variable peaks than clusters.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> iq.tl.cluster_peaks(adata, 4)
    >>> adata.var["peak_cluster"].cat.categories.tolist()
    ['1', '2', '3', '4']
    """
    if not isinstance(min_range, Real) or not 0 <= min_range <= 1:
        msg = f"min_range is a span of access probabilities, from 0 to 1, got {min_range!r}."
        raise ValueError(msg)
    check_no_model(data, key_added, mod)
    data, adata = prepare(data, mod, copy=copy)
    generator = np.random.default_rng(rng)
    states, values = profiles(data, layer, groupby, mod)
    if len(states) < 2:
        msg = f"Peaks are clustered by what differs between states; there is only {examples(states) or 'none'}."
        raise ValueError(msg)
    chosen = np.ones(adata.n_vars, dtype=bool) if peaks is None else peak_mask(adata, peaks)
    variable = _variable(adata, values, chosen, min_range)
    patterns = np.ascontiguousarray(values[:, variable].T, dtype=np.float32)
    if standardize:
        patterns -= patterns.mean(axis=1, keepdims=True)
        patterns /= patterns.std(axis=1, keepdims=True)
    candidates = _candidates(n_clusters, len(patterns))
    scores = np.array([])
    wanted = candidates[0]
    if len(candidates) > 1:
        scores = silhouettes(patterns, candidates, generator)
        wanted = candidates[int(scores.argmax())]
        said = ", ".join(f"{n}: {score:.3f}" for n, score in zip(candidates, scores, strict=True))
        most = "; no more were tried" if wanted == candidates[-1] else ""
        logger.info("%d clusters have the highest mean silhouette (%s%s)", wanted, said, most)
    labels = in_order(k_means(patterns, wanted, generator), patterns)
    codes = np.full(adata.n_vars, -1, dtype=np.int64)
    codes[variable] = labels
    names = pd.Index([str(i + 1) for i in range(labels.max() + 1)])
    column = pd.Categorical.from_codes(codes, names)
    logger.info("clusters of %d peaks: %s", len(labels), ", ".join(map(str, np.bincount(labels))))
    adata.var[key_added] = column
    adata.uns[key_added] = {
        "params": {
            "n_clusters": len(column.categories),
            "n_states": len(states),
            "layer": layer,
            "groupby": groupby if isinstance(groupby, str) else "",
            "min_range": float(min_range),
            "standardize": bool(standardize),
        },
        "candidates": np.array(candidates, dtype=np.int64),
        "silhouettes": scores,
    }
    return data if copy else None


def _variable(adata: AnnData, values: np.ndarray, chosen: np.ndarray, min_range: float) -> np.ndarray:
    """Return the positions of the peaks that vary, and say how many do not."""
    low, high = values.min(axis=0), values.max(axis=0)
    missing = chosen & ~np.isfinite(high - low)
    if missing.any():
        msg = (
            f"{int(missing.sum())} peaks have missing access probabilities, for instance "
            f"{examples(adata.var_names[missing])}. Replace them, or leave these peaks out with peaks=..."
        )
        raise ValueError(msg)
    spread = high - low
    varies = chosen & (spread >= min_range) & (spread > 0)
    constant = int(chosen.sum() - varies.sum())
    if constant:
        logger.info("%d of %d peaks span less than %g over the states and are left out (min_range)", constant,
                    chosen.sum(), min_range)  # fmt: skip
    return np.flatnonzero(varies)


def _candidates(n_clusters: int | Sequence[int] | None, n_peaks: int) -> list[int]:
    if n_clusters is None:
        asked = [n for n in CANDIDATES if n * _SMALLEST <= n_peaks] or [2]
    else:
        given = np.atleast_1d(np.asarray(n_clusters))
        whole = np.issubdtype(given.dtype, np.integer)
        asked = sorted(set(given.tolist())) if whole else []
    if not asked or asked[0] < 2:
        msg = f"n_clusters must be a whole number of at least 2, or several, got {n_clusters!r}."
        raise ValueError(msg)
    if asked[-1] > n_peaks:
        msg = (
            f"{n_peaks} variable peaks cannot make {asked[-1]} clusters: lower min_range or n_clusters, or choose "
            "other peaks."
        )
        raise ValueError(msg)
    return asked
