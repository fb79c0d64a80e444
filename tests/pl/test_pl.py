"""Pictures are judged by their artists."""

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex

import iceqream as iq
from iceqream.pl._letters import draw_logo, letter_heights, unit_letter
from iceqream.pl._style import CLOSING, LETTER_COLORS, OPENING

BASELINE = Path(__file__).parent / "baseline"


@pytest.fixture(autouse=True)
def close_figures():
    before = dict(mpl.rcParams)
    yield
    assert dict(mpl.rcParams) == before, "a picture changed the user's rcParams"
    plt.close("all")


def test_letters_fill_the_unit_square():
    for letter in "ACGT":
        vertices = unit_letter(letter).vertices
        np.testing.assert_allclose(vertices.min(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(vertices.max(axis=0), 1, atol=1e-12)


def test_a_logo_is_one_collection_with_the_largest_letter_on_top():
    pssm = np.array([[0.1, 0.2, 0.3, 0.4], [0.0, 1.0, 0.0, 0.0]])
    _, ax = plt.subplots()
    draw_logo(ax, pssm)
    (collection,) = ax.collections
    assert isinstance(collection, PathCollection)
    colors = [to_hex(color).upper() for color in collection.get_facecolors()]
    assert colors == [LETTER_COLORS[letter] for letter in "ACGTC"]
    heights = letter_heights(pssm, "bits")
    tops = [path.vertices[:, 1].max() for path in collection.get_paths()]
    np.testing.assert_allclose(tops, [*np.cumsum(heights[0]), 2.0])
    lefts = [path.vertices[:, 0].min() for path in collection.get_paths()]
    assert np.floor(lefts).tolist() == [0, 0, 0, 0, 1]


def test_heights_are_bits_or_probabilities():
    pssm = np.array([[0.25] * 4, [0.5, 0.5, 0, 0], [0, 0, 0, 1]])
    np.testing.assert_allclose(letter_heights(pssm, "bits").sum(axis=1), [0, 1, 2])
    np.testing.assert_array_equal(letter_heights(pssm, "probability"), pssm)


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


def test_prediction_scatter_without_held_out_peaks(simulated, library):
    iq.tl.fit_trajectory(simulated, "S1", "S4", motifs=library, split=0)
    assert len(iq.pl.prediction_scatter(simulated, show=False)) == 1


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


def test_response_curves_draw_the_models_curves(fitted):
    model = iq.get.model(fitted)
    axes = iq.pl.response_curves(fitted, n_terms=3, show=False)
    names = iq.get.motifs_df(fitted).index[:3]
    curves = model.response_curves()
    for ax, name in zip(axes, names, strict=True):
        line = ax.lines[-1]
        np.testing.assert_allclose(line.get_ydata(), curves[name] - curves[name].iloc[0])
        effect = iq.get.motifs_df(fitted).loc[name, "effect"]
        assert to_hex(line.get_color()).upper() == (OPENING if effect > 0 else CLOSING)
        assert len(ax.patches) == 40
    assert len({ax.get_ylim() for ax in axes}) == 1


def test_response_curves_of_features_and_stand_alone_models(fitted):
    assert len(iq.pl.response_curves(fitted, ["gc_content", "GATA1"], show=False)) == 2
    model = iq.get.model(fitted)
    axes = iq.pl.response_curves(model, n_terms=2, logo=False, show=False)
    assert [len(ax.patches) for ax in axes] == [0, 0]
    with pytest.raises(KeyError, match="no term nope"):
        iq.pl.response_curves(fitted, ["nope"], show=False)


def test_motif_regression_shows_what_was_fitted(simulated):
    result = iq.motifs.regress(simulated.varm["sequence"], simulated.varm["occupancy"][:, 0], kmer_width=200)
    logo, spatial, scatter, path = iq.pl.motif_regression(result, show=False)
    assert result.seeds[0] in logo.get_title()
    edges = spatial.patches[0].get_data()
    np.testing.assert_allclose(edges.values, result.pbm.spatial, atol=1e-12)
    np.testing.assert_allclose(edges.edges[[0, -1]], [-220, 220])
    points = scatter.collections[0].get_offsets()
    np.testing.assert_allclose(np.sort(points[:, 0]), np.sort(result.energies[:, 0]), atol=1e-6)
    assert f"{result.r2[0, 0]:.3f}" in scatter.get_title()
    np.testing.assert_array_equal(path.lines[0].get_ydata(), result.history["score"])
    with pytest.raises(ValueError, match="There are 1 motifs and 1 targets"):
        iq.pl.motif_regression(result, motif=1, show=False)


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_every_picture_is_saved(fitted, tmp_path, suffix):
    for name in ("prediction_scatter", "logos", "response_curves"):
        path = tmp_path / f"{name}.{suffix}"
        assert getattr(iq.pl, name)(fitted, save=path) is None
        assert 5_000 < path.stat().st_size < 2_000_000
    if suffix == "svg":
        assert ">GATA1</text>" in (tmp_path / "logos.svg").read_text()


def _picture_of_logos(path):
    axes = iq.pl.logos(iq.datasets.simulated_motifs(decoys=False), ncols=3, show=False)
    axes[0].figure.savefig(path, dpi=40)


def _picture_of_genes(path):
    from iceqream.pl._locus_tracks import draw_genes

    tss = pd.DataFrame(
        {"chrom": "chr1", "position": [100, 900, 950], "strand": [1, -1, 1], "gene": ["A1", "LONG2", "C3"]}
    )
    exons = pd.DataFrame({"chrom": "chr1", "start": [100, 300, 700], "end": [150, 400, 900], "strand": [1, 1, -1],
                          "gene": ["A1", "A1", "LONG2"]})  # fmt: skip
    figure, ax = plt.subplots(figsize=(5, 1.2))
    draw_genes(ax, iq.Genes(tss, exons), "chr1", 0, 2000)
    figure.savefig(path, dpi=100)


@pytest.mark.parametrize("draw", [_picture_of_logos, _picture_of_genes])
def test_pictures_look_as_they_did(draw, tmp_path):
    from matplotlib.testing.compare import compare_images

    name = f"{draw.__name__.removeprefix('_picture_of_')}.png"
    draw(tmp_path / name)
    # root mean square of 0-255: other versions of matplotlib hint letters differently
    assert compare_images(str(BASELINE / name), str(tmp_path / name), tol=12) is None
