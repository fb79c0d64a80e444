"""Totals of many rows, and of groups of rows."""

import anndata as ad
import matplotlib as mpl
import numpy as np
import pytest

import iceqream as iq


@pytest.fixture
def cells(rng):
    adata = ad.AnnData(np.ones((120, 50), dtype="f4"))
    adata.layers["ap"] = rng.random((120, 50)).astype("f4")
    adata.obs["type"] = np.resize(["b", "a", "c"], 120)
    return adata


def test_many_rows_fit_on_a_page(cells):
    ax = iq.pl.total_ap(cells, color="type", palette=["#111111", "#222222", "#333333"], show=False)
    assert ax.figure.get_size_inches()[1] <= 7
    assert ax.get_ylabel() == "120 states"
    colors = [mpl.colors.to_hex(bar.get_facecolor()) for bar in ax.patches]
    assert colors == ["#111111"] * 40 + ["#222222"] * 40 + ["#333333"] * 40
    np.testing.assert_allclose(ax.patches[0].get_width(), cells.layers["ap"][1].mean(), rtol=1e-6)


def test_groups_are_means_of_their_rows(cells):
    ax = iq.pl.total_ap(cells, groupby="type", palette={"a": "#123456"}, title="T", figsize=(3, 2), show=False)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b", "c"]
    each = cells.layers["ap"].mean(axis=1)
    want = [each[cells.obs["type"] == name].mean() for name in "abc"]
    np.testing.assert_allclose([bar.get_width() for bar in ax.patches], want, rtol=1e-6)
    assert mpl.colors.to_hex(ax.patches[0].get_facecolor()) == "#123456"
    assert ax.get_title() == "T"
    assert [len(points.get_offsets()) for points in ax.collections] == [40, 40, 40]
