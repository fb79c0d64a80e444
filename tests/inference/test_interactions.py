import numpy as np
import pytest

import iceqream as iq
from iceqream._core.response import responses
from iceqream.inference.final_fit import fit_responses
from iceqream.inference.pairs import add_interactions, candidate_pairs
from iceqream.inference.peaks import ModelledPeaks
from iceqream.models import FitOptions, fit_trajectory
from iceqream.models.features import FeatureScaling
from iceqream.models.interactions import Interactions
from iceqream.motifs import PBMSet


@pytest.fixture
def model(fitted):
    return iq.get.model(fitted)


def test_values_are_products_scaled_by_stored_constants(rng):
    values = rng.uniform(0, 10, (50, 3)).astype(np.float32)
    pairs = Interactions.of(np.array([[0, 1], [0, 2]]), values, expand=False)
    product = values[:, 0].astype(float) * values[:, 1]
    want = (product - product.min()) / np.ptp(product)
    np.testing.assert_allclose(pairs.values(values)[:, 0], want, atol=1e-12)
    # other peaks are scaled by the same constants and do not leave [0, 1]
    np.testing.assert_allclose(pairs.values(values[:5])[:, 0], want[:5], atol=1e-12)
    assert pairs.values(np.full((1, 3), 10.0)).tolist() == [[1.0, 1.0]]
    linear = pairs.with_coefficients(np.array([2.0, -1.0]))
    np.testing.assert_allclose(linear.contributions(values)[:, 0], 2 * want, atol=1e-12)
    assert linear.names(["a", "b", "c"]).tolist() == ["a:b", "a:c"]


def test_expanded_pairs_pass_through_the_response_functions(rng):
    values = rng.uniform(0, 10, (50, 2))
    pairs = Interactions.of(np.array([[0, 1]]), values, expand=True)
    assert pairs.columns(values).shape == (50, 4)
    beta = np.array([1.0, -2.0, 0.5, 3.0])
    got = pairs.with_coefficients(beta).contributions(values)[:, 0]
    np.testing.assert_allclose(got, responses(10 * pairs.values(values)[:, 0]) @ beta, atol=1e-12)
    np.testing.assert_allclose(got, pairs.columns(values) @ beta, atol=1e-12)


@pytest.mark.parametrize("expand", [False, True])
def test_slopes_are_the_derivatives_of_what_the_pairs_add(rng, expand):
    values = rng.uniform(0, 10, (40, 4))
    # a term may be in several pairs, or in one with itself; the scale ends at the 10th row, clipped beyond
    pairs = Interactions.of(np.array([[0, 1], [0, 2], [2, 2]]), values, expand=expand, support=10)
    pairs = pairs.with_coefficients(rng.normal(size=pairs.coefficients.shape))
    flat = Interactions(*(np.append(part, part[:1], axis=0) for part in vars(pairs).values()))
    flat.high[3] = flat.low[3]
    # the rows at the very end of a scale have a slope on one side only
    products = pairs.products(values)
    inner = (np.abs(products - pairs.low) > 1e-4) & (np.abs(products - pairs.high) > 1e-4)
    step, want = 1e-6, np.zeros(values.shape)
    for term in range(4):
        moved = np.zeros(4)
        moved[term] = step
        high, low = (pairs.contributions(v).sum(axis=1) for v in (values + moved, values - moved))
        want[:, term] = (high - low) / (2 * step)
    rows = inner.all(axis=1)
    assert rows.sum() > 30
    # 1e-9 was measured
    np.testing.assert_allclose(pairs.slopes(values)[rows], want[rows], atol=1e-7)
    assert (pairs.slopes(values)[:, 3] == 0).all()
    # a pair whose scale has no width adds nothing
    np.testing.assert_array_equal(flat.slopes(values), pairs.slopes(values))
    assert (Interactions.none().slopes(values) == 0).all()


def test_candidates_are_pairs_of_anchors_without_dinucleotides():
    terms = ["m0", "m1", "m2", "gc_content", "AA", "h3k4me1"]
    pairs = candidate_pairs(np.array([0, 2, 3, 4, 5]), 3, terms)
    assert [tuple(p) for p in pairs] == [(0, 2), (0, 3), (2, 3), (0, 5), (2, 5)]
    assert candidate_pairs(np.array([3, 4]), 3, terms).shape == (0, 2)


def test_positions_follow_the_terms_that_stay(rng):
    pairs = Interactions.of(np.array([[0, 1], [1, 3], [2, 3]]), rng.uniform(0, 10, (9, 4)), expand=False)
    left = pairs.without_terms(np.array([1, 2, 3]))
    assert list(zip(left.first, left.second, strict=True)) == [(0, 2), (1, 2)]
    assert left.low.tolist() == pairs.low[1:].tolist()


@pytest.fixture(scope="module")
def crossed(library):
    """Peaks that open only where two motifs are both present."""
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 4, (3000, 300), dtype=np.uint8)
    present = rng.random((3000, 2)) < 0.5
    names = ["GATA1_MA0035.5", "FOXA2_MA0047.4"]
    for k, site in enumerate(iq.motifs.MotifSet.consensus(library[names].trim(0.5))):
        letters = np.array(["ACGT".index(letter) if letter in "ACGT" else 0 for letter in site])
        for i in np.flatnonzero(present[:, k]):
            at = rng.integers(60 + 100 * k, 130 + 100 * k)
            codes[i, at : at + len(letters)] = letters
    dap = 0.5 * present.all(axis=1) - 0.25 + rng.normal(0, 0.1, 3000)
    return codes, np.clip(dap, -1, 1), library[names]


def test_planted_cooperation_is_found_and_accepted_by_cross_validation(crossed):
    codes, dap, motifs = crossed
    fits = {
        choice: fit_trajectory(
            codes, dap, motifs=motifs, composition=False, progress=False, options=FitOptions(interactions=choice)
        )
        for choice in (False, True, "cv")
    }
    assert len(fits[False].interactions) == 0
    for choice in (True, "cv"):
        model = fits[choice]
        assert len(model.interactions) == 1
        assert model.interactions.coefficients[0, 0] > 0
        # measured: 0.62 without and 0.75 with the pair
        assert model.stats["r2_test"] > fits[False].stats["r2_test"] + 0.05
        assert model.levels["r2_test"].iloc[-1] == pytest.approx(model.stats["r2_test"])


def test_cross_validation_refuses_pairs_that_do_not_help(fitted):
    # the simulation has no interaction: 0.0007 worse in held-out deviance
    model = iq.get.model(fitted)
    assert model.params["interactions"] == "cv"
    assert len(model.interactions) == 0


def test_progressive_passes_and_caps(fitted, model):
    table = fitted.varm["iq"]
    rows = (table["split"] != "unused").to_numpy()
    peaks = ModelledPeaks(table["dap"].to_numpy(float)[rows], (table["split"] == "train").to_numpy()[rows])
    values = model.values(fitted)[rows]
    settings = {"interactions": True, "lambda_": 1e-5, "min_anchor_coefficient": 0.001}
    for passes in (1, 3):
        options = FitOptions(max_interactions=6, interaction_passes=passes, **settings)
        joined, fit = add_interactions(model, values, peaks, options, lambda_=1e-4, rng=np.random.default_rng(0))
        assert 0 < len(joined.interactions) <= 6
        assert fit.converged
    strict = FitOptions(min_interaction_correlation=1.0, **settings)
    joined, _ = add_interactions(model, values, peaks, strict, lambda_=1e-4, rng=np.random.default_rng(0))
    assert len(joined.interactions) <= 1
    nobody = FitOptions(**{**settings, "min_anchor_coefficient": 99})
    assert add_interactions(model, values, peaks, nobody, lambda_=1e-4, rng=np.random.default_rng(0)) is None


@pytest.fixture
def hidden_pair():
    """Peaks whose response is the product of two terms that have no weight alone, beside a third that has."""
    rng = np.random.default_rng(0)
    values = rng.uniform(0, 10, (4000, 3))
    centred = (values[:, 0] - 5) * (values[:, 1] - 5) / 25
    dap = 0.3 * centred + 0.05 * (values[:, 2] - 5) + rng.normal(0, 0.05, 4000)
    return values, ModelledPeaks(np.clip(dap, -1, 1), np.arange(4000) % 5 > 0)


def fitted_with(library, values, peaks, pairs, lambda_, **options):
    pbms = PBMSet.uniform(library[:3], np.zeros(3), np.ones(3), 500)
    settings = {"lambda_": lambda_, "options": FitOptions(**options), "states": ("a", "b")}
    return fit_responses(pbms, FeatureScaling.none(), pairs, values, peaks, **settings)


def test_a_pair_leaves_when_a_term_of_it_has_no_weight_alone(library, hidden_pair):
    values, peaks = hidden_pair
    pairs = Interactions.of(np.array([[0, 1], [0, 2]]), values, expand=False)
    # a penalty at which the pair has weight, and one of its terms alone none
    free, _ = fitted_with(library, values, peaks, pairs, 1.5e-2, heredity=False, pair_penalty=1.0)
    own = (free.coefficients != 0).any(axis=1)
    assert len(free.interactions) > 0
    assert not (own[free.interactions.first] & own[free.interactions.second]).all()
    bound, fit = fitted_with(library, values, peaks, pairs, 1.5e-2, heredity=True, pair_penalty=1.0)
    own = (bound.coefficients != 0).any(axis=1)
    assert (own[bound.interactions.first] & own[bound.interactions.second]).all()
    assert len(bound.interactions) < len(free.interactions)
    # what stays is the fit of what stays
    again, alone = fitted_with(library, values, peaks, bound.interactions, 1.5e-2, heredity=False, pair_penalty=1.0)
    np.testing.assert_allclose(bound.coefficients, again.coefficients, atol=1e-4)
    assert fit.objective == pytest.approx(alone.objective, abs=1e-7)


def test_pairs_shrink_with_their_penalty(library, hidden_pair):
    values, peaks = hidden_pair
    pairs = Interactions.of(np.array([[0, 1]]), values, expand=False)
    sizes = []
    for penalty in (1.0, 2.0, 8.0):
        model, _ = fitted_with(library, values, peaks, pairs, 2e-3, heredity=False, pair_penalty=penalty)
        sizes.append(float(np.abs(model.interactions.coefficients).sum()))
    assert sizes[0] > sizes[1] > sizes[2]


def test_products_are_scaled_alike_in_blocks(rng):
    values = rng.uniform(0, 10, (300, 15))
    every = np.array([(i, j) for i in range(15) for j in range(i)])
    assert len(every) > 64
    pairs = Interactions.of(every, values, expand=False, support=20)
    products = values[:, every[:, 0]] * values[:, every[:, 1]]
    np.testing.assert_allclose(pairs.low, np.sort(products, axis=0)[19], atol=1e-12)
    np.testing.assert_allclose(pairs.high, np.sort(products, axis=0)[-20], atol=1e-12)
    assert len(Interactions.of(every[:0].reshape(-1, 2), values, expand=False)) == 0


@pytest.mark.parametrize("expand", [False, True])
def test_gains_are_what_a_pair_adds_beyond_a_term_of_0(rng, expand):
    values = rng.uniform(0, 10, (40, 3))
    pairs = Interactions.of(np.array([[0, 1], [1, 2]]), values, expand=expand)
    pairs = pairs.with_coefficients(rng.normal(size=pairs.coefficients.shape))
    none = values.copy()
    none[:, 1] = 0
    want = (pairs.contributions(values) - pairs.contributions(none)).sum(axis=1)
    np.testing.assert_allclose(pairs.gains(pairs.products(values)).sum(axis=1), want, atol=1e-12)
    of_term = pairs.gains_of(1, values[:, [1]], values)
    np.testing.assert_allclose(of_term[:, 0], want, atol=1e-12)
    grid = np.array([0.0, 3.0])
    by_grid = pairs.gains_of(1, grid, values)
    assert by_grid.shape == (40, 2)
    assert (by_grid[:, 0] == 0).all()
    np.testing.assert_allclose(by_grid[:, 1], pairs.gains_of(1, np.full((40, 1), 3.0), values)[:, 0], atol=1e-12)
