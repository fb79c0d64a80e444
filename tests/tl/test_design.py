"""Designed sequences: every step against brute force, constraints always, targets reached; sites written by hand."""

import numpy as np
import pytest

import iceqream as iq
from iceqream._core.sequence import decode, encode
from iceqream.inference.design import arising, contains, runs


@pytest.fixture(scope="module")
def model(request):
    return iq.get.model(request.getfixturevalue("_full"))


def substituted(codes):
    """Every single substitution of one sequence, with its position and letter."""
    places = [(j, a) for j in range(len(codes)) for a in range(4) if a != codes[j]]
    changed = np.repeat(codes[None], len(places), axis=0)
    for i, (j, a) in enumerate(places):
        changed[i, j] = a
    return places, changed


def random_sequences(n, seed=0):
    return np.random.default_rng(seed).integers(0, 4, (n, 500)).astype(np.uint8)


def test_greedy_takes_the_best_of_all_substitutions(model):
    codes = random_sequences(1)[0]
    found = iq.tl.design(model, codes[None], target="max", n_mutations=3)
    now = codes.copy()
    for step in found.trace.itertuples():
        places, changed = substituted(now)
        predicted = model.predict(changed)
        best = places[int(predicted.argmax())]
        assert "ACGT"[now[best[0]]] == step.ref
        assert (step.position, "ACGT".index(step.alt)) == best
        # the predictions of whole sequences are in single precision: measured 8e-7
        assert step.dap == pytest.approx(predicted.max(), abs=3e-6)
        now[best[0]] = best[1]
    assert found.sequences["sequence"].iloc[0] == decode(now[None])[0]
    assert found.sequences["dap"].iloc[0] == pytest.approx(model.predict(now[None])[0], abs=3e-6)
    assert found.sequences["dap_start"].iloc[0] == pytest.approx(model.predict(codes[None])[0], abs=3e-6)


def test_steps_name_the_motif_whose_site_they_make(model):
    found = iq.tl.design(model, random_sequences(3, 1), target="max", n_mutations=4)
    trace = found.trace
    assert trace["name"].nunique() == 3
    opening = [str(name) for name, effect in zip(model.motif_names, model.effects, strict=False) if effect > 0]
    made = trace[trace["site"].isin(["gained", "strengthened"])]
    assert len(made) > len(trace) / 3
    assert made["motif"].isin(opening).all()
    np.testing.assert_allclose(
        trace.groupby("name")["effect"].sum(), found.sequences["dap"] - found.sequences["dap_start"]
    )


@pytest.mark.parametrize("method", ["greedy", "beam", "annealing"])
def test_a_number_is_reached_within_the_tolerance(model, method):
    found = iq.tl.design(
        model, random_sequences(4, 2), target=0.3, method=method, n_mutations=30, tolerance=0.03, n_steps=60
    )
    assert found.sequences["reached"].all()
    np.testing.assert_allclose(model.predict(found.sequences["sequence"].tolist()), 0.3, atol=0.031)
    differing = [
        int((encode(start) != encode(end)).sum())
        for start, end in zip(found.sequences["start"], found.sequences["sequence"], strict=True)
    ]
    assert found.sequences["n_mutations"].tolist() == differing
    assert max(differing) <= 30


def test_a_beam_is_no_worse_than_the_best_step(model):
    starts = random_sequences(5, 3)
    greedy, beam = (
        iq.tl.design(model, starts, target="min", method=method, n_mutations=5).sequences["dap"]
        for method in ("greedy", "beam")
    )
    assert (beam <= greedy + 1e-9).all()
    assert beam.mean() < greedy.mean()


def test_annealing_follows_its_generator(model):
    options = {"target": "max", "method": "annealing", "n_mutations": 5, "n_steps": 30}
    one, same, other = (iq.tl.design(model, random_sequences(2, 4), rng=seed, **options) for seed in (1, 1, 2))
    assert one.sequences["sequence"].tolist() == same.sequences["sequence"].tolist()
    assert one.trace["position"].tolist() != other.trace["position"].tolist()
    assert (one.sequences["dap"] > one.sequences["dap_start"]).all()


@pytest.mark.parametrize("seed", range(4))
def test_constraints_are_kept(model, seed):
    name = str(model.motif_names[0])
    found = iq.tl.design(
        model, target="max", n_mutations=8, n_random=3, rng=seed, gc=(0.42, 0.5), max_homopolymer=4,
        forbidden=["GAATTC", "TGASTCA"], fixed=[(200, 300)], max_energy={name: 3.0},
        method=("greedy", "beam")[seed % 2],
    )  # fmt: skip
    codes, starts = encode(found.sequences["sequence"].tolist()), encode(found.sequences["start"].tolist())
    content = ((codes == 1) | (codes == 2)).mean(axis=1)
    assert ((content >= 0.42) & (content <= 0.5)).all()
    for sequence in found.sequences["sequence"]:
        assert not any(base * 5 in sequence for base in "ACGT")
        assert not any(site in sequence for site in ("GAATTC", "TGACTCA", "TGAGTCA"))
    np.testing.assert_array_equal(codes[:, 200:300], starts[:, 200:300])
    assert (model.values(codes)[:, 0] <= np.maximum(3.0, model.values(starts)[:, 0]) + 1e-5).all()
    assert (found.sequences["dap"] > found.sequences["dap_start"]).all()


def test_what_a_start_breaks_is_not_made_worse(model, caplog):
    start = "A" * 500
    found = iq.tl.design(model, start, target="max", n_mutations=4, max_homopolymer=3, gc=(0.4, 0.6))
    assert "break the constraints" in caplog.text
    sequence, content = start, []
    for position, alt in zip(found.trace["position"], found.trace["alt"], strict=True):
        sequence = sequence[:position] + alt + sequence[position + 1 :]
        content.append(sum(base in "GC" for base in sequence))
    assert (np.diff([0, *content]) >= 0).all()


def test_runs_and_sites_of_substitutions_are_those_of_changed_sequences():
    rng = np.random.default_rng(5)
    codes = rng.integers(0, 4, (3, 40)).astype(np.uint8)
    codes[0, 3:9] = [2, 0, 0, 3, 3, 2]  # one base short of GAATTC
    codes[1, 10:15] = 1
    codes[2, 5] = 4
    before, after = runs(codes)
    made = {site: arising(codes, site) for site in ("GAATTC", "RGGWCY", "TTTTTTTT")}
    for s in range(3):
        for j in range(40):
            for a in range(4):
                changed = codes[s].copy()
                changed[j] = a
                text = decode(changed[None])[0]
                longest = before[s, j, a] + after[s, j, a] + 1
                low, high = j - before[s, j, a], j + after[s, j, a] + 1
                assert text[low:high] == "ACGT"[a] * longest
                assert low == 0 or text[low - 1] != "ACGT"[a]
                assert high == 40 or text[high] != "ACGT"[a]
                for site, found in made.items():
                    # a site that covers the position, now that it is changed
                    near = changed[None, max(j - len(site) + 1, 0) : j + len(site)]
                    assert found[s, j, a] == contains(near, site)[0], (s, j, a, site)


def test_open_in_one_lineage_and_closed_in_another(branches):
    manifold = iq.get.model(branches, "iq_manifold")
    first, second = manifold.names[:2]
    found = iq.tl.design(branches, target={first: "max", second: "min"}, key="iq_manifold", n_mutations=6, n_random=2)
    row = found.sequences.iloc[0]
    gap = (row[f"dap_{first}"] - row[f"dap_{second}"]) - (row[f"dap_start_{first}"] - row[f"dap_start_{second}"])
    assert gap > 0.1
    predicted = manifold.predict(found.sequences["sequence"].tolist())
    np.testing.assert_allclose(predicted[first], found.sequences[f"dap_{first}"], atol=3e-6)
    assert set(found.trace["trajectory"]) <= set(manifold.names)
    assert found.sequences["reached"].isna().all()


def test_a_peak_is_a_start(full, model):
    found = iq.tl.design(full, target=0.0, peaks=[full.var_names[3]], n_mutations=10)
    assert found.sequences.index.tolist() == [full.var_names[3]]
    assert found.sequences["dap_start"].iloc[0] == pytest.approx(model.predict(full[:, [3]])[0], abs=3e-6)


def test_designs_are_written_as_fasta(model, tmp_path):
    found = iq.tl.design(model, target="max", n_mutations=1, n_random=2)
    found.to_fasta(tmp_path / "designs.fa")
    np.testing.assert_allclose(model.predict(tmp_path / "designs.fa"), found.sequences["dap"], atol=3e-6)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"target": 5.0}, "cannot be reached"),
        ({"target": "most"}, "'max' or 'min'"),
        ({"target": "max", "method": "beem"}, "beam"),
        ({"target": "max", "gc": (0.6, 0.4)}, "least, largest"),
        ({"target": "max", "forbidden": ["GAAXTC"]}, "IUPAC"),
        ({"target": "max", "fixed": [(490, 510)]}, "Fixed positions"),
        ({"target": "max", "n_mutations": 0}, "n_mutations"),
        ({"target": "max", "gc": (0.9, 0.95), "max_homopolymer": 2}, "random sequences"),
        ({"target": "max", "max_energy": {"GATA": 11}}, "0-10"),
    ],
)
def test_what_cannot_be_designed_is_refused(model, arguments, said):
    with pytest.raises(ValueError, match=said):
        iq.tl.design(model, **arguments)


def test_sites_are_written_where_they_are_asked_for(full, model):
    codes = full.varm["sequence"][[1, 2]]
    table = iq.tl.insert_sites(full, peaks=[1, 2], sites=[("ACGTACGT", 100), ("AACC", 300, "-")])
    want = [f"{text[:100]}ACGTACGT{text[108:300]}GGTT{text[304:]}" for text in decode(codes)]
    assert table["sequence"].tolist() == want
    np.testing.assert_allclose(table["dap_after"], model.predict(want))
    np.testing.assert_allclose(table["dap_before"], model.predict(codes))
    gata = iq.tl.insert_sites(full, peaks=[1, 2], sites=[("GATA", 240), ("GATA", 270, "-")])
    assert (gata["change_GATA"] > 0).all()
    drawn = iq.tl.insert_sites(full, peaks=list(range(50)), sites=[("GATA", 240)], draw=True, rng=1)
    pssm = model.pbms.motifs[["GATA"]].trim(0.3).matrix(0)
    letters = encode([text[240 : 240 + len(pssm)] for text in drawn["sequence"]])
    # of fifty draws the letter of a position that is certain is nearly always the consensus
    sure = pssm.max(axis=1) > 0.9
    assert (letters[:, sure] == pssm.argmax(axis=1)[sure]).mean() > 0.85
    for site, said in (
        (("GATTACAX", 1), "neither a motif"),
        (("GATA", 499), "does not lie"),
        (("GATA", 1, "x"), "strand"),
    ):
        with pytest.raises(ValueError, match=said):
            iq.tl.insert_sites(full, peaks=[1], sites=[site])


def test_two_sites_are_compared_with_either_alone(full, model):
    background = random_sequences(6, 7)
    scan = iq.tl.spacing_scan(model, "GATA", "TTGCGCAA", distances=[0, 30], strands=["+-"], sequences=background)
    length = len(model.pbms.motifs[["GATA"]].trim(0.3).matrix(0))
    row = scan[scan["distance"] == 30].iloc[0]
    start = (500 - length - 8 - 30) // 2
    one, other = ("GATA", start, "+"), ("TTGCGCAA", start + length + 30, "-")

    def eta(sites):
        texts = iq.tl.insert_sites(model, background, sites)["sequence"].tolist() if sites else background
        return model.linear_predictor(model.values(texts))

    none, both, first, second = eta([]), eta([one, other]), eta([one]), eta([other])
    assert row["effect"] == pytest.approx((both - none).mean())
    assert row["beyond"] == pytest.approx((both - first - second + none).mean())
    assert row["beyond_se"] == pytest.approx((both - first - second + none).std(ddof=1) / np.sqrt(6))
    with pytest.raises(ValueError, match="can lie 0 to"):
        iq.tl.spacing_scan(model, "GATA", "GATA", distances=[490])
    drawn = [iq.tl.spacing_scan(full, "GATA", "GATA", distances=[20], strands=["++"], n_sequences=4) for _ in range(2)]
    assert drawn[0].equals(drawn[1])


def test_the_true_simulation_agrees_with_designs(simulated, full, model):
    truth = iq.datasets.simulated_dap(simulated, simulated)
    seen = (simulated.layers["ap_true"][-1] - simulated.layers["ap_true"][0])[~simulated.var["constitutive"]]
    # the noise of peaks and states is all that differs: measured 0.93
    assert np.corrcoef(truth[~simulated.var["constitutive"].to_numpy()], seen)[0, 1] > 0.9
    targets = np.linspace(-0.5, 0.6, 8)
    found = [iq.tl.design(model, target=t, n_mutations=15, n_random=2, rng=i) for i, t in enumerate(targets)]
    sequences = [text for one in found for text in one.sequences["sequence"]]
    predicted = np.concatenate([one.sequences["dap"] for one in found])
    true = iq.datasets.simulated_dap(simulated, sequences)
    assert np.corrcoef(predicted, true)[0, 1] > 0.9  # measured 0.97
    other = full.copy()
    del other.uns["truth"]
    with pytest.raises(KeyError, match="simulated_trajectory"):
        iq.datasets.simulated_dap(other, sequences)
