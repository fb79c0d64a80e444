"""Joint refinement: its gradient against finite differences, and what it makes of planted motifs."""

import numpy as np
import pytest

import iceqream as iq
from iceqream._core.energy import SpatialCurves
from iceqream._core.prego import MAX_LENGTH
from iceqream._core.regression import logistic
from iceqream._core.threads import threads
from iceqream.inference.options import FitOptions
from iceqream.inference.refinement import JointFit, resampled
from iceqream.models.interactions import Interactions

STEP = 1e-5
# of the largest derivative: 3.7e-7 was measured, from the float32 products of the gradient's kernel
TOLERANCE = 2e-6


class Exact(JointFit):
    """Energies in float64, so that small steps can be seen."""

    def energies(self, codes):
        probabilities = self.probabilities + self.options.pseudo_probability
        odds = 4 * probabilities / probabilities.sum(axis=2, keepdims=True)
        region = codes[:, self.region]
        out = np.empty((len(codes), len(self)))
        for m, length in enumerate(self.lengths):
            starts = np.arange(region.shape[1] - length + 1)
            letters = region[:, starts[:, None] + np.arange(length)]
            weights = self.spatial.weights[m, starts // self.bin_size]
            sums = 0.0
            for matrix in (odds[m, :length], odds[m, :length][::-1, ::-1]):
                known = np.hstack([matrix, np.ones((length, 1))])
                sums = sums + (known[np.arange(length), letters].prod(axis=2) * weights).sum(axis=1)
            # energies are log2 of sums of probabilities
            out[:, m] = np.log2(sums) - 2 * length
        return out


def random_motifs(rng, lengths):
    matrices = {name: 0.95 * rng.dirichlet([0.4] * 4, length) + 0.0125 for name, length in lengths.items()}
    return iq.motifs.MotifSet.from_dict(matrices)


def joint_fit(rng, *, kind=JointFit, n=60, lengths=(5, 8, 12), n_responses=2, n_features=2, **options):
    codes = rng.integers(0, 4, (n, 140), dtype=np.uint8)
    codes[:6][rng.random((6, 140)) < 0.05] = 4
    weights = rng.uniform(0.2, 2.0, (n, n_responses))
    # peaks that count for one response alone, or for none
    weights[: n // 6, 0] = 0.0
    weights[n // 10 : n // 5, -1] = 0.0
    features = rng.uniform(0, 10, (n, n_features)).astype(np.float32)
    response = rng.uniform(0, 1, (n, n_responses))
    settings = FitOptions(**options)
    fit = kind(codes, response, weights, features, options=settings, rng=np.random.default_rng(7))
    fit.add(random_motifs(rng, {f"m{i}": length for i, length in enumerate(lengths)}))
    return fit


def moved(fit, rng):
    """Away from where the motifs started, and with ends of the scale on which no peak lies."""
    fit.logits = fit.logits + 0.3 * rng.normal(size=fit.logits.shape)
    fit.curves = fit.curves + 0.3 * rng.normal(size=fit.curves.shape)
    fit.rescale()
    fit.low, fit.high = fit.low - 0.017, fit.high - 0.13
    fit.energy_values = np.clip((fit.energies(fit.codes) - fit.low) / (fit.high - fit.low) * 10, 0, 10)
    return fit


def derivative(fit, name, at, rows):
    start, values = getattr(fit, name), []
    for step in (STEP, -STEP):
        changed = start.copy()
        changed[at] += step
        setattr(fit, name, changed)
        values.append(fit.objective(rows))
    setattr(fit, name, start)
    return (values[0] - values[1]) / (2 * STEP)


@pytest.mark.parametrize("pseudo_probability", [0.0, 0.01])
@pytest.mark.parametrize("expand", [None, False, True])
def test_the_gradient_is_that_of_the_objective(rng, pseudo_probability, expand):
    fit = joint_fit(rng, kind=Exact, pseudo_probability=pseudo_probability, pssm_pull=3.0, curve_smoothness=2.0)
    moved(fit, rng)
    if expand is not None:
        # motif and motif, motif and feature, feature and feature; the other response has one pair of its own
        for t, pairs in enumerate((np.array([[0, 1], [1, 3], [3, 4]]), np.array([[1, 2]]))):
            found = Interactions.of(pairs, fit.terms, expand=expand)
            # no peak lies on an end of the scale, where the slope differs from side to side
            fit.pairs[t] = Interactions(found.first, found.second, found.low - 0.7, found.high + 0.3,
                                        found.coefficients)  # fmt: skip
    fit.refit([1e-4, 3e-4])
    n = 4 * fit.terms.shape[1]
    for t, pairs in enumerate(fit.pairs):
        # coefficients of any size, those of the pairs among them
        fit.fits[t].coefficients[:] += rng.normal(size=len(fit.fits[t].coefficients))
        fit.pairs[t] = pairs.with_coefficients(fit.fits[t].coefficients[n:])
    rows = fit.training[::2]
    by_logits, by_curves = fit.gradient(rows)
    inside = np.arange(fit.logits.shape[1])[None, :, None] < fit.lengths[:, None, None]
    assert (by_logits[np.broadcast_to(~inside, by_logits.shape)] == 0).all()
    for name, got in (("logits", by_logits), ("curves", by_curves)):
        want = np.zeros(got.shape)
        for at in np.ndindex(*got.shape):
            if name == "curves" or at[1] < fit.lengths[at[0]]:
                want[at] = derivative(fit, name, at, rows)
        np.testing.assert_allclose(got, want, atol=TOLERANCE * np.abs(want).max())


def test_parts_of_the_peaks_add_up_to_all(rng):
    fit = joint_fit(rng, pssm_pull=0.0, curve_smoothness=0.0)
    fit.refit([1e-3, 1e-3])
    halves = np.array_split(fit.training, [len(fit.training) // 3])
    whole = fit.gradient(fit.training)
    parts = [fit.gradient(rows) for rows in halves]
    for k in range(2):
        mean = sum(len(rows) * part[k] for rows, part in zip(halves, parts, strict=True)) / len(fit.training)
        # float64 sums in another order
        np.testing.assert_allclose(mean, whole[k], atol=1e-12)


def test_the_deviance_of_all_peaks_is_the_objective_without_pulls(rng):
    fit = joint_fit(rng, pssm_pull=0.0, curve_smoothness=0.0)
    fit.refit([1e-3, 1e-3])
    mu = logistic(fit.linear_predictors())
    deviance = -(fit.response * np.log(mu) + (1 - fit.response) * np.log(1 - mu))
    np.testing.assert_allclose(fit.weights.sum(axis=0), 1.0)
    assert fit.objective(fit.training) == pytest.approx((fit.weights * deviance).sum(), abs=1e-6)
    np.testing.assert_allclose(fit.residuals(), fit.response - mu, atol=1e-15)


def test_the_pulls_are_zero_where_the_motifs_started_and_grow(rng):
    strong, without = (joint_fit(np.random.default_rng(4), pssm_pull=pull, curve_smoothness=pull) for pull in (9.0, 0))
    for fit in (strong, without):
        fit.refit([1e-3, 1e-3])
    rows = strong.training
    assert strong.objective(rows) == pytest.approx(without.objective(rows), abs=1e-12)
    step, bend = 0.2 * rng.normal(size=strong.logits.shape), 0.2 * rng.normal(size=strong.curves.shape)
    for fit in (strong, without):
        fit.logits, fit.curves = fit.logits + step, fit.curves + bend
    p, q = strong.probabilities, np.exp(strong.prior)
    divergence = sum((p[m, :n] * np.log(p[m, :n] / q[m, :n])).sum() for m, n in enumerate(strong.lengths))
    padded = strong.logits.shape[1] - strong.lengths
    assert padded.max() > 0
    roughness = (np.diff(np.log(strong.spatial.weights), axis=1) ** 2).sum() / strong.n_bins
    got = (strong.objective(rows) - without.objective(rows)) * len(rows)
    beyond = sum((p[m, n:] * np.log(p[m, n:] / 0.25)).sum() for m, n in enumerate(strong.lengths))
    assert got == pytest.approx(9 * (divergence + beyond + roughness), rel=1e-9)


def test_steps_go_down_and_curves_stay_symmetric(rng):
    fit = joint_fit(rng, n=200)
    fit.refit([1e-3, 1e-3])
    before, offsets = fit.objective(fit.training), fit._offsets()
    for _ in range(3):
        fit._step(*fit.gradient(fit.training, offsets))
    assert fit.objective(fit.training) < before
    assert np.ptp(fit.curves) > 0.01
    np.testing.assert_array_equal(fit.curves, fit.curves[:, ::-1])
    # beyond its length nothing belongs to a motif
    for m, length in enumerate(fit.lengths):
        np.testing.assert_allclose(fit.probabilities[m, length:], 0.25, atol=1e-15)


def test_a_copy_can_be_changed_without_the_other(rng):
    fit = joint_fit(rng)
    fit.refit([1e-3, 1e-3])
    kept = {name: np.array(getattr(fit, name)) for name in ("logits", "prior", "curves", "lengths", "low", "high",
                                                             "energy_values", "names")}  # fmt: skip
    coefficients = [f.coefficients.copy() for f in fit.fits]
    other = fit.copy()
    other.add(random_motifs(rng, {"new": 15}))
    other.refit([1e-3, 1e-3])
    other.learn([1e-3, 1e-3])
    assert (len(fit), len(other)) == (3, 4)
    assert not np.array_equal(other.logits[:3, :12], fit.logits)
    for name, value in kept.items():
        np.testing.assert_array_equal(getattr(fit, name), value)
    for fit_, value in zip(fit.fits, coefficients, strict=True):
        np.testing.assert_array_equal(fit_.coefficients, value)
    # and goes on as if there were no copy
    fit.learn([1e-3, 1e-3])
    assert np.isfinite(fit.logits).all()


def test_motifs_that_join_keep_the_others(rng):
    fit = joint_fit(rng, lengths=(6,))
    fit.refit([1e-3, 1e-3])
    fit.learn([1e-3, 1e-3])
    first, values = fit.pbms(), fit.energy_values.copy()
    curves = rng.dirichlet([3.0] * fit.n_bins, 2)
    both = random_motifs(rng, {"long": MAX_LENGTH + 9, "short": 4})
    fit.add(both, SpatialCurves(curves, fit.start, fit.bin_size))
    assert fit.lengths.tolist() == [6, MAX_LENGTH, 4]
    pbms = fit.pbms()
    assert pbms.motifs.names.tolist() == ["m0", "long", "short"]
    # energies of other motifs share a call: float32
    np.testing.assert_allclose(fit.energy_values[:, :1], values, atol=1e-5)
    np.testing.assert_allclose(pbms.motifs.matrix("m0"), first.motifs.matrix("m0"), atol=1e-12)
    np.testing.assert_allclose(pbms.motifs.matrix("short"), both.matrix("short"), atol=1e-12)
    np.testing.assert_allclose(pbms.spatial.weights[1:], curves, atol=1e-12)
    np.testing.assert_allclose(pbms.normalized_energies(fit.codes), fit.energy_values, atol=1e-5)


def test_curves_on_other_bins_keep_their_places():
    uniform = SpatialCurves(np.ones((2, 1)), 0, 500)
    np.testing.assert_array_equal(resampled(uniform, 30, 40, 11), np.ones((2, 11)))
    fine = SpatialCurves(np.arange(10.0)[None], 0, 10)
    np.testing.assert_allclose(resampled(fine, 0, 20, 5), [[0.5, 2.5, 4.5, 6.5, 8.5]])
    assert resampled(fine, 0, 10, 10) is fine.weights
    # outside of the known bins nothing counts
    np.testing.assert_allclose(resampled(fine, 50, 50, 2), [[7.0, 0.0]])


@pytest.fixture(scope="module")
def planted():
    """Peaks that open by how well one of two motifs is met somewhere, two responses."""
    rng = np.random.default_rng(2)
    motifs = iq.datasets.simulated_motifs(decoys=False)[["GATA1_MA0035.5", "FOXA2_MA0047.4"]].trim(0.3)
    codes = rng.integers(0, 4, (2000, 200), dtype=np.uint8)
    for m, matrix in enumerate([motifs.matrix(i) for i in range(2)]):
        soft = matrix**0.7 / (matrix**0.7).sum(axis=1, keepdims=True)
        for i in np.flatnonzero(rng.random(2000) < 0.6):
            at = rng.integers(20 + 80 * m, 85 + 80 * m)
            codes[i, at : at + len(soft)] = [rng.choice(4, p=row) for row in soft]
    energies = iq.motifs.energies(codes, motifs, normalize="reference").astype(float)
    occupied = logistic(1.2 * (energies - np.quantile(energies, 0.7, axis=0)))
    effects = np.array([[2.5, 1.0], [-1.5, 2.5]])
    response = logistic(occupied @ effects - 1.0 + 0.3 * rng.normal(size=(2000, 2)))
    return codes, response, motifs


def learned(planted, *, seed=0, perturbed=None, passes=5, weights=None, **options):
    codes, response, motifs = planted
    weights = np.ones(response.shape) if weights is None else weights
    nothing = np.empty((len(codes), 0), dtype=np.float32)
    fit = JointFit(codes, response, weights, nothing, options=FitOptions(**options), rng=np.random.default_rng(seed))
    start = [motifs.matrix(i) for i in range(len(motifs))] if perturbed is None else perturbed
    fit.add(iq.motifs.MotifSet.from_dict(dict(zip("ab", start, strict=True))))
    fit.refit([1e-4, 1e-4])
    before = fit.copy()
    fit.learn([1e-4, 1e-4], passes)
    return before, fit


def divergences(fit, motifs):
    """Kullback-Leibler divergence from each planted PSSM, bits per motif."""
    return [
        (truth * np.log2(truth / fit.probabilities[m, : len(truth)])).sum()
        for m, truth in enumerate(np.maximum(motifs.matrix(i), 1e-3) for i in range(len(motifs)))
    ]


@pytest.mark.parametrize("how", ["sharper", "softer", "noise"])
def test_planted_motifs_come_closer_to_the_truth(planted, how):
    _, _, motifs = planted
    rng = np.random.default_rng(5)
    matrices = [motifs.matrix(i) for i in range(2)]
    perturbed = {
        "sharper": [motifs.sharpened(2.0).matrix(i) for i in range(2)],
        "softer": [motifs.sharpened(0.4).matrix(i) for i in range(2)],
        "noise": [0.6 * matrix + 0.4 * rng.dirichlet([1.0] * 4, len(matrix)) for matrix in matrices],
    }[how]
    before, after = learned(planted, perturbed=perturbed)
    # bits of the two motifs: sharper 1.53, 1.55 -> 1.11, 0.80; softer 2.64, 2.77 -> 0.79, 0.73; noise 2.91, 2.56 ->
    # 0.95, 0.71
    for start, end in zip(divergences(before, motifs), divergences(after, motifs), strict=True):
        assert end < {"sharper": 0.8, "softer": 0.45, "noise": 0.45}[how] * start
    assert after.objective(after.training) < before.objective(before.training)


def test_threads_and_runs_learn_the_same(planted):
    results = []
    for n in (1, 2, 2):
        with threads(n):
            results.append(learned(planted, passes=1)[1])
    for other in results[1:]:
        for name in ("logits", "curves", "energy_values", "low", "high"):
            np.testing.assert_array_equal(getattr(other, name), getattr(results[0], name))
        np.testing.assert_array_equal(other.linear_predictors(), results[0].linear_predictors())
    another = learned(planted, passes=1, seed=1)[1]
    assert not np.array_equal(another.logits, results[0].logits)


def test_a_weight_of_0_is_absence(planted):
    codes, response, motifs = planted
    used = np.arange(len(codes)) % 3 > 0
    weights = used[:, None] * np.array([[1.0, 0.5]])
    _, some = learned(planted, passes=1, weights=weights)
    _, alone = learned((codes[used], response[used], motifs), passes=1, weights=weights[used])
    np.testing.assert_array_equal(some.logits, alone.logits)
    np.testing.assert_array_equal(some.curves, alone.curves)
    np.testing.assert_array_equal(some.linear_predictors()[used], alone.linear_predictors())
    # a response whose weights are scaled is the same
    np.testing.assert_allclose(some.weights.sum(axis=0), 1.0)


def test_strong_pulls_hold_motifs_and_curves(planted):
    _, _, motifs = planted
    soft = [motifs.sharpened(0.4).matrix(i) for i in range(2)]
    rng = np.random.default_rng(0)
    ends = []
    for pull in (0.0, 1e4):
        fit = learned(planted, perturbed=soft, passes=0, pssm_pull=pull, curve_smoothness=pull)[1]
        bent = rng.normal(size=(2, fit.n_bins // 2 + 1))
        fit.curves = np.hstack([bent, bent[:, -2::-1]])[:, : fit.n_bins]
        start = np.abs(np.diff(fit.curves, axis=1)).mean()
        fit.learn([1e-4, 1e-4], 5)
        moved = np.abs(fit.probabilities - np.exp(fit.prior)).max()
        ends.append((moved, np.abs(np.diff(fit.curves, axis=1)).mean() / start))
    # probabilities moved by 0.23 and 0.01
    assert ends[0][0] > 0.1
    assert ends[1][0] < 0.02
    # the steps of a rough curve became 0.32 and 0.12 times as high
    assert ends[1][1] < 0.6 * ends[0][1]
