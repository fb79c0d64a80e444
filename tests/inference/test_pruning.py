"""Motifs leave from the weakest up; every size is a model of its own."""

import numpy as np
import pytest

from iceqream._core.regression import fit_logistic
from iceqream.inference.design_matrix import columns
from iceqream.inference.options import FitOptions
from iceqream.inference.peaks import ModelledPeaks
from iceqream.inference.pruning import backward_path
from iceqream.models.interactions import Interactions

NONE = Interactions.none()


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
    path = backward_path(values, 5, peaks, held_out, sizes, lambda_=1e-4, options=FitOptions())
    assert [one.motifs.tolist() for one in path] == [[], [0], [0, 1], [0, 1, 2], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]]
    # the feature stays in any case, and each size is fitted from scratch
    for one in path:
        terms = values[:, [*one.motifs, 5]]
        fit = fit_logistic(
            columns(terms[peaks.is_train], NONE), peaks.response[peaks.is_train], lambda_=1e-4, l1_ratio=1.0,
        )  # fmt: skip
        # both stop at a KKT residual of lambda / 1000; 2e-4 was measured
        np.testing.assert_allclose(one.eta, fit.linear_predictor(columns(terms[held_out], NONE)), atol=2e-3)


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
        backward_path(
            values, 3, ModelledPeaks(y, is_train, weights), np.flatnonzero(~is_train), [2, 1, 0], lambda_=1e-3,
            options=FitOptions(),
        )
        for y in (dap, other)
    ]  # fmt: skip
    for one, two in zip(*paths, strict=True):
        assert one.motifs.tolist() == two.motifs.tolist()
        np.testing.assert_array_equal(one.eta, two.eta)


def test_without_features_the_mean_is_left(graded):
    values, peaks = graded
    path = backward_path(values[:, :5], 5, peaks, np.arange(3), [0], lambda_=1e-4, options=FitOptions())
    p = peaks.response[peaks.is_train].mean()
    np.testing.assert_allclose(path[0].eta, np.log(p / (1 - p)), atol=1e-6)


def test_of_two_readings_of_one_signal_one_stays(rng):
    signal = rng.normal(size=1500)
    weak = rng.normal(size=(1500, 8))
    values = np.column_stack([signal + rng.normal(0, 0.5, 1500), signal + rng.normal(0, 0.5, 1500), weak])
    values = (values - values.min(axis=0)) / np.ptp(values, axis=0) * 10
    dap = signal + 0.3 * weak.sum(axis=1) + rng.normal(0, 0.2, 1500)
    peaks = ModelledPeaks(dap / np.abs(dap).max(), np.arange(1500) % 5 > 0)
    # also where many leave between two sizes
    path = backward_path(values.astype(np.float32), 10, peaks, np.arange(3), [8], lambda_=1e-4, options=FitOptions())
    assert len({0, 1} & set(path[0].motifs.tolist())) >= 1
