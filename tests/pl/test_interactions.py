"""Interactions as a matrix and as a network."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

import iceqream as iq
from iceqream.pl._interactions import around_circle, hubs_and_partners
from iceqream.pl._style import CLOSING, OPENING


def test_every_pair_is_a_square_as_large_as_its_effect(full):
    pairs = iq.get.interactions_df(full).head(30)
    ax = iq.pl.interaction_network(full, show=False)
    columns = [label.get_text() for label in ax.get_xticklabels()]
    rows = [label.get_text() for label in ax.get_yticklabels()]
    (squares,) = [c for c in ax.collections if len(c.get_paths()) == len(pairs) and len(c.get_facecolors())]
    for path, color, (_, pair) in zip(squares.get_paths(), squares.get_facecolors(), pairs.iterrows(), strict=True):
        low, high = path.vertices.min(axis=0), path.vertices.max(axis=0)
        x, y = np.rint((low + high) / 2).astype(int)
        assert {columns[x], rows[y]} == {pair["first"], pair["second"]}
        area = np.prod(high - low) / 0.92**2
        assert area == pytest.approx(abs(pair["effect"]) / pairs["effect"].abs().max(), rel=1e-6)
        assert to_hex(color).upper() == (OPENING if pair["effect"] > 0 else CLOSING)
    assert ax.get_title() == f"{len(pairs)} interactions"
    legend = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert f"{pairs['effect'].abs().max():.2g}" in legend


def test_the_circle_holds_every_term(full):
    pairs = iq.get.interactions_df(full).head(30)
    ax = iq.pl.interaction_network(full, layout="circle", title="pairs", show=False)
    assert {text.get_text() for text in ax.texts} == set(pairs["first"]) | set(pairs["second"])
    assert len(ax.patches) == len(pairs)
    assert ax.get_title() == "pairs"
    with pytest.raises(ValueError, match="'matrix' or 'circle', got 'tree'"):
        iq.pl.interaction_network(full, layout="tree")


def test_hubs_cover_all_pairs_and_partners_stand_together():
    first, second = ["A", "A", "A", "B", "D"], ["B", "C", "D", "C", "E"]
    hubs, partners, cells = hubs_and_partners(first, second, np.ones(5))
    assert hubs[0] == "A"
    found = [{hubs[x], partners[y]} for x, y in cells]
    assert found == [{a, b} for a, b in zip(first, second, strict=True)]
    order = around_circle(first, second)
    assert sorted(order) == list("ABCDE")
    assert abs(order.index("D") - order.index("E")) == 1


def test_a_model_without_pairs_says_what_to_run(fitted):
    with pytest.raises(ValueError, match="no interactions"):
        iq.pl.interaction_network(fitted)
