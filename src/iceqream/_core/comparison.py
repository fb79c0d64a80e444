"""The mean difference of two scores over splits, and how far it can be trusted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from iceqream._core.correlation import DEFAULT_CONFIDENCE


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
