import logging
from dataclasses import replace

import numpy as np
import pytest

import iceqream as iq
from iceqream._core.correlation import r2
from iceqream.tl._fitted import fitted as fitted_of
from iceqream.tl._model_variants import VARIANTS, Setting

NOT_HERE = {"xgboost"}
OF_TERMS = (
    "effects", "own_effects", "pair_effects", "dap_effects", "effect_errors", "correlations", "quantiles",
    "residual_r2",
)  # fmt: skip


def test_models_are_compared_on_the_split_of_the_fit(compared_models):
    table = iq.get.model_comparison_df(compared_models)
    said, model = compared_models.varm["model_comparison"], iq.get.model(compared_models)
    assert [name for name in table.index if name not in NOT_HERE] == [
        "features", "database", "clusters", "pbm_linear", "gam", "boosting", "iq_no_features", "iq_unrefined", "iq_max",
        "iq_no_pairs", "iq",
    ]  # fmt: skip
    test = (compared_models.varm["iq"]["split"] == "test").to_numpy()
    for name, row in table.iterrows():
        assert (said[name].notna() == test).all()
        # predictions are kept as float32: measured 1e-8
        assert row["r2"] == pytest.approx(r2(said[name][test], said["dap"][test]), abs=1e-6)
        assert row["r2_low"] < row["r2"] < row["r2_high"]
        assert row["difference"] == pytest.approx(row["r2"] - table.loc["iq", "r2"], abs=1e-9)
    stats = model.stats
    assert table.loc["iq", ["r2_train", "r2"]].tolist() == pytest.approx([stats["r2_train"], stats["r2_test"]])
    assert table.loc["iq", "n_terms"] == len(model.terms) + len(model.interactions)
    assert table.loc["iq", ["difference", "se"]].tolist() == [0, 0]
    assert np.isnan(table.loc["iq", "seconds"])
    # the simulated response is a logistic one of the motifs: measured 0.02, 0.42, 0.41, 0.50 and 0.53
    assert table.loc["features", "r2"] < 0.1
    assert table.loc[["database", "clusters", "pbm_linear"], "high"].max() < 0.02
    others = table.drop(index="iq")
    assert (others["se"] > 0).all()
    assert (others["seconds"] > 0).all()


def test_parts_of_the_model_are_those_of_refit(compared_models):
    said = compared_models.varm["model_comparison"]
    test = said["iq"].notna()
    for name, change in (("iq_no_features", {"features": False}), ("iq_no_pairs", None)):
        data = compared_models.copy()
        if change is None:
            model = iq.get.model(data)
            nothing = np.array([], dtype=int)
            kept = replace(model, interactions=model.interactions.take(nothing), effects=nothing.astype(float),
                           effect_errors=nothing.astype(float), residual_r2=nothing.astype(float))  # fmt: skip
            data.uns["iq"] = kept.to_uns()
        iq.tl.refit(data, lambda_="cv", **(change or {}))
        # other folds choose the penalty: measured 0.9990 and more
        assert np.corrcoef(data.varm["iq"]["pred"][test], said[name][test])[0, 1] > 0.995


def test_held_out_peaks_decide_nothing_and_threads_neither(full, library, rng):
    models = ["database", "clusters", "gam", "boosting", "iq_max", "iq_no_pairs"]
    iq.tl.compare_models(full, motifs=library, models=models, n_jobs=1)
    other = full.copy()
    test = (full.varm["iq"]["split"] == "test").to_numpy()
    table = other.varm["iq"].copy()
    table.loc[test, "dap"] = rng.permutation(table["dap"][test].to_numpy())
    other.varm["iq"] = table
    iq.tl.compare_models(other, motifs=library, models=models, n_jobs=2)
    for name in models:
        np.testing.assert_array_equal(other.varm["model_comparison"][name], full.varm["model_comparison"][name])
    # one model is the same whatever else is asked for
    iq.tl.compare_models(full, motifs=library, models="boosting", key_added="one")
    np.testing.assert_array_equal(full.varm["one"]["boosting"], full.varm["model_comparison"]["boosting"])
    assert iq.get.model_comparison_df(full, "one").index.tolist() == ["boosting", "iq"]


def test_in_folds_everything_is_learned_anew(simulated, library):
    rng = np.random.default_rng(0)
    simulated.var["mark"], simulated.var["weight"] = rng.normal(size=(2, simulated.n_vars))
    simulated.var["weight"] = np.exp(0.2 * simulated.var["weight"])
    options = {
        "features": ["gc_content", "mark"], "weights": "weight", "learning": "clusters", "refine": False,
        "max_motifs": 4, "interactions": False, "motifs": library,
    }  # fmt: skip
    iq.tl.fit_trajectory(simulated, "S1", "S4", **options)
    before = simulated.uns["iq"]["coefficients"].copy()
    simulated.var["half"] = np.where(np.arange(simulated.n_vars) % 2, "odd", "even").astype(object)
    simulated.var.loc[simulated.var_names[:60], "half"] = None
    iq.tl.compare_models(simulated, motifs=library, folds="half", models=["pbm_linear", "iq_no_features"])
    table, stored = iq.get.model_comparison_df(simulated), simulated.uns["model_comparison"]
    said = simulated.varm["model_comparison"]
    np.testing.assert_array_equal(simulated.uns["iq"]["coefficients"], before)
    modelled = (simulated.varm["iq"]["split"] != "unused").to_numpy() & (np.arange(simulated.n_vars) >= 60)
    assert (said["iq"].notna() == modelled).all()
    assert stored["n_test"].tolist() == stored["n_train"].tolist()[::-1]
    assert table.loc["iq", "seconds"] > 0
    for k, fold in enumerate(map(str, stored["folds"])):
        inside = modelled & (said["fold"] == fold).to_numpy()
        assert stored["r2"][-1, k] == pytest.approx(r2(said["iq"][inside], said["dap"][inside]), abs=1e-6)
        split = np.where(inside, "test", np.where(modelled, "train", "unused"))
        simulated.var["split"] = split
        work = simulated.copy()
        iq.tl.fit_trajectory(work, "S1", "S4", split="split", key_added="again", **options)
        # the seed differs, and with it the folds that choose penalties: measured 0.99
        assert np.corrcoef(work.varm["again"]["pred"][inside], said["iq"][inside])[0, 1] > 0.9
    differences = stored["r2"][0] - stored["r2"][-1]
    # the corrected variance of two folds
    assert table.loc["pbm_linear", "difference"] == pytest.approx(differences.mean())
    ratio = np.mean(stored["n_test"] / stored["n_train"])
    assert table.loc["pbm_linear", "se"] == pytest.approx(np.sqrt(differences.var(ddof=1) * (0.5 + ratio)))


def test_what_makes_no_sense_is_left_out(fitted, library, caplog):
    with caplog.at_level(logging.INFO, "iceqream"):
        iq.tl.compare_models(fitted, motifs=library, models=["iq_no_pairs", "iq_max"])
    assert iq.get.model_comparison_df(fitted).index.tolist() == ["iq_max", "iq"]
    assert "IQ without pairs is left out: the model has no interactions" in caplog.text


def test_beside_a_model_without_motifs_stand_the_features_alone(without_motifs, library):
    iq.tl.compare_models(without_motifs, motifs=library)
    assert iq.get.model_comparison_df(without_motifs).index.tolist() == ["features", "iq"]


def test_where_a_fold_finds_neither_motif_nor_pair_the_others_stand(without_motifs):
    fit = fitted_of(without_motifs, "iq", "atac")
    bare = replace(fit, model=replace(fit.model, features=fit.model.features.take(np.array([], int)),
                   coefficients=np.zeros((0, 4)), **dict.fromkeys(OF_TERMS, np.array([]))),
                   values=fit.values[:, :0])  # fmt: skip
    library = iq.datasets.simulated_motifs()
    for name, variant in VARIANTS.items():
        if name not in NOT_HERE:
            for part, n_terms in ((fit, len(fit.model.features)), (bare, 0)):
                said = variant.predicted(Setting(part, library, 0))
                assert said.n_terms == (0 if name == "iq_no_features" else n_terms)
                assert np.isfinite(said.dap).all()
                if said.n_terms == 0:
                    assert np.ptp(said.dap) == 0


def test_a_trajectory_of_a_manifold_is_compared_on_its_split(manifold, library):
    options = {"motifs": library, "models": ["pbm_linear"]}
    iq.tl.compare_models(manifold, key="iq_manifold", trajectory="to S4/late", **options)
    shared = manifold.varm["model_comparison"].copy()
    iq.tl.compare_models(manifold, key="alone", **options)
    np.testing.assert_array_equal(shared, manifold.varm["model_comparison"])
    with pytest.raises(ValueError, match="share their motifs"):
        iq.tl.compare_models(manifold, key="iq_manifold", trajectory="early", folds=2, **options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"models": ["gbm"]}, KeyError, "no model to compare called gbm; there is features, database, clusters"),
        ({"folds": 1}, ValueError, "two folds or more"),
        ({"folds": "nope"}, KeyError, "nor a column of var"),
        ({"folds": "one"}, ValueError, "two or more with modelled peaks"),
        ({"folds": "few"}, ValueError, "3 peaks are held out by fold a; 10 are needed"),
        ({"folds": "many"}, ValueError, "Without fold b 40 training peaks are left; at least 100"),
        ({"key": "nothing"}, KeyError, "nothing"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_any_work(fitted, library, options, error, message):
    modelled = np.flatnonzero(fitted.varm["iq"]["split"] != "unused")
    fitted.var["one"] = "a"
    for name, n in (("few", 3), ("many", 40)):
        fitted.var[name] = "b"
        fitted.var.loc[fitted.var_names[modelled[:n]], name] = "a"
    with pytest.raises(error, match=message):
        iq.tl.compare_models(fitted, motifs=library, **options)
    assert "model_comparison" not in fitted.uns


def test_without_held_out_peaks_folds_are_asked_for(fitted, library):
    table = fitted.varm["iq"].copy()
    table["split"] = table["split"].replace("test", "unused")
    fitted.varm["iq"] = table
    with pytest.raises(ValueError, match=r"0 peaks are held out by the split of the fit; 10 are needed. folds=5"):
        iq.tl.compare_models(fitted, motifs=library)
