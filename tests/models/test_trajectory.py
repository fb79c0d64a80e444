from dataclasses import replace

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
    curves = model.response_curves(np.array([0.0, 10.0]), part="own")
    assert curves.shape == (2, len(model.terms))
    rise = responses(np.array(10.0)) - responses(np.array(0.0))
    np.testing.assert_allclose(curves.iloc[1], model.coefficients @ rise, atol=1e-12)
    assert (curves.iloc[0] == 0).all()
    with pytest.raises(ValueError, match="part must be"):
        model.response_curves(part="all")


@pytest.fixture
def paired(fitted):
    """A model with interactions, its terms' values and the modelled peaks."""
    iq.tl.add_interactions(fitted, lambda_=1e-3)
    used = (fitted.varm["iq"]["split"] != "unused").to_numpy()
    model = iq.get.model(fitted)
    assert len(model.interactions) > 0
    return model, model.values(fitted)[used], fitted


def test_total_responses_are_what_the_prediction_loses_without_a_term(paired):
    model, values, adata = paired
    total = model.own_responses_of(values) + model.pair_responses_of(values)
    whole = model.linear_predictor(values)
    for term in {0, int(model.interactions.first[0]), int(model.interactions.second[0])}:
        without = values.copy()
        without[:, term] = 0
        np.testing.assert_allclose(total[:, term], whole - model.linear_predictor(without), atol=1e-10)
    used = (adata.varm["iq"]["split"] != "unused").to_numpy()
    np.testing.assert_allclose(model.total_responses(adata)[used], total, atol=1e-10)
    np.testing.assert_allclose(np.abs(model.effects[: len(model.terms)]), total.std(axis=0), rtol=1e-6)
    without = values.copy()
    without[:, 0] = 0
    lost = model.predict_values(values) - model.predict_values(without)
    assert abs(model.dap_effects[0]) == pytest.approx(lost.std(), rel=1e-6)
    assert np.sign(model.dap_effects[0]) == np.sign(model.effects[0])
    # what is kept suffices for the curve: own part and pairs, averaged over the others' values
    grid = np.array([0.0, 4.0, 10.0])
    curves = {part: model.response_curves(grid, part=part).to_numpy() for part in ("total", "own", "pairs")}
    np.testing.assert_allclose(curves["total"], curves["own"] + curves["pairs"], atol=1e-12)
    term = int(model.interactions.first[0])
    by_peaks = model.interactions.gains_of(term, grid, values).mean(axis=0)
    # 21 quantiles stand for 1,375 peaks; 2 % was measured
    np.testing.assert_allclose(curves["pairs"][:, term], by_peaks, rtol=0.05, atol=1e-3)


def test_a_motif_without_pairs_of_its_own_has_one_effect(paired):
    model, *_ = paired
    alone = [i for i in range(len(model.terms)) if not model.interactions.involve(i).any()]
    np.testing.assert_allclose(model.effects[alone], model.own_effects[alone], rtol=1e-12)
    assert (model.pair_effects[alone] == 0).all()


def test_pairs_stand_beside_their_terms(paired):
    model, *_ = paired
    own = (model.coefficients != 0).any(axis=1)
    assert own[model.interactions.first].all()
    assert own[model.interactions.second].all()


def test_local_contributions_count_the_pairs(paired):
    model, _, adata = paired
    codes = adata.varm["sequence"][:2]
    values = model.values(codes)
    total, own = model.local_contributions(codes), model.local_contributions(codes, pairs=False)
    motif = int(model.interactions.first[0])
    energy = model.pbms.normalized_local_energies(codes)
    # as if the window's energy were the motif's
    other, none = values.copy(), values.copy()
    other[1, motif], none[1, motif] = energy[1, motif, 100], 0
    want = model.linear_predictor(other)[1] - model.linear_predictor(none)[1]
    assert total[1, motif, 100] == pytest.approx(want, abs=1e-6)
    assert not np.allclose(total[:, motif, :400], own[:, motif, :400])


def test_predictions_are_calibrated_and_bounded(fitted, library):
    model = iq.get.model(fitted)
    table = fitted.varm["iq"]
    held_out = (table["split"] == "test").to_numpy()
    low, high = model.dap_range
    assert model.probability_range == (0.0, 1.0)
    assert table["pred"].between(low, high).all()
    dap, pred = (table[name].to_numpy(dtype=float)[held_out] for name in ("dap", "pred"))
    slope = np.cov(pred, dap)[0, 1] / pred.var(ddof=1)
    # a slope of 0.99 and a bias of 0.004 were measured
    assert 0.85 < slope < 1.2
    assert abs((pred - dap).mean()) < 0.03
    # the reference's stretch has the same R2
    stretched = iq.tl.refit(fitted, copy=True)
    assert iq.get.model(stretched).probability_range == (0.0, 1.0)
    adata = fitted.copy()
    adata.uns["iq"]["params"]["calibrated"] = False
    iq.tl.refit(adata)
    old = iq.get.model(adata)
    assert old.probability_range[0] > 0
    assert old.stats["r2_test"] == pytest.approx(model.stats["r2_test"], abs=1e-6)
    assert old.predict(adata).max() == pytest.approx(high, abs=0.05)


def test_the_representation_says_how_sure_the_held_out_r2_is(fitted):
    model = iq.get.model(fitted)
    low, high = model.stats["r2_test_low"], model.stats["r2_test_high"]
    assert low < model.stats["r2_test"] < high
    assert f"{low:.3f} to {high:.3f}" in repr(model)
    assert model.doubt == ""
    doubtful = replace(model, stats={**model.stats, "r2_test_low": 0.0})
    assert "does not differ from 0" in doubtful.doubt
    assert "No peaks were held out" in replace(model, stats={**model.stats, "n_test": 0}).doubt
    assert replace(model, stats={}).doubt == ""


def test_local_contributions_are_responses_of_local_energies(model, simulated):
    codes = simulated.varm["sequence"][:3]
    local = model.local_contributions(codes)
    assert local.shape == (3, len(model.pbms), 500)
    energy = model.pbms.normalized_local_energies(codes)
    want = (responses(energy[1, 0, 200]) - responses(np.array(0.0))) @ model.coefficients[0]
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


def test_given_features_are_asked_for(simulated, library, rng, quick):
    simulated.var["k4me1"] = rng.random(simulated.n_vars)
    iq.tl.fit_trajectory(simulated, "S1", "S4", motifs=library, features=["gc_content", "k4me1"], **quick)
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
