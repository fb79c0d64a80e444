import numpy as np
import pytest

import iceqream as iq
from iceqream.motifs import MotifSet


@pytest.fixture
def motifs(rng):
    return MotifSet.from_dict({f"m{i}": rng.dirichlet([0.3] * 4, 8) for i in range(5)})


def test_strings_codes_and_case_agree(motifs):
    text = ["ACGTTGCAAGATAACC", "ttgcaagataaccgta"]
    whole = iq.motifs.energies(text, motifs)
    assert whole.shape == (2, 5)
    assert (iq.motifs.energies([s.lower() for s in text], motifs) == whole).all()
    assert (iq.motifs.energies(text[0], motifs) == whole[:1]).all()
    codes = np.array([["ACGT".index(c) for c in s.upper()] for s in text], dtype=np.uint8)
    assert (iq.motifs.energies(codes, motifs) == whole).all()


def test_width_takes_the_centre(motifs, rng):
    codes = rng.integers(0, 4, (10, 60)).astype(np.uint8)
    assert (iq.motifs.energies(codes, motifs, width=20) == iq.motifs.energies(codes[:, 20:40], motifs)).all()


def test_normalised_energies_span_the_scale(motifs, rng):
    codes = rng.integers(0, 4, (200, 60)).astype(np.uint8)
    for scheme in ("reference", "paper"):
        values = iq.motifs.energies(codes, motifs, normalize=scheme)
        assert values.dtype == np.float32
        assert values.min() >= 0
        assert (values.max(axis=0) == 10).all()


def test_local_energies_sum_up_to_the_energy(motifs, rng):
    codes = rng.integers(0, 5, (4, 40)).astype(np.uint8)
    local = iq.motifs.local_energies(codes, motifs)
    assert np.isnan(local.both[:, :, 33:]).all()
    total = np.log2(np.nansum(2.0 ** local.both.astype(float), axis=2))
    np.testing.assert_allclose(total, iq.motifs.energies(codes, motifs), atol=2e-5)


def test_one_thread_gives_the_same(motifs, rng):
    codes = rng.integers(0, 4, (100, 60)).astype(np.uint8)
    assert (iq.motifs.energies(codes, motifs, n_jobs=1) == iq.motifs.energies(codes, motifs, n_jobs=-1)).all()


def test_no_motifs_give_no_columns(motifs):
    assert iq.motifs.energies("ACGTACGTAC", motifs[[]]).shape == (1, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "mean"}, "mode must be"),
        ({"strands": "reverse"}, "strands 'both'"),
        ({"normalize": "zscore"}, "normalize must be"),
        ({"width": 99}, "central 99 bp"),
        ({"width": 6}, "do not fit into 6 bp"),
        ({"n_jobs": 0}, "n_jobs must be"),
    ],
)
def test_bad_options_are_named(motifs, options, message):
    with pytest.raises(ValueError, match=message):
        iq.motifs.energies("ACGTACGTACGT", motifs, **options)
