"""What two things do together beyond what each does alone."""

import numpy as np
import pytest
from scipy.stats import kstest

from iceqream._core.pair_contrasts import AdditiveFit, contrasts
from iceqream._core.regression import logistic

N = 3000


def _simulated(rng, pair, *, cut=False):
    """Return columns, the indicator of both, and a response whose log odds add up, but for the pair."""
    strong = rng.random((N, 2)) < 0.2
    other = rng.normal(size=N)
    both = strong.all(axis=1)
    eta = -1 + strong @ [1.6, 1.4] + 1.4 * other + pair * both
    p = logistic(eta)
    y = rng.poisson(12 * p) / 12 if cut else rng.beta(5 * p, 5 * (1 - p))
    return np.column_stack([strong, other]), both[:, None], np.minimum(y, 1.0)


def _contrast(rng, pair, *, cut=False, n_permutations=400):
    columns, both, y = _simulated(rng, pair, cut=cut)
    fit = AdditiveFit.of(1.0, y, columns, 1e-3).curved()
    return contrasts([fit], columns, both, np.zeros_like(both), n_permutations=n_permutations, rng=rng)


@pytest.mark.parametrize("pair", [-1.2, 0.0, 1.0])
def test_contrasts_are_those_that_were_put_in_with_the_error_that_they_have(pair):
    found = [_contrast(np.random.default_rng(seed), pair, n_permutations=1) for seed in range(40)]
    estimates = np.array([one.estimate[0] for one in found])
    # measured: -1.09, 0.01 and 1.20, each +- 0.04: first order, and strong pairs bend the curve
    assert estimates.mean() == pytest.approx(pair, abs=0.05 + 0.2 * abs(pair))
    # measured: 0.97, 1.19 and 1.04 of it
    assert np.mean([one.error[0] for one in found]) == pytest.approx(estimates.std(), rel=0.3)


@pytest.mark.parametrize("cut", [False, True])
def test_without_a_pair_p_values_are_uniform(cut):
    p = np.array([_contrast(np.random.default_rng(seed), 0.0, cut=cut).p[0] for seed in range(150)])
    # measured: 0.025, and 0.52 where what is counted is cut at 1
    assert kstest(p, "uniform").pvalue > 0.01
    # measured: 2 % and 6 %
    assert np.mean(p < 0.05) < 0.1


def test_the_contrast_of_two_states_is_their_difference():
    rng = np.random.default_rng(0)
    columns, both, _ = _simulated(rng, 0.0)
    eta = -1 + columns @ [1.6, 1.4, 1.4]
    responses = [
        rng.beta(9 * p, 9 * (1 - p)) for p in (logistic(eta + 1.0 * both[:, 0]), logistic(eta - 0.5 * both[:, 0]))
    ]
    options = {"n_permutations": 300, "rng": np.random.default_rng(0)}
    fits = [AdditiveFit.of(sign, y, columns, 1e-3).curved() for sign, y in zip((1.0, -1.0), responses, strict=True)]
    found = contrasts(fits, columns, both, np.zeros_like(both), **options)
    alone = [contrasts([fit], columns, both, np.zeros_like(both), **options) for fit in fits]
    assert found.estimate[0] == pytest.approx(alone[0].estimate[0] + alone[1].estimate[0])
    # independent responses: variances add up (measured: to 0.5 %)
    assert found.error[0] == pytest.approx(np.hypot(alone[0].error[0], alone[1].error[0]), rel=0.05)
    assert abs(found.estimate[0] - 1.5) < 4 * found.error[0]
    assert found.p[0] == pytest.approx(1 / 301)


def test_the_level_of_rows_that_stand_aside_hardly_counts():
    rng = np.random.default_rng(0)
    columns, both, y = _simulated(rng, 0.0)
    aside = both & (rng.random(both.shape) < 0.4)
    fit = AdditiveFit.of(1.0, y, columns, 1e-3).curved()
    options = {"n_permutations": 50}
    found = contrasts([fit], columns, both & ~aside, aside, **options, rng=np.random.default_rng(0))
    # whatever they would say
    changed = AdditiveFit(1.0, np.where(aside[:, 0], 1.0, y), fit.eta, fit.curve, fit.slope, fit.n_columns)
    other = contrasts([changed], columns, both & ~aside, aside, **options, rng=np.random.default_rng(0))
    # measured: 0.03 standard errors; as part of both they would change it by 4.8
    assert abs(found.estimate[0] - other.estimate[0]) < 0.1 * found.error[0]
    within = contrasts([changed], columns, both, np.zeros_like(aside), **options, rng=np.random.default_rng(0))
    assert abs(found.estimate[0] - within.estimate[0]) > 3 * found.error[0]
