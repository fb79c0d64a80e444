"""Standard errors of effects."""

from dataclasses import replace

import numpy as np

from iceqream._core.regression import fit_logistic, logistic
from iceqream.inference.uncertainty import effect_errors


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


def test_weights_are_repetitions(rng):
    X, y = drawn(rng, 400)
    weights = rng.integers(1, 4, 400)
    groups = [np.array([0]), np.array([0, 1])]
    weighted = fit_logistic(X, y, lambda_=1e-3, weights=weights)
    errors = effect_errors(weighted, X, y, weights, groups)
    # a repeated row counts as often in the slope, and its residual that much more: no new information
    rows = np.repeat(np.arange(400), weights)
    repeated = effect_errors(fit_logistic(X[rows], y[rows], lambda_=1e-3), X[rows], y[rows], np.ones(len(rows)), groups)
    assert (errors > repeated).all()
    twice = effect_errors(weighted, X, y, 2 * weights, groups)
    np.testing.assert_allclose(errors, twice, rtol=1e-9)


def test_an_elastic_net_holds_its_effects_tighter(rng):
    X, y = drawn(rng)
    groups, ones = [np.array([0])], np.ones(len(y))
    lasso, net = (fit_logistic(X, y, lambda_=0.2, l1_ratio=ratio) for ratio in (0.02, 0.0))
    factors = np.full(4, 2.0)
    free = effect_errors(replace(net, l1_ratio=1.0), X, y, ones, groups)
    assert effect_errors(net, X, y, ones, groups)[0] < free[0]
    assert effect_errors(net, X, y, ones, groups, factors)[0] < effect_errors(lasso, X, y, ones, groups)[0]
