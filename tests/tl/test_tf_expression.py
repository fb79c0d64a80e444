"""Expression of the factors that a motif may stand for."""

import logging

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from mudata import MuData
from scipy import sparse
from scipy.stats import pearsonr, spearmanr
from statsmodels.stats.multitest import multipletests

import iceqream as iq


def log_counts(rna):
    counts = np.asarray(rna.X.toarray() if sparse.issparse(rna.X) else rna.X, dtype=np.float64)
    return pd.DataFrame(np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4), rna.obs_names, rna.var_names)


@pytest.mark.parametrize(("method", "one"), [("spearman", spearmanr), ("pearson", pearsonr)])
def test_correlations_are_those_of_scipy(multiome, method, one):
    iq.tl.tf_expression(multiome, method=method)
    table = iq.get.tf_expression_df(multiome)
    activity, expression = iq.get.motif_activity_df(multiome), log_counts(multiome["rna"])
    for row in table.itertuples():
        want = one(activity[row.motif], expression[row.gene])
        assert row.correlation == pytest.approx(want.statistic, abs=1e-6)
        assert row.p == pytest.approx(want.pvalue, rel=1e-3)
        assert row.mean_expression == pytest.approx(expression[row.gene].mean(), rel=1e-5)
        assert row.fraction == pytest.approx((expression[row.gene] > 0).mean())
        assert row.n == 16
    np.testing.assert_allclose(table["q"], multipletests(table["p"], method="fdr_bh")[1])
    np.testing.assert_allclose(
        iq.get.expression_df(multiome), expression[iq.get.expression_df(multiome).columns], rtol=1e-5
    )


def with_gene(mdata, name, counts):
    """Return the MuData with one more gene."""
    rna = mdata["rna"]
    more = AnnData(np.column_stack([rna.X, counts]).astype(np.float32), obs=rna.obs.copy())
    more.var_names = [*rna.var_names, name]
    return MuData({"atac": mdata["atac"], "rna": more})


def test_of_paralogues_the_one_that_follows_is_first_and_others_are_counted(multiome, caplog):
    time = multiome["atac"].obs["time"].to_numpy()
    more = with_gene(multiome, "Gata2", np.round(200 * (1 - time)))
    more = with_gene(more, "GATA3", np.zeros(16))
    with caplog.at_level(logging.INFO, logger="iceqream"):
        iq.tl.tf_expression(more)
    assert "hardly expressed (mean below 0.02, or constant) and left out: GATA3" in caplog.text
    table = iq.get.tf_expression_df(more).query("motif == 'GATA'")
    assert table["gene"].tolist() == ["GATA1", "Gata2"]
    assert table["rank"].tolist() == [1, 2]
    assert table["correlation"].iloc[0] > 0.8
    assert table["correlation"].iloc[1] < -0.8


def test_of_a_manifold_one_trajectory_has_its_own_motifs(multiome, manifold):
    multiome["atac"].uns["iq_manifold"] = manifold.uns["iq_manifold"]
    iq.tl.motif_activity(multiome, key="iq_manifold")
    iq.tl.tf_expression(multiome)
    whole = iq.get.tf_expression_df(multiome)
    iq.tl.tf_expression(multiome, trajectory="early")
    table = iq.get.tf_expression_df(multiome)
    used = list(iq.get.model(manifold, "iq_manifold", trajectory="early").motif_names)
    assert table["motif"].unique().tolist() == [name for name in whole["motif"].unique() if name in used]
    pd.testing.assert_series_equal(
        table["correlation"], whole[whole["motif"].isin(used)]["correlation"].reset_index(drop=True)
    )


def test_groups_of_different_cells(multiome):
    rna = multiome["rna"].copy()
    rna.obs_names = [f"other{i}" for i in range(16)]
    rna.X = sparse.csr_matrix(rna.X)
    apart = MuData({"atac": multiome["atac"], "rna": rna})
    with pytest.raises(ValueError, match=r"Only 0 of 16 rows of the peaks have RNA of the same name.*groupby"):
        iq.tl.tf_expression(apart)
    iq.tl.tf_expression(apart, groupby="state")
    found = iq.get.expression_df(apart)
    counts = rna.to_df().groupby(rna.obs["state"].to_numpy()).sum()
    want = np.log1p(counts.div(counts.sum(axis=1), axis=0) * 1e4)
    np.testing.assert_allclose(found, want.loc[found.index, found.columns], rtol=1e-5)
    activity = iq.get.motif_activity_df(apart).groupby(apart["atac"].obs["state"].to_numpy()).mean()
    row = iq.get.tf_expression_df(apart).iloc[0]
    assert row["n"] == 4
    assert row["correlation"] == pytest.approx(spearmanr(activity[row["motif"]], found[row["gene"]]).statistic)


def test_normalised_values_stay_and_means_of_counts_are_counts(multiome, caplog):
    with caplog.at_level(logging.INFO, logger="iceqream"):
        states = iq.pp.pseudobulk(multiome, "state")
        states["atac"].layers["ap"] = np.array(
            [multiome["atac"].layers["ap"][(multiome["atac"].obs["state"] == s).to_numpy()].mean(axis=0)
             for s in states["atac"].obs_names]
        )  # fmt: skip
        states["atac"].uns["iq"] = multiome["atac"].uns["iq"]
        iq.tl.motif_activity(states)
        iq.tl.tf_expression(states)
    assert "the RNA holds counts" in caplog.text
    iq.tl.tf_expression(multiome, groupby="state")
    np.testing.assert_allclose(
        iq.get.expression_df(states), iq.get.expression_df(multiome)[iq.get.expression_df(states).columns], rtol=1e-4
    )
    multiome["rna"].X = log_counts(multiome["rna"]).to_numpy()
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="iceqream"):
        iq.tl.tf_expression(multiome)
    assert "taken as normalised" in caplog.text
    found = iq.get.expression_df(multiome)
    np.testing.assert_allclose(found, multiome["rna"].to_df()[found.columns], rtol=1e-6)


def test_symbols_may_be_in_a_column(multiome):
    iq.tl.tf_expression(multiome)
    want = iq.get.tf_expression_df(multiome)
    rna = multiome["rna"].copy()
    rna.var["gene_name"] = rna.var_names.str.title()
    rna.var_names = [f"ENSMUSG{i:011d}" for i in range(rna.n_vars)]
    other = MuData({"atac": multiome["atac"], "rna": rna})
    iq.tl.tf_expression(other)
    found = iq.get.tf_expression_df(other)
    assert found["gene"].str.startswith("ENSMUSG").all()
    pd.testing.assert_frame_equal(found.drop(columns="gene"), want.drop(columns="gene"))
    rna.var = rna.var.drop(columns="gene_name")
    with pytest.raises(ValueError, match=r"is a gene of the RNA \(ENSMUSG.*pass symbols="):
        iq.tl.tf_expression(MuData({"atac": multiome["atac"], "rna": rna}))


def test_mistakes(multiome):
    unnamed = with_gene(multiome, "Gata2", np.arange(16.0))
    unnamed["rna"].var["symbol"] = unnamed["rna"].var_names
    unnamed["rna"].var_names = ["same"] * unnamed["rna"].n_vars
    with pytest.raises(ValueError, match=r"have the same name: same. Run mdata\['rna'\].var_names_make_unique"):
        iq.tl.tf_expression(unnamed, symbols="symbol")
    with pytest.raises(TypeError, match="within a MuData of peaks and RNA, got AnnData"):
        iq.tl.tf_expression(multiome["atac"])
    with pytest.raises(KeyError, match="no modality 'gex'"):
        iq.tl.tf_expression(multiome, rna="gex")
    with pytest.raises(ValueError, match="'spearman' or 'pearson', got 'kendall'"):
        iq.tl.tf_expression(multiome, method="kendall")
    with pytest.raises(ValueError, match="Only 3 of 3"):
        iq.tl.tf_expression(multiome[:3].copy())
    with pytest.raises(ValueError, match="mean expression below 1000"):
        iq.tl.tf_expression(multiome, min_mean=1000)
    del multiome["atac"].uns["motif_activity"]
    with pytest.raises(KeyError, match=r"run iq.tl.motif_activity first"):
        iq.tl.tf_expression(multiome)


def test_of_genes_with_one_symbol_that_with_most_counts_in_the_layer_is_taken(multiome):
    more = with_gene(multiome, "Gata1", np.full(16, 1e6))
    rna = more["rna"]
    rna.layers["counts"] = rna.X.copy()
    rna.layers["counts"][:, -1] = 0
    for whole, gene in ((True, "Gata1"), (False, "GATA1")):
        layer = None if whole else "counts"
        iq.tl.tf_expression(more, layer=layer, min_mean=0)
        assert gene in set(iq.get.tf_expression_df(more).query("motif == 'GATA'")["gene"])
    rna.X = None
    iq.tl.tf_expression(more, layer="counts", min_mean=0)
    with pytest.raises(KeyError, match=r"The RNA has no X; pass layer=..., one of counts"):
        iq.tl.tf_expression(more)
