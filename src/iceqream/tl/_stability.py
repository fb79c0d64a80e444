"""Which motifs to trust: bootstraps and likelihood-ratio tests."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._core.correlation import correlations
from iceqream._core.regression import fit_logistic, logistic
from iceqream._core.response import N_RESPONSES, responses
from iceqream._core.threads import threads
from iceqream._progress import progress_bar
from iceqream.models.final_fit import columns
from iceqream.tl._fitted import Fitted, fitted

if TYPE_CHECKING:
    from collections.abc import Callable

    from anndata import AnnData
    from mudata import MuData

logger = logging.getLogger(__name__)

_INTERVAL = (2.5, 97.5)


def stability(
    data: AnnData | MuData,
    *,
    n_bootstraps: int = 50,
    peaks: Literal["test", "train"] = "test",
    key: str = _keys.MODEL,
    key_added: str = _keys.STABILITY,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    rng: int | np.random.Generator = 0,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Say how far each motif of a model can be trusted.

    The coefficients are fitted again on bootstraps of the training peaks, with the motifs as they are: how often a
    motif gets weight, how often its effect keeps its sign, and how far the effect varies. And each motif is tested by a
    likelihood ratio: the model with and without it, unpenalised, on peaks that took no part in choosing the motifs. As
    the response is a fraction and no count, the ratio is divided by the dispersion and compared with an F distribution.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model.
    n_bootstraps
        Resamples of the training peaks.
    peaks
        Peaks of the test: ``"test"``, the held-out ones; ``"train"``: p-values are then too small, because the same
        peaks chose the motifs.
    key
        Key of ``uns`` and ``varm`` where the model is.
    key_added
        Key of ``uns``.
    mod
        Modality of a MuData that holds the peaks.
    n_jobs
        Threads; the result does not depend on it.
    rng
        Seed or generator of the bootstraps.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``uns[key_added]``, a DataFrame with one row per motif: effect (standard
    deviation of the partial response over the training peaks, logit units, signed as in `iceqream.get.motifs_df`),
    effect_low, effect_high (95 % bootstrap interval), frequency (share of bootstraps in which it has weight),
    same_sign (share in which the effect has its sign), p_value, q_value (Benjamini-Hochberg).

    Raises
    ------
    KeyError
        If there is no fit under the key.
    ValueError
        If there are too few peaks to test on, or `n_bootstraps` is below 2.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None)
    >>> iq.tl.stability(adata, n_bootstraps=10)
    >>> bool((adata.uns["iq_stability"]["q_value"] < 0.01).any())
    True
    """
    if n_bootstraps < 2:
        msg = f"n_bootstraps must be at least 2, got {n_bootstraps}."
        raise ValueError(msg)
    fit = fitted(data, key, mod, copy=copy)
    judged = fit.peaks.is_train if peaks == "train" else ~fit.peaks.is_train
    n_columns = N_RESPONSES * len(fit.model.terms) + fit.model.interactions.coefficients.size
    if judged.sum() <= 2 * n_columns:
        msg = (
            f"{int(judged.sum())} {peaks} peaks are too few to test a model of {n_columns} coefficients. Fit with a "
            'larger split, or pass peaks="train" (p-values are then too small).'
        )
        raise ValueError(msg)
    if peaks == "train":
        logger.warning("p-values on training peaks are too small: the same peaks chose the motifs")
    generator = np.random.default_rng(rng)
    n_motifs = len(fit.model.pbms)
    with threads(n_jobs), progress_bar(n_bootstraps + n_motifs, "stability", "fit") as bar:
        effects, present = _bootstraps(fit, n_bootstraps, generator, bar.update)
        p_values = _likelihood_ratios(fit, judged, bar.update)
    from scipy.stats import false_discovery_control

    effect = effects[0]
    low, high = np.percentile(effects[1:], _INTERVAL, axis=0)
    fit.adata.uns[key_added] = pd.DataFrame(
        {
            "effect": effect,
            "effect_low": low,
            "effect_high": high,
            "frequency": present.mean(axis=0),
            "same_sign": (np.sign(effects[1:]) == np.sign(effect)).mean(axis=0),
            "p_value": p_values,
            "q_value": false_discovery_control(p_values),
        },
        index=pd.Index(fit.model.motif_names),
    )
    return fit.data if copy else None


def _bootstraps(
    fit: Fitted, n: int, rng: np.random.Generator, advance: Callable[[int], object]
) -> tuple[np.ndarray, np.ndarray]:
    """Return signed effects, (1 + n) x motifs, the model's own first, and in which resamples a motif has weight."""
    train = fit.peaks.is_train
    values, y, weights = fit.modelled_values[train], fit.peaks.response[train], fit.peaks.training_weights[train]
    X = columns(values, fit.model.interactions)
    n_motifs = len(fit.model.pbms)
    expanded = responses(values[:, :n_motifs])
    energies = values[:, :n_motifs].astype(np.float64)
    lambda_, l1_ratio = fit.lambda_, fit.options.l1_ratio

    def effects(coefficients: np.ndarray) -> np.ndarray:
        partial = np.einsum("nfr,fr->nf", expanded, coefficients)
        sign = [np.sign(correlations(energies[:, [i]], partial[:, i])[0, 0]) for i in range(n_motifs)]
        return np.array(sign) * partial.std(axis=0)

    whole = fit_logistic(X, y, lambda_=lambda_, l1_ratio=l1_ratio, weights=weights)
    out, present = [effects(fit.model.coefficients[:n_motifs])], []
    for _ in range(n):
        drawn = np.bincount(rng.integers(len(y), size=len(y)), minlength=len(y))
        again = fit_logistic(X, y, lambda_=lambda_, l1_ratio=l1_ratio, weights=weights * drawn, start=whole)
        coefficients = again.coefficients[: N_RESPONSES * n_motifs].reshape(n_motifs, N_RESPONSES)
        out.append(effects(coefficients))
        present.append((coefficients != 0).any(axis=1))
        advance(1)
    return np.array(out), np.array(present)


def _likelihood_ratios(fit: Fitted, judged: np.ndarray, advance: Callable[[int], object]) -> np.ndarray:
    """Return the p-value of each motif: quasi-likelihood F test of its columns on the judged peaks."""
    from scipy.stats import f as f_distribution

    pairs, n_terms = fit.model.interactions, len(fit.model.terms)
    X = columns(fit.modelled_values[judged], pairs)
    y = fit.peaks.response[judged]
    weights = np.ones(len(y)) if fit.peaks.weights is None else fit.peaks.weights[judged]
    full = fit_logistic(X, y, lambda_=0.0, weights=weights)
    width = pairs.coefficients.shape[1]
    n = len(y)
    p = logistic(full.linear_predictor(X))
    rank = int(np.linalg.matrix_rank(np.column_stack([np.ones(n), X])))
    relative = weights / weights.mean()
    dispersion = float((relative * (y - p) ** 2 / np.maximum(p * (1 - p), 1e-12)).sum() / (n - rank))
    out = np.ones(len(fit.model.pbms))
    for motif in range(len(out)):
        own = N_RESPONSES * motif + np.arange(N_RESPONSES)
        shared = np.flatnonzero((pairs.first == motif) | (pairs.second == motif))
        leaving = np.concatenate([own, *(N_RESPONSES * n_terms + width * k + np.arange(width) for k in shared)])
        keep = np.setdiff1d(np.arange(X.shape[1]), leaving)
        reduced = fit_logistic(X[:, keep], y, lambda_=0.0, weights=weights)
        freedom = rank - int(np.linalg.matrix_rank(np.column_stack([np.ones(n), X[:, keep]])))
        if freedom > 0:
            # the objective is the mean loss: half the deviance per peak
            ratio = 2 * n * max(reduced.objective - full.objective, 0.0) / freedom / dispersion
            out[motif] = float(f_distribution.sf(ratio, freedom, n - rank))
        advance(1)
    return out
