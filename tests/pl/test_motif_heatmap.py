"""The heatmap draws the responses of the peaks that change most."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

import iceqream as iq


def test_the_peaks_are_those_of_the_label(full):
    model = iq.get.model(full)
    table = full.varm["iq"]
    used = np.flatnonzero(table["split"] != "unused")
    for by, column in (("observed", "dap"), ("predicted", "pred")):
        ax, side = iq.pl.motif_heatmap(full, n_peaks=40, by=by, show=False)
        assert ax.images[0].get_array().shape == (80, len(model.pbms))
        assert ax.get_ylabel() == f"peaks by {by} dAP"
        order = used[np.argsort(-table[column].to_numpy()[used], kind="stable")]
        rows = np.concatenate([order[:40], order[-40:]])
        for dots, state in zip(side.collections, (0, 3), strict=True):
            np.testing.assert_allclose(dots.get_offsets()[:, 0], full.layers["ap"][state, rows], atol=1e-6)
        less = full.copy()
        less.layers.pop("ap")
        side = iq.pl.motif_heatmap(less, n_peaks=40, by=by, show=False)[1]
        np.testing.assert_allclose(side.collections[0].get_offsets()[:, 0], table["dap"].to_numpy()[rows], atol=1e-6)
    with pytest.raises(ValueError, match="'observed' or 'predicted', got 'chance'"):
        iq.pl.motif_heatmap(full, by="chance")


def test_one_outlier_does_not_own_the_colours(stressed):
    limit = iq.pl.motif_heatmap(stressed, show=False)[0].images[0].norm.vmax
    assert limit < 5  # logit; the outlier adds hundreds
    ax, side = iq.pl.motif_heatmap(stressed, palette={"S1": "#123456"}, cmap="PiYG", show=False)
    assert [label.get_text().endswith("*") for label in ax.get_xticklabels()].count(True) == 1
    assert to_hex(side.collections[0].get_facecolor()[0]) == "#123456"
    assert ax.images[0].get_cmap().name == "PiYG"
