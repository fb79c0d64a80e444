"""Several weak sites or one strong one, against a simulation in which both occur."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

import iceqream as iq
from iceqream.inference.low_affinity import groups_by_energy, groups_by_sites


@pytest.fixture(scope="module")
def weak():
    """ESRRB acts through the sum over its sites, NFYA through its best one."""
    adata = iq.datasets.simulated_grammar(2500, rng=0)
    library = iq.datasets.simulated_motifs(grammar=True, decoys=False)
    iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, size_folds=0, refine=False,
                         interactions=False, max_motifs=9)  # fmt: skip
    iq.tl.low_affinity(adata, progress=False)
    return adata


def test_weak_sites_count_where_they_act(weak):
    table = iq.get.low_affinity_df(weak)
    of_sum, of_best = (table.loc[next(name for name in table.index if start in name)] for start in ("NR", "NFY"))
    assert of_sum["score"] > of_best["score"]
    assert of_best["score"] < of_sum["score"] - 2 * np.hypot(of_sum["score_se"], of_best["score_se"])
    # the sum says too much of peaks with weak sites of NFYA
    assert of_best["unexplained"] < of_sum["unexplained"]
    assert of_best["best_site"] > of_sum["best_site"]
    assert np.isnan(table.loc[table[["n_several", "n_single"]].min(axis=1) < 20, "score"]).all()


def test_groups_and_scores_are_as_defined(weak):
    model = iq.get.model(weak)
    table = iq.get.low_affinity_df(weak)
    results = iq.get.predictions_df(weak)
    used = (results["split"] != "unused").to_numpy()
    dap = results["dap"].to_numpy()[used]
    iq.tl.refit(weak, mode="max", key_added="max")
    best = iq.get.energies_df(weak, "max").to_numpy()[used]
    summed = iq.get.energies_df(weak).to_numpy()[used]
    m = list(model.motif_names).index("GATA")
    bound = np.maximum(best[:, m], summed[:, m]) >= 7.5
    beyond = best[:, m].astype(float) - summed[:, m]
    edge = np.quantile(beyond[bound], 0.7)
    single, several = dap[bound & (beyond >= edge)], dap[bound & (beyond < edge - 1)]
    row = table.loc["GATA"]
    assert [row["n_single"], row["n_several"]] == [len(single), len(several)]
    assert row["score"] == pytest.approx(several.mean() - single.mean(), abs=1e-6)
    assert row["score_se"] == pytest.approx(np.hypot(*(x.std(ddof=1) / np.sqrt(len(x)) for x in (several, single))))
    assert row["ks"] == pytest.approx(ks_2samp(several, single).statistic)
    # of all motifs it is the refit with best sites
    both = iq.get.low_affinity_df(weak, part="models")
    assert both["r2"].loc["best_site"] == pytest.approx(iq.get.model(weak, "max").stats["r2_test"], abs=1e-6)
    assert both["r2"].loc["sum"] == pytest.approx(model.stats["r2_test"], abs=1e-6)
    pulled = np.array([[9.0, 0, 0], [8.0, 7.6, 0], [8.0, 3.0, 9.0]])
    groups = groups_by_energy(pulled, np.array([[9.0, 0, 0], [5.0, 9.9, 0], [7.0, 0, 9.0]]))
    assert not groups.several[:, 2].any()
    assert not (groups.several & groups.single).any()


def test_groups_by_sites(weak):
    model = iq.get.model(weak)
    codes = weak.varm["sequence"][:400]
    groups = groups_by_sites(model.pbms, codes)
    sites = iq.tl.motif_sites(weak, min_energy=6, peaks=np.arange(400))
    name = str(model.motif_names[0])
    of = sites[sites["motif"] == name].groupby("peak")["energy"].agg(["size", "max"])
    names = weak.var_names[:400]
    single, several = of[(of["size"] == 1) & (of["max"] >= 8)], of[(of["size"] > 1) & (of["max"] < 8)]
    assert set(names[groups.single[:, 0]]) == set(single.index)
    assert set(names[groups.several[:, 0]]) == set(several.index)


def test_sums_are_not_taken_for_best_sites(full, tmp_path):
    for definition in ("sites", "energy"):
        iq.tl.low_affinity(full, definition=definition, progress=False)
        table = iq.get.low_affinity_df(full)
        assert not ((table["best_site_q"] < 0.05) & (table["best_site"] > 0)).any()
        assert not ((table["unexplained_q"] < 0.01) & (table["unexplained"] < 0)).any()
    full.write_h5ad(tmp_path / "x.h5ad")
    pd.testing.assert_frame_equal(iq.get.low_affinity_df(ad.read_h5ad(tmp_path / "x.h5ad")), table)


def test_the_picture_shows_the_tables(weak, tmp_path):
    axes = iq.pl.low_affinity(weak, show=False, save=tmp_path / "x.png")
    table = iq.get.low_affinity_df(weak).sort_values("score", ascending=False, kind="stable")
    assert [label.get_text() for label in axes[0].get_yticklabels()] == list(table.index)
    np.testing.assert_allclose(axes[0].containers[0].lines[0].get_xdata().astype(float), table["score"])
    np.testing.assert_allclose(axes[1].containers[0].lines[0].get_xdata().astype(float), table["best_site"])
    assert len(iq.pl.low_affinity(weak, "GATA", show=False)[0].get_yticklabels()) == 1


def test_mistakes(weak, without_motifs):
    with pytest.raises(ValueError, match="definition must be 'energy' or 'sites', got 'peaks'"):
        iq.tl.low_affinity(weak, definition="peaks")
    iq.tl.refit(weak, mode="max", key_added="max")
    with pytest.raises(ValueError, match="The model has the energies of best sites"):
        iq.tl.low_affinity(weak, key="max")
    with pytest.raises(ValueError, match="The model has no motifs"):
        iq.tl.low_affinity(without_motifs)
    with pytest.raises(ValueError, match="part must be 'motifs' or 'models'"):
        iq.get.low_affinity_df(weak, part="all")
    with pytest.raises(KeyError, match="There was no motif none"):
        iq.pl.low_affinity(weak, "none")
