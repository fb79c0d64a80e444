from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import iceqream as iq
from iceqream._core.correlation import correlations, r2
from iceqream._core.regression import fit_logistic, logistic
from iceqream.inference.design_matrix import columns
from iceqream.inference.folds import (
    ENOUGH_PEAKS,
    N_FOLDS,
    Path,
    backward_path,
    best_size,
    deviance_by_size,
    held_out_parts,
)
from iceqream.inference.levels import Inference
from iceqream.inference.peaks import ModelledPeaks
from iceqream.models import FitOptions, fit_trajectory
from iceqream.models.features import FeatureScaling
from iceqream.models.interactions import Interactions

OPTIONS = FitOptions(selection_lambda=2e-3, lambda_=2e-3, interactions=False, max_motifs=6)


def inference(simulated, dap=None, *, weights=None, features=0):
    """An inference on 700 of 900 modelled peaks, and its library."""
    codes = simulated.varm["sequence"]
    ap = simulated.layers["ap"]
    change = (ap[3] - ap[0]).astype(float) if dap is None else dap
    rows = np.arange(900)
    is_train = np.arange(900) % 9 < 7
    peaks = ModelledPeaks(change[rows], is_train, weights)
    values = np.random.default_rng(3).uniform(0, 10, (900, features))
    names = np.array([f"f{i}" for i in range(features)], dtype=object)
    scaling = FeatureScaling(names, np.zeros(features), np.full(features, 10.0))
    return Inference(codes, rows, peaks, scaling, values, OPTIONS, ("a", "b"), np.random.default_rng(0), progress=False)


def learned_in_folds(simulated, library, dap=None, **settings):
    run = inference(simulated, dap, **settings)
    parts = held_out_parts(run.peaks, np.random.default_rng(1))[:2]
    screens = run.screened(library, len(library), parts)
    run.learn_in_folds(library, parts, screens[1:], 2e-3, 2e-3)
    return run, parts, screens


@pytest.fixture(scope="module")
def simulation(_simulated):
    return _simulated


@pytest.fixture(scope="module")
def folds(simulation, library):
    return learned_in_folds(simulation, library, features=2)


def test_parts_are_disjoint_and_fewer_in_large_sets():
    def parts(n):
        peaks = ModelledPeaks(np.linspace(-1, 1, n + 5), np.arange(n + 5) < n)
        return held_out_parts(peaks, np.random.default_rng(0))

    small = parts(1003)
    assert len(small) == N_FOLDS
    assert (np.sum(small, axis=0) == 1).all()
    assert {int(part.sum()) for part in small} == {200, 201}
    assert len(parts(ENOUGH_PEAKS)) == N_FOLDS
    assert len(parts(2 * ENOUGH_PEAKS)) == 3
    large = parts(5 * ENOUGH_PEAKS)
    assert len(large) == 1
    assert large[0].sum() == ENOUGH_PEAKS


def test_each_part_is_screened_as_if_it_were_alone(folds, library):
    run, parts, screens = folds
    training = np.flatnonzero(run.peaks.is_train)
    pbms = iq.motifs.PBMSet.uniform(library, np.zeros(len(library)), np.zeros(len(library)), run.codes.shape[1])
    pbms = pbms.scaled_to(run.scaling_set, support=run.support)
    energies = pbms.normalized_energies(run.modelled)
    for screened, rows in zip(screens, [training, *(training[~part] for part in parts)], strict=True):
        want = correlations(energies[rows], run.peaks.dap[rows])[:, 0]
        np.testing.assert_allclose(screened.correlation, want, atol=1e-6)
        assert screened.motifs.tolist() == np.flatnonzero(np.abs(want) >= screened.threshold).tolist()
        np.testing.assert_allclose(screened.energies, energies[:, screened.motifs], atol=1e-5)
        of_training = replace(screened, rows=training)
        assert (of_training.energies == screened.energies[training]).all()


def test_a_fold_knows_nothing_of_its_held_out_peaks(folds, simulation, library):
    run, parts, _ = folds
    fold = run.folds[0]
    assert (fold.run.peaks.is_train == ~parts[0]).all()
    training = np.flatnonzero(run.peaks.is_train)
    assert (fold.run.rows == run.rows[training]).all()
    # another dAP of the held-out peaks, on the same scale
    ap = simulation.layers["ap"]
    dap = (ap[3] - ap[0]).astype(float)
    outside = training[parts[0]]
    low, high = run.peaks.dap_range
    inner = outside[(dap[outside] > low) & (dap[outside] < high)]
    dap[inner] = np.random.default_rng(7).permutation(dap[inner])
    other = learned_in_folds(simulation, library, dap, features=2)[0].folds[0]
    assert (other.model.pbms.motifs.pssm == fold.model.pbms.motifs.pssm).all()
    assert (other.model.coefficients == fold.model.coefficients).all()
    assert other.path.order == fold.path.order
    assert (other.run.peaks.dap != fold.run.peaks.dap).any()


def test_the_path_is_that_of_refits_from_scratch(folds):
    run, _, _ = folds
    fold = run.folds[0]
    peaks, n = fold.run.peaks, len(fold.model.pbms)
    values = fold.run.terms(fold.model.pbms)
    train = peaks.is_train
    assert len(fold.path.eta) == n + 1
    assert sorted(fold.path.order) == list(range(n))
    for size in (0, 2, n):
        kept = fold.path.kept(size)
        assert len(kept) == size
        terms = np.concatenate([kept, n + np.arange(2)])
        X = columns(values[:, terms], Interactions.none())
        fit = fit_logistic(X[train], peaks.response[train], lambda_=2e-3)
        # both stop at a KKT residual of lambda / 10,000; 3e-6 was measured
        np.testing.assert_allclose(fold.path.eta[size], fit.linear_predictor(X[~train]), atol=1e-4)
        model, _ = fold.of_size(size)
        eta = model.linear_predictor(fold.run.terms(model.pbms)[~train])
        np.testing.assert_allclose(fold.path.eta[size], eta, atol=1e-4)
    assert (fold.path.at(n + 3) == fold.path.eta[n]).all()


def test_motifs_without_information_belong_to_no_size(folds):
    fold = folds[0].folds[0]
    bits = fold.model.pbms.motifs.information_content().sum(axis=1)
    options = replace(OPTIONS, min_bits=float(np.sort(bits)[2]))
    path = backward_path(
        fold.model, fold.run.terms(fold.model.pbms), fold.run.peaks, lambda_=2e-3, options=options
    )  # fmt: skip
    assert len(path.eta) == len(bits) - 1
    assert set(path.order) == set(np.argsort(bits)[2:])
    assert set(path.kept(1)) <= set(path.order)


@pytest.mark.parametrize("weighted", [False, True])
def test_deviance_by_size_is_the_mean_over_held_out_peaks(folds, weighted):
    weights = np.random.default_rng(0).uniform(0.5, 2, 700) if weighted else None
    parts = [
        replace(fold, run=_with_peaks(fold.run, replace(fold.run.peaks, weights=weights))) for fold in folds[0].folds
    ]
    table = deviance_by_size(parts)
    longest = max(len(fold.path.eta) for fold in parts)
    assert table["motifs"].tolist() == list(range(longest))
    y, eta, share, scores = [], [], [], []
    for fold in parts:
        out = ~fold.run.peaks.is_train
        y.append(fold.run.peaks.response[out])
        share.append(np.ones(out.sum()) if weights is None else weights[out])
        eta.append(fold.path.eta[-1])
        scores.append(r2(logistic(eta[-1]), fold.run.peaks.dap[out]))
    y, eta, share = (np.concatenate(one) for one in (y, eta, share))
    p = logistic(eta)
    loss = -2 * (y * np.log(p) + (1 - y) * np.log(1 - p))
    assert table["deviance"].iloc[-1] == pytest.approx(np.average(loss, weights=share), abs=1e-12)
    assert table["r2"].iloc[-1] == pytest.approx(np.mean(scores), abs=1e-12)
    lowest = int(table["deviance"].argmin())
    assert table["standard_error"].iloc[lowest] == 0
    if not weighted:
        losses = [
            np.concatenate([np.logaddexp(0, f.path.at(k)) - f.run.peaks.response[~f.run.peaks.is_train] * f.path.at(k)
                            for f in parts]) * 2
            for k in (0, lowest)
        ]  # fmt: skip
        error = (losses[0] - losses[1]).std() / np.sqrt(len(y))
        assert table["standard_error"].iloc[0] == pytest.approx(error, rel=1e-9)


def _with_peaks(run, peaks):
    other = object.__new__(Inference)
    other.__dict__.update(run.__dict__, peaks=peaks)
    return other


def test_the_lowest_deviance_decides():
    table = pd.DataFrame({"motifs": [0, 1, 2, 3, 4], "deviance": [1.4, 1.3, 1.2, 1.2, 1.25]})
    assert best_size(table) == 2


def test_path_of_one_motif():
    path = Path([0], np.zeros((2, 3)))
    assert path.kept(0).tolist() == []
    assert path.kept(1).tolist() == [0]
    assert path.kept(5).tolist() == [0]


def test_permuted_dap_gives_a_model_without_motifs(simulated, library):
    ap = simulated.layers["ap"]
    dap = np.random.default_rng(0).permutation((ap[3] - ap[0]).astype(float))
    for composition in (True, False):
        model = fit_trajectory(
            simulated.varm["sequence"], dap, motifs=library, composition=composition, progress=False
        )  # fmt: skip
        assert len(model.pbms) == 0
        assert best_size(model.sizes) == 0
        assert model.stats["r2_test"] < 0.01
        assert "does not lower the deviance" in model.dropped["reason"].iloc[0]
        assert np.isfinite(model.predict("ACGT" * 125)).all()
        again = iq.models.TrajectoryModel.from_uns(model.to_uns())
        assert len(again.pbms) == 0
        pd.testing.assert_frame_equal(again.sizes, model.sizes)
    published = FitOptions.preset("paper", max_motifs=5)
    model = fit_trajectory(simulated.varm["sequence"], dap, motifs=library, options=published, progress=False)
    assert len(model.pbms) > 0
    assert len(model.sizes) == 0
