"""Normalisation, response functions, correlation and clustering."""

import numpy as np
import pytest

from iceqream._core.cluster import cluster_columns
from iceqream._core.correlation import correlation_matrix, correlations, r2, r2_interval
from iceqream._core.normalization import energy_range, feature_range, scale, supported_range
from iceqream._core.response import RESPONSES, design, responses


def test_reference_scheme_is_min_max_between_floor_and_top(rng):
    energies = rng.normal(-10, 3, (500, 4)).astype(np.float32)
    for q, floor in ((1.0, -7.0), (0.99, -10.0)):
        low, high = energy_range(energies, quantile=q, floor=floor)
        z = np.clip(energies - np.log2(np.quantile(2.0 ** energies.astype(float), q, axis=0)), floor, 0)
        want = 10 * (z - z.min(axis=0)) / (z.max(axis=0) - z.min(axis=0))
        np.testing.assert_allclose(scale(energies, low, high), want, atol=2e-5)


def test_paper_scheme_follows_equation_3(rng):
    energies = rng.normal(-10, 3, (500, 4))
    want = np.clip(10 + energies - np.quantile(energies, 0.99, axis=0), 0, 10)
    np.testing.assert_allclose(scale(energies, *energy_range(energies, scheme="paper")), want, atol=1e-12)


def test_both_ends_of_a_scale_are_reached_by_as_many_sequences_as_asked_for(rng):
    energies = rng.normal(-10, 3, (500, 4)).astype(np.float32)
    energies[0, 0] = 40.0  # one sequence far beyond the others
    ranked = np.sort(energies, axis=0)
    for scheme, reach in (("reference", 7.0), ("paper", 10.0)):
        low, high = energy_range(energies, scheme=scheme, support=30)
        np.testing.assert_array_less(high, ranked[-30] + 1e-6)
        scaled = scale(energies, low, high)
        assert ((scaled == 10).sum(axis=0) >= 30).all()
        assert (high - low <= reach + 1e-6).all()
    low, high = energy_range(energies, support=30)
    assert ((scale(energies, low, high) == 0).sum(axis=0) >= 30).all()
    low, high = supported_range(energies, 30)
    np.testing.assert_array_equal(low, ranked[29])
    np.testing.assert_array_equal(high, ranked[-30])
    # more than there are: no scale is left
    low, high = supported_range(energies, 400)
    assert (low <= high).all()


def test_constant_and_infinite_columns_become_zero():
    energies = np.array([[1.0, -np.inf], [1.0, 2.0], [1.0, -3.0]])
    low, high = energy_range(energies)
    scaled = scale(energies, low, high)
    assert scaled[:, 0].tolist() == [0, 0, 0]
    np.testing.assert_allclose(scaled[:, 1], [0, 10, 20 / 7])
    assert (scale(np.full((2, 1), -np.inf), np.zeros(1), np.zeros(1)) == 0).all()


def test_features_are_clipped_at_their_quantiles(rng):
    values = rng.random((1000, 2))
    low, high = feature_range(values)
    scaled = scale(values, low, high)
    assert scaled.min() == 0
    assert scaled.max() == 10
    np.testing.assert_allclose((scaled == 0).mean(axis=0), 0.05, atol=0.002)
    # scaling twice changes little: quantiles of clipped values differ by the interpolation between two neighbours
    again = feature_range(np.clip(values, low, high))
    np.testing.assert_allclose(again, [low, high], atol=1e-3)


def test_responses_have_their_values_at_the_ends():
    table = dict(zip(RESPONSES, responses(np.array([0.0, 5.0, 10.0])).T, strict=True))
    np.testing.assert_allclose(table["low-energy"], [0, 2 / (1 + np.exp(-2.5)) - 1, 2 / (1 + np.exp(-5)) - 1])
    np.testing.assert_allclose(table["high-energy"], [2 / (1 + np.exp(5)), 2 / (1 + np.exp(2.5)), 1])
    np.testing.assert_allclose(table["higher-energy"], [2 / (1 + np.exp(10)), 2 / (1 + np.exp(5)), 1])
    np.testing.assert_allclose(table["sigmoid"], [1 / (1 + np.exp(5)), 0.5, 1 / (1 + np.exp(-5))])


def test_design_keeps_a_terms_responses_together(rng):
    values = rng.random((7, 3)) * 10
    matrix = design(values)
    assert matrix.shape == (7, 12)
    np.testing.assert_array_equal(matrix[:, 4:8], responses(values[:, 1]))


def test_correlations_match_numpy(rng):
    columns, targets = rng.normal(size=(50, 6)).astype(np.float32), rng.normal(size=(50, 2))
    want = np.corrcoef(np.hstack([columns, targets]).T)[:6, 6:]
    np.testing.assert_allclose(correlations(columns, targets), want, atol=1e-7)
    np.testing.assert_allclose(correlation_matrix(columns), np.corrcoef(columns.T), atol=1e-7)


def test_constant_columns_correlate_with_nothing(rng):
    columns = np.hstack([np.full((50, 1), 0.1, dtype=np.float32), rng.normal(size=(50, 1))])
    assert correlations(columns, rng.normal(size=50))[0, 0] == 0
    assert correlations(columns, np.ones(50)).tolist() == [[0.0], [0.0]]
    assert correlation_matrix(columns)[0].tolist() == [1.0, 0.0]


def test_r2_is_invariant_to_scale_and_undefined_for_one_value(rng):
    x, y = rng.normal(size=(2, 30))
    assert r2(3 * x - 1, y) == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2, abs=1e-12)
    assert np.isnan(r2(x[:1], y[:1]))


def test_clusters_group_correlated_columns(rng):
    base = rng.normal(size=(300, 3))
    columns = np.repeat(base, 4, axis=1) + 0.1 * rng.normal(size=(300, 12))
    assert cluster_columns(columns, 3).tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert cluster_columns(columns, 20).tolist() == list(range(12))
    # merges of the same height: the tree is cut at its top all the same
    assert cluster_columns(np.eye(4)[np.arange(400) % 4], 1, 0.5).tolist() == [0, 1, 2, 3]
    order = rng.permutation(12)
    together = cluster_columns(columns, 3)[order]
    assert len(set(zip(together, cluster_columns(columns[:, order], 3), strict=True))) == 3


def test_interval_of_r2_holds_the_truth_as_often_as_it_says(rng):
    truth, held, above = 0.3, [], []
    for _ in range(400):
        x = rng.normal(size=200)
        signal, noise = np.sqrt(truth), rng.normal(size=200)
        low, high = r2_interval(x, signal * x + np.sqrt(1 - truth) * noise)
        held.append(low <= truth <= high)
        assert low < high
        above.append(r2_interval(x, noise)[0] > 0)
    # 95 % and 2.5 % expected; 0.945 and 0.0225 were measured
    assert 0.91 < np.mean(held) < 0.98
    assert np.mean(above) < 0.05


def test_interval_of_r2_without_enough_pairs_or_with_the_wrong_sign(rng):
    x = rng.normal(size=300)
    assert np.isnan(r2_interval(x[:9], x[:9])).all()
    assert np.isnan(r2_interval(np.ones(300), x)).all()
    # a sum that is the same for all but for rounding
    assert np.isnan(r2_interval(np.full(300, 0.1) * 3 + 1e-17 * x, x)).all()
    low, high = r2_interval(x, -x + rng.normal(size=300))
    # a prediction of the wrong direction explains nothing, however strong its correlation
    assert low == 0
    assert high > 0.4
    low, high = r2_interval(x, x)
    assert low == pytest.approx(1)
    assert high == pytest.approx(1)
