"""Pictures of a whole model draw its tables."""

import numpy as np
import pytest

import iceqream as iq


def test_overviews_draw_the_tables(full, tmp_path):
    model = iq.get.model(full)
    ax = iq.pl.levels(full, show=False)
    table = iq.get.levels_df(full)
    table = table[table["r2_train"].notna()]
    assert [t.get_text() for t in ax.get_yticklabels()] == table.index.tolist()
    np.testing.assert_allclose(ax.collections[2].get_offsets()[:, 0], table["r2_test"])
    ax = iq.pl.residual_r2(full, n_terms=7, show=False)
    widths = [patch.get_width() for patch in ax.patches]
    want = np.sort(model.residual_r2)[::-1][:7]
    np.testing.assert_allclose(widths, want)
    ax = iq.pl.spatial_curves(full, show=False)
    weights = model.pbms.spatial.weights
    relative = weights / weights.mean(axis=1, keepdims=True)
    drawn = np.asarray(ax.collections[0].get_array())
    np.testing.assert_allclose(np.sort(drawn.max(axis=1)), np.sort(relative.max(axis=1)), rtol=1e-6)
    ax, side = iq.pl.motif_heatmap(full, n_peaks=40, show=False)
    assert ax.images[0].get_array().shape == (80, len(model.pbms))
    table = full.varm["iq"]
    used = np.flatnonzero(table["split"] != "unused")
    order = used[np.argsort(-table["pred"].to_numpy()[used], kind="stable")]
    rows = np.concatenate([order[:40], order[-40:]])
    for dots, state in zip(side.collections, (0, 3), strict=True):
        np.testing.assert_allclose(dots.get_offsets()[:, 0], full.layers["ap"][state, rows], atol=1e-6)
    less = full.copy()
    less.layers.pop("ap")
    side = iq.pl.motif_heatmap(less, n_peaks=40, show=False)[1]
    np.testing.assert_allclose(side.collections[0].get_offsets()[:, 0], table["dap"].to_numpy()[rows], atol=1e-6)
    ax = iq.pl.interaction_network(full, show=False)
    pairs = iq.get.interactions_df(full).head(30)
    assert {text.get_text() for text in ax.texts} == set(pairs["first"]) | set(pairs["second"])
    assert len(ax.patches) == len(pairs)
    axes = iq.pl.energy_boxplot(full, n_motifs=2, show=False)
    assert axes[0].get_title() == iq.get.motifs_df(full).index[0]
    assert len(iq.pl.spatial_frequency(full, n_motifs=3, show=False)) == 3
    ax = iq.pl.prediction_boxplot(full, n_bins=4, show=False)
    assert len(ax.get_xticks()) == 4
    with pytest.raises(ValueError, match="too few"):
        iq.pl.prediction_boxplot(full, n_bins=10_000)


def test_missing_numbers_are_asked_for(fitted):
    with pytest.raises(ValueError, match=r"run iq.tl.residual_r2 first"):
        iq.pl.residual_r2(fitted)
    with pytest.raises(ValueError, match="no interactions"):
        iq.pl.interaction_network(fitted)
