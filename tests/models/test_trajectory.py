import numpy as np
import pandas as pd
import pytest

import iceqream as iq
from iceqream._core.regression import logistic
from iceqream._core.response import responses
from iceqream._core.sequence import decode
from iceqream.models import TrajectoryModel


@pytest.fixture
def model(fitted):
    return iq.get.model(fitted)


def test_prediction_is_the_rescaled_logistic_of_the_terms(model, simulated):
    codes = simulated.varm["sequence"]
    values = model.values(codes)
    eta = model.intercept + sum(responses(values[:, f]) @ model.coefficients[f] for f in range(len(model.terms)))
    low, high = model.probability_range
    start, end = model.dap_range
    want = (logistic(eta) - low) / (high - low) * (end - start) + start
    np.testing.assert_allclose(model.predict(codes), want, atol=1e-12)


def test_strings_codes_and_anndata_agree(model, simulated):
    codes = simulated.varm["sequence"][:20]
    strings = decode(codes)
    want = model.predict(codes)
    assert (model.predict(strings) == want).all()
    assert (model.predict([s.lower() for s in strings]) == want).all()
    assert model.predict(strings[3]).tolist() == [want[3]]
    assert (model.predict(simulated[:, :20]) == want).all()
    flanked = ["ACGTA" + s + "TTTTT" for s in strings]
    assert (model.predict(flanked) == want).all()


def test_partial_responses_add_up(model, simulated):
    values = model.values(simulated)
    parts = model.partial_responses(simulated)
    assert parts.columns.tolist() == model.terms.tolist()
    assert (parts.index == simulated.var_names).all()
    np.testing.assert_allclose(parts.sum(axis=1) + model.intercept, model.linear_predictor(values), atol=1e-10)


def test_response_curves_are_the_partial_responses_along_the_scale(model):
    curves = model.response_curves(np.array([0.0, 10.0]))
    assert curves.shape == (2, len(model.terms))
    np.testing.assert_allclose(curves.iloc[1], model.coefficients @ responses(np.array(10.0)), atol=1e-12)


def test_local_contributions_are_responses_of_local_energies(model, simulated):
    codes = simulated.varm["sequence"][:3]
    local = model.local_contributions(codes)
    assert local.shape == (3, len(model.pbms), 500)
    energy = model.pbms.normalized_local_energies(codes)
    want = responses(energy[1, 0, 200]) @ model.coefficients[0]
    assert local[1, 0, 200] == pytest.approx(want, abs=1e-12)


@pytest.mark.parametrize("suffix", [".h5", ".zarr"])
def test_saved_models_predict_the_same(model, simulated, tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    model.save(path)
    model.save(path)  # an older one is replaced
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    again = TrajectoryModel.load(path)
    assert (again.predict(simulated) == model.predict(simulated)).all()
    assert again.stats == model.stats
    assert again.params == model.params
    assert again.states == ("S1", "S4")
    pd.testing.assert_frame_equal(
        again.pbms.motifs.metadata, model.pbms.motifs.metadata.astype(str), check_dtype=False, check_column_type=False,
        check_index_type=False,
    )  # fmt: skip


def test_what_cannot_be_loaded_is_named(model, tmp_path):
    with pytest.raises(FileNotFoundError, match="no model at"):
        TrajectoryModel.load(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(ValueError, match=r"text\.h5 cannot be read as a model"):
        TrajectoryModel.load(tmp_path / "text.h5")
    with pytest.raises(ValueError, match=r"saved as \.h5 or \.zarr"):
        model.save(tmp_path / "model.pkl")
    stored = model.to_uns()
    with pytest.raises(ValueError, match="kind is 'manifold'"):
        TrajectoryModel.from_uns({**stored, "kind": "manifold"})
    with pytest.raises(ValueError, match="Update iceqream"):
        TrajectoryModel.from_uns({**stored, "schema_version": 99})


def test_an_h5ad_is_not_a_model(fitted, tmp_path):
    fitted.write_h5ad(tmp_path / "x.h5ad")
    with pytest.raises(ValueError, match=r"use iq\.get\.model"):
        TrajectoryModel.load(tmp_path / "x.h5ad")


def test_given_features_are_asked_for(simulated, library, rng):
    simulated.var["k4me1"] = rng.random(simulated.n_vars)
    iq.tl.fit_trajectory(simulated, "S1", "S4", motifs=library, features=["gc_content", "k4me1"])
    model = iq.get.model(simulated)
    assert model.features.names.tolist() == ["gc_content", "k4me1"]
    codes = simulated.varm["sequence"]
    with pytest.raises(ValueError, match="cannot be computed from sequence: k4me1"):
        model.predict(codes)
    with pytest.raises(ValueError, match="one value per sequence"):
        model.predict(codes, features={"k4me1": [1.0]})
    predicted = model.predict(codes, features={"k4me1": simulated.var["k4me1"]})
    np.testing.assert_allclose(predicted, simulated.varm["iq"]["pred"], atol=1e-6)


def test_values_that_files_would_garble_are_refused(model):
    from dataclasses import replace

    with pytest.raises(TypeError, match=r"params\['x'\] is a list"):
        replace(model, params={"x": [1]}).to_uns()
