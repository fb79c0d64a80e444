"""Clusters of peaks: profiles above, enrichment below."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import iceqream as iq


def texts(labels):
    return [label.get_text() for label in labels]


def test_panels_show_the_tables(multiome):
    above, below, sizes = iq.pl.cluster_heatmap(multiome, groupby="state", show=False)
    profiles = iq.get.cluster_profiles_df(multiome, groupby="state")
    np.testing.assert_allclose(above.images[0].get_array(), profiles)
    assert texts(above.get_yticklabels()) == ["S1", "S2", "S3", "S4"]
    table = iq.get.motif_enrichment_df(multiome)
    ratio = table.pivot_table(index="motif", columns="group", values="log2_enrichment")
    motifs = texts(below.get_yticklabels())
    np.testing.assert_allclose(below.images[0].get_array(), ratio.loc[motifs])
    q = table.pivot_table(index="motif", columns="group", values="q").loc[motifs].to_numpy()
    marked = {(int(y), int(x)) for x, y in below.collections[0].get_offsets()}
    assert marked == set(zip(*np.nonzero(q < 0.05), strict=True))
    assert marked
    assert [bar.get_height() for bar in sizes.patches] == table["n_peaks"].iloc[:3].tolist()
    assert texts(below.get_xticklabels()) == ["1", "2", "3"]


def test_strip_order_and_given_axes(multiome):
    axes = iq.pl.cluster_heatmap(multiome, order_by="time", color="state", n_motifs=2, logos=False, show=False)
    assert len(axes) == 4
    assert axes[1].images[0].get_array().shape == (2, 3)
    _, given = plt.subplots(2)
    drawn = iq.pl.cluster_heatmap(multiome, axes=given)
    assert drawn == list(given)


def test_a_library_has_no_logos_and_saves(multiome, library, tmp_path):
    iq.tl.motif_enrichment(multiome, motifs=library)
    iq.pl.cluster_heatmap(multiome, show=False, save=tmp_path / "clusters.png")
    assert (tmp_path / "clusters.png").stat().st_size > 10_000
    # nor does a model that is gone
    iq.tl.motif_enrichment(multiome)
    del multiome["atac"].uns["iq"]
    assert len(iq.pl.cluster_heatmap(multiome, show=False)) == 3


def test_mistakes(multiome):
    with pytest.raises(ValueError, match="n_motifs must be at least 1, got 0"):
        iq.pl.cluster_heatmap(multiome, n_motifs=0)
    with pytest.raises(ValueError, match="'time' is a column of single rows"):
        iq.pl.cluster_heatmap(multiome, groupby="state", order_by="time")
    iq.tl.cluster_peaks(multiome, 4)
    with pytest.raises(ValueError, match=r"not those that were compared: run iq.tl.motif_enrichment again"):
        iq.pl.cluster_heatmap(multiome)
    del multiome["atac"].uns["motif_enrichment"]
    with pytest.raises(KeyError, match=r"run iq.tl.motif_enrichment first"):
        iq.pl.cluster_heatmap(multiome)
