"""Constitutive peaks of deep and of shallow data."""

import anndata as ad
import numpy as np
from scipy import sparse

import iceqream as iq


def test_shallow_rows_are_pictured_by_group(simulated, rng):
    share = simulated.X / simulated.X.sum(axis=1, keepdims=True)
    counts = rng.poisson(800.0 * np.repeat(np.asarray(share), 30, axis=0)).astype("f4")
    cells = ad.AnnData(sparse.csr_matrix(counts), var=simulated.var.copy())
    cells.obs["type"] = np.repeat(simulated.obs_names, 30)
    iq.pp.access_probability(cells, groupby="type")
    left, right = iq.pl.constitutive(cells, groupby="type", title="Cells", figsize=(8, 3), show=False)
    sums = np.array([counts[k * 30 : (k + 1) * 30].sum(axis=0) for k in range(4)])
    factor = simulated.var["regional_counts"] / np.quantile(simulated.var["regional_counts"], 0.1)
    norm = sums / np.maximum(factor.to_numpy(), 1)
    without = int(((norm / norm.sum(axis=1, keepdims=True)).min(axis=0) == 0).sum())
    assert f"in the lowest group\n{without:,} peaks without reads" in left.get_xlabel()
    assert left.figure.get_suptitle() == "Cells"
    assert tuple(left.figure.get_size_inches()) == (8, 3)
    assert right.get_title() == "Surroundings"
    left, _ = iq.pl.constitutive(cells, show=False)
    assert "in all rows together" in left.get_xlabel()
