import numpy as np
import pytest

from iceqream.inference import variants
from iceqream.inference.peaks import ModelledPeaks
from iceqream.inference.screening import Screen

N = 900


def r2(predicted, peaks):
    held_out = ~peaks.is_train
    return np.corrcoef(predicted[held_out], peaks.dap[held_out])[0, 1] ** 2


@pytest.fixture
def values(rng):
    """Five terms, one of them constant in training."""
    out = rng.uniform(0, 10, size=(N, 5)).astype(np.float32)
    out[: N * 2 // 3, 4] = 3.0
    return out


def peaks_of(signal, rng, weights=None):
    dap = (signal - signal.mean()) / (5 * signal.std()) + 0.05 * rng.normal(size=N)
    return ModelledPeaks(dap, np.arange(N) < N * 2 // 3, weights)


def fits(values, peaks):
    return {
        "linear": variants.linear(values, peaks),
        "additive": variants.additive(values, peaks),
        "boosted": variants.boosted(values, peaks, 3),
    }


def test_each_model_finds_what_it_can_express(values, rng):
    x = values.astype(float)
    straight = fits(values, peaks := peaks_of(x[:, 0] - x[:, 1], rng))
    # measured 0.94, 0.94, 0.92
    assert min(r2(one, peaks) for one in straight.values()) > 0.88
    curved = fits(values, peaks := peaks_of((x[:, 0] - 5) ** 2, rng))
    # measured 0.01, 0.93, 0.92
    assert r2(curved["linear"], peaks) < 0.05
    assert min(r2(curved["additive"], peaks), r2(curved["boosted"], peaks)) > 0.88
    paired = fits(values, peaks := peaks_of((x[:, 0] - 5) * (x[:, 1] - 5), rng))
    # measured 0.00, 0.01, 0.78
    assert r2(paired["additive"], peaks) < 0.1
    assert r2(paired["boosted"], peaks) > 0.6


def test_held_out_peaks_are_not_looked_at(values, rng):
    peaks = peaks_of(values[:, 0].astype(float), rng)
    other = ModelledPeaks(np.where(peaks.is_train, peaks.dap, rng.normal(size=N)), peaks.is_train)
    for name, said in fits(values, peaks).items():
        np.testing.assert_array_equal(said, fits(values, other)[name])


def test_peaks_without_weight_are_as_if_not_there(values, rng):
    signal = values[:, 0].astype(float)
    weights = np.where(np.arange(N) % 2, 2.0, 0.0)
    weighted = peaks_of(signal, rng, weights)
    held_out_or_odd = ModelledPeaks(weighted.dap, weighted.is_train & (np.arange(N) % 2 == 1))
    for name, said in fits(values, weighted).items():
        np.testing.assert_allclose(said, fits(values, held_out_or_odd)[name], atol=1e-9)


def test_without_a_term_that_varies_the_mean_is_predicted(values, rng):
    peaks = peaks_of(values[:, 0].astype(float), rng)
    for nothing in (values[:, 4:], values[:, :0]):
        for said in fits(nothing, peaks).values():
            assert np.ptp(said) == 0
            # the booster's mean is of the peaks that do not decide the number of trees: measured 0.001
            assert said[0] == pytest.approx(peaks.dap[peaks.is_train].mean(), abs=0.01)


def test_few_peaks_and_many_terms_do_not_break_the_additive_model(rng):
    values = rng.uniform(0, 10, size=(160, 40)).astype(np.float32)
    dap = 0.02 * (values[:, 0] - 5.0) + 0.02 * rng.normal(size=160)
    peaks = ModelledPeaks(dap, np.arange(160) < 100)
    # measured 0.6: the smoothest curves
    assert r2(variants.additive(values, peaks), peaks) > 0.4


def test_the_best_motifs_are_those_that_add_something(rng):
    energies = rng.uniform(0, 10, size=(N, 6)).astype(np.float32)
    energies[:, 3] = energies[:, 1] + 0.01 * rng.normal(size=N)
    feature = rng.uniform(0, 10, size=(N, 1)).astype(np.float32)
    energies[:, 5] = feature[:, 0]
    signal = 3 * feature[:, 0] + 2 * energies[:, 1] + energies[:, 4]
    peaks = peaks_of(signal.astype(float), rng)
    every = np.arange(6)
    screened = Screen(every, np.zeros(6), 0.0, np.asfortranarray(energies), every, np.zeros(6), np.ones(6))
    chosen = variants.best_motifs(screened, feature, peaks, 2)
    assert np.abs(np.corrcoef(chosen[:, 0], energies[:, 1])[0, 1]) > 0.999
    np.testing.assert_array_equal(chosen[:, 1], energies[:, 4])
    assert variants.best_motifs(screened, feature, peaks, 20).shape == (N, 6)


def test_xgboost_finds_a_product(values, rng):
    pytest.importorskip("xgboost")
    x = values.astype(float)
    peaks = peaks_of((x[:, 0] - 5) * (x[:, 1] - 5), rng)
    assert r2(variants.boosted_by_xgboost(values, peaks, 3), peaks) > 0.6
