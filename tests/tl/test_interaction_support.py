"""Pairs of motifs, asked of the peaks."""

import logging

import numpy as np
import pandas as pd
import pytest
from mudata import MuData
from scipy.stats import false_discovery_control, ks_2samp

import iceqream as iq
from iceqream.motifs.sites import best_sites


@pytest.fixture(scope="module")
def _asked(_fitted):
    adata = _fitted.copy()
    iq.tl.interaction_support(adata, min_energy=7, n_permutations=2000)
    return adata


@pytest.fixture
def asked(_asked):
    return _asked.copy()


def _modelled(adata):
    rows = np.flatnonzero(adata.varm["iq"]["split"].astype(str) != "unused")
    model = iq.get.model(adata)
    energies = model.pbms.normalized_energies(adata)[rows]
    return (
        model,
        rows,
        adata.varm["iq"]["dap"].to_numpy(dtype=float)[rows],
        dict(zip(model.motif_names, energies.T, strict=True)),
    )


def test_groups_contrasts_and_the_tests_of_the_paper(asked):
    table = iq.get.interaction_support_df(asked)
    model, _, dap, energy = _modelled(asked)
    n = len(model.pbms)
    assert len(table) == n * (n - 1) // 2
    assert table["interaction_p"].dropna().is_monotonic_increasing
    row = table[(table["n_shared"] == 0) & (table["n_both"] > 20)].iloc[0]
    a, b = energy[row["first"]] >= 7, energy[row["second"]] >= 7
    parts = [dap[a & b], dap[a & ~b], dap[b & ~a], dap[~a & ~b]]
    names = ("both", "first", "second", "neither")
    assert [row[f"n_{name}"] for name in names] == [len(part) for part in parts]
    np.testing.assert_allclose([row[f"dap_{name}"] for name in names], [part.mean() for part in parts])
    means = [part.mean() for part in parts]
    assert row["contrast_dap"] == pytest.approx(means[0] - means[1] - means[2] + means[3])
    assert row["contrast_dap_se"] == pytest.approx(np.sqrt(sum(part.var(ddof=1) / len(part) for part in parts)))
    side = "less" if means[0] > means[3] else "greater"
    assert row["ks_first"] == pytest.approx(ks_2samp(parts[0], parts[1], alternative=side, method="asymp").pvalue)
    for name in ("interaction", "distance", "orientation"):
        tested = table[f"{name}_p"].notna()
        np.testing.assert_allclose(
            table.loc[tested, f"{name}_q"], false_discovery_control(table.loc[tested, f"{name}_p"])
        )
        assert table.loc[~tested, f"{name}_q"].isna().all()


def test_distances_and_orientations_are_those_of_the_best_sites(asked):
    by_distance = iq.get.interaction_support_df(asked, "distance")
    by_orientation = iq.get.interaction_support_df(asked, "orientation")
    assert by_distance["bin"].unique().tolist() == ["(0, 20]", "(20, 50]", "(50, 100]", "(100, 200]", "(200, 300]"]
    model, rows, dap, _ = _modelled(asked)
    sites = best_sites(model.pbms, asked.varm["sequence"][rows])
    pair = iq.get.interaction_support_df(asked).query("n_overlapping == 0 and n_sites > 50").iloc[0]
    a, b = (list(model.motif_names).index(pair[name]) for name in ("first", "second"))
    both = (sites.energy[:, [a, b]] >= 7).all(axis=1)
    assert pair["n_sites"] == both.sum()

    def of(table):
        return table[(table["first"] == pair["first"]) & (table["second"] == pair["second"])]

    same = sites.strand[both, a] == sites.strand[both, b]
    found = of(by_orientation).set_index("orientation")
    assert found["n"].iloc[:2].sum() == same.sum()
    np.testing.assert_allclose(
        np.average(found["dap"].iloc[2:], weights=found["n"].iloc[2:]), dap[both][~same].mean(), rtol=1e-9
    )
    found = of(by_distance)
    # centres lie within a few bp of the windows' middles
    middle = sites.start + model.pbms.motifs.lengths / 2
    distance = np.abs(middle[both, a] - middle[both, b])
    assert found["n"].sum() == pytest.approx((distance <= 300).sum(), abs=0.1 * both.sum())
    assert (found.loc[found["n"] == 0, "dap"].isna()).all()


def test_pairs_may_be_chosen_and_stay_what_they_are(asked, fitted):
    table = iq.get.interaction_support_df(asked)
    two = [("FOX", "GATA"), ("CEBP", "GATA")]
    iq.tl.interaction_support(fitted, [*two, ("GATA", "FOX")], min_energy=7, n_permutations=2000, n_jobs=2)
    few = iq.get.interaction_support_df(fitted)
    assert set(few.index) == {"FOX:GATA", "CEBP:GATA"}
    for first, second in two:
        whole = table[(table[["first", "second"]].isin([first, second])).all(axis=1)].iloc[0]
        alone = few.loc[f"{first}:{second}"]
        assert alone["interaction"] == pytest.approx(whole["interaction"], rel=1e-9)
        assert alone["interaction_p"] == whole["interaction_p"]
    with pytest.raises(ValueError, match="no interaction between two"):
        iq.tl.interaction_support(fitted, "model")


def test_the_planted_synergy_is_found_and_no_other(simulated):
    adata = iq.datasets.simulated_trajectory(n_peaks=4000, rng=0)
    library = iq.datasets.simulated_motifs(decoys=False)
    options = {"motifs": library, "min_tss_distance": None, "max_motifs": 6, "size_folds": 0, "interactions": False}
    iq.tl.fit_trajectory(adata, "S1", "S4", refine=False, **options)
    iq.tl.interaction_support(adata)
    table = iq.get.interaction_support_df(adata)
    # measured: +0.68 (0.16), q 0.0015
    assert set(table.index[0].split(":")) == {"GATA", "FOX"}
    assert table["interaction_q"].iloc[0] < 0.05
    assert table["interaction"].iloc[0] > 0
    assert (table["interaction_q"].iloc[1:] > 0.05).all()
    # on the scale of dAP nothing is seen of it, and motifs that open seem to disturb each other
    assert table["contrast_dap"].iloc[0] < table["contrast_dap_se"].iloc[0]
    opening = table[table[["first", "second"]].isin(["GATA", "TEAD", "CEBP"]).all(axis=1)]
    assert (opening["contrast_dap"] < -2 * opening["contrast_dap_se"]).all()


@pytest.fixture(scope="module")
def grammar():
    adata = iq.datasets.simulated_grammar(4000, rng=0)
    options = {"max_motifs": 10, "size_folds": 0, "interactions": False, "refine": False, "min_residual_r2": 0.0}
    library = iq.datasets.simulated_motifs(grammar=True, decoys=False)
    peaks = ~adata.var["constitutive"].to_numpy()
    iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, peaks=peaks, **options)
    iq.tl.interaction_support(adata)
    return adata


def _pair(table, first, second):
    return table[table[["first", "second"]].isin([first, second]).all(axis=1)].iloc[0]


def test_planted_pairs_have_their_sign_distance_and_orientation(grammar):
    table = iq.get.interaction_support_df(grammar)
    # measured: -0.87 (0.12), 1.16 (0.21), 0.60 (0.12)
    for pair, sign in ((("GATA", "CEBP"), -1), (("FOX", "TEAD"), 1), (("POU", "RUNX"), 1)):
        row = _pair(table, *pair)
        assert row["interaction_q"] < 0.01
        assert sign * row["interaction"] > 3 * row["interaction_se"]
        assert sign * row["interaction_plain"] > 3 * row["interaction_plain_se"]
    assert (table["interaction_q"] < 0.05).sum() == 3
    row = _pair(table, "FOX", "TEAD")
    # sites 4 to 21 bp apart, centres up to 36
    assert row["distance"] == "<= 50"
    assert row["distance_effect"] > 0.1
    assert row["distance_q"] < 0.01
    row = _pair(table, "POU", "RUNX")
    assert row["orientation"] == "same strand"
    assert row["orientation_effect"] > 0.1
    assert row["orientation_q"] < 0.01
    assert (table["orientation_q"] < 0.05).sum() == 1
    by = iq.get.interaction_support_df(grammar, "distance")
    by = by[by[["first", "second"]].isin(["FOX", "TEAD"]).all(axis=1)].set_index("bin")
    assert by.loc["(20, 50]", "dap"] > by.loc["(50, 100]", "dap"] + 3 * by.loc["(50, 100]", "dap_se"]


def test_states_that_are_gone_leave_dap_itself(asked, fitted, caplog):
    assert asked.uns["interaction_support"]["params"]["scale"] == "log odds of accessibility"
    part = fitted[["S2", "S4"]].copy()
    with caplog.at_level(logging.WARNING):
        iq.tl.interaction_support(part, [("GATA", "FOX")], min_energy=7, n_permutations=100)
    assert "not in the data" in caplog.text
    assert part.uns["interaction_support"]["params"]["scale"] == "log odds of dAP scaled to 0-1"
    fitted.layers["ap"] = fitted.layers["ap"] ** 2
    iq.tl.interaction_support(fitted, [("GATA", "FOX")], min_energy=7, n_permutations=100)
    assert "not that of layer" in caplog.text
    a, b = (iq.get.interaction_support_df(one).iloc[0] for one in (part, fitted))
    assert a["interaction"] == b["interaction"]
    # what is left of dAP is dAP, whatever was fitted
    one = iq.get.interaction_support_df(asked, "distance").query(
        "first in ('GATA', 'FOX') and second in ('GATA', 'FOX')"
    )
    other = iq.get.interaction_support_df(fitted, "distance")
    assert np.abs(one["dap_residual"].to_numpy() - other["dap_residual"].to_numpy()).max() < 0.1


def test_a_trajectory_of_a_manifold_and_a_mudata(branches, fitted):
    iq.tl.interaction_support(branches, key="iq_manifold", trajectory="to A/3", n_permutations=50)
    assert branches.uns["interaction_support"]["params"]["trajectory"] == "to A/3"
    mdata = MuData({"atac": fitted})
    changed = iq.tl.interaction_support(mdata, [("GATA", "FOX")], n_permutations=50, copy=True)
    assert len(iq.get.interaction_support_df(changed)) == 1
    assert "interaction_support" not in mdata["atac"].uns


def test_results_survive_files(asked, tmp_path):
    asked.write_h5ad(tmp_path / "a.h5ad")
    asked.write_zarr(tmp_path / "a.zarr")
    import anndata

    for again in (anndata.read_h5ad(tmp_path / "a.h5ad"), anndata.read_zarr(tmp_path / "a.zarr")):
        for by in ("pairs", "distance", "orientation"):
            pd.testing.assert_frame_equal(
                iq.get.interaction_support_df(again, by), iq.get.interaction_support_df(asked, by)
            )


def test_what_is_wrong_is_said_before_anything_is_done(fitted):
    cases = [
        ({"min_energy": 11}, ValueError, "up to 10"),
        ({"distances": (50, 20)}, ValueError, "ascending"),
        ({"n_permutations": 0}, ValueError, "at least 1"),
        ({"pairs": "all"}, ValueError, "'model'"),
        ({"pairs": [("GATA",)]}, ValueError, "two names"),
        ({"pairs": ["GATA"]}, ValueError, "two names"),
        ({"pairs": [("GATA", "GATA")]}, ValueError, "two names"),
        ({"pairs": [("GATA", "nothing")]}, KeyError, "nothing"),
        ({"pairs": []}, ValueError, "no pair of motifs"),
        ({"key": "other"}, KeyError, "other"),
    ]
    for options, error, said in cases:
        with pytest.raises(error, match=said):
            iq.tl.interaction_support(fitted, **options)
    assert "interaction_support" not in fitted.uns
    with pytest.raises(KeyError, match="run iq"):
        iq.get.interaction_support_df(fitted)


def test_a_model_without_motifs_has_no_pairs(without_motifs):
    with pytest.raises(ValueError, match="no motifs"):
        iq.tl.interaction_support(without_motifs)


def test_there_are_three_tables(asked):
    with pytest.raises(ValueError, match="'pairs', 'distance', 'orientation'"):
        iq.get.interaction_support_df(asked, "bins")
