"""The IQ-plot draws exactly what the tables say."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

import iceqream as iq
from iceqream.pl._locus_tracks import read_signal
from iceqream.pl._style import CLOSING, OPENING


def test_letters_and_colours_are_the_numbers(fitted, locus):
    panels = iq.pl.iq_plot(fitted, locus, show=False)
    (collection,) = panels["motifs"].collections
    assert isinstance(collection, PathCollection)
    paths = collection.get_paths()
    n_rows = len(paths) // 500
    assert n_rows >= 2
    names = [text.get_text() for text in panels["logos"].texts]
    assert len(names) == n_rows
    table = iq.get.local_contributions_df(fitted, locus, motifs=names)
    assert all(table[table["motif"] == name]["energy"].max() >= 8 for name in names)
    root = np.sqrt(table["weight"].to_numpy()[:500] + 0.05)
    edges = np.array([[path.vertices[:, 0].min(), path.vertices[:, 0].max()] for path in paths[:500]])
    # letters fill 94 % of their width, in order and without gaps
    np.testing.assert_allclose(edges[:, 1] - edges[:, 0], 0.94 * root / root.sum(), rtol=1e-6)
    assert (np.diff(edges[:, 0]) > 0).all()
    height = np.array([np.ptp(path.vertices[:, 1]) for path in paths[:500]])
    np.testing.assert_allclose(height, 0.94 * root / root.max(), rtol=1e-6)
    colors = collection.get_facecolors().reshape(n_rows, 500, 4)
    for k, name in enumerate(names):
        response = table[table["motif"] == name]["site_response"].to_numpy()
        assert (colors[k][response > 0.1, 0] > colors[k][response > 0.1, 2]).all()
        np.testing.assert_allclose(colors[k][response == 0][:, 0], colors[k][response == 0][:, 2], atol=1e-6)
    (guides,) = panels["guides"].collections
    assert isinstance(guides, LineCollection)
    left = np.append(np.concatenate([[0], np.cumsum(root / root.sum())[:-1]]), 1.0)
    for segment in guides.get_segments():
        assert segment[1][0] == pytest.approx(left[round(segment[0][0] * 500)])


def test_panels_follow_what_is_at_hand(fitted, locus, tmp_path, caplog):
    with caplog.at_level("INFO", logger="iceqream"):
        few = iq.pl.iq_plot(fitted, locus, show=False)
    assert "without genes, conservation, tracks" in caplog.text
    assert set(few) == {"context", "element", "guides", "motifs", "logos", "scale"}
    texts = [text.get_text() for text in few["element"].texts]
    ap = fitted.layers["ap"][:, locus]
    assert f"{ap[0]:.2f}" in texts
    assert f"{ap[3]:.2f}" in texts
    row = fitted.var.iloc[locus]
    rng = np.random.default_rng(0)
    n_bins = int(fitted.var["end"].max()) // 20 + 10_000
    coverage = iq.Coverage(["S1", "S4"], 20, {row["chrom"]: rng.poisson(1, (2, n_bins))})
    scores = rng.normal(size=500)
    everything = iq.pl.iq_plot(
        fitted, fitted.var_names[locus], coverage=coverage, genes=fitted.uns["tss"], conservation=scores,
        mark={"variant": int(row["start"]) + 250}, context=100_000, show=False,
    )  # fmt: skip
    assert set(everything) >= {"genes", "conservation"}
    assert everything["context"].get_xlim()[1] - everything["context"].get_xlim()[0] == 100_000
    bars = everything["conservation"].collections[0]
    heights = np.array([path.vertices[:, 1][np.abs(path.vertices[:, 1]).argmax()] for path in bars.get_paths()])
    np.testing.assert_allclose(heights, scores, atol=1e-9)
    marks = [text.get_text() for text in everything["guides"].texts]
    assert marks == ["variant"]  # the element has an axis of its own
    tss = fitted.uns["tss"]
    centre = (row["start"] + row["end"]) // 2
    near = tss[(tss["chrom"] == row["chrom"]) & (np.abs(tss["start"] - centre) < 50_000)]
    drawn = {text.get_text() for text in everything["genes"].texts} - {""}
    assert drawn <= set(near["gene"])
    assert drawn
    for suffix in ("pdf", "png", "svg"):
        iq.pl.iq_plot(fitted, locus, save=tmp_path / f"locus.{suffix}")
        assert 5_000 < (tmp_path / f"locus.{suffix}").stat().st_size < 2e6
    text = (tmp_path / "locus.svg").read_text()
    assert ">S1<" in text or "S1</text>" in text


def test_what_is_missing_is_named(fitted, locus):
    for call, error, message in (
        (lambda: iq.pl.iq_plot(fitted, "chr1:1-2"), KeyError, "No peak overlaps"),
        (lambda: iq.pl.iq_plot(fitted, "nope"), KeyError, "is no peak"),
        (lambda: iq.pl.iq_plot(fitted, 10**6), KeyError, "no peak number"),
        (lambda: iq.pl.iq_plot(fitted, locus, motifs=["nope"]), KeyError, "no motif nope"),
        (lambda: iq.pl.iq_plot(fitted, locus, conservation=[1.0]), ValueError, "one value per base"),
        (lambda: iq.pl.iq_plot(fitted, locus, conservation=[np.inf] * 500), ValueError, "infinite"),
        (lambda: iq.pl.iq_plot(fitted, locus, coverage={"S1": "x.bw"}, states=["S9"]), KeyError, "no coverage of S9"),
        (lambda: iq.pl.iq_plot(fitted, locus, coverage={"S1": "x.bw"}), FileNotFoundError, "no file x.bw"),
        (lambda: iq.pl.iq_plot(fitted, locus, coverage={"S1": __file__}), ValueError, "cannot be read as a bigWig"),
        (lambda: iq.pl.iq_plot(fitted, locus, coverage="x.bw"), TypeError, "dictionary of bigWig files, got a str"),
        (lambda: iq.pl.iq_plot(fitted, locus, context=100), ValueError, "at least the element's 500 bp"),
        (lambda: iq.pl.iq_plot(fitted, locus, states=["S9"]), KeyError, "no access probability of S9"),
        (lambda: iq.pl.iq_plot(fitted, locus, width=501), ValueError, "between 1 and the model's 500 bp"),
        (lambda: iq.pl.iq_plot(fitted, locus, conservation=pd.DataFrame({"chrom": []})), ValueError, "'start' is miss"),
    ):
        with pytest.raises(error, match=message):
            call()
    # a stretch without a strong site says so
    panels = iq.pl.iq_plot(fitted, locus, energy_threshold=11, show=False)
    assert "no motif" in panels["motifs"].texts[0].get_text()


def test_tracks_do_not_depend_on_depth_and_states_share_a_scale(fitted, locus, tmp_path):
    row = fitted.var.iloc[locus]
    n_bins = int(fitted.var["end"].max()) // 20 + 10_000
    first = np.random.default_rng(0).poisson(3, n_bins)
    coverage = iq.Coverage(["S1", "S4", "other"], 20, {row["chrom"]: np.array([first, 7 * first, first**2])})
    files = {name: tmp_path / f"{name}.bw" for name in coverage.states}
    for name, path in files.items():
        coverage.to_bigwig(name, path)

    def tops(**options):
        panels = iq.pl.iq_plot(fitted, locus, show=False, **options)
        names = [text.get_text() for text in panels["context"].texts]
        colors = [to_hex(area.get_facecolor()) for area in panels["context"].collections]
        floors = 1.08 * np.arange(len(names))[::-1]
        areas = zip(panels["context"].collections, floors, strict=True)
        return names, colors, [area.get_paths()[0].vertices[:, 1].max() - floor for area, floor in areas]

    names, colors, heights = tops(coverage=coverage)
    assert names == ["S1", "S4"]
    assert colors == [CLOSING.lower(), OPENING.lower()]
    np.testing.assert_allclose(heights, 1.0, rtol=1e-6)
    np.testing.assert_allclose(tops(coverage=coverage, normalize=False)[2], [1 / 7, 1.0], rtol=1e-6)
    # a track that is no state of the data has a scale of its own; float32 in the files
    names, _, heights = tops(coverage=files)
    assert names == ["S1", "S4", "other"]
    np.testing.assert_allclose(heights, 1.0, rtol=1e-5)
    assert tops(coverage=files, states=["other", "S4"])[0] == ["other", "S4"]
    fitted.layers["other"] = fitted.layers.pop("ap")
    np.testing.assert_allclose(tops(coverage=coverage, normalize=False)[2], [1 / 7, 1.0], rtol=1e-6)
    panels = iq.pl.iq_plot(fitted, locus, states=["S2", "S3", "S4"], layer="other", show=False)
    values = fitted.layers["other"][1:, locus]
    bars = [bar.get_width() / 500 for bar in panels["element"].patches if isinstance(bar, Rectangle)]
    np.testing.assert_allclose(bars, values, rtol=1e-6)


def test_sequence_alone_is_enough(fitted, locus):
    fitted.layers.pop("ap")
    panels = iq.pl.iq_plot(fitted, locus, genes=fitted.uns["tss"], show=False)
    assert set(panels) == {"guides", "motifs", "logos", "scale"}
    fitted.var = fitted.var[[]]
    fitted.var_names = [f"peak {i}" for i in range(fitted.n_vars)]
    panels = iq.pl.iq_plot(fitted, locus, show=False)
    assert panels["guides"].texts[-1].get_text() == "500"


def test_a_narrower_element_shows_the_central_letters(fitted, locus):
    row = fitted.var.iloc[locus]
    start = int(row["start"]) + 200
    intervals = pd.DataFrame({"chrom": row["chrom"], "start": [start - 50, start + 90], "end": [start + 10, start + 95],
                              "score": [2.0, -1.0]})  # fmt: skip
    panels = iq.pl.iq_plot(fitted, locus, width=100, energy_threshold=5, conservation=intervals, show=False)
    (letters,) = panels["motifs"].collections
    n_rows = len(panels["logos"].texts)
    assert len(letters.get_paths()) == 100 * n_rows
    bars = panels["conservation"].collections[0].get_paths()
    heights = np.array([path.vertices[:, 1][np.abs(path.vertices[:, 1]).argmax()] for path in bars])
    np.testing.assert_array_equal(heights, [2.0] * 10 + [0.0] * 80 + [-1.0] * 5 + [0.0] * 5)
    labels = [text.get_text() for text in panels["guides"].texts]
    assert labels[0] == f"{start:,}"
    assert labels[-1] == f"{start + 100:,}"


def test_signals_are_means_of_windows(rng, tmp_path, caplog):
    track = rng.poisson(2, 500).astype(float)
    coverage = iq.Coverage(["a"], 20, {"chr1": track[None]})
    got = read_signal((coverage, "a"), "chr1", 1000, 3000, 50)
    np.testing.assert_allclose(got, track[50:150].reshape(50, 2).mean(axis=1))
    coverage.to_bigwig("a", tmp_path / "a.bw")
    np.testing.assert_allclose(read_signal(tmp_path / "a.bw", "chr1", 1000, 3000, 50), got, atol=1e-5)
    with caplog.at_level("WARNING", logger="iceqream"):
        assert (read_signal(tmp_path / "a.bw", "9", 0, 100, 5) == 0).all()
        assert (read_signal((coverage, "a"), "9", 0, 100, 5) == 0).all()
    assert caplog.text.count("no chromosome 9, but chr1") == 2
