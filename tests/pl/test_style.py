"""What all pictures share: files, and baseline images."""

from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text

import iceqream as iq
from iceqream.pl._style import FAINT, INK, faint, house_style, ink, paper, save_dpi

BASELINE = Path(__file__).parent / "baseline"


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_every_picture_is_saved(fitted, tmp_path, suffix):
    for name in ("prediction_scatter", "logos", "response_curves"):
        path = tmp_path / f"{name}.{suffix}"
        assert getattr(iq.pl, name)(fitted, save=path) is None
        assert 5_000 < path.stat().st_size < 2_000_000
    if suffix == "svg":
        assert ">GATA</text>" in (tmp_path / "logos.svg").read_text()


def _picture_of_logos(path):
    axes = iq.pl.logos(iq.datasets.simulated_motifs(decoys=False), ncols=3, show=False)
    axes[0].figure.savefig(path, dpi=40)


def _picture_of_genes(path):
    from iceqream.pl._locus_genes import draw_genes, place_genes

    tss = pd.DataFrame(
        {"chrom": "chr1", "position": [100, 900, 950], "strand": [1, -1, 1], "gene": ["A1", "LONG2", "C3"]}
    )
    exons = pd.DataFrame({"chrom": "chr1", "start": [100, 300, 700], "end": [150, 400, 900], "strand": [1, 1, -1],
                          "gene": ["A1", "A1", "LONG2"]})  # fmt: skip
    figure, ax = plt.subplots(figsize=(5, 1.2))
    draw_genes(ax, place_genes(iq.Genes(tss, exons), "chr1", 0, 2000, ax.bbox.width / figure.dpi * 72))
    figure.savefig(path, dpi=100)


@pytest.mark.parametrize("draw", [_picture_of_logos, _picture_of_genes])
def test_pictures_look_as_they_did(draw, tmp_path):
    from matplotlib.testing.compare import compare_images

    name = f"{draw.__name__.removeprefix('_picture_of_')}.png"
    draw(tmp_path / name)
    # root mean square of 0-255: other versions of matplotlib hint letters differently
    assert compare_images(str(BASELINE / name), str(tmp_path / name), tol=12) is None


PICTURES = ("levels", "prediction_scatter", "prediction_boxplot", "residual_r2", "response_curves", "energy_boxplot",
            "spatial_curves", "spatial_frequency", "logos", "motif_heatmap", "interaction_network")  # fmt: skip


@pytest.mark.parametrize("name", PICTURES)
def test_a_dark_style_and_the_users_font_are_kept(full, name):
    with plt.style.context(["dark_background", {"font.family": "serif", "font.size": 16}]):
        drawn = getattr(iq.pl, name)(full, title="mine", figsize=(6, 5), dpi=60, show=False)
    ax = drawn[0] if isinstance(drawn, list) else drawn
    figure = ax.figure
    assert (tuple(figure.get_size_inches()), figure.dpi) == ((6, 5), 60)
    assert "mine" in (figure.get_suptitle(), *(ax.get_title(loc) for loc in ("left", "center", "right")))
    texts = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    assert texts
    for text in texts:
        # legible: nothing darker than the house's grey on black
        assert np.mean(to_rgb(text.get_color())) > 0.25, text.get_text()
        assert text.get_fontfamily() == ["serif"]
        assert text.get_fontsize() <= 10
    assert to_rgb(figure.get_facecolor()) == (0, 0, 0)


def test_the_house_colours_are_the_defaults():
    with house_style():
        assert (ink().upper(), paper().upper(), faint().upper()) == (INK, "#FFFFFF", FAINT)
    with plt.style.context("dark_background"), house_style():
        assert (ink(), paper(), faint()) == ("#ffffff", "#000000", "#2f2f2f")
    assert save_dpi(None) == 200
    assert save_dpi(50) == 50
    with plt.rc_context({"savefig.dpi": 90}):
        assert save_dpi(None) == 90


def test_a_picture_that_cannot_be_saved_is_not_drawn(full, tmp_path):
    before = plt.get_fignums()
    for draw in (iq.pl.model_report, iq.pl.logos, iq.pl.iq_plot):
        arguments = (full.var_names[0],) if draw is iq.pl.iq_plot else ()
        with pytest.raises(FileNotFoundError, match=r"There is no folder .*nofolder to write r.pdf into"):
            draw(full, *arguments, save=tmp_path / "nofolder" / "r.pdf")
    with pytest.raises(ValueError, match="is a folder: give the name of a file in it"):
        iq.pl.levels(full, save=tmp_path)
    assert plt.get_fignums() == before


@pytest.mark.parametrize(
    "name",
    [
        "response_curves", "logos", "motif_heatmap", "interaction_network", "energy_boxplot", "spatial_curves",
        "spatial_frequency", "residual_r2", "iq_plot",
    ],
)  # fmt: skip
def test_doubt_stands_on_every_picture_that_interprets_a_model(full, name):
    arguments = (0,) if name == "iq_plot" else ()

    def said(title):
        drawn = getattr(iq.pl, name)(full, *arguments, title=title, show=False)
        axes = next(iter(drawn.values())) if isinstance(drawn, dict) else np.ravel(np.array(drawn, dtype=object))[0]
        return axes.figure, [text.get_text() for text in axes.figure.findobj(Text)]

    assert not any("Held-out" in text for text in said(None)[1])
    model = iq.get.model(full)
    full.uns["iq"] = replace(model, stats={**model.stats, "r2_test_low": 0.0}).to_uns()
    for title in (None, "two\nlines"):
        figure, texts = said(title)
        doubts = [text for text in texts if "Held-out R2 does not differ" in " ".join(text.split())]
        assert len(doubts) == 1, texts
        assert title is None or title in texts
        figure.draw_without_rendering()
        plt.close("all")


def test_doubt_is_not_written_on_axes_of_the_user(full):
    model = iq.get.model(full)
    full.uns["iq"] = replace(model, stats={**model.stats, "r2_test_low": 0.0}).to_uns()
    figure, ax = plt.subplots()
    iq.pl.residual_r2(full, ax=ax)
    iq.pl.spatial_curves(full, ax=ax)
    assert not any("Held-out" in text.get_text() for text in figure.findobj(Text))
