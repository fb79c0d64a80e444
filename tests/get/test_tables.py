import anndata as ad
import numpy as np
import pytest

import iceqream as iq


def test_coefficients_by_term(fitted):
    model = iq.get.model(fitted)
    table = iq.get.coefs_df(fitted)
    assert table.index.tolist() == model.terms.tolist()
    effects = ["effect", "effect_se", "effect_dap", "effect_own", "effect_pairs"]
    assert table.columns.tolist() == ["type", *iq.models.RESPONSES, *effects, "correlation", "residual_r2"]
    assert table["type"].value_counts().to_dict() == {"feature": 17, "motif": len(model.pbms)}
    np.testing.assert_array_equal(table.iloc[:, 1:5].to_numpy(), model.coefficients)
    assert iq.get.coefs_df(model).equals(table)


def test_motifs_are_ordered_by_the_size_of_their_effect(fitted):
    model = iq.get.model(fitted)
    table = iq.get.motifs_df(fitted)
    used = (fitted.varm["iq"]["split"] != "unused").to_numpy()
    parts = model.partial_responses(fitted)[used]
    for name, row in table.iterrows():
        assert abs(row["effect"]) == pytest.approx(parts[name].std(ddof=0), rel=1e-9)
        assert row["match"] in iq.datasets.simulated_motifs().names
        # refined motifs stay near the library's: 0.9987 at least was measured
        assert row["similarity"] > 0.99
        energy = model.values(fitted)[used][:, list(model.motif_names).index(name)]
        assert row["correlation"] == pytest.approx(np.corrcoef(energy, fitted.varm["iq"]["dap"][used])[0, 1], abs=1e-6)
    assert table["effect"].abs().is_monotonic_decreasing
    assert iq.get.motifs_df(model).equals(table)
    # planted effects: GATA opens, PU.1 closes
    assert table.loc["GATA", "effect"] > 0
    assert table.loc["GATA", "correlation"] > 0
    assert table.loc["PU.1", "effect"] < 0
    assert table.loc["GATA", ["symbol", "family"]].tolist() == ["GATA1", "GATA"]
    assert table.loc["PU.1", ["symbol", "family"]].tolist() == ["Spi1", "ETS"]


def test_predictions_are_a_copy(fitted):
    table = iq.get.predictions_df(fitted)
    table["pred"] = 0.0
    assert (fitted.varm["iq"]["pred"] != 0).any()


def test_missing_models_are_named(fitted):
    with pytest.raises(KeyError, match=r"no model in uns\['other'\].*Models are in: iq"):
        iq.get.model(fitted, "other")
    with pytest.raises(KeyError, match=r"no predictions in varm\['iq'\]"):
        iq.get.predictions_df(ad.AnnData(np.ones((2, 3))))
