import sys

import pandas as pd
import pytest

import iceqream as iq


def test_jaspar_2026_vertebrates():
    motifs = iq.motifs.jaspar()
    assert len(motifs) == 1019
    gata1 = motifs["GATA1_MA0035.5"].metadata.iloc[0]
    assert gata1["tf"] == "GATA1"
    assert gata1["release"] == "JASPAR2026"
    assert gata1["taxon"] == "vertebrates"
    assert "GATA" in gata1["family"]


def test_releases_taxa_and_collections():
    small = iq.motifs.jaspar(2024, taxon="urochordates")
    assert set(small.metadata["taxon"]) == {"urochordates"}
    assert set(small.metadata["release"]) == {"JASPAR2024"}
    both = iq.motifs.jaspar("JASPAR2024", taxon=["urochordates", "nematodes"], collection=["CORE", "UNVALIDATED"])
    assert set(both.metadata["taxon"]) <= {"urochordates", "nematodes"}
    assert len(both) > len(small)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((1999,), {}, "no release 'JASPAR1999'.*JASPAR2026"),
        ((), {"taxon": "martians"}, "no motif of taxon"),
        ((), {"collection": "ALL"}, "collection must be"),
    ],
)
def test_unknown_choices_are_named(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        iq.motifs.jaspar(*arguments, **options)


@pytest.fixture
def pyprego_folder(tmp_path, monkeypatch):
    """A package folder like that of an installed pyprego."""
    data = tmp_path / "pyprego" / "data"
    data.mkdir(parents=True)
    (tmp_path / "pyprego" / "__init__.py").write_text("raise RuntimeError('must not be imported')")
    columns = {"A": 1.0, "C": 0.0, "G": 0.0, "T": 0.0}
    table = pd.DataFrame(
        [
            {"motif": "HOMER.GATA", "pos": 0, **columns, "dataset": "HOMER", "motif_orig": "GATA"},
            {"motif": "JASPAR.SPI1", "pos": 0, **columns, "dataset": "JASPAR", "motif_orig": "SPI1"},
        ]
    )
    table.to_csv(data / "all_motif_datasets.csv.gz", index=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pyprego", raising=False)


@pytest.mark.usefixtures("pyprego_folder")
def test_pyprego_tables_are_read_without_importing_it():
    assert iq.motifs.pyprego().names.tolist() == ["HOMER.GATA", "JASPAR.SPI1"]
    assert iq.motifs.pyprego("HOMER").metadata["tf"].tolist() == ["GATA"]
    with pytest.raises(ValueError, match="no dataset 'CISBP'; it has HOMER, JASPAR"):
        iq.motifs.pyprego("CISBP")


def test_pyprego_missing_is_explained(monkeypatch):
    monkeypatch.setattr("iceqream.motifs.databases.find_spec", lambda _: None)
    with pytest.raises(ImportError, match="pip install pyprego"):
        iq.motifs.pyprego()
