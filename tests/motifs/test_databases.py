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


def test_older_versions_of_jaspar_matrices():
    newest = iq.motifs.jaspar(collection=("CORE", "UNVALIDATED"))
    every = iq.motifs.jaspar(collection=("CORE", "UNVALIDATED"), all_versions=True)
    assert len(newest) == 1656
    assert len(every) == 2907
    assert set(newest.names) < set(every.names)
    gata1 = every.metadata["matrix_id"].str.startswith("MA0035.")
    assert every.metadata["matrix_id"][gata1].tolist() == [f"MA0035.{version}" for version in range(1, 6)]
    # no counts at its last position
    assert every.matrix("ELK1::HOXA3_UN0498.1")[-1].tolist() == [0.25] * 4


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


def test_hocomoco_is_read_from_an_installed_package(tmp_path, monkeypatch):
    folder = tmp_path / "fp_tools" / "resources" / "motifs"
    folder.mkdir(parents=True)
    (tmp_path / "fp_tools" / "__init__.py").write_text("raise RuntimeError('must not be imported')")
    text = ">GATA1.H14INVIVO.0.P.B\n10 0\n0 0\n0 0\n0 30\n>ZNF1.H14INVIVO.1.PSM.A\n1 0\n1 0\n1 1\n1 0\n"
    (folder / "H14INVIVO_jaspar_format.txt").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    motifs = iq.motifs.hocomoco("INVIVO")
    assert motifs.names.tolist() == ["GATA1.H14INVIVO.0.P.B", "ZNF1.H14INVIVO.1.PSM.A"]
    assert motifs.consensus() == ["AT", "NG"]
    table = motifs.metadata
    assert table["tf"].tolist() == table["symbol"].tolist() == ["GATA1", "ZNF1"]
    assert "GATA" in table["family"].iloc[0]
    assert set(table["source"] + " " + table["release"]) == {"HOCOMOCO v14"}
    with pytest.raises(ImportError, match=r"installed fp-tools-bio has no file resources/motifs/H14CORE.*--upgrade"):
        iq.motifs.hocomoco()
    with pytest.raises(ValueError, match=r"collection must be one of CORE, .*got 'invivo'. Did you mean 'INVIVO'"):
        iq.motifs.hocomoco("invivo")


@pytest.mark.parametrize(("read", "package"), [("pyprego", "pyprego"), ("hocomoco", "fp-tools-bio")])
def test_packages_missing_are_explained(monkeypatch, read, package):
    monkeypatch.setattr("iceqream.motifs.databases.find_spec", lambda _: None)
    with pytest.raises(
        ImportError, match=f"{package} is not installed. Run `pip install --upgrade --no-deps {package}"
    ):
        getattr(iq.motifs, read)()
