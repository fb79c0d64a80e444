"""Activity and expression side by side."""

import numpy as np
import pytest

import iceqream as iq


def z(values):
    return (values - values.mean(axis=0)) / values.std(axis=0)


def test_rows_are_pairs_of_motif_and_factor(multiome):
    left, middle, right = iq.pl.tf_expression(multiome, order_by="time", show=False)
    motifs, genes = ([label.get_text() for label in ax.get_yticklabels()] for ax in (left, middle))
    best = iq.get.tf_expression_df(multiome).query("rank == 1").set_index("motif")
    assert genes == best.loc[motifs, "gene"].tolist()
    order = np.argsort(multiome["atac"].obs["time"].to_numpy(), kind="stable")
    activity = z(iq.get.motif_activity_df(multiome)[motifs].to_numpy(dtype=float))[order].T
    np.testing.assert_allclose(left.images[0].get_array(), activity, atol=1e-5)
    expression = z(iq.get.expression_df(multiome)[genes].to_numpy(dtype=float))[order].T
    np.testing.assert_allclose(middle.images[0].get_array(), expression, atol=1e-5)
    np.testing.assert_allclose([bar.get_width() for bar in right.patches], best.loc[motifs, "correlation"])
    assert right.get_xlabel() == "correlation\n(n = 16)"
    # what falls along the trajectory stands above what rises
    assert set(motifs[:2]) == {"PU.1", "POU"}


def test_strips_and_groups(multiome):
    assert len(iq.pl.tf_expression(multiome, color="state", show=False)) == 5
    axes = iq.pl.tf_expression(multiome, color="time", show=False)
    assert len(axes[0].figure.legends[0].get_texts()) == 3
    iq.tl.tf_expression(multiome, groupby="state", key_added="states")
    left, *_ = iq.pl.tf_expression(multiome, ["GATA"], key="states", show=False)
    assert [label.get_text() for label in left.get_xticklabels()] == ["S1", "S2", "S3", "S4"]


def test_several_factors_name_their_motif_once(multiome):
    stored = dict(multiome["atac"].uns["tf_expression"])
    for name in ("motif", "symbol", "gene", "source", "correlation", "p", "q", "mean_expression", "fraction", "rank"):
        stored[name] = np.concatenate([stored[name], stored[name][:1]])
    multiome["atac"].uns["tf_expression"] = stored
    left, middle, _ = iq.pl.tf_expression(multiome, "GATA", n_factors=2, show=False)
    assert [label.get_text() for label in left.get_yticklabels()] == ["GATA", ""]
    assert [label.get_text() for label in middle.get_yticklabels()] == ["GATA1", "GATA1"]


def test_mistakes(multiome):
    with pytest.raises(KeyError, match="no expressed factor of NOPE"):
        iq.pl.tf_expression(multiome, "NOPE")
    with pytest.raises(ValueError, match="at least 1, got 30 and 0"):
        iq.pl.tf_expression(multiome, n_factors=0)
    with pytest.raises(ValueError, match="1 axes were given for 3 panels"):
        iq.pl.tf_expression(multiome, axes=iq.pl.motif_activity(multiome, show=False))
