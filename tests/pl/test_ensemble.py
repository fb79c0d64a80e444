import numpy as np
import pytest

import iceqream as iq


@pytest.fixture
def stacked(compared_models):
    iq.tl.ensemble(compared_models, compared_models.varm["model_comparison"][["boosting", "features"]])
    return compared_models


def test_the_tables_are_drawn(stacked):
    table, classes = iq.get.ensemble_df(stacked), iq.get.error_classes_df(stacked)
    scores, weights, errors = iq.pl.ensemble(stacked, other="features", show=False)
    assert [label.get_text() for label in scores.get_yticklabels()] == ["IQ", "boosting", "features", "ensemble"]
    np.testing.assert_allclose(scores.collections[1].get_offsets()[:, 0], table["r2"])
    np.testing.assert_allclose(weights.collections[1].get_offsets()[:, 0], table["standardized"].iloc[:-1])
    part = classes[classes["other"] == "features"]
    assert [len(points.get_offsets()) for points in errors.collections] == part["n_peaks"].tolist()
    said = [text.get_text() for text in errors.get_legend().get_texts()]
    assert [text.split(":")[0] for text in said] == ["both", "IQ alone", "features alone", "neither"]
    assert iq.pl.ensemble(stacked, show=False)[2].get_ylabel() == "Error of boosting, dAP"


def test_keys_and_names_are_checked(stacked):
    with pytest.raises(KeyError, match="no prediction"):
        iq.pl.ensemble(stacked, other="nothing")
    with pytest.raises(KeyError, match=r"run iq.tl.ensemble first"):
        iq.pl.ensemble(stacked, key="model_comparison")
