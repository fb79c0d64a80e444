"""Growth: which motifs join, and how many stay."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import iceqream as iq
from iceqream._core.regression import logistic
from iceqream._core.threads import threads
from iceqream.inference.growth import (
    ENOUGH_PEAKS,
    FoldGrowth,
    Growth,
    best_stage,
    grow,
    held_out_deviance,
    held_out_parts,
)
from iceqream.inference.options import FitOptions
from iceqream.inference.peaks import ModelledPeaks
from iceqream.inference.refinement import JointFit
from iceqream.inference.screening import screen
from iceqream.models import fit_trajectory
from iceqream.models.levels import SIZE_COLUMNS
from iceqream.motifs import MotifSet

N = 800


@pytest.fixture(scope="module")
def planted(library):
    """Peaks of 200 bp that open with GATA1 and FOXA2 and close with Spi1; the library has the three and five more."""
    rng = np.random.default_rng(1)
    names = ["GATA1_MA0035.5", "FOXA2_MA0047.4", "Spi1_MA0080.7"]
    others = [name for name, planted in zip(library.names, library.metadata["planted"], strict=True) if not planted]
    motifs = library[[*names, *others[:5]]]
    codes = rng.integers(0, 4, (N, 200), dtype=np.uint8)
    present = rng.random((N, 3)) < 0.5
    for m in range(3):
        matrix = motifs.matrix(m)
        for i in np.flatnonzero(present[:, m]):
            at = rng.integers(10 + 60 * m, 50 + 60 * m)
            codes[i, at : at + len(matrix)] = [rng.choice(4, p=row) for row in matrix]
    dap = np.clip(present @ [0.3, 0.2, -0.3] + rng.normal(0, 0.1, N), -1, 1)
    return codes, dap, motifs


def growth(planted, *, used=None, weights=None, motifs=None, **options):
    """A growth on some of the peaks, with all motifs screened."""
    codes, dap, library = planted
    library = library if motifs is None else motifs
    rows = np.arange(len(codes)) if used is None else np.flatnonzero(used)
    settings = FitOptions(**options)
    peaks = ModelledPeaks(dap, np.ones(len(dap), dtype=bool))
    found = screen(
        codes, np.arange(len(codes)), peaks, library, min_correlation=0.0, max_motifs=2, max_screened=99,
        scheme="reference", pseudo_probability=0.01, support=30,
    )[0]  # fmt: skip
    weights = np.ones(len(rows)) if weights is None else weights
    nothing = np.empty((len(rows), 0), dtype=np.float32)
    fit = JointFit(codes[rows], peaks.response[rows, None], weights[:, None], nothing, options=settings,
                   rng=np.random.default_rng(0))  # fmt: skip
    fit.refit([0.0])
    return Growth(fit, library, found, rows)


def test_held_out_parts_are_as_many_as_are_needed(rng):
    parts = held_out_parts(103, 5, rng)
    assert sorted(np.concatenate(parts).tolist()) == list(range(103))
    assert {len(part) for part in parts} == {20, 21}
    assert (np.diff(parts[0]) > 1).any()
    assert held_out_parts(103, 0, rng) == []
    # of many peaks, one or two folds tell enough
    for n, folds in ((ENOUGH_PEAKS, 5), (ENOUGH_PEAKS + 1, 5), (2 * ENOUGH_PEAKS, 3), (5 * ENOUGH_PEAKS, 1),
                     (50 * ENOUGH_PEAKS, 1)):  # fmt: skip
        parts = held_out_parts(n, 5, rng)
        assert len(parts) == folds
        assert sum(len(part) for part in parts) >= ENOUGH_PEAKS
        assert len(np.unique(np.concatenate(parts))) == sum(len(part) for part in parts)
    one, two = (held_out_parts(50, 5, np.random.default_rng(3)) for _ in range(2))
    assert all((a == b).all() for a, b in zip(one, two, strict=True))


def test_held_out_deviance_by_hand():
    response = np.array([[0.2], [0.9], [0.5], [0.7], [0.1]])
    fit = SimpleNamespace(response=response)
    held_out = [np.array([1, 3]), np.array([0, 4])]
    weights = [np.array([[1.0], [3.0]]), np.array([[2.0], [2.0]])]
    eta = [[np.array([[0.0], [0.0]]), np.array([[1.5], [0.5]])], [np.array([[0.0], [0.0]]), np.array([[-1.0], [0.2]])]]
    folds = [FoldGrowth(SimpleNamespace(fit=fit), *parts) for parts in zip(held_out, weights, eta, strict=True)]
    dap = np.array([[-0.3], [0.8], [0.1], [0.4], [-0.6]])
    table = held_out_deviance(folds, dap, [0, 4])
    assert table.columns.tolist() == list(SIZE_COLUMNS)
    assert table["motifs"].tolist() == [0, 4]

    def loss(y, linear):
        p = 1 / (1 + np.exp(-linear))
        return -2 * (y * np.log(p) + (1 - y) * np.log(1 - p))

    share = np.array([1, 3, 2, 2]) / 8
    y = np.array([0.9, 0.7, 0.2, 0.1])
    by_hand = np.array([loss(y, np.zeros(4)) * share, loss(y, np.array([1.5, 0.5, -1.0, 0.2])) * share])
    np.testing.assert_allclose(table["deviance"], by_hand.sum(axis=1), rtol=1e-12)
    assert by_hand[1].sum() < by_hand[0].sum()
    difference = by_hand[0] - by_hand[1]
    assert table["standard_error"].tolist() == pytest.approx([np.sqrt(4) * difference.std(), 0.0])
    # constant predictions have no correlation; two peaks of a fold lie on a line
    assert table["r2"].iloc[1] == pytest.approx(1.0)
    assert held_out_deviance([], dap, [0, 4]).empty


def test_deviances_of_responses_are_added(rng):
    response, weights = rng.random((6, 2)), rng.random((6, 2))
    eta = rng.normal(size=(6, 2))
    fold = FoldGrowth(SimpleNamespace(fit=SimpleNamespace(response=response)), np.arange(6), weights, [eta])
    got = held_out_deviance([fold], rng.normal(size=(6, 2)), [0])["deviance"].iloc[0]
    mu = logistic(eta)
    loss = -2 * (response * np.log(mu) + (1 - response) * np.log(1 - mu))
    assert got == pytest.approx(np.mean([np.average(loss[:, t], weights=weights[:, t]) for t in range(2)]))


@pytest.mark.parametrize(
    ("deviance", "error", "best"),
    [
        ([1.0, 0.8, 0.7, 0.75], 0.1, 2),
        # two standard errors from the model without motifs
        ([1.0, 0.9, 0.79, 0.8], 0.1, 2),
        ([1.0, 0.9, 0.81, 0.85], 0.1, 0),
        ([1.0, 1.1, 1.2], 0.1, 0),
        ([1.0], 0.0, 0),
        # of equal ones the first
        ([1.0, 0.5, 0.5], 0.1, 1),
    ],
)
def test_the_best_stage_is_the_lowest_if_it_differs_from_none(deviance, error, best):
    table = pd.DataFrame({"deviance": deviance, "standard_error": [error] + [0.0] * (len(deviance) - 1)})
    assert best_stage(table) == best


def test_the_motifs_that_explain_most_of_the_residuals_join_first(planted):
    grown = growth(planted)
    codes, dap, motifs = planted
    # the response is dAP on another scale, and without motifs the residuals are the response
    strength = [abs(np.corrcoef(iq.motifs.energies(codes, motifs[[name]], normalize="reference")[:, 0], dap)[0, 1])
                for name in motifs.names]  # fmt: skip
    assert grown.extend(1) == 1
    assert grown.fit.names == [motifs.names[int(np.argmax(strength))]]
    grown.fit.refit([1e-4])
    assert grown.extend(2) == 2
    assert set(grown.fit.names) == set(motifs.names[:3])


def test_no_motif_joins_twice(planted):
    _, _, motifs = planted
    alike = MotifSet.concat([
        motifs,
        motifs[:2].rename(["copy 1", "copy 2"]),
        motifs[:2].reverse_complement().rename(["flipped 1", "flipped 2"]),
        motifs[:1].sharpened(0.9).rename(["soft 1"]),
    ])  # fmt: skip
    grown = growth(planted, motifs=alike)
    while grown.extend(4):
        grown.fit.refit([1e-4])
        grown.fit.learn([1e-4])
    of_gata = {motifs.names[0], "copy 1", "flipped 1", "soft 1"}
    of_foxa = {motifs.names[1], "copy 2", "flipped 2"}
    assert len(set(grown.fit.names) & of_gata) == 1
    assert len(set(grown.fit.names) & of_foxa) == 1
    assert len(grown.fit.names) == len(set(grown.fit.names))


def test_a_weight_of_0_is_absence(planted):
    used = np.random.default_rng(0).random(N) < 0.7
    some, alone = growth(planted, weights=used.astype(float)), growth(planted, used=used)
    for grown in (some, alone):
        for _ in range(2):
            grown.extend(2)
            grown.fit.refit([1e-4])
            grown.fit.learn([1e-4])
    assert some.fit.names == alone.fit.names
    np.testing.assert_array_equal(some.fit.logits, alone.fit.logits)
    # rows at another place of a matrix product: 1e-16 was measured
    np.testing.assert_allclose(some.fit.linear_predictors()[used], alone.fit.linear_predictors(), atol=1e-12)


def test_growth_ends_where_the_folds_get_no_better(planted):
    _, dap, _ = planted
    rng = np.random.default_rng(0)
    folds = []
    for part in held_out_parts(N, 3, rng):
        weights = np.ones(N)
        weights[part] = 0.0
        folds.append(FoldGrowth(growth(planted, weights=weights), part, np.ones((len(part), 1)), []))
    joined = []
    fit, lambdas, table = grow(
        growth(planted),
        folds,
        dap=dap[:, None],
        max_motifs=6,
        refine=True,
        penalties=lambda _: [1e-3],
        advance=joined.append,
    )
    assert joined == [4, 2]
    assert table["motifs"].tolist() == [0, 4, 6]
    assert len(fit) == table["motifs"].iloc[best_stage(table)] > 0
    assert lambdas == [1e-3]
    assert len(fit.fits[0].coefficients) == 4 * len(fit)
    # deviance of the model without motifs: each part is predicted by the mean of the others
    response = fit.response[:, 0]
    losses = []
    for fold in folds:
        p = np.delete(response, fold.held_out).mean()
        y = response[fold.held_out]
        losses.append(-2 * (y * np.log(p) + (1 - y) * np.log(1 - p)))
    assert table["deviance"].iloc[0] == pytest.approx(np.concatenate(losses).mean(), abs=1e-6)
    # 0.37 was measured
    assert table["r2"].iloc[1] > 0.33


def test_threads_grow_the_same(planted):
    codes, dap, motifs = planted
    options = FitOptions(size_folds=2, max_motifs=5)
    models = []
    for n in (1, 2):
        with threads(n):
            models.append(fit_trajectory(codes, dap, motifs=motifs, options=options, n_jobs=n, progress=False))
    one, two = models
    np.testing.assert_array_equal(one.predict(codes), two.predict(codes))
    assert one.sizes.equals(two.sizes)
    assert one.levels.equals(two.levels)
    assert one.levels["level"].tolist() == ["library", "screened", "grown", "filtered", "interactions"]
    # 0.55 was measured
    assert one.stats["r2_test"] > 0.5


def test_without_folds_it_grows_to_the_largest_number(planted):
    codes, dap, motifs = planted
    for n in (5, 7):
        options = FitOptions(size_folds=0, max_motifs=n, interactions=False, sharpness=1.0)
        model = fit_trajectory(codes, dap, motifs=motifs, options=options, composition=False, progress=False)
        assert model.levels.set_index("level").loc["grown", "motifs"] == n
        assert model.sizes.empty
        assert model.stats["size_folds"] == 0


def test_without_refinement_motifs_stay_as_they_are(planted):
    codes, dap, motifs = planted
    options = FitOptions(size_folds=0, max_motifs=4, interactions=False, refine=False, sharpness=1.0)
    model = fit_trajectory(codes, dap, motifs=motifs, options=options, composition=False, progress=False)
    assert len(model.pbms) >= 3
    floored = np.maximum(motifs.pssm, 1e-3)
    floored /= floored.sum(axis=2, keepdims=True)
    for i, length in enumerate(model.pbms.motifs.lengths):
        distance = [np.abs(floored[k, :n] - model.pbms.motifs.matrix(i)).max() if n == length else 1.0
                    for k, n in enumerate(motifs.lengths)]  # fmt: skip
        assert min(distance) < 1e-9
    np.testing.assert_allclose(model.pbms.spatial.weights, 1 / model.pbms.spatial.weights.shape[1])


def test_a_permuted_dap_gives_no_motif(planted):
    codes, dap, motifs = planted
    for seed in range(3):
        permuted = np.random.default_rng(seed).permutation(dap)
        model = fit_trajectory(
            codes, permuted, motifs=motifs, composition=False, progress=False, options=FitOptions(max_motifs=4)
        )
        assert len(model.pbms) == 0
        assert model.levels["level"].tolist() == ["library", "screened", "grown"]
        assert np.ptp(model.predict(codes)) == pytest.approx(0, abs=1e-12)
