"""Substitutions of whole sequences: predictions, dependence and shares against sequences that are changed by hand."""

import numpy as np
import pytest

import iceqream as iq


@pytest.fixture(scope="module")
def model(request):
    return iq.get.model(request.getfixturevalue("_full"))


def changed(codes, *substitutions):
    out = codes.copy()
    for position, letter in substitutions:
        out[position] = letter
    return out


def test_effects_are_those_of_two_predictions(full, model):
    found = iq.tl.mutagenesis(full, [3, 7, 11])
    assert found.names.tolist() == full.var_names[[3, 7, 11]].tolist()
    codes = full.varm["sequence"][[3, 7, 11]]
    np.testing.assert_allclose(found.reference, model.predict(codes), atol=2e-6)
    rng = np.random.default_rng(0)
    rows, letters, positions = (rng.integers(n, size=500) for n in (3, 4, 500))
    positions[:60] = np.r_[np.arange(30), np.arange(470, 500)]
    want = model.predict(
        np.array([changed(codes[r], (p, a)) for r, a, p in zip(rows, letters, positions, strict=True)])
    )
    # predictions from energies in single precision: measured 1.2e-6
    np.testing.assert_allclose(
        found.effects[rows, letters, positions], want - model.predict(codes)[rows], atol=3e-6, rtol=0
    )
    own = found.effects[np.arange(3)[:, None], codes, np.arange(500)]
    np.testing.assert_allclose(own, 0, atol=1e-12)


def test_attributions_follow_tangermeme(full):
    found = iq.tl.mutagenesis(full, [3])
    np.testing.assert_allclose(found.hypothetical.sum(axis=1), 0, atol=1e-12)
    at = np.flatnonzero(found.attributions[0].any(axis=0))
    codes = found.codes[0]
    np.testing.assert_allclose(found.attributions[0, codes, np.arange(500)], -found.effects[0].mean(axis=0), atol=1e-12)
    assert (found.attributions[0] != 0).sum() == len(at)


def test_the_strongest_are_listed_with_their_motif(full, model):
    found = iq.tl.mutagenesis(full, [3, 7], n_top=5)
    table = found.table
    assert table["peak"].tolist() == [full.var_names[3]] * 5 + [full.var_names[7]] * 5
    sizes = np.sort(np.abs(found.effects), axis=None)
    for row, part in enumerate((table[:5], table[5:])):
        sizes = np.sort(np.abs(found.effects[row]), axis=None)[::-1]
        np.testing.assert_allclose(part["effect"].abs(), sizes[:5])
        start = part["start"].to_numpy() - int(full.var["start"].iloc[[3, 7][row]])
        for at, ref, alt, effect in zip(start, part["ref"], part["alt"], part["effect"], strict=True):
            assert "ACGT"[found.codes[row, at]] == ref
            assert found.effects[row, "ACGT".index(alt), at] == effect
    # the motif behind each is the one whose change is largest
    assert set(table["motif"]) <= set(model.motif_names)
    assert (np.sign(table["motif_change"]) == np.sign(table["effect"])).mean() > 0.8


def test_planted_sites_are_where_substitutions_matter(model):
    """A planted GATA site: what breaks it are the largest effects, and it is named."""
    background = "".join(np.random.default_rng(0).choice(list("ACGT"), 500))
    k = list(model.motif_names).index("GATA")
    site = "".join("ACGT"[i] for i in model.pbms.motifs.matrix(k).argmax(axis=1))
    sequence = background[:240] + site + background[240 + len(site) :]
    found = iq.tl.mutagenesis(model, sequences=[sequence], n_top=5)
    assert (found.table["motif"] == "GATA").all()
    assert found.table["site"].isin(["lost", "weakened"]).all()
    assert found.table["start"].between(240, 239 + len(site)).all()


def test_dependence_is_the_joint_effect_beyond_the_sum(full, model):
    codes = full.varm["sequence"][5]
    for scale in ("logit", "dap"):
        found = iq.tl.dependency_map(full, 5, region=(230, 262), scale=scale)

        def predicted(*substitutions, scale=scale):
            values = model.values(changed(codes, *substitutions)[None])
            return (model.linear_predictor(values) if scale == "logit" else model.predict_values(values))[0]

        start = predicted()
        for j, k in ((230, 231), (240, 255), (233, 261)):
            parts = [
                predicted((j, a), (k, b)) - predicted((j, a)) - predicted((k, b)) + start
                for a in range(4)
                for b in range(4)
                if a != codes[j] and b != codes[k]
            ]
            largest = max(parts, key=abs)
            # three predictions in single precision: measured 3e-6
            assert found.dependence[j - 230, k - 230] == pytest.approx(largest, abs=1e-5)
        np.testing.assert_array_equal(found.dependence, found.dependence.T)
        assert not found.dependence.diagonal().any()


def test_pairs_of_sites_are_found_by_name(full, model):
    found = iq.tl.dependency_map(full, 5, min_energy=4)
    assert found.dependence.shape == (500, 500)
    sites = {
        (name, start): end
        for name, start, end in zip(*(found.sites[c] for c in ("motif", "start", "end")), strict=True)
    }
    for pair in found.pairs.head(5).itertuples():
        block = found.dependence[
            pair.first_start : sites[pair.first, pair.first_start],
            pair.second_start : sites[pair.second, pair.second_start],
        ]
        assert abs(pair.dependence) == np.abs(block).max()
    assert found.pairs["dependence"].abs().is_monotonic_decreasing


def test_shares_sum_up_and_name_what_was_planted(full, model):
    table = iq.tl.saturation_summary(full, n_peaks=40, rng=1)
    assert table["share"].sum() == pytest.approx(1)
    assert table["leading"].sum() == pytest.approx(1)
    assert (table["share_error"] > 0).all()
    effects = iq.tl.mutagenesis(full, np.sort(np.random.default_rng(1).choice(full.n_vars, 40, replace=False))).effects
    assert table["effect"].sum() == pytest.approx(np.abs(effects).sum() / 40)
    assert "composition" in table.index or not len(model.features)
    again = iq.tl.saturation_summary(full, n_peaks=40, rng=1)
    np.testing.assert_array_equal(again["share"], table["share"])


def test_the_error_of_a_share_is_that_of_drawing_peaks(full):
    draws = np.array([iq.tl.saturation_summary(full, n_peaks=40, rng=r)["share"].sort_index() for r in range(12)])
    stated = iq.tl.saturation_summary(full, n_peaks=40, rng=0)["share_error"].sort_index()
    ratio = draws.std(axis=0, ddof=1).mean() / stated.mean()
    assert 0.6 < ratio < 1.5  # measured 1.0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"peaks": [0], "sequences": ["ACGT" * 125]}, "not both"),
        ({"sequences": ["N" * 500]}, "N throughout"),
        ({"peaks": []}, "No peaks"),
    ],
)
def test_what_cannot_be_changed_is_refused(full, arguments, said):
    with pytest.raises(ValueError, match=said):
        iq.tl.mutagenesis(full, **arguments)


def test_a_model_alone_needs_sequences(model):
    with pytest.raises(ValueError, match="sequences="):
        iq.tl.mutagenesis(model)
    with pytest.raises(ValueError, match="one sequence"):
        iq.tl.dependency_map(model, sequence=["ACGT" * 125, "ACGA" * 125], region=(0, 4))
    with pytest.raises(ValueError, match="region"):
        iq.tl.dependency_map(model, sequence="ACGT" * 125, region=(490, 510))
    with pytest.raises(ValueError, match="scale"):
        iq.tl.dependency_map(model, sequence="ACGT" * 125, scale="log")


def test_one_trajectory_of_a_manifold(branches):
    with pytest.raises(ValueError, match="trajectory="):
        iq.tl.mutagenesis(branches, [0], key="iq_manifold")
    name = iq.get.model(branches, "iq_manifold").names[1]
    found = iq.tl.mutagenesis(branches, [0], key="iq_manifold", trajectory=name)
    want = iq.get.model(branches, "iq_manifold").predict(branches)[name].iloc[0]
    assert found.reference[0] == pytest.approx(want, abs=2e-6)
