import numpy as np
import pandas as pd
import pytest

import iceqream as iq


def test_removing_motifs_refits_the_rest(fitted):
    before = iq.get.model(fitted)
    table = iq.get.motifs_df(fitted)
    strongest = table.index[0]
    iq.tl.remove_motifs(fitted, [strongest], key_added="less")
    after = iq.get.model(fitted, "less")
    assert strongest not in after.motif_names
    assert len(after.pbms) == len(before.pbms) - 1
    assert after.stats["r2_train"] < before.stats["r2_train"] - 0.01
    assert after.levels["level"].iloc[-1] == "remove_motifs"
    assert after.dropped.iloc[-1].tolist() == [strongest, "remove_motifs", "on request"]
    assert len(after.dropped) == len(before.dropped) + 1
    np.testing.assert_allclose(fitted.varm["less"]["pred"], after.predict(fitted), atol=1e-6)
    assert fitted.varm["less"]["dap"].equals(fitted.varm["iq"]["dap"])
    # the old model is as it was
    assert iq.get.model(fitted).terms.tolist() == before.terms.tolist()
    iq.tl.residual_r2(fitted)
    lost = before.stats["r2_train"] - after.stats["r2_train"]
    # both refits stop at a KKT residual of lambda / 1000
    assert iq.get.motifs_df(fitted).loc[strongest, "residual_r2"] == pytest.approx(lost, abs=1e-5)


def test_filter_keeps_what_is_worth_more(fitted):
    iq.tl.filter_motifs(fitted, min_residual_r2=0.06, key_added="few")
    few = iq.get.model(fitted, "few")
    before = iq.get.model(fitted)
    assert len(few.pbms) < len(before.pbms)
    new = iq.get.dropped_motifs_df(fitted, "few").iloc[len(before.dropped) :]
    assert set(new.index) == set(before.motif_names) - set(few.motif_names)
    assert (new["level"] == "filter_motifs").all()
    assert all(float(reason.removeprefix("residual R2 ")) < 0.06 for reason in new["reason"])
    iq.tl.residual_r2(fitted, key="few")
    assert iq.get.motifs_df(fitted, "few")["residual_r2"].min() >= 0.06


def test_renaming_by_what_the_matches_say(full, library):
    model = iq.get.model(full)
    table, pairs = iq.get.motifs_df(full), iq.get.interactions_df(full)
    position = {str(name): i for i, name in enumerate(model.motif_names)}
    for by, column in (("match", "match"), ("symbol", "symbol"), ("consensus", None), ("family", None)):
        iq.tl.rename_motifs(full, by=by)
        renamed = iq.get.model(full)
        names = renamed.motif_names
        assert len(set(names)) == len(names)
        if column:
            assert [names[position[str(n)]] for n in table.index] == table[column].tolist()
        again = iq.get.interactions_df(full)
        for end in ("first", "second"):
            here = [names[position[n]] if n in position else n for n in pairs[end]]
            assert again[end].tolist() == here
        np.testing.assert_array_equal(renamed.predict(full), model.predict(full))
    assert names.tolist() == model.motif_names.tolist()
    iq.tl.rename_motifs(full, library, by="match")
    assert set(iq.get.model(full).motif_names) <= set(library.names)


def test_the_table_of_stability_follows_new_names(fitted):
    names = iq.get.model(fitted).motif_names
    fitted.uns["iq_stability"] = pd.DataFrame({"effect": np.arange(len(names))}, index=names[::-1])
    iq.tl.rename_motifs(fitted, {names[0]: "mine"})
    assert fitted.uns["iq_stability"].index.tolist() == [*names[:0:-1], "mine"]
    other = pd.DataFrame({"effect": [1.0]}, index=["of another model"])
    fitted.uns["iq_stability"] = other
    iq.tl.rename_motifs(fitted, {"mine": "ours"})
    assert fitted.uns["iq_stability"] is other


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda a: iq.tl.remove_motifs(a, "nope"), KeyError, "no motif nope"),
        (lambda a: iq.tl.remove_motifs(a, iq.get.model(a).motif_names), ValueError, "No motif would be left"),
        (lambda a: iq.tl.merge_motifs(a, {"x": iq.get.model(a).motif_names[:1]}), ValueError, "needs two motifs"),
        (lambda a: iq.tl.merge_motifs(a, {}), ValueError, "none is given"),
        (
            lambda a: iq.tl.merge_motifs(a, {n: iq.get.model(a).motif_names[:2] for n in "xy"}),
            ValueError,
            "one group only",
        ),
        (
            lambda a: iq.tl.merge_motifs(a, {iq.get.model(a).motif_names[3]: iq.get.model(a).motif_names[:2]}),
            ValueError,
            "of that name already",
        ),
        (
            lambda a: iq.tl.rename_motifs(a, dict.fromkeys(iq.get.model(a).motif_names[:2], "x")),
            ValueError,
            "same name",
        ),
        (
            lambda a: iq.tl.rename_motifs(a, {iq.get.model(a).motif_names[0]: iq.get.model(a).features.names[0]}),
            ValueError,
            "A feature of the model has that name",
        ),
        (lambda a: iq.tl.rename_motifs(a, {iq.get.model(a).motif_names[0]: " "}), ValueError, "is empty"),
        (lambda a: iq.tl.merge_motifs(a, ["HIC", "CEBP"]), TypeError, r"such as \{'merged': .*got a list"),
        (
            lambda a: iq.tl.merge_motifs(a, {iq.get.model(a).features.names[0]: iq.get.model(a).motif_names[:2]}),
            ValueError,
            "of that name already",
        ),
        (lambda a: iq.tl.rename_motifs(a, by="nope"), ValueError, "by must be one of family, symbol, match"),
        (lambda a: iq.tl.consolidate(a, 0), ValueError, "n_motifs must be at least 1"),
        (lambda a: iq.tl.filter_motifs(a, key="nope"), KeyError, r"no model in uns\['nope'\].*Models are in: iq"),
    ],
)
def test_wrong_input_is_named_and_nothing_is_written(fitted, call, error, message):
    before = iq.get.model(fitted)
    with pytest.raises(error, match=message):
        call(fitted)
    assert iq.get.model(fitted).terms.tolist() == before.terms.tolist()
    assert len(iq.get.levels_df(fitted)) == len(before.levels)


def test_a_model_without_motifs_says_so(without_motifs, library):
    for edit in (
        lambda: iq.tl.remove_motifs(without_motifs, "GATA"),
        lambda: iq.tl.merge_motifs(without_motifs, {"merged": ["GATA", "CEBP"]}),
        lambda: iq.tl.consolidate(without_motifs, 2, motifs=library),
        lambda: iq.tl.filter_motifs(without_motifs),
        lambda: iq.tl.rename_motifs(without_motifs, {"GATA": "mine"}),
        lambda: iq.tl.rename_motifs(without_motifs, library),
        lambda: iq.get.energies_df(without_motifs, motifs=["GATA"]),
        lambda: iq.get.energy_bins_df(without_motifs, motifs=["GATA"]),
    ):
        with pytest.raises(ValueError, match="The model has no motifs: none lowers"):
            edit()
    assert iq.get.energies_df(without_motifs).shape == (without_motifs.n_vars, 0)


def test_the_table_of_sizes_stays_that_of_the_fit(fitted):
    sizes, names = iq.get.model(fitted).sizes, iq.get.model(fitted).motif_names
    assert len(sizes) > 2
    iq.tl.remove_motifs(fitted, names[-1], key_added="less")
    iq.tl.merge_motifs(fitted, {"merged": list(names[:2])}, key_added="merged")
    iq.tl.refine(fitted, pssm_pull=20.0, key_added="refined")
    for key in ("less", "merged", "refined"):
        pd.testing.assert_frame_equal(iq.get.model(fitted, key).sizes, sizes)
    # the folds know nothing of another response
    fitted.var["other"] = np.arange(fitted.n_vars, dtype=float)
    iq.tl.refit(fitted, response="other", key_added="other")
    assert iq.get.model(fitted, "other").sizes.empty


def test_unknown_motifs_are_named_with_those_that_are_near(fitted):
    names = [str(name) for name in iq.get.model(fitted).motif_names]
    for ask in (
        lambda name: iq.tl.remove_motifs(fitted, name),
        lambda name: iq.get.energies_df(fitted, motifs=name),
        lambda name: iq.pl.refinement(fitted, name, show=False),
    ):
        with pytest.raises(KeyError, match=f"The model has no motif {names[0].lower()}x?.*Did you mean '{names[0]}'"):
            ask(names[0].lower() + "x")
        with pytest.raises(KeyError, match=r"no motif zzzzzz; there is .*iq\.get\.motifs_df lists all"):
            ask("zzzzzz")
    assert iq.get.energies_df(fitted, motifs=names[0]).columns.tolist() == names[:1]
