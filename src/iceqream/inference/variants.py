"""Other models of the same peaks: linear, additive and boosted ones, and the best motifs of a library.

Each learns from the training peaks alone, penalties and the number of trees included.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from iceqream._core.correlation import correlations
from iceqream.inference.consolidation import Contributions, cluster_motifs
from iceqream.inference.selection import select_motifs

if TYPE_CHECKING:
    from iceqream.inference.options import FitOptions
    from iceqream.inference.peaks import ModelledPeaks
    from iceqream.inference.screening import Screen
    from iceqream.motifs import MotifSet

_PENALTIES = np.logspace(-4.0, 2.0, 13)
"""Of the linear model, per training peak, for columns of standard deviation 1."""
_SMOOTHNESS = np.logspace(-4.0, 1.0, 6)
"""Penalties of the additive model, per training peak."""
_SPLINES = 6
"""Columns per term of the additive model, cubic."""
_DENSEST = 0.5
"""Of an additive model: degrees of freedom at most, as a part of the training peaks."""
_TOP = 10.0
_LEAVES = (8, 31)
_LEARNING_RATE = 0.05
_MOST_TREES = 2000
_PATIENCE = 20
_VALIDATION = 0.15
"""Part of the training peaks that decides how many trees there are."""
_BLOCK = 64


def has_xgboost() -> bool:
    """Return whether xgboost is installed."""
    return find_spec("xgboost") is not None


def linear(values: np.ndarray, peaks: ModelledPeaks) -> np.ndarray:
    """Return predictions of a ridge regression, its penalty chosen by leaving single training peaks out.

    Parameters
    ----------
    values
        Modelled peaks x terms.
    peaks
        Their dAP, split and weights.

    Returns
    -------
    float64, predicted dAP of the modelled peaks; their mean in training where no term varies.
    """
    from sklearn.linear_model import RidgeCV

    X, train, weights = _standardized(values, peaks), _training(peaks), _weights(peaks)
    if X.shape[1] == 0:
        return _mean(peaks)
    fit = RidgeCV(alphas=_PENALTIES * len(weights)).fit(X[train], peaks.dap[train], sample_weight=weights)
    return fit.predict(X)


def additive(values: np.ndarray, peaks: ModelledPeaks) -> np.ndarray:
    """Return predictions of a generalised additive model with a spline for each term (statsmodels).

    One penalty for all curves has the lowest generalised cross-validation score in training; straight lines are not
    penalised, so with fewer than two training peaks per term it is the linear model that predicts. Parameters and
    result are those of `linear`; values are on the scale of 0-10.
    """
    from statsmodels.gam.api import BSplines, GLMGam

    X, train = values[:, _varying(values, peaks)].astype(np.float64), _training(peaks)
    n, each = int(train.sum()), X.shape[1]
    if each > _DENSEST * n or each == 0:
        return linear(values, peaks)
    knots = {"spacing": "equal", "lower_bound": 0.0, "upper_bound": _TOP}
    splines = BSplines(X[train], df=[_SPLINES] * each, degree=[3] * each, knot_kwds=[knots] * each)
    best, lowest = None, np.inf
    # from the smoothest on: with few peaks the others have too many degrees of freedom to be judged
    for alpha in _SMOOTHNESS[::-1] * n:
        model = GLMGam(
            peaks.dap[train],
            np.ones((n, 1)),
            smoother=splines,
            alpha=np.full(each, alpha),
            var_weights=_weights(peaks),
        )
        # its own estimate of the scale divides by peaks less columns, of which there may be more
        found = model.fit(scale=1.0)
        freedom = float(found.edf.sum())
        score = float(_weights(peaks) @ np.square(found.resid_response)) / (1 - min(freedom / n, _DENSEST)) ** 2
        if best is not None and (freedom > _DENSEST * n or score >= lowest):
            break
        best, lowest = found, score
    return np.asarray(best.predict(np.ones((len(X), 1)), exog_smooth=X))  # type: ignore[union-attr]


def boosted(values: np.ndarray, peaks: ModelledPeaks, seed: int) -> np.ndarray:
    """Return predictions of gradient-boosted trees (scikit-learn's histogram booster).

    The number of trees and their size, 8 or 31 leaves, are those that predict best a part of the training peaks that
    the trees do not see. Parameters and result are those of `linear`.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    train = _training(peaks)
    if values.shape[1] == 0:
        return _mean(peaks)
    fits = [
        HistGradientBoostingRegressor(
            learning_rate=_LEARNING_RATE,
            max_iter=_MOST_TREES,
            max_leaf_nodes=leaves,
            early_stopping=True,
            validation_fraction=_VALIDATION,
            n_iter_no_change=_PATIENCE,
            random_state=seed % 2**32,
        ).fit(values[train], peaks.dap[train], sample_weight=_weights(peaks))
        for leaves in _LEAVES
    ]
    best = max(fits, key=lambda fit: fit.validation_score_.max())
    return best.predict(values)


def boosted_by_xgboost(values: np.ndarray, peaks: ModelledPeaks, seed: int) -> np.ndarray:
    """Return predictions of XGBoost's trees, chosen as in `boosted`, by the same kind of part."""
    from xgboost import XGBRegressor

    if values.shape[1] == 0:
        return _mean(peaks)
    rng, training = np.random.default_rng(seed), np.flatnonzero(_training(peaks))
    weights = _weights(peaks)
    inside = rng.random(len(training)) >= _VALIDATION
    learnt, judged = training[inside], training[~inside]
    fits = [
        XGBRegressor(
            learning_rate=_LEARNING_RATE,
            n_estimators=_MOST_TREES,
            tree_method="hist",
            grow_policy="lossguide",
            max_depth=0,
            max_leaves=leaves,
            min_child_weight=20,
            early_stopping_rounds=_PATIENCE,
            n_jobs=1,
            random_state=seed % 2**31,
        ).fit(
            values[learnt],
            peaks.dap[learnt],
            sample_weight=weights[inside],
            eval_set=[(values[judged], peaks.dap[judged])],
            sample_weight_eval_set=[weights[~inside]],
            verbose=False,
        )
        for leaves in _LEAVES
    ]
    best = min(fits, key=lambda fit: fit.best_score)
    return best.predict(values).astype(np.float64)


def best_motifs(screened: Screen, features: np.ndarray, peaks: ModelledPeaks, n: int) -> np.ndarray:
    """Return the energies of the motifs that explain most beside features and each other, modelled peaks x `n` at most.

    One by one, that of those that passed the screen whose energy correlates most with what a linear model of the
    features and of the motifs so far leaves unexplained in the training peaks (orthogonal matching pursuit).
    """
    train, weights = _training(peaks), _weights(peaks)
    root, y = np.sqrt(weights)[:, None], peaks.dap[train]
    energies, n = screened.energies, min(n, len(screened.motifs))
    basis = np.column_stack([np.ones(int(train.sum())), features[train]])
    chosen: list[int] = []
    for _ in range(n):
        X = np.column_stack([basis, energies[train][:, chosen]])
        coefficients = np.linalg.lstsq(root * X, root[:, 0] * y, rcond=None)[0]
        left = y - X @ coefficients
        strength = np.concatenate(
            [
                np.abs(correlations(energies[train, first : first + _BLOCK], left, weights)[:, 0])
                for first in range(0, energies.shape[1], _BLOCK)
            ]
        )
        strength[chosen] = -1.0
        chosen.append(int(strength.argmax()))
    return energies[:, chosen]


def cluster_representatives(
    library: MotifSet,
    screened: Screen,
    features: np.ndarray,
    peaks: ModelledPeaks,
    n: int,
    options: FitOptions,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the energies of the strongest motif of each cluster, modelled peaks x `n` at most.

    A linear model selects among the motifs that passed the screen, and clusters of their energies are made, as the
    paper does before it fuses them (METHOD section 6, levels 2 and 3).
    """
    selection = select_motifs(screened.energies, features, peaks, options, rng)
    energies = screened.energies_of(selection.motifs)
    contributions = Contributions(
        library[screened.motifs[selection.motifs]],
        energies * selection.coefficients,
        energies,
        selection.coefficients,
    )
    clusters = cluster_motifs(contributions, n)
    strongest = [contributions.strongest(np.flatnonzero(clusters == k)) for k in range(clusters.max() + 1)]
    return energies[:, strongest]


def _training(peaks: ModelledPeaks) -> np.ndarray:
    """Return which peaks are learned from, bool: training peaks with weight."""
    return peaks.training_weights > 0


def _weights(peaks: ModelledPeaks) -> np.ndarray:
    """Return their weights, 1 on average, so that penalties mean the same."""
    weights = peaks.training_weights[_training(peaks)].astype(np.float64)
    return weights / weights.mean()


def _varying(values: np.ndarray, peaks: ModelledPeaks) -> np.ndarray:
    """Return the positions of the columns that vary in training."""
    inside = values[_training(peaks)]
    return np.flatnonzero((inside != inside[:1]).any(axis=0))


def _standardized(values: np.ndarray, peaks: ModelledPeaks) -> np.ndarray:
    """Return the columns that vary in training, standardised there."""
    columns = values[:, _varying(values, peaks)].astype(np.float64)
    inside = columns[_training(peaks)]
    return (columns - inside.mean(axis=0)) / inside.std(axis=0)


def _mean(peaks: ModelledPeaks) -> np.ndarray:
    """Return the mean dAP in training for every peak."""
    return np.full(len(peaks.dap), np.average(peaks.dap[_training(peaks)], weights=_weights(peaks)))
