"""How many motifs: parts that are held out, their deviance, and the size that follows."""

import numpy as np
import pandas as pd
import pytest

from iceqream._core.regression import logistic
from iceqream.inference.sizes import ENOUGH_PEAKS, HeldOut, best_size, held_out_deviance, held_out_parts
from iceqream.models.levels import SIZE_COLUMNS


def test_held_out_parts_are_as_many_as_are_needed(rng):
    parts = held_out_parts(103, 5, rng)
    assert sorted(np.concatenate(parts).tolist()) == list(range(103))
    assert {len(part) for part in parts} == {20, 21}
    assert (np.diff(parts[0]) > 1).any()
    assert held_out_parts(103, 0, rng) == []
    # of many peaks, one or two folds tell enough
    for n, folds in ((ENOUGH_PEAKS, 5), (ENOUGH_PEAKS + 1, 5), (2 * ENOUGH_PEAKS, 3), (5 * ENOUGH_PEAKS, 1),
                     (50 * ENOUGH_PEAKS, 1)):  # fmt: skip
        parts = held_out_parts(n, 5, rng)
        assert len(parts) == folds
        assert sum(len(part) for part in parts) >= ENOUGH_PEAKS
        assert len(np.unique(np.concatenate(parts))) == sum(len(part) for part in parts)
    one, two = (held_out_parts(50, 5, np.random.default_rng(3)) for _ in range(2))
    assert all((a == b).all() for a, b in zip(one, two, strict=True))


def test_held_out_deviance_by_hand():
    response = np.array([[0.2], [0.9], [0.5], [0.7], [0.1]])
    held_out = [np.array([1, 3]), np.array([0, 4])]
    weights = [np.array([[1.0], [3.0]]), np.array([[2.0], [2.0]])]
    eta = [[np.array([[0.0], [0.0]]), np.array([[1.5], [0.5]])], [np.array([[0.0], [0.0]]), np.array([[-1.0], [0.2]])]]
    dap = np.array([[-0.3], [0.8], [0.1], [0.4], [-0.6]])
    folds = [HeldOut(response[i], dap[i], w, e) for i, w, e in zip(held_out, weights, eta, strict=True)]
    table = held_out_deviance(folds, [0, 4])
    assert table.columns.tolist() == list(SIZE_COLUMNS)
    assert table["motifs"].tolist() == [0, 4]

    def loss(y, linear):
        p = 1 / (1 + np.exp(-linear))
        return -2 * (y * np.log(p) + (1 - y) * np.log(1 - p))

    share = np.array([1, 3, 2, 2]) / 8
    y = np.array([0.9, 0.7, 0.2, 0.1])
    # what a model says beyond the first is scaled to the lowest deviance
    predictor = np.array([1.5, 0.5, -1.0, 0.2])
    slopes = np.linspace(0, 2, 200_001)
    slope = slopes[np.argmin([(loss(y, s * predictor) * share).sum() for s in slopes])]
    assert 1.1 < slope < 1.9
    by_hand = np.array([loss(y, np.zeros(4)) * share, loss(y, slope * predictor) * share])
    np.testing.assert_allclose(table["deviance"], by_hand.sum(axis=1), rtol=1e-9)
    assert by_hand[1].sum() < by_hand[0].sum()
    difference = by_hand[0] - by_hand[1]
    assert table["standard_error"].tolist() == pytest.approx([np.sqrt(4) * difference.std(), 0.0], rel=1e-4)
    # constant predictions have no correlation; two peaks of a fold lie on a line
    assert table["r2"].iloc[1] == pytest.approx(1.0)
    assert held_out_deviance([], [0, 4]).empty


def test_deviances_of_responses_are_added(rng):
    response, weights = rng.random((6, 2)), rng.random((6, 2))
    eta = rng.normal(size=(6, 2))
    got = held_out_deviance([HeldOut(response, rng.normal(size=(6, 2)), weights, [eta])], [0])["deviance"].iloc[0]
    mu = logistic(eta)
    loss = -2 * (response * np.log(mu) + (1 - response) * np.log(1 - mu))
    assert got == pytest.approx(np.mean([np.average(loss[:, t], weights=weights[:, t]) for t in range(2)]))


def test_too_bold_a_model_still_counts(rng):
    """A model that exaggerates says more than none, and noise says nothing at any scale."""
    signal, n = rng.normal(size=(2000, 1)), 2000
    dap = 0.5 * signal + rng.normal(size=(n, 1))
    response, weights = logistic(dap), np.ones((n, 1))
    nothing, noise = np.zeros((n, 1)), rng.normal(size=(n, 1))
    table = held_out_deviance([HeldOut(response, dap, weights, [nothing, 3 * signal, noise])], [0, 1, 2])
    as_it_is = 2 * (np.logaddexp(0.0, 3 * signal) - response * 3 * signal).mean()
    assert as_it_is > table["deviance"].iloc[0]
    assert best_size(table) == 1
    table = held_out_deviance([HeldOut(response, dap, weights, [nothing, noise])], [0, 1])
    assert best_size(table) == 0


@pytest.mark.parametrize(
    ("deviance", "error", "best"),
    [
        ([1.0, 0.8, 0.6, 0.65], 0.1, 2),
        # three standard errors from the model without motifs
        ([1.0, 0.9, 0.69, 0.7], 0.1, 2),
        ([1.0, 0.9, 0.71, 0.75], 0.1, 0),
        ([1.0, 1.1, 1.2], 0.1, 0),
        ([1.0], 0.0, 0),
        # of equal ones the first
        ([1.0, 0.5, 0.5], 0.1, 1),
        # as few as nearly reach it
        ([1.0, 0.501, 0.5], 0.1, 1),
    ],
)
def test_the_best_size_is_the_lowest_if_it_differs_from_none(deviance, error, best):
    table = pd.DataFrame({"deviance": deviance, "standard_error": [error] + [0.0] * (len(deviance) - 1)})
    assert best_size(table) == best
