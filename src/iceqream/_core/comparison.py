"""The mean difference of two scores over splits, and how far it can be trusted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri, stdtrit

from iceqream._core.correlation import DEFAULT_CONFIDENCE, r2

N_RESAMPLES = 2000
_COUNTS = 4_000_000
"""Numbers that are held at once."""
_ROUNDING = 1e-12


class PairedDifference(NamedTuple):
    """Mean of paired differences, its standard error and the bounds of its interval."""

    mean: float
    se: float
    low: float
    high: float


def paired_difference(
    differences: np.ndarray,
    n_test: np.ndarray,
    n_train: np.ndarray,
    confidence: float = DEFAULT_CONFIDENCE,
) -> PairedDifference:
    """Average the differences of two scores over splits of the same peaks.

    Training sets of random splits and of folds overlap, so the differences are not independent and their variance over
    k splits, s^2 / k, is too small. It is corrected to s^2 (1/k + n_test / n_train); the interval is Student's with
    k - 1 degrees of freedom (Nadeau and Bengio, Machine Learning 52, 239-281, 2003; for folds Bouckaert and Frank,
    PAKDD 2004).

    Parameters
    ----------
    differences
        k.
    n_test, n_train
        Held-out and training peaks of each split, k each.
    confidence
        Of the two-sided interval.

    Returns
    -------
    PairedDifference
        Error and bounds are NaN for one split.
    """
    differences = np.asarray(differences, dtype=np.float64)
    k, mean = len(differences), float(np.mean(differences))
    if k < 2:
        return PairedDifference(mean, np.nan, np.nan, np.nan)
    ratio = float(np.mean(np.asarray(n_test, dtype=np.float64) / np.asarray(n_train, dtype=np.float64)))
    se = float(np.sqrt(differences.var(ddof=1) * (1 / k + ratio)))
    reach = float(stdtrit(k - 1, 0.5 + confidence / 2)) * se
    return PairedDifference(mean, se, mean - reach, mean + reach)


def bootstrapped_r2(
    predicted: np.ndarray, observed: np.ndarray, rng: np.random.Generator, n_resamples: int = N_RESAMPLES
) -> np.ndarray:
    """Return R2 (squared correlation) of several predictions in the same resamples of the rows.

    Parameters
    ----------
    predicted
        n x m.
    observed
        n.
    rng
        Generator of the resamples: n rows with replacement.
    n_resamples
        Their number.

    Returns
    -------
    float64, resamples x m; 0 where a prediction does not vary.
    """
    n = len(observed)
    # sums of centred values lose nothing to rounding; those of one constant vary by rounding alone
    y = _centred(observed[:, None])
    X = _centred(predicted)
    moments = np.hstack([np.ones((n, 1)), y, y**2, X, X**2, X * y])
    sums = np.empty((n_resamples, moments.shape[1]))
    block = max(1, _COUNTS // n)
    for first in range(0, n_resamples, block):
        size = min(block, n_resamples - first)
        counts = rng.multinomial(n, np.full(n, 1 / n), size=size)
        sums[first : first + size] = counts @ moments
    means = sums / n
    m = X.shape[1]
    own_y, own_y2 = means[:, [1]], means[:, [2]]
    own_x, own_x2, xy = (means[:, 3 + k * m : 3 + (k + 1) * m] for k in range(3))
    variance = (own_x2 - own_x**2) * (own_y2 - own_y**2)
    covariance = xy - own_x * own_y
    return np.divide(covariance**2, variance, out=np.zeros_like(xy), where=variance > 0)


def resampled_differences(
    predicted: np.ndarray,
    observed: np.ndarray,
    reference: int,
    rng: np.random.Generator,
    n_resamples: int = N_RESAMPLES,
) -> list[PairedDifference]:
    """Return how R2 of each prediction differs from that of one of them, with errors from resamples of the rows.

    The interval is the normal one around the difference. It is of these rows as a sample; how the predictions would
    differ had they been learned from other rows it cannot tell.

    Parameters
    ----------
    predicted
        n x m.
    observed
        n.
    reference
        Column that the others are compared with.
    rng, n_resamples
        As in `bootstrapped_r2`.
    """
    resampled = bootstrapped_r2(predicted, observed, rng, n_resamples)
    errors = (resampled - resampled[:, [reference]]).std(axis=0, ddof=1)
    scores = np.array([r2(column, observed) for column in predicted.T])
    found = []
    for difference, se in zip(scores - scores[reference], errors, strict=True):
        reach = float(ndtri(0.5 + DEFAULT_CONFIDENCE / 2)) * se
        found.append(PairedDifference(float(difference), float(se), difference - reach, difference + reach))
    return found


def _centred(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    centred = values - values.mean(axis=0)
    return np.where(np.abs(centred).max(axis=0) > _ROUNDING * np.abs(values).max(axis=0), centred, 0.0)
