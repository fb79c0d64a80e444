"""The IQ-plot draws exactly what the tables say."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

import iceqream as iq
from iceqream.coverage import open_bigwig
from iceqream.pl._iq_plot import _points_across
from iceqream.pl._locus_tracks import OpenBigwig, read_signal
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
        mark={"variant": int(row["start"]) + 250}, context=400_000, show=False,
    )  # fmt: skip
    assert set(everything) >= {"genes", "conservation"}
    assert everything["context"].get_xlim()[1] - everything["context"].get_xlim()[0] == 400_000
    bars = everything["conservation"].collections[0]
    heights = np.array([path.vertices[:, 1][np.abs(path.vertices[:, 1]).argmax()] for path in bars.get_paths()])
    np.testing.assert_allclose(heights, scores, atol=1e-9)
    assert [text.get_text() for text in everything["marks"].texts] == ["variant"]
    assert not everything["guides"].texts  # the element has an axis of its own
    tss = fitted.uns["tss"]
    centre = (row["start"] + row["end"]) // 2
    near = tss[(tss["chrom"] == row["chrom"]) & (np.abs(tss["start"] - centre) < 200_000)]
    drawn = {text.get_text() for text in everything["genes"].texts} - {""}
    assert drawn <= set(near["gene"])
    assert drawn
    for suffix in ("pdf", "png", "svg"):
        iq.pl.iq_plot(fitted, locus, save=tmp_path / f"locus.{suffix}")
        # 2.04 MB was measured of the svg
        assert 5_000 < (tmp_path / f"locus.{suffix}").stat().st_size < 2.5e6
    text = (tmp_path / "locus.svg").read_text()
    assert ">S1<" in text or "S1</text>" in text


def test_what_is_missing_is_named(fitted, locus):
    for call, error, message in (
        (lambda: iq.pl.iq_plot(fitted, "chr1:1-2"), KeyError, "No peak overlaps"),
        (lambda: iq.pl.iq_plot(fitted, "nope"), KeyError, "is no peak.*needs genes="),
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
        names = [text.get_text() for text in panels["context"].texts if text.get_position()[0] < 0]
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
    with OpenBigwig(tmp_path / "a.bw") as file, caplog.at_level("WARNING", logger="iceqream"):
        np.testing.assert_allclose(read_signal(file, "chr1", 1000, 3000, 50), got, atol=1e-5)
        assert (read_signal(file, "9", 0, 100, 5) == 0).all()
        assert (read_signal((coverage, "a"), "9", 0, 100, 5) == 0).all()
    assert caplog.text.count("no chromosome 9, but chr1") == 2


def test_files_are_read_once(fitted, locus, tmp_path, monkeypatch):
    row = fitted.var.iloc[locus]
    coverage = iq.Coverage(["S1", "S4"], 20, {row["chrom"]: np.ones((2, int(fitted.var["end"].max()) // 20 + 10_000))})
    files = {name: tmp_path / f"{name}.bw" for name in coverage.states}
    for name, path in files.items():
        coverage.to_bigwig(name, path)
    genes = tmp_path / "genes.gtf"
    genes.write_text(f'{row["chrom"]}\tx\tgene\t{row["start"]}\t{row["end"]}\t.\t+\t.\tgene_name "HERE";\n')
    parsed, opened, computed = [], [], []
    monkeypatch.setattr(iq.genome, "_read_gtf", _noted(iq.genome._read_gtf, parsed))
    monkeypatch.setattr("iceqream.pl._locus_tracks.open_bigwig", _noted(open_bigwig, opened))
    energies = iq.motifs.PBMSet.normalized_local_energies
    monkeypatch.setattr(iq.motifs.PBMSet, "normalized_local_energies", _noted(energies, computed))
    panels = iq.pl.iq_plot(fitted, "HERE", genes=genes, coverage=files, conservation=files["S1"], show=False)
    assert [text.get_text() for text in panels["genes"].texts if text.get_text()] == ["HERE"]
    assert (len(parsed), len(opened), len(computed)) == (1, 3, 1)
    for file in opened:
        with pytest.raises(Exception, match="closed"):
            file.chroms()


def _noted(function, results):
    def call(*args, **options):
        results.append(function(*args, **options))
        return results[-1]

    return call


def test_the_layout_knows_how_wide_the_panels_are(fitted, locus):
    for options in ({}, {"figsize": (6, 4)}):
        panels = iq.pl.iq_plot(fitted, locus, show=False, **options)
        figure = panels["motifs"].figure
        wide = panels["motifs"].bbox.width / figure.dpi * 72
        assert _points_across(None, options.get("figsize")) == pytest.approx(wide, rel=1e-9)
        assert _points_across(figure, None) == pytest.approx(wide, rel=1e-9)


def test_a_peak_without_the_models_features_has_no_prediction(full, locus, caplog):
    model = iq.get.model(full)
    features = replace(model.features, names=np.array(["H3K27ac", *model.features.names[1:]], dtype=object))
    full.uns["iq"] = replace(model, features=features).to_uns()
    for column in (None, np.nan):
        if column is not None:
            full.var["H3K27ac"] = column
        caplog.clear()
        panels = iq.pl.iq_plot(full, locus, show=False)
        assert "predicted" not in panels["motifs"].figure.get_suptitle()
        assert caplog.text.count("neither predicted nor are pairs counted: H3K27ac is not known there") == 1
        table = iq.get.local_contributions_df(full, locus)
        np.testing.assert_array_equal(table["response"], table["response_own"])
    full.var["H3K27ac"] = 0.5
    assert "predicted" in iq.pl.iq_plot(full, locus, show=False)["motifs"].figure.get_suptitle()


def test_without_a_strong_site_the_best_motifs_are_drawn(fitted, locus):
    panels = iq.pl.iq_plot(fitted, locus, energy_threshold=11, show=False)
    names = [text.get_text() for text in panels["logos"].texts]
    table = iq.get.local_contributions_df(fitted, locus)
    best = table[table["response"].abs() > 1e-6].groupby("motif")["energy"].max().nlargest(3)
    assert names == best.index.tolist()
    note = panels["motifs"].texts[0].get_text()
    assert note == f"no motif reaches an energy of 11; the best are drawn, {best.iloc[0]:.1f} at most"
    # a stretch without any weight says so
    still = replace(iq.get.model(fitted), coefficients=np.zeros_like(iq.get.model(fitted).coefficients))
    fitted.uns["iq"] = still.to_uns()
    panels = iq.pl.iq_plot(fitted, locus, show=False)
    assert panels["motifs"].texts[0].get_text() == "no motif of the model acts here"


def test_tracks_have_scales(fitted, locus):
    row = fitted.var.iloc[locus]
    counts = np.zeros((2, int(fitted.var["end"].max()) // 20 + 10_000))
    counts[0, int(row["start"]) // 20 + np.arange(-200, 200)] = 30
    coverage = iq.Coverage(["S1", "S4"], 20, {row["chrom"]: counts})
    panels = iq.pl.iq_plot(fitted, locus, coverage=coverage, normalize=False, show=False)
    right = [text.get_text() for text in panels["context"].texts if text.get_position()[0] > 1]
    assert right == ["30", "0", "30", "0"]
    assert panels["context"].texts[-1].get_text() == "signal"
    panels = iq.pl.iq_plot(fitted, locus, coverage=coverage, show=False)
    # counts per base pair times the bin, divided by the millionth of their sum
    full = next(text.get_text() for text in panels["context"].texts if text.get_position()[0] > 1)
    assert float(full) == pytest.approx(30 / (counts[0].sum() / 1e6), rel=0.05)
    panels = iq.pl.iq_plot(fitted, locus, show=False)
    assert [t.get_text() for t in panels["context"].texts if t.get_position()[0] > 1] == ["1", "0"] * 2
    texts = [text.get_text() for text in panels["element"].texts]
    assert texts[-3:] == ["0", "0.5", "access probability 1"]


def test_chromosomes_that_a_table_lacks_are_named_once(fitted, locus, caplog):
    coverage = iq.Coverage(["S1", "S4"], 20, {"chrX": np.ones((2, 1000))})
    genes = pd.DataFrame({"chrom": ["chrX"], "start": [5], "end": [10], "strand": ["+"], "gene": ["GENE"]})
    chrom = fitted.var["chrom"].iloc[locus]
    with caplog.at_level("WARNING", logger="iceqream"):
        panels = iq.pl.iq_plot(fitted, locus, coverage=coverage, genes=genes, normalize=False, show=False)
    assert [text.get_text() for text in panels["context"].texts].count(f"the track has no {chrom}") == 2
    assert panels["genes"].texts[0].get_text() == f"the genes have no {chrom}"
    assert caplog.text.count("has no chromosome") == 2  # one for each state
    scores = pd.DataFrame({"chrom": ["chrX"], "start": [1], "end": [5], "score": [2.0]})
    with caplog.at_level("WARNING", logger="iceqream"):
        panels = iq.pl.iq_plot(fitted, locus, conservation=scores, show=False)
    assert f"The conservation has no chromosome {chrom}, but chrX" in caplog.text
    assert "no score here" in [text.get_text() for text in panels["conservation"].texts]
    assert caplog.text.count("The genes have no chromosome") == 1


def test_loci_by_gene_and_without_a_peak(fitted, locus, tmp_path, rng):
    row = fitted.var.iloc[locus]
    genes = pd.DataFrame({"chrom": [row["chrom"]], "start": [int(row["end"]) + 99], "end": [int(row["end"]) + 900],
                          "strand": ["+"], "gene": ["GENE1"]})  # fmt: skip
    panels = iq.pl.iq_plot(fitted, "GENE1", genes=genes, show=False)
    title = panels["motifs"].figure.get_suptitle()
    assert title.startswith(f"{fitted.var_names[locus]} (GENE1, 100 bp from its start site)")
    path = tmp_path / "genome.fa"
    sequence = "".join(rng.choice(list("ACGT"), 3000))
    path.write_text(f">chrN\n{sequence}\n")
    panels = iq.pl.iq_plot(fitted, "chrN:1,000-1,100", genome=path, show=False)
    assert panels["motifs"].figure.get_suptitle().startswith("chrN:800-1300   S1 → S4   predicted dAP")
    assert "no peak here" in [text.get_text() for text in panels["element"].texts]
    table = iq.get.local_contributions_df(fitted, "chrN:1,000-1,100", genome=path)
    assert "".join(table["base"].iloc[:500]) == sequence[800:1300]
    predicted = iq.get.model(fitted).predict(sequence[800:1300])[0]
    assert f"predicted dAP {predicted:+.2f}" in panels["motifs"].figure.get_suptitle()


def test_names_of_marks_and_states_do_not_touch(fitted, locus):
    start = int(fitted.var["start"].iloc[locus])
    marks = {f"a variant with a long name {i}": start + 200 + 3 * i for i in range(5)} | {"edge": start}
    panels = iq.pl.iq_plot(fitted, locus, mark=marks, genes=fitted.uns["tss"], context=2_000_000, show=False)
    figure = panels["marks"].figure
    figure.canvas.draw()
    for panel in ("marks", "genes"):
        boxes = [text.get_window_extent() for text in panels[panel].texts if text.get_text()]
        assert len(boxes) >= 5
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
        assert all(box.x0 >= 0 and box.x1 <= figure.bbox.width for box in boxes)


def test_title_size_and_colours_are_the_users(fitted, locus):
    panels = iq.pl.iq_plot(fitted, locus, title="mine", figsize=(7, 4), dpi=50, palette={"S1": "#123456"}, show=False)
    figure = panels["motifs"].figure
    assert figure.get_suptitle() == "mine"
    assert (tuple(figure.get_size_inches()), figure.dpi) == ((7, 4), 50)
    assert to_hex(panels["context"].collections[0].get_color()[0]) == "#123456"
