import numpy as np
import pytest

import iceqream as iq


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
        simulated, "S1", "S4", motifs=library, min_residual_r2=0.0, interactions=False, split=0.5, features=False
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
    iq.tl.stability(fitted, n_bootstraps=2, peaks="train")
    assert "p-values on training peaks are too small" in caplog.text
