import numpy as np
import pytest

import iceqream as iq

FAST = {"interactions": False, "min_residual_r2": 0.0, "selection_lambda": 2e-3, "lambda_": 1e-3}


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
