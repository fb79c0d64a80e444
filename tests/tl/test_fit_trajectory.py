import logging

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
from mudata import MuData

import iceqream as iq


def test_fit_writes_results_and_a_model(fitted):
    table = fitted.varm["iq"]
    assert table.columns.tolist() == ["dap", "pred", "split"]
    assert (table.index == fitted.var_names).all()
    assert table["dap"].dtype == table["pred"].dtype == np.float32
    np.testing.assert_allclose(table["dap"], fitted.layers["ap"][3] - fitted.layers["ap"][0], atol=1e-6)
    near = fitted.var["tss_distance"].abs() <= 5000
    assert near.sum() > 50
    assert (table.loc[near, "split"] == "unused").all()
    assert (table.loc[~near, "split"] != "unused").all()
    assert (table.loc[~near, "split"] == "test").mean() == pytest.approx(0.2, abs=1e-3)
    assert table["pred"].notna().all()
    model = iq.get.model(fitted)
    np.testing.assert_allclose(model.predict(fitted), table["pred"], atol=1e-6)


def test_results_follow_subsetting(fitted):
    part = fitted[:, 100:110].copy()
    assert (part.varm["iq"].index == part.var_names).all()
    assert (part.varm["iq"]["pred"] == fitted.varm["iq"]["pred"].iloc[100:110]).all()


def test_fit_does_not_depend_on_threads_or_container(simulated, library, quick):
    results = []
    for data, options in (
        (simulated, {"n_jobs": 1}),
        (simulated, {"n_jobs": 2}),
        (md.MuData({"atac": simulated}), {}),
        (simulated[:, :], {}),
    ):
        changed = iq.tl.fit_trajectory(data, "S1", "S4", motifs=library, copy=True, **quick, **options)
        adata = changed["atac"] if isinstance(changed, md.MuData) else changed
        results.append(adata.varm["iq"])
    for other in results[1:]:
        pd.testing.assert_frame_equal(results[0], other)
    assert "iq" not in simulated.varm


def test_groups_are_averaged(library, quick):
    mdata = iq.datasets.simulated_multiome(n_peaks=1000, n_metacells=12, rng=0)
    options = {"motifs": library, "min_tss_distance": None, **quick}
    iq.tl.fit_trajectory(mdata, "S1", "S4", groupby="state", key_added="m", **options)
    atac = mdata["atac"]
    ap, state = atac.layers["ap"], atac.obs["state"].to_numpy()
    want = ap[state == "S4"].mean(axis=0) - ap[state == "S1"].mean(axis=0)
    np.testing.assert_allclose(atac.varm["m"]["dap"], want, atol=1e-6)
    assert "m" not in mdata.uns
    assert "m" not in mdata["rna"].uns


def test_two_models_live_side_by_side(fitted, library, caplog, quick):
    before = fitted.uns["iq"]["coefficients"].copy()
    with caplog.at_level(logging.WARNING):
        iq.tl.fit_trajectory(fitted, "S4", "S1", motifs=library, key_added="back", **quick)
    assert "replaced" not in caplog.text
    assert (fitted.uns["iq"]["coefficients"] == before).all()
    forth, back = fitted.varm["iq"], fitted.varm["back"]
    np.testing.assert_allclose(forth["dap"], -back["dap"], atol=1e-6)
    with caplog.at_level(logging.WARNING):
        iq.tl.fit_trajectory(fitted, "S1", "S4", motifs=library, **quick)
    assert "uns['iq'] and varm['iq'] are replaced" in caplog.text


def test_fitting_a_view_leaves_the_parent_alone(simulated, library, quick):
    view = simulated[:, 200:]
    iq.tl.fit_trajectory(view, "S1", "S4", motifs=library, **quick)
    assert "iq" in view.uns
    assert "iq" not in simulated.uns


def splits(adata, **options):
    return adata.varm["iq"]["split"].astype(str)


def test_split_by_fraction_chromosome_list_and_column(simulated, library, quick):
    fit = {"motifs": library, "min_tss_distance": None, **quick}
    iq.tl.fit_trajectory(simulated, "S1", "S4", split="chrom", **fit)
    by_chrom = pd.crosstab(simulated.var["chrom"], splits(simulated))
    assert ((by_chrom > 0).sum(axis=1) == 1).all()
    assert (by_chrom["test"] > 0).sum() == 1
    iq.tl.fit_trajectory(simulated, "S1", "S4", split=["chr2"], **fit)
    assert ((splits(simulated) == "test") == (simulated.var["chrom"] == "chr2")).all()
    column = np.where(np.arange(1500) % 3 == 0, "test", "train")
    column[:50] = "other"
    simulated.var["mine"] = column
    iq.tl.fit_trajectory(simulated, "S1", "S4", split="mine", **fit)
    assert (splits(simulated) == np.where(column == "other", "unused", column)).all()
    simulated.var["is_train"] = column == "train"
    iq.tl.fit_trajectory(simulated, "S1", "S4", split="is_train", **fit)
    assert (splits(simulated) == np.where(column == "train", "train", "test")).all()
    iq.tl.fit_trajectory(simulated, "S1", "S4", split=0, **fit)
    assert (splits(simulated) == "train").all()
    assert np.isnan(iq.get.model(simulated).stats["r2_test"])


def test_peaks_by_mask_column_name_and_position(simulated, library, quick):
    mask = np.arange(1500) < 700
    simulated.var["open"] = mask
    simulated.var["open_01"] = mask.astype(int)
    simulated.var["count"] = np.arange(1500) % 7
    by_name = pd.Series(mask, index=simulated.var_names).iloc[::-1]
    for peaks in (mask, "open", "open_01", simulated.var_names[mask], np.flatnonzero(mask)[::-1], by_name):
        iq.tl.fit_trajectory(simulated, "S1", "S4", motifs=library, peaks=peaks, min_tss_distance=None, **quick)
        assert ((splits(simulated) != "unused") == mask).all()
    with pytest.raises(
        ValueError, match=r"var\['count'\] is no mask of peaks: it must be boolean, or 0 and 1, got 0, 1, 2"
    ):
        iq.tl.fit_trajectory(simulated, "S1", "S4", motifs=library, peaks="count", min_tss_distance=None)


def test_missing_distances_count_as_far_and_duplicated_states_are_refused(simulated, library, caplog, quick):
    distance = simulated.var["tss_distance"].astype(float)
    near = (distance.abs() <= 5000).to_numpy()
    distance[near & (np.arange(1500) % 2 == 0)] = np.nan
    simulated.var["tss_distance"] = distance
    iq.tl.fit_trajectory(simulated, "S1", "S4", motifs=library, **quick)
    assert ((splits(simulated) == "unused") == (near & distance.notna().to_numpy())).all()
    assert f"{distance.isna().sum()} of 1500 peaks have no distance to a start site: taken as far" in caplog.text
    simulated.var["tss_distance"] = np.nan
    with pytest.raises(ValueError, match="has no number"):
        iq.tl.fit_trajectory(simulated, "S1", "S4", motifs=library)
    simulated.obs_names = ["S1", "S1", "S3", "S4"]
    with pytest.raises(ValueError, match="2 rows are called 'S1'"):
        iq.tl.fit_trajectory(simulated, "S1", "S4", motifs=library, min_tss_distance=None)


@pytest.mark.parametrize(("value", "message"), [(4, "N throughout"), (0, "are the same")])
def test_sequences_that_say_nothing_are_refused(simulated, library, value, message, caplog):
    codes = simulated.varm["sequence"]
    simulated.varm["sequence"] = np.full_like(codes, value)
    with pytest.raises(ValueError, match=f"All 1500 sequences.*{message}"):
        iq.tl.fit_trajectory(simulated, "S1", "S4", motifs=library)
    codes[:10] = 4
    simulated.varm["sequence"] = codes
    with pytest.raises(ValueError, match="at least 100 are needed"):
        iq.tl.fit_trajectory(simulated, "S1", "S4", motifs=library, peaks=np.arange(50), min_tss_distance=None)
    assert "10 of 1500 sequences are N throughout" in caplog.text


def test_features_from_varm_are_used_without_change(simulated, library, quick):
    rng = np.random.default_rng(0)
    informative = simulated.varm["occupancy"][:, 0] + 0.1 * rng.normal(size=1500)
    simulated.var["signal"] = informative
    iq.pp.sequence_features(simulated)
    options = {"motifs": library[6:], "copy": True, **quick}
    with_signal = iq.tl.fit_trajectory(simulated, "S1", "S4", features=["signal"], **options)
    without = iq.tl.fit_trajectory(simulated, "S1", "S4", features=False, **options)
    r2 = [iq.get.model(a).stats["r2_test"] for a in (with_signal, without)]
    assert r2[0] > r2[1] + 0.05
    assert iq.get.model(without).features.names.tolist() == []


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"start": "S9"}, KeyError, "state 'S9' is not in obs_names, which hold S1, S2, S3, .*groupby"),
        ({"end": "S1"}, ValueError, "start and end are both 'S1'"),
        ({"layer": "nope"}, KeyError, "no layer 'nope'.*ap, ap_true"),
        ({"groupby": "celltype"}, KeyError, "groupby='celltype' is not a column of obs"),
        ({"peaks": "open"}, KeyError, "1 of 1 are neither peaks nor a column of var: open"),
        ({"peaks": [1500]}, ValueError, r"1 position\(s\) lie outside of the 1500 peaks"),
        ({"peaks": [0.5]}, TypeError, "names of peaks or integer positions; got float64"),
        ({"motifs": ["GATA1"]}, TypeError, r"motifs is a list; a library is a MotifSet.*jaspar\(\)\[names\]"),
        ({"motifs": "none.meme"}, FileNotFoundError, "There is no motif file 'none.meme'"),
        ({"motifs": {"flat": np.full((8, 4), 0.25)}}, ValueError, "All 1 motifs of the library are flat"),
        ({"peaks": np.ones(3, dtype=bool)}, ValueError, "mask of peaks has the shape"),
        ({"peaks": np.zeros(1500, dtype=bool)}, ValueError, "No peak of 1500 is left"),
        ({"min_tss_distance": 10**9}, ValueError, "No peak of 1500 is left"),
        ({"split": "nope"}, KeyError, "neither a fraction"),
        ({"split": 1.5}, ValueError, "held-out fraction"),
        ({"split": ["chr9"]}, ValueError, "No modelled peak lies on chr9"),
        ({"split": "chrom", "peaks": np.arange(1500) < 400}, ValueError, "split by chromosome needs two"),
        ({"features": ["nope"]}, KeyError, "Feature nope is neither"),
        ({"max_motifs": 0}, ValueError, "^max_motifs must be at least 1, a whole number, got 0.$"),
        ({"max_motifs": "30"}, ValueError, "^max_motifs must be at least 1, a whole number, got '30'.$"),
    ],
)
def test_wrong_input_is_named_and_nothing_is_written(simulated, library, options, error, message):
    arguments = {"start": "S1", "end": "S4", "motifs": library, **options}
    with pytest.raises(error, match=message):
        iq.tl.fit_trajectory(simulated, **arguments)
    assert "iq" not in simulated.uns
    assert "iq" not in simulated.varm


def test_missing_steps_are_named(simulated, library):
    bare = simulated.copy()
    del bare.varm["sequence"]
    with pytest.raises(KeyError, match=r"run iq\.pp\.sequences"):
        iq.tl.fit_trajectory(bare, "S1", "S4", motifs=library)
    bare = simulated.copy()
    del bare.var["tss_distance"]
    with pytest.raises(KeyError, match=r"run iq\.pp\.tss_distance.*min_tss_distance=None"):
        iq.tl.fit_trajectory(bare, "S1", "S4", motifs=library)


@pytest.mark.parametrize(
    ("value", "message"),
    [(np.nan, "missing value"), (-0.1, r"in \[0, 1\]\. Are these counts"), (7.0, "Are these counts")],
)
def test_values_that_are_no_probabilities_are_named(simulated, library, value, message):
    simulated.layers["ap"][0, 5] = value
    with pytest.raises(ValueError, match=message):
        iq.tl.fit_trajectory(simulated, "S1", "S4", motifs=library)


def test_empty_and_equal_states_are_named(simulated, library):
    simulated.layers["ap"][1] = 0
    with pytest.raises(ValueError, match="State 'S2' is empty"):
        iq.tl.fit_trajectory(simulated, "S1", "S2", motifs=library)
    simulated.layers["ap"][1] = simulated.layers["ap"][0]
    with pytest.raises(ValueError, match="two states do not differ"):
        iq.tl.fit_trajectory(simulated, "S1", "S2", motifs=library)


def test_duplicated_peaks_are_named(simulated, library):
    names = simulated.var_names.tolist()
    names[1] = names[0]
    simulated.var_names = names
    with pytest.raises(ValueError, match="occur more than once"):
        iq.tl.fit_trajectory(simulated, "S1", "S4", motifs=library)


def test_lower_case_and_unknown_bases_are_fitted(simulated, library, rng, quick):
    sequence = simulated.varm["sequence"].copy()
    sequence[rng.random(sequence.shape) < 0.05] = 4
    simulated.varm["sequence"] = sequence
    iq.tl.fit_trajectory(simulated, "S1", "S4", motifs=library, **{**quick, "max_motifs": 8})
    assert iq.get.model(simulated).stats["r2_test"] > 0.4


def test_predict_on_new_peaks(fitted, tmp_path):
    new = iq.datasets.simulated_trajectory(n_peaks=300, rng=3)
    model = iq.get.model(fitted)
    iq.tl.predict(new, model)
    np.testing.assert_allclose(new.varm["iq"]["pred"], model.predict(new), atol=1e-6)
    truth = new.layers["ap_true"][3] - new.layers["ap_true"][0]
    used = ~new.var["constitutive"].to_numpy()
    assert np.corrcoef(truth[used], new.varm["iq"]["pred"][used])[0, 1] ** 2 > 0.6
    model.save(tmp_path / "m.h5")
    copied = iq.tl.predict(new, tmp_path / "m.h5", key_added="file", copy=True)
    assert (copied.varm["file"]["pred"] == new.varm["iq"]["pred"]).all()
    assert "file" not in new.varm


def test_predict_with_the_stored_model_keeps_other_columns(fitted):
    before = fitted.varm["iq"].copy()
    iq.tl.predict(fitted)
    pd.testing.assert_frame_equal(fitted.varm["iq"], before)
    with pytest.raises(KeyError, match="no model in uns"):
        iq.tl.predict(ad.AnnData(np.ones((2, 2))))


def test_groups_may_be_anywhere_in_a_mudata(simulated, library, quick):
    mdata = MuData({"atac": simulated})
    mdata.obs["stage"] = ["early", "early", "late", "late"]
    options = {"motifs": library, "min_tss_distance": None, "features": False, **quick}
    iq.tl.fit_trajectory(mdata, "early", "late", groupby="stage", **options)
    adata = mdata["atac"]
    ap = adata.layers["ap"]
    np.testing.assert_allclose(adata.varm["iq"]["dap"], ap[2:].mean(axis=0) - ap[:2].mean(axis=0), atol=1e-6)
    # the pictures find the groups again
    assert adata.uns["iq"]["params"]["groupby"] == "iq_groups"
    assert adata.obs["iq_groups"].tolist() == ["early", "early", "late", "late"]
    with pytest.raises(KeyError, match="state 'middle' is not in the groups, which are early, late"):
        iq.tl.fit_trajectory(mdata, "early", "middle", groupby=mdata.obs["stage"], **options)
