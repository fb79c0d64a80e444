"""Blocks of rows, and exact quantiles over them."""

from functools import partial

import numpy as np
import pytest

from iceqream._core import blocks


@pytest.mark.parametrize("gathered", [3, 40, 10**6])
def test_quantiles_over_blocks_are_exact(rng, monkeypatch, gathered):
    monkeypatch.setattr(blocks, "_GATHERED", gathered)
    for values in (rng.gamma(0.3, 1e-4, 500), rng.poisson(0.3, 500).astype(float), np.full(7, 0.1), np.array([2.0])):
        values[:: max(len(values) // 3, 2)] *= -0.0 if values[0] == 0 else 1.0
        parts = partial(np.array_split, values, 4)
        for q in (0.0, 0.1, 0.5, 0.9, 0.999, 1.0):
            assert blocks.quantile_of_blocks(parts, len(values), q) == np.quantile(values, q)


def test_blocks_cover_all_rows_once(monkeypatch):
    monkeypatch.setattr(blocks, "_VALUES", 10)
    for shape in ((7, 3), (7, 100), (0, 5), (5, 0)):
        rows = np.concatenate([np.arange(shape[0])[part] for part in blocks.row_blocks(shape)] or [np.arange(0)])
        np.testing.assert_array_equal(rows, np.arange(shape[0]))
