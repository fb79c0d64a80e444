import numpy as np
import pytest
from scipy.optimize import nnls

from iceqream._core.stacking import cross_fitted, stack, weight_errors


def test_weights_are_least_squares_and_not_negative(rng):
    y = rng.normal(size=500)
    predicted = np.column_stack([y + rng.normal(size=500), 100 * (y + rng.normal(size=500)), -y])
    weights = rng.uniform(0.5, 2, size=500)
    found = stack(predicted, y, weights)
    root = np.sqrt(weights)
    X = root[:, None] * (predicted - np.average(predicted, axis=0, weights=weights))
    want, _ = nnls(X, root * (y - np.average(y, weights=weights)))
    # measured 2e-16
    np.testing.assert_allclose(found.weights, want, atol=1e-12)
    assert found.weights[2] == 0
    assert (found.weights[:2] > 0).all()
    left = y - found.combined(predicted)
    assert np.average(left, weights=weights) == pytest.approx(0, abs=1e-12)


def test_constant_and_equal_predictions_do_no_harm(rng):
    y = rng.normal(size=200)
    one = y + rng.normal(size=200)
    found = stack(np.column_stack([one, one, np.full(200, 0.3)]), y, np.ones(200))
    alone = stack(one[:, None], y, np.ones(200))
    assert found.weights[2] == 0
    assert found.weights[:2].sum() == pytest.approx(alone.weights[0], rel=1e-6)
    nothing = stack(np.full((200, 1), 2.0), y, np.ones(200))
    assert nothing.weights.tolist() == [0.0]
    assert nothing.intercept == pytest.approx(y.mean())


def test_each_fold_is_combined_by_the_weights_of_the_others(rng):
    y, predicted, fold = rng.normal(size=90), rng.normal(size=(90, 2)), np.arange(90) % 3
    predicted += y[:, None]
    found = cross_fitted(predicted, y, np.ones(90), fold)
    others = stack(predicted[fold != 1], y[fold != 1], np.ones(60))
    np.testing.assert_allclose(found[fold == 1], others.combined(predicted[fold == 1]))
    changed = np.where(fold == 1, -y, y)
    np.testing.assert_array_equal(cross_fitted(predicted, changed, np.ones(90), fold)[fold == 1], found[fold == 1])


def test_noise_gains_nothing_when_folds_are_combined(rng):
    gains = []
    for _ in range(20):
        y = rng.normal(size=200)
        predicted = np.column_stack([y + rng.normal(size=200), rng.normal(size=(200, 4))])
        combined = cross_fitted(predicted, y, np.ones(200), np.arange(200) % 5)
        gains.append(np.corrcoef(combined, y)[0, 1] ** 2 - np.corrcoef(predicted[:, 0], y)[0, 1] ** 2)
    # measured -0.006 +- 0.001
    assert np.mean(gains) < 0


def test_errors_of_weights_are_those_of_least_squares(rng):
    y = rng.normal(size=2000)
    predicted = np.column_stack([y + rng.normal(size=2000), y + rng.normal(size=2000)])
    found = weight_errors(predicted, y, np.ones(2000), rng, 1000)
    X = np.column_stack([np.ones(2000), predicted])
    left = y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
    want = np.sqrt(np.diag(np.linalg.inv(X.T @ X)) * left.var())[1:]
    # 1,000 resamples: measured 1 to 3 % off
    np.testing.assert_allclose(found, want, rtol=0.1)
