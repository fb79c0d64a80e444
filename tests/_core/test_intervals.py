import numpy as np
import pytest

from iceqream._core.intervals import nearest_tss, resize


def brute_force_nearest(chrom, position, tss_chrom, tss, strand):
    index, distance = [], []
    for c, p in zip(chrom, position, strict=True):
        rows = [i for i in range(len(tss)) if tss_chrom[i] == c]
        best = min(rows, key=lambda i: (abs(p - tss[i]), i)) if rows else -1
        index.append(best)
        distance.append((p - tss[best]) * strand[best] if rows else 0)
    return index, distance


@pytest.mark.parametrize("seed", range(5))
def test_nearest_tss_against_brute_force(seed):
    rng = np.random.default_rng(seed)
    chrom = rng.choice(["chr1", "chr2", "chrUn"], 300).astype(object)
    tss_chrom = rng.choice(["chr1", "chr2"], 40).astype(object)
    # few coordinates: ties between sites on both sides and at the same place are common
    position, tss = rng.integers(0, 120, 300), rng.integers(0, 120, 40)
    strand = rng.choice([-1, 1], 40)
    index, distance = nearest_tss(chrom, position, tss_chrom, tss, strand)
    want_index, want_distance = brute_force_nearest(chrom, position, tss_chrom, tss, strand)
    assert index.tolist() == want_index
    assert distance.tolist() == want_distance


def test_distance_is_negative_upstream_of_the_gene():
    names = np.array(["chr1"], dtype=object)
    for strand, want in ((1, -10), (-1, 10)):
        _, distance = nearest_tss(names, np.array([90]), names, np.array([100]), np.array([strand]))
        assert distance.tolist() == [want]


def test_resize_keeps_the_centre():
    start, end = resize(np.array([100, 101, 0]), np.array([200, 200, 1]), 50)
    assert start.tolist() == [125, 125, -25]
    assert (end - start == 50).all()
