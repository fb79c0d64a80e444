"""A fitted AnnData through h5ad, zarr and h5mu: everything equal, predictions identical."""

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest

import iceqream as iq


def equal(a, b, path="uns"):
    if isinstance(a, dict):
        assert sorted(a) == sorted(b), path
        for key in a:
            equal(a[key], b[key], f"{path}/{key}")
    elif isinstance(a, pd.DataFrame):
        assert list(a.columns) == list(b.columns), path
        for column in a:
            assert a[column].astype(str).tolist() == b[column].astype(str).tolist(), f"{path}/{column}"
    elif isinstance(a, np.ndarray):
        assert a.shape == np.shape(b), path
        if a.dtype.kind in "OUT":
            assert [str(x) for x in a.ravel()] == [str(x) for x in np.asarray(b).ravel()], path
        else:
            assert a.dtype == b.dtype, path
            np.testing.assert_array_equal(a, b, err_msg=path)
    else:
        assert a == b or (np.isnan(a) and np.isnan(b)), path
        assert type(a) is type(b) or {type(a), type(b)} <= {int, float, np.float64, np.int64, bool, np.bool_}, path


def through(adata, folder, format_):
    """Write and read."""
    path = folder / f"data.{format_}"
    if format_ == "h5ad":
        adata.write_h5ad(path)
        return ad.read_h5ad(path)
    if format_ == "zarr":
        adata.write_zarr(path)
        return ad.read_zarr(path)
    md.MuData({"atac": adata}).write(path)
    return md.read(path)["atac"]


@pytest.fixture
def everything(fitted, library):
    fitted.varm["iq"].index.name = None
    iq.pp.sequence_features(fitted)
    iq.pp.motif_energies(fitted, library)
    # names that would not do as keys
    model = iq.get.model(fitted)
    assert any("_" in str(name) for name in model.pbms.motifs.metadata["match"])
    return fitted


@pytest.mark.parametrize("format_", ["h5ad", "zarr", "h5mu"])
def test_round_trip(everything, tmp_path, format_):
    again = through(everything, tmp_path, format_)
    equal(dict(everything.uns), dict(again.uns))
    for key in everything.varm:
        if key == "iq":
            pd.testing.assert_frame_equal(
                pd.DataFrame(everything.varm[key]), pd.DataFrame(again.varm[key]), check_index_type=False,
                check_column_type=False,
            )  # fmt: skip
        else:
            np.testing.assert_array_equal(everything.varm[key], again.varm[key])
            assert everything.varm[key].dtype == again.varm[key].dtype
    want = iq.get.model(everything).predict(everything)
    assert (iq.get.model(again).predict(again) == want).all()
    pd.testing.assert_frame_equal(
        iq.get.motifs_df(everything), iq.get.motifs_df(again), check_dtype=False, check_index_type=False,
        check_column_type=False,
    )  # fmt: skip


@pytest.mark.parametrize("format_", ["h5ad", "zarr", "h5mu"])
def test_answers_across_lineages_survive(multiome, tmp_path, format_):
    atac = multiome["atac"]
    # names that would not do as keys or columns
    names = np.array([f"{name}/x y" for name in atac.uns["motif_activity"]["motif_names"]], dtype=object)
    atac.uns["motif_activity"] = {**atac.uns["motif_activity"], "motif_names": names}
    again = through(atac, tmp_path, format_)
    for key in ("peak_cluster", "motif_enrichment", "motif_activity", "tf_expression"):
        equal(atac.uns[key], again.uns[key])
    pd.testing.assert_series_equal(again.var["peak_cluster"], atac.var["peak_cluster"], check_index_type=False)
    for reader in (iq.get.motif_activity_df, iq.get.motif_enrichment_df, iq.get.tf_expression_df, iq.get.expression_df,
                   iq.get.cluster_profiles_df):  # fmt: skip
        pd.testing.assert_frame_equal(reader(again), reader(atac), check_index_type=False, check_column_type=False)
    assert iq.get.motif_activity_df(again).columns[0].endswith("/x y")


@pytest.mark.parametrize("format_", ["h5ad", "zarr", "h5mu"])
def test_comparisons_survive(compared, tmp_path, format_):
    again = through(compared, tmp_path, format_)
    equal(dict(compared.uns), dict(again.uns))
    equal(pd.DataFrame(compared.varm["iq_cv"]), pd.DataFrame(again.varm["iq_cv"]))
    pd.testing.assert_frame_equal(
        iq.get.comparison_df(compared), iq.get.comparison_df(again), check_index_type=False, check_exact=True
    )


def test_names_with_slashes_and_dots_survive(simulated, library, tmp_path, quick):
    odd = iq.motifs.MotifSet([f"a/{name}.x y" for name in library.names], library.pssm, library.lengths)
    iq.tl.fit_trajectory(simulated, "S1", "S4", motifs=odd, **quick)
    iq.tl.rename_motifs(simulated, by="match")
    simulated.write_h5ad(tmp_path / "odd.h5ad")
    again = ad.read_h5ad(tmp_path / "odd.h5ad")
    assert iq.get.model(again).motif_names.tolist() == iq.get.model(simulated).motif_names.tolist()
    assert all(name.startswith("a/") for name in iq.get.model(again).motif_names)


@pytest.mark.parametrize("format_", ["h5ad", "zarr", "h5mu"])
def test_manifolds_survive(manifold, tmp_path, format_):
    iq.tl.stability(manifold, key="iq_manifold", n_bootstraps=2)
    again = through(manifold, tmp_path, format_)
    equal(dict(manifold.uns), dict(again.uns))
    np.testing.assert_array_equal(manifold.varm["iq_manifold"], again.varm["iq_manifold"])
    assert again.varm["iq_manifold"].dtype == np.float32
    before, after = (iq.get.model(data, "iq_manifold") for data in (manifold, again))
    assert after.names == before.names == ("early", "to S4/late")
    assert (after.predict(again) == before.predict(manifold)).all(axis=None)
    for read in (iq.get.motifs_df, iq.get.interactions_df, iq.get.levels_df, iq.get.predictions_df):
        for trajectory in (None, "to S4/late"):
            pd.testing.assert_frame_equal(
                read(manifold, "iq_manifold", trajectory=trajectory), read(again, "iq_manifold", trajectory=trajectory),
                check_dtype=False, check_index_type=False, check_column_type=False, check_exact=True,
            )  # fmt: skip
