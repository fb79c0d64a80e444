"""Pictures of how good a model is draw its tables."""

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
    assert [t.get_text() for t in ax.get_yticklabels()] == table.index.tolist()
    held_out, train = (c for c in reversed(ax.collections) if isinstance(c, PathCollection))
    np.testing.assert_allclose(held_out.get_offsets()[:, 0], table["r2_test"])
    np.testing.assert_allclose(train.get_offsets()[:, 0], table["r2_train"])
    # the numbers of motifs stand right of the intervals
    highest = float(table["r2_test_high"].max())
    assert highest > table[["r2_train", "r2_test"]].max(axis=None)
    assert min(text.get_position()[0] for text in ax.texts) > highest
    assert ax.get_xlim()[1] > highest
    ax = iq.pl.residual_r2(full, n_terms=7, show=False)
    widths = [patch.get_width() for patch in ax.patches]
    want = np.sort(model.residual_r2)[::-1][:7]
    np.testing.assert_allclose(widths, want)
    ax = iq.pl.prediction_boxplot(full, n_bins=4, show=False)
    assert len(ax.get_xticks()) == 4
    with pytest.raises(ValueError, match="too few"):
        iq.pl.prediction_boxplot(full, n_bins=10_000)


def test_missing_numbers_are_asked_for(fitted):
    with pytest.raises(ValueError, match=r"run iq.tl.residual_r2 first"):
        iq.pl.residual_r2(fitted)


def test_close_predictions_have_enough_decimals_to_differ():
    assert _distinct([-0.012, -0.008, 0.3]) == ["-0.012", "-0.008", "0.300"]
    assert _distinct([0.1, 0.2]) == ["0.10", "0.20"]
    assert _distinct([0.0, 0.0]) == ["0.0000", "0.0000"]
