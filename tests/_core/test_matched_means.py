"""Matched differences against means by hand, and their errors against simulation."""

import numpy as np
import pytest

from iceqream._core.matched_means import MatchedGroups


def test_differences_are_means_over_strata():
    group = np.array([0, 0, 0, 1, 1, 1, 2, 0])
    strata = np.array([0, 0, 1, 0, 1, 1, 2, 3])
    values = np.array([1.0, 3.0, 10.0, 5.0, 11.0, 12.0, 7.0, 100.0])
    matched = MatchedGroups.of(group, strata, 4, 0)
    # stratum 0: 5 - 2; stratum 1: 11 - 10 and 12 - 10
    assert matched.differences(values)[1] == pytest.approx((3 + 1 + 2) / 3)
    assert matched.differences(values)[0] == 0
    # no reference in stratum 2, and no row at all
    assert np.isnan(matched.differences(values)[2:]).all()
    assert matched.n_matched.tolist() == [4, 3, 0, 0]


def test_confounding_is_taken_out_and_errors_are_those_of_repeats(rng):
    strata = rng.integers(0, 10, 800)
    # rows of the group lie in high strata, where values are higher for another reason
    group = (rng.random(800) < 0.05 + 0.06 * strata).astype(int)
    matched = MatchedGroups.of(group, strata, 2, 0)
    found, errors, plain = [], [], []
    for _ in range(400):
        values = 0.5 * strata + 0.3 * group + rng.normal(0, 1, 800)
        found.append(matched.differences(values)[1])
        errors.append(matched.errors(values)[1])
        plain.append(values[group == 1].mean() - values[group == 0].mean())
    assert np.mean(plain) > 1
    assert np.mean(found) == pytest.approx(0.3, abs=0.02)
    # they were within 3 %
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.1)
