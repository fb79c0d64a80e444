"""Scale and correlation of columns by the cache line: the numbers of the plain functions."""

import numpy as np
import pytest

from iceqream._core.correlation import correlations
from iceqream._core.normalization import energy_range, range_of_ends, scale, supported_range
from iceqream._core.screen_columns import scaled_correlations, supported_ends


@pytest.fixture(scope="module")
def energies():
    drawn = np.random.default_rng(0).normal(-20, 3, (900, 37)).astype(np.float32)
    drawn[:, 3] = -5  # constant
    drawn[:40, 4] = -np.inf  # nowhere possible
    drawn[:, 5] = np.round(drawn[:, 5])  # ties
    return drawn


@pytest.fixture(scope="module")
def rows():
    return np.sort(np.random.default_rng(1).choice(900, 700, replace=False))


@pytest.mark.parametrize("support", [1, 2, 30, 5000])
def test_ends_are_order_statistics(energies, rows, support):
    low, high = supported_ends(energies, rows, support)
    want = supported_range(energies[rows], min(support, len(rows)))
    np.testing.assert_array_equal([low, high], want)


@pytest.mark.parametrize("support", [1, 30])
@pytest.mark.parametrize("weighted", [False, True])
def test_correlations_are_those_of_scaled_columns(energies, rows, support, weighted):
    rng = np.random.default_rng(2)
    y = rng.normal(size=700) + energies[rows, 7] / 5
    weights = rng.random(700) if weighted else None
    low, high = energy_range(energies[rows], support=support)
    least, most = supported_ends(energies, rows, support)
    np.testing.assert_array_equal(range_of_ends(least, most, most), (low, high))
    got = scaled_correlations(energies, low, high, rows, y, weights)
    want = correlations(scale(energies[rows], low, high), y, weights)[:, 0]
    # sums in another order: measured 2e-15
    np.testing.assert_allclose(got, want, atol=1e-12)
    assert got[3] == 0
    assert abs(got[7]) > 0.3


def test_a_constant_target_correlates_with_nothing(energies, rows):
    low, high = energy_range(energies[rows])
    assert not scaled_correlations(energies, low, high, rows, np.ones(700), None).any()
