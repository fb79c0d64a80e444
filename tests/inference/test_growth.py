"""Growth: which motifs join."""

import numpy as np

import iceqream as iq
from iceqream.inference.growth import Growth
from iceqream.inference.options import FitOptions
from iceqream.inference.peaks import ModelledPeaks
from iceqream.inference.refinement import JointFit
from iceqream.inference.screening import Screened, screen
from iceqream.motifs import MotifSet


def growth(planted, *, used=None, weights=None, motifs=None, **options):
    """A growth on some of the peaks, with all motifs screened."""
    codes, dap, library = planted
    library = library if motifs is None else motifs
    rows = np.arange(len(codes)) if used is None else np.flatnonzero(used)
    settings = FitOptions(**options)
    peaks = ModelledPeaks(dap, np.ones(len(dap), dtype=bool))
    against = Screened(np.arange(len(codes)), peaks, 30)
    found = screen(codes, [against], library, FitOptions(max_motifs=2, max_screened=99), min_correlation=0.0)[0][0]
    weights = np.ones(len(rows)) if weights is None else weights
    nothing = np.empty((len(rows), 0), dtype=np.float32)
    fit = JointFit(codes[rows], peaks.response[rows, None], weights[:, None], nothing, options=settings,
                   rng=np.random.default_rng(0))  # fmt: skip
    fit.refit([0.0])
    return Growth(fit, library, found, rows)


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
    used = np.random.default_rng(0).random(len(planted[1])) < 0.7
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
