import anndata as ad
import numpy as np
import pytest
from scipy import sparse

import iceqream as iq
from iceqream._core import access_probability as steps
from iceqream._core import blocks
from iceqream._core.constitutive import judges, lowest_signal

ALL = slice(None)


@pytest.mark.parametrize(("anchor", "name"), [(None, "mean"), (1, "s2")])
def test_every_step_agrees_with_the_reference(golden, anchor, name):
    counts = golden("ap_counts.tsv.gz")
    states = ["s1", "s2", "s3", "s4"]
    norm = steps.NormalizedCounts(counts[states].to_numpy().T, counts["punc"].to_numpy())
    # relative errors of at most 2e-14 were measured
    np.testing.assert_allclose(norm.block(ALL).T, golden("ap_norm_regional.tsv.gz").to_numpy(), rtol=1e-10)
    constitutive = golden("ap_constitutive.tsv.gz")["const"].to_numpy()
    np.testing.assert_array_equal(lowest_signal(judges(norm)) >= -11, constitutive)
    scale = steps.constitutive_scale(norm, constitutive, anchor)
    scaled = scale(norm.block(ALL), ALL)
    np.testing.assert_allclose(scaled.T, golden(f"ap_norm_const_{name}.tsv.gz").to_numpy(), rtol=1e-10)
    probability = steps.to_probability(scaled, steps.probability_top(norm, scale, constitutive, 0.9))
    np.testing.assert_allclose(probability.T, golden(f"ap_prob_{name}.tsv.gz").to_numpy(), rtol=1e-9, atol=1e-12)


def test_public_function_agrees_with_the_reference(golden):
    counts = golden("ap_counts.tsv.gz")
    adata = ad.AnnData(counts[["s1", "s2", "s3", "s4"]].to_numpy(dtype="f4").T)
    adata.obs_names = ["s1", "s2", "s3", "s4"]
    adata.var_names = [f"chr1:{1000 * i}-{1000 * i + 500}" for i in range(adata.n_vars)]
    adata.var["around"] = counts["punc"].to_numpy()
    iq.pp.access_probability(adata, regional="around", anchor="s2", threshold=-11, keep_steps=True)
    # single precision
    np.testing.assert_allclose(adata.layers["ap"].T, golden("ap_prob_s2.tsv.gz").to_numpy(), atol=1e-6)
    assert adata.var["constitutive"].tolist() == golden("ap_constitutive.tsv.gz")["const"].tolist()
    assert adata.uns["ap"]["factor"][1] == 1.0
    assert {"norm_regional", "norm_const"} <= {name for name in adata.layers if name is not None}
    assert adata.uns["ap"]["params"]["constitutive"] == "threshold -11"


@pytest.fixture(scope="module")
def world():
    """States of 10 fold different depth, one of them more closed on the whole, with a regional bias."""
    rng = np.random.default_rng(7)
    n, depth = 6000, np.array([600.0, 60.0, 200.0, 600.0])
    constitutive = rng.random(n) < 0.1
    ap = rng.beta(0.5, 1.0, (4, n))
    ap[3] *= 0.4
    ap[:, constitutive] = np.clip(rng.normal(0.97, 0.02, (4, int(constitutive.sum()))), 0, 1)
    region = np.exp(np.repeat(rng.normal(0, 0.6, n // 20), 20))
    counts = rng.poisson(depth[:, None] * region * (ap + 0.01))
    adata = ad.AnnData(counts.astype("f4"))
    adata.obs_names = ["a", "b", "c", "closed"]
    adata.var_names = [f"chr1:{2000 * i}-{2000 * i + 500}" for i in range(n)]
    adata.var["regional_counts"] = rng.poisson(10 * depth.sum() * region)
    adata.varm["truth"] = ap.T
    adata.var["planted"] = constitutive
    return adata


def judged(values, truth):
    fit = np.polyfit(truth, values, 1)
    return np.corrcoef(truth, values)[0, 1], fit[0]


def test_truth_is_recovered_where_tfidf_and_cpm_fail(world):
    adata = world.copy()
    iq.pp.access_probability(adata)
    chosen = adata.var["constitutive"]
    # measured: 300 chosen, 0.97 of them right
    assert (chosen & adata.var["planted"]).sum() > 0.9 * chosen.sum()
    iq.pp.tfidf(adata, probability=True, constitutive="planted")
    cpm = adata.X / adata.X.sum(axis=1, keepdims=True)
    cpm = cpm / cpm.max()
    scores = {}
    for name, layer in (("ap", adata.layers["ap"]), ("tfidf", adata.layers["tfidf"]), ("cpm", cpm)):
        scores[name] = [judged(layer[i], adata.varm["truth"][:, i]) for i in range(4)]
    r = {name: min(score[0] for score in each) for name, each in scores.items()}
    # measured: r 0.96 to 0.98, slopes 0.91 to 0.95; tfidf 0.85, cpm 0.78 at the worst
    assert r["ap"] > 0.95
    assert all(0.9 < score[1] < 1.1 for score in scores["ap"])
    assert r["tfidf"] < 0.93
    assert r["cpm"] < 0.9
    # the closed state: what plain depth normalisation makes of it
    slopes = {name: scores[name][3][1] for name in scores}
    assert abs(slopes["ap"] - 1) < min(abs(slopes["tfidf"] - 1), abs(slopes["cpm"] - 1))


def test_paper_method_and_its_inputs(world):
    adata = world.copy()
    iq.pp.access_probability(adata, method="paper", constitutive="planted", keep_steps=True)
    assert adata.layers["ap"].max() == 1
    for i in range(4):
        phi = np.quantile(adata.layers["norm_regional"][i][adata.var["planted"]], 0.85)
        want = np.clip(adata.layers["norm_regional"][i] / phi, 0, 1)
        np.testing.assert_allclose(adata.layers["ap"][i], want, atol=1e-5)
        np.testing.assert_allclose(adata.uns["ap"]["top"][i], phi, rtol=1e-5)


def test_without_surroundings_the_step_is_skipped_and_said(world, caplog):
    adata = world.copy()
    iq.pp.access_probability(adata, regional=None)
    assert "regional step is skipped" in caplog.text
    assert adata.uns["ap"]["params"]["regional"] == "skipped"
    per_state = np.outer(adata.X.sum(axis=1), adata.var["regional_counts"])
    adata.layers["around"] = per_state
    iq.pp.access_probability(adata, regional="around", key_added="b")
    iq.pp.access_probability(adata, regional=per_state.sum(axis=0), key_added="c")
    np.testing.assert_allclose(adata.layers["b"], adata.layers["c"], atol=1e-6)


def test_empty_and_single_states(world, caplog):
    adata = world.copy()
    adata.X[1] = 0
    iq.pp.access_probability(adata)
    assert "1 state(s) without reads" in caplog.text
    assert (adata.layers["ap"][1] == 0).all()
    assert judged(adata.layers["ap"][0], adata.varm["truth"][:, 0])[0] > 0.95
    one = world[:1].copy()
    iq.pp.access_probability(one)
    assert judged(one.layers["ap"][0], one.varm["truth"][:, 0])[0] > 0.95


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"method": "x"}, ValueError, "method must be"),
        ({"threshold": 0.0}, ValueError, "No peak reaches.*the highest lowest signal is -1"),
        ({"anchor": "nope"}, KeyError, "anchor='nope' is not a state with reads"),
        ({"constitutive": "nope"}, KeyError, "constitutive='nope' is not a column"),
        ({"constitutive": np.zeros(6000, dtype=bool)}, ValueError, "No peak is marked"),
        ({"constitutive": np.ones(3, dtype=bool)}, ValueError, "boolean mask or column of 6000"),
        ({"layer": "nope"}, KeyError, "no layer 'nope'"),
        ({"regional": "nope"}, KeyError, "neither a column of var nor a layer"),
        ({"regional": np.ones(3)}, ValueError, "one value per peak"),
    ],
)
def test_wrong_input_is_named_and_nothing_is_written(world, options, error, message):
    adata = world.copy()
    with pytest.raises(error, match=message):
        iq.pp.access_probability(adata, **options)
    assert "ap" not in adata.layers
    assert "ap" not in adata.uns


def test_bad_counts_are_named(world):
    for value, match in ((-1, "negative or missing, for instance in chr1:0-500"), (np.nan, "1 count")):
        adata = world.copy()
        adata.X[0, 0] = value
        with pytest.raises(ValueError, match=match):
            iq.pp.access_probability(adata)
    adata = world.copy()
    adata.X[:] = 0
    with pytest.raises(ValueError, match="No state has a read"):
        iq.pp.access_probability(adata)
    adata.X[[0, 1], [0, 1]] = 1
    with pytest.raises(ValueError, match="No peak has reads in every state"):
        iq.pp.access_probability(adata[:2].copy())


def test_results_do_not_depend_on_blocks_or_storage(world, monkeypatch):
    whole = world.copy()
    whole.X = whole.X * np.float32(0.3)
    options = {"norm_quantile": 0.999, "keep_steps": True}
    iq.pp.access_probability(whole, **options)
    iq.pp.tfidf(whole, probability=True)
    monkeypatch.setattr(blocks, "_VALUES", 1)
    monkeypatch.setattr(blocks, "_GATHERED", 10)
    for form in (np.asfortranarray, sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array):
        parts = world.copy()
        parts.X = form(parts.X * np.float32(0.3))
        iq.pp.access_probability(parts, **options)
        iq.pp.tfidf(parts, probability=True)
        for layer in ("ap", "norm_regional", "norm_const", "tfidf"):
            np.testing.assert_array_equal(parts.layers[layer], whole.layers[layer])
        assert parts.layers["ap"].dtype == np.float32
        assert sparse.issparse(parts.X) == (form is not np.asfortranarray)


def test_backed_and_lazy_data(world, tmp_path):
    want = world.copy()
    iq.pp.access_probability(want)
    for name, form in (("dense", np.asarray), ("csr", sparse.csr_matrix), ("csc", sparse.csc_matrix)):
        stored = world.copy()
        stored.X = form(stored.X)
        stored.write_h5ad(tmp_path / f"{name}.h5ad")
        backed = ad.read_h5ad(tmp_path / f"{name}.h5ad", backed="r")
        if name == "csc":
            with pytest.raises(TypeError, match=r"by columns \(csc\) in a file.*to_memory"):
                iq.pp.access_probability(backed)
        else:
            iq.pp.access_probability(backed)
            np.testing.assert_array_equal(backed.layers["ap"], want.layers["ap"])
            with pytest.raises(TypeError, match="to_memory"):
                iq.pp.access_probability(backed[:2])
        backed.file.close()
    lazy = Lazy(world.X)
    np.testing.assert_array_equal(blocks.read_rows(lazy, slice(1, 3)), world.X[1:3])


class Lazy:
    """What a dask array does: a slice is computed when asked."""

    def __init__(self, values):
        self.values, self.shape = values, values.shape

    def __getitem__(self, rows):
        return Lazy(self.values[rows])

    def compute(self):
        return sparse.csr_matrix(self.values)


@pytest.fixture
def cells(world):
    """Forty shallow rows for each state: a read or two in an open peak."""
    rng = np.random.default_rng(3)
    share = world.X / world.X.sum(axis=1, keepdims=True)
    adata = ad.AnnData(sparse.csr_matrix(rng.poisson(3000.0 * np.repeat(share, 40, axis=0)).astype("f4")))
    adata.obs_names = [f"cell{i}" for i in range(160)]
    adata.var = world.var.copy()
    adata.obs["type"] = np.repeat(world.obs_names, 40)
    return adata


def test_groups_choose_constitutive_peaks_for_shallow_rows(cells, caplog):
    iq.pp.access_probability(cells, groupby="type")
    chosen = cells.var["constitutive"]
    # measured: 300 chosen, all of them right
    assert (chosen & cells.var["planted"]).sum() > 0.9 * chosen.sum()
    assert cells.uns["ap"]["params"]["constitutive"] == "automatic, 4 groups"
    assert "160 of 160 rows have fewer than 5 reads in the mean strong peak: they saturate" in caplog.text
    same = cells.copy()
    iq.pp.access_probability(same, groupby=cells.obs["type"])
    np.testing.assert_array_equal(same.layers["ap"], cells.layers["ap"])
    assert "layers['ap'] is replaced" in caplog.text
    caplog.clear()
    alone = cells.copy()
    iq.pp.access_probability(alone)
    assert "strongest in all rows together" in caplog.text
    assert "Pass groupby=" in caplog.text
    assert alone.uns["ap"]["params"]["constitutive"] == "automatic, all rows together"
    caplog.clear()
    thin = cells.copy()
    thin.obs.loc[thin.obs_names[:2], "type"] = "rare"
    thin.obs.loc[thin.obs_names[2:4], "type"] = None
    iq.pp.access_probability(thin, groupby="type")
    assert "1 of 5 groups have fewer than 5 reads" in caplog.text
    assert "2 of 160 rows have no group in type" in caplog.text
    assert (thin.var["constitutive"] & cells.var["planted"]).sum() > 0.9 * thin.var["constitutive"].sum()
    iq.pp.access_probability(thin, groupby="type", threshold=-12.0)
    assert thin.uns["ap"]["params"]["constitutive"] == "threshold -12, 5 groups"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (np.log1p, "holds logarithms"),
        (lambda x: np.log1p(1e4 * x / x.sum(axis=1, keepdims=True)), "holds logarithms"),
        (lambda x: x > 0, "holds 0 and 1 only"),
        (np.sqrt, "holds fractions"),
        (lambda x: x, None),
        (lambda x: 1e6 * x / x.sum(axis=1, keepdims=True), None),
    ],
)
def test_data_that_are_no_counts_are_named(world, caplog, change, said):
    adata = ad.AnnData(change(world.X.astype("f8")).astype("f4"), var=world.var[[]])
    iq.pp.access_probability(adata, constitutive=world.var["planted"].to_numpy())
    told = [record.message for record in caplog.records if "X holds" in record.message]
    assert len(told) == (said is not None)
    assert said is None or said in told[0]


def test_tfidf_is_the_product_of_its_parts():
    counts = np.array([[0, 3, 7], [5, 5, 0]], dtype="f4")
    adata = ad.AnnData(counts)
    iq.pp.tfidf(adata)
    want = np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True)) * np.log(1 + 2 / np.array([1, 2, 1]))
    np.testing.assert_allclose(adata.layers["tfidf"], want, rtol=1e-6)


def test_features_of_the_surroundings(world, tmp_path):
    adata = world[:, :200].copy()
    iq.pp.regional_accessibility(adata)
    value = np.log2(1 + adata.var["regional_counts"].to_numpy())
    low, high = np.quantile(value, [0.05, 0.95])
    np.testing.assert_allclose(
        adata.varm["features"][:, 0], np.clip(10 * (value - low) / (high - low), 0, 10), atol=1e-5
    )
    rng = np.random.default_rng(0)
    track = rng.poisson(3, 200 * 100).astype("f4")
    coverage = iq.Coverage(["mark"], 20, {"chr1": track[None]})
    coverage.to_bigwig("mark", tmp_path / "m.bw")
    adata.var["column"] = rng.random(200)
    iq.pp.epigenomic_features(adata, {"H3K27ac": tmp_path / "m.bw", "column": "column", "given": rng.random(200)})
    names = list(adata.uns["features"]["names"])
    assert names == ["regional_accessibility", "H3K27ac", "column", "given"]
    want = np.array([track[100 * i : 100 * i + 25].mean() for i in range(200)])
    low, high = np.quantile(want, [0.05, 0.95])
    np.testing.assert_allclose(adata.uns["features"]["low"][1], low, rtol=1e-5)
    np.testing.assert_allclose(
        adata.varm["features"][:, 1], np.clip(10 * (want - low) / (high - low), 0, 10), atol=1e-4
    )
    for tracks, error, match in (
        ({"x": "nope.bw"}, KeyError, "neither a file nor a column"),
        ({"x": np.ones(3)}, ValueError, "one value per peak"),
        ({"x": np.ones(200)}, ValueError, "x is the same in nearly all peaks"),
        ({}, ValueError, "No track"),
    ):
        with pytest.raises(error, match=match):
            iq.pp.epigenomic_features(adata, tracks)
    with pytest.raises(ValueError, match="need its coverage"):
        iq.pp.regional_accessibility(adata, state="a")
    del adata.var["regional_counts"]
    with pytest.raises(KeyError, match="regional_counts"):
        iq.pp.regional_accessibility(adata)


def test_rows_too_shallow_for_any_probability_are_refused():
    rng = np.random.default_rng(0)
    counts = (rng.random((200, 400)) < 0.002).astype(np.float32)
    adata = ad.AnnData(counts)
    adata.var_names = [f"chr1:{1000 * i}-{1000 * i + 500}" for i in range(400)]
    adata.obs["type"] = np.repeat(["a", "b"], 100)
    with pytest.raises(ValueError, match="too shallow for access probabilities of their own"):
        iq.pp.access_probability(adata, groupby="type")
    assert "ap" not in adata.layers
