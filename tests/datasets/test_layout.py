import numpy as np

from iceqream.datasets.layout import coordinates_of, regional_bias


def test_promoters_are_constitutive_and_the_rest_mostly_distal(simulated):
    near = simulated.var["tss_distance"].abs()
    constitutive = simulated.var["constitutive"]
    assert (near[constitutive] <= 250).all()
    assert (near[~constitutive] > 5000).mean() > 0.9


def test_peaks_do_not_overlap_and_neighbours_share_their_bias(rng):
    chrom, start, end = coordinates = coordinates_of(3000, 500, rng.random(3000) < 0.1, rng)[0]
    same = chrom[1:] == chrom[:-1]
    assert (start[1:] >= end[:-1])[same].all()
    bias = np.log(regional_bias(coordinates, rng))
    # neighbours are 5 kb apart, bias is kept over 100 kb: 0.95 expected
    assert np.corrcoef(bias[1:][same], bias[:-1][same])[0, 1] > 0.9
    assert abs(np.corrcoef(bias[100:], bias[:-100])[0, 1]) < 0.3
