"""Energies and composition of substitutions equal those of the changed sequences."""

import numpy as np
import pytest

from iceqream._core.energy import SpatialCurves, energies, with_pseudo_probability
from iceqream._core.sequence import dinucleotide_frequencies, gc_content
from iceqream._core.substitutions import substitution_composition, substitution_energies

WIDTH = 60


@pytest.fixture(scope="module")
def codes():
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, 4, (4, WIDTH)).astype(np.uint8)
    drawn[1, 20:24] = 4  # N within
    drawn[2, :3] = 4  # N at an end
    drawn[3, :-2] = 4  # almost nothing but N
    return drawn


@pytest.fixture(scope="module")
def motifs():
    rng = np.random.default_rng(1)
    lengths = np.array([4, 9, 17, 30])
    pssm = np.full((4, 30, 4), 0.25)
    for m, length in enumerate(lengths):
        pssm[m, :length] = rng.dirichlet(np.full(4, 0.3), length)
    return pssm, lengths


def substituted(codes):
    """Every sequence with each letter at each position, (n x width x 4) x width."""
    n, width = codes.shape
    changed = np.repeat(codes, width * 4, axis=0).reshape(n, width, 4, width)
    for j in range(width):
        changed[:, j, :, j] = np.arange(4)
    return changed.reshape(-1, width)


@pytest.mark.parametrize("mode", ["sum", "max"])
@pytest.mark.parametrize("curve", [None, 10])
@pytest.mark.parametrize("pseudo", [0.0, 0.01])
def test_energies_are_those_of_the_changed_sequences(codes, motifs, mode, curve, pseudo):
    pssm, lengths = motifs
    spatial = None
    if curve is not None:
        weights = np.random.default_rng(2).uniform(0, 1, (4, 4))
        weights[2, 1] = 0.0
        spatial = SpatialCurves(weights, start=12, bin_size=curve)
    probabilities = with_pseudo_probability(pssm, pseudo)
    probabilities[0, 0] = [0.0, 0.5, 0.5, 0.0] if pseudo == 0 else probabilities[0, 0]
    found = substitution_energies(codes, probabilities, lengths, mode=mode, spatial=spatial)
    want = energies(substituted(codes), probabilities, lengths, mode=mode, spatial=spatial).reshape(found.shape)
    assert np.isfinite(want).mean() > 0.9
    # the other kernel is in single precision: measured 5e-6 on energies of down to -60
    np.testing.assert_allclose(found, want, atol=2e-5, rtol=0)


def test_an_own_letter_leaves_the_energy(codes, motifs):
    pssm, lengths = motifs
    found = substitution_energies(codes[:1], with_pseudo_probability(pssm, 0.01), lengths)
    own = found[0, np.arange(WIDTH), codes[0]]
    # exact sums in another order: measured 2e-14
    np.testing.assert_allclose(own, np.broadcast_to(own[0], own.shape), rtol=0, atol=1e-12)


def test_a_strong_site_does_not_hide_what_is_left_without_it():
    # the consensus of 24 bp outweighs all other windows 2^40 times; without it a difference of sums would be noise
    rng = np.random.default_rng(3)
    site = rng.integers(0, 4, 24)
    pssm = np.full((1, 24, 4), 1e-3)
    pssm[0, np.arange(24), site] = 1 - 3e-3
    codes = rng.integers(0, 4, (1, 100)).astype(np.uint8)
    codes[0, 40:64] = site
    probabilities = with_pseudo_probability(pssm, 0.0)
    spatial = SpatialCurves(np.array([[1.0, 0.0, 0.0, 1.0]]), start=0, bin_size=25)
    changed = codes.copy()
    changed[0, 40] = (site[0] + 1) % 4
    found = substitution_energies(codes, probabilities, np.array([24]), spatial=None)[0, 40, changed[0, 40], 0]
    want = energies(changed, probabilities, np.array([24]))[0, 0]
    assert found == pytest.approx(float(want), abs=1e-5)
    # where the curve weighs the site by nothing only the weak windows are left
    nothing = substitution_energies(codes, probabilities, np.array([24]), spatial=spatial)[0, 40, changed[0, 40], 0]
    assert nothing == pytest.approx(
        float(energies(changed, probabilities, np.array([24]), spatial=spatial)[0, 0]), abs=1e-5
    )


def test_composition_is_that_of_the_changed_sequences(codes):
    found = substitution_composition(codes)
    changed = substituted(codes)
    want = np.column_stack([gc_content(changed), dinucleotide_frequencies(changed)]).reshape(found.shape)
    np.testing.assert_array_equal(found, want)
