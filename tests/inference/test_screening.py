"""The sharpness of a library, and a screen that further motifs join."""

import numpy as np
import pytest

from iceqream._core.normalization import energy_range, scale
from iceqream.inference.options import FitOptions
from iceqream.inference.peaks import ModelledPeaks
from iceqream.inference.screening import N_BEST, SHARPNESSES, best_sharpness, energy_blocks, screen


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
    assert best_sharpness(codes, peaks, motifs, support=30, options=FitOptions()) == sharpness


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
    got = best_sharpness(codes, peaks, library, support=20, options=FitOptions())
    assert got == SHARPNESSES[int(np.argmax(means))]


def test_motifs_that_join_a_screen_pass_in_any_case(peaks_of, rng):
    codes, peaks, motifs = peaks_of(1.0, n=500)
    training = np.flatnonzero(peaks.is_train)
    settings = {"min_correlation": 0.0, "max_motifs": 2, "max_screened": 3, "scheme": "reference",
                "pseudo_probability": 0.01, "support": 20}  # fmt: skip
    whole, part = screen(codes, np.arange(500), peaks, motifs, parts=[training[::2]], **settings)
    assert len(whole.correlation) == len(part.correlation) == N_BEST
    assert (whole.correlation != part.correlation).all()
    new = rng.uniform(0, 10, (500, 2)).astype(np.float32)
    joined = part.joined(np.array([0.0, 0.1]), new, np.array([-9.0, -8.0]), np.array([-1.0, -2.0]))
    assert joined.motifs.tolist() == [*part.motifs, N_BEST, N_BEST + 1]
    assert joined.correlation.tolist() == [*part.correlation, 0.0, 0.1]
    np.testing.assert_array_equal(joined.energies, np.hstack([part.energies, new]))
    np.testing.assert_array_equal(joined.held[:, joined.columns], joined.energies)
    assert joined.energy_low.tolist()[-2:] == [-9.0, -8.0]
    assert joined.energy_high.tolist()[-2:] == [-1.0, -2.0]
