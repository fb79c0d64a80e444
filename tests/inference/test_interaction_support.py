"""Where the sites of a pair lie, and which peaks have both."""

import numpy as np
import pytest

from iceqream.inference import interaction_support as support
from iceqream.motifs import MotifSet
from iceqream.motifs.sites import BestSites

GATA = np.eye(4)[[2, 0, 3, 0, 0]] * 0.97 + 0.0075
FLANKED = np.vstack([np.full((3, 4), 0.25), np.eye(4)[[2, 0, 3, 0, 0]] * 0.97 + 0.0075, np.full((2, 4), 0.25)])
CACGTG = np.eye(4)[[1, 0, 1, 2, 3, 2]] * 0.97 + 0.0075
EDGES = np.array([20.0, 50.0])


@pytest.fixture
def motifs():
    return MotifSet.from_dict({"GATA": GATA, "flanked": FLANKED, "E-box": CACGTG})


def _places(motifs, start, strand, energy=9.0):
    start = np.array(start)
    energies = np.broadcast_to(np.float32(energy), start.shape)
    return support.SitePlaces.of(BestSites(energies, start, np.array(strand, dtype=np.int8)), motifs, 8.0, 100)


def test_centres_are_those_of_the_informative_positions_on_either_strand(motifs):
    places = _places(motifs, [[10, 10, 10], [10, 10, 10]], [[1, 1, 1], [-1, -1, -1]])
    np.testing.assert_allclose(places.centre, [[12.5, 15.5, 13.0], [12.5, 14.5, 13.0]])
    assert places.lengths.tolist() == [5, 5, 6]


def test_order_and_strands_of_two_sites(motifs):
    # GATA and E-box: + +, the same read on the other strand, the other order, facing, apart
    start = [[10, 0, 30], [30, 0, 10], [30, 0, 10], [10, 0, 30], [10, 0, 30], [30, 0, 10]]
    strand = [[1, 1, 1], [-1, 1, -1], [1, 1, 1], [1, 1, -1], [-1, 1, 1], [-1, 1, 1]]
    found = _places(motifs, start, strand).geometry(0, 2, EDGES)
    named = [support.ORIENTATIONS[k] for k in found.orientation]
    assert named == [
        "first before second", "first before second", "second before first", "convergent", "divergent", "convergent",
    ]  # fmt: skip
    # seen from the other motif only the order is another
    other = _places(motifs, start, strand).geometry(2, 0, EDGES)
    assert [support.ORIENTATIONS[k] for k in other.orientation][:3] == [
        "second before first", "second before first", "first before second",
    ]  # fmt: skip
    np.testing.assert_array_equal(other.orientation[3:], found.orientation[3:])


def test_bins_end_at_their_edges_and_one_place_is_no_pair(motifs):
    # centres 12.5 and start + 3: apart by 20, 20.5, 50, 60, and by 3 and 3.5: overlaps of 2.5 and 2, of 5
    places = _places(motifs, np.column_stack([[10.0] * 6, [0] * 6, [29.5, 30, 59.5, 69.5, 12.5, 13]]), np.ones((6, 3)))
    found = places.geometry(0, 2, EDGES)
    assert found.rows.tolist() == [0, 1, 2, 3, 5]
    assert found.bin.tolist() == [0, 1, 1, -1, 0]
    assert found.n_overlapping == 1
    assert places.overlapping(0, 2).tolist() == [False] * 4 + [True, False]
    weak = _places(motifs, [[10, 0, 40]], [[1, 1, 1]], energy=7.9).geometry(0, 2, EDGES)
    assert len(weak.rows) == 0


def test_own_reverse_complements_are_seen(motifs):
    likeness = support.palindromes(motifs)
    # measured: 0, 0 and 1
    assert (likeness > support.PALINDROME).tolist() == [False, False, True]


def test_groups_leave_out_peaks_where_one_place_serves_both(motifs):
    places = _places(motifs, [[10, 0, 40]] * 4 + [[10, 0, 10]] * 2, np.ones((6, 3)))
    strong = np.array([[1, 0, 1], [1, 0, 0], [0, 0, 1], [0, 0, 0], [1, 0, 1], [1, 0, 0]], dtype=bool)
    group, aside = support.pair_groups(strong, places, 0, 2)
    assert group.tolist() == [0, 1, 2, 3, -1, 1]
    assert aside.tolist() == [False] * 4 + [True, False]
