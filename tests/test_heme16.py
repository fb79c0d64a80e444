"""Real blood cells: biology and held-out R2 on the access probabilities, peaks and split given to the R reference."""

import sys
from pathlib import Path

import numpy as np
import pytest

import iceqream as iq

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def heme(shared):
    sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
    from heme16 import load

    return load(shared)


def fit(adata, end):
    iq.tl.fit_trajectory(
        adata, "HSC", end, peaks=f"open_HSC_{end}", split="split", min_tss_distance=None, key_added=end
    )
    family = iq.motifs.as_motif_set().metadata["family"].to_dict()
    table = iq.get.motifs_df(adata, end)
    return iq.get.model(adata, end).stats, table.assign(family=[family[m] for m in table["match"]])


def test_monocytes_open_with_cebp(heme):
    stats, motifs = fit(heme, "Mono")
    # measured: 0.293 and 0.169 (the R reference: 0.173 and 0.097)
    assert stats["r2_train"] > 0.22
    assert stats["r2_test"] > 0.13
    cebp = motifs[motifs["family"].str.contains("CEBP")]
    assert cebp["effect"].iloc[0] == motifs["effect"].abs().max()


def test_erythrocytes_open_with_gata_and_close_ets(heme):
    stats, motifs = fit(heme, "Ery")
    # measured: 0.377 and 0.300 (the R reference: 0.285 and 0.235)
    assert stats["r2_train"] > 0.33
    assert stats["r2_test"] > 0.27
    gata = motifs[motifs["family"].str.contains("GATA")]
    assert gata["effect"].max() > 0.1
    ets = motifs[motifs["family"].str.contains("Ets")]
    assert ets["effect"].min() < -0.1
    assert ets["effect"].sum() < 0


def test_numbers_can_be_believed(heme):
    for end in ("Mono", "Ery"):
        stats, motifs = fit(heme, end)
        table = heme.varm[end]
        held_out = (table["split"] == "test").to_numpy()
        dap, pred = (table[name].to_numpy(dtype=float) for name in ("dap", "pred"))
        assert np.abs(pred).max() <= 1
        slope = np.cov(pred[held_out], dap[held_out])[0, 1] / pred[held_out].var(ddof=1)
        # measured: 0.91 and -0.005, 0.93 and 0.010
        assert 0.85 < slope < 1.2
        assert abs((pred - dap)[held_out].mean()) < 0.03
        # the largest were 1.1 and 1.3, and before energies were clipped 103 and more
        assert np.abs(iq.get.model(heme, end).coefficients).max() < 3
        assert (motifs["effect"] != 0).all()
        assert stats["r2_test_low"] > 0.05


def test_activities_tell_the_lineages(heme):
    for end in ("Mono", "Ery"):
        if end not in heme.uns:
            fit(heme, end)
        iq.tl.motif_activity(heme, key=end, key_added=f"activity_{end}")
    ery, mono = (iq.get.motif_activity_df(heme, f"activity_{end}") for end in ("Ery", "Mono"))
    gata = [name for name in ery if name.startswith("GATA")]
    assert (ery[gata].sum(axis=1).idxmax()) == "Ery"
    cebp = [name for name in mono if "CEBP" in name]
    assert set(mono[cebp].sum(axis=1).nlargest(2).index) == {"GMP-A", "Mono"}
    gained = heme.obs["activity_Ery_r2"] - heme.obs["activity_Ery_r2_covariates"]
    assert gained["Ery"] == gained.max()
    assert gained["Ery"] > 0.04


def test_lineages_share_their_motifs(heme):
    ends = ("Mono", "Ery", "B", "CD4")
    for end in ends:
        if f"open_HSC_{end}" not in heme.var:
            heme.var[f"open_HSC_{end}"] = np.asarray((heme[["HSC", end]].X > 0).any(axis=0)).ravel()
    iq.tl.fit_manifold(
        heme, {end: ("HSC", end) for end in ends}, peaks={end: f"open_HSC_{end}" for end in ends}, split="split",
        min_tss_distance=None,
    )  # fmt: skip
    model = iq.get.model(heme, "iq_manifold")
    levels = iq.get.levels_df(model).reset_index().pivot_table("r2_test", "level", "trajectory")
    # with five trajectories 0.215 own, 0.238 full and 0.249 with pairs were measured; half as many motifs
    assert levels.loc["full"].mean() > levels.loc["own"].mean()
    assert levels.loc["interactions"].mean() > 0.22
    assert len(model.pbms) < 0.7 * len(model.members)
    effects = iq.get.manifold_df(model)
    gata, cebp = (effects[effects.index.str.startswith(name)].iloc[0] for name in ("GATA", "CEBP"))
    assert gata["Ery"] == gata.max() > 0.1
    assert cebp["Mono"] == cebp.max() > 0.1
