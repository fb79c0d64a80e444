"""A model of one state: the same, with access probability in place of its change."""

import numpy as np
import pytest

import iceqream as iq


@pytest.fixture(scope="module")
def state(_simulated_manifold):
    adata = _simulated_manifold.copy()
    quick = {"size_folds": 0, "interactions": False, "refine": False, "max_motifs": 8}
    library = iq.datasets.simulated_motifs(decoys=False, manifold=True)
    iq.tl.fit_state(adata, "C3", motifs=library, min_tss_distance=None, **quick)
    return adata


def test_the_response_is_access_probability(state):
    model, table = iq.get.model(state, "iq_state"), iq.get.predictions_df(state, "iq_state")
    np.testing.assert_allclose(table["dap"], state.to_df("ap").loc["C3"], atol=1e-6)
    assert model.states == ("closed", "C3")
    assert model.stats["r2_test"] > 0.4  # 0.55 was measured
    assert table["pred"].between(-1e-6, 1 + 1e-6).all()


def test_its_predictions_are_a_feature_of_a_trajectory(state):
    adata = state.copy()
    adata.var["C3 predicted"] = iq.get.predictions_df(adata, "iq_state")["pred"]
    adata.var["split"] = iq.get.predictions_df(adata, "iq_state")["split"]
    iq.tl.fit_trajectory(
        adata, "stem", "C3", motifs=iq.datasets.simulated_motifs(decoys=False, manifold=True), min_tss_distance=None,
        split="split", features=["gc_content", "C3 predicted"], size_folds=0, refine=False, interactions=False,
    )  # fmt: skip
    assert "C3 predicted" in iq.get.coefs_df(adata).index


def test_pictures_know_that_nobody_is_closed(state):
    import matplotlib.pyplot as plt

    axes = iq.pl.iq_plot(state, state.var_names[5], key="iq_state", show=False)
    assert axes is not None
    iq.pl.prediction_scatter(state, key="iq_state", show=False)
    plt.close("all")


def test_a_start_must_differ_and_exist(state):
    with pytest.raises(KeyError, match="Z"):
        iq.tl.fit_state(state, "Z", min_tss_distance=None)
