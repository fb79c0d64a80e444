import numpy as np
import pytest
from scipy.stats import f

import iceqream as iq
from iceqream._core.regression import fit_logistic, logistic
from iceqream.inference.design_matrix import columns, groups_with_pairs


def test_planted_motifs_are_stable_and_noise_is_not(simulated, library):
    iq.tl.fit_trajectory(
        simulated,
        "S1",
        "S4",
        motifs=library,
        min_residual_r2=0.0,
        interactions=False,
        split=0.4,
        features=["gc_content"],
        size_folds=0,
    )
    iq.tl.stability(simulated, n_bootstraps=20)
    table = simulated.uns["iq_stability"]
    truth = iq.datasets.recovered_motifs(simulated)
    planted = table.loc[truth["found"].tolist()] if "found" in truth else table.loc[table["p_value"] < 1e-4]
    assert (planted["same_sign"] == 1).all()
    assert (planted["frequency"] == 1).all()
    assert (planted["q_value"] >= planted["p_value"]).all()
    assert (table["effect_low"] <= table["effect_high"]).all()
    effect = iq.get.motifs_df(simulated)["effect"].loc[table.index]
    np.testing.assert_allclose(table["effect"], effect, atol=0.05)


def test_p_values_of_motifs_without_effect_are_uniform(simulated, library):
    # peaks of another response on the held-out side: no motif matters there
    iq.tl.fit_trajectory(
        simulated,
        "S1",
        "S4",
        motifs=library,
        min_residual_r2=0.0,
        interactions=False,
        split=0.5,
        features=False,
        size_folds=0,
    )
    rng = np.random.default_rng(0)
    p_values = []
    for _ in range(8):
        noise = simulated.copy()
        table = noise.varm["iq"].copy()
        table["dap"] = rng.permutation(table["dap"].to_numpy())
        noise.varm["iq"] = table
        iq.tl.stability(noise, n_bootstraps=2)
        p_values += noise.uns["iq_stability"]["p_value"].tolist()
    # 5 % expected; measured 0.05 over 100 tests
    assert np.mean(np.array(p_values) < 0.05) < 0.12
    assert 0.35 < np.mean(p_values) < 0.65


def test_too_few_peaks_and_training_peaks(fitted, caplog):
    few = fitted[:, (fitted.varm["iq"]["split"] == "train").to_numpy()].copy()
    iq.tl.stability(few, n_bootstraps=2)
    table = few.uns["iq_stability"]
    assert table[["p_value", "q_value"]].isna().all().all()
    assert table["effect_low"].notna().all()
    assert table["test"].str.contains("0 test peaks are too few for").all()
    with pytest.raises(ValueError, match="n_bootstraps"):
        iq.tl.stability(fitted, n_bootstraps=1)
    with pytest.raises(ValueError, match="peaks must be 'test' or 'train', got 'all'"):
        iq.tl.stability(fitted, peaks="all")
    fitted.uns["other"], fitted.varm["other"] = fitted.uns["iq"], fitted.varm["iq"]
    iq.tl.stability(fitted, n_bootstraps=2, peaks="train", key="other")
    assert "p-values on training peaks are too small" in caplog.text
    # each model has a table of its own
    assert "other_stability" in fitted.uns
    assert "iq_stability" not in fitted.uns
    table = dict(fitted.uns["iq"])
    table["stats"] = {**table["stats"], "r2_test_low": 0.0}
    fitted.uns["iq"] = table
    iq.tl.stability(fitted, n_bootstraps=2)
    assert "does not differ from 0" in caplog.text


def test_a_motif_is_tested_beside_the_rest_as_it_is(full):
    iq.tl.stability(full, n_bootstraps=2)
    table, model = full.uns["iq_stability"], iq.get.model(full)
    assert (table["test"] == "rest fixed").all()
    # the strongest motifs hold on peaks that did not choose them
    assert (table["p_value"].iloc[:4] < 1e-3).all()
    held_out = (full.varm["iq"]["split"] == "test").to_numpy()
    values, dap = model.values(full)[held_out], full.varm["iq"]["dap"].to_numpy(dtype=float)[held_out]
    low, high = model.dap_range
    y = np.clip((dap - low) / (high - low), 0, 1)
    motif = int(np.flatnonzero(model.motif_names == table.index[0])[0])
    X = columns(values, model.interactions)
    group = groups_with_pairs(len(model.terms), model.interactions)[motif]
    weights = np.concatenate([model.coefficients.ravel(), model.interactions.coefficients.ravel()])
    rest = (np.delete(X, group, axis=1) @ np.delete(weights, group))[:, None]
    alone, both = (fit_logistic(Z, y, lambda_=0.0) for Z in (rest, np.hstack([rest, X[:, group]])))
    rank = np.linalg.matrix_rank(np.column_stack([np.ones(len(y)), rest, X[:, group]]))
    p = logistic(both.linear_predictor(np.hstack([rest, X[:, group]])))
    dispersion = ((y - p) ** 2 / (p * (1 - p))).sum() / (len(y) - rank)
    ratio = 2 * len(y) * (alone.objective - both.objective) / (rank - 2) / dispersion
    assert table["p_value"].iloc[0] == pytest.approx(f.sf(ratio, rank - 2, len(y) - rank), rel=1e-3)
