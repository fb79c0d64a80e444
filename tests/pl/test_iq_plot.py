"""The IQ-plot draws exactly what the tables say."""

import shutil
import subprocess

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PathCollection

import iceqream as iq
from iceqream.pl._locus_tracks import read_signal


@pytest.fixture(autouse=True)
def close_figures():
    before = dict(mpl.rcParams)
    yield
    assert dict(mpl.rcParams) == before
    plt.close("all")


@pytest.fixture
def locus(fitted):
    """The peak that is predicted to open most."""
    return int(fitted.varm["iq"]["pred"].to_numpy().argmax())


def test_local_contributions_are_those_of_the_model(fitted, locus):
    model = iq.get.model(fitted)
    table = iq.get.local_contributions_df(fitted, locus)
    codes = fitted.varm["sequence"][[locus]]
    assert len(table) == 500 * len(model.pbms)
    for i, name in enumerate(model.motif_names):
        part = table[table["motif"] == name]
        np.testing.assert_allclose(part["energy"], model.pbms.normalized_local_energies(codes)[0, i], rtol=1e-6)
        at_zero = model.response_curves(np.zeros(1)).iloc[0][name]
        np.testing.assert_allclose(part["response"] + at_zero, model.local_contributions(codes)[0, i], atol=1e-10)
    assert "".join(table["base"][:500]) == "".join(np.array(list("ACGTN"))[codes[0]])
    # the weight of a base by hand: mean over the windows that cover it with their informative part
    name = model.motif_names[0]
    one = iq.get.local_contributions_df(fitted, locus, motifs=[name])
    pssm = model.pbms.motifs.matrix(0)
    entropy = -(pssm * np.log2(np.maximum(pssm, 1e-12))).sum(axis=1)
    used = np.flatnonzero(2 - entropy >= 0.1)
    first, last = used[0], used[-1] + 1
    energy = one["energy"].to_numpy()
    for base in (100, 250, 499):
        starts = [s for s in range(base - last + 1, base - first + 1) if 0 <= s < 500 and not np.isnan(energy[s])]
        want = sum(2.0 ** energy[s] for s in starts) / (last - first)
        assert one["weight"].iloc[base] == pytest.approx(want, rel=1e-6)


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
    assert set(few) == {"context", "element", "guides", "motifs", "logos"}
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
    assert marks == ["variant"]
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
        (lambda: iq.pl.iq_plot(fitted, locus, coverage={}), KeyError, "no coverage of 'S1'"),
    ):
        with pytest.raises(error, match=message):
            call()
    # a stretch without a strong site says so
    panels = iq.pl.iq_plot(fitted, locus, energy_threshold=11, show=False)
    assert "no motif" in panels["motifs"].texts[0].get_text()


def test_signals_are_means_of_windows(rng, tmp_path):
    track = rng.poisson(2, 500).astype(float)
    coverage = iq.Coverage(["a"], 20, {"chr1": track[None]})
    got = read_signal((coverage, "a"), "chr1", 1000, 3000, 50)
    np.testing.assert_allclose(got, track[50:150].reshape(50, 2).mean(axis=1))
    coverage.to_bigwig("a", tmp_path / "a.bw")
    np.testing.assert_allclose(read_signal(tmp_path / "a.bw", "chr1", 1000, 3000, 50), got, atol=1e-5)
    assert (read_signal(tmp_path / "a.bw", "chr9", 0, 100, 5) == 0).all()


def test_energy_bins_and_frequencies_by_hand(fitted):
    model = iq.get.model(fitted)
    table = iq.get.energy_bins_df(fitted)
    results = fitted.varm["iq"]
    used = (results["split"] != "unused").to_numpy()
    energies = model.pbms.normalized_energies(fitted.varm["sequence"])[used]
    dap = results["dap"].to_numpy()[used].astype(float)
    name = model.motif_names[1]
    part = table[table["motif"] == name].set_index("bin")
    inside = (energies[:, 1] >= 7) & (energies[:, 1] < 8)
    assert part.loc["7-8", "n"] == inside.sum()
    assert part.loc["7-8", "median"] == pytest.approx(np.median(dap[inside]), abs=1e-6)
    assert part["n"].sum() == used.sum()
    frequency = iq.get.spatial_frequency_df(fitted, motifs=[name], share=0.2)
    order = np.flatnonzero(used)[np.argsort(dap, kind="stable")]
    n = int(0.2 * len(order))
    local = model.pbms.normalized_local_energies(fitted.varm["sequence"][order[-n:]])[:, 1]
    assert frequency["top"].sum() == pytest.approx((np.nan_to_num(local) >= 7).sum() / n)
    with pytest.raises(ValueError, match="share"):
        iq.get.spatial_frequency_df(fitted, share=0.9)
    with pytest.raises(KeyError, match="no motif nope"):
        iq.get.energy_bins_df(fitted, motifs=["nope"])


@pytest.fixture
def full(fitted):
    iq.tl.add_interactions(fitted, lambda_=1e-3)
    iq.tl.residual_r2(fitted)
    return fitted


def test_overviews_draw_the_tables(full, tmp_path):
    model = iq.get.model(full)
    ax = iq.pl.levels(full, show=False)
    table = iq.get.levels_df(full)
    table = table[table["r2_train"].notna()]
    assert [t.get_text() for t in ax.get_yticklabels()] == table.index.tolist()
    np.testing.assert_allclose(ax.collections[2].get_offsets()[:, 0], table["r2_test"])
    ax = iq.pl.residual_r2(full, n_terms=7, show=False)
    widths = [patch.get_width() for patch in ax.patches]
    want = np.sort(model.residual_r2)[::-1][:7]
    np.testing.assert_allclose(widths, want)
    ax = iq.pl.spatial_curves(full, show=False)
    weights = model.pbms.spatial.weights
    relative = weights / weights.mean(axis=1, keepdims=True)
    drawn = np.asarray(ax.collections[0].get_array())
    np.testing.assert_allclose(np.sort(drawn.max(axis=1)), np.sort(relative.max(axis=1)), rtol=1e-6)
    ax, side = iq.pl.motif_heatmap(full, n_peaks=40, show=False)
    assert ax.images[0].get_array().shape == (80, len(model.pbms))
    assert len(side.collections[0].get_offsets()) == 80
    ax = iq.pl.interaction_network(full, show=False)
    pairs = iq.get.interactions_df(full).head(30)
    assert {text.get_text() for text in ax.texts} == set(pairs["first"]) | set(pairs["second"])
    assert len(ax.patches) == len(pairs)
    axes = iq.pl.energy_boxplot(full, n_motifs=2, show=False)
    assert axes[0].get_title() == iq.get.motifs_df(full).index[0]
    assert len(iq.pl.spatial_frequency(full, n_motifs=3, show=False)) == 3
    ax = iq.pl.prediction_boxplot(full, n_bins=4, show=False)
    assert len(ax.get_xticks()) == 4
    with pytest.raises(ValueError, match="too few"):
        iq.pl.prediction_boxplot(full, n_bins=10_000)


def test_missing_numbers_are_asked_for(fitted):
    with pytest.raises(ValueError, match=r"run iq.tl.residual_r2 first"):
        iq.pl.residual_r2(fitted)
    with pytest.raises(ValueError, match="no interactions"):
        iq.pl.interaction_network(fitted)


def test_the_report_has_a_row_for_each_motif(full, tmp_path):
    pages = iq.pl.model_report(full, rows_per_page=4, show=False)
    n = len(iq.get.model(full).pbms)
    assert len(pages) == 1 + -(-n // 4)
    titles = [ax.get_title() for page in pages[1:] for ax in page.axes[::6]]
    assert titles == iq.get.motifs_df(full).index.tolist()
    iq.pl.model_report(full, save=tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").stat().st_size < 2e6
    iq.pl.model_report(full, motifs=iq.get.model(full).motif_names[:2], save=tmp_path / "report.png")
    assert {path.name for path in tmp_path.glob("*.png")} == {"report_1.png", "report_2.png"}
    with pytest.raises(ValueError, match="rows_per_page"):
        iq.pl.model_report(full, rows_per_page=0)


def test_html_report_is_self_contained(full, tmp_path):
    path = iq.html_report(full, tmp_path / "report")
    text = path.read_text()
    for name in iq.get.model(full).motif_names:
        assert f"<b>{name}</b>" in text
    assert text.count("<svg class='logo'") == len(iq.get.model(full).pbms)
    assert "src='http" not in text
    assert text.count("data:image/png;base64") >= 7
    full.write_h5ad(tmp_path / "x.h5ad")
    from iceqream.cli import main

    assert main(["report", str(tmp_path / "x.h5ad"), "-o", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "index.html").exists()
    assert main(["report", str(tmp_path / "nope.h5ad"), "-o", str(tmp_path / "again")]) == 2


def test_html_report_works_in_a_browser(full, tmp_path):
    browser = next((b for b in ("chromium", "chromium-browser", "google-chrome") if shutil.which(b)), None)
    if browser is None:
        pytest.skip("no Chromium is installed")
    path = iq.html_report(full, tmp_path)
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", path.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    assert dom.count("<svg class=") == len(iq.get.model(full).pbms)


def test_states_of_access_probability_are_pictured(simulated):
    simulated.obs["kind"] = pd.Categorical(["x", "x", "y", "y"])
    simulated.uns["kind_colors"] = ["#111111", "#222222"]
    iq.pp.access_probability(simulated, keep_steps=True)
    axes = iq.pl.normalization(simulated, "S4", "S1", show=False)
    red = axes[-1].collections[1].get_offsets()
    chosen = simulated.var["constitutive"].to_numpy()
    np.testing.assert_allclose(np.sort(red[:, 0]), np.sort(simulated.layers["ap"][0][chosen]), atol=1e-6)
    ax = iq.pl.total_ap(simulated, color="kind", show=False)
    assert [mpl.colors.to_hex(p.get_facecolor()) for p in ax.patches] == ["#111111"] * 2 + ["#222222"] * 2
    np.testing.assert_allclose([p.get_width() for p in ax.patches], simulated.layers["ap"].mean(axis=1), rtol=1e-5)
    ax = iq.pl.ap_scatter(simulated, "S1", "S4", min_dap=0.3, show=False)
    change = simulated.layers["ap"][3] - simulated.layers["ap"][0]
    assert f"{(change >= 0.3).sum():,} open" in [text.get_text() for text in ax.texts]
    left, right = iq.pl.constitutive(simulated, thresholds=[-12.0], show=False)
    assert any("-12.00" in text.get_text() for text in left.texts)
    assert right.get_xlabel() == "GC content"
    with pytest.raises(KeyError, match="no state S9"):
        iq.pl.ap_scatter(simulated, "S1", "S9")
    with pytest.raises(KeyError, match="no layer 'nope'"):
        iq.pl.total_ap(simulated, key="nope")
