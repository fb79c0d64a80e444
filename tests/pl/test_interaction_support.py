"""Pairs of motifs as pictures."""

import numpy as np
import pytest

import iceqream as iq


@pytest.fixture
def asked(fitted):
    iq.tl.interaction_support(fitted, min_energy=7, n_permutations=100)
    return fitted


def test_panels_show_the_numbers_of_the_tables(asked):
    axes = iq.pl.interaction_support(asked, [("FOX", "GATA"), ("CEBP", "GATA")], show=False)
    assert len(axes) == 6
    table = iq.get.interaction_support_df(asked)
    row = table[table[["first", "second"]].isin(["FOX", "GATA"]).all(axis=1)].iloc[0]
    legend = [text.get_text() for text in axes[0].get_legend().get_texts()]
    assert legend[0] == f"both ({row['n_both']})"
    assert legend[3] == f"neither ({row['n_neither']:,})"
    curve = axes[0].get_lines()[-1]
    assert len(curve.get_ydata()) == row["n_both"] + 1
    assert curve.get_ydata()[-1] == 1
    assert np.mean(curve.get_xdata()[1:]) == pytest.approx(row["dap_both"])
    means = iq.get.interaction_support_df(asked, "distance")
    means = means[(means["first"] == row["first"]) & (means["second"] == row["second"]) & (means["n"] > 0)]
    points = axes[1].containers[0].lines[0].get_ydata()
    np.testing.assert_allclose(points, means["dap"])
    assert axes[1].get_xticklabels()[0].get_text().startswith("0\u201320\n")
    assert f"{row['interaction']:+.2f}" in axes[0].get_title()


def test_the_strongest_pair_is_drawn_by_default(asked, tmp_path):
    row = iq.get.interaction_support_df(asked).iloc[0]
    axes = iq.pl.interaction_support(asked, show=False, save=tmp_path / "a.pdf")
    assert axes[0].get_title().startswith(f"{row['first']} : {row['second']}")
    assert (tmp_path / "a.pdf").exists()
    assert len(iq.pl.interaction_support(asked, n_pairs=3, show=False)) == 9


def test_what_is_not_there_is_said(asked):
    with pytest.raises(KeyError, match="GATA:nothing"):
        iq.pl.interaction_support(asked, [("GATA", "nothing")], show=False)
    with pytest.raises(ValueError, match="at least 1"):
        iq.pl.interaction_support(asked, n_pairs=0, show=False)
    with pytest.raises(ValueError, match="3 panels"):
        iq.pl.interaction_support(asked, axes=[None], show=False)
    part = asked[:, :1000].copy()
    with pytest.raises(ValueError, match="have changed"):
        iq.pl.interaction_support(part, show=False)
