"""Which motifs to trust: bootstraps and likelihood-ratio tests."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._core.correlation import correlation_matrix
from iceqream._core.false_discovery import false_discovery_rates
from iceqream._core.regression import fit_logistic, logistic
from iceqream._core.threads import threads
from iceqream._progress import progress_bar
from iceqream.inference.bootstraps import bootstraps
from iceqream.inference.design_matrix import columns, groups_with_pairs
from iceqream.inference.final_fit import signed_effects
from iceqream.models.trajectory import check_has_motifs
from iceqream.tl._fitted import Fitted, each_fitted

if TYPE_CHECKING:
    from collections.abc import Callable

    from anndata import AnnData
    from mudata import MuData

logger = logging.getLogger(__name__)

_INTERVAL = (2.5, 97.5)
_PEAKS_PER_COLUMN = 10
"""A whole model is fitted anew to this many peaks per column at least: with fewer the test has no power."""
_FEWEST_PEAKS_PER_COLUMN = 3
_LEAST_EIGENVALUE = 1e-13
"""Of a correlation matrix, per column: below it is rounding."""


def stability(
    data: AnnData | MuData,
    *,
    n_bootstraps: int = 50,
    peaks: Literal["test", "train"] = "test",
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    key_added: str | None = None,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    rng: int | np.random.Generator = 0,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Say how far each motif of a model can be trusted.

    The coefficients are fitted again on bootstraps of the training peaks, with the motifs as they are: how often a
    motif gets weight, how often its effect keeps its sign, and how far the effect varies. And each motif is tested by a
    likelihood ratio: the model with and without it and its pairs, unpenalised, on peaks that took no part in choosing
    the motifs. As the response is a fraction and no count, the ratio is divided by the dispersion and compared with an
    F distribution. Where there are too few such peaks to fit the whole model, the motif's own columns are tested beside
    the rest of the model as it is; where there are too few for that, the p-value is NaN and `test` says why.

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
    trajectory
        Name of one trajectory of a manifold (`iceqream.get.model`); ``None`` takes all.
    key_added
        Key of ``uns``; ``None`` takes ``"<key>_stability"``, where all trajectories of a manifold have their rows.
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
    ``None``, or the changed copy. Writes ``uns[key_added]``, a DataFrame with one row per motif, strongest first:
    effect (over the training peaks, pairs included, logit units, signed as in `iceqream.get.motifs_df`), effect_low,
    effect_high (95 % bootstrap interval), frequency (share of bootstraps in which it has weight), same_sign (share in
    which the effect has its sign), p_value, q_value (Benjamini-Hochberg), test ("whole model", "rest fixed", or why
    there is none). Of a manifold with the name of the trajectory in a first column, trajectory.

    Raises
    ------
    KeyError
        If there is no fit under the key, or no such trajectory.
    ValueError
        If the model has no motifs, `n_bootstraps` is below 2, or `peaks` is unknown.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.tl.stability(adata, n_bootstraps=10)
    >>> bool((adata.uns["iq_stability"]["q_value"] < 0.01).any())
    True
    """
    if n_bootstraps < 2:
        msg = f"n_bootstraps must be at least 2, got {n_bootstraps}."
        raise ValueError(msg)
    if peaks not in {"test", "train"}:
        msg = f"peaks must be 'test' or 'train', got {peaks!r}."
        raise ValueError(msg)
    fits = each_fitted(data, key, mod, trajectory=trajectory, copy=copy)
    for fit in fits.values():
        check_has_motifs(fit.model)
    if peaks == "train":
        logger.warning("p-values on training peaks are too small: the same peaks chose the motifs")
    fit = next(iter(fits.values()))
    key_added = key_added or f"{key}{_keys.STABILITY}"
    for name, one in fits.items():
        with threads(n_jobs):
            title = "stability" if name is None else f"stability, {name}"
            table = _table(one, n_bootstraps, peaks, np.random.default_rng(rng), title)
        if one.model.doubt:
            logger.warning("%s", one.model.doubt)
        fit.adata.uns[key_added] = _beside_others(fit.adata.uns.get(key_added), table, name or trajectory)
    return fit.data if copy else None


def _table(fit: Fitted, n_bootstraps: int, peaks: str, generator: np.random.Generator, title: str) -> pd.DataFrame:
    """Return the table of one model, strongest motif first."""
    judged = fit.peaks.is_train if peaks == "train" else ~fit.peaks.is_train
    with progress_bar(n_bootstraps + len(fit.model.pbms), title, "fit") as bar:
        effects, present = _bootstraps(fit, n_bootstraps, generator, bar.update)
        p_values, tests = _p_values(fit, judged, peaks, bar.update)
    effect = effects[0]
    low, high = np.percentile(effects[1:], _INTERVAL, axis=0)
    table = pd.DataFrame(
        {
            "effect": effect,
            "effect_low": low,
            "effect_high": high,
            "frequency": present.mean(axis=0),
            "same_sign": (np.sign(effects[1:]) == np.sign(effect)).mean(axis=0),
            "p_value": p_values,
            "q_value": false_discovery_rates(p_values),
            "test": tests,
        },
        index=pd.Index(fit.model.motif_names),
    )
    return table.iloc[np.argsort(-np.abs(effect), kind="stable")]


def _beside_others(stored: object, table: pd.DataFrame, trajectory: str | None) -> pd.DataFrame:
    """Return the table of a trajectory below those of a manifold's others, which stay."""
    if trajectory is None:
        return table
    table.insert(0, "trajectory", trajectory)
    if not isinstance(stored, pd.DataFrame) or "trajectory" not in stored:
        return table
    return pd.concat([stored[stored["trajectory"].astype(str) != trajectory].astype({"trajectory": str}), table])


def _bootstraps(
    fit: Fitted, n: int, rng: np.random.Generator, advance: Callable[[int], object]
) -> tuple[np.ndarray, np.ndarray]:
    """Return signed effects, (1 + n) x motifs, the model's own first, and in which resamples a motif has weight."""
    train, pairs = fit.peaks.is_train, fit.model.interactions
    values = fit.modelled_values[train]
    X = columns(values, pairs)
    groups = groups_with_pairs(values.shape[1], pairs)[: len(fit.model.pbms)]
    energies = values.astype(np.float64)

    def effects(coefficients: np.ndarray) -> np.ndarray:
        added = np.column_stack([X[:, group] @ coefficients[group] for group in groups])
        return signed_effects(energies, added)

    out, present = [effects(np.concatenate([fit.model.coefficients.ravel(), pairs.coefficients.ravel()]))], []
    for again in bootstraps(fit.model, fit.modelled_values, fit.peaks, fit.lambda_, fit.options, n, rng):
        out.append(effects(again.coefficients))
        present.append([again.coefficients[group].any() for group in groups])
        advance(1)
    return np.array(out), np.array(present)


def _p_values(
    fit: Fitted, judged: np.ndarray, peaks: str, advance: Callable[[int], object]
) -> tuple[np.ndarray, list[str]]:
    """Return the p-value of each motif on the judged peaks, and how it was tested, or why not."""
    model = fit.model
    X, y = columns(fit.modelled_values[judged], model.interactions), fit.peaks.response[judged]
    weights = np.ones(len(y)) if fit.peaks.weights is None else fit.peaks.weights[judged]
    coefficients = np.concatenate([model.coefficients.ravel(), model.interactions.coefficients.ravel()])
    whole = _Regression(X, y, weights) if len(y) > _PEAKS_PER_COLUMN * X.shape[1] else None
    p_values, tests = np.full(len(model.pbms), np.nan), []
    for motif, group in enumerate(groups_with_pairs(len(model.terms), model.interactions)[: len(p_values)]):
        if whole is not None:
            p_values[motif] = whole.p_value_of(group)
            tests.append("whole model")
        elif len(y) < _FEWEST_PEAKS_PER_COLUMN * (1 + len(group)):
            tests.append(f"{len(y)} {peaks} peaks are too few for {len(group)} columns")
        else:
            rest = np.delete(X, group, axis=1) @ np.delete(coefficients, group)
            beside = _Regression(np.column_stack([rest, X[:, group]]), y, weights)
            p_values[motif] = beside.p_value_of(1 + np.arange(len(group)))
            tests.append("rest fixed")
        advance(1)
    return p_values, tests


class _Regression:
    """An unpenalised regression whose columns can be tested."""

    def __init__(self, X: np.ndarray, y: np.ndarray, weights: np.ndarray) -> None:
        self.X, self.y, self.weights = X, y, weights
        self.fit = fit_logistic(X, y, lambda_=0.0, weights=weights)
        # one product of the columns serves the ranks of all their subsets
        self._correlation = correlation_matrix(X)
        self._varies = np.ptp(X, axis=0) > 0
        self.rank = self._rank(np.arange(X.shape[1]))
        p = logistic(self.fit.linear_predictor(X))
        squares = weights / weights.mean() * (y - p) ** 2 / np.maximum(p * (1 - p), 1e-12)
        self.dispersion = float(squares.sum() / max(len(y) - self.rank, 1))

    def p_value_of(self, group: np.ndarray) -> float:
        """Return the p-value of the quasi-likelihood F test of some columns."""
        from scipy.stats import f as f_distribution

        keep = np.setdiff1d(np.arange(self.X.shape[1]), group)
        freedom = self.rank - self._rank(keep)
        if freedom == 0 or self.dispersion == 0:
            return 1.0
        start = self.fit.take(keep)
        reduced = fit_logistic(self.X[:, keep], self.y, lambda_=0.0, weights=self.weights, start=start)
        # the objective is the mean loss: half the deviance per peak
        n = len(self.y)
        ratio = 2 * n * max(reduced.objective - self.fit.objective, 0.0) / freedom / self.dispersion
        return float(f_distribution.sf(ratio, freedom, n - self.rank))

    def _rank(self, columns: np.ndarray) -> int:
        """Return the rank of some columns and the intercept."""
        inside = columns[self._varies[columns]]
        values = np.linalg.eigvalsh(self._correlation[np.ix_(inside, inside)])
        return 1 + int((values > _LEAST_EIGENVALUE * len(inside)).sum())
