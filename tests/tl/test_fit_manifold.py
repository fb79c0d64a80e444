"""The face of a manifold's fit, and of models that were fitted one by one."""

import numpy as np
import pandas as pd
import pytest

import iceqream as iq


@pytest.fixture(scope="module")
def small():
    return iq.datasets.simulated_motifs(decoys=False, manifold=True)


def test_results_follow_the_peaks(branches):
    model, held = iq.get.model(branches, "iq_manifold"), branches.varm["iq_manifold"]
    assert held.shape == (branches.n_vars, 3, 3)
    assert held.dtype == np.float32
    predicted = model.predict(branches)
    ap = branches.to_df("ap").T
    for t, name in enumerate(model):
        start, end = model[name].states
        np.testing.assert_allclose(held[:, t, 0], ap[end] - ap[start], atol=1e-6)
        np.testing.assert_allclose(held[:, t, 1], predicted[name], atol=1e-6)
        table = iq.get.predictions_df(branches, "iq_manifold", trajectory=name)
        np.testing.assert_array_equal(table["pred"], held[:, t, 1])
        assert table["split"].value_counts().to_dict() == {"train": 960, "test": 240, "unused": 0}
    # what is held out is held out in all
    assert (held[:, :, 2] == held[:, :1, 2]).all()
    some = branches[:, :7].copy()
    assert some.varm["iq_manifold"].shape == (7, 3, 3)
    assert model.params["preset"] == "default"
    assert model["to A/3"].params["split"] == 0.2


def test_peaks_weights_and_groups_by_trajectory(simulated_manifold, small, quick):
    adata = simulated_manifold
    adata.var["w"] = np.linspace(0.1, 1, adata.n_vars)
    first = np.arange(adata.n_vars) < 700
    iq.tl.fit_manifold(
        adata, {"a": ("stem", "A"), "b": ("stem", "B")}, groupby="branch", motifs=small, min_tss_distance=None,
        peaks={"a": first, "b": None}, weights="w", key_added="m", refine=False, progress=False, **quick,
    )  # fmt: skip
    held = adata.varm["m"]
    assert held.shape == (adata.n_vars, 2, 4)
    np.testing.assert_allclose(held[:, 0, 3], adata.var["w"], rtol=1e-6)
    assert (held[700:, 0, 2] == 2).all()
    assert (held[:, 1, 2] < 2).all()
    means = adata.to_df("ap").groupby(adata.obs["branch"].astype(str)).mean()
    np.testing.assert_allclose(held[:, 1, 0], means.loc["B"] - means.loc["stem"], atol=1e-6)
    assert iq.get.model(adata, "m").params["groupby"] == "branch"


@pytest.mark.parametrize(
    ("trajectories", "options", "error", "match"),
    [
        ({"a": ("stem", "A3")}, {}, ValueError, "at least two trajectories"),
        ({}, {"split": "chrom"}, ValueError, "at least two trajectories, got none"),
        ({"a": ("stem", "A3"), "b": None}, {}, ValueError, "'b' needs a start and an end state, got None"),
        ({1: ("stem", "A3"), "1": ("stem", "B3")}, {}, ValueError, "Two trajectories are called 1"),
        ({"a": ("stem", "A3"), "b": ("stem", "stem")}, {}, ValueError, "'b' starts and ends in 'stem'"),
        ({"a": ("stem", "A3"), "b": ("stem", "A3")}, {}, ValueError, "a, b have the same two states"),
        ({"a": ("stem", "A3"), "b": "stem"}, {}, ValueError, "'b' needs a start and an end state"),
        ([("stem", "A3")], {}, TypeError, "must be a dictionary"),
        ({"a": ("stem", "A3"), "b": ("stem", "Z9")}, {}, KeyError, "Z9"),
        ({"a": ("stem", "A3"), "b": ("stem", "B3")}, {"peaks": {"a": None}}, KeyError, "missing: b"),
        ({"a": ("stem", "A3"), "b": ("stem", "B3")}, {"peaks": {"a": None, "b": ["x"]}}, KeyError, "Trajectory 'b': 1"),
        ({"a": ("stem", "A3"), "b": ("stem", "B3")}, {"max_motif": 3}, TypeError, "fit_manifold has no option max_mot"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_written(
    simulated_manifold, small, trajectories, options, error, match
):
    with pytest.raises(error, match=match):
        iq.tl.fit_manifold(simulated_manifold, trajectories, motifs=small, min_tss_distance=None, **options)
    assert "iq_manifold" not in simulated_manifold.uns


@pytest.fixture(scope="module")
def one_by_one(_simulated_manifold, small):
    """Two trajectories fitted one by one, with one split, and one of them with another."""
    adata = _simulated_manifold.copy()
    adata.var["fold"] = np.where(np.arange(adata.n_vars) % 5, "train", "test")
    quick = {"motifs": small, "min_tss_distance": None, "size_folds": 0, "interactions": False, "refine": False}
    for name in ("A", "B"):
        iq.tl.fit_trajectory(adata, "stem", f"{name}3", split="fold", max_motifs=6, key_added=name, **quick)
    iq.tl.fit_trajectory(adata, "stem", "C3", max_motifs=3, key_added="other split", **quick)
    iq.tl.fit_trajectory(adata, "stem", "C3", split="fold", max_motifs=3, features=False, key_added="bare", **quick)
    iq.tl.fit_trajectory(adata, "stem", "C", groupby="branch", split="fold", max_motifs=3, key_added="grouped", **quick)
    return adata


def test_models_fitted_one_by_one_share_their_motifs(one_by_one):
    adata = iq.tl.homogenize(one_by_one, {"to A": "A", "to B": "B"}, copy=True, progress=False)
    assert "iq_manifold" not in one_by_one.uns
    model = iq.get.model(adata, "iq_manifold")
    assert model.names == ("to A", "to B")
    own = [iq.get.model(adata, name) for name in ("A", "B")]
    assert len(model.pbms) < sum(len(one.pbms) for one in own)
    assert model.members["motif"].tolist() == [*own[0].motif_names, *own[1].motif_names]
    for name, one in zip(model, own, strict=True):
        assert model[name].states == one.states
        assert model[name].stats["r2_test"] > one.stats["r2_test"] - 0.03
        assert model[name].levels.iloc[0].drop(["level"]).equals(one.levels.iloc[-1].drop(["level"]))
        table = iq.get.predictions_df(adata, "iq_manifold", trajectory=name)
        alone = iq.get.predictions_df(adata, name[-1])
        pd.testing.assert_series_equal(table["split"], alone["split"], check_names=False)
        np.testing.assert_allclose(table["dap"], alone["dap"], atol=1e-7)
    # what is shared is named by the library if it is given
    few = iq.tl.homogenize(one_by_one, ["A", "B"], n_motifs=3, motifs=iq.datasets.simulated_motifs(manifold=True),
                           refine_common=False, copy=True, progress=False)  # fmt: skip
    assert len(iq.get.model(few, "iq_manifold").pbms) <= 3


def test_some_models_may_have_weights_and_what_differs_is_not_kept(one_by_one, small, caplog):
    adata = one_by_one.copy()
    adata.var["w"] = np.linspace(0.1, 1, adata.n_vars)
    iq.tl.fit_trajectory(adata, "stem", "C3", motifs=small, min_tss_distance=None, split="fold", weights="w",
                         size_folds=0, refine=False, max_motifs=4, rng=3, key_added="C")  # fmt: skip
    for keys in (["A", "C"], ["C", "A"]):
        iq.tl.homogenize(adata, keys, rng=5, progress=False)
        weights = {name: iq.get.predictions_df(adata, "iq_manifold", trajectory=name)["weight"] for name in keys}
        np.testing.assert_allclose(weights["C"], adata.var["w"], rtol=1e-6)
        assert (weights["A"] == 1).all()
    assert "are replaced" in caplog.text
    model = iq.get.model(adata, "iq_manifold")
    assert model.params["rng"] == model["C"].params["rng"] == 5
    with pytest.raises(ValueError, match="key_added='C' is the key of one of the models"):
        iq.tl.homogenize(adata, ["A", "C"], key_added="C")


def test_own_is_the_model_that_is_there(one_by_one):
    adata = one_by_one.copy()
    first = str(iq.get.model(adata, "B").motif_names[0])
    iq.tl.remove_motifs(adata, [first], key="B", key_added="fewer")
    iq.tl.homogenize(adata, ["A", "fewer"], refine_common=False, progress=False)
    own = iq.get.levels_df(adata, "iq_manifold", trajectory="fewer").loc["own"]
    assert own["motifs"] == len(iq.get.model(adata, "fewer").pbms)
    assert own["r2_test"] == iq.get.model(adata, "fewer").stats["r2_test"]


@pytest.mark.parametrize(
    ("keys", "error", "match"),
    [
        (["A"], ValueError, "at least two models, got A"),
        ("AB", ValueError, "at least two models, got AB"),
        (["A", "A"], ValueError, "got A twice"),
        (["A", "nothing"], KeyError, "nothing"),
        (["A", "other split"], ValueError, "held out by one model and were learned from by another"),
        (["A", "bare"], ValueError, "differ in features"),
        (["A", "grouped"], ValueError, "differ in groupby"),
        ({1: "A", "1": "B"}, ValueError, "Two trajectories are called 1"),
        (["A", "both"], ValueError, "'both'.* holds a manifold"),
    ],
)
def test_models_that_cannot_share_are_refused(one_by_one, manifold, keys, error, match):
    one_by_one.uns["both"] = manifold.uns["iq_manifold"]
    with pytest.raises(error, match=match):
        iq.tl.homogenize(one_by_one, keys)
    assert "iq_manifold" not in one_by_one.uns
