"""A whole model refined, from arrays: never worse by its own folds, alike motifs merged, pairs kept."""

import logging
from dataclasses import replace

import numpy as np
import pytest

import iceqream as iq
from iceqream._core.energy import SpatialCurves
from iceqream.inference import FitOptions, refined_model
from iceqream.inference.refined_model import held_out_path, idle_or_alike, starting_fit, warn_of_others
from iceqream.models.interactions import Interactions
from iceqream.motifs import MotifSet
from iceqream.motifs.pbm import PBMSet
from iceqream.tl._fitted import fitted as parts_of


@pytest.fixture
def parts(full):
    """A fitted model with pairs, and the arrays it was fitted on."""
    fit = parts_of(full, "iq", "atac")
    return fit.model, fit.codes[fit.rows], fit.modelled_values[:, len(fit.model.pbms) :], fit.peaks, fit


def test_a_joint_fit_starts_as_the_model(parts):
    model, codes, features, peaks, fit = parts
    joint = starting_fit(model, codes, features, peaks, fit.options, np.random.default_rng(0))
    # probabilities below 0.001 are raised to it: 0.076 of 10 was measured
    np.testing.assert_allclose(joint.terms, fit.modelled_values[peaks.is_train], atol=0.1)
    assert len(joint.pairs[0]) == len(model.interactions) > 0
    joint.refit([fit.lambda_])
    eta = model.linear_predictor(fit.modelled_values[peaks.is_train])
    assert np.corrcoef(joint.linear_predictors()[:, 0], eta)[0, 1] > 0.999


def test_the_scale_of_pairs_follows_the_motifs(parts):
    model, codes, features, peaks, fit = parts
    joint = starting_fit(model, codes, features, peaks, fit.options, np.random.default_rng(0))
    joint.refit([fit.lambda_])
    joint.learn([fit.lambda_], passes=1)
    pairs = joint.pairs[0]
    want = Interactions.of(
        np.column_stack([pairs.first, pairs.second]), joint.terms, expand=pairs.expanded, support=joint.support
    )
    np.testing.assert_array_equal(pairs.low, want.low)
    np.testing.assert_array_equal(pairs.high, want.high)
    assert not np.array_equal(pairs.high, model.interactions.high)


def test_never_worse_in_the_folds(parts, caplog, monkeypatch):
    model, codes, features, peaks, fit = parts
    options = replace(fit.options, refine="cv")
    given = (model, codes, features, peaks, options)
    steps = []
    table = held_out_path(*given, lambda_=fit.lambda_, rng=np.random.default_rng(0), advance=steps.append)
    assert sum(steps) == refined_model.REFINEMENT_STEPS
    assert set(table["pull"]) == set(refined_model.PULLS)
    assert (table["standard_error"] > 0).all()
    # the path is that of the judged fits: the same seed gives the same choice
    found = refined_model.refined_model(*given, lambda_=fit.lambda_, scaled=fit.scaled, rng=np.random.default_rng(0))
    best = table.loc[table["difference"].idxmin()]
    if best["difference"] < 0:
        assert (found.pull, found.passes) == (best["pull"], best["passes"])
    else:
        assert found is None
    worse = table.assign(difference=np.abs(table["difference"]) + 1e-9)
    monkeypatch.setattr(refined_model, "held_out_path", lambda *_, **__: worse)
    with caplog.at_level(logging.WARNING):
        again = refined_model.refined_model(
            *given, lambda_=fit.lambda_, scaled=fit.scaled, rng=np.random.default_rng(0)
        )
    assert again is None
    assert "the model stays as it is" in caplog.text


def test_idle_motifs_go_and_alike_ones_merge_to_the_stronger(parts):
    model, *_, fit = parts
    assert idle_or_alike(model, fit.modelled_values) == {}
    n, pbms = len(model.pbms), model.pbms
    order = np.concatenate([np.arange(n), [0]])
    motifs = MotifSet(
        np.array([*pbms.motifs.names, "twin"], dtype=object), pbms.motifs.pssm[order], pbms.motifs.lengths[order]
    )
    twins = PBMSet(
        motifs, SpatialCurves(pbms.spatial.weights[order], pbms.spatial.start, pbms.spatial.bin_size),
        pbms.energy_low[order], pbms.energy_high[order], pbms.width,
    )  # fmt: skip
    values = np.insert(fit.modelled_values, n, fit.modelled_values[:, 0], axis=1)
    coefficients = np.insert(model.coefficients, n, 0.5 * model.coefficients[0], axis=0)
    coefficients[1] = 0.0
    blank = dict.fromkeys(
        ("effects", "own_effects", "pair_effects", "dap_effects", "effect_errors", "correlations", "quantiles",
         "residual_r2"), np.array([]),
    )  # fmt: skip
    doubled = replace(model, pbms=twins, coefficients=coefficients, interactions=Interactions.none(), **blank)
    why = idle_or_alike(doubled, values)
    assert why == {1: "no weight beside the others", n: f"became like {pbms.motifs.names[0]}"}


def test_a_motif_that_became_another_is_named(caplog):
    gata = MotifSet.from_dict({"GATA": np.eye(4)[[2, 0, 3, 0]], "AP-1": np.eye(4)[[3, 2, 0, 1, 3]]})
    other = MotifSet.from_dict({"a": np.eye(4)[[2, 0, 3, 0]], "b": np.eye(4)[[0, 0, 0, 0, 0]]})
    curves, nothing = SpatialCurves(np.ones((2, 1)), 0, 500), np.zeros(2)
    pbms = PBMSet(gata, curves, nothing, nothing, 500)
    warn_of_others(pbms)
    assert caplog.text == ""
    warn_of_others(pbms.started_from(other, curves))
    assert "1 of 2 motifs became another than they started from" in caplog.text
    assert "AP-1 (from b:" in caplog.text
    assert "GATA" not in caplog.text


@pytest.fixture(scope="module")
def arrays():
    adata = iq.datasets.simulated_trajectory(n_peaks=1000, rng=0)
    ap = adata.layers["ap"]
    return adata.varm["sequence"], ap[3] - ap[0]


def test_drafts_without_refinement_stay_as_they_started_and_cv_takes_the_better(arrays, library):
    models = {}
    for refine in (False, True, "cv"):
        options = FitOptions(refine=refine, max_motifs=4, size_folds=2, sharpness=1.0, interactions=False)
        models[refine] = iq.models.fit_trajectory(*arrays, motifs=library, options=options, progress=False)
    plain, refined = models[False].pbms, models[True].pbms
    # but for those that were fused
    assert (plain.motifs.metadata["start_similarity"] > 0.9999).sum() >= 2
    assert (refined.motifs.metadata["start_similarity"] < 0.9999).all()
    lowest = {refine: model.sizes["deviance"].min() for refine, model in models.items()}
    assert lowest["cv"] == min(lowest[True], lowest[False])
    assert models["cv"].stats["refined"] == (lowest[True] <= lowest[False])
    with pytest.raises(ValueError, match="needs size_folds of at least 2"):
        FitOptions.preset(refine="cv", size_folds=0)


@pytest.mark.parametrize("refine", [True, "cv"])
def test_clusters_have_a_level_refined(arrays, library, refine):
    options = FitOptions(learning="clusters", refine=refine, max_motifs=5, lambda_=1e-3, selection_lambda=2e-3)
    model = iq.models.fit_trajectory(*arrays, motifs=library, options=options, progress=False)
    assert model.levels["level"].tolist()[-3:] == ["filtered", "refined", "interactions"]
    assert (model.pbms.start is not None) == model.stats["refined"]
    if refine is True:
        assert model.stats["refine_pull"] == FitOptions().pssm_pull


def test_the_presets_of_publications_do_not_refine():
    assert [FitOptions.preset(name).refine for name in ("default", "paper", "reference")] == [True, False, False]
