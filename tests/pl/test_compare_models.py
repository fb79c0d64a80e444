import numpy as np
import pytest

import iceqream as iq


def test_the_table_is_drawn(compared_models, tmp_path):
    table = iq.get.model_comparison_df(compared_models)
    scores, differences = iq.pl.compare_models(compared_models, show=False, save=tmp_path / "a.png", title="A title")
    assert [label.get_text() for label in scores.get_yticklabels()] == table["label"].tolist()
    _, train, held_out = scores.collections
    np.testing.assert_allclose(train.get_offsets()[:, 0], table["r2_train"])
    np.testing.assert_allclose(held_out.get_offsets()[:, 0], table["r2"])
    lines, points = differences.collections
    others = table.drop(index="iq")
    np.testing.assert_allclose(points.get_offsets()[:, 0], others["difference"])
    ends = np.array([segment[:, 0] for segment in lines.get_segments()])
    np.testing.assert_allclose(ends, others[["low", "high"]])
    # upright order: the simplest model on top, in both panels
    assert scores.get_ylim() == differences.get_ylim()
    assert scores.get_ylim()[0] > scores.get_ylim()[1]
    texts = [text.get_text() for text in differences.texts]
    assert texts[-2] == f"{others['difference'].iloc[-1]:+.3f} ± {others['se'].iloc[-1]:.3f}"
    # features alone are much worse than all others
    assert texts[1] == "◂"
    assert others["difference"].iloc[0] < differences.get_xlim()[0] < others["low"].iloc[1:].min()
    assert scores.figure.get_suptitle() == "A title"
    grey = np.array([np.ptp(color[:3]) == 0 and color[0] > 0.5 for color in points.get_facecolors()])
    np.testing.assert_array_equal(grey, ((others["low"] <= 0) & (others["high"] >= 0)).to_numpy())


def test_axes_and_keys_are_checked(compared_models):
    import matplotlib.pyplot as plt

    _, axes = plt.subplots(1, 2)
    assert iq.pl.compare_models(compared_models, axes=axes) == list(axes)
    with pytest.raises(ValueError, match="1 axes were given for 2 panels"):
        iq.pl.compare_models(compared_models, axes=axes[0])
    with pytest.raises(KeyError, match=r"run iq.tl.compare_models first"):
        iq.pl.compare_models(compared_models, key="iq")
