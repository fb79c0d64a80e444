"""Motifs leave from the weakest up; every size is a model of its own."""

import numpy as np
import pytest

from iceqream._core.regression import fit_logistic
from iceqream.inference.design_matrix import columns
from iceqream.inference.options import FitOptions
from iceqream.inference.peaks import ModelledPeaks
from iceqream.inference.pruning import Asked, backward_path
from iceqream.models.interactions import Interactions

NONE = Interactions.none()


def asked(values, peaks, rows, lambda_):
    return Asked.of(values, peaks, values[rows], lambda_, FitOptions())


@pytest.fixture
def graded(rng):
    """Five terms whose weight falls from the first to the fifth, and a feature; every fifth peak is held out."""
    values = rng.uniform(0, 10, (1500, 6)).astype(np.float32)
    dap = values @ [0.09, -0.06, 0.04, 0.02, 0.0, 0.03] + rng.normal(0, 0.1, 1500)
    return values, ModelledPeaks(dap / np.abs(dap).max(), np.arange(1500) % 5 > 0)


def test_the_weakest_leave_first(graded):
    values, peaks = graded
    held_out = np.flatnonzero(~peaks.is_train)
    sizes = [0, 1, 2, 3, 5, 9]
    path = backward_path([asked(values, peaks, held_out, 1e-4)], 5, sizes)
    assert [one.motifs.tolist() for one in path] == [[], [0], [0, 1], [0, 1, 2], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]]
    # the feature stays in any case, and each size is fitted from scratch
    for one in path:
        terms = values[:, [*one.motifs, 5]]
        fit = fit_logistic(
            columns(terms[peaks.is_train], NONE), peaks.response[peaks.is_train], lambda_=1e-4, l1_ratio=1.0,
        )  # fmt: skip
        # both stop at a KKT residual of lambda / 1000; 2e-4 was measured
        np.testing.assert_allclose(one.eta[0], fit.linear_predictor(columns(terms[held_out], NONE)), atol=2e-3)


def test_peaks_without_weight_do_not_say_who_leaves(rng):
    values = rng.uniform(0, 10, (600, 3)).astype(np.float32)
    dap = values @ [0.03, 0.025, 0.02] + rng.normal(0, 0.1, 600)
    dap /= np.abs(dap).max()
    weights, is_train = (rng.random(600) < 0.5).astype(float), np.arange(600) % 5 > 0
    # where nothing counts, the weakest motif alone explains dAP
    other, low, high = dap.copy(), dap[is_train].min(), dap[is_train].max()
    idle = np.flatnonzero((weights == 0) & is_train & (dap > low) & (dap < high))
    other[idle] = np.interp(values[idle, 2], [0, 10], [0.99 * low, 0.99 * high])
    paths = [
        backward_path([asked(values, ModelledPeaks(y, is_train, weights), ~is_train, 1e-3)], 3, [2, 1, 0])
        for y in (dap, other)
    ]
    for one, two in zip(*paths, strict=True):
        assert one.motifs.tolist() == two.motifs.tolist()
        np.testing.assert_array_equal(one.eta[0], two.eta[0])


def test_without_features_the_mean_is_left(graded):
    values, peaks = graded
    path = backward_path([asked(values[:, :5], peaks, np.arange(3), 1e-4)], 5, [0])
    p = peaks.response[peaks.is_train].mean()
    np.testing.assert_allclose(path[0].eta[0], np.log(p / (1 - p)), atol=1e-6)


def test_of_two_readings_of_one_signal_one_stays(rng):
    signal = rng.normal(size=1500)
    weak = rng.normal(size=(1500, 8))
    values = np.column_stack([signal + rng.normal(0, 0.5, 1500), signal + rng.normal(0, 0.5, 1500), weak])
    values = (values - values.min(axis=0)) / np.ptp(values, axis=0) * 10
    dap = signal + 0.3 * weak.sum(axis=1) + rng.normal(0, 0.2, 1500)
    peaks = ModelledPeaks(dap / np.abs(dap).max(), np.arange(1500) % 5 > 0)
    # also where many leave between two sizes
    path = backward_path([asked(values.astype(np.float32), peaks, np.arange(3), 1e-4)], 10, [8])
    assert len({0, 1} & set(path[0].motifs.tolist())) >= 1


def test_what_costs_least_over_all_responses_leaves_first(rng):
    values = rng.uniform(0, 10, (1500, 4)).astype(np.float32)
    is_train, noise = np.arange(1500) % 5 > 0, rng.normal(0, 0.1, (2, 1500))
    # the third matters little to either, the second to one of them only
    daps = [values @ [0.09, 0.0, 0.02, 0.05] + noise[0], values @ [0.05, 0.08, 0.02, 0.06] + noise[1]]
    both = [asked(values, ModelledPeaks(y / np.abs(y).max(), is_train), ~is_train, 1e-4) for y in daps]
    path = backward_path(both, 4, [3, 4])
    assert path[0].motifs.tolist() == [0, 1, 3]
    assert [len(eta) for eta in path[0].eta] == [300, 300]
    # alone the first response loses the second motif
    assert backward_path(both[:1], 4, [3])[0].motifs.tolist() == [0, 2, 3]
    # several at once, the same motifs stay
    assert backward_path(both, 4, [2], share=0.5)[0].motifs.tolist() == backward_path(both, 4, [2])[0].motifs.tolist()
