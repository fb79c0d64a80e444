import numpy as np
import pytest

from iceqream._core.comparison import bootstrapped_r2, paired_difference, resampled_differences


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


def test_resampled_r2_are_those_of_the_resampled_rows(rng):
    y = rng.normal(size=60)
    predicted = np.column_stack([y + rng.normal(size=60), 1e6 + rng.normal(size=60), np.full(60, 0.1)])
    found = bootstrapped_r2(predicted, y, np.random.default_rng(1), 5)
    counts = np.random.default_rng(1).multinomial(60, np.full(60, 1 / 60), size=5)
    for row, count in zip(found, counts, strict=True):
        rows = np.repeat(np.arange(60), count)
        want = [np.corrcoef(predicted[rows, k], y[rows])[0, 1] ** 2 for k in (0, 1)]
        # measured 2e-11, of the column around a million
        np.testing.assert_allclose(row, [*want, 0.0], atol=1e-9)


def test_errors_of_differences_are_those_of_the_influence_function(rng):
    y = rng.standard_t(8, size=4000)
    predicted = np.column_stack([y + rng.normal(size=4000), y + 1.3 * rng.normal(size=4000)])
    found = resampled_differences(predicted, y, 0, rng)
    assert tuple(found[0]) == (0, 0, 0, 0)
    z = (np.column_stack([y, predicted]) - [y.mean(), *predicted.mean(axis=0)]) / np.column_stack([y, predicted]).std(0)
    r = (z[:, [0]] * z[:, 1:]).mean(axis=0)
    influence = 2 * r * (z[:, [0]] * z[:, 1:] - r / 2 * (z[:, [0]] ** 2 + z[:, 1:] ** 2))
    se = (influence[:, 1] - influence[:, 0]).std() / np.sqrt(4000)
    assert found[1].mean == pytest.approx(r[1] ** 2 - r[0] ** 2, rel=1e-12)
    # 2,000 resamples: measured 1 % off
    assert found[1].se == pytest.approx(se, rel=0.06)


def test_intervals_of_equally_good_predictions_hold_zero(rng):
    # measured 283 to 288 of 300 over three seeds
    held = 0
    for _ in range(300):
        y = rng.normal(size=300)
        predicted = y[:, None] + rng.normal(size=(300, 2))
        _, other = resampled_differences(predicted, y, 0, rng, n_resamples=300)
        held += other.low <= 0 <= other.high
    assert held == pytest.approx(285, abs=12)
