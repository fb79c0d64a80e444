"""The sharpness of a library, and a screen that further motifs join."""

import numpy as np
import pytest

from iceqream._core.normalization import energy_range, scale
from iceqream.inference.options import FitOptions
from iceqream.inference.peaks import ModelledPeaks
from iceqream.inference.screening import N_BEST, SHARPNESSES, Screened, best_sharpness, energy_blocks


def of(peaks, support):
    return Screened(np.arange(len(peaks.dap)), peaks, support)


@pytest.fixture(scope="module")
def peaks_of(library):
    """Peaks of 150 bp that answer to the energies of `N_BEST` motifs of some sharpness."""
    motifs = library[np.arange(N_BEST)]

    def make(sharpness, n=3000):
        rng = np.random.default_rng(0)
        codes = rng.integers(0, 4, (n, 150), dtype=np.uint8)
        for m in range(N_BEST):
            matrix = np.maximum(motifs.matrix(m), 1e-2) ** 0.6
            matrix /= matrix.sum(axis=1, keepdims=True)
            for i in np.flatnonzero(rng.random(n) < 0.3):
                at = rng.integers(0, 150 - len(matrix))
                codes[i, at : at + len(matrix)] = [rng.choice(4, p=row) for row in matrix]
        ((_, energies),) = energy_blocks(codes, motifs.sharpened(sharpness), np.arange(N_BEST), 0.01)
        values = scale(energies, *energy_range(energies, support=30))
        dap = values @ np.where(np.arange(N_BEST) % 2, 0.03, -0.03) + 0.05 * rng.normal(size=n)
        return codes, ModelledPeaks(dap, np.arange(n) % 5 > 0), motifs

    return make


@pytest.mark.parametrize("sharpness", [1.0, 0.5])
def test_the_sharpness_is_that_of_the_planted_motifs(peaks_of, sharpness):
    codes, peaks, motifs = peaks_of(sharpness)
    assert best_sharpness(codes, [of(peaks, 30)], motifs, FitOptions()) == [sharpness]


def test_the_best_sharpness_has_the_largest_mean_correlation(peaks_of, library, monkeypatch):
    codes, peaks, _ = peaks_of(0.7, n=1000)
    # every second training peak is looked at; weights count
    monkeypatch.setattr("iceqream.inference.screening.SHARPNESS_PEAKS", 400)
    weights = np.random.default_rng(1).random(1000)
    peaks = ModelledPeaks(peaks.dap, peaks.is_train, weights)
    rows = np.flatnonzero(peaks.is_train)[::2]
    means = []
    for sharpness in SHARPNESSES:
        ((_, energies),) = energy_blocks(codes[rows], library.sharpened(sharpness), np.arange(30), 0.01)
        low, high = energy_range(energies, support=20)
        values = scale(energies, low, high).astype(float)
        covariance = np.cov(np.column_stack([peaks.dap[rows], values]).T, aweights=weights[rows])
        strength = np.abs(covariance[0, 1:]) / np.sqrt(covariance[0, 0] * np.diag(covariance)[1:])
        means.append(np.sort(strength)[-N_BEST:].mean())
    got = best_sharpness(codes, [of(peaks, 20)], library, FitOptions())[0]
    assert got == SHARPNESSES[int(np.argmax(means))]
