"""The gradient kernel against finite differences of the energy's definition, written out in float64."""

import numpy as np
import pytest

from iceqream._core.energy_gradient import _SEQUENCES_PER_TASK, _TASKS_AT_ONCE, energy_gradient
from iceqream._core.threads import threads

# of the largest derivative of a motif; float32 products: 2.1e-7 was measured (finite differences: 3e-10)
TOLERANCE = 1e-6
BIN_SIZE = 22
LENGTHS = [1, 5, 6, 15, 18, 31]


def energy(codes, log_odds, log_weights):
    """log2 of the sum over windows and strands of the weight of the start's bin times the odds, one motif."""
    length = len(log_odds)
    forward = np.hstack([log_odds, np.zeros((length, 1))])
    reverse = np.hstack([log_odds[::-1, ::-1], np.zeros((length, 1))])
    starts = np.arange(codes.shape[1] - length + 1)
    letters = codes[:, starts[:, None] + np.arange(length)]
    weights = log_weights[starts // BIN_SIZE]
    return np.log2(sum(np.exp(x[np.arange(length), letters].sum(axis=2) + weights).sum(axis=1) for x in
                       (forward, reverse)))  # fmt: skip


def finite_differences(function, at, step=1e-4):
    out = np.zeros(at.shape)
    for i in np.ndindex(*at.shape):
        high, low = at.copy(), at.copy()
        high[i] += step
        low[i] -= step
        out[i] = (function(high) - function(low)) / (2 * step)
    return out


def example(rng, n, lengths, n_bins=3):
    codes = rng.integers(0, 4, (n, n_bins * BIN_SIZE)).astype(np.uint8)
    odds = np.ones((len(lengths), max(lengths), 4))
    for m, length in enumerate(lengths):
        # no letter is impossible, as after the pseudo-probability
        odds[m, :length] = 4 * (0.9 * rng.dirichlet([0.5] * 4, length) + 0.025)
    weights = rng.dirichlet([2.0] * n_bins, len(lengths))
    return codes, odds, np.array(lengths), weights, BIN_SIZE, rng.normal(size=(n, len(lengths)))


@pytest.mark.parametrize("unknown", [False, True])
def test_derivatives_are_those_of_the_definition(rng, unknown):
    codes, odds, lengths, weights, bin_size, by_energy = example(rng, 7, LENGTHS)
    if unknown:
        codes[::2][rng.random(codes[::2].shape) < 0.1] = 4
        codes[1] = 4
    by_odds, by_weights = energy_gradient(codes, odds, lengths, weights, bin_size, by_energy)
    assert by_odds.shape == odds.shape
    assert by_weights.shape == weights.shape
    for m, length in enumerate(lengths):
        logs, curve, outer = np.log(odds[m, :length]), np.log(weights[m]), by_energy[:, m]
        want = finite_differences(lambda x, curve=curve, outer=outer: outer @ energy(codes, x, curve), logs)
        np.testing.assert_allclose(by_odds[m, :length], want, atol=TOLERANCE * np.abs(want).max())
        assert (by_odds[m, length:] == 0).all()
        want = finite_differences(lambda x, logs=logs, outer=outer: outer @ energy(codes, logs, x), curve)
        np.testing.assert_allclose(by_weights[m], want, atol=TOLERANCE * np.abs(want).max())


def test_shares_add_up_to_the_derivative_of_the_energy(rng):
    codes, odds, lengths, weights, bin_size, by_energy = example(rng, 40, LENGTHS)
    by_odds, by_weights = energy_gradient(codes, odds, lengths, weights, bin_size, by_energy)
    # twice the odds of every letter at a position, or twice the curve, is one more bit of energy
    total = by_energy.sum(axis=0)
    for m, length in enumerate(lengths):
        np.testing.assert_allclose(np.log(2) * by_odds[m, :length].sum(axis=1), total[m], atol=1e-6)
    np.testing.assert_allclose(np.log(2) * by_weights.sum(axis=1), total, atol=1e-6)


def test_zeros_are_as_if_left_out(rng):
    codes, odds, lengths, weights, bin_size, by_energy = example(rng, _SEQUENCES_PER_TASK, [6, 15])
    longer = np.vstack([codes, codes])
    padded = np.vstack([by_energy, np.zeros_like(by_energy)])
    for a, b in zip(
        energy_gradient(longer, odds, lengths, weights, bin_size, padded),
        energy_gradient(codes, odds, lengths, weights, bin_size, by_energy),
        strict=True,
    ):
        assert (a == b).all()
    # nor does another motif matter
    alone = energy_gradient(codes, odds[:1], lengths[:1], weights[:1], bin_size, by_energy[:, :1])
    by_energy[:, 1] = 0.0
    by_odds, by_weights = energy_gradient(codes, odds, lengths, weights, bin_size, by_energy)
    assert (by_odds[0, :6] == alone[0][0, :6]).all()
    assert (by_weights[0] == alone[1][0]).all()
    assert (by_odds[1] == 0).all()
    assert (by_weights[1] == 0).all()


def test_threads_and_parts_do_not_matter(rng):
    size = _SEQUENCES_PER_TASK * _TASKS_AT_ONCE
    codes, odds, lengths, weights, bin_size, by_energy = example(rng, size + 50, [5, 18])
    results = []
    for n in (1, 2):
        with threads(n):
            results.append(energy_gradient(codes, odds, lengths, weights, bin_size, by_energy))
    for one, two in zip(*results, strict=True):
        assert (one == two).all()
    # float64 sums in another order: 2e-14 was measured
    parts = [energy_gradient(codes[rows], odds, lengths, weights, bin_size, by_energy[rows])
             for rows in (slice(0, 700), slice(700, None))]  # fmt: skip
    for whole, first, second in zip(results[0], *parts, strict=True):
        np.testing.assert_allclose(whole, first + second, atol=1e-12)
