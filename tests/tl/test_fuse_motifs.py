import numpy as np
import pytest

import iceqream as iq


def test_merging_and_renaming(fitted, library):
    names = iq.get.model(fitted).motif_names
    iq.tl.merge_motifs(fitted, {"both": names[:2]}, key_added="merged")
    merged = iq.get.model(fitted, "merged")
    assert merged.motif_names.tolist() == [*names[2:], "both"]
    others = [merged.pbms[n].energy_high == iq.get.model(fitted).pbms[n].energy_high for n in names[2:]]
    assert all(others)
    iq.tl.rename_motifs(fitted, {"both": "couple"}, key="merged")
    assert iq.get.model(fitted, "merged").motif_names[-1] == "couple"
    assert iq.get.motifs_df(fitted, "merged").loc["couple"].notna()["effect"]
    iq.tl.rename_motifs(fitted, library, key="merged")
    assert iq.get.model(fitted, "merged").pbms.motifs.metadata["match"].isin(library.names).all()
    np.testing.assert_allclose(fitted.varm["merged"]["pred"], iq.get.model(fitted, "merged").predict(fitted), atol=1e-6)


def test_consolidation_by_partial_responses(fitted, library):
    n = len(iq.get.model(fitted).pbms)
    iq.tl.consolidate(fitted, n - 2, motifs=library, key_added="split")
    iq.tl.consolidate(fitted, n - 2, min_correlation=-1.0, motifs=library, key_added="fused")
    assert len(iq.get.model(fitted, "fused").pbms) == n - 2
    # nothing here correlates by 0.6: every cluster is split again
    assert len(iq.get.model(fitted, "split").pbms) == n
    assert iq.get.model(fitted, "split").stats["r2_train"] == pytest.approx(
        iq.get.model(fitted).stats["r2_train"], abs=0.01
    )
