"""Enrichment against scipy one by one, and its error against simulation."""

import numpy as np
import pytest
from scipy.stats import hypergeom

from iceqream._core.enrichment import enrichment


def test_p_is_twice_the_smaller_tail():
    hits, sizes = np.array([[10, 0, 5], [3, 3, 3], [0, 0, 0]]), np.array([20, 30, 50])
    found = enrichment(hits, sizes)
    for m in range(3):
        for g in range(3):
            law = hypergeom(100, hits[m].sum(), sizes[g])
            tails = law.sf(hits[m, g] - 1), law.cdf(hits[m, g])
            assert found.p[m, g] == pytest.approx(min(1.0, 2 * min(tails)), rel=1e-12)
    # more than all, and avoided
    assert found.log2_ratio[0, 0] > 0 > found.log2_ratio[0, 1]
    assert found.p[0, :2].max() < 0.01
    assert (found.p[2] == 1).all()
    assert np.isfinite(found.log2_ratio).all()


def test_ratio_has_the_pseudo_count():
    found = enrichment(np.array([[4, 6]]), np.array([9, 39]))
    want = np.log2((4.5 / 10) / ((4.5 + 6.5) / (10 + 40)))
    assert found.log2_ratio[0, 0] == pytest.approx(want, rel=1e-12)


def test_error_is_the_spread_of_repeated_draws(rng):
    sizes = np.array([200, 300, 500])
    hits = rng.binomial(sizes, [0.3, 0.1, 0.05], size=(20_000, 3))
    found = enrichment(hits, sizes)
    spread = found.log2_ratio.std(axis=0)
    # measured: within 3 % of the mean error
    np.testing.assert_allclose(np.sqrt((found.error**2).mean(axis=0)), spread, rtol=0.05)


def test_q_of_nothing_is_even():
    rng = np.random.default_rng(3)
    member = rng.permutation(np.repeat([0, 1], 500))
    strong = rng.random((2000, 1000)) < 0.1
    hits = np.column_stack([strong[:, member == g].sum(axis=1) for g in (0, 1)])
    p = enrichment(hits, np.array([500, 500])).p[:, 0]
    # a discrete test is on the careful side; measured: 0.042
    assert (p < 0.05).mean() < 0.06
