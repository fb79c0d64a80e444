"""Every picture leaves the user's settings as they were."""

from dataclasses import replace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import iceqream as iq


@pytest.fixture(autouse=True)
def close_figures():
    before = dict(mpl.rcParams)
    yield
    assert dict(mpl.rcParams) == before, "a picture changed the user's rcParams"
    plt.close("all")


@pytest.fixture
def old(full):
    """A model as an older version kept it, no effects and no quantiles, and its motifs in pairs."""
    model = iq.get.model(full)
    lost = ("effects", "own_effects", "pair_effects", "effect_errors", "correlations", "quantiles", "residual_r2")
    two = model.interactions.take(np.arange(2))
    model = replace(model, interactions=two, **dict.fromkeys(lost, np.array([])))
    full.uns["iq"] = model.to_uns()
    paired = [model.interactions.involve(i).any() for i in range(len(model.pbms))]
    return full, [str(name) for name in model.motif_names[paired]]


@pytest.fixture
def stressed(full):
    """A model with long names, all but two of them, and a coefficient of thousands."""
    model = iq.get.model(full)
    names = np.array([name if i % 3 == 2 else f"SMAD2::SMAD3::SMAD4_HUMAN.H11MO.0.B long {i}"
                      for i, name in enumerate(model.motif_names)], dtype=object)  # fmt: skip
    coefficients = model.coefficients.copy()
    coefficients[0, 2] = 3120.0
    motifs = replace(model.pbms.motifs, names=names)
    stressed = replace(model, pbms=replace(model.pbms, motifs=motifs), coefficients=coefficients)
    full.uns["iq"] = stressed.to_uns()
    return full
