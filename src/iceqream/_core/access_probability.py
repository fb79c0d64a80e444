"""From counts to access probabilities, step by step (METHOD section 1); states x peaks throughout."""

from __future__ import annotations

import numpy as np

PSEUDO = 1e-5
"""Added before the logarithm of a normalised signal."""
REGIONAL_QUANTILE = 0.1
PAPER_QUANTILE = 0.85
TOP_SHARE = 0.1
MIN_CONSTITUTIVE = 50
_MOST_WINDOW = 0.25


def normalize_regional(counts: np.ndarray, regional: np.ndarray | None) -> np.ndarray:
    """Divide by the regional factor ``max(r / quantile(r, 0.1), 1)`` and each state by its sum.

    Parameters
    ----------
    counts
        Reads or coverage per state and peak.
    regional
        Sum over all states in the window around each peak, without the peak; ``None`` leaves the factor out.

    Returns
    -------
    float64; rows sum to 1 (to 0 where a state has no reads).
    """
    x = np.asarray(counts, dtype=np.float64)
    if regional is not None:
        regional = np.asarray(regional, dtype=np.float64)
        reference = np.quantile(regional, REGIONAL_QUANTILE)
        factor = np.maximum(regional / reference, 1.0) if reference > 0 else np.ones_like(regional)
        x = x / factor
    total = x.sum(axis=1, keepdims=True)
    return np.divide(x, total, out=np.zeros_like(x), where=total > 0)


def lowest_signal(norm: np.ndarray) -> np.ndarray:
    """Return ``min over states of log2(norm + 1e-5)``, float64, peaks; states without reads are left out."""
    filled = norm[norm.sum(axis=1) > 0]
    return np.log2(filled + PSEUDO).min(axis=0) if len(filled) else np.full(norm.shape[1], np.log2(PSEUDO))


def choose_constitutive(norm: np.ndarray) -> np.ndarray:
    """Choose peaks that are open in every state: strong everywhere, and alike in how they vary.

    Candidates are the peaks whose lowest rank over the states is in the top decile. Open peaks share what is not
    biology: how much of a state's signal the other peaks take. So each candidate's log signal is compared with the
    median of all candidates state by state, and the half that follows it most closely is kept (50 at least).

    Returns
    -------
    bool, peaks.
    """
    filled = norm[norm.sum(axis=1) > 0]
    n = norm.shape[1]
    chosen = np.zeros(n, dtype=bool)
    if len(filled) == 0:
        return chosen
    rank = filled.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    size = min(max(round(TOP_SHARE * n), MIN_CONSTITUTIVE), n)
    candidates = np.argsort(-rank.min(axis=0), kind="stable")[:size]
    candidates = candidates[(filled[:, candidates] > 0).all(axis=0)]
    if len(candidates) == 0:
        return chosen
    profile = np.log2(filled[:, candidates])
    profile -= np.median(profile, axis=0)
    distance = np.sqrt(((profile - np.median(profile, axis=1, keepdims=True)) ** 2).mean(axis=0))
    kept = min(max(len(candidates) // 2, MIN_CONSTITUTIVE), len(candidates))
    chosen[candidates[np.argsort(distance, kind="stable")[:kept]]] = True
    return chosen


def normalize_constitutive(
    norm: np.ndarray,
    constitutive: np.ndarray,
    anchor: int | None,
    *,
    quantile: float = 1.0,
    scaling_quantile: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Scale states so that their constitutive peaks carry the same signal.

    Parameters
    ----------
    norm
        From `normalize_regional`.
    constitutive
        bool, peaks.
    anchor
        State that keeps its scale; ``None``: the mean over states.
    quantile
        Of all values together: what is mapped to the top, and clipped there.
    scaling_quantile
        Divides the top.

    Returns
    -------
    Scaled signal, and the factor that each state was divided by (NaN without reads).
    """
    share = norm[:, constitutive].sum(axis=1)
    present = share > 0
    reference = share[present].mean() if anchor is None else share[anchor]
    factor = np.where(present, share / reference, np.nan)
    scaled = np.divide(norm, factor[:, None], out=np.zeros_like(norm), where=present[:, None])
    top = norm.max() if anchor is None else norm[anchor].max()
    return np.minimum(scaled / np.quantile(scaled, quantile), 1.0) * top / scaling_quantile, factor


def to_probability(norm_const: np.ndarray, constitutive: np.ndarray, quantile: float) -> tuple[np.ndarray, float]:
    """Map the quantile of all constitutive peaks and states to 1, clip, and stretch each state to [0, 1].

    Returns
    -------
    Access probabilities and the signal that means 1.
    """
    top = float(np.quantile(norm_const[:, constitutive], quantile))
    probability = np.minimum(norm_const / top, 1.0)
    low = probability.min(axis=1, keepdims=True)
    span = probability.max(axis=1, keepdims=True) - low
    return np.divide(probability - low, span, out=np.zeros_like(probability), where=span > 0), top


def paper_probability(
    density: np.ndarray, background: np.ndarray, constitutive: np.ndarray, quantile: float = PAPER_QUANTILE
) -> tuple[np.ndarray, np.ndarray]:
    """Return ``up / phi`` clipped to [0, 1], and phi per state (paper eq. 5-7).

    Parameters
    ----------
    density, background
        Mean coverage over the peak, and over the window around it without its centre.
    constitutive
        bool, peaks.
    quantile
        Of a state's constitutive peaks, mapped to 1.
    """
    signal = density - background
    phi = np.quantile(signal[:, constitutive], quantile, axis=1)
    safe = np.where(phi > 0, phi, np.inf)
    return np.clip(signal / safe[:, None], 0.0, 1.0), phi


def tfidf(counts: np.ndarray) -> np.ndarray:
    """Return ``log(1 + 1e4 counts / state total) * log(1 + states / states with reads)`` (METHOD section 1)."""
    x = np.asarray(counts, dtype=np.float64)
    total = x.sum(axis=1, keepdims=True)
    frequency = np.divide(x, total, out=np.zeros_like(x), where=total > 0)
    present = (x > 0).sum(axis=0)
    inverse = np.log(1 + x.shape[0] / np.maximum(present, 1))
    return np.log1p(1e4 * frequency) * inverse
