"""Response curves are the model's."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

import iceqream as iq
from iceqream.pl._style import CLOSING, OPENING


def test_response_curves_draw_the_models_curves(fitted):
    model = iq.get.model(fitted)
    axes = iq.pl.response_curves(fitted, n_terms=3, show=False)
    names = iq.get.motifs_df(fitted).index[:3]
    curves = model.response_curves()
    for ax, name in zip(axes, names, strict=True):
        line = ax.lines[-1]
        np.testing.assert_allclose(line.get_ydata(), curves[name] - curves[name].iloc[0])
        effect = iq.get.motifs_df(fitted).loc[name, "effect"]
        assert to_hex(line.get_color()).upper() == (OPENING if effect > 0 else CLOSING)
        assert len(ax.patches) == 40
    assert len({ax.get_ylim() for ax in axes}) == 1


def test_response_curves_of_features_and_stand_alone_models(fitted):
    assert len(iq.pl.response_curves(fitted, ["gc_content", "GATA"], show=False)) == 2
    model = iq.get.model(fitted)
    axes = iq.pl.response_curves(model, n_terms=2, logo=False, show=False)
    assert [len(ax.patches) for ax in axes] == [0, 0]
    with pytest.raises(KeyError, match="no term nope"):
        iq.pl.response_curves(fitted, ["nope"], show=False)


def test_pictures_of_several_panels_go_into_given_axes(fitted):
    for name, n, options in (("response_curves", 2, {"n_terms": 2}), ("motif_heatmap", 2, {"n_peaks": 20})):
        _figure, axes = plt.subplots(1, n)
        drawn = getattr(iq.pl, name)(fitted, axes=axes, **options)
        assert drawn == list(axes)
        assert all(ax.has_data() for ax in axes)
        with pytest.raises(ValueError, match=f"{n + 1} axes were given for {n} panels"):
            getattr(iq.pl, name)(fitted, axes=[*axes, axes[0]], **options)
    axes = iq.pl.response_curves(fitted, ["GATA", "gc_content"], axes=plt.subplots(1, 2)[1])
    assert [ax.get_xlabel() for ax in axes] == ["Energy", "Value"]
