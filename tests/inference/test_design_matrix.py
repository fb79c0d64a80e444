"""Columns of the final regression and what they belong to."""

import numpy as np

from iceqream._core.response import responses
from iceqream.inference.design_matrix import column_groups, columns, groups_with_pairs, penalty_factors
from iceqream.models.interactions import Interactions


def pairs_of(values, *, expand):
    return Interactions.of(np.array([[0, 1], [1, 2]]), values, expand=expand)


def test_columns_belong_to_terms_and_pairs(rng):
    values = rng.uniform(0, 10, (50, 3))
    for expand, width in ((False, 1), (True, 4)):
        pairs = pairs_of(values, expand=expand)
        X = columns(values, pairs)
        assert X.shape == (50, 3 * 4 + 2 * width)
        own, of_pair = column_groups(3, pairs)
        np.testing.assert_allclose(X[:, own[1]], responses(values[:, 1]), atol=1e-12)
        np.testing.assert_allclose(X[:, of_pair[1]], pairs.columns(values)[:, -width:], atol=1e-12)
        together = groups_with_pairs(3, pairs)
        assert [len(group) for group in together] == [4 + width, 4 + 2 * width, 4 + width]
        assert set(together[0]) == {*own[0], *of_pair[0]}
        factors = penalty_factors(3, pairs, 1.5)
        assert factors[:12].tolist() == [1.0] * 12
        assert factors[12:].tolist() == [1.5] * (2 * width)


def test_without_pairs_or_with_the_same_penalty_there_are_no_factors(rng):
    values = rng.uniform(0, 10, (50, 3))
    assert penalty_factors(3, Interactions.none(), 1.5) is None
    assert penalty_factors(3, pairs_of(values, expand=False), 1.0) is None
