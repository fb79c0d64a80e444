import numpy as np

from iceqream._core.response import N_RESPONSES, design, responses, slopes


def test_responses_at_known_values():
    got = responses(np.array([0.0, 5.0, 10.0]))
    t = np.tanh  # 2 / (1 + e^(-x)) - 1 is tanh(x / 2)
    np.testing.assert_allclose(got[:, 0], [0, t(1.25), t(2.5)], atol=1e-15)
    np.testing.assert_allclose(got[:, 1], [1 + t(-2.5), 1 + t(-1.25), 1], atol=1e-15)
    np.testing.assert_allclose(got[:, 2], [1 + t(-5), 1 + t(-2.5), 1], atol=1e-15)
    np.testing.assert_allclose(got[:, 3], [(1 + t(-2.5)) / 2, 0.5, (1 + t(2.5)) / 2], atol=1e-15)


def test_slopes_are_the_derivatives_of_the_responses(rng):
    values, step = rng.uniform(0, 10, (20, 3)), 1e-5
    want = (responses(values + step) - responses(values - step)) / (2 * step)
    got = slopes(values)
    assert got.shape == (20, 3, N_RESPONSES)
    # 2e-11 was measured
    np.testing.assert_allclose(got, want, atol=1e-9)


def test_slopes_of_far_values_vanish_without_overflow():
    with np.errstate(all="raise", under="ignore"):
        assert (slopes(np.array([-1e4, 1e4])) == 0).all()


def test_a_features_columns_are_adjacent(rng):
    values = rng.uniform(0, 10, (6, 2))
    X = design(values)
    assert X.flags.f_contiguous
    np.testing.assert_array_equal(X.reshape(6, 2, N_RESPONSES), responses(values))
