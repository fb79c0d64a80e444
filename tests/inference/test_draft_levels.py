"""Two drafts, joined and pruned: what stays, and how many."""

import numpy as np
import pytest

import iceqream as iq
from iceqream._core.threads import threads
from iceqream.inference.options import FitOptions
from iceqream.models import fit_trajectory


@pytest.fixture(scope="module")
def fits(planted):
    """The same fit with one thread and with two."""
    codes, dap, motifs = planted
    options = FitOptions(size_folds=2, max_motifs=6)
    models = []
    for n in (1, 2):
        with threads(n):
            models.append(fit_trajectory(codes, dap, motifs=motifs, options=options, n_jobs=n, progress=False))
    return models


def test_threads_change_nothing(planted, fits):
    one, two = fits
    np.testing.assert_array_equal(one.predict(planted[0]), two.predict(planted[0]))
    assert one.sizes.equals(two.sizes)
    assert one.levels.equals(two.levels)


def test_the_planted_motifs_are_what_is_left(planted, fits):
    _, _, motifs = planted
    model = fits[0]
    levels = model.levels.set_index("level")
    assert levels.index.tolist() == [
        "library", "screened", "linear", "consolidated", "spatial curves", "refined", "grown", "pooled", "pruned",
        "filtered", "interactions",
    ]  # fmt: skip
    drafts = [*[""] * 2, *["clusters"] * 4, "growth", *[""] * 4]
    assert levels["draft"].tolist() == drafts
    # six of clusters and four that grew, of the same planted motifs: alike ones are fused
    assert 3 <= levels.loc["pooled", "motifs"] < 10
    likeness = iq.motifs.similarity(model.pbms.motifs, motifs[:3]).to_numpy()
    # 0.93 was measured
    assert likeness.max(axis=0).min() > 0.85
    # 0.55 was measured
    assert model.stats["r2_test"] > 0.5
    assert model.sizes["motifs"].tolist() == list(range(levels.loc["pooled", "motifs"] + 1))[:7]
    known = model.pbms.motifs.metadata
    assert set(known["start"]) <= set(motifs.names)
    assert known["start_similarity"].between(0, 1).all()
    assert len(model.pbms.start) == len(model.pbms)
    left_out = model.dropped
    assert len(left_out) == levels.loc["pooled", "motifs"] - len(model.pbms)
    assert len(left_out) > 0
    # a name is that of one motif
    assert not set(left_out["motif"]) & set(model.motif_names)


def test_alike_motifs_of_opposite_effect_stay_apart(rng):
    """Two motifs that share all but their ends, one of which opens and one of which closes."""
    codes = rng.integers(0, 4, (900, 120), dtype=np.uint8)
    core = "TGACTCAT"
    sites = {"opens": f"{core}G", "closes": f"{core}C"}
    kind = rng.integers(0, 3, 900)
    for k, site in enumerate(sites.values()):
        for i in np.flatnonzero(kind == k):
            at = rng.integers(20, 90)
            codes[i, at : at + len(site)] = ["ACGT".index(letter) for letter in site]
    dap = np.array([0.5, -0.5, 0.0])[kind] + rng.normal(0, 0.1, 900)
    certainty = np.array([0.9] * len(core) + [0.5])[:, None]
    letters = {name: np.eye(4)[["ACGT".index(letter) for letter in site]] for name, site in sites.items()}
    library = {name: certainty * one + (1 - certainty) / 4 for name, one in letters.items()}
    options = FitOptions(size_folds=0, interactions=False, refine=False, sharpness=1.0)
    model = fit_trajectory(codes, dap, motifs=library, options=options, composition=False, progress=False)
    energies = iq.motifs.energies(codes, iq.motifs.MotifSet.from_dict(library), normalize="reference")
    # 0.86 was measured
    assert np.corrcoef(energies, rowvar=False)[0, 1] > 0.7
    # each comes from both drafts: one of either direction is left
    assert sorted(np.sign(model.effects).tolist()) == [-1.0, 1.0]


def test_peaks_without_weight_change_nothing(planted, rng):
    codes, dap, motifs = planted
    weights = (rng.random(len(dap)) < 0.7).astype(float)
    other = dap.copy()
    unused = np.flatnonzero(weights == 0)
    inside = unused[(dap[unused] > np.quantile(dap, 0.01)) & (dap[unused] < np.quantile(dap, 0.99))]
    other[inside] = rng.permutation(other[inside])
    train = np.arange(len(dap)) % 5 > 0
    options = FitOptions(size_folds=2, max_motifs=4, sharpness=1.0, interactions=False)
    one, two = (
        fit_trajectory(
            codes, y, motifs=motifs, options=options, composition=False, weights=weights, train=train, progress=False
        )
        for y in (dap, other)
    )
    np.testing.assert_array_equal(one.predict(codes), two.predict(codes))


def test_without_folds_as_many_stay_as_are_wanted(planted):
    codes, dap, motifs = planted
    options = FitOptions(size_folds=0, max_motifs=2, interactions=False, sharpness=1.0)
    model = fit_trajectory(codes, dap, motifs=motifs, options=options, composition=False, progress=False)
    assert model.levels.set_index("level").loc["pruned", "motifs"] == 2
    assert model.sizes.empty
    # nothing can be compared
    assert model.stats["fused"]
    assert model.dropped["reason"].eq("beyond max_motifs=2").all()
    assert model.stats["size_folds"] == 0


def test_denovo_motifs_are_a_draft_of_their_own(planted):
    codes, dap, motifs = planted
    # the library lacks what was planted
    options = FitOptions(max_motifs=6, n_denovo=4, interactions=False)
    model = fit_trajectory(codes, dap, motifs=motifs[3:], options=options, composition=False, progress=False)
    assert model.pbms.motifs.metadata["start"].str.startswith("denovo_").all()
    assert model.levels.set_index("level").loc["found", ["draft", "motifs"]].tolist() == ["de novo", 4]
    # 0.24 was measured; without them 0
    assert model.stats["r2_test"] > 0.15


def test_a_permuted_dap_gives_no_motif(planted):
    codes, dap, motifs = planted
    for seed in range(2):
        permuted = np.random.default_rng(seed).permutation(dap)
        model = fit_trajectory(
            codes, permuted, motifs=motifs, composition=False, progress=False, options=FitOptions(max_motifs=4)
        )
        assert len(model.pbms) == 0
        assert model.levels["level"].tolist()[-2:] == ["pooled", "pruned"]
        assert np.ptp(model.predict(codes)) == pytest.approx(0, abs=1e-12)
