"""What each term adds to the difference of two predictions."""

from dataclasses import replace

import numpy as np
import pytest

import iceqream as iq
from iceqream.inference.attribution import term_changes
from iceqream.models.interactions import Interactions


@pytest.fixture(scope="module")
def model(request):
    adata = request.getfixturevalue("_fitted")
    plain = iq.get.model(adata)
    rng = np.random.default_rng(0)
    first, second = np.array([0, 0, 1]), np.array([1, 2, 1])  # the last pair is of a term with itself
    pairs = Interactions(
        first, second, np.array([2.0, 0.0, 5.0]), np.array([60.0, 90.0, 80.0]), rng.normal(size=(3, 4))
    )
    return replace(
        plain, interactions=pairs, effects=np.array([]), residual_r2=np.array([]), effect_errors=np.array([])
    )


@pytest.fixture(scope="module")
def values(model):
    return np.random.default_rng(1).uniform(0, 10, (2, 50, len(model.terms)))


def test_changes_sum_up_to_the_difference(model, values):
    before, after = values
    difference = model.linear_predictor(after) - model.linear_predictor(before)
    np.testing.assert_allclose(term_changes(model, before, after).sum(axis=1), difference, atol=1e-12)


def test_a_pair_counts_for_the_term_that_changes(model, values):
    before, after = values[0], values[0].copy()
    after[:, 2] = values[1][:, 2]
    changes = term_changes(model, before, after)
    assert not np.delete(changes, 2, axis=1).any()
    np.testing.assert_allclose(
        changes[:, 2], model.linear_predictor(after) - model.linear_predictor(before), atol=1e-12
    )


def test_a_pair_of_two_that_change_is_the_mean_over_both_orders(model, values):
    before, after = values

    def through(order):
        now, parts = before.copy(), np.zeros_like(before)
        for term in order:
            then = now.copy()
            then[:, term] = after[:, term]
            parts[:, term] = model.linear_predictor(then) - model.linear_predictor(now)
            now = then
        return parts

    # only pairs of two terms: then two orders, one the reverse of the other, are all that matter
    terms = np.arange(before.shape[1])
    want = (through(terms) + through(terms[::-1])) / 2
    np.testing.assert_allclose(term_changes(model, before, after), want, atol=1e-10)
