"""Standard errors of effects."""

import numpy as np

from iceqream._core.regression import fit_logistic, logistic
from iceqream.models.uncertainty import effect_errors


def drawn(rng, n=1500):
    X = rng.normal(size=(n, 4))
    y = np.clip(logistic(0.8 * X[:, 0] - 0.4 * X[:, 1]) + rng.normal(0, 0.15, n), 0, 1)
    return X, y


def test_errors_are_the_spread_over_new_samples(rng):
    groups = [np.array([0]), np.array([0, 1]), np.array([2])]
    effects, errors = [], []
    for _ in range(200):
        X, y = drawn(rng)
        weights = rng.uniform(0.5, 1.5, len(y))
        fit = fit_logistic(X, y, lambda_=0.0, weights=weights)
        # over peaks without end, as the columns are independent with a variance of 1
        effects.append([np.sqrt((fit.coefficients[group] ** 2).sum()) for group in groups])
        errors.append(effect_errors(fit, X, y, weights, groups))
    # 0.97 and 0.92 were measured; of an effect of 0 the standard deviation has no error of this kind
    np.testing.assert_allclose((np.mean(errors, axis=0) / np.std(effects, axis=0))[:2], 1.0, atol=0.2)


def test_a_group_without_weight_has_no_error(rng):
    X, y = drawn(rng)
    fit = fit_logistic(X, y, lambda_=0.05)
    errors = effect_errors(fit, X, y, np.ones(len(y)), [np.array([0]), np.array([3])])
    assert fit.coefficients[3] == 0
    assert errors[1] == 0
    assert 0 < errors[0] < 0.05
