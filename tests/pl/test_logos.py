"""Logos are ordered, coloured and cut as asked for."""

import pytest
from matplotlib.colors import to_hex

import iceqream as iq
from iceqream.pl._style import CLOSING, OPENING


def test_logos_are_ordered_and_coloured_by_effect(fitted):
    axes = iq.pl.logos(fitted, show=False)
    table = iq.get.motifs_df(fitted)
    assert [ax.get_title() for ax in axes] == table.index.tolist()
    for ax, effect in zip(axes, table["effect"], strict=True):
        color = to_hex(ax.title.get_color()).upper()
        assert color == (OPENING if effect > 0 else CLOSING) or effect == 0


def test_logos_of_a_set_trimmed_and_reversed(library):
    axes = iq.pl.logos(library, ["GATA1_MA0035.5"], reverse_complement=True, kind="probability", trim=None, show=False)
    matrix = library["GATA1_MA0035.5"].reverse_complement().matrix(0)
    assert axes[0].get_ylim() == (0, 1)
    n = int((matrix > 1e-3).sum())
    assert len(axes[0].collections[0].get_paths()) == n
    with pytest.raises(KeyError, match="not drawn: x"):
        iq.pl.logos(library[:2], reverse_complement=["x"], show=False)
    with pytest.raises(ValueError, match="kind must be"):
        iq.pl.logos(library, kind="nats", show=False)
    with pytest.raises(ValueError, match="0 motifs to draw"):
        iq.pl.logos(library[[]], show=False)
