import numpy as np
import pytest

from iceqream._core.comparison import paired_difference


def test_error_and_interval_are_those_of_the_formula():
    result = paired_difference([0.01, 0.03, 0.02, 0.04], n_test=np.full(4, 200), n_train=np.full(4, 800))
    # s^2 = 5e-4 / 3; 1/k + n_test/n_train = 0.5; Student's 97.5 % quantile with 3 degrees of freedom: 3.18245
    se = np.sqrt(5e-4 / 3 * 0.5)
    assert result.mean == pytest.approx(0.025)
    assert result.se == pytest.approx(se, rel=1e-12)
    assert (result.low, result.high) == pytest.approx((0.025 - 3.182446 * se, 0.025 + 3.182446 * se), rel=1e-6)


def test_one_split_has_no_error():
    result = paired_difference([0.1], [20], [80])
    assert result.mean == 0.1
    assert np.isnan(result[1:]).all()


def test_the_interval_holds_the_truth_where_splits_overlap(rng):
    # means of 20 random fifths of 100 values: measured 941 to 952 of 1000 over three seeds, uncorrected 601 to 613
    corrected = uncorrected = 0
    for _ in range(1000):
        values = rng.normal(size=100)
        scores = np.array([values[rng.permutation(100)[:20]].mean() for _ in range(20)])
        _, _, low, high = paired_difference(scores, np.full(20, 20), np.full(20, 80))
        corrected += low <= 0 <= high
        _, _, low, high = paired_difference(scores, np.zeros(20), np.full(20, 80))
        uncorrected += low <= 0 <= high
    assert corrected == pytest.approx(950, abs=25)
    assert uncorrected == pytest.approx(610, abs=40)
