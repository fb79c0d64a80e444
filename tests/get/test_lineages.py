"""Answers across lineages as tables and, for scanpy, as an AnnData."""

import numpy as np
import pytest
from anndata import AnnData
from mudata import MuData

import iceqream as iq


def test_activities_have_the_embeddings_and_columns_of_all_modalities(multiome):
    multiome.obs["donor"] = "one"
    multiome["atac"].uns["state_colors"] = np.array(["#000000", "#111111", "#222222", "#333333"], dtype=object)
    found = iq.get.motif_activity(multiome)
    table = iq.get.motif_activity_df(multiome)
    assert isinstance(found, AnnData)
    np.testing.assert_array_equal(found.to_df(), table)
    np.testing.assert_array_equal(found.layers["se"], iq.get.motif_activity_df(multiome, errors=True))
    assert list(found.obsm) == ["X_umap"]
    np.testing.assert_array_equal(found.obsm["X_umap"], multiome["rna"].obsm["X_umap"])
    assert {"state", "time", "donor", "motif_activity_r2"} <= set(found.obs)
    assert len(found.uns["state_colors"]) == 4
    assert found.obs_names.tolist() == multiome["atac"].obs_names.tolist()


def test_an_embedding_follows_the_names_of_rows(multiome):
    rna = multiome["rna"][::-1].copy()
    found = iq.get.motif_activity(MuData({"atac": multiome["atac"], "rna": rna}))
    np.testing.assert_array_equal(found.obsm["X_umap"], multiome["rna"].obsm["X_umap"])
    # an embedding of some of the rows is none of all
    found = iq.get.motif_activity(MuData({"atac": multiome["atac"], "rna": rna[:5].copy()}))
    assert "X_umap" not in found.obsm


def test_scanpy_draws_activities(multiome):
    sc = pytest.importorskip("scanpy")
    found = iq.get.motif_activity(multiome)
    axes = sc.pl.umap(found, color=["GATA", "state"], cmap="RdBu_r", vcenter=0, show=False)
    assert [ax.get_title() for ax in axes] == ["GATA", "state"]


def test_results_follow_subsets(multiome):
    some = multiome["atac"][3:6]
    table = iq.get.motif_activity_df(some)
    np.testing.assert_array_equal(table, iq.get.motif_activity_df(multiome).iloc[3:6])


def test_what_is_missing_is_said(multiome, fitted):
    with pytest.raises(KeyError, match=r"uns\['other'\]; run iq.tl.tf_expression first.*are in: tf_expression"):
        iq.get.tf_expression_df(multiome, "other")
    with pytest.raises(KeyError, match=r"run iq.tl.motif_enrichment first.*are in: none"):
        iq.get.motif_enrichment_df(fitted)
    with pytest.raises(KeyError, match="groups='no' is not a column of var"):
        iq.get.cluster_profiles_df(fitted, "no")
