"""What was before and what is after stand side by side."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

import iceqream as iq
from iceqream.motifs import MotifSet
from iceqream.pl._refinement import aligned, change_in_words, held_out_change
from iceqream.pl._style import CLOSING, OPENING


def test_a_row_per_motif_names_and_curves(fitted, tmp_path):
    table, model = iq.get.motifs_df(fitted), iq.get.model(fitted)
    axes = iq.pl.refinement(fitted, n_motifs=3, show=False, save=tmp_path / "a.png")
    assert len(axes) == 9
    assert (tmp_path / "a.png").stat().st_size > 10_000
    for row, (name, motif) in enumerate(table.iloc[:3].iterrows()):
        before, after, curves = axes[3 * row : 3 * row + 3]
        assert before.get_title(loc="left") == f"before: {motif['start']}"
        assert after.get_title(loc="left") == f"after: {name}"
        assert to_hex(after._left_title.get_color()).upper() == (OPENING if motif["effect"] > 0 else CLOSING)
        assert before.get_xlim() == after.get_xlim()
        similarity = motif["start_similarity"]
        assert curves.get_title(loc="left") == change_in_words(similarity)
        i = model.motif_names.tolist().index(name)
        for patch, spatial in zip(curves.patches, (model.pbms.start.spatial, model.pbms.spatial), strict=True):
            values, edges, _ = patch.get_data()
            np.testing.assert_allclose(values, spatial.weights[i] / spatial.weights[i].mean())
            assert edges[0] == -edges[-1]
    # growth starts from uniform curves
    np.testing.assert_allclose(axes[2].patches[0].get_data().values, 1.0)
    legend = axes[0].figure.legends[0]
    assert [text.get_text() for text in legend.get_texts()] == [_before(model, table.index[:3]), "after"]


def _before(model, names):
    weights = model.pbms.start.spatial.weights[[model.motif_names.tolist().index(name) for name in names]]
    flat = np.isclose(weights, weights.mean(axis=1, keepdims=True), rtol=1e-6).all(axis=1)
    return "before: uniform" if flat.all() else "before refinement" + (", where flat: uniform" if flat.any() else "")


def test_curves_that_started_uniform_are_said(fitted):
    model = iq.get.model(fitted)
    start = model.pbms.start
    peaked = np.array(start.spatial.weights)
    peaked[:, 0] *= 3
    flat = np.ones_like(peaked)
    mixed = np.where(np.arange(len(flat))[:, None] == 0, flat, peaked)
    for weights, said in (
        (flat, "before: uniform"), (mixed, "before refinement, where flat: uniform"), (peaked, "before refinement"),
    ):  # fmt: skip
        begun = replace(start, spatial=replace(start.spatial, weights=weights))
        changed = replace(model, pbms=replace(model.pbms, start=begun))
        axes = iq.pl.refinement(changed, n_motifs=20, show=False)
        assert axes[0].figure.legends[0].get_texts()[0].get_text() == said


def test_starts_of_other_lengths_and_strands_lie_where_they_are_most_alike(rng):
    core = np.eye(4)[[2, 0, 3, 0, 1]] * 0.8 + 0.05
    longer = np.full((9, 4), 0.25)
    longer[2:7] = core
    for start in (core, core[::-1, ::-1]):
        before, after = (MotifSet.from_dict({"m": matrix}) for matrix in (start, longer))
        one, two, turned = aligned(before, after, 0)
        np.testing.assert_allclose(one, core, atol=1e-6)
        np.testing.assert_allclose(two, core, atol=1e-6)
        assert turned == (start is not core)
        # and the other way round: the start is the longer one
        one, two, _ = aligned(after, before, 0)
        np.testing.assert_allclose(one, two, atol=1e-6)
    silent = MotifSet.from_dict({"m": np.full((4, 4), 0.25)})
    one, two, turned = aligned(silent, MotifSet.from_dict({"m": core}), 0)
    assert one.shape == two.shape
    assert not turned


def test_words_and_title(fitted):
    assert [change_in_words(s) for s in (0.5, 0.8499, 0.9799, 0.98, 1.0)] == [
        "similarity 0.50: became another", "similarity 0.84: became another", "similarity 0.97: changed",
        "similarity 0.98: hardly changed", "similarity 1.00: hardly changed",
    ]  # fmt: skip
    model = iq.get.model(fitted)
    assert held_out_change(model) is None
    levels = pd.concat([model.levels, model.levels.iloc[[-1]].assign(level="refined", r2_test=0.75)], ignore_index=True)
    refined = replace(model, levels=levels)
    said = f"Held-out R2 {model.levels['r2_test'].iloc[-1]:.3f} before refinement, 0.750 after"
    assert held_out_change(refined) == said
    axes = iq.pl.refinement(refined, list(model.motif_names[:1]), show=False)
    assert axes[0].figure.get_suptitle() == f"S1 → S4, 1 of {len(model.pbms)} motifs. {said}"
    # a draft that was refined is not the model
    draft = pd.concat([levels, model.levels.iloc[[-1]]], ignore_index=True)
    draft.loc[len(levels) - 1, "draft"] = "clusters"
    assert held_out_change(replace(refined, levels=draft)) is None
    # of a default fit no level knows both
    plain = iq.pl.refinement(model, n_motifs=100, show=False)[0].figure
    assert plain.get_suptitle() == f"S1 → S4, {len(model.pbms)} motifs. Held-out R2 {model.stats['r2_test']:.3f}"
    assert iq.pl.refinement(refined, n_motifs=1, title="mine", show=False)[0].figure.get_suptitle() == "mine"
    # peaks that were all in training leave nothing to say
    assert held_out_change(replace(refined, levels=levels.assign(r2_test=np.nan))) is None


def test_given_axes_and_errors(fitted, full):
    _, axes = plt.subplots(1, 3)
    assert iq.pl.refinement(fitted, n_motifs=1, axes=axes) is not None
    assert axes[2].get_legend() is not None
    with pytest.raises(ValueError, match="3 axes were given for 6 panels"):
        iq.pl.refinement(fitted, n_motifs=2, axes=axes)
    with pytest.raises(KeyError, match="no motif nope"):
        iq.pl.refinement(fitted, ["nope"])
    with pytest.raises(ValueError, match="No motif is named"):
        iq.pl.refinement(fitted, [])
    with pytest.raises(ValueError, match="n_motifs must be at least 1, got 0"):
        iq.pl.refinement(fitted, n_motifs=0)
    model = iq.get.model(full)
    plain = replace(model, pbms=replace(model.pbms, start=None))
    with pytest.raises(ValueError, match="the model was not refined"):
        iq.pl.refinement(plain)


def test_long_names_and_a_dark_style(stressed):
    with plt.style.context("dark_background"):
        axes = iq.pl.refinement(stressed, show=False)
    titles = [ax.get_title(loc="left") for ax in axes[1::3]]
    assert any("…" in title for title in titles)
    assert all(len(title) < 40 for title in titles)
