import numpy as np
import pytest
from scipy.stats import ks_2samp

from iceqream._core import prego
from iceqream._core.energy import SpatialCurves, energies
from iceqream._core.sequence import encode
from iceqream._core.threads import threads


@pytest.fixture
def problem(rng):
    codes = rng.integers(0, 4, (600, 120)).astype(np.uint8)
    rows = np.flatnonzero(rng.random(600) < 0.5)
    codes[rows, 50:56] = encode("GATAAG")[0]
    y = np.isin(np.arange(600), rows) + 0.3 * rng.normal(size=600)
    return codes, y[:, None]


def linear_energy(codes, fit, bin_size):
    curves = SpatialCurves(fit.spatial[None], 0, bin_size)
    log2 = energies(codes, fit.probabilities[None], np.array([len(fit.probabilities)]), spatial=curves)[:, 0]
    return 2.0 ** log2.astype(float)


@pytest.mark.parametrize("joint", [1, 4])
def test_score_is_the_r2_of_the_linear_energy_and_never_falls(problem, joint):
    codes, y = problem
    start = prego.seed_pwm("GATTAG", 10, letter_probability=0.85)
    fit = prego.optimize(codes, y, start, np.full(3, 1 / 3), 40, max_joint_moves=joint)
    r2 = np.corrcoef(linear_energy(codes, fit, 40), y[:, 0])[0, 1] ** 2
    # float32 products, up to a hundred ratios each
    assert fit.score == pytest.approx(r2, abs=1e-5)
    assert (np.diff(fit.history[:, 1]) > -1e-6).all()
    assert fit.score > 0.6
    assert fit.spatial.sum() == pytest.approx(1)
    np.testing.assert_allclose(fit.probabilities.sum(axis=1), 1)
    assert fit.probabilities.min() >= 0.0009
    assert fit.spatial[1] > 0.8
    assert fit.spatial[0] == pytest.approx(fit.spatial[2])


def test_several_targets_add_their_weighted_r2(problem, rng):
    codes, y = problem
    both = np.column_stack([y[:, 0], y[:, 0] + rng.normal(size=600)])
    start = prego.seed_pwm("GATAAG", 8, letter_probability=0.85)
    fit = prego.optimize(codes, both, start, np.full(3, 1 / 3), 40, target_weights=np.array([3.0, 1.0]))
    v = linear_energy(codes, fit, 40)
    r2 = [np.corrcoef(v, both[:, t])[0, 1] ** 2 for t in range(2)]
    assert fit.score == pytest.approx(1.5 * r2[0] + 0.5 * r2[1], abs=2e-5)


def test_ks_objective_is_the_one_sided_statistic(problem):
    codes, y = problem
    binary = (y > 0.5).astype(float)
    start = prego.seed_pwm("GATTAG", 8, letter_probability=0.85)
    fit = prego.optimize(codes, binary, start, np.full(3, 1 / 3), 40, objective="ks")
    v = linear_energy(codes, fit, 40)
    ones = binary[:, 0] == 1
    want = ks_2samp(v[ones], v[~ones], alternative="less").statistic
    assert fit.score == pytest.approx(want, abs=2e-3)
    assert fit.score > 0.8


def test_what_is_not_optimised_stays(problem):
    codes, y = problem
    start = prego.seed_pwm("GATAAG", 8, letter_probability=0.85)
    only_curve = prego.optimize(codes, y, start, np.full(3, 1 / 3), 40, optimize_pwm=False)
    np.testing.assert_allclose(only_curve.probabilities, start)
    assert only_curve.spatial[1] > 0.5
    only_pwm = prego.optimize(codes, y, start, np.full(3, 1 / 3), 40, optimize_spatial=False)
    np.testing.assert_allclose(only_pwm.spatial, 1 / 3)
    free = prego.optimize(codes, y, start, np.full(6, 1 / 6), 20, symmetric=False)
    assert free.spatial[2] > 2 * free.spatial[3]


def test_threads_and_order_of_sequences(problem, rng):
    codes, y = problem
    start = prego.seed_pwm("GATTAG", 10, letter_probability=0.85)
    two = prego.optimize(codes, y, start, np.full(3, 1 / 3), 40)
    with threads(1):
        one = prego.optimize(codes, y, start, np.full(3, 1 / 3), 40)
    assert (one.probabilities == two.probabilities).all()
    assert (one.history == two.history).all()


def test_unknown_letters_are_neutral(problem, rng):
    codes, y = problem
    holes = codes.copy()
    holes[rng.random(codes.shape) < 0.05] = 4
    start = prego.seed_pwm("GATAAG", 10, letter_probability=0.85)
    fit = prego.optimize(holes, y, start, np.full(3, 1 / 3), 40)
    r2 = np.corrcoef(linear_energy(holes, fit, 40), y[:, 0])[0, 1] ** 2
    assert fit.score == pytest.approx(r2, abs=1e-5)
    assert fit.score > 0.4


def test_seeds_are_centred_with_an_odd_rest_on_the_right():
    pwm = prego.seed_pwm("A*C", 6, letter_probability=0.85)
    assert pwm.argmax(axis=1)[[1, 3]].tolist() == [0, 1]
    assert (pwm[[0, 2, 4, 5]] == 0.25).all()
    np.testing.assert_allclose(pwm[1], [0.85, 0.05, 0.05, 0.05])
    with pytest.raises(ValueError, match="more than motif_length=3"):
        prego.seed_pwm("ACGT", 3, letter_probability=0.85)


def test_default_bins_follow_the_method():
    assert prego.spatial_bins(500, None, None) == (30, 40, 11)
    assert prego.spatial_bins(300, None, None) == (10, 40, 7)
    assert prego.spatial_bins(60, None, None) == (0, 20, 3)
    assert prego.spatial_bins(500, 50, 4) == (150, 50, 4)
    with pytest.raises(ValueError, match="do not fit into 100 bp"):
        prego.spatial_bins(100, 50, 3)


def test_residual_is_flat_along_the_prediction(rng):
    prediction = rng.normal(size=2000)
    target = np.sin(prediction) + 0.1 * rng.normal(size=2000)
    residual = prego.smoothed_residual(target, prediction)
    assert abs(np.corrcoef(residual, np.sin(prediction))[0, 1]) < 0.1
    assert residual.std() < 0.15
