"""Permutation tests that stop early."""

import numpy as np
import pytest
from scipy.stats import kstest

from iceqream._core.permutation import groups_p, orders_within, quantile_strata, sequential_p


def test_p_values_of_clear_and_unclear_statistics():
    rng = np.random.default_rng(0)
    drawn = []

    def permuted(n, which):
        drawn.append((n, which.tolist()))
        return np.abs(rng.normal(size=(n, 1))) * np.ones(len(which))

    p = sequential_p(np.array([0.0, 1.96, 50.0, np.nan]), permuted, 2000)
    # always as extreme: 20 of 20; never: 1 of 2,001
    assert p[0] == 1.0
    assert p[2] == pytest.approx(1 / 2001)
    # measured 0.048, up to the chance of 2,000 permutations
    assert p[1] == pytest.approx(0.05, abs=0.03)
    assert np.isnan(p[3])
    assert drawn[0][1] == [0, 1, 2]
    assert drawn[-1][1] == [2]
    assert sum(n for n, _ in drawn) == 2000


@pytest.mark.parametrize("batch", [1, 7, 500])
def test_p_values_do_not_depend_on_the_batch(batch):
    def of(batch):
        rng = np.random.default_rng(3)
        return sequential_p(np.array([0.4, 1.5, 2.5]), lambda n, k: rng.normal(size=(n, 3))[:, k], 1000, batch)

    np.testing.assert_array_equal(of(batch), of(128))


def test_rows_stay_in_their_stratum():
    rng = np.random.default_rng(0)
    values = rng.normal(size=103)
    strata = quantile_strata(values, 4)
    assert np.bincount(strata).tolist() == [26, 26, 26, 25]
    assert values[strata == 0].max() < values[strata == 1].min()
    orders = orders_within(strata, 50, rng)
    assert all(sorted(order) == list(range(103)) for order in orders)
    np.testing.assert_array_equal(strata[orders], np.tile(strata, (50, 1)))
    assert len({tuple(order) for order in orders}) == 50


def test_groups_without_a_difference_have_uniform_p_values():
    rng = np.random.default_rng(0)
    p = []
    for _ in range(400):
        beside = rng.normal(size=(60, 2))
        # groups and values both follow a column beside, and nothing else
        group = np.digitize(beside[:, 0] + 0.5 * rng.normal(size=60), [-0.5, 0.5])
        member = group[:, None] == np.arange(3)
        p.append(groups_p(rng.exponential(size=60) + beside[:, 0], member, beside, 5, 500, rng)[0])
    # measured: 0.048, and 4.5 % below 0.05
    assert kstest(p, "uniform").pvalue > 0.01
    assert np.mean(np.array(p) < 0.05) < 0.08


def test_the_group_that_differs_is_named():
    rng = np.random.default_rng(0)
    member = np.repeat([0, 1, 2, 3], [20, 30, 40, 2])[:, None] == np.arange(4)
    values = rng.normal(size=92) + 1.5 * member[:, 1]
    nothing = np.empty((92, 0))
    p, best, effect = groups_p(values, member, nothing, 5, 2000, rng)
    assert p < 0.001
    assert best == 1
    assert effect == pytest.approx(values[20:50].mean() - np.delete(values, np.arange(20, 50)).mean())
    p, best, effect = groups_p(values, member[:, 3:], nothing, 5, 2000, rng)
    assert np.isnan([p, effect]).all()
    assert best == -1
