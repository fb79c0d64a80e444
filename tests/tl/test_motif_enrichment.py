"""Strong sites per group of peaks, counted and tested."""

import logging

import numpy as np
import pandas as pd
import pytest
from scipy.stats import hypergeom
from statsmodels.stats.multitest import multipletests

import iceqream as iq


@pytest.fixture
def grouped(fitted):
    iq.tl.cluster_peaks(fitted, 3)
    return fitted


def test_counts_and_tests_are_those_of_the_energies(grouped):
    iq.tl.motif_enrichment(grouped, threshold=7)
    table = iq.get.motif_enrichment_df(grouped)
    model = iq.get.model(grouped)
    strong = model.pbms.normalized_energies(grouped) >= 7
    label = grouped.var["peak_cluster"]
    known = label.notna().to_numpy()
    assert known.sum() < len(known)
    assert len(table) == 3 * len(model.pbms)
    for row in table.itertuples():
        hit = strong[:, list(model.motif_names).index(row.motif)]
        inside = (label == row.group).to_numpy()
        assert row.hits == (hit & inside).sum()
        assert row.n_peaks == inside.sum()
        assert row.fraction == pytest.approx(row.hits / row.n_peaks)
        assert row.fraction_all == pytest.approx(hit[known].mean())
        law = hypergeom(known.sum(), hit[known].sum(), row.n_peaks)
        assert row.p == pytest.approx(min(1, 2 * min(law.sf(row.hits - 1), law.cdf(row.hits))), rel=1e-9)
    np.testing.assert_allclose(table["q"], multipletests(table["p"], method="fdr_bh")[1])


def test_opening_motifs_are_enriched_where_peaks_open(grouped):
    iq.tl.motif_enrichment(grouped)
    table = iq.get.motif_enrichment_df(grouped)
    opens = iq.get.cluster_profiles_df(grouped).loc["S4"] - iq.get.cluster_profiles_df(grouped).loc["S1"]
    best = table[table["motif"] == "GATA"].set_index("group").loc[opens.idxmax()]
    # measured: 0.46 and -0.66 (q 1e-11 and 1e-11)
    assert best["log2_enrichment"] > 0.3
    assert best["q"] < 1e-4
    worst = table[table["motif"] == "GATA"].set_index("group").loc[opens.idxmin()]
    assert worst["log2_enrichment"] < -0.3
    assert worst["q"] < 1e-4


def test_a_library_is_counted_block_by_block(grouped, library, monkeypatch):
    iq.tl.motif_enrichment(grouped, motifs=library, key_added="library")
    whole = iq.get.motif_enrichment_df(grouped, "library")
    assert whole["motif"].nunique() == 30
    from iceqream.inference import screening

    monkeypatch.setattr(screening, "_BLOCK_BYTES", 1)
    monkeypatch.setattr(screening, "_SMALLEST_BLOCK", 7)
    iq.tl.motif_enrichment(grouped, motifs=library, key_added="library")
    pd.testing.assert_frame_equal(iq.get.motif_enrichment_df(grouped, "library"), whole)
    # thirty peaks reach the top of every motif's scale
    rows = grouped.var["peak_cluster"].notna().to_numpy()
    energies = iq.motifs.energies(grouped.varm["sequence"][rows], library)
    hits = whole.groupby("motif", sort=False)["hits"].sum()
    assert hits.min() >= 30
    top = np.sort(energies, axis=0)[-30]
    assert (hits.to_numpy() >= (energies >= top).sum(axis=0)).all()


def test_any_column_makes_groups_and_small_ones_are_named(fitted, caplog):
    fitted.var["which"] = pd.Categorical(["few"] * 5 + ["many"] * 1495, categories=["none", "many", "few"])
    with caplog.at_level(logging.WARNING, logger="iceqream"):
        iq.tl.motif_enrichment(fitted, groups="which")
    assert "1 group(s) have fewer than 10 peaks: few" in caplog.text
    table = iq.get.motif_enrichment_df(fitted)
    assert table["group"].unique().tolist() == ["many", "few"]
    # of few peaks the error says so
    assert table[table["group"] == "few"]["se"].min() > 0.5


def test_mistakes(grouped):
    with pytest.raises(KeyError, match=r"'peak_clusters' is not a column of var .* Did you mean 'peak_cluster'"):
        iq.tl.motif_enrichment(grouped, groups="peak_clusters")
    with pytest.raises(ValueError, match="threshold lies above 0 and up to 10, got 12"):
        iq.tl.motif_enrichment(grouped, threshold=12)
    grouped.var["number"] = np.linspace(0, 1, 1500)
    grouped.var["one"] = "all"
    with pytest.raises(ValueError, match="measurements, no groups"):
        iq.tl.motif_enrichment(grouped, groups="number")
    with pytest.raises(ValueError, match=r"has 1 group\(s\) of peaks \(all\)"):
        iq.tl.motif_enrichment(grouped, groups="one")
    with pytest.raises(KeyError, match="no model in uns\\['no'\\]"):
        iq.tl.motif_enrichment(grouped, key="no")
    assert "motif_enrichment" not in grouped.uns
