"""Names that fit, and pictures in which they do."""

import matplotlib as mpl
import numpy as np
import pytest

import iceqream as iq
from iceqream.pl._names import fitting, fitting_pairs, text_points

LONG = "SMAD2::SMAD3::SMAD4_HUMAN.H11MO.0.B long"


def test_names_are_cut_in_the_middle_and_stay_distinct():
    names = [f"{LONG} {i}" for i in range(30)] + ["GATA1"]
    short = fitting(names, 80, 8)
    assert short[-1] == "GATA1"
    assert len(set(short)) == 31
    assert all(text_points(name, 8) <= 80 for name in short)
    assert all(one.startswith("SMAD") and "…" in one for one in short[:-1])
    pairs = fitting_pairs(names[:2], ["GATA1", names[3]], 150, 8)
    assert all(" : " in pair and text_points(pair, 8) <= 150 for pair in pairs)
    # ends that tell names apart survive, whichever end it is
    assert len(set(fitting([f"{i}{LONG}" for i in range(9)], 60, 8))) == 9


def _overlapping(texts):
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text() and text.get_visible()]
    return [(a, b) for i, (a, one) in enumerate(boxes) for b, other in boxes[i + 1 :] if one.overlaps(other)]


@pytest.mark.parametrize("name", ["response_curves", "energy_boxplot", "spatial_frequency", "logos"])
@pytest.mark.parametrize("size", [9, 16])
def test_titles_of_panels_do_not_overlap(stressed, name, size):
    with mpl.rc_context({"font.size": size}):
        axes = getattr(iq.pl, name)(stressed, show=False)
        figure = axes[0].figure
        figure.canvas.draw()
    assert _overlapping([ax.title for ax in axes]) == []
    assert all(ax.title.get_window_extent().x0 >= 0 for ax in axes)
    assert all(ax.title.get_window_extent().x1 <= figure.bbox.width for ax in axes)


@pytest.mark.parametrize("name", ["residual_r2", "spatial_curves", "interaction_network", "motif_heatmap"])
def test_names_at_ticks_leave_room(stressed, name):
    drawn = getattr(iq.pl, name)(stressed, show=False)
    ax = drawn[0] if isinstance(drawn, list) else drawn
    ax.figure.canvas.draw()
    assert _overlapping(ax.get_yticklabels()) == []
    assert _overlapping(ax.get_xticklabels()) == []
    # the drawing keeps a third of the figure in both directions
    share = ax.get_window_extent()
    assert share.width > ax.figure.bbox.width / 3
    assert share.height > ax.figure.bbox.height / 3


def test_names_fit_beside_logos(stressed):
    names = iq.get.motifs_df(stressed).index
    assert any(len(name) > 40 for name in names)
    page = iq.pl.model_report(stressed, motifs=names[:2], show=False)[1]
    page.canvas.draw()
    assert all(ax.title.get_window_extent().x0 >= 0 for ax in page.axes)
    panels = iq.pl.iq_plot(stressed, int(np.argmax(stressed.varm["iq"]["pred"])), show=False)
    figure = panels["logos"].figure
    figure.canvas.draw()
    side = panels["logos"].get_window_extent()
    for label in panels["logos"].texts:
        assert label.get_window_extent().width <= side.width * 1.02
