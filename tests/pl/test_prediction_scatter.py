"""Predicted against observed dAP."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import iceqream as iq


def test_prediction_scatter_shows_the_peaks_and_their_r2(fitted):
    axes = iq.pl.prediction_scatter(fitted, show=False)
    table, stats = fitted.varm["iq"], iq.get.model(fitted).stats
    for ax, split in zip(axes, ("train", "test"), strict=True):
        rows = table[table["split"] == split]
        points = ax.collections[0].get_offsets()
        want = rows[["pred", "dap"]].to_numpy()
        np.testing.assert_allclose(np.sort(points, axis=0), np.sort(want, axis=0), atol=1e-6)
        assert f"{stats[f'r2_{split}']:.3f}" in ax.get_title()
        assert f"n = {len(rows):,}" in ax.get_title()
        assert ax.collections[0].get_rasterized()
        assert "S1 → S4" in ax.get_xlabel()
    assert axes[0].get_xlim() == axes[0].get_ylim() == axes[1].get_xlim()


def test_prediction_scatter_into_given_axes(fitted):
    _, ax = plt.subplots()
    assert iq.pl.prediction_scatter(fitted, split="test", axes=ax) == [ax]
    with pytest.raises(ValueError, match="1 axes were given for 2 panels"):
        iq.pl.prediction_scatter(fitted, axes=ax)
    with pytest.raises(ValueError, match="split must be"):
        iq.pl.prediction_scatter(fitted, split="validation")


def test_prediction_scatter_without_held_out_peaks(simulated, library, quick):
    iq.tl.fit_trajectory(simulated, "S1", "S4", motifs=library, split=0, **quick)
    assert len(iq.pl.prediction_scatter(simulated, show=False)) == 1
