"""Who judges which peaks are open everywhere."""

import numpy as np

from iceqream._core.access_probability import NormalizedCounts
from iceqream._core.constitutive import choose_constitutive, judges, lowest_signal


def test_shallow_rows_do_not_vote(rng):
    rate = rng.gamma(0.5, 40.0, (3, 2000))
    rate[2] *= 0.01
    counts = rng.poisson(rate).astype(float)
    norm = NormalizedCounts(counts)
    judged = judges(norm)
    assert judged.voting.tolist() == [True, True, False]
    share = counts[:2] / counts[:2].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(lowest_signal(judged), np.log2(share.min(axis=0) + 1e-5), rtol=1e-12)
    chosen = choose_constitutive(judged)
    assert chosen.sum() == 100
    np.testing.assert_array_equal(chosen, choose_constitutive(judges(NormalizedCounts(counts[:2]))))
    together = judges(NormalizedCounts(rng.poisson(0.02 * rate[[0] * 300]).astype(float)))
    assert together.together
    assert together.norm.shape == (1, 2000)


def test_groups_are_sums_and_place_does_not_matter(rng):
    counts = rng.poisson(rng.gamma(0.5, 3.0, (6, 1000))).astype(float)
    groups = np.array([0, 1, 0, 1, -1, 1])
    judged = judges(NormalizedCounts(counts), None, groups)
    sums = np.array([counts[groups == k].sum(axis=0) for k in (0, 1)])
    np.testing.assert_array_equal(judged.norm.counts, sums)
    # peaks with the same reads are ranked alike: only those at the very edge of the decile depend on their place
    forward = choose_constitutive(judged)
    backward = choose_constitutive(judges(NormalizedCounts(counts[:, ::-1]), None, groups))[::-1]
    assert (forward & backward).sum() >= 0.9 * forward.sum()
