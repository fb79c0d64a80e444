import gzip

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import iceqream as iq
from iceqream._core import tracks


@pytest.fixture
def fragments(tmp_path):
    """A fragments file of two chromosomes, and the table behind it."""
    rng = np.random.default_rng(1)
    n = 4000
    table = pd.DataFrame(
        {
            "chrom": np.where(np.arange(n) < 2500, "chr1", "chr2"),
            "start": rng.integers(0, 60_000, n),
            "barcode": rng.choice(["A-1", "B-1", "C-1", "X-1"], n),
        }
    )
    table["end"] = table["start"] + rng.integers(30, 600, n)
    table = table.sort_values(["chrom", "start"], kind="stable").reset_index(drop=True)
    path = tmp_path / "fragments.tsv.gz"
    with gzip.open(path, "wt") as file:
        file.write("# id=test\n# a comment\n")
        for row in table.itertuples():
            file.write(f"{row.chrom}\t{row.start}\t{row.end}\t{row.barcode}\t1\n")
    return path, table


GROUPS = {"A-1": "one", "B-1": "two", "C-1": "two"}


def brute_force(table, chrom, start, end):
    counts = {"one": 0, "two": 0}
    for row in table.itertuples():
        if row.chrom == chrom and row.barcode in GROUPS:
            counts[GROUPS[row.barcode]] += (start <= row.start < end) + (start <= row.end - 1 < end)
    return [counts["one"], counts["two"]]


@pytest.mark.parametrize("chunk", [2_000_000, 37])
def test_fragments_become_counts_exactly_and_coverage_in_bins(fragments, monkeypatch, chunk):
    path, table = fragments
    monkeypatch.setattr("iceqream.pp._read_fragments.CHUNK", chunk)
    # overlapping peaks, and edges that are no bin edges
    peaks = pd.DataFrame(
        {"chrom": ["chr1", "chr1", "chr2", "chr3"], "start": [1003, 1203, 5, 0], "end": [1503, 1703, 9117, 9]}
    )
    adata = iq.pp.read_fragments(path, GROUPS, peaks=peaks, window=2000)
    want = np.array([brute_force(table, r.chrom, r.start, r.end) for r in peaks.itertuples()]).T
    np.testing.assert_array_equal(adata.X, want)
    assert adata.obs_names.tolist() == ["one", "two"]
    around = [sum(brute_force(table, r.chrom, r.start - 1000, r.end + 1000)) for r in peaks.itertuples()]
    np.testing.assert_array_equal(adata.var["regional_counts"], np.array(around) - want.sum(axis=0))
    assert adata.obs["n_fragments"].sum() == (table["barcode"] != "X-1").sum()
    coverage = iq.pp.read_fragments(path, pd.Series(GROUPS))
    assert coverage.chromosomes == ["chr1", "chr2"]
    assert coverage.totals().tolist() == (2 * adata.obs["n_fragments"]).tolist()
    np.testing.assert_array_equal(
        coverage.counts(["chr1"], [1000], [1500])[:, 0], brute_force(table, "chr1", 1000, 1500)
    )
    around = coverage.punctured_counts(["chr1"], [1000], [1500], 2000)[:, 0]
    wide = np.array(brute_force(table, "chr1", 0, 2500)) - brute_force(table, "chr1", 1000, 1500)
    np.testing.assert_allclose(around, wide)


def test_spans_count_depth(tmp_path):
    path = tmp_path / "f.tsv"
    path.write_text("chr1\t10\t50\tA\t1\nchr1\t45\t70\tA\t1\n")
    coverage = iq.pp.read_fragments(path, {"A": "a"}, span="fragment")
    depth = np.zeros(80)
    depth[10:50] += 1
    depth[45:70] += 1
    np.testing.assert_allclose(coverage.track("a", "chr1"), depth.reshape(4, 20).mean(axis=1), atol=1e-6)
    peaks = pd.DataFrame({"chrom": ["chr1"] * 3, "start": [0, 49, 50], "end": [10, 50, 60]})
    assert iq.pp.read_fragments(path, {"A": "a"}, span="fragment", peaks=peaks).X.tolist() == [[0, 2, 1]]


def test_fragments_on_disk_are_the_same(fragments, tmp_path):
    path, _ = fragments
    memory = iq.pp.read_fragments(path, GROUPS)
    for suffix in (".zarr", ".h5"):
        disk = iq.pp.read_fragments(path, GROUPS, store=tmp_path / f"c{suffix}")
        again = iq.Coverage.load(tmp_path / f"c{suffix}")
        for chrom in memory.chromosomes:
            assert (disk.matrix(chrom) != memory.matrix(chrom)).nnz == 0
            assert (again.matrix(chrom) != memory.matrix(chrom)).nnz == 0
        assert again.sizes == memory.sizes
    with pytest.raises(ValueError, match=r"\.h5 or \.zarr"):
        memory.save(tmp_path / "c.txt")
    with pytest.raises(FileNotFoundError, match="no coverage at"):
        iq.Coverage.load(tmp_path / "nope.h5")


@pytest.mark.parametrize("suffix", [".zarr", ".h5"])
def test_an_error_leaves_no_unfinished_file(tmp_path, suffix):
    path, store = tmp_path / "f.tsv", tmp_path / f"c{suffix}"
    path.write_text("chr1\t1\t9\tA\nchr2\t1\t9\tA\nchr1\t5\t9\tA\n")
    for groups in ({"A": "a"}, {"B": "b"}):  # an error in the middle, and one at the end
        with pytest.raises(ValueError, match=r"again|None of the 3"):
            iq.pp.read_fragments(path, groups, store=store)
        assert [one.name for one in tmp_path.iterdir()] == ["f.tsv"]
    path.write_text("chr1\t1\t9\tA\nchr2\t1\t9\tA\n")
    coverage = iq.pp.read_fragments(path, {"A": "a"}, store=store)
    assert coverage.totals().tolist() == [4]
    coverage._matrices["chr2"] = object()
    with pytest.raises(Exception, match="No method registered"):
        coverage.save(tmp_path / f"d{suffix}")
    assert {one.name for one in tmp_path.iterdir()} == {"f.tsv", store.name}
    # an older file stays as it was
    with pytest.raises(Exception, match="No method registered"):
        coverage.save(store)
    assert iq.Coverage.load(store).totals().tolist() == [4]


@pytest.mark.parametrize(
    ("text", "options", "error", "message"),
    [
        ("chr1\t1\t9\tA\t1\nchr1\tx\t9\tA\t1\n", {}, ValueError, "f.tsv, line 2 is not a fragment"),
        ("# head\nchr1\t1\t9\tA\nchr1\t9\t9\tA\n", {}, ValueError, "f.tsv, line 3"),
        ("chr1\t1\t9\tA\nchr1\t5\n", {}, ValueError, "f.tsv, line 2"),
        ("chr1\t1\t9\tB-1\n", {}, ValueError, "None of the 1 fragments.*look like A.*end in -1"),
        ("chr1\t1\t9\tA\nchr2\t1\t9\tA\nchr1\t5\t9\tA\n", {}, ValueError, "f.tsv, line 3: fragments of chr1 again"),
        ("chr1\t1\t9\tA\n", {"sizes": {"chr1": 5}}, ValueError, "past 5: is this the right assembly"),
        ("chr1\t1\t9\tA\n", {"span": "x"}, ValueError, "span must be"),
        ("chr1\t1\t9\tA\n", {"groupby": "x", "groups": pd.DataFrame({"y": [1]})}, KeyError, "groupby='x'"),
        ("chr1\t1\t9\tA\n", {"groups": {}}, ValueError, "there are 0"),
        ("chr1\t1\t9\tA\n", {"peaks": pd.DataFrame({"chrom": []})}, ValueError, "lack start, end"),
    ],
)
def test_malformed_fragments_are_named(tmp_path, text, options, error, message):
    path = tmp_path / "f.tsv"
    path.write_text(text)
    with pytest.raises(error, match=message):
        iq.pp.read_fragments(path, **{"groups": {"A": "a"}, **options})


def test_cut_off_files_are_named(tmp_path, fragments):
    path, _ = fragments
    broken = tmp_path / "cut.tsv.gz"
    broken.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(ValueError, match="ends in the middle, after line"):
        iq.pp.read_fragments(broken, GROUPS)
    with pytest.raises(FileNotFoundError):
        iq.pp.read_fragments(tmp_path / "nope.tsv", GROUPS)


def test_bigwigs_come_back_as_they_were_written(fragments, tmp_path):
    path, _ = fragments
    coverage = iq.pp.read_fragments(path, GROUPS)
    files = {}
    for state in coverage.states:
        files[state] = tmp_path / f"{state}.bw"
        coverage.to_bigwig(state, files[state])
    again = iq.pp.read_bigwigs(files)
    assert again.sizes == coverage.sizes
    for chrom in coverage.chromosomes:
        np.testing.assert_allclose(again.matrix(chrom).toarray(), coverage.matrix(chrom).toarray())
    peaks = pd.DataFrame({"chrom": ["chr1"], "start": [1000], "end": [1500]})
    adata = iq.pp.read_bigwigs(files, peaks, window=2000)
    np.testing.assert_allclose(adata.X, coverage.counts(["chr1"], [1000], [1500]))
    assert adata.var["regional_counts"].iloc[0] == coverage.punctured_counts(["chr1"], [1000], [1500], 2000).sum()
    for arguments, error, message in (
        (({"a": tmp_path / "nope.bw"},), FileNotFoundError, "nope.bw"),
        (({},), ValueError, "No bigWig file"),
    ):
        with pytest.raises(error, match=message):
            iq.pp.read_bigwigs(*arguments)
    with pytest.raises(ValueError, match=r"No bigWig file has chrX"):
        iq.pp.read_bigwigs(files, chromosomes=["chrX"])
    negative = iq.Coverage(["a"], 20, {"chr1": -np.eye(1, 5)})
    negative.to_bigwig("a", tmp_path / "neg.bw")
    with pytest.raises(ValueError, match=r"1 negative or missing value.*chr1:0-20"):
        iq.pp.read_bigwigs({"a": tmp_path / "neg.bw"})


def test_bins_that_intervals_touch(rng):
    start = rng.integers(0, 200, 50)
    end = start + rng.integers(0, 70, 50)  # some are empty
    owner, at, covered = tracks.touched_bins(start, end, 20)
    table = np.zeros((50, 14))
    table[owner, at] = covered
    want = [[max(min(e, 20 * b + 20) - max(s, 20 * b), 0) for b in range(14)] for s, e in zip(start, end, strict=True)]
    np.testing.assert_array_equal(table, want)


def test_windows_and_punctured_means_by_brute_force(rng):
    track = rng.poisson(3, 200).astype(float)
    sums = tracks.cumulative(track)
    bases = np.repeat(track / 20, 20)
    start, end = np.array([0, 7, 3995, -50, 333]), np.array([20, 33, 4100, 10, 1234])
    want = [bases[max(a, 0) : b].sum() for a, b in zip(start, end, strict=True)]
    np.testing.assert_allclose(tracks.window_sums(sums, start, end, 20), want)
    got = tracks.punctured_mean(track, 3, 10)
    for i in (0, 5, 100, 199):
        around = [track[j] for j in range(200) if 3 < abs(i - j) <= 10]
        assert got[i] == pytest.approx(np.mean(around))
    peaks = tracks.local_maxima(np.array([0, 2, 2, 2, 0, 5, 1, 5, 0.0]), 1)
    assert peaks.tolist() == [2, 5, 7]
    kept = tracks.keep_apart(np.array([0, 400, 800]), np.array([1.0, 3.0, 2.0]), 500)
    assert kept.tolist() == [False, True, False]


def test_planted_peaks_are_called_and_files_read(rng, tmp_path):
    n_bins = 20_000
    track = rng.poisson(2, (2, n_bins)).astype(float)
    centres = np.arange(1000, n_bins - 1000, 700)
    for c in centres:
        track[:, c - 5 : c + 6] += 40 * np.exp(-0.5 * (np.arange(-5, 6) / 3) ** 2)
    coverage = iq.Coverage(["a", "b"], 20, {"chr1": sparse.csr_matrix(track)})
    peaks = iq.pp.call_peaks(coverage)
    found = (peaks["start"] + 250).to_numpy()
    assert all(np.abs(found - (20 * c + 10)).min() <= 60 for c in centres)
    assert (peaks["end"] - peaks["start"] == 500).all()
    black = pd.DataFrame({"chrom": ["chr1"], "start": [0], "end": [200_000]})
    left = iq.pp.call_peaks(coverage, blacklist=black)
    assert left["start"].min() >= 200_000
    with pytest.raises(ValueError, match=r"All .* lie in the blacklist"):
        iq.pp.call_peaks(coverage, blacklist=pd.DataFrame({"chrom": ["chr1"], "start": [0], "end": [10**9]}))
    with pytest.raises(ValueError, match="no coverage to call"):
        iq.pp.call_peaks(iq.Coverage(["a"], 20, {"chr1": np.zeros((1, 9))}))
    narrow = tmp_path / "p.narrowPeak"
    narrow.write_text(
        "chr1\t1000\t1400\tp\t0\t.\t9.5\t1\t1\t100\nchr1\t1200\t1900\tq\t0\t.\t3\t1\t1\t50\nchr2\t100\t200\tr\t0\t.\t1\t1\t1\t9\n"
    )
    table = iq.pp.read_peaks(narrow, width=300)
    assert table.index.tolist() == ["chr1:950-1250"]
    both = iq.pp.read_peaks(narrow, width=None, resolve_overlaps=False)
    assert len(both) == 3
    narrow.write_text("chr1\t10\t5\n")
    with pytest.raises(ValueError, match="line 1 is no"):
        iq.pp.read_peaks(narrow)


def test_pseudobulks_are_sums_of_cells(tmp_path):
    mdata = iq.datasets.simulated_multiome(n_peaks=200, rng=0)
    cells = mdata["atac"]
    cells.obs["lineage"] = cells.obs["state"].astype(str).str[:2]
    cells.uns["state_colors"] = ["#111111", "#222222", "#333333", "#444444"]
    states = iq.pp.pseudobulk(cells, "state")
    x = cells.X.toarray() if sparse.issparse(cells.X) else np.asarray(cells.X)
    for name in states.obs_names:
        inside = (cells.obs["state"].astype(str) == name).to_numpy()
        np.testing.assert_allclose(states[name].X[0], x[inside].sum(axis=0))
        assert states.obs.loc[name, "n_cells"] == inside.sum()
    assert "state" in states.obs
    cells.write_h5ad(tmp_path / "cells.h5ad")
    backed = ad.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    np.testing.assert_allclose(iq.pp.pseudobulk(backed, "state").X, states.X)
    both = iq.pp.pseudobulk(mdata, "state")
    assert isinstance(both, mudata.MuData)
    assert both["rna"].obs_names.tolist() == both["atac"].obs_names.tolist()
    labels = cells.obs["state"].astype(str).where(np.arange(cells.n_obs) > 20, "Outliers")
    assert iq.pp.pseudobulk(cells, labels).obs["n_cells"].sum() == cells.n_obs - 21
    most = states.obs["n_cells"].max()
    assert iq.pp.pseudobulk(cells, "state", min_cells=most).n_obs >= 1
    for options, error, message in (
        ({"groupby": "nope"}, KeyError, "groupby='nope'"),
        ({"groupby": "state", "layer": "nope"}, KeyError, "no layer 'nope'"),
        ({"groupby": "state", "min_cells": 10**6}, ValueError, "has 1000000 cells"),
    ):
        with pytest.raises(error, match=message):
            iq.pp.pseudobulk(cells, **options)


def test_access_probability_from_coverage(rng):
    depth = np.array([30.0, 6.0])
    n_bins = 200_000
    centres = np.arange(700, n_bins - 700, 1100)
    n = len(centres)
    ap = rng.beta(0.5, 1, (2, n))
    ap[:, :30] = 0.98
    expected = np.full((2, n_bins), 0.02)
    for k, c in enumerate(centres):
        expected[:, c - 12 : c + 13] += ap[:, [k]]
    track = rng.poisson(depth[:, None] * expected)
    coverage = iq.Coverage(["a", "b"], 20, {"chr1": sparse.csr_matrix(track)})
    adata = ad.AnnData(np.zeros((2, n), dtype="f4"))
    adata.obs_names = ["a", "b"]
    adata.var_names = [f"chr1:{20 * (c - 12)}-{20 * (c + 13)}" for c in centres]
    for method in ("regional", "paper"):
        iq.pp.access_probability(adata, method=method, coverage=coverage, constitutive=np.arange(n) < 30)
        for i in range(2):
            assert np.corrcoef(adata.layers["ap"][i], ap[i])[0, 1] > 0.95
        assert adata.uns["ap"]["params"]["regional"] == "coverage"
    adata.var_names = [f"chr2:{20 * (c - 12)}-{20 * (c + 13)}" for c in centres]
    with pytest.raises(ValueError, match="lie on chromosomes without coverage"):
        iq.pp.access_probability(adata, coverage=coverage)
    adata.obs_names = ["a", "x"]
    with pytest.raises(KeyError, match="no coverage of x"):
        iq.pp.access_probability(adata, coverage=coverage)


def test_peaks_in_every_form(tmp_path):
    fragments = tmp_path / "f.tsv"
    fragments.write_text("chr1\t100\t250\tA\t1\nchr2\t100\t300\tB\t1\n")
    bed = tmp_path / "p.bed"
    bed.write_text("track name=x\nchr1\t50\t150\nchr2\t50\t150\n")
    adata = ad.AnnData(np.ones((1, 2), dtype=np.float32))
    adata.var_names = ["chr1:50-150", "chr2:50-150"]
    table = pd.DataFrame({"chrom": ["chr1", "chr2"], "start": 50, "end": 150})
    for peaks in (adata, mudata.MuData({"atac": adata}), table, bed, str(bed)):
        counts = iq.pp.read_fragments(fragments, {"A": "a", "B": "b"}, peaks=peaks)
        assert counts.X.tolist() == [[1, 0], [0, 1]]
        assert counts.var_names.tolist() == adata.var_names.tolist()
    for peaks in ([1], 4):
        with pytest.raises(TypeError, match="path of a BED file; got"):
            iq.pp.read_fragments(fragments, {"A": "a"}, peaks=peaks)
    cells = mudata.MuData({"atac": ad.AnnData(np.ones((2, 2), dtype=np.float32))})
    cells.mod["atac"].obs_names, cells.mod["atac"].obs["group"] = ["A", "B"], ["a", "b"]
    cells.update()
    counts = iq.pp.read_fragments(fragments, cells, groupby="group", peaks=bed)
    assert counts.X.tolist() == [[1, 0], [0, 1]]
    with pytest.raises(TypeError, match="got list"):
        iq.pp.read_fragments(fragments, ["A"])


def test_targets_in_missing_folders_are_refused_first(tmp_path, library):
    missing = tmp_path / "none"
    coverage = iq.Coverage(["a"], 20, {"chr1": np.ones((1, 9))})
    for write in (
        lambda: coverage.save(missing / "c.h5"),
        lambda: iq.pp.read_fragments(__file__, {"A": "a"}, store=missing / "c.h5"),
        lambda: iq.motifs.write(library, missing / "m.meme"),
    ):
        with pytest.raises(FileNotFoundError, match=r"There is no folder .*none"):
            write()


@pytest.mark.parametrize("cut", [5, 300, 700])
def test_damaged_bigwigs_do_not_end_the_process(tmp_path, cut):
    pytest.importorskip("pybigtools")
    path = tmp_path / "a.bw"
    iq.Coverage(["a"], 20, {"chr1": np.arange(50)[None]}).to_bigwig("a", path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"a\.bw cannot be read as a bigWig"):
        iq.pp.read_bigwigs({"a": path})
