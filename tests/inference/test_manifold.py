"""Several trajectories that share their motifs: what is learned, what held-out peaks know, what is refused."""

from dataclasses import replace

import numpy as np
import pytest

import iceqream as iq
from iceqream.inference import FitOptions, fit_manifold
from iceqream.inference.manifold_levels import CommonFit, TrajectoryPeaks, _sizes
from iceqream.inference.peaks import ModelledPeaks
from iceqream.models.features import FeatureScaling

QUICK = FitOptions(max_motifs=6, size_folds=0, interactions=False, refine=False)


@pytest.fixture(scope="module")
def arrays(_simulated_manifold):
    adata = _simulated_manifold
    ap = dict(zip(adata.obs_names, adata.layers["ap"].astype(float), strict=True))
    dap = {name: ap[end] - ap[start] for name, (start, end) in adata.uns["trajectories"].items()}
    return adata.varm["sequence"], dap, np.arange(adata.n_vars) % 5 > 0


@pytest.fixture(scope="module")
def small():
    return iq.datasets.simulated_motifs(decoys=False, manifold=True)


def test_planted_motifs_are_shared(branches):
    model = iq.get.model(branches, "iq_manifold")
    models = {name[3]: model[name] for name in model}
    table = iq.datasets.recovered_manifold(branches, models)
    # each planted motif has one PSSM, the right sign wherever it acts, and the right order of its effects
    assert table["n_motifs"].eq(1).all()
    acting = table[table["effect_true"] != 0]
    assert acting["recovered"].mean() == 1.0
    assert table["in_order"].mean() >= 0.75
    assert len(model.pbms) == 8
    assert len(model.members) > len(model.pbms)


def test_what_is_shared_predicts_as_well_as_what_is_not(branches):
    model = iq.get.model(branches, "iq_manifold")
    levels = [model[name].levels.set_index("level")["r2_test"] for name in model]
    assert levels[0].index.tolist()[:4] == ["own", "own interactions", "homogenized", "full"]
    # own motifs and common ones, without pairs and with them; 0.003 below to 0.004 above were measured
    for own, common in (("own", "homogenized"), ("own", "full"), ("own interactions", "interactions")):
        assert np.mean([one[common] - one[own] for one in levels]) > -0.01
    for name in model:
        assert model[name].levels.iloc[-1]["motifs"] == len(model[name].pbms)
    sizes = model.sizes
    assert sizes["deviance"].iloc[0] > sizes["deviance"].min()
    assert sizes["motifs"].is_monotonic_increasing


def test_held_out_peaks_teach_nothing_and_threads_change_nothing(arrays, small):
    codes, dap, train = arrays
    models = []
    for n_jobs, noise in ((1, 0.0), (2, 0.3)):
        rng = np.random.default_rng(0)
        changed = {name: y + noise * ~train * rng.normal(size=len(y)) for name, y in dap.items()}
        models.append(
            fit_manifold(codes, changed, motifs=small, train=train, options=QUICK, n_jobs=n_jobs, progress=False)
        )
    first, second = models
    np.testing.assert_array_equal(first.pbms.motifs.pssm, second.pbms.motifs.pssm)
    np.testing.assert_array_equal(first.coefficients, second.coefficients)
    assert first["A"].stats["r2_test"] != second["A"].stats["r2_test"]


def test_trajectories_may_model_different_peaks(arrays, small):
    codes, dap, train = arrays
    pair = {name: dap[name].copy() for name in ("A", "C")}
    masks = {"A": np.arange(len(codes)) < 800, "C": np.arange(len(codes)) >= 300}
    for name, mask in masks.items():
        pair[name][~mask] = np.nan
    model = fit_manifold(codes, pair, motifs=small, modelled=masks, train=train, options=QUICK, n_motifs=5,
                         states={"A": ("stem", "A3"), "C": ("stem", "C3")}, progress=False)  # fmt: skip
    for name, mask in masks.items():
        assert model[name].stats["n_train"] == (mask & train).sum()
        assert model[name].stats["n_test"] == (mask & ~train).sum()
        assert model[name].states == ("stem", f"{name}3")
    # at most as many as wanted, and every motif is in some trajectory
    assert 1 <= len(model.pbms) <= 5
    assert model.used.any(axis=0).all()
    # a motif that is not alike in the two is one of its own: the scale is that of all training peaks
    union = (masks["A"] | masks["C"]) & train
    energies = model.pbms.energies(codes[union])
    support = QUICK.support(int(union.sum()))
    for k in range(len(model.pbms)):
        assert (energies[:, k] >= model.pbms.energy_high[k]).sum() >= support


def test_the_publications_scale_is_that_of_all_sequences(arrays, small):
    codes, dap, train = arrays
    mask = np.arange(len(codes)) < 400
    model = fit_manifold(
        codes, {name: dap[name] for name in ("A", "C")}, motifs=small, train=train,
        modelled={"A": mask, "C": mask}, options=replace(QUICK, min_support=1), progress=False,
    )  # fmt: skip
    again = model.pbms.scaled_to(codes, QUICK.normalization, 1)
    np.testing.assert_allclose(model.pbms.energy_high, again.energy_high, atol=1e-6)
    assert not np.allclose(model.pbms.scaled_to(codes[mask], QUICK.normalization, 1).energy_high, again.energy_high)


def test_each_trajectory_counts_alike(arrays):
    codes, dap, train = arrays
    rows = {"A": np.arange(200), "C": np.arange(100, 1100)}
    none = FeatureScaling.none()
    parts = [TrajectoryPeaks(n, ("s", n), r, ModelledPeaks(dap[n][r], train[r])) for n, r in rows.items()]
    fit = CommonFit(codes, codes, np.empty((len(codes), 0), np.float32), parts, none, QUICK)
    assert fit.training.tolist() == [i for i in range(1100) if train[i]]
    held_out = fit.held_out(np.arange(250), [])
    assert (held_out.weights[:, 0] > 0).sum() == train[:200].sum()
    assert (held_out.weights[:, 1] > 0).sum() == train[100:250].sum()
    without = fit.without(np.arange(len(codes)) < 150)
    assert without.training.tolist() == [i for i in range(150, 1100) if train[i]]
    # dAP keeps its scale
    assert without.trajectories[0].peaks.dap_range == fit.trajectories[0].peaks.dap_range


def test_sizes_that_are_judged():
    assert _sizes(6, None, with_folds=True) == [0, 1, 2, 3, 4, 5, 6]
    many = _sizes(100, None, with_folds=True)
    assert (many[0], many[-1]) == (0, 100)
    assert len(many) < 35
    assert _sizes(9, None, with_folds=False) == [9]
    assert _sizes(9, 5, with_folds=True) == [5]
    assert _sizes(3, 5, with_folds=False) == [3]


def test_bad_input_is_refused_by_name(arrays, small):
    codes, dap, train = arrays
    settings = {"motifs": small, "options": QUICK, "progress": False}
    with pytest.raises(ValueError, match="at least two trajectories, got A"):
        fit_manifold(codes, {"A": dap["A"]}, **settings)
    with pytest.raises(TypeError, match="dictionary of arrays by the name of the trajectory"):
        fit_manifold(codes, np.array([dap["A"]]), **settings)
    with pytest.raises(TypeError, match="Names of trajectories are text, got 1, 2"):
        fit_manifold(codes, {1: dap["A"], 2: dap["B"]}, **settings)
    both = {name: dap[name] for name in ("A", "B")}
    with pytest.raises(KeyError, match="modelled must name the trajectories A, B; missing: B, unknown: b"):
        fit_manifold(codes, both, modelled={"A": train, "b": train}, **settings)
    with pytest.raises(KeyError, match="missing: B, unknown: none"):
        fit_manifold(codes, {"A": dap["A"], "B": dap["B"]}, modelled={"A": train}, **settings)
    flat = {"A": dap["A"], "B": np.zeros(len(codes))}
    with pytest.raises(ValueError, match=r"Trajectory 'B': .*the two states do not differ"):
        fit_manifold(codes, flat, **settings)
    both = {"A": dap["A"], "B": dap["B"]}
    for value in (0, 2.5, True):
        with pytest.raises(ValueError, match="n_motifs must be None or a whole number"):
            fit_manifold(codes, both, n_motifs=value, **settings)
    with pytest.raises(ValueError, match="same is a correlation"):
        fit_manifold(codes, both, same=1.5, **settings)
    with pytest.raises(ValueError, match="fraction must lie"):
        fit_manifold(codes, both, train=1.5, **settings)
