"""What a motif does in peaks that are otherwise alike, against the simulation's truth."""

import anndata as ad
import numpy as np
import pytest

import iceqream as iq


@pytest.fixture(scope="module")
def compared_groups(_fitted):
    adata = _fitted.copy()
    iq.tl.partial_dependence(adata, n_bootstraps=10, progress=False)
    return adata


def test_groups_are_those_of_the_energies_and_follow_the_model(compared_groups):
    table, bins = iq.get.partial_dependence_df(compared_groups), iq.get.energy_bins_df(compared_groups)
    model = iq.get.model(compared_groups)
    assert list(table["motif"].unique()) == list(model.motif_names)
    for name, part in table.groupby("motif", sort=False):
        of = bins[bins["motif"] == name]
        assert part["n"].tolist()[1:] == of["n"].tolist()[-len(part) + 1 :]
        assert part["n"].sum() == of["n"].sum()
        assert part["matched"].iloc[0] == part["model"].iloc[0] == 0
        assert (part["n_matched"] <= part["n"]).all()
        assert (part["position"].diff().dropna() > 0).all()
        top = part.iloc[-1]
        if top["n_matched"] > 20:
            # what the model says is seen in matched peaks
            assert abs(top["matched"] - top["model"]) < 4 * top["matched_se"]
            assert top["model_low"] <= top["model_high"]
    # opening and closing motifs go where they should
    ends = table.groupby("motif", sort=False)["matched"].last()
    assert ends["GATA"] > 0.2
    assert ends["PU.1"] < -0.1


def test_curves_are_mean_predictions(compared_groups):
    curves = iq.get.partial_dependence_df(compared_groups, part="curves")
    model = iq.get.model(compared_groups)
    used = iq.get.predictions_df(compared_groups)["split"] != "unused"
    values = model.values(compared_groups)[used.to_numpy()]
    curve = curves[curves["motif"] == "GATA"].set_index("energy")["dap"]
    i = list(model.terms).index("GATA")
    for energy in (0.0, 5.0, 10.0):
        same, other = values.copy(), values.copy()
        same[:, i], other[:, i] = energy, 10.0
        want = model.predict_values(same).mean() - model.predict_values(other).mean()
        assert curve[energy] - curve[10.0] == pytest.approx(want, abs=1e-6)
    low, high = (curves[name].to_numpy() for name in ("dap_low", "dap_high"))
    assert (low <= high).all()


def test_further_sites_add_as_the_sum_of_energies_says(fitted, tmp_path):
    iq.tl.partial_dependence(fitted, ["GATA", "TEAD"], by="sites", min_energy=7, n_bootstraps=5, progress=False,
                             key_added="sites")  # fmt: skip
    table = iq.get.partial_dependence_df(fitted, "sites")
    assert table["group"].tolist() == ["0", "1", "2", "3 or more"] * 2
    gata = table[table["motif"] == "GATA"]
    assert gata["matched"].iloc[1] > 3 * gata["matched_se"].iloc[1]
    assert gata["matched"].iloc[2] > gata["matched"].iloc[1]
    fitted.write_h5ad(tmp_path / "x.h5ad")
    again = iq.get.partial_dependence_df(ad.read_h5ad(tmp_path / "x.h5ad"), "sites")
    np.testing.assert_array_equal(again["matched"], table["matched"])
    axes = iq.pl.partial_dependence(fitted, key="sites", show=False, save=tmp_path / "x.png")
    assert [ax.get_title() for ax in axes] == ["GATA", "TEAD"]
    assert [tick.get_text() for tick in axes[0].get_xticklabels()] == ["0", "1", "2", "3+"]


def test_threads_change_nothing_and_manifolds_have_it_too(fitted, manifold):
    for jobs, key in ((1, "one"), (2, "two")):
        iq.tl.partial_dependence(fitted, "GATA", n_bootstraps=3, n_jobs=jobs, key_added=key, progress=False)
    one, two = (iq.get.partial_dependence_df(fitted, key) for key in ("one", "two"))
    np.testing.assert_array_equal(one["model_low"], two["model_low"])
    iq.tl.partial_dependence(manifold, key="iq_manifold", trajectory="early", n_bootstraps=2, progress=False)
    names = iq.get.model(manifold, "iq_manifold", trajectory="early").motif_names
    assert list(iq.get.partial_dependence_df(manifold)["motif"].unique()) == list(names)


def test_the_picture_shows_the_tables(compared_groups, tmp_path):
    axes = iq.pl.partial_dependence(compared_groups, n_motifs=3, show=False, save=tmp_path / "x.png")
    table = iq.get.partial_dependence_df(compared_groups)
    curves = iq.get.partial_dependence_df(compared_groups, part="curves")
    assert len(axes) == 3
    for ax in axes:
        name = ax.get_title()
        line = next(line for line in ax.lines if line.get_label() == "model")
        np.testing.assert_allclose(line.get_ydata(), curves[curves["motif"] == name]["dap"])
        points = ax.containers[0].lines[0].get_ydata().astype(float)
        np.testing.assert_allclose(points, table[(table["motif"] == name) & (table["n"] > 0)]["matched"])


def test_mistakes(fitted):
    for words, error, match in (
        ({"by": "gc"}, ValueError, "by must be 'energy' or 'sites', got 'gc'"),
        ({"min_energy": 0}, ValueError, "min_energy lies above 0 and up to 10"),
        ({"n_bootstraps": 1}, ValueError, "n_bootstraps must be at least 2"),
        ({"motifs": "GATAX"}, KeyError, "Did you mean 'GATA'"),
    ):
        with pytest.raises(error, match=match):
            iq.tl.partial_dependence(fitted, **words)
    with pytest.raises(KeyError, match=r"run iq.tl.partial_dependence first"):
        iq.get.partial_dependence_df(fitted)
    iq.tl.partial_dependence(fitted, "GATA", n_bootstraps=2, progress=False)
    with pytest.raises(ValueError, match="part must be 'groups' or 'curves'"):
        iq.get.partial_dependence_df(fitted, part="x")
    with pytest.raises(KeyError, match="There was no motif TEAD"):
        iq.pl.partial_dependence(fitted, "TEAD")
    with pytest.raises(ValueError, match="n_motifs must be at least 1"):
        iq.pl.partial_dependence(fitted, n_motifs=0)


def test_models_without_motifs_are_refused(without_motifs):
    with pytest.raises(ValueError, match="The model has no motifs"):
        iq.tl.partial_dependence(without_motifs)
