"""Groups of rows, from wherever a user keeps them."""

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest

from iceqream._groups import group_labels


@pytest.fixture
def mdata():
    names = [f"c{i}" for i in range(40)]
    atac, rna = (ad.AnnData(np.ones((40, 2), dtype="f4"), obs=pd.DataFrame(index=names)) for _ in range(2))
    atac.obs["type"] = np.repeat(["a", "b"], 20)
    atac.obs["depth"] = np.linspace(3, 4, 40)
    atac.obs["cluster"] = [1.0, 2.0] * 19 + [np.nan, np.nan]
    rna = rna[:30].copy()
    rna.var_names = ["g0", "g1"]
    rna.obs["celltype"] = pd.Categorical(["x"] * 30)
    mdata = md.MuData({"atac": atac, "rna": rna})
    mdata.obs["sample"] = ["s1", "s2"] * 20
    return mdata


def test_columns_are_found_and_joined(mdata, caplog):
    assert group_labels(mdata, "type").tolist() == ["a"] * 20 + ["b"] * 20
    assert group_labels(mdata, ["type", "sample"]).tolist()[:3] == ["a|s1", "a|s2", "a|s1"]
    assert group_labels(mdata, "atac:type").nunique() == 2
    assert not caplog.text
    for name in ("rna:celltype", "celltype"):
        assert group_labels(mdata, name).isna().sum() == 10
    assert "10 of 40 rows have no group in celltype and are left out" in caplog.text
    assert set(group_labels(mdata["atac"], "cluster").dropna()) == {"1", "2"}
    assert group_labels(mdata, np.repeat(["u", "Outliers"], 20)).isna().sum() == 20
    caplog.clear()
    group_labels(mdata, pd.Series(mdata.obs_names, index=mdata.obs_names, name="barcode"))
    assert "barcode makes 40 groups of 40 rows" in caplog.text


@pytest.mark.parametrize(
    ("groupby", "error", "match"),
    [
        ("depth", ValueError, "'depth' holds measurements \\(40 different numbers, such as 3, 3.02564"),
        ("nope", KeyError, "'nope' is not a column of obs \\(atac: type, depth, cluster; the MuData: sample\\)"),
        ([], ValueError, "groupby is empty"),
        (np.array(["a"]), ValueError, "1 labels for 40 rows"),
        (3, TypeError, "groupby is a column of obs, several, or one label per row, not 3"),
        (["a", "b"] * 20, KeyError, "For one label per row pass an array or a Series, not a list"),
        (pd.Series({"q": "a"}), ValueError, "No row has a group"),
    ],
)
def test_what_is_no_group_is_named(mdata, groupby, error, match):
    with pytest.raises(error, match=match):
        group_labels(mdata, groupby)


def test_infinite_numbers_are_measurements(mdata):
    atac = mdata["atac"]
    atac.obs["infinite"] = [np.inf] + [1.0] * 39
    with pytest.raises(ValueError, match=r"'infinite' holds measurements \(2 different numbers, such as inf, 1, 1\)"):
        group_labels(atac, "infinite")


def test_own_columns_of_a_mudata_need_it(mdata):
    with pytest.raises(KeyError, match="whose own obs has the column, pass the MuData"):
        group_labels(mdata["atac"], "sample")


def test_a_name_that_is_nearly_right_is_offered(mdata):
    with pytest.raises(KeyError, match=r"atac: type.* Did you mean 'type'\?"):
        group_labels(mdata, "Type")
    with pytest.raises(KeyError, match=r"Did you mean 'celltype'\?"):
        group_labels(mdata, "CellType")
    with pytest.raises(KeyError, match=r"Did you mean 'type'\?") as error:
        group_labels(mdata["atac"], "TYPE")
    assert "MuData" not in str(error.value)
