"""The energy kernel against the definition, written out window by window in float64."""

import numpy as np
import pytest

from iceqream._core.energy import SpatialCurves, energies, window_log_odds, with_pseudo_probability
from iceqream._core.sequence import reverse_complement
from iceqream._core.threads import threads

# float32 tables: 3.5e-6 was measured on 300 x 20, errors grow with the number of triples
TOLERANCE = 2e-5


def random_motifs(rng, lengths, concentration=0.3):
    lengths = np.asarray(lengths)
    pssm = np.full((len(lengths), lengths.max(), 4), 0.25)
    for i, length in enumerate(lengths):
        pssm[i, :length] = rng.dirichlet([concentration] * 4, length)
    return with_pseudo_probability(pssm, 0.01), lengths


def expected(codes, probabilities, lengths, *, mode="sum", strands="both", spatial=None):
    n, width = codes.shape
    out = np.empty((n, len(lengths)))
    for m, length in enumerate(lengths):
        letters = np.full((length, 5), 0.25)
        letters[:, :4] = probabilities[m, :length]
        matrices = [letters]
        if strands == "both":
            flipped = letters.copy()
            flipped[:, :4] = letters[::-1, 3::-1]
            matrices.append(flipped)
        start, stop = (0, width) if spatial is None else (spatial.start, spatial.stop)
        for s in range(n):
            terms = []
            for i in range(start, stop - length + 1):
                w = 1.0 if spatial is None else spatial.weights[m, (i - start) // spatial.bin_size]
                terms += [w * np.prod(x[np.arange(length), codes[s, i : i + length]]) for x in matrices]
            out[s, m] = np.log2(max(terms) if mode == "max" else sum(terms))
    return out


@pytest.mark.parametrize("mode", ["sum", "max"])
@pytest.mark.parametrize("strands", ["both", "forward"])
@pytest.mark.parametrize("curved", [False, True])
def test_energies_follow_the_definition_for_any_mix_of_lengths(rng, mode, strands, curved):
    codes = rng.integers(0, 5, (5, 90)).astype(np.uint8)
    probabilities, lengths = random_motifs(rng, [4, 5, 6, 7, 8, 9, 10, 12, 13, 15, 20, 31, 40, 70, *[8] * 40])
    spatial = SpatialCurves(rng.random((len(lengths), 7)), start=5, bin_size=11) if curved else None
    got = energies(codes, probabilities, lengths, mode=mode, strands=strands, spatial=spatial)
    want = expected(codes, probabilities, lengths, mode=mode, strands=strands, spatial=spatial)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want, atol=TOLERANCE)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_very_short_motifs(rng, length):
    codes = rng.integers(0, 4, (4, 12)).astype(np.uint8)
    probabilities, lengths = random_motifs(rng, [length])
    np.testing.assert_allclose(
        energies(codes, probabilities, lengths), expected(codes, probabilities, lengths), atol=TOLERANCE
    )


def test_long_sharp_motifs_do_not_underflow(rng):
    # a 70 bp consensus: a random window lies 350 bits below the best one, far outside float32
    pssm = with_pseudo_probability(np.eye(4)[rng.integers(0, 4, (2, 70))], 0.01)
    codes = rng.integers(0, 4, (6, 100)).astype(np.uint8)
    got = energies(codes, pssm, np.array([70, 70]))
    assert got.min() < -300
    np.testing.assert_allclose(got, expected(codes, pssm, [70, 70]), atol=5e-5)


def test_motif_as_long_as_the_sequence(rng):
    codes = rng.integers(0, 4, (3, 20)).astype(np.uint8)
    probabilities, lengths = random_motifs(rng, [20])
    np.testing.assert_allclose(
        energies(codes, probabilities, lengths), expected(codes, probabilities, lengths), atol=TOLERANCE
    )


def test_zero_probabilities_give_minus_infinity():
    consensus = np.eye(4)[[2, 0, 3, 0]][None]
    got = energies(np.array([[1, 1, 1, 1, 1], [1, 2, 0, 3, 0]], dtype=np.uint8), consensus, np.array([4]))
    assert got[:, 0].tolist() == [-np.inf, 0.0]


def test_both_strands_do_not_depend_on_the_strand_given(rng):
    codes = rng.integers(0, 5, (30, 60)).astype(np.uint8)
    probabilities, lengths = random_motifs(rng, rng.integers(4, 20, 50))
    for mode in ("sum", "max"):
        np.testing.assert_allclose(
            energies(codes, probabilities, lengths, mode=mode),
            energies(reverse_complement(codes), probabilities, lengths, mode=mode),
            atol=TOLERANCE,
        )


def test_padding_a_pssm_changes_nothing(rng):
    codes = rng.integers(0, 4, (10, 60)).astype(np.uint8)
    probabilities, lengths = random_motifs(rng, [7, 11, 6])
    padded = np.pad(probabilities, ((0, 0), (0, 9), (0, 0)), constant_values=0.9)
    assert (energies(codes, probabilities, lengths) == energies(codes, padded, lengths)).all()


def test_result_does_not_depend_on_threads_blocks_or_order(rng):
    codes = rng.integers(0, 5, (200, 80)).astype(np.uint8)
    probabilities, lengths = random_motifs(rng, rng.integers(4, 24, 70))
    whole = energies(codes, probabilities, lengths)
    with threads(1):
        assert (energies(codes, probabilities, lengths) == whole).all()
    order = rng.permutation(70)
    assert (energies(codes, probabilities[order], lengths[order]) == whole[:, order]).all()
    assert (energies(codes[50:53], probabilities[[3]], lengths[[3]]) == whole[50:53, [3]]).all()


def test_windows_are_scored_strand_by_strand(rng):
    codes = rng.integers(0, 5, (3, 40)).astype(np.uint8)
    probabilities, lengths = random_motifs(rng, [9])
    forward, reverse = window_log_odds(codes, probabilities[0, :9])
    assert forward.shape == (3, 32)
    total = np.log2((2.0 ** forward.astype(float)).sum(axis=1) + (2.0 ** reverse.astype(float)).sum(axis=1))
    np.testing.assert_allclose(total, energies(codes, probabilities, lengths)[:, 0], atol=TOLERANCE)


@pytest.mark.parametrize(
    ("spatial", "lengths", "message"),
    [
        (None, [30], "do not fit into 20 bp: motif 0 of 30 bp"),
        (SpatialCurves(np.ones((1, 3)), 5, 10), [5], r"covers \[5, 35\) but the sequences have 20 bp"),
        (SpatialCurves(np.ones((1, 1)), 2, 8), [9], "do not fit into 8 bp"),
    ],
)
def test_windows_outside_the_sequence_are_refused(rng, spatial, lengths, message):
    probabilities, lengths = random_motifs(rng, lengths)
    with pytest.raises(ValueError, match=message):
        energies(np.zeros((2, 20), dtype=np.uint8), probabilities, lengths, spatial=spatial)
