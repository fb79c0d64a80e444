"""Predictions of one trajectory and of a manifold."""

import numpy as np
import pandas as pd
import pytest

import iceqream as iq


def test_a_manifold_predicts_all_trajectories(manifold, tmp_path):
    before = iq.get.predictions_df(manifold, "iq_manifold")
    manifold.varm["iq_manifold"][:, :, 1] = 0.0
    iq.tl.predict(manifold, key_added="iq_manifold")
    # the fit kept float32 of the same numbers
    pd.testing.assert_frame_equal(iq.get.predictions_df(manifold, "iq_manifold"), before, check_exact=True)
    model = iq.get.model(manifold, "iq_manifold")
    model.save(tmp_path / "model.h5")
    new = iq.datasets.simulated_trajectory(n_peaks=100, rng=1)
    iq.tl.predict(new, tmp_path / "model.h5")
    want = model.predict(new)
    for name in model:
        table = iq.get.predictions_df(new, "iq_manifold", trajectory=name)
        np.testing.assert_array_equal(table["pred"], want[name].astype(np.float32))
        assert table["dap"].isna().all()
        assert (table["split"] == "unused").all()
    assert iq.get.model(new, "iq_manifold").names == model.names
    # a key is enough where the model is in the data
    new.varm["iq_manifold"][:, :, 1] = 0.0
    iq.tl.predict(new, "iq_manifold")
    np.testing.assert_array_equal(iq.get.predictions_df(new, "iq_manifold", trajectory=name)["pred"], table["pred"])
    with pytest.raises(KeyError, match=r"no model in uns.*Did you mean 'iq_manifold'"):
        iq.tl.predict(new, "iq_manifol")


def test_results_of_other_trajectories_are_not_mixed(manifold, fitted):
    model = iq.get.model(manifold, "iq_manifold")
    with pytest.raises(ValueError, match="results of other trajectories than early and to S4/late: say where"):
        iq.tl.predict(fitted, model, key_added="iq")
    with pytest.raises(ValueError, match="results of other trajectories than S1 -> S3: say where"):
        iq.tl.predict(manifold, model["early"], key_added="iq_manifold")
    with pytest.raises(KeyError, match=r"no model in uns\['iq'\]"):
        iq.tl.predict(manifold)
    iq.tl.predict(fitted, model, key_added="both")
    assert iq.get.model(fitted).states == ("S1", "S4")
    assert fitted.varm["both"].shape == (fitted.n_vars, 2, 3)
