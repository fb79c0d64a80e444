from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from iceqream._core.regression import cross_validate, fit_logistic, largest_lambda, logistic


@pytest.fixture
def problem(rng):
    X = rng.normal(size=(400, 8)) * rng.uniform(0.1, 30, 8) + 5
    eta = (X - 5) @ np.array([0.5, -0.05, 0, 0, 0.02, 0, 0, 0])
    return X, logistic(eta + rng.normal(0, 0.3, 400))


def objective(parameters, X, y, lambda_, l1_ratio):
    eta = parameters[0] + X @ parameters[1:]
    scaled = parameters[1:] * X.std(axis=0)
    penalty = l1_ratio * np.abs(scaled).sum() + (1 - l1_ratio) / 2 * (scaled**2).sum()
    return np.mean(np.logaddexp(0, eta) - y * eta) + lambda_ * penalty


@pytest.mark.parametrize(("lambda_", "l1_ratio"), [(0.0, 1.0), (1e-3, 0.0), (1e-2, 0.0)])
def test_smooth_problems_reach_the_optimum_of_a_general_optimizer(problem, lambda_, l1_ratio):
    X, y = problem
    fit = fit_logistic(X, y, lambda_=lambda_, l1_ratio=l1_ratio)
    assert fit.converged
    best = minimize(objective, np.zeros(9), (X, y, lambda_, l1_ratio), method="BFGS", options={"gtol": 1e-9})
    got = np.concatenate([[fit.intercept], fit.coefficients])
    # the general optimiser stops 1e-8 above the optimum
    assert fit.objective <= best.fun + 1e-10
    assert fit.objective == pytest.approx(objective(got, X, y, lambda_, l1_ratio), abs=1e-12)


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("lambda_", [1e-5, 1e-3, 1e-2])
def test_penalized_fits_satisfy_the_kkt_conditions(problem, lambda_, l1_ratio):
    X, y = problem
    fit = fit_logistic(X, y, lambda_=lambda_, l1_ratio=l1_ratio)
    assert fit.converged
    assert fit.kkt <= 2e-3 * lambda_
    # no step along any coefficient improves the objective
    at = np.concatenate([[fit.intercept], fit.coefficients])
    for j in range(9):
        for step in (-1e-3, 1e-3):
            moved = at.copy()
            moved[j] += step / (1 if j == 0 else X[:, j - 1].std())
            assert objective(moved, X, y, lambda_, l1_ratio) > fit.objective


def test_path_shrinks_to_nothing_at_the_largest_lambda(problem):
    X, y = problem
    top = largest_lambda(X, y)
    fits = [fit_logistic(X, y, lambda_=top * share) for share in (1.001, 0.5, 0.01)]
    counts = [(fit.coefficients != 0).sum() for fit in fits]
    assert counts[0] == 0
    assert counts[0] < counts[1] <= counts[2]
    warm = fit_logistic(X, y, lambda_=top * 0.01, start=fits[1])
    # both stop at a KKT residual of lambda / 1000; 2.2e-5 was measured
    np.testing.assert_allclose(fits[2].coefficients, warm.coefficients, atol=1e-4)


def test_weights_are_repetitions(problem):
    X, y = problem
    weights = np.r_[np.full(100, 3.0), np.ones(300)]
    weighted = fit_logistic(X, y, lambda_=1e-3, weights=weights)
    repeated = fit_logistic(np.vstack([X[:100]] * 2 + [X]), np.r_[y[:100], y[:100], y], lambda_=1e-3)
    np.testing.assert_allclose(weighted.coefficients, repeated.coefficients, atol=1e-5)


def test_constant_columns_get_no_coefficient(problem):
    X, y = problem
    X = np.column_stack([X, np.full(len(X), 0.3)])
    fit = fit_logistic(X, y)
    assert fit.coefficients[-1] == 0
    assert fit.converged


def test_cross_validation_prefers_a_penalty_on_noise(rng):
    X = rng.normal(size=(200, 40))
    y = logistic(0.5 * X[:, 0] + rng.normal(size=200))
    folds = np.arange(200) % 5
    result = cross_validate(X, y, [1e-5, 1e-3, 1e-2, 3e-2], folds)
    assert result.best >= 1e-2
    assert result.one_standard_error >= result.best
    with pytest.raises(ValueError, match="two folds"):
        cross_validate(X, y, [1e-3], np.zeros(200))


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        (np.array([0.0, 1.2, 0.5]), {}, r"\[0, 1\]"),
        (np.array([0.0, np.nan, 0.5]), {}, "NaN"),
        (np.array([0.0, 0.5]), {}, "shapes"),
        (np.array([0.0, 0.2, 0.5]), {"lambda_": -1.0}, "lambda_"),
        (np.array([0.0, 0.2, 0.5]), {"l1_ratio": 2.0}, "l1_ratio"),
    ],
)
def test_bad_input_is_named(y, options, message):
    with pytest.raises(ValueError, match=message):
        fit_logistic(np.eye(3), y, **options)


def test_logistic_does_not_overflow():
    np.testing.assert_array_equal(logistic(np.array([-1e4, 0.0, 1e4])), [0.0, 0.5, 1.0])


def test_working_sets_reach_the_optimum_of_all_columns_at_once(rng, monkeypatch):
    base = rng.normal(size=(500, 20))
    X = np.asfortranarray(base[:, rng.integers(0, 20, 400)] + 0.5 * rng.normal(size=(500, 400)), dtype=np.float32)
    y = logistic(base[:, :4] @ [0.5, -0.5, 0.3, 0.2] + rng.normal(0, 0.5, 500))
    weights = rng.uniform(0.5, 2, 500) * (rng.random(500) < 0.8)
    for lambda_ in (2e-2, 2e-3):
        sets = fit_logistic(X, y, lambda_=lambda_, weights=weights)
        assert sets.converged
        with monkeypatch.context() as patch:
            patch.setattr("iceqream._core.proximal_newton.SMALL", 10_000)
            together = fit_logistic(X, y, lambda_=lambda_, weights=weights)
        assert sets.objective == pytest.approx(together.objective, abs=1e-9)
        # rows without weight take no part
        inside = fit_logistic(X[weights > 0], y[weights > 0], lambda_=lambda_, weights=weights[weights > 0])
        np.testing.assert_allclose(inside.coefficients, sets.coefficients, atol=1e-4)
    assert (fit_logistic(X, y, lambda_=largest_lambda(X, y) * 1.001).coefficients == 0).all()


@pytest.mark.parametrize(("lambda_", "l1_ratio"), [(1e-5, 1.0), (2e-3, 1.0), (1e-3, 0.5), (0.0, 1.0)])
def test_objective_is_at_most_that_of_glum(rng, lambda_, l1_ratio):
    glum = pytest.importorskip("glum")
    base = rng.normal(size=(800, 30))
    X = np.hstack([base, base + 0.1 * rng.normal(size=(800, 30))])
    y = logistic(base[:, :5].sum(axis=1) * 0.4 + rng.normal(0, 0.5, 800))
    ours = fit_logistic(X, y, lambda_=lambda_, l1_ratio=l1_ratio)
    peer = glum.GeneralizedLinearRegressor(
        family="binomial", alpha=lambda_, l1_ratio=l1_ratio, gradient_tol=1e-9, max_iter=500
    ).fit((X - X.mean(axis=0)) / X.std(axis=0), y)
    at = np.concatenate([[peer.intercept_ - (peer.coef_ / X.std(axis=0)) @ X.mean(axis=0)], peer.coef_ / X.std(axis=0)])
    # 1e-13 to 2e-10 was measured
    assert ours.objective <= objective(at, X, y, lambda_, l1_ratio) + 1e-9
    assert ours.converged


def test_penalty_factors_agree_with_glum(rng):
    glum = pytest.importorskip("glum")
    X = rng.normal(size=(800, 12))
    y = logistic(X[:, :6].sum(axis=1) * 0.4 + rng.normal(0, 0.5, 800))
    factors = np.repeat([1.0, 3.0], 6)
    ours = fit_logistic(X, y, lambda_=5e-3, factors=factors)
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    peer = glum.GeneralizedLinearRegressor(
        family="binomial", alpha=5e-3, l1_ratio=1.0, P1=factors, gradient_tol=1e-9, max_iter=500
    ).fit(scaled, y)
    # 2e-6 was measured
    np.testing.assert_allclose(ours.coefficients * X.std(axis=0), peer.coef_, atol=1e-4)
    assert ours.converged
    # a factor for all is another lambda
    np.testing.assert_allclose(
        fit_logistic(X, y, lambda_=2e-3, factors=np.full(12, 2.0)).coefficients,
        fit_logistic(X, y, lambda_=4e-3).coefficients,
        atol=1e-5,
    )


def test_a_start_without_curvature_is_not_used(problem):
    X, y = problem
    cold = fit_logistic(X, y, lambda_=1e-3)
    # every probability is 1 there, so that no step could be taken
    start = replace(cold, intercept=300.0)
    fit = fit_logistic(X, y, lambda_=1e-3, start=start)
    assert fit.converged
    np.testing.assert_array_equal(fit.coefficients, cold.coefficients)
