"""Response curves are the model's."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

import iceqream as iq
from iceqream.pl._response_curves import curves_within
from iceqream.pl._style import CLOSING, OPENING, outliers


def test_response_curves_draw_the_models_curves(fitted):
    model = iq.get.model(fitted)
    axes = iq.pl.response_curves(fitted, n_terms=3, show=False)
    names = iq.get.motifs_df(fitted).index[:3]
    curves = model.response_curves()
    used = (iq.get.predictions_df(fitted)["split"] != "unused").to_numpy()
    for ax, name in zip(axes, names, strict=True):
        line = ax.lines[-1]
        n = len(line.get_xdata())
        np.testing.assert_allclose(line.get_ydata(), (curves[name] - curves[name].iloc[0])[:n])
        # the curve ends where the peaks do
        last = iq.get.energies_df(fitted, motifs=[name]).to_numpy()[used].max()
        assert 0 <= last - line.get_xdata()[-1] < 0.1
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


def test_one_outlier_has_its_own_scale(stressed):
    axes = iq.pl.response_curves(stressed, show=False)
    limits = [ax.get_ylim() for ax in axes]
    own = [any(text.get_text() == "own scale" for text in ax.texts) for ax in axes]
    assert sum(own) == 1
    assert np.ptp(limits[own.index(True)]) > 100 * np.ptp(limits[own.index(False)])
    assert len({limit for limit, apart in zip(limits, own, strict=True) if not apart}) == 1
    assert outliers(np.array([3120.0, 0.6, 0.5, 0.01])).tolist() == [True, False, False, False]
    assert not outliers(np.array([0.6, 0.3, 0.2, 0.1])).any()
    assert not outliers(np.array([0.6])).any()


def test_curves_end_where_the_training_peaks_do(fitted):
    model = iq.get.model(fitted)
    quantiles = model.quantiles * 0.7
    quantiles[1] = np.nan
    model = replace(model, quantiles=quantiles)
    curves = curves_within(model.response_curves(), model)
    assert curves.iloc[:, 0].dropna().index.max() == 7.0
    assert curves.iloc[:, 1].dropna().index.max() == 10.0
    few = curves_within(model.response_curves(), model, np.full((5, 1), 3.05))
    assert few.iloc[:, 0].dropna().index.max() == pytest.approx(3.0)
    assert few.iloc[:, 2].dropna().index.max() == 7.0


def test_models_without_quantiles_have_curves_without_pairs(old):
    data, paired = old
    model = iq.get.model(data)
    curves = model.response_curves(part="own")
    names = [str(name) for name in model.motif_names]
    assert 0 < len(paired) < len(names)
    axes = iq.pl.response_curves(data, names, show=False)
    for ax, name in zip(axes, names, strict=True):
        (line,) = [line for line in ax.lines if len(line.get_xdata()) > 2]
        y = line.get_ydata()
        np.testing.assert_array_equal(y, curves[name].to_numpy()[: len(y)])
        said = [text.get_text() for text in ax.texts if "without pairs" in text.get_text()]
        assert len(said) == (name in paired)
    # the largest curves come first, as the effects are not known
    first = iq.pl.response_curves(data, n_terms=1, show=False)[0].get_title()
    assert first == str(np.ptp(curves[names], axis=0).idxmax())
