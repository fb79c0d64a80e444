"""Where motifs lie: every window against the local energies, on both strands."""

from dataclasses import replace

import numpy as np
import pytest

import iceqream as iq
from iceqream._core.sequence import reverse_complement
from iceqream.motifs.sites import best_sites, find_sites


@pytest.fixture(scope="module")
def pbms(_simulated, library):
    codes = _simulated.varm["sequence"]
    motifs = library[["GATA1_MA0035.5", "Spi1_MA0080.7", "CTCF_MA0139.2"]]
    low, high = np.zeros(3), np.ones(3)
    return iq.motifs.PBMSet.uniform(motifs, low, high, codes.shape[1]).scaled_to(codes)


def test_best_sites_are_the_largest_local_energies(simulated, pbms):
    codes = simulated.varm["sequence"][:200]
    local, best = pbms.normalized_local_energies(codes), best_sites(pbms, codes)
    np.testing.assert_array_equal(best.energy, np.nanmax(local, axis=2))
    at = np.take_along_axis(local, best.start[:, :, None].astype(int), axis=2)[:, :, 0]
    np.testing.assert_array_equal(at, best.energy)
    # turned round, the sites lie on the other strand
    turned = best_sites(pbms, reverse_complement(codes))
    np.testing.assert_allclose(turned.energy, best.energy, atol=1e-4)
    same = turned.start == codes.shape[1] - pbms.motifs.lengths - best.start
    # of two equal windows the first is taken, from the other end the other (4 % here)
    assert same.mean() > 0.95
    assert (turned.strand == -best.strand)[same].mean() > 0.99


@pytest.mark.parametrize("min_energy", [5.0, 8.0, 10.0])
def test_all_windows_of_an_energy_are_found(simulated, pbms, min_energy):
    codes = simulated.varm["sequence"][:300]
    local = np.nan_to_num(pbms.normalized_local_energies(codes))
    sites = find_sites(pbms, codes, min_energy)
    sequence, motif, start = np.nonzero(local >= min_energy)
    np.testing.assert_array_equal(sites.sequence, sequence)
    np.testing.assert_array_equal(sites.motif, motif)
    np.testing.assert_array_equal(sites.start, start)
    np.testing.assert_array_equal(sites.energy, local[sequence, motif, start])


def test_strands_are_those_of_planted_sites():
    gata = iq.motifs.MotifSet.from_dict({"GATA": np.eye(4)[[2, 0, 3, 0]]})
    pbms = replace(iq.motifs.PBMSet.uniform(gata, np.array([-8.0]), np.array([0.0]), 14))
    codes = iq._sequences.read_codes("CCGATACCTATCCC")
    sites = find_sites(pbms, codes, 9.5)
    assert sites.start.tolist() == [2, 8]
    assert sites.strand.tolist() == [1, -1]
    assert len(find_sites(pbms, codes[:0], 9.5).start) == 0
    assert find_sites(pbms.take(np.array([], dtype=int)), codes, 8).energy.dtype == np.float32
