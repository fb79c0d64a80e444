"""Peaks with a grammar of sites: what is planted is there, and acts by its rule."""

import numpy as np
import pytest

import iceqream as iq
from iceqream.motifs.sites import best_sites


@pytest.fixture(scope="module")
def grammar():
    return iq.datasets.simulated_grammar(3000, rng=0)


def test_the_rules_are_seen_in_the_truth(grammar):
    change = grammar.to_df("ap_true").loc["S4"] - grammar.to_df("ap_true").loc["S1"]
    for pair in ("spacing", "orientation"):
        mean = change.groupby(grammar.var[pair], observed=True).mean()
        assert mean["together"] > mean["apart"] + 0.2
        # apart they add up
        alone = mean["first"] + mean["second"] - mean["neither"]
        assert mean["apart"] == pytest.approx(alone, abs=0.08)
    of_sum, of_best = (change.groupby(grammar.var[name], observed=True).mean() for name in ("sum", "best"))
    assert of_sum["weak"] - of_sum["strong"] > of_best["weak"] - of_best["strong"] + 0.05
    assert set(grammar.uns["truth"]) >= {"motifs", "roles", "effects", "antagonism", "spacing", "orientation"}


def test_sites_lie_as_the_configuration_says(grammar):
    motifs = iq.datasets.simulated_motifs(grammar=True, decoys=False)
    assert list(motifs.names) == list(grammar.uns["truth"]["motifs"])
    codes = grammar.varm["sequence"]
    pbms = iq.motifs.PBMSet.uniform(motifs, np.zeros(9), np.ones(9), 500).scaled_to(codes)
    best = best_sites(pbms, codes)
    centre = best.start + motifs.lengths / 2
    near = np.abs(centre[:, 3] - centre[:, 4]) < 45
    kind = grammar.var["spacing"].to_numpy()
    # in a quarter of the peaks the background has a better site of one of them
    assert near[kind == "together"].mean() > 0.65
    assert near[kind == "apart"].mean() < 0.15
    same = best.strand[:, 5] == best.strand[:, 6]
    kind = grammar.var["orientation"].to_numpy()
    assert same[kind == "together"].mean() > 0.8
    assert same[kind == "apart"].mean() < 0.2


def test_it_is_the_same_again_and_refuses_short_peaks():
    one, two = (iq.datasets.simulated_grammar(200, rng=1) for _ in range(2))
    np.testing.assert_array_equal(one.X, two.X)
    with pytest.raises(ValueError, match="at least 100 peaks of 300 bp, got 200 of 200 bp"):
        iq.datasets.simulated_grammar(200, 200)
