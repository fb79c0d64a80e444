"""Agreement of predicted with measured effects: scipy's and scikit-learn's numbers, and intervals that cover."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, pearsonr, spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

import iceqream as iq
from iceqream._core.agreement import Ranked, weighted_auroc, weighted_average_precision, weighted_spearman


def drawn(rng, n=300, slope=0.5):
    effect = rng.normal(size=n).round(2)  # with ties
    measured = slope * effect + rng.normal(size=n)
    significant = rng.random(n) < 1 / (1 + np.exp(-(np.abs(effect) - 1.5)))
    return pd.DataFrame({"effect": effect, "beta": measured, "qtl": significant})


def test_statistics_are_scipys_and_sklearns():
    table = drawn(np.random.default_rng(0))
    row = iq.tl.score_variants(table, label="beta").table.loc["all"]
    assert row["pearson"] == pytest.approx(pearsonr(table["effect"], table["beta"]).statistic)
    assert row["spearman"] == pytest.approx(spearmanr(table["effect"], table["beta"]).statistic)
    known = table[table["effect"] != 0]
    same = int((np.sign(known["effect"]) == np.sign(known["beta"])).sum())
    assert row["sign_agreement"] == pytest.approx(same / len(known))
    assert row["sign_p"] == pytest.approx(binomtest(same, len(known)).pvalue)
    assert np.isnan(row["auroc"])
    row = iq.tl.score_variants(table, significant="qtl").table.loc["all"]
    assert row["auroc"] == pytest.approx(roc_auc_score(table["qtl"], table["effect"].abs()))
    assert row["auprc"] == pytest.approx(average_precision_score(table["qtl"], table["effect"].abs()))
    assert row["positives"] == table["qtl"].mean()
    assert np.isnan(row["spearman"])


def test_weights_are_repetitions():
    rng = np.random.default_rng(1)
    table = drawn(rng, 60)
    weights = rng.integers(0, 4, 60)
    repeated = table.loc[np.repeat(np.arange(60), weights)]
    size = Ranked.of(table["effect"].abs().to_numpy())
    positive = table["qtl"].to_numpy()
    got = weighted_auroc(size, positive, weights.astype(float))
    assert got == pytest.approx(roc_auc_score(repeated["qtl"], repeated["effect"].abs()))
    got = weighted_average_precision(size, positive, weights.astype(float))
    assert got == pytest.approx(average_precision_score(repeated["qtl"], repeated["effect"].abs()))
    ranked = (Ranked.of(table[name].to_numpy()) for name in ("effect", "beta"))
    got = weighted_spearman(*ranked, weights.astype(float))
    assert got == pytest.approx(spearmanr(repeated["effect"], repeated["beta"]).statistic)


def test_with_both_the_direction_is_that_of_significant_variants():
    table = drawn(np.random.default_rng(2))
    both = iq.tl.score_variants(table, label="beta", significant="qtl").table.loc["all"]
    part = table[table["qtl"]]
    assert both["spearman"] == pytest.approx(spearmanr(part["effect"], part["beta"]).statistic)
    assert both["auroc"] == pytest.approx(roc_auc_score(table["qtl"], table["effect"].abs()))


def test_intervals_cover():
    rng = np.random.default_rng(3)
    truth = iq.tl.score_variants(drawn(rng, 200_000), label="beta", significant="qtl", n_resamples=2).table.loc["all"]
    inside = dict.fromkeys(("pearson", "spearman", "sign_agreement", "auroc", "auprc"), 0)
    n = 150
    for _ in range(n):
        row = iq.tl.score_variants(drawn(rng, 400), label="beta", significant="qtl", n_resamples=200, rng=rng)
        row = row.table.loc["all"]
        for name in inside:
            inside[name] += row[f"{name}_low"] <= truth[name] <= row[f"{name}_high"]
    # of 150; measured 0.91 to 0.96
    assert min(inside.values()) / n > 0.87


def test_blocks_widen_intervals_of_rows_that_repeat():
    table = drawn(np.random.default_rng(4), 100).assign(ld=np.arange(100))
    repeated = pd.concat([table] * 9, ignore_index=True)
    naive = iq.tl.score_variants(repeated, label="beta", significant="qtl").table.loc["all"]
    blocked = iq.tl.score_variants(repeated, label="beta", significant="qtl", block="ld").table.loc["all"]
    once = iq.tl.score_variants(table, label="beta", significant="qtl").table.loc["all"]
    for name in ("spearman", "auroc"):
        # nine copies make errors three times too small; measured ratios 2.8 to 3.2 and 0.95 to 1.05
        assert 2.4 < blocked[f"{name}_se"] / naive[f"{name}_se"] < 3.6
        assert 0.85 < blocked[f"{name}_se"] / once[f"{name}_se"] < 1.15
    assert blocked["sign_p"] > naive["sign_p"]


def test_curve_is_of_the_largest_effects():
    table = drawn(np.random.default_rng(5), 1000, slope=1.0)
    curve = iq.tl.score_variants(table, label="beta").curve
    first = table.loc[table["effect"].abs().sort_values(ascending=False, kind="stable").index].head(int(curve["n"][0]))
    assert curve["agreement"][0] == pytest.approx((np.sign(first["effect"]) == np.sign(first["beta"])).mean())
    assert curve["threshold"].is_monotonic_decreasing
    assert (curve["low"] <= curve["agreement"]).all()
    assert (curve["agreement"] <= curve["high"]).all()


def test_groups_are_scored_each_by_itself():
    rng = np.random.default_rng(6)
    table = pd.concat([drawn(rng).assign(cell="B"), drawn(rng, slope=-1).assign(cell="T")], ignore_index=True)
    found = iq.tl.score_variants(table, label="beta", group="cell")
    assert found.table.index.tolist() == ["B", "T"]
    alone = iq.tl.score_variants(table[table["cell"] == "T"], label="beta").table.loc["all"]
    assert found.table.loc["T", "spearman"] == pytest.approx(alone["spearman"])
    axes = iq.pl.score_variants(found, show=False)
    assert [line.get_label() for line in axes[1].lines[1:]] == ["B", "T"]


def test_missing_values_are_said(caplog):
    table = drawn(np.random.default_rng(7))
    table.loc[:9, "beta"] = np.nan
    found = iq.tl.score_variants(table, label="beta")
    assert found.table.loc["all", "n"] == 290
    assert "10 of 300 rows" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({}, ValueError, "Name a column"),
        ({"label": "bta"}, KeyError, "beta"),
        ({"label": "name"}, ValueError, "no numbers"),
        ({"significant": "beta"}, ValueError, "yes or no"),
        ({"label": "empty"}, ValueError, "0 of 300"),
    ],
)
def test_what_cannot_be_scored_is_refused(arguments, error, said):
    table = drawn(np.random.default_rng(8)).assign(name="rs1", empty=np.nan)
    with pytest.raises(error, match=said):
        iq.tl.score_variants(table, **arguments)


def test_one_class_and_constants_are_unknown():
    table = drawn(np.random.default_rng(9)).assign(none=False, flat=1.0)
    row = iq.tl.score_variants(table, label="flat", significant="none").table.loc["all"]
    assert np.isnan(row[["auroc", "spearman"]].to_numpy(dtype=float)).all()
    row = iq.tl.score_variants(table, label="flat").table.loc["all"]
    assert np.isnan(row["spearman"])
