"""Activities as a heatmap and on an embedding."""

import numpy as np
import pytest

import iceqream as iq


def test_heatmap_shows_the_table(multiome):
    (ax,) = iq.pl.motif_activity(multiome, show=False)
    table = iq.get.motif_activity_df(multiome)
    motifs = [label.get_text() for label in ax.get_xticklabels()]
    rows = [label.get_text() for label in ax.get_yticklabels()]
    assert sorted(motifs) == sorted(table.columns)
    np.testing.assert_array_equal(ax.images[0].get_array(), table.loc[rows, motifs])
    low, high = ax.images[0].get_clim()
    assert low == -high


def test_groups_keep_their_order_and_show_means(multiome):
    (ax,) = iq.pl.motif_activity(multiome, ["GATA", "PU.1"], groupby="state", show=False)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["S1", "S2", "S3", "S4"]
    want = iq.get.motif_activity_df(multiome)[["GATA", "PU.1"]].groupby(multiome["atac"].obs["state"].to_numpy()).mean()
    np.testing.assert_allclose(ax.images[0].get_array(), want, rtol=1e-5)


def test_rows_are_ordered_and_coloured_by_columns(multiome):
    multiome["atac"].obs["time"] = -multiome["atac"].obs["time"]
    ax, strip = iq.pl.motif_activity(multiome, order_by="time", color="state", show=False)
    rows = [label.get_text() for label in strip.get_yticklabels()]
    assert (np.diff(multiome["atac"].obs["time"].loc[rows]) >= 0).all()
    colors = strip.images[0].get_array()[:, 0]
    assert len(np.unique(colors, axis=0)) == 4
    assert [text.get_text() for text in ax.figure.legends[0].get_texts()] == ["S1", "S2", "S3", "S4"]


def test_many_rows_are_counted_not_named(multiome, monkeypatch):
    from iceqream.pl import _heatmaps

    monkeypatch.setattr(_heatmaps, "MOST_LABELS", 10)
    (ax,) = iq.pl.motif_activity(multiome, show=False)
    assert ax.get_ylabel() == "16 rows"
    assert len(ax.get_yticks()) == 0


def test_embedding_has_a_panel_per_motif(multiome):
    axes = iq.pl.motif_activity(multiome, basis="umap", n_motifs=3, show=False)
    assert len(axes) == 3
    table = iq.get.motif_activity_df(multiome)
    assert [ax.get_title() for ax in axes] == table.columns[np.argsort(-table.to_numpy().std(axis=0))[:3]].tolist()
    dots = axes[0].collections[0]
    order = np.argsort(np.abs(table[axes[0].get_title()].to_numpy()), kind="stable")
    np.testing.assert_allclose(dots.get_offsets(), multiome["rna"].obsm["X_umap"][order])


def test_mistakes(multiome):
    with pytest.raises(KeyError, match="no activity of NOPE"):
        iq.pl.motif_activity(multiome, "NOPE")
    with pytest.raises(KeyError, match="no embedding 'tsne' of all rows; obsm has X_umap"):
        iq.pl.motif_activity(multiome, basis="tsne")
    with pytest.raises(ValueError, match="'time' is a column of single rows"):
        iq.pl.motif_activity(multiome, groupby="state", order_by="time")
    with pytest.raises(ValueError, match="at least 1, got 0"):
        iq.pl.motif_activity(multiome, n_motifs=0)
