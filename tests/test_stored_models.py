"""One trajectory of a manifold is read like a model that stands alone, by every function that takes a model."""

import inspect
import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import iceqream as iq

PART = {"key": "iq_manifold", "trajectory": "to S4/late"}


def readers(space):
    """Functions that take one trajectory."""
    names = getattr(iq, space).__all__
    return [name for name in names if "trajectory" in inspect.signature(getattr(getattr(iq, space), name)).parameters]


QUESTIONS = {
    "compare_models",
    "contribution_track",
    "dependency_map",
    "design",
    "ensemble",
    "insert_sites",
    "interaction_support",
    "low_affinity",
    "motif_activity",
    "motif_enrichment",
    "motif_sites",
    "mutagenesis",
    "partial_dependence",
    "saturation_summary",
    "site_profile",
    "spacing_scan",
    "tf_expression",
    "validate_peaks",
    "variant_effects",
}
"""They read a model and write tables of their own."""


@pytest.mark.parametrize("name", [name for name in readers("get") if name != "model"])
def test_tables_are_those_of_the_model_alone(manifold, name):
    read = getattr(iq.get, name)
    arguments = {"locus": 3} if name == "local_contributions_df" else {}
    pd.testing.assert_frame_equal(
        read(manifold, **arguments, **PART), read(manifold, **arguments, key="alone"), check_exact=True
    )


ARGUMENTS = {
    "add_interactions": {"lambda_": 1e-3},
    "consolidate": {"n_motifs": 4, "min_correlation": -1.0, "motifs": iq.datasets.simulated_motifs(decoys=False)},
    "discover_motifs": {"n_motifs": 1, "kmer_width": 200, "min_dap": 0.1, "response": "residual"},
    "filter_motifs": {"min_residual_r2": 0.03},
    "merge_motifs": {"groups": {"merged": ["FOX", "POU"]}},
    "refine": {"pssm_pull": 20.0},
    "remove_motifs": {"motifs": ["FOX"]},
    "rename_motifs": {"names": {"FOX": "forkhead"}},
    "stability": {"n_bootstraps": 5},
}


@pytest.mark.parametrize("name", [name for name in readers("tl") if name not in QUESTIONS])
def test_tools_do_what_they_do_to_the_model_alone(manifold, name):
    tool, arguments = getattr(iq.tl, name), ARGUMENTS.get(name, {})
    before = iq.get.model(manifold, "iq_manifold")
    if name == "residual_r2":
        manifold.uns["alone"] = iq.get.model(manifold, **PART).to_uns()
        tool(manifold, **PART)
        tool(manifold, key="alone")
        one, other = (iq.get.motifs_df(manifold, **where) for where in (PART, {"key": "alone"}))
        pd.testing.assert_frame_equal(one, other, check_exact=True)
        return
    for where, added in ((PART, "part"), ({"key": "alone"}, "whole")):
        tool(manifold, **arguments, **where, key_added=added)
    if name == "stability":
        assert (manifold.uns["part"].pop("trajectory") == PART["trajectory"]).all()
        pd.testing.assert_frame_equal(manifold.uns["part"], manifold.uns["whole"], check_exact=True)
    elif name == "discover_motifs":
        one, other = (iq.get.discovered_motifs(manifold, key).motifs for key in ("part", "whole"))
        np.testing.assert_array_equal(one.pssm, other.pssm)
    else:
        for read in (iq.get.coefs_df, iq.get.interactions_df, iq.get.levels_df, iq.get.predictions_df):
            pd.testing.assert_frame_equal(read(manifold, "part"), read(manifold, "whole"), check_exact=True)
    after = iq.get.model(manifold, "iq_manifold")
    assert (after.motif_names == before.motif_names).all()
    np.testing.assert_array_equal(after.coefficients, before.coefficients)


CHANGES = [name for name in readers("tl") if name not in QUESTIONS | {"residual_r2", "stability", "discover_motifs"}]


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("added", [None, "iq_manifold"])
def test_a_changed_trajectory_needs_a_key_of_its_own(manifold, name, added):
    with pytest.raises(ValueError, match="shares its motifs; say where the changed model goes, key_added="):
        getattr(iq.tl, name)(manifold, **ARGUMENTS.get(name, {}), **PART, key_added=added)
    if name != "rename_motifs":
        with pytest.raises(ValueError, match=r"holds a manifold: name one of .*'early' or 'to S4/late'"):
            getattr(iq.tl, name)(manifold, **ARGUMENTS.get(name, {}), key="iq_manifold", key_added="other")
    assert "other" not in manifold.uns


def pixels(draw, *arguments, **where):
    plt.close("all")
    draw(*arguments, **where, show=False)
    figures = [plt.figure(number) for number in plt.get_fignums()]
    buffers = [io.BytesIO() for _ in figures]
    for figure, buffer in zip(figures, buffers, strict=True):
        figure.savefig(buffer, format="png", dpi=40)
    plt.close("all")
    return [buffer.getvalue() for buffer in buffers]


@pytest.mark.parametrize("name", readers("pl"))
def test_pictures_are_those_of_the_model_alone(manifold, name):
    draw = getattr(iq.pl, name)
    arguments = (manifold, 3) if name == "iq_plot" else (manifold,)
    one, other = pixels(draw, *arguments, **PART), pixels(draw, *arguments, key="alone")
    assert len(one) >= 1
    assert one == other
    with pytest.raises(ValueError, match="holds a manifold: name one of its trajectories"):
        draw(*arguments, key="iq_manifold", show=False)
    plt.close("all")


def test_reports_are_those_of_the_model_alone(manifold, tmp_path):
    one = iq.html_report(manifold, tmp_path / "one", **PART)
    other = iq.html_report(manifold, tmp_path / "other", key="alone")
    assert one.read_text() == other.read_text()
    assert "S2 → S4" in one.read_text()


@pytest.mark.parametrize(
    "read",
    [iq.get.coefs_df, iq.get.interactions_df, iq.get.levels_df, iq.get.motifs_df, iq.get.predictions_df],
)
def test_tables_of_all_trajectories_lie_below_each_other(manifold, read):
    every = read(manifold, "iq_manifold")
    assert every.columns[0] == "trajectory"
    assert list(every["trajectory"].unique()) == ["early", "to S4/late"]
    for name, part in every.groupby("trajectory"):
        want = read(manifold, "iq_manifold", trajectory=name)
        pd.testing.assert_frame_equal(part.drop(columns="trajectory"), want, check_exact=True)
    if read is not iq.get.predictions_df:
        model = iq.get.model(manifold, "iq_manifold")
        pd.testing.assert_frame_equal(read(model), every)
        pd.testing.assert_frame_equal(read(model, trajectory="early"), read(model["early"]))


def test_what_all_trajectories_share_comes_once(manifold):
    model = iq.get.model(manifold, "iq_manifold")
    energies = iq.get.energies_df(manifold, "iq_manifold")
    assert energies.columns.tolist() == model.motif_names.tolist()
    assert iq.get.energies_df(manifold, "iq_manifold", motifs=["FOX"]).equals(energies[["FOX"]])
    assert len(iq.get.motif_matches_df(manifold, "iq_manifold")) == 5 * len(model.motif_names)


def test_no_dropped_motifs_keep_their_columns(manifold):
    table = iq.get.dropped_motifs_df(manifold, "iq_manifold")
    assert table.columns.tolist() == ["trajectory", "level", "reason"]


def test_what_is_asked_for_and_is_not_there_is_named(manifold, fitted):
    with pytest.raises(KeyError, match=r"no trajectory 'lat'; it has early, to S4/late"):
        iq.get.motifs_df(manifold, "iq_manifold", trajectory="lat")
    with pytest.raises(KeyError, match=r"no trajectory 'lat'"):
        iq.get.predictions_df(manifold, "iq_manifold", trajectory="lat")
    with pytest.raises(ValueError, match=r"uns\['iq'\] holds one trajectory, S1 -> S4: leave trajectory='x' out"):
        iq.get.coefs_df(fitted, trajectory="x")
    with pytest.raises(ValueError, match="leave trajectory='x' out"):
        iq.get.predictions_df(fitted, trajectory="x")
    with pytest.raises(KeyError, match=r"no model in uns\['iq'\].*Models are in: iq_manifold, alone"):
        iq.get.motifs_df(manifold)
    with pytest.raises(ValueError, match=r"uns\['iq_manifold'\] holds a manifold"):
        iq.get.energy_bins_df(manifold, "iq_manifold")
    del manifold.varm["iq_manifold"]
    with pytest.raises(KeyError, match=r"no predictions in varm\['iq_manifold'\]"):
        iq.get.predictions_df(manifold, "iq_manifold")


def test_residual_r2_and_stability_are_of_all_trajectories(manifold):
    model = iq.get.model(manifold, "iq_manifold")
    assert np.isfinite(np.concatenate([one.residual_r2 for one in model.trajectories.values()])).all()
    iq.tl.stability(manifold, key="iq_manifold", n_bootstraps=5)
    every = manifold.uns["iq_manifold_stability"].copy()
    assert list(every["trajectory"].unique()) == ["early", "to S4/late"]
    iq.tl.stability(manifold, **{**PART, "trajectory": "early"}, n_bootstraps=5)
    again = manifold.uns["iq_manifold_stability"]
    assert list(again["trajectory"].unique()) == ["to S4/late", "early"]
    for name, part in every.groupby("trajectory"):
        pd.testing.assert_frame_equal(part, again[again["trajectory"] == name], check_exact=True)


def test_names_of_a_manifold_change_everywhere(manifold):
    before = iq.get.model(manifold, "iq_manifold")
    iq.tl.stability(manifold, key="iq_manifold", n_bootstraps=2)
    iq.tl.rename_motifs(manifold, {"FOX": "forkhead"}, key="iq_manifold")
    after = iq.get.model(manifold, "iq_manifold")
    want = ["forkhead" if name == "FOX" else name for name in before.motif_names]
    assert after.motif_names.tolist() == want
    for name in after:
        assert set(after[name].motif_names) <= set(want)
        assert "forkhead" in after[name].motif_names
    assert "FOX" not in set(after.members["common"])
    assert "forkhead" in manifold.uns["iq_manifold_stability"].index
    pd.testing.assert_frame_equal(after.predict(manifold), before.predict(manifold), check_exact=True)
    iq.tl.rename_motifs(manifold, by="consensus", key="iq_manifold", key_added="copy")
    assert all(name.startswith("motif ") for name in iq.get.model(manifold, "copy").motif_names)
    assert iq.get.model(manifold, "iq_manifold").motif_names.tolist() == want
    np.testing.assert_array_equal(manifold.varm["copy"], manifold.varm["iq_manifold"])
    with pytest.raises(KeyError, match="no motif FXO"):
        iq.tl.rename_motifs(manifold, {"FXO": "x"}, key="iq_manifold")


ANSWERS = [
    "cluster_peaks", "compare_models", "ensemble", "interaction_support", "low_affinity", "motif_activity",
    "motif_enrichment", "partial_dependence",
]  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_do_not_replace_models(fitted, name):
    given = {"ensemble": ({"other": np.zeros(fitted.n_vars)},)}.get(name, ())
    with pytest.raises(ValueError, match="holds a model"):
        getattr(iq.tl, name)(fitted, *given, key_added="iq")
    assert len(iq.get.model(fitted).pbms)
