import numpy as np
import pytest

import iceqream as iq
from iceqream.motifs.similarity import DEFAULT_PRIOR, compared, distinct


@pytest.fixture(scope="module")
def motifs():
    return iq.motifs.jaspar(taxon="urochordates")


def cosine(query, target):
    """The best over all offsets, written down from the definition."""
    query, target = ((m + DEFAULT_PRIOR) / (1 + 4 * DEFAULT_PRIOR) - 0.25 for m in (query, target))
    n, m = len(query), len(target)
    overlap = min(5, n, m)
    values = [0.0]
    for offset in range(overlap - n, m - overlap + 1):
        here = slice(max(0, offset), min(m, n + offset))
        facing = query[here.start - offset : here.stop - offset]
        of_target = np.sqrt((target[here] ** 2).sum() * (target**2).sum())
        values.append((facing * target[here]).sum() / np.sqrt((query**2).sum() * of_target))
    return max(values)


def test_cosine_is_the_best_of_all_offsets_and_strands(motifs):
    few = motifs[::4]
    expected = [[max(cosine(a.pssm, b.pssm), cosine(a.pssm[::-1, ::-1], b.pssm)) for b in few] for a in few]
    # measured difference: 4e-16
    np.testing.assert_allclose(iq.motifs.similarity(few, method="cosine"), expected, atol=1e-12)


def test_small_cosines_need_not_be_found_out(motifs):
    best, offset, reverse = compared(motifs, motifs, "cosine", "both", DEFAULT_PRIOR)
    some, same_offset, same_strand = compared(motifs, motifs, "cosine", "both", DEFAULT_PRIOR, least=0.8)
    np.testing.assert_array_equal(some, np.maximum(best, 0.8))
    above = best > 0.8
    np.testing.assert_array_equal(offset[above], same_offset[above])
    np.testing.assert_array_equal(reverse[above], same_strand[above])


@pytest.mark.parametrize("cut", [0.7, 0.95])
def test_distinct_motifs_are_unlike_those_before(motifs, cut):
    kept = distinct(motifs, cut)
    best, _, _ = compared(motifs, motifs, "cosine", "both", DEFAULT_PRIOR)
    before = np.tri(len(motifs), k=-1, dtype=bool) & kept
    np.testing.assert_array_equal(kept, ~((best > cut) & before).any(axis=1))
    assert 0 < (~kept).sum() < len(motifs)
    np.testing.assert_array_equal(distinct(motifs, cut, block=7), kept)
    assert distinct(motifs, 1.0).all()
