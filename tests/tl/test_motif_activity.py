"""Activities of motifs per row."""

import logging

import numpy as np
import pytest
from anndata import AnnData
from scipy import sparse

import iceqream as iq
from iceqream.models.features import sequence_features


def test_activities_are_a_ridge_on_the_energies(fitted):
    iq.tl.motif_activity(fitted)
    model, penalty = iq.get.model(fitted), fitted.uns["motif_activity"]["params"]["penalty"]
    X = model.pbms.normalized_energies(fitted).astype(np.float64)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    ap = fitted.layers["ap"].astype(np.float64)
    Z = np.column_stack([np.ones(len(X)), sequence_features(fitted.varm["sequence"]), ap.mean(axis=0)])
    n, m = X.shape
    D = np.vstack([np.column_stack([Z, X]), np.hstack([np.zeros((m, Z.shape[1])), np.sqrt(penalty * n) * np.eye(m)])])
    for row, name in enumerate(fitted.obs_names):
        y = np.concatenate([ap[row] - ap.mean(axis=0), np.zeros(m)])
        want = np.linalg.lstsq(D, y, rcond=None)[0][Z.shape[1] :]
        # float32 storage; measured: 4e-9
        np.testing.assert_allclose(iq.get.motif_activity_df(fitted).loc[name], want, atol=1e-7)
    # deviations from the mean row
    np.testing.assert_allclose(fitted.obsm["motif_activity"].sum(axis=0), 0, atol=1e-6)
    assert fitted.obsm["motif_activity"].dtype == np.float32


def test_planted_motifs_act_where_they_were_made_to(fitted):
    iq.tl.motif_activity(fitted)
    table, errors = iq.get.motif_activity_df(fitted), iq.get.motif_activity_df(fitted, errors=True)
    for motif, sign in {"GATA": 1, "TEAD": 1, "CEBP": 1, "PU.1": -1, "POU": -1}.items():
        values = sign * table[motif]
        assert values.is_monotonic_increasing, motif
        assert values["S4"] > 4 * errors.loc["S4", motif]
    assert (fitted.obs["motif_activity_r2"] > fitted.obs["motif_activity_r2_covariates"]).all()
    # it was 0.53
    assert fitted.obs.loc["S4", "motif_activity_r2"] > 0.4


def test_covariates_can_stay_and_sparse_is_dense(fitted):
    iq.tl.motif_activity(fitted, covariates=False, key_added="plain")
    np.testing.assert_allclose(fitted.obs["plain_r2_covariates"], 0, atol=0.02)
    iq.tl.motif_activity(fitted)
    first = fitted.obsm["motif_activity"].copy()
    fitted.layers["ap"] = sparse.csr_matrix(fitted.layers["ap"])
    iq.tl.motif_activity(fitted)
    # the mean row is summed in another order; measured: 2e-9
    np.testing.assert_allclose(fitted.obsm["motif_activity"], first, atol=1e-8)


def test_a_shallow_row_is_no_activity(fitted):
    deep = fitted[["S1", "S4"]].copy()
    ap = np.vstack([deep.layers["ap"], 0.4 * deep.layers["ap"]])
    more = AnnData(ap, varm={"sequence": deep.varm["sequence"]}, var=deep.var, uns={"iq": fitted.uns["iq"]})
    more.layers["ap"] = ap
    more.obs_names = ["S1", "S4", "shallow S1", "shallow S4"]
    largest = {}
    for covariates in (True, False):
        iq.tl.motif_activity(more, covariates=covariates)
        table = iq.get.motif_activity_df(more)
        # both shallow rows alike: what the motifs do is gone, what is left is the depth
        largest[covariates] = np.abs(table.loc[["shallow S1", "shallow S4"]].sum()).max()
    # measured: 0.002 against 0.019
    assert largest[True] < 0.3 * largest[False]


def test_missing_peaks_are_left_out_and_counted(fitted, caplog):
    fitted.layers["ap"] = fitted.layers["ap"].copy()
    fitted.layers["ap"][2, :7] = np.nan
    with caplog.at_level(logging.WARNING, logger="iceqream"):
        iq.tl.motif_activity(fitted)
    assert "7 of 1500 peaks have missing values" in caplog.text
    assert fitted.uns["motif_activity"]["params"]["n_peaks"] == 1493
    some = fitted[:, 7:].copy()
    iq.tl.motif_activity(some)
    np.testing.assert_array_equal(some.obsm["motif_activity"], fitted.obsm["motif_activity"])
    iq.tl.motif_activity(fitted, peaks=np.arange(7, 1500))
    np.testing.assert_array_equal(some.obsm["motif_activity"], fitted.obsm["motif_activity"])


def test_shuffled_peaks_are_no_activity(fitted, caplog):
    order = np.random.default_rng(0).permutation(fitted.n_vars)
    fitted.layers["ap"] = fitted.layers["ap"][:, order]
    with caplog.at_level(logging.WARNING, logger="iceqream"):
        iq.tl.motif_activity(fitted)
    assert "the motifs explain nothing of held-out peaks" in caplog.text
    assert fitted.obs["motif_activity_r2"].max() < 0.01


def test_mistakes(fitted, without_motifs):
    with pytest.raises(ValueError, match="The model has no motifs"):
        iq.tl.motif_activity(without_motifs)


def test_mistakes_of_data(fitted):
    with pytest.raises(ValueError, match="20 peaks and 4 row"):
        iq.tl.motif_activity(fitted, peaks=np.arange(20))
    with pytest.raises(ValueError, match=r"n_folds must be a whole number of at least 2, got 2.5"):
        iq.tl.motif_activity(fitted, n_folds=2.5)
    with pytest.raises(ValueError, match="1 row"):
        iq.tl.motif_activity(fitted[:1])
    with pytest.raises(KeyError, match="no layer 'no'"):
        iq.tl.motif_activity(fitted, layer="no")
    with pytest.raises(KeyError, match=r"no result in uns\['motif_activity'\]; run iq.tl.motif_activity first"):
        iq.get.motif_activity_df(fitted)
    assert not fitted.obsm
