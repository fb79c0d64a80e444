"""Peaks are clustered by where they are open."""

import logging

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

import iceqream as iq

PATTERNS = np.array([[0.9, 0.1, 0.1, 0.1], [0.1, 0.8, 0.8, 0.1], [0.2, 0.2, 0.2, 0.9]])


@pytest.fixture
def patterned(rng):
    truth = np.repeat([0, 1, 2], [100, 60, 40])
    # the level differs between peaks of the same pattern
    ap = PATTERNS[truth] * rng.uniform(0.4, 1.0, size=(200, 1)) + 0.01 * rng.normal(size=(200, 4))
    ap = np.clip(np.vstack([ap, np.full((10, 4), 0.5)]), 0, 1)
    adata = AnnData(ap.T.astype(np.float32))
    adata.layers["ap"] = adata.X
    adata.var_names = [f"chr1:{i * 1000}-{i * 1000 + 500}" for i in range(210)]
    adata.obs_names = list("ABCD")
    return adata, truth


def test_patterns_are_found_whatever_their_level(patterned, caplog):
    adata, truth = patterned
    with caplog.at_level(logging.INFO, logger="iceqream"):
        iq.tl.cluster_peaks(adata, rng=1)
    assert "10 of 210 peaks span less than 0.1" in caplog.text
    assert "3 clusters have the highest mean silhouette" in caplog.text
    column = adata.var["peak_cluster"]
    assert isinstance(column.dtype, pd.CategoricalDtype)
    assert column.cat.categories.tolist() == ["1", "2", "3"]
    assert column[200:].isna().all()
    assert len(set(zip(truth, column[:200], strict=True))) == 3
    stored = adata.uns["peak_cluster"]
    assert stored["candidates"].tolist() == [3, 4, 5, 6, 8, 10]
    assert stored["silhouettes"].argmax() == 0
    want = adata.X[:, column == "1"].mean(axis=1)
    np.testing.assert_allclose(iq.get.cluster_profiles_df(adata)["1"], want, rtol=1e-6)


def test_same_seed_same_clusters_and_sparse_is_dense(patterned):
    adata, _ = patterned
    columns = []
    for seed, layer in ((3, adata.X), (3, sparse.csr_matrix(adata.X))):
        adata.layers["ap"] = layer
        columns.append(iq.tl.cluster_peaks(adata, [3, 5], rng=seed, copy=True).var["peak_cluster"])
    pd.testing.assert_series_equal(*columns)
    assert "peak_cluster" not in adata.var


def test_groups_are_states_by_their_mean(patterned):
    adata, _ = patterned
    rows = [0] * 20 + [1, 2, 3]
    many = AnnData(adata.X[rows], var=adata.var.copy())
    many.layers["ap"] = many.X
    many.obs_names = [f"M{i}" for i in range(23)]
    many.obs["state"] = pd.Categorical(["A"] * 20 + list("BCD"), categories=list("DCBA"))
    iq.tl.cluster_peaks(many, 3, groupby="state")
    iq.tl.cluster_peaks(adata, 3)
    pd.testing.assert_series_equal(many.var["peak_cluster"], adata.var["peak_cluster"])
    assert iq.get.cluster_profiles_df(many, groupby="state").index.tolist() == list("DCBA")


def test_chosen_peaks_only(patterned):
    adata, _ = patterned
    iq.tl.cluster_peaks(adata, 2, peaks=np.arange(150), key_added="some")
    assert adata.var["some"].notna().sum() == 150


def test_mistakes(patterned):
    adata, _ = patterned
    with pytest.raises(KeyError, match="no layer 'no'"):
        iq.tl.cluster_peaks(adata, layer="no")
    with pytest.raises(ValueError, match=r"whole number of at least 2, or several, got 1"):
        iq.tl.cluster_peaks(adata, 1)
    with pytest.raises(ValueError, match=r"whole number of at least 2, or several, got 3\.7"):
        iq.tl.cluster_peaks(adata, 3.7)
    with pytest.raises(ValueError, match="min_range is a span of access probabilities, from 0 to 1, got nan"):
        iq.tl.cluster_peaks(adata, 3, min_range=float("nan"))
    with pytest.raises(ValueError, match="200 variable peaks cannot make 300"):
        iq.tl.cluster_peaks(adata, 300)
    with pytest.raises(ValueError, match="there is only A"):
        iq.tl.cluster_peaks(adata[["A"]], 2)
    adata.layers["ap"] = adata.X.copy()
    adata.layers["ap"][1, 5] = np.nan
    with pytest.raises(ValueError, match=r"1 peaks have missing access probabilities, for instance chr1:5000-5500"):
        iq.tl.cluster_peaks(adata, 3)
    assert "peak_cluster" not in adata.var
