"""Pictures of access probabilities."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import iceqream as iq


def test_states_of_access_probability_are_pictured(simulated):
    simulated.obs["kind"] = pd.Categorical(["x", "x", "y", "y"])
    simulated.uns["kind_colors"] = ["#111111", "#222222"]
    iq.pp.access_probability(simulated, keep_steps=True)
    axes = iq.pl.normalization(simulated, "S4", "S1", show=False)
    red = axes[-1].collections[1].get_offsets()
    chosen = simulated.var["constitutive"].to_numpy()
    np.testing.assert_allclose(np.sort(red[:, 0]), np.sort(simulated.layers["ap"][0][chosen]), atol=1e-6)
    ax = iq.pl.total_ap(simulated, color="kind", show=False)
    assert [mpl.colors.to_hex(p.get_facecolor()) for p in ax.patches] == ["#111111"] * 2 + ["#222222"] * 2
    np.testing.assert_allclose([p.get_width() for p in ax.patches], simulated.layers["ap"].mean(axis=1), rtol=1e-5)
    ax = iq.pl.ap_scatter(simulated, "S1", "S4", min_dap=0.3, show=False)
    change = simulated.layers["ap"][3] - simulated.layers["ap"][0]
    assert f"{(change >= 0.3).sum():,} open" in [text.get_text() for text in ax.texts]
    left, right = iq.pl.constitutive(simulated, thresholds=[-12.0], show=False)
    assert any("-12.00" in text.get_text() for text in left.texts)
    assert right.get_xlabel() == "GC content"
    with pytest.raises(KeyError, match="no state S9"):
        iq.pl.ap_scatter(simulated, "S1", "S9")
    with pytest.raises(KeyError, match="no layer 'nope'"):
        iq.pl.total_ap(simulated, key="nope")


def test_groups_of_rows_are_states(simulated):
    simulated.obs["kind"] = ["x", "x", "y", "y"]
    iq.pp.access_probability(simulated, keep_steps=True)
    ax = iq.pl.ap_scatter(simulated, "x", "y", groupby="kind", title="Kinds", show=False)
    change = simulated.layers["ap"][2:].mean(axis=0) - simulated.layers["ap"][:2].mean(axis=0)
    assert f"{(change >= 0.25).sum():,} open" in [text.get_text() for text in ax.texts]
    assert ax.get_title() == "Kinds"
    axes = iq.pl.normalization(simulated, "y", "x", groupby="kind", figsize=(9, 3), show=False)
    red = np.asarray(axes[0].collections[1].get_offsets())
    chosen = simulated.var["constitutive"].to_numpy()
    np.testing.assert_allclose(red[:, 1], np.log2(1 + np.asarray(simulated.X)[2:, chosen].sum(axis=0)), rtol=1e-6)
    iq.pp.access_probability(simulated, regional=None, keep_steps=True)
    titles = [ax.get_title() for ax in iq.pl.normalization(simulated, "S4", "S1", show=False)]
    assert titles == ["Counts", "Depth", "Constitutive", "Access probability"]
    with pytest.raises(KeyError, match=r"no state x.*Pass groupby"):
        iq.pl.ap_scatter(simulated, "x", "y")
