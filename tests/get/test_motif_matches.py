import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest

import iceqream as iq


def test_five_matches_of_each_motif(fitted, library):
    model = iq.get.model(fitted)
    table = iq.get.motif_matches_df(fitted)
    assert table.index.names == ["motif", "rank"]
    assert table.index.get_level_values("motif").unique().tolist() == model.motif_names.tolist()
    assert (table.groupby(level="motif", sort=False).size() == 5).all()
    assert table["name"].isin(library.names).all()
    for _, group in table.groupby(level="motif"):
        assert group["similarity"].is_monotonic_decreasing
    first = table.xs(1, level="rank")
    by_name = iq.get.motifs_df(fitted).loc[first.index]
    assert by_name["match"].tolist() == first["name"].tolist()
    np.testing.assert_allclose(by_name["similarity"], first["similarity"])
    gata = table.loc["GATA"].iloc[0]
    assert gata.tolist()[:4] == ["GATA1_MA0035.5", "GATA1", "C4-GATA-related", "Other C4 zinc finger-type factors"]
    want = iq.motifs.similarity(model.pbms.motifs[["GATA"]].trim(), library[["GATA1_MA0035.5"]], method="cosine")
    assert gata["similarity"] == pytest.approx(want.iloc[0, 0], abs=1e-12)
    assert iq.get.motif_matches_df(model).equals(table)


@pytest.mark.parametrize("suffix", ["h5ad", "zarr", "h5mu"])
def test_round_trip(fitted, tmp_path, suffix):
    path = tmp_path / f"data.{suffix}"
    data = md.MuData({"atac": fitted}) if suffix == "h5mu" else fitted
    data.write_zarr(path) if suffix == "zarr" else data.write(path)
    again = {"h5ad": ad.read_h5ad, "zarr": ad.read_zarr, "h5mu": md.read}[suffix](path)
    pd.testing.assert_frame_equal(
        iq.get.motif_matches_df(again), iq.get.motif_matches_df(fitted), check_dtype=False, check_index_type=False,
        check_column_type=False, rtol=1e-15,
    )  # fmt: skip


def test_models_without_matches_are_read_and_named_anew(fitted, library):
    names = iq.get.model(fitted).motif_names.tolist()
    stored = fitted.uns["iq"]
    # what models held before: the best match alone
    fitted.uns["iq"] = {**stored, "motif_table": stored["motif_table"][["match", "similarity"]]}
    assert len(iq.get.motif_matches_df(fitted)) == 0
    table = iq.get.motifs_df(fitted)
    assert set(table["match"]) <= set(library.names)
    assert set(table["symbol"]) == set(table["family"]) == {""}
    with pytest.raises(ValueError, match="give a library"):
        iq.tl.rename_motifs(fitted)
    iq.tl.rename_motifs(fitted, library)
    assert iq.get.model(fitted).motif_names.tolist() == names
    assert len(iq.get.motif_matches_df(fitted)) == 5 * len(names)
