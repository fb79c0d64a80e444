"""Motifs of several models in one table."""

from dataclasses import replace

import numpy as np
import pytest

import iceqream as iq


@pytest.fixture
def renamed(manifold):
    """The first trajectory without one motif, with its names moved around by one, and both as they are."""
    whole = iq.get.model(manifold, "iq_manifold")
    names = whole.motif_names
    iq.tl.remove_motifs(manifold, names[0], key="iq_manifold", trajectory="early", key_added="fewer")
    few = iq.get.model(manifold, "fewer")
    other = replace(few, pbms=replace(few.pbms, motifs=few.pbms.motifs.rename(np.roll(few.motif_names, 1))))
    return manifold, whole, few, other


def test_motifs_are_matched_by_what_they_are_not_by_name(renamed):
    adata, whole, few, other = renamed
    table = iq.get.motifs_df(adata, keys={"late": whole["to S4/late"], "other": other})
    assert len(table) == len(whole.motif_names)
    # the names in the other model are those of their neighbours
    was = dict(zip(other.motif_names, few.motif_names, strict=True))
    both = table[table["models"] == 2]
    assert len(both) == len(few.motif_names)
    assert [was[name] for name in both["motif"]["other"]] == both["motif"]["late"].tolist()
    # energies of identical PBMs: 1 up to rounding (1e-16 seen)
    np.testing.assert_allclose(both["energy_correlation"], 1.0, atol=1e-12)
    np.testing.assert_allclose(both["pssm_similarity"], 1.0, atol=1e-6)
    alone = table[table["models"] == 1]
    assert alone["motif"]["late"].tolist() == [whole.motif_names[0]]
    assert alone["effect"]["other"].isna().all()
    want = iq.get.motifs_df(other)
    for quantity in ("effect", "effect_se", "residual_r2"):
        found = both.set_index(both["motif"]["other"])[quantity]["other"]
        np.testing.assert_array_equal(found, want.loc[found.index, quantity])
        assert table[quantity].dtypes.eq(np.float64).all()
    assert table["effect"].abs().max(axis=1).is_monotonic_decreasing


def test_a_manifold_brings_all_its_trajectories(renamed):
    adata, whole, _, _ = renamed
    table = iq.get.motifs_df(adata, keys=["iq_manifold", "fewer"])
    models = ["iq_manifold/early", "iq_manifold/to S4/late", "fewer"]
    assert table["effect"].columns.tolist() == models
    assert sorted(table.index) == sorted(whole.motif_names)
    assert table.columns.names == ["quantity", "model"]
    assert table["models"].sum() == 2 * len(whole.motif_names) + len(whole.motif_names) - 1
    assert iq.get.motifs_df(adata, keys=[whole["early"], "fewer"])["effect"].columns.tolist() == ["S1 -> S3", "fewer"]


def test_keys_that_make_no_table_are_refused(renamed):
    adata, whole, few, _ = renamed
    for keys, error, message in (
        ("fewer", TypeError, "one model use key='fewer'"),
        (["fewer", few.pbms], TypeError, "got a PBMSet"),
        ([], ValueError, "keys is empty"),
        (["fewer", "fewer"], ValueError, "would be called 'fewer'"),
        (["none"], KeyError, "no model in uns"),
    ):
        with pytest.raises(error, match=message):
            iq.get.motifs_df(adata, keys=keys)
    with pytest.raises(ValueError, match="leave key and trajectory out"):
        iq.get.motifs_df(adata, keys=["fewer"], trajectory="early")
    with pytest.raises(TypeError, match="Expected an AnnData"):
        iq.get.motifs_df(whole, keys=["fewer"])
