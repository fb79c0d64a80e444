import numpy as np
import pytest

from iceqream._core.sequence import decode
from iceqream.models import PBM, PBMSet
from iceqream.motifs import MotifSet, SpatialCurves, energies


@pytest.fixture
def pbms(rng):
    motifs = MotifSet.from_dict({f"m{i}": rng.dirichlet([0.3] * 4, 8 + i) for i in range(3)})
    curves = SpatialCurves(rng.random((3, 4)), start=10, bin_size=10)
    return PBMSet(motifs, curves, np.full(3, -12.0), np.array([-2.0, -3.0, -4.0]), width=60)


def test_normalised_energy_is_linear_between_the_stored_constants(pbms, rng):
    codes = rng.integers(0, 4, (50, 60)).astype(np.uint8)
    raw = energies(codes, pbms.motifs, spatial=pbms.spatial)
    want = np.clip(10 * (raw + 12) / (pbms.energy_high + 12), 0, 10)
    np.testing.assert_allclose(pbms.normalized_energies(codes), want, atol=1e-5)


def test_one_pbm_gives_its_column(pbms, rng):
    codes = rng.integers(0, 4, (50, 60)).astype(np.uint8)
    pbm = pbms["m1"]
    assert isinstance(pbm, PBM)
    assert (pbm.normalized_energy(codes) == pbms.normalized_energies(codes)[:, 1]).all()
    assert (pbm.energy(codes) == pbms.energies(codes)[:, 1]).all()
    local = pbm.local_energy(codes)
    np.testing.assert_array_equal(local, pbms.normalized_local_energies(codes)[:, 1])
    assert np.isnan(local[:, 60 - 9 + 1 :]).all()
    assert np.nanmin(local) >= 0
    assert np.nanmax(local) <= 10


def test_longer_sequences_are_cut_to_the_centre_and_shorter_refused(pbms, rng):
    codes = rng.integers(0, 4, (5, 80)).astype(np.uint8)
    assert (pbms.energies(codes) == pbms.energies(codes[:, 10:70])).all()
    with pytest.raises(ValueError, match=r"40 bp, not the 60 bp that are needed.*pad=True"):
        pbms.energies(codes[:, :40])


def test_shorter_sequences_are_filled_up_around_their_centre(pbms, rng):
    codes = rng.integers(0, 4, (5, 40)).astype(np.uint8)
    whole = np.full((5, 60), 4, dtype=np.uint8)
    whole[:, 10:50] = codes
    for given in (codes, decode(codes)):
        assert (pbms.energies(given, pad=True) == pbms.energies(whole)).all()
    assert (pbms[0].local_energy(codes, pad=True)[:, :50] == pbms[0].local_energy(whole)[:, :50]).all()


def test_numbers_of_parts_must_agree(pbms):
    with pytest.raises(ValueError, match="3 motifs need as many"):
        PBMSet(pbms.motifs, pbms.spatial, np.zeros(2), np.zeros(3), 60)
    with pytest.raises(KeyError, match="nope"):
        pbms["nope"]
