import numpy as np
import pytest

import iceqream as iq
from iceqream._core.sequence import dinucleotide_frequencies, gc_content


def test_the_same_seed_gives_the_same_data():
    a, b, c = (iq.datasets.simulated_trajectory(n_peaks=200, rng=seed) for seed in (0, 0, 1))
    assert (a.varm["sequence"] == b.varm["sequence"]).all()
    assert (a.X == b.X).all()
    assert (a.varm["sequence"] != c.varm["sequence"]).any()


def test_background_has_mammalian_statistics(simulated):
    codes = simulated.varm["sequence"][~simulated.var["constitutive"].to_numpy()]
    gc = gc_content(codes)
    assert 0.42 < gc.mean() < 0.53
    assert gc.std() > 0.03
    frequencies = dinucleotide_frequencies(codes).mean(axis=0)
    expected_cpg = (gc / 2) ** 2
    assert frequencies[6] < 0.45 * expected_cpg.mean()
    promoters = simulated.varm["sequence"][simulated.var["constitutive"].to_numpy()]
    assert gc_content(promoters).mean() > gc.mean() + 0.05


def test_counts_follow_depth_bias_and_probability(simulated):
    truth, counts = simulated.layers["ap_true"], simulated.X
    assert truth.min() >= 0
    assert truth.max() <= 1
    constitutive = simulated.var["constitutive"].to_numpy()
    assert truth[:, constitutive].min() > 0.9
    assert 0.07 < constitutive.mean() < 0.10
    depth = simulated.uns["truth"]["depth"]
    assert depth.max() / depth.min() == pytest.approx(10)
    np.testing.assert_allclose(counts[:, constitutive].mean(axis=1) / depth, 1.0, atol=0.25)
    region = simulated.var["regional_counts"] / simulated.var["regional_counts"].mean()
    ratio = counts[:, constitutive].sum(axis=0) / depth.sum()
    assert np.corrcoef(region[constitutive], ratio)[0, 1] > 0.9
    for estimated, true in zip(simulated.layers["ap"], truth, strict=True):
        assert np.corrcoef(estimated, true)[0, 1] > 0.7


def test_occupancy_explains_accessibility_with_its_interactions(simulated):
    used = ~simulated.var["constitutive"].to_numpy()
    occupancy = simulated.varm["occupancy"][used].astype(float)
    eta = np.log(simulated.layers["ap_true"] / (1 - simulated.layers["ap_true"]))[:, used].astype(float)
    columns = [np.ones(used.sum()), *occupancy.T, occupancy[:, 0] * occupancy[:, 2], occupancy[:, 3] * occupancy[:, 4]]
    slope, *_ = np.linalg.lstsq(np.column_stack(columns), eta[3] - eta[0], rcond=None)
    effects = simulated.uns["truth"]["effects"]
    # residuals have a standard deviation of 0.35, occupancies one of about 0.3: standard errors are near 0.05
    np.testing.assert_allclose(slope[1:7], effects, atol=0.35)
    assert slope[7] > 0.5


def test_multiome_expresses_the_planted_factors():
    mdata = iq.datasets.simulated_multiome(n_peaks=200, n_metacells=40, rng=0)
    rna = mdata["rna"]
    assert rna.shape == (40, 60)
    assert (rna.obs_names == mdata["atac"].obs_names).all()
    time = rna.obs["time"].to_numpy()
    for gene, effect in zip(rna.var_names[:6], mdata["atac"].uns["truth"]["effects"], strict=True):
        r = np.corrcoef(np.asarray(rna[:, gene].X).ravel(), time)[0, 1]
        assert r * effect > 0
        assert abs(r) > 0.5


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        ("simulated_trajectory", {"n_states": 1}, "at least 2 states"),
        ("simulated_trajectory", {"n_peaks": 10}, "at least 100 peaks"),
        ("simulated_multiome", {"n_metacells": 2}, "n_metacells >= n_states"),
    ],
)
def test_too_small_simulations_are_refused(function, options, message):
    with pytest.raises(ValueError, match=message):
        getattr(iq.datasets, function)(**options)
