"""Pictures of how good a model is draw its tables."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import PathCollection

import iceqream as iq
from iceqream.pl._model_quality import _distinct


def test_the_tables_are_drawn(full):
    model = iq.get.model(full)
    ax = iq.pl.levels(full, show=False)
    table = iq.get.levels_df(full)
    table = table[table["r2_train"].notna()]
    said = ["screened", "clusters: linear", "clusters: consolidated", "clusters: spatial curves", "clusters: refined",
            "growth: grown", "pooled", "pruned", "filtered", "interactions", "add_interactions"]  # fmt: skip
    assert [t.get_text() for t in ax.get_yticklabels()] == said
    held_out, train = (c for c in reversed(ax.collections) if isinstance(c, PathCollection))
    np.testing.assert_allclose(held_out.get_offsets()[:, 0], table["r2_test"])
    np.testing.assert_allclose(train.get_offsets()[:, 0], table["r2_train"])
    # the numbers of motifs stand right of the intervals
    highest = float(table["r2_test_high"].max())
    assert highest > table[["r2_train", "r2_test"]].max(axis=None)
    assert min(text.get_position()[0] for text in ax.texts) > highest
    assert ax.get_xlim()[1] > highest
    ax = iq.pl.residual_r2(full, n_terms=5, show=False)
    widths = [patch.get_width() for patch in ax.patches]
    want = np.sort(model.residual_r2)[::-1][:5]
    np.testing.assert_allclose(widths, want)
    ax = iq.pl.prediction_boxplot(full, n_bins=4, show=False)
    assert len(ax.get_xticks()) == 4
    with pytest.raises(ValueError, match="too few"):
        iq.pl.prediction_boxplot(full, n_bins=10_000)


def test_missing_numbers_are_asked_for(fitted):
    with pytest.raises(ValueError, match=r"run iq.tl.residual_r2 first"):
        iq.pl.residual_r2(fitted)


def test_a_model_without_motifs_gets_a_sentence_or_says_why(without_motifs, tmp_path):
    model = iq.get.model(without_motifs)
    zero = replace(
        model, residual_r2=np.zeros(len(model.terms)),
        levels=model.levels.assign(r2_train=0.0, r2_test=0.0, r2_test_high=np.nan, r2_test_low=np.nan, motifs=0),
    )  # fmt: skip
    without_motifs.uns["iq"] = zero.to_uns()
    ax = iq.pl.residual_r2(without_motifs, show=False, save=tmp_path / "a.png")
    assert [text.get_text().split(":")[0] for text in ax.texts] == ["no term is worth anything"]
    assert not ax.axison
    assert "The model has no motifs" in ax.figure.get_suptitle().replace("\n", " ")
    levels = iq.pl.levels(without_motifs, show=False)
    assert {text.get_text() for text in levels.texts} == {"no motifs"}
    assert levels.get_xlim()[1] > 0
    bare = replace(
        zero, features=model.features.take(np.array([], int)), coefficients=np.zeros((0, 4)), residual_r2=np.array([]),
        levels=zero.levels.assign(r2_train=np.nan),
        **dict.fromkeys(("effects", "own_effects", "pair_effects", "dap_effects", "effect_errors", "correlations",
                         "quantiles"), np.array([])),
    )  # fmt: skip
    without_motifs.uns["iq"] = bare.to_uns()
    with pytest.raises(ValueError, match="The model has no motifs"):
        iq.pl.residual_r2(without_motifs)
    with pytest.raises(ValueError, match="R2 of no level"):
        iq.pl.levels(without_motifs)


def test_close_predictions_have_enough_decimals_to_differ():
    assert _distinct([-0.012, -0.008, 0.3]) == ["-0.012", "-0.008", "0.300"]
    assert _distinct([0.1, 0.2]) == ["0.10", "0.20"]
    assert _distinct([0.0, 0.0]) == ["0.0000", "0.0000"]
