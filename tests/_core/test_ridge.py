"""Many ridges at once against one regression after the other."""

import numpy as np
import pytest

from iceqream._core import ridge
from iceqream._core.ridge import ridge_many


@pytest.fixture
def design(rng):
    n = 300
    X = rng.normal(size=(n, 6)) * [1, 2, 3, 1, 1, 1] + 4
    X[:, 5] = 1.5  # constant
    Z = rng.random((n, 3))
    Z[:, 2] = Z[:, 0] + Z[:, 1]  # depends on the others
    slopes = rng.normal(size=(7, 6)) * [1, 0.5, 0.2, 0, 0, 0]
    Y = X @ slopes.T + Z[:, :1] + rng.normal(size=(n, 7)) * (1 + X[:, :1] - X[:, :1].min())
    return X, Z, Y, rng.permutation(n) % 4


def fit(X, Z, Y, fold):
    return ridge_many(X, Z, lambda block: Y[:, block], Y.shape[1], fold)


def direct(X, Z, y, penalty):
    """Coefficients of intercept and covariates, then of the columns, by least squares with rows for the penalty."""
    D = np.column_stack([np.ones(len(X)), Z, X])
    extra = np.hstack([np.zeros((X.shape[1], Z.shape[1] + 1)), np.sqrt(penalty * len(X)) * np.eye(X.shape[1])])
    return np.linalg.lstsq(np.vstack([D, extra]), np.concatenate([y, np.zeros(X.shape[1])]), rcond=None)[0]


def standardized(X):
    sd = X.std(axis=0)
    return np.divide(X - X.mean(axis=0), sd, out=np.zeros_like(X), where=sd > 1e-9)


def test_coefficients_penalty_and_held_out_r2_are_those_of_direct_fits(design, monkeypatch):
    X, Z, Y, fold = design
    penalties = np.array([1e-3, 1e-1, 10.0])
    monkeypatch.setattr(ridge, "PENALTIES", penalties)
    found = fit(X, Z, Y, fold)
    S = standardized(X)
    lost = np.zeros((3, 7))
    without = np.zeros(7)
    for f in range(4):
        out = fold == f
        for s in range(7):
            for k, penalty in enumerate(penalties):
                beta = direct(S[~out], Z[~out], Y[~out, s], penalty)
                lost[k, s] += np.sum((Y[out, s] - np.column_stack([np.ones(out.sum()), Z[out], S[out]]) @ beta) ** 2)
            few = direct(S[~out][:, :0], Z[~out], Y[~out, s], 1.0)
            without[s] += np.sum((Y[out, s] - np.column_stack([np.ones(out.sum()), Z[out]]) @ few) ** 2)
    best = lost.sum(axis=1).argmin()
    assert found.penalty == penalties[best]
    total = ((Y - Y.mean(axis=0)) ** 2).sum(axis=0)
    # the largest error was 1e-13
    np.testing.assert_allclose(found.r2, 1 - lost[best] / total, atol=1e-10)
    np.testing.assert_allclose(found.r2_covariates, 1 - without / total, atol=1e-10)
    want = np.array([direct(S, Z, Y[:, s], penalties[best])[4:] for s in range(7)])
    np.testing.assert_allclose(found.coefficients, want, atol=1e-10)
    assert (found.coefficients[:, 5] == 0).all()


def test_errors_are_those_of_statsmodels_without_penalty(design, monkeypatch):
    sm = pytest.importorskip("statsmodels.api")
    X, Z, Y, fold = design
    monkeypatch.setattr(ridge, "PENALTIES", np.array([1e-14]))
    found = fit(X[:, :5], Z[:, :2], Y, fold)
    D = np.column_stack([np.ones(len(X)), Z[:, :2], standardized(X[:, :5])])
    for s in range(7):
        want = sm.OLS(Y[:, s], D).fit(cov_type="HC1")
        # the largest error was 1e-12
        np.testing.assert_allclose(found.coefficients[s], want.params[3:], rtol=1e-9)
        np.testing.assert_allclose(found.errors[s], want.bse[3:], rtol=1e-9)


def test_blocks_make_no_difference_and_a_flat_response_has_no_r2(design, monkeypatch):
    X, Z, Y, fold = design
    Y[:, 3] = 0.0
    whole = fit(X, Z, Y, fold)
    monkeypatch.setattr(ridge, "_BLOCK", 2)
    parts = fit(X, Z, Y, fold)
    np.testing.assert_allclose(parts.coefficients, whole.coefficients, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(parts.errors, whole.errors, rtol=1e-10, atol=1e-14)
    assert np.isnan(whole.r2[3])
    assert (whole.coefficients[3] == 0).all()


def test_noise_gets_the_largest_penalty(rng):
    X, Y = rng.normal(size=(400, 20)), rng.normal(size=(400, 30))
    found = fit(X, np.empty((400, 0)), Y, np.arange(400) % 5)
    assert found.penalty == ridge.PENALTIES[-1]
    assert np.abs(found.r2).max() < 0.05
