"""Rank statistics against scikit-learn's, and their intervals against simulation."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from iceqream._core.discrimination import discrimination, interval
from iceqream._core.matching import matched


@pytest.mark.parametrize("decimals", [8, 1])
def test_areas_are_those_of_scikit_learn(rng, decimals):
    first, second = rng.normal(0.5, 1, (60, 3)).round(decimals), rng.normal(0, 1, (200, 3)).round(decimals)
    found = discrimination(first, second, 0.05)
    truth = np.arange(260) < 60
    for k in range(3):
        values = np.concatenate([first[:, k], second[:, k]])
        assert found.auroc[k] == pytest.approx(roc_auc_score(truth, values), abs=1e-12)
        assert found.auprc[k] == pytest.approx(average_precision_score(truth, values), abs=1e-12)
    assert discrimination(first[:, :0], second[:, :0], 0.05).auroc.shape == (0,)


def test_intervals_hold_the_truth_as_often_as_they_say(rng):
    # of normal values a standard deviation apart the area is Phi(1 / sqrt 2)
    first, second = rng.normal(1, 1, (40, 1000)), rng.normal(0, 1, (120, 1000))
    found = discrimination(first, second, 0.05)
    low, high = interval(found.auroc, found.auroc_error, 40)
    held = (low < 0.7602) & (high > 0.7602)
    # 0.948 of a thousand did
    assert 0.93 < held.mean() < 0.97
    assert found.recall.mean() == pytest.approx(0.26, abs=0.03)
    low, high = interval(np.array([1.0]), np.array([0.0]), 30)
    # of 30 that all succeed (Clopper and Pearson)
    assert (low[0], high[0]) == (pytest.approx(0.8843, abs=1e-4), 1.0)


def test_matched_rows_have_the_same_covariate(rng):
    wanted, candidates = rng.beta(8, 4, 300), rng.beta(4, 8, 5000)
    kept, drawn = matched(wanted, candidates, 2, 0.02, np.random.default_rng(0))
    assert len(drawn) == 2 * len(kept)
    assert len(np.unique(drawn)) == len(drawn)
    bins = [np.bincount((values / 0.02).astype(int), minlength=51) for values in (wanted[kept], candidates[drawn])]
    np.testing.assert_array_equal(2 * bins[0], bins[1])
    # none of the few candidates is taken for more than one
    assert len(kept) < 300
    again = matched(wanted, candidates, 2, 0.02, np.random.default_rng(0))
    np.testing.assert_array_equal(again[1], drawn)
