import numpy as np
import pytest

import iceqream as iq
from iceqream._core.correlation import r2
from iceqream._core.regression import fit_logistic, logistic
from iceqream.inference.design_matrix import columns
from iceqream.inference.filtering import residual_r2, weak_motifs
from iceqream.inference.final_fit import fit_responses
from iceqream.inference.peaks import ModelledPeaks
from iceqream.models import FitOptions
from iceqream.models.interactions import Interactions


@pytest.fixture
def problem(fitted):
    model = iq.get.model(fitted)
    table = fitted.varm["iq"]
    rows = (table["split"] != "unused").to_numpy()
    peaks = ModelledPeaks(table["dap"].to_numpy(float)[rows], (table["split"] == "train").to_numpy()[rows])
    return model, model.values(fitted)[rows], peaks


SETTINGS = {"lambda_": 1e-4, "options": FitOptions(min_residual_r2=0.01)}


def test_residual_r2_is_the_loss_of_a_refit_from_scratch(problem):
    model, values, peaks = problem
    worth = residual_r2(model, values, peaks, **SETTINGS)
    train = peaks.is_train
    y, dap = peaks.response[train], peaks.dap[train]

    def score(kept):
        X = columns(values[train][:, kept], Interactions.none())
        return r2(logistic(fit_logistic(X, y, lambda_=1e-4).linear_predictor(X)), dap)

    everything = np.arange(values.shape[1])
    whole = score(everything)
    for term in (0, 3, len(everything) - 1):
        # both stop at a KKT residual of lambda / 1000; 4e-8 was measured
        assert worth[term] == pytest.approx(whole - score(np.delete(everything, term)), abs=1e-6)
    planted = worth[: len(model.pbms)]
    assert planted.max() > 0.02
    assert planted.min() > -1e-4


def test_a_term_leaves_with_its_interactions(problem):
    model, values, peaks = problem
    pairs = Interactions.of(np.array([[0, 1], [0, 2]]), values[peaks.is_train], expand=False)
    joined, _ = fit_responses(model.pbms, model.features, pairs, values, peaks, states=model.states, **SETTINGS)
    worth = residual_r2(joined, values, peaks, **SETTINGS)
    assert len(worth) == values.shape[1] + len(joined.interactions)
    alone, _ = fit_responses(
        model.pbms, model.features, Interactions.none(), values, peaks, states=model.states, **SETTINGS
    )
    without_pairs = residual_r2(alone, values, peaks, **SETTINGS)
    assert worth[0] >= without_pairs[0] - 1e-6


def test_weak_motifs_are_dropped_from_the_weakest_up(problem):
    model, values, peaks = problem
    # the model has the planted motifs and no others: the weakest of these
    worths = residual_r2(model, values, peaks, **SETTINGS)[: len(model.pbms)]
    least = float(np.sort(worths)[2]) * 1.01
    settings = {**SETTINGS, "options": FitOptions(min_residual_r2=least)}
    kept, why = weak_motifs(model, values, peaks, **settings)
    assert len(kept) + len(why) == len(model.pbms)
    assert 1 <= len(kept) < len(model.pbms)
    assert all("residual R2" in reason for reason in why.values())
    # by brute force: what is left is worth more, and every motif that left was the weakest at its time
    terms = np.arange(values.shape[1])
    features = terms[len(model.pbms) :]
    left = list(range(len(model.pbms)))
    for dropped in why:
        inside = np.concatenate([left, features]).astype(int)
        part, _ = fit_responses(
            model.pbms.take(np.array(left)), model.features, Interactions.none(), values[:, inside], peaks,
            states=model.states, **settings,
        )  # fmt: skip
        worth = residual_r2(part, values[:, inside], peaks, **settings)[: len(left)]
        assert worth[left.index(dropped)] < least
        # estimates may swap motifs of nearly the same worth
        assert worth[left.index(dropped)] <= worth.min() + 1e-3
        left.remove(dropped)
    assert left == kept.tolist()
    inside = np.concatenate([left, features]).astype(int)
    part, _ = fit_responses(
        model.pbms.take(kept), model.features, Interactions.none(), values[:, inside], peaks, states=model.states,
        **settings,
    )  # fmt: skip
    assert residual_r2(part, values[:, inside], peaks, **settings)[: len(left)].min() >= least


def test_motifs_with_little_information_go_first_and_one_stays(problem):
    model, values, peaks = problem
    bits = model.pbms.motifs.information_content().sum(axis=1)
    threshold = float(np.sort(bits)[2])
    options = FitOptions(min_bits=threshold, min_residual_r2=0.0)
    _, why = weak_motifs(model, values, peaks, lambda_=1e-4, options=options)
    assert set(why) >= set(np.flatnonzero(bits < threshold))
    assert all("bits" in why[m] for m in np.flatnonzero(bits < threshold))
    options = FitOptions(min_bits=1e3, min_residual_r2=0.9)
    kept, _ = weak_motifs(model, values, peaks, lambda_=1e-4, options=options)
    assert len(kept) == 1
