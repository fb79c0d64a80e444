import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iceqream._core.sequence import (
    centre,
    decode,
    dinucleotide_frequencies,
    encode,
    encode_centre,
    gc_content,
    reverse_complement,
)

dna = st.text("ACGTN", min_size=2, max_size=40)


def test_encode_reads_any_case_iupac_and_rna():
    assert encode("acgtNuURYkmBDHVswn").tolist() == [[0, 1, 2, 3, 4, 3, 3, *[4] * 11]]


@given(dna)
def test_decode_inverts_encode(sequence):
    assert decode(encode(sequence)) == [sequence]


@given(dna)
def test_reverse_complement_twice_is_identity(sequence):
    codes = encode(sequence)
    assert (reverse_complement(reverse_complement(codes)) == codes).all()
    assert decode(reverse_complement(codes))[0] == sequence[::-1].translate(str.maketrans("ACGT", "TGCA"))


@pytest.mark.parametrize(
    ("sequences", "error", "message"),
    [
        ([], ValueError, "No sequences"),
        (["ACGT", "ACG", "ACGT"], ValueError, r"1 differ: sequence 1 has 3 bp"),
        (["ACGT", ""], ValueError, "sequence 1 has 0 bp"),
        (["ACGT", "AXGT"], ValueError, "'X' in sequence 1 at 1"),
        (["AC-T"], ValueError, "'-' in sequence 0"),
        (["ACGT", "ACÅT"], ValueError, "Sequence 1 has the letter"),
        (["ACGT", 3], TypeError, "int at position 1"),
        (np.array([[0, 5]]), ValueError, "values from 0 to 5"),
        (np.zeros((2, 2, 2), dtype=np.uint8), ValueError, "n x width"),
    ],
)
def test_encode_names_the_offender(sequences, error, message):
    with pytest.raises(error, match=message):
        encode(sequences)


def test_centre_leaves_an_odd_rest_on_the_right():
    assert decode(centre(encode("AACGTTT"), 4)) == ["ACGT"]
    with pytest.raises(ValueError, match="central 8 bp"):
        centre(encode("AACGTTT"), 8)


def test_encode_centre_cuts_each_sequence():
    want = ["ACGT", "ACGT", "CCGG"]
    assert decode(encode_centre(["ACGT", "ttACGTtt", "ACCGGT"], 4)) == want
    assert decode(encode_centre(encode("AACGTTT"), 4)) == ["ACGT"]
    with pytest.raises(ValueError, match="1 of 2 sequences: sequence 1 has 3 bp"):
        encode_centre(["ACGT", "ACG"], 4)
    with pytest.raises(TypeError, match="int at position 0"):
        encode_centre([1], 4)


def test_composition_ignores_unknown_letters():
    codes = encode(["ACGTNN", "GGGGGG", "NNNNNN"])
    assert gc_content(codes).tolist() == [0.5, 1.0, 0.0]
    frequencies = dinucleotide_frequencies(codes)
    assert frequencies[0, [1, 6, 11]].tolist() == [1 / 3] * 3
    assert frequencies[1, 10] == 1.0
    assert frequencies[2].sum() == 0.0


def test_dinucleotides_of_known_sequences_sum_to_one(rng):
    codes = rng.integers(0, 4, (20, 50)).astype(np.uint8)
    np.testing.assert_allclose(dinucleotide_frequencies(codes).sum(axis=1), 1.0, rtol=1e-12)
