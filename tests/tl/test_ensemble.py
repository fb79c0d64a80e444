import logging

import numpy as np
import pandas as pd
import pytest

import iceqream as iq
from iceqream._core.stacking import stack


@pytest.fixture
def others(fitted, rng):
    """Two predictions of dAP: a good one on another scale, and noise."""
    dap = fitted.varm["iq"]["dap"].to_numpy(dtype=float)
    sd = dap.std()
    return {"a network": 7 + 20 * (dap + sd * rng.normal(size=len(dap))), "noise": rng.normal(size=len(dap))}


def test_the_ensemble_is_better_than_its_parts_and_noise_gets_no_weight(fitted, others):
    iq.tl.ensemble(fitted, others)
    table, said = iq.get.ensemble_df(fitted), fitted.varm["ensemble"]
    assert table.index.tolist() == ["iq", "a network", "noise", "ensemble"]
    test = (fitted.varm["iq"]["split"] == "test").to_numpy()
    dap = said["dap"].to_numpy(dtype=float)
    for name in table.index:
        assert (said[name].notna() == test).all()
    want = {"iq": fitted.varm["iq"]["pred"], **others, "ensemble": said["ensemble"]}
    for name, values in want.items():
        score = np.corrcoef(np.asarray(values)[test], dap[test])[0, 1] ** 2
        assert table.loc[name, "r2"] == pytest.approx(score, abs=1e-6)
    # measured gains of 0.15 and 0.16, errors of 0.03
    assert (table.loc[["iq", "a network"], "gain"] > 3 * table.loc[["iq", "a network"], "gain_se"]).all()
    assert table.loc["noise", "weight"] < 2 * table.loc["noise", "weight_se"] + 1e-9
    assert (table["weight"].dropna() >= 0).all()
    found = stack(np.column_stack([fitted.varm["iq"]["pred"], *others.values()])[test], dap[test], np.ones(test.sum()))
    np.testing.assert_allclose(table["weight"].iloc[:-1], found.weights, rtol=1e-9)
    ratio = others["a network"][test].std() / dap[test].std()
    row = table.loc["a network"]
    assert row["standardized"] == pytest.approx(ratio * row["weight"], rel=1e-6)
    assert table.loc["ensemble", "gain"] == 0
    np.testing.assert_allclose(table["gain"], table.loc["ensemble", "r2"] - table["r2"], atol=1e-12)


def test_peaks_are_parted_by_who_explains_them(fitted, others):
    iq.tl.ensemble(fitted, others, threshold=0.1)
    table, said = iq.get.error_classes_df(fitted), fitted.varm["ensemble"]
    test = said["iq"].notna().to_numpy()
    column = fitted.var["ensemble_a network"]
    assert column[~test].isna().all()
    by_own, by_other = ((said[name] - said["dap"]).abs()[test] < 0.1 for name in ("iq", "a network"))
    dap = said["dap"][test].to_numpy(dtype=float)
    part = table[table["other"] == "a network"].set_index("class")
    for name, mask in (
        ("both", by_own & by_other), ("iq", by_own & ~by_other), ("other", ~by_own & by_other),
        ("neither", ~by_own & ~by_other),
    ):  # fmt: skip
        # the table is made before predictions become float32; none lies on the edge here
        assert part.loc[name, "n_peaks"] == mask.sum() == (column == name).sum()
        assert part.loc[name, "mean_dap"] == pytest.approx(dap[mask].mean())
        flat = np.abs(dap[mask] - dap.mean()) < 0.1
        assert part.loc[name, "n_by_mean"] == flat.sum()
    assert table.groupby("other")["fraction"].sum().tolist() == pytest.approx([1, 1])
    iq.tl.ensemble(fitted, others, key_added="half")
    assert fitted.uns["half"]["params"]["threshold"] == pytest.approx(dap.std() / 2)


def test_training_peaks_need_predictions_by_models_that_have_not_seen_them(fitted, others, rng, caplog):
    dap = fitted.varm["iq"]["dap"].to_numpy(dtype=float)
    train = (fitted.varm["iq"]["split"] == "train").to_numpy()
    learnt_by_heart = {"network": np.where(train, dap, dap + 3 * dap.std() * rng.normal(size=len(dap)))}
    with caplog.at_level(logging.WARNING, "iceqream"):
        iq.tl.ensemble(fitted, learnt_by_heart, stack_on="train")
    assert "has seen the training peaks" in caplog.text
    assert fitted.uns["ensemble"]["params"]["in_sample"]
    fooled = iq.get.ensemble_df(fitted)
    iq.tl.ensemble(fitted, learnt_by_heart)
    honest = iq.get.ensemble_df(fitted)
    # measured R2 of the ensemble 0.09 and 0.55, of IQ alone 0.53
    assert fooled.loc["network", "standardized"] > 0.95
    assert honest.loc["ensemble", "r2"] > honest.loc["iq", "r2"] - 0.02 > fooled.loc["ensemble", "r2"]
    caplog.clear()
    own = pd.Series(dap + dap.std() * rng.normal(size=len(dap)), index=fitted.var_names)
    iq.tl.ensemble(fitted, others, stack_on="train", out_of_fold=own)
    assert not caplog.text
    used = np.column_stack([own, *others.values()])[train]
    want = stack(used, dap[train], np.ones(train.sum())).weights
    # dAP is kept as float32
    np.testing.assert_allclose(iq.get.ensemble_df(fitted)["weight"].iloc[:-1], want, rtol=1e-6)


def test_predictions_come_in_many_forms(fitted, others):
    iq.tl.ensemble(fitted, others)
    want = iq.get.ensemble_df(fitted)
    shuffled = {
        name: pd.Series(v, index=fitted.var_names).sample(frac=1.0, random_state=0) for name, v in others.items()
    }
    for name, values in others.items():
        fitted.var[name] = values
    for form in (shuffled, pd.DataFrame(others, index=fitted.var_names), list(others)):
        iq.tl.ensemble(fitted, form)
        pd.testing.assert_frame_equal(iq.get.ensemble_df(fitted), want)
    iq.tl.ensemble(fitted, "noise", key_added="one")
    assert iq.get.ensemble_df(fitted, "one").index.tolist() == ["iq", "noise", "ensemble"]


def test_values_are_needed_for_held_out_peaks_alone(fitted, others):
    test = (fitted.varm["iq"]["split"] == "test").to_numpy()
    iq.tl.ensemble(fitted, {name: np.where(test, values, np.nan) for name, values in others.items()})
    first = fitted.var_names[test][1]
    broken = np.where(fitted.var_names == first, np.nan, others["noise"])
    with pytest.raises(ValueError, match=f"'noise' has no finite value for 1 of {test.sum()} .*{first}"):
        iq.tl.ensemble(fitted, {"noise": broken})
    with pytest.raises(ValueError, match=r"'noise' has no finite value for \d+ of"):
        iq.tl.ensemble(fitted, {"noise": np.where(test, 1.0, np.nan)}, stack_on="train")


@pytest.mark.parametrize(
    ("predictions", "options", "error", "message"),
    [
        ({}, {}, ValueError, "got none"),
        ({"a/b": 0}, {}, ValueError, "without '/'.*'a/b'"),
        ({"iq": 0}, {}, ValueError, "cannot be called iq"),
        ({"a": np.zeros(3)}, {}, ValueError, r"'a' needs one value per peak \(1500\), got shape \(3,\)"),
        ({"a": pd.Series([1.0], index=["x"])}, {}, ValueError, "is of none of the peaks"),
        ({"a": pd.Series([1.0, 2.0], index=["x", "x"])}, {}, ValueError, r"several values of 1 peak\(s\): x"),
        ("nope", {}, KeyError, "'nope' is not a numeric column of var"),
        (np.zeros(1500), {}, TypeError, "predictions are a dictionary"),
        ("tss_distance", {"stack_on": "all"}, ValueError, "stack_on must be"),
        ("tss_distance", {"out_of_fold": "tss_distance"}, ValueError, "used with stack_on='train'"),
        ("tss_distance", {"threshold": 0}, ValueError, "threshold must be"),
        ("tss_distance", {"n_folds": 1}, ValueError, "n_folds must be at least 2"),
        ("tss_distance", {"n_folds": 100}, ValueError, "peaks with weight are held out; 1000 are needed"),
    ],
)
def test_what_cannot_be_combined_is_refused_before_any_work(fitted, predictions, options, error, message):
    with pytest.raises(error, match=message):
        iq.tl.ensemble(fitted, predictions, **options)
    assert "ensemble" not in fitted.uns
    assert "ensemble" not in fitted.varm
