import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest

import iceqream as iq


@pytest.mark.parametrize("format_", ["h5ad", "zarr", "h5mu"])
def test_comparisons_and_ensembles_survive_files(compared_models, tmp_path, format_):
    iq.tl.ensemble(compared_models, compared_models.varm["model_comparison"][["boosting", "gam"]])
    readers = (iq.get.model_comparison_df, iq.get.ensemble_df, iq.get.error_classes_df)
    want = [read(compared_models) for read in readers]
    path = tmp_path / f"data.{format_}"
    if format_ == "h5mu":
        md.MuData({"atac": compared_models}).write(path)
        again = md.read(path)
    else:
        getattr(compared_models, f"write_{format_}")(path)
        again = getattr(ad, f"read_{format_}")(path)
    for read, table in zip(readers, want, strict=True):
        pd.testing.assert_frame_equal(read(again), table)
    peaks = again["atac"] if format_ == "h5mu" else again
    assert peaks.var["ensemble_gam"].astype(str).tolist() == compared_models.var["ensemble_gam"].astype(str).tolist()


def test_means_are_taken_over_folds(compared_models):
    stored = dict(compared_models.uns["model_comparison"])
    n = len(stored["models"])
    stored["r2"] = np.column_stack([np.full(n, 0.2), np.full(n, 0.4)])
    compared_models.uns["model_comparison"] = stored
    assert iq.get.model_comparison_df(compared_models)["r2"].tolist() == pytest.approx([0.3] * n)


def test_what_is_not_there_is_asked_for(compared_models):
    with pytest.raises(KeyError, match=r"run iq.tl.compare_models first.* in: model_comparison"):
        iq.get.model_comparison_df(compared_models, "other")
    with pytest.raises(KeyError, match=r"run iq.tl.ensemble first.* in: none"):
        iq.get.error_classes_df(compared_models)
