"""Scales and orders of heatmaps."""

import numpy as np
import pandas as pd

from iceqream.pl import _heatmaps as heat


def test_scale_leaves_out_the_largest_and_is_never_empty():
    values = np.concatenate([np.linspace(-1, 1, 1000), [50.0]])
    assert heat.limit(values) < 1.01
    assert heat.limit(np.zeros(5)) == 1.0


def test_order_along_columns():
    matrix = np.eye(5)[[3, 0, 4, 1, 2]]
    assert heat.along(matrix).tolist() == [1, 3, 4, 0, 2]


def test_colours_of_numbers_and_of_many_categories():
    colors, legend, _ = heat._colors(pd.Series([0.0, 5.0, 10.0]), ())
    assert list(legend) == ["0", "5", "10"]
    assert np.allclose(colors[2], legend["10"])
    names = [f"t{i:02d}" for i in range(15)]
    _, legend, codes = heat._colors(pd.Series(names), ())
    assert len({tuple(np.atleast_1d(color)) for color in legend.values()}) == 15
    assert codes.tolist() == list(range(15))
    _, legend, _ = heat._colors(pd.Series(["a", "b", None]), ["#010203", "#040506"])
    assert legend == {"a": "#010203", "b": "#040506"}
