import mudata as md
import numpy as np
import pandas as pd
import pytest

import iceqream as iq

FAST = {
    "learning": "clusters", "refine": False, "interactions": False,
    "min_residual_r2": 0.0, "selection_lambda": 2e-3, "lambda_": 1e-3,
}  # fmt: skip


def test_every_peak_is_predicted_by_a_model_that_has_not_seen_it(simulated, library):
    iq.tl.cross_validate(simulated, "S1", "S4", motifs=library, n_folds=2, **FAST)
    table, folds = simulated.varm["iq_cv"], simulated.uns["iq_cv"]
    chrom = simulated.var["chrom"].astype(str)
    assert len(folds) == 2
    for name, row in folds.iterrows():
        inside = (table["fold"] == name).to_numpy() & table["pred"].notna().to_numpy()
        assert set(chrom[table["fold"] == name]) == set(name.split(","))
        assert inside.sum() == row["n_peaks"]
        score = np.corrcoef(table["pred"][inside], table["dap"][inside])[0, 1] ** 2
        assert row["r2"] == pytest.approx(score, abs=1e-5)
        assert row["r2"] > 0.4
    modelled = np.abs(simulated.var["tss_distance"]) > 5000
    assert (table["pred"].notna() == modelled).all()
    assert "_iceqream_fold" not in simulated.var
    assert "iq" not in simulated.uns


def test_random_folds_and_columns(simulated, library):
    iq.tl.cross_validate(simulated, "S1", "S4", motifs=library, folds=2, key_added="random", **FAST)
    assert len(simulated.uns["random"]) == 2
    simulated.var["part"] = np.where(np.arange(simulated.n_vars) % 2, "odd", "even").astype(object)
    simulated.var.loc[simulated.var_names[:100], "part"] = None
    iq.tl.cross_validate(simulated, "S1", "S4", motifs=library, folds="part", key_added="column", **FAST)
    assert simulated.varm["column"]["pred"].iloc[:100].isna().all()
    for options, error, message in (
        ({"folds": 1}, ValueError, "two folds or more"),
        ({"folds": "nope"}, KeyError, "nor a column of var"),
        ({"split": 0.2}, TypeError, "leave split out"),
    ):
        with pytest.raises(error, match=message):
            iq.tl.cross_validate(simulated, "S1", "S4", motifs=library, **options)


def test_compared_options_share_folds_with_each_other_and_with_a_single_run(compared, simulated, library):
    iq.tl.cross_validate(simulated, "S1", "S4", motifs=library, folds=3, max_motifs=2, **FAST)
    alone, table = simulated.varm["iq_cv"], compared.varm["iq_cv"]
    assert table.columns.tolist() == ["dap", "pred_default", "pred_few motifs", "fold"]
    assert (table["fold"] == alone["fold"]).all()
    np.testing.assert_array_equal(table["pred_few motifs"], alone["pred"])
    scores = compared.uns["iq_cv"]
    assert scores["options"].tolist() == ["default"] * 3 + ["few motifs"] * 3
    few = scores[scores["options"] == "few motifs"].drop(columns="options")
    pd.testing.assert_frame_equal(few, simulated.uns["iq_cv"])
    assert (few["n_motifs"] <= 2).all()


def test_libraries_and_features_are_compared_in_a_mudata(simulated, library):
    mdata = md.MuData({"atac": simulated})
    planted = library[library.metadata["planted"].to_numpy()]
    compare = {"all": {}, "planted": {"motifs": planted, "features": False}}
    iq.tl.cross_validate(mdata, "S1", "S4", folds=2, motifs=library, compare=compare, key_added="libraries", **FAST)
    table = iq.get.comparison_df(mdata, "libraries")
    assert table.index.tolist() == ["all", "planted"]
    assert table.loc["planted", "n_motifs"] <= 6
    assert (table["r2"] > 0.4).all()


@pytest.mark.parametrize(
    ("compare", "error", "message"),
    [
        ({}, ValueError, "two or more sets of options, got {}"),
        ({"one": {}}, ValueError, "two or more sets"),
        (["a", "b"], TypeError, "two or more sets"),
        ({"a": {}, "b/c": {}}, ValueError, "without '/'.*'b/c'"),
        ({"1": {}, 1: {}}, ValueError, "are texts.* got 1"),
        ({"a": {}, "b": 15}, TypeError, r"compare\['b'\] must be a dictionary of options, got int"),
        ({"a": {}, "b": {"peaks": "open"}}, TypeError, r"compare\['b'\] would change peaks"),
        ({"a": {}, "b": {"rng": 1}}, TypeError, "would change rng"),
        ({"a": {}, "b": {"max_motif": 1}}, TypeError, "Did you mean 'max_motifs'"),
        ({"a": {}, "b": {"max_motifs": 0}}, ValueError, "max_motifs must be at least 1"),
        ({"a": {}, "b": {"preset": "best"}}, ValueError, "preset must be one of"),
        ({"a": {}, "b": {"motifs": "nowhere.meme"}}, FileNotFoundError, "no motif file"),
        ({"a": {}, "b": {"features": ["nope"]}}, KeyError, "Feature nope"),
        ({"a": {}, "b": {"weights": "nope"}}, KeyError, "not a numeric column"),
    ],
)
def test_bad_comparisons_are_refused_before_any_fit(simulated, library, monkeypatch, compare, error, message):
    monkeypatch.setattr("iceqream.tl._cross_validate.fit_trajectory", lambda *_, **__: pytest.fail("a fit was run"))
    with pytest.raises(error, match=message):
        iq.tl.cross_validate(simulated, "S1", "S4", folds=2, motifs=library, compare=compare)
    assert "iq_cv" not in simulated.uns
    assert "iq_cv" not in simulated.varm
