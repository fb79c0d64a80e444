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
    n = 200
    for _ in range(n):
        row = iq.tl.score_variants(drawn(rng, 300), label="beta", significant="qtl", n_resamples=200, rng=rng)
        row = row.table.loc["all"]
        for name in inside:
            inside[name] += row[f"{name}_low"] <= truth[name] <= row[f"{name}_high"]
    # of 200; measured 0.93 to 0.98 (of 600: 0.94 to 0.96)
    assert min(inside.values()) / n > 0.89


def test_intervals_of_few_blocks_cover():
    rng = np.random.default_rng(4)

    def in_blocks(n_blocks):
        block = np.repeat(np.arange(n_blocks), 10)

        # more than half of the variance lies between blocks
        def own():
            return np.sqrt(0.6) * rng.normal(size=n_blocks)[block] + np.sqrt(0.4) * rng.normal(size=len(block))

        effect = own()
        return pd.DataFrame({"effect": effect, "beta": 0.5 * effect + own(), "qtl": own() < np.abs(effect) - 1.2,
                             "ld": block})  # fmt: skip

    names = ("pearson", "spearman", "sign_agreement", "auroc", "auprc")
    truth = iq.tl.score_variants(in_blocks(20_000), label="beta", n_resamples=2).table.loc["all"]
    told = iq.tl.score_variants(in_blocks(20_000), significant="qtl", n_resamples=2).table.loc["all"]
    truth = truth.fillna(told)
    inside, naive = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    n = 100
    for _ in range(n):
        table = in_blocks(15)
        for block, counts in (("ld", inside), (None, naive)):
            row = pd.concat([iq.tl.score_variants(table, **asked, block=block, n_resamples=200, rng=rng).table
                             for asked in ({"label": "beta"}, {"significant": "qtl"})])  # fmt: skip
            row = row.bfill().iloc[0]
            for name in names:
                counts[name] += row[f"{name}_low"] <= truth[name] <= row[f"{name}_high"]
    # of 100; measured 0.91 to 0.96, and 0.58 to 0.83 where the blocks are not given
    # (of 600: 0.91 to 0.95, and 0.62 to 0.83)
    assert min(inside.values()) / n > 0.86
    assert max(naive.values()) / n < 0.86


def test_blocks_widen_intervals_of_rows_that_repeat():
    table = drawn(np.random.default_rng(4), 100).assign(ld=np.arange(100))
    repeated = pd.concat([table] * 9, ignore_index=True)
    naive = iq.tl.score_variants(repeated, label="beta", significant="qtl").table.loc["all"]
    blocked = iq.tl.score_variants(repeated, label="beta", significant="qtl", block="ld").table.loc["all"]
    once = iq.tl.score_variants(table, label="beta", significant="qtl").table.loc["all"]
    for name in ("spearman", "auroc"):
        # nine copies make errors three times too small; measured ratios 3.0 to 3.3 and 0.93 to 1.00
        assert 2.4 < blocked[f"{name}_se"] / naive[f"{name}_se"] < 3.6
        assert 0.85 < blocked[f"{name}_se"] / once[f"{name}_se"] < 1.15
    # the test of nine copies is that of one, by the normal distribution instead of the binomial
    assert blocked["sign_p"] > 10 * naive["sign_p"]
    assert 0.3 < blocked["sign_p"] / once["sign_p"] < 3
    assert blocked["n_blocks"] == 100
    assert blocked["sign_agreement_high"] - blocked["sign_agreement_low"] == pytest.approx(
        once["sign_agreement_high"] - once["sign_agreement_low"], rel=0.15
    )


def test_few_blocks_have_no_intervals(caplog):
    table = drawn(np.random.default_rng(4), 100).assign(ld="one")
    row = iq.tl.score_variants(table, label="beta", significant="qtl", block="ld").table.loc["all"]
    assert "Group all lies in 1 block(s)" in caplog.text
    assert np.isfinite(row[["spearman", "sign_agreement", "auroc", "auprc"]].to_numpy(dtype=float)).all()
    unknown = [f"{name}{end}" for name in ("spearman", "sign_agreement", "auroc", "auprc") for end in ("_low", "_high")]
    assert row[[*unknown, "sign_p"]].isna().all()


def test_errors_without_blocks_are_delongs_and_wilsons():
    table = drawn(np.random.default_rng(10))
    row = iq.tl.score_variants(table, label="beta").table.loc["all"]
    known = table[table["effect"] != 0]
    same = int((np.sign(known["effect"]) == np.sign(known["beta"])).sum())
    wilson = binomtest(same, len(known)).proportion_ci(0.95, method="wilson")
    assert row["sign_agreement_low"] == pytest.approx(wilson.low)
    assert row["sign_agreement_high"] == pytest.approx(wilson.high)
    row = iq.tl.score_variants(table, significant="qtl").table.loc["all"]
    # DeLong's by its definition: the variances of the share of the other kind that each variant exceeds
    a, b = (table.loc[table["qtl"] == kind, "effect"].abs().to_numpy() for kind in (True, False))
    above = (a[:, None] > b) + 0.5 * (a[:, None] == b)
    error = np.sqrt(above.mean(axis=1).var(ddof=1) / len(a) + above.mean(axis=0).var(ddof=1) / len(b))
    assert row["auroc_se"] == pytest.approx(error)


def test_perfect_scores_of_few_variants_are_not_certain():
    table = pd.DataFrame({"effect": np.arange(30) + 1.0, "beta": 1.0, "qtl": np.arange(30) >= 24})
    row = iq.tl.score_variants(table, significant="qtl").table.loc["all"]
    assert row[["auroc", "auprc"]].tolist() == [1, 1]
    # six of six, by Wilson
    assert row["auroc_low"] == pytest.approx(binomtest(6, 6).proportion_ci(method="wilson").low)
    assert row["auprc_low"] < row["auroc_low"]
    blocked = iq.tl.score_variants(table.assign(ld=np.arange(30) // 3), label="beta", block="ld").table.loc["all"]
    # ten of ten blocks agree, not thirty of thirty variants; 0.66
    assert 0.6 < blocked["sign_agreement_low"] < 0.72
    one = iq.tl.score_variants(table.assign(qtl=np.arange(30) == 29), significant="qtl").table.loc["all"]
    assert one["auroc"] == 1
    assert np.isnan(one["auroc_low"])


def test_yes_or_no_as_label_is_no_measured_effect(caplog):
    table = drawn(np.random.default_rng(11))
    caplog.set_level("INFO", logger="iceqream")
    expected = iq.tl.score_variants(table, significant="qtl").table
    for said in (table["qtl"], table["qtl"].astype(int), table["qtl"].map({True: "yes", False: "no"})):
        pd.testing.assert_frame_equal(iq.tl.score_variants(table.assign(causal=said), label="causal").table, expected)
    assert "Column causal says yes or no" in caplog.text
    for mask in (table["qtl"], table["qtl"].to_numpy(), table["qtl"].tolist()):
        pd.testing.assert_frame_equal(iq.tl.score_variants(table, significant=mask).table, expected)


def test_controls_need_no_measured_effect(caplog):
    table = drawn(np.random.default_rng(12))
    whole = iq.tl.score_variants(table, label="beta", significant="qtl").table
    table.loc[~table["qtl"], "beta"] = np.nan
    pd.testing.assert_frame_equal(iq.tl.score_variants(table, label="beta", significant="qtl").table, whole)
    assert not caplog.text
    lost = table.index[table["qtl"]][:4]
    table.loc[lost, "beta"] = np.nan
    row = iq.tl.score_variants(table, label="beta", significant="qtl").table.loc["all"]
    assert "4 of" in caplog.text
    assert "have no measured effect: their direction is not compared" in caplog.text
    assert row["n_measured"] == table["qtl"].sum() - 4
    assert row["auroc"] == whole.loc["all", "auroc"]
    # but a variant of unknown significance tells nothing
    table = table.astype({"qtl": "boolean"})
    table.loc[:2, "qtl"] = pd.NA
    assert iq.tl.score_variants(table, label="beta", significant="qtl").table.loc["all", "n"] == 297
    assert "3 without significant" in caplog.text


def test_weights_are_of_correlations():
    rng = np.random.default_rng(13)
    table = drawn(rng, 80).assign(precision=rng.integers(1, 5, 80))
    repeated = table.loc[np.repeat(np.arange(80), table["precision"])]
    row = iq.tl.score_variants(table, label="beta", weight="precision").table.loc["all"]
    assert row["pearson"] == pytest.approx(pearsonr(repeated["effect"], repeated["beta"]).statistic)
    assert row["spearman"] == pytest.approx(spearmanr(repeated["effect"], repeated["beta"]).statistic)
    plain = iq.tl.score_variants(table, label="beta").table.loc["all"]
    assert row["sign_agreement"] == plain["sign_agreement"]
    # only ratios count
    table["precision"] = table["precision"] / 7
    again = iq.tl.score_variants(table, label="beta", weight="precision").table.loc["all"]
    np.testing.assert_allclose(again.to_numpy(dtype=float), row.to_numpy(dtype=float), rtol=1e-9)


def test_curve_depends_on_no_order_of_rows_and_groups_on_no_other():
    table = drawn(np.random.default_rng(14)).assign(effect=lambda of: np.sign(of["effect"]))
    table.loc[:19, "effect"] = 0.0
    curve = iq.tl.score_variants(table, label="beta").curve
    pd.testing.assert_frame_equal(curve, iq.tl.score_variants(table[::-1], label="beta").curve)
    # all that have a predicted effect have the same
    assert curve["n"].tolist() == [280, 300]
    table = drawn(np.random.default_rng(15)).assign(cell="B")
    alone = iq.tl.score_variants(table, label="beta", significant="qtl", group="cell").table
    other = drawn(np.random.default_rng(16)).assign(cell="A")
    both = iq.tl.score_variants(pd.concat([other, table]), label="beta", significant="qtl", group="cell").table
    pd.testing.assert_series_equal(both.loc["B"], alone.loc["B"])


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
        ({"label": "qtl", "significant": "qtl"}, ValueError, "says yes or no, as `significant` does"),
        ({"label": "beta", "weight": "effect"}, ValueError, "negative weights"),
        ({"significant": "qtl", "weight": "beta"}, ValueError, "weighs measured effects"),
        ({"significant": [True, False]}, ValueError, "has 2 values for 300 rows"),
        ({"significant": pd.Series([True] * 300, index=range(1, 301))}, ValueError, "index of `significant`"),
    ],
)
def test_what_cannot_be_scored_is_refused(arguments, error, said):
    table = drawn(np.random.default_rng(8)).assign(name="rs1", empty=np.nan)
    with pytest.raises(error, match=said):
        iq.tl.score_variants(table, **arguments)


def test_what_is_no_table_is_refused():
    table = drawn(np.random.default_rng(8))
    for wrong in (table.to_dict(), [1, 2], None):
        with pytest.raises(TypeError, match="Give a table"):
            iq.tl.score_variants(wrong, label="beta")
    with pytest.raises(ValueError, match="several columns beta"):
        iq.tl.score_variants(pd.concat([table, table[["beta"]]], axis=1), label="beta")


def test_one_class_and_constants_are_unknown():
    table = drawn(np.random.default_rng(9)).assign(none=False, flat=0.1)
    row = iq.tl.score_variants(table, label="beta", significant="none").table.loc["all"]
    assert np.isnan(row[["auroc", "auroc_low", "spearman"]].to_numpy(dtype=float)).all()
    # 300 times 0.1 is not 30, but constant all the same
    of_correlation = ["pearson", "pearson_low", "spearman", "spearman_high"]
    row = iq.tl.score_variants(table, label="flat").table.loc["all"]
    assert row[of_correlation].isna().all()
    row = iq.tl.score_variants(table, "flat", "beta", significant="qtl").table.loc["all"]
    assert row[[*of_correlation, "auroc", "auprc"]].isna().all()
    assert row["sign_agreement"] == pytest.approx((table.loc[table["qtl"], "beta"] > 0).mean())
    nothing = iq.tl.score_variants(table, significant="none")
    with pytest.raises(ValueError, match="There is nothing to draw"):
        iq.pl.score_variants(nothing)


def test_groups_too_small_are_unknown():
    table = pd.concat([drawn(np.random.default_rng(17)).assign(cell="B"), drawn(np.random.default_rng(18), 2)])
    found = iq.tl.score_variants(table.fillna({"cell": "T"}), label="beta", group="cell")
    assert np.isnan(found.table.loc["T", "spearman"])
    assert found.table["n"].tolist() == [300, 2]
    assert set(found.curve["group"]) == {"B"}


def test_the_picture_shows_the_numbers(tmp_path):
    table = drawn(np.random.default_rng(19), 200)
    found = iq.tl.score_variants(table, label="beta", significant="qtl")
    axes = iq.pl.score_variants(found, show=False, save=tmp_path / "x.png")
    assert (tmp_path / "x.png").stat().st_size > 10_000
    row, part = found.table.loc["all"], table[table["qtl"]]
    n = int(((part["effect"] > 0) & (part["beta"] > 0)).sum())
    known = int(((part["effect"] != 0) & (part["beta"] != 0)).sum())
    assert f"{n} ({n / known:.0%})" in [text.get_text() for text in axes[0].texts]
    assert axes[2].get_title().startswith(f"AUROC {row['auroc']:.2f} (")
    curves = [ax.lines[np.argmax([len(line.get_xdata()) for line in ax.lines])].get_xydata().T for ax in axes[2:]]
    # trapezoids below the first, steps back to the variant before below the second
    (x, y), (recall, precision) = curves
    assert np.trapezoid(y, x) == pytest.approx(row["auroc"])
    assert (np.diff(recall) * precision[1:]).sum() == pytest.approx(row["auprc"])
    groups = table.assign(cell=np.where(np.arange(200) % 2, "B", "a cell type with quite a long name"))
    axes = iq.pl.score_variants(iq.tl.score_variants(groups, significant="qtl", group="cell"), show=False)
    said = [text.get_text() for text in axes[0].get_legend().get_texts()]
    assert len(said) == 2
    assert any(line.startswith("B 0.") for line in said)
    with pytest.raises(ValueError, match="1 axes were given for 4 panels"):
        iq.pl.score_variants(found, axes=axes[:1])
