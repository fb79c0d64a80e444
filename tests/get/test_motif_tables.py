"""The numbers behind the pictures of motifs."""

import numpy as np
import pytest

import iceqream as iq


def test_local_contributions_are_those_of_the_model(fitted, locus):
    model = iq.get.model(fitted)
    table = iq.get.local_contributions_df(fitted, locus)
    codes = fitted.varm["sequence"][[locus]]
    assert len(table) == 500 * len(model.pbms)
    for i, name in enumerate(model.motif_names):
        part = table[table["motif"] == name]
        np.testing.assert_allclose(part["energy"], model.pbms.normalized_local_energies(codes)[0, i], rtol=1e-6)
        np.testing.assert_allclose(part["response"], model.local_contributions(codes)[0, i], atol=1e-10)
        own = model.local_contributions(codes, pairs=False)[0, i]
        np.testing.assert_allclose(part["response_own"], own, atol=1e-10)
    assert "".join(table["base"][:500]) == "".join(np.array(list("ACGTN"))[codes[0]])
    # the weight of a base by hand: mean over the windows that cover it with their informative part
    name = model.motif_names[0]
    one = iq.get.local_contributions_df(fitted, locus, motifs=[name])
    pssm = model.pbms.motifs.matrix(0)
    entropy = -(pssm * np.log2(np.maximum(pssm, 1e-12))).sum(axis=1)
    used = np.flatnonzero(2 - entropy >= 0.1)
    first, last = used[0], used[-1] + 1
    energy = one["energy"].to_numpy()
    for base in (100, 250, 499):
        starts = [s for s in range(base - last + 1, base - first + 1) if 0 <= s < 500 and not np.isnan(energy[s])]
        want = sum(2.0 ** energy[s] for s in starts) / (last - first)
        assert one["weight"].iloc[base] == pytest.approx(want, rel=1e-6)


def test_energy_bins_and_frequencies_by_hand(fitted):
    model = iq.get.model(fitted)
    table = iq.get.energy_bins_df(fitted)
    results = fitted.varm["iq"]
    used = (results["split"] != "unused").to_numpy()
    energies = model.pbms.normalized_energies(fitted.varm["sequence"])[used]
    dap = results["dap"].to_numpy()[used].astype(float)
    name = model.motif_names[1]
    part = table[table["motif"] == name].set_index("bin")
    inside = (energies[:, 1] >= 7) & (energies[:, 1] < 8)
    assert part.loc["7-8", "n"] == inside.sum()
    assert part.loc["7-8", "median"] == pytest.approx(np.median(dap[inside]), abs=1e-6)
    assert part["n"].sum() == used.sum()
    frequency = iq.get.spatial_frequency_df(fitted, motifs=[name], share=0.2)
    order = np.flatnonzero(used)[np.argsort(dap, kind="stable")]
    n = int(0.2 * len(order))
    local = model.pbms.normalized_local_energies(fitted.varm["sequence"][order[-n:]])[:, 1]
    assert frequency["top"].sum() == pytest.approx((np.nan_to_num(local) >= 7).sum() / n)
    with pytest.raises(ValueError, match="share"):
        iq.get.spatial_frequency_df(fitted, share=0.9)
    with pytest.raises(ValueError, match="min_energy"):
        iq.get.spatial_frequency_df(fitted, min_energy=0)
    with pytest.raises(KeyError, match="no motif nope"):
        iq.get.energy_bins_df(fitted, motifs=["nope"])


def test_energies_have_names(fitted, library):
    model = iq.get.model(fitted)
    table = iq.get.energies_df(fitted)
    assert table.index.equals(fitted.var_names)
    assert table.columns.tolist() == model.motif_names.tolist()
    np.testing.assert_array_equal(table, model.pbms.normalized_energies(fitted.varm["sequence"]))
    two = model.motif_names[[2, 0]].tolist()
    some = iq.get.energies_df(fitted, motifs=two)
    assert some.columns.tolist() == two
    # motifs share a block with others: rounding in float32, 1e-6 was measured
    np.testing.assert_allclose(some, table[two], atol=1e-4)
    iq.pp.motif_energies(fitted, library)
    table = iq.get.energies_df(fitted, "motif_energy", motifs=["GATA1_MA0035.5"])
    at = list(library.names).index("GATA1_MA0035.5")
    np.testing.assert_array_equal(table["GATA1_MA0035.5"], fitted.varm["motif_energy"][:, at])
    for key in ("iq", "motif_energy"):
        with pytest.raises(KeyError, match="no motif nope"):
            iq.get.energies_df(fitted, key, motifs=["nope"])
    with pytest.raises(KeyError, match=r"no model in uns\['other'\]"):
        iq.get.energies_df(fitted, "other")
