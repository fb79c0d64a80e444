"""What PREGO fitted."""

import numpy as np
import pytest

import iceqream as iq


def test_motif_regression_shows_what_was_fitted(simulated):
    result = iq.motifs.regress(simulated.varm["sequence"], simulated.varm["occupancy"][:, 0], kmer_width=200)
    logo, spatial, scatter, path = iq.pl.motif_regression(result, show=False)
    assert result.seeds[0] in logo.get_title()
    edges = spatial.patches[0].get_data()
    np.testing.assert_allclose(edges.values, result.pbm.spatial, atol=1e-12)
    np.testing.assert_allclose(edges.edges[[0, -1]], [-220, 220])
    points = scatter.collections[0].get_offsets()
    np.testing.assert_allclose(np.sort(points[:, 0]), np.sort(result.energies[:, 0]), atol=1e-6)
    assert f"{result.r2[0, 0]:.3f}" in scatter.get_title()
    np.testing.assert_array_equal(path.lines[0].get_ydata(), result.history["score"])
    with pytest.raises(ValueError, match="There are 1 motifs and 1 targets"):
        iq.pl.motif_regression(result, motif=1, show=False)
