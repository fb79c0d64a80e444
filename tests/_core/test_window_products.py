"""Window products and their derivatives against loops over windows in float64."""

import numpy as np
import pytest

from iceqream._core.window_products import (
    CHUNK,
    LANES,
    LETTERS,
    derivative_moments,
    letter_sums,
    one_hot,
    update_and_bin,
)


def naive_products(codes, p, strands):
    length = len(p)
    letters = np.hstack([4 * p, np.ones((length, 1))])
    flipped = np.hstack([4 * p[::-1, ::-1], np.ones((length, 1))])
    n = codes.shape[1] - length + 1
    out = np.ones((len(codes), strands, n))
    for i in range(n):
        for j in range(length):
            out[:, 0, i] *= letters[j, codes[:, i + j]]
            if strands == 2:
                out[:, 1, i] *= flipped[j, codes[:, i + j]]
    return out


@pytest.mark.parametrize("length", [1, 5, 15, 16, 17, 33])
@pytest.mark.parametrize("unknown", [False, True])
def test_letter_sums_add_windows_by_their_letters(rng, length, unknown):
    codes = rng.integers(0, 4, 90).astype(np.uint8)
    if unknown:
        codes[[3, 40, 41]] = 4
    n = 90 - length + 1
    signals = rng.random((2, n)).astype(np.float32)
    planes = np.empty((3, 90 + length // LANES * LANES + LANES), dtype=np.float32)
    sums = np.empty((length, LETTERS))
    assert one_hot(codes, planes) == unknown
    letter_sums(codes, signals, length, planes, np.empty((6, LANES), dtype=np.float32), sums, unknown)
    want = np.zeros((length, LETTERS))
    for i in range(n):
        for j in range(length):
            want[j, codes[i + j]] += signals[0, i]
            c = codes[i + length - 1 - j]
            want[j, 3 - c if c < 4 else 4] += signals[1, i]
    np.testing.assert_allclose(sums, want, rtol=2e-5, atol=2e-4)


@pytest.mark.parametrize("strands", [1, 2])
def test_updates_bins_and_derivatives(rng, strands):
    n, region, length, bin_size, n_bins = CHUNK + 7, 60, 9, 20, 3
    codes = rng.integers(0, 5, (n, region)).astype(np.uint8)
    codes[: n // 2] %= 4
    p = rng.dirichlet([1.0] * 4, length)
    targets = rng.normal(size=(n, 2))
    products = np.empty((n, strands, region - length + 1), dtype=np.float32)
    bins = np.empty((n, n_bins), dtype=np.float32)
    moments = np.empty((2, n_bins, n_bins + 3))
    nothing = (np.empty(0, dtype=np.int64), np.empty((0, 4), dtype=np.float32))
    update_and_bin(codes, products, (4 * p).astype(np.float32), *nothing, bin_size, targets, bins, moments)
    np.testing.assert_allclose(products, naive_products(codes, p, strands), rtol=2e-6)

    moved = p.copy()
    moved[[2, 6]] = rng.dirichlet([1.0] * 4, 2)
    ratios = (moved[[2, 6]] / p[[2, 6]]).astype(np.float32)
    odds = (4 * moved).astype(np.float32)
    update_and_bin(codes, products, odds, np.array([2, 6]), ratios, bin_size, targets, bins, moments)
    want = naive_products(codes, moved, strands)
    np.testing.assert_allclose(products, want, rtol=5e-6)
    of_window = np.arange(want.shape[2]) // bin_size
    summed = np.stack([want.sum(axis=1)[:, of_window == b].sum(axis=1) for b in range(n_bins)], axis=1)
    np.testing.assert_allclose(bins, summed, rtol=5e-6)
    columns = np.column_stack([bins.astype(float), np.ones(n), targets])
    np.testing.assert_allclose(moments.sum(axis=0), bins.astype(float).T @ columns, rtol=1e-9)

    w = rng.random(want.shape[2]).astype(np.float32)
    letter_moments = np.empty((2, length, LETTERS, LETTERS + 3))
    derivatives = np.empty((n, length, LETTERS), dtype=np.float32)
    derivative_moments(codes, products, moved, w, targets, letter_moments, derivatives)
    energy = (want * w).sum(axis=(1, 2))
    for j in range(length):
        # linear in the probabilities of any position
        np.testing.assert_allclose(derivatives[:, j, :4] @ moved[j] + derivatives[:, j, 4], energy, rtol=2e-5)
        other = moved.copy()
        other[j] = rng.dirichlet([1.0] * 4)
        changed = (naive_products(codes, other, strands) * w).sum(axis=(1, 2))
        np.testing.assert_allclose(derivatives[:, j, :4] @ other[j] + derivatives[:, j, 4], changed, rtol=1e-4)
        d = derivatives[:, j].astype(float)
        columns = np.column_stack([d, np.ones(n), targets])
        np.testing.assert_allclose(letter_moments.sum(axis=0)[j], d.T @ columns, rtol=1e-5, atol=1e-5)
