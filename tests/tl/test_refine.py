"""Refinement of a fitted model: better, never worse, and what is kept of it."""

import logging

import anndata as ad
import mudata as md
import numpy as np
import pytest

import iceqream as iq
from iceqream.motifs.similarity import with_own


@pytest.fixture(scope="session")
def _unrefined(_simulated, library):
    """Motifs of the library as they are, at half their energies, with pairs: there is much to learn."""
    adata = _simulated.copy()
    iq.tl.fit_trajectory(
        adata, "S1", "S4", motifs=library.sharpened(0.5), learning="clusters", refine=False, consolidation="none",
        curve_passes=0, max_motifs=8, lambda_=1e-3, selection_lambda=2e-3, min_residual_r2=0.0005,
    )  # fmt: skip
    return adata


@pytest.fixture
def unrefined(_unrefined):
    return _unrefined.copy()


def test_refinement_finds_what_was_planted(unrefined, library):
    before = iq.get.model(unrefined)
    assert before.pbms.start is None
    iq.tl.refine(unrefined, key_added="r")
    after = iq.get.model(unrefined, "r")
    # 0.594 and 0.652 were measured
    assert after.stats["r2_test"] > before.stats["r2_test"] + 0.02
    levels = iq.get.levels_df(unrefined, "r")
    assert levels.index.tolist() == [*before.levels["level"], "refined"]
    assert levels["r2_test"].iloc[-1] == after.stats["r2_test"]
    assert after.stats["refine_passes"] >= 1
    np.testing.assert_allclose(unrefined.varm["r"]["pred"], after.predict(unrefined), atol=1e-6)
    # what it started from
    start = after.pbms.start
    assert set(after.motif_names) <= set(before.motif_names)
    assert start.motifs.names.tolist() == after.motif_names.tolist()
    for name in after.motif_names:
        np.testing.assert_allclose(start.motifs.matrix(name), before.pbms.motifs.matrix(name), atol=1e-3)
    table = iq.get.motifs_df(unrefined, "r")
    want = dict(zip(after.motif_names, with_own(after.pbms.motifs, start.motifs), strict=True))
    np.testing.assert_allclose(table["start_similarity"], [want[name] for name in table.index], atol=1e-12)
    assert (table["start"] == table.index).all()
    assert "start" not in iq.get.motifs_df(unrefined)


def test_pairs_stay_with_a_scale_of_their_own(unrefined):
    before = iq.get.model(unrefined)
    assert len(before.interactions) > 0
    iq.tl.refine(unrefined, pssm_pull=5.0)
    after = iq.get.model(unrefined)
    known = set(before.interaction_names)
    assert set(after.interaction_names) <= known
    assert len(after.interactions) > 0
    values = after.values(unrefined)[(unrefined.varm["iq"]["split"] == "train").to_numpy()]
    fresh = after.interactions.scaled_to(values, after_support(after))
    np.testing.assert_allclose(after.interactions.low, fresh.low, atol=1e-12)
    np.testing.assert_allclose(after.interactions.high, fresh.high, atol=1e-12)
    assert after.stats["refine_pull"] == 5.0


def after_support(model):
    return iq.models.FitOptions().support(model.stats["n_train"])


def test_never_worse(unrefined, caplog):
    # dAP that has nothing to do with the motifs: nothing they learn holds on other peaks
    table = unrefined.varm["iq"]
    used = (table["split"] != "unused").to_numpy()
    dap = table["dap"].to_numpy().copy()
    dap[used] = np.random.default_rng(1).permutation(dap[used])
    iq.tl.refit(unrefined, response=np.where(used, dap, 0.0), lambda_=1e-3, key_added="noise")
    before = unrefined.uns["noise"]
    with caplog.at_level(logging.WARNING):
        iq.tl.refine(unrefined, key="noise", key_added="again")
    assert "refinement would raise the deviance of held-out peaks" in caplog.text
    again, model = iq.get.model(unrefined, "again"), iq.models.TrajectoryModel.from_uns(before)
    np.testing.assert_array_equal(again.predict(unrefined), model.predict(unrefined))
    assert again.levels.equals(model.levels)
    assert again.pbms.start is None


def test_threads_and_copies(unrefined):
    one = iq.tl.refine(unrefined, pssm_pull=20.0, n_jobs=1, copy=True)
    two = iq.tl.refine(unrefined, pssm_pull=20.0, n_jobs=2, copy=True)
    assert iq.get.model(unrefined).pbms.start is None
    first, second = iq.get.model(one), iq.get.model(two)
    np.testing.assert_array_equal(first.pbms.motifs.pssm, second.pbms.motifs.pssm)
    np.testing.assert_array_equal(first.predict(unrefined), second.predict(unrefined))


def test_a_stronger_pull_changes_less(unrefined):
    similarities = []
    for pull in (0.0, 1000.0):
        iq.tl.refine(unrefined, pssm_pull=pull, key_added="r")
        similarities.append(iq.get.motifs_df(unrefined, "r")["start_similarity"].mean())
    assert similarities[1] > similarities[0]
    assert similarities[1] > 0.98


@pytest.mark.parametrize("format_", ["h5ad", "zarr", "h5mu"])
def test_the_start_survives(fitted, tmp_path, format_):
    path = tmp_path / f"data.{format_}"
    if format_ == "h5mu":
        md.MuData({"atac": fitted}).write(path)
        again = md.read(path)["atac"]
    else:
        getattr(fitted, f"write_{format_}")(path)
        again = getattr(ad, f"read_{format_}")(path)
    before, after = iq.get.model(fitted).pbms, iq.get.model(again).pbms
    np.testing.assert_array_equal(before.start.motifs.pssm, after.start.motifs.pssm)
    np.testing.assert_array_equal(before.start.spatial.weights, after.start.spatial.weights)
    assert before.start.motifs.names.tolist() == after.start.motifs.names.tolist()
    columns = ["start", "start_similarity"]
    assert iq.get.motifs_df(fitted)[columns].equals(iq.get.motifs_df(again)[columns])
    # and what later changes leave of the motifs
    first = str(iq.get.motifs_df(again).index[0])
    iq.tl.remove_motifs(again, first)
    left = iq.get.model(again).pbms
    kept = before.motifs.names != first
    assert left.start.motifs.names.tolist() == before.start.motifs.names[kept].tolist()


def test_models_of_layout_5_had_no_start(fitted):
    old = {name: value for name, value in fitted.uns["iq"].items() if not name.startswith("start_")}
    model = iq.models.TrajectoryModel.from_uns({**old, "schema_version": 5})
    assert model.pbms.start is None
    np.testing.assert_array_equal(model.predict(fitted), iq.get.model(fitted).predict(fitted))


def test_grown_motifs_name_the_library_motif_they_started_from(fitted, library):
    table = iq.get.motifs_df(fitted)
    assert set(table["start"]) <= set(library.names)
    assert table["start_similarity"].between(0, 1.0001).all()
    # a motif fused of two started from what the stronger one started from, and the others keep their start
    first, second = table.index[:2]
    iq.tl.merge_motifs(fitted, {"both": [first, second]})
    after = iq.get.motifs_df(fitted)["start"]
    assert after["both"] in set(table.loc[[first, second], "start"])
    others = table.index[2:]
    assert after[others].tolist() == table.loc[others, "start"].tolist()
    assert len(iq.get.model(fitted).pbms.start) == len(after)


def test_errors(unrefined, without_motifs):
    with pytest.raises(KeyError, match=r"no model in uns\['nope'\]"):
        iq.tl.refine(unrefined, key="nope")
    for given, message in (
        ({"pssm_pull": "auto"}, "pssm_pull must be 'cv' or a number"),
        ({"pssm_pull": -1.0}, "pssm_pull must be a number of at least 0, got -1.0"),
        ({"curve_smoothness": -1.0}, "curve_smoothness must be a number of at least 0"),
    ):
        with pytest.raises(ValueError, match=message):
            iq.tl.refine(unrefined, **given)
    iq.tl.refit(unrefined, mode="max", key_added="best")
    with pytest.raises(ValueError, match="only sums are refined"):
        iq.tl.refine(unrefined, key="best")
    with pytest.raises(ValueError, match="The model has no motifs"):
        iq.tl.refine(without_motifs)
