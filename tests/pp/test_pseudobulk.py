"""Sums of cells by groups that are kept anywhere."""

import anndata as ad
import numpy as np
import pytest

import iceqream as iq


def test_several_columns_and_columns_of_the_mudata(caplog):
    mdata = iq.datasets.simulated_multiome(n_peaks=200, rng=0)
    n = mdata["atac"].n_obs
    mdata.obs["sample"] = np.resize(["s1", "s2"], n)
    mdata.obs.loc[mdata.obs_names[:5], "sample"] = None
    mdata.obs["whole"] = "heart"
    both = iq.pp.pseudobulk(mdata, ["state", "sample"])
    states = both["atac"]
    assert "5 of" in caplog.text
    assert states.obs["sample"].tolist() == [name.split("|")[1] for name in states.obs_names]
    assert states.obs["state"].astype(str).tolist() == [name.split("|")[0] for name in states.obs_names]
    assert set(states.obs["whole"]) == {"heart"}
    assert states.obs["n_cells"].sum() == n - 5
    assert both["rna"].obs_names.tolist() == states.obs_names.tolist()
    inside = (mdata["atac"].obs["state"].astype(str) + "|" + mdata.obs["sample"].astype(object)) == states.obs_names[0]
    np.testing.assert_allclose(states.X[0], np.asarray(mdata["atac"][inside.to_numpy()].X.sum(axis=0)).ravel())
    assert iq.pp.pseudobulk(mdata, "state", mod="rna").n_vars == mdata["rna"].n_vars
    mdata["atac"].obs["depth"] = np.linspace(0, 1, n)
    with pytest.raises(ValueError, match="holds measurements"):
        iq.pp.pseudobulk(mdata, "depth")


def test_a_part_of_a_backed_file_is_summed(tmp_path):
    cells = iq.datasets.simulated_multiome(n_peaks=200, rng=0)["atac"]
    cells.write_h5ad(tmp_path / "cells.h5ad")
    backed = ad.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    some = np.arange(cells.n_obs) % 2 == 0
    np.testing.assert_allclose(
        iq.pp.pseudobulk(backed[some], "state").X, iq.pp.pseudobulk(cells[some].copy(), "state").X
    )
    backed.file.close()
