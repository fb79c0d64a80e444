import numpy as np
import pytest

import iceqream as iq


def test_differences_are_paired_by_fold_and_their_error_counts_overlapping_training_sets(compared):
    scores = compared.uns["iq_cv"]
    many, few = (scores[scores["options"] == name] for name in ("default", "few motifs"))
    differences = few["r2"].to_numpy() - many["r2"].to_numpy()
    n = few["n_peaks"].to_numpy()
    error = np.sqrt(differences.var(ddof=1) * (1 / 3 + (n / (n.sum() - n)).mean()))
    table = iq.get.comparison_df(compared)
    assert table.index.tolist() == ["default", "few motifs"]
    row = table.loc["few motifs"]
    assert row["difference"] == pytest.approx(differences.mean(), abs=1e-12)
    assert row["difference"] == pytest.approx(row["r2"] - table.loc["default", "r2"], abs=1e-12)
    assert row["se"] == pytest.approx(error, rel=1e-12)
    # Student's 97.5 % quantile with 2 degrees of freedom
    assert row["high"] - row["difference"] == pytest.approx(4.302653 * error, rel=1e-6)
    # two of six planted motifs: measured -0.303 +- 0.008 (-0.337 to -0.269)
    assert row["difference"] == pytest.approx(-0.303, abs=0.03)
    assert row["high"] < -0.2
    assert (table.loc["default", ["difference", "se", "low", "high"]] == 0).all()
    turned = iq.get.comparison_df(compared, reference="few motifs")
    assert turned.loc["default", "difference"] == -row["difference"]
    assert turned.loc["default", "n_motifs"] == many["n_motifs"].mean()


def test_what_holds_no_comparison_is_said(compared):
    with pytest.raises(KeyError, match=r"no comparison in uns\['iq'\]"):
        iq.get.comparison_df(compared, "iq")
    compared.uns["one"] = compared.uns["iq_cv"].drop(columns="options")
    with pytest.raises(KeyError, match="no comparison"):
        iq.get.comparison_df(compared, "one")
    with pytest.raises(KeyError, match="'many' is no compared set of options; they are default, few motifs"):
        iq.get.comparison_df(compared, reference="many")
