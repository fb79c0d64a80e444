"""Panels of motifs draw the tables."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import iceqream as iq
from iceqream.pl._motif_panels import draw_energy_bins, draw_frequency


def test_panels_draw_the_tables(full):
    model = iq.get.model(full)
    ax = iq.pl.spatial_curves(full, show=False)
    weights = model.pbms.spatial.weights
    relative = weights / weights.mean(axis=1, keepdims=True)
    drawn = np.asarray(ax.collections[0].get_array())
    np.testing.assert_allclose(np.sort(drawn.max(axis=1)), np.sort(relative.max(axis=1)), rtol=1e-6)
    axes = iq.pl.energy_boxplot(full, n_motifs=2, show=False)
    assert axes[0].get_title() == iq.get.motifs_df(full).index[0]
    assert len(iq.pl.spatial_frequency(full, n_motifs=3, show=False)) == 3


def test_rare_motifs_are_called_so(fitted):
    ax = plt.subplots()[1]
    table = pd.DataFrame({"position": [-20.0, 0.0, 20.0], "top": [0.0, 1e-4, 0.0], "bottom": 0.0})
    draw_frequency(ax, table)
    assert ax.texts[0].get_text() == "rare: 0.0001 sites per peak"
    assert ax.get_ylim()[1] >= 0.002
    bins = iq.get.energy_bins_df(fitted, motifs=[iq.get.motifs_df(fitted).index[0]]).assign(n=3, p_value=np.nan)
    ax = plt.subplots()[1]
    draw_energy_bins(ax, bins, "red")
    assert "fewer than 5 peaks" in ax.texts[0].get_text()
