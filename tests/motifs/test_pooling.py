import logging

import numpy as np
import pandas as pd
import pytest

import iceqream as iq
from iceqream.motifs import MotifSet, pooling

COLUMNS = ["tf", "symbol", "family", "tf_class", "source", "release", "licence"]
GATA = [[0.7, 0.1, 0.1, 0.1], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0], [1, 0, 0, 0], [0.1, 0, 0.9, 0]]
ETS = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0]]
EBOX = [[0, 1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 1, 0]]


@pytest.fixture(autouse=True)
def _forget():
    yield
    pooling._of_databases.cache_clear()


@pytest.fixture
def own():
    return MotifSet.from_dict(
        {"GATA1": GATA, "x": EBOX}, pd.DataFrame({"source": ["lab", np.nan], "cell": ["HSC", "B"]})
    )


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Folders like those of installed fp-tools-bio and pyprego, which must not be imported."""
    for module in ("fp_tools", "pyprego"):
        (tmp_path / module).mkdir()
        (tmp_path / module / "__init__.py").write_text("raise RuntimeError('must not be imported')")
    (tmp_path / "fp_tools/resources/motifs").mkdir(parents=True)
    (tmp_path / "pyprego/data").mkdir()
    rows = "\n".join("\t".join(str(round(1000 * p)) for p in row) for row in np.array(ETS).T)
    (tmp_path / "fp_tools/resources/motifs/H14CORE_jaspar_format.txt").write_text(f">SPI1.H14CORE.0.P.A\n{rows}\n")
    other_strand = np.array(ETS)[::-1, ::-1]
    tables = [
        pd.DataFrame(matrix, columns=list("ACGT")).assign(motif=f"{dataset}.{name}", dataset=dataset).rename_axis("pos")
        for dataset, name, matrix in [
            ("HOMER", "PU_1", other_strand), ("HOMER", "GATA", GATA), ("JOLMA", "MAX_di_DBD_1", EBOX),
            ("HOCOMOCO", "GATA1_HUMAN.H11MO.0.A", GATA),
        ]
    ]  # fmt: skip
    pd.concat(tables).reset_index().to_csv(tmp_path / "pyprego/data/all_motif_datasets.csv.gz", index=False)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("packages")
def test_what_is_installed_is_pooled_in_order(caplog):
    caplog.set_level(logging.INFO, "iceqream")
    few = iq.motifs.jaspar(taxon="urochordates", collection=("CORE", "UNVALIDATED"))
    motifs = iq.motifs.library(taxon=("urochordates", "vertebrates"), max_similarity=None)
    assert motifs.names[-5:].tolist() == [
        "SPI1.H14CORE.0.P.A", "HOMER.PU_1", "HOMER.GATA", "JOLMA.MAX_di_DBD_1", "HOCOMOCO.GATA1_HUMAN.H11MO.0.A",
    ]  # fmt: skip
    assert set(few.names) < set(motifs.names)
    table = motifs.metadata
    assert table.columns[:7].tolist() == COLUMNS
    assert table["licence"].iloc[[0, -5, -4, -1]].tolist() == ["CC BY 4.0", "WTFPL", "GPL-3.0, as HOMER", "WTFPL"]
    assert table["symbol"].iloc[-5:].tolist() == ["SPI1", "SPI1", "GATA3", "MAX", "GATA1"]
    assert not table[COLUMNS].isna().any(axis=None)
    assert "1 motifs of HOCOMOCO v14 (WTFPL), 0 like one before" in caplog.text
    assert iq.motifs.library(taxon=("urochordates", "vertebrates"), max_similarity=None) is motifs
    # without vertebrates, JASPAR alone
    alone = iq.motifs.library(taxon="urochordates", max_similarity=1)
    assert alone.names[: len(few)].tolist() == few.names.tolist()
    assert (alone.metadata["taxon"] == "urochordates").all()


@pytest.mark.usefixtures("packages")
def test_the_first_of_similar_motifs_stays(caplog):
    caplog.set_level(logging.INFO, "iceqream")
    # the other strand of SPI1, and GATA a second time
    assert iq.motifs.library(["hocomoco", "homer", "jolma", "hocomoco11"]).names.tolist() == [
        "SPI1.H14CORE.0.P.A", "HOMER.GATA", "JOLMA.MAX_di_DBD_1",
    ]  # fmt: skip
    assert "2 motifs of HOMER (GPL-3.0, as HOMER), 1 like one before" in caplog.text
    assert "1 motifs of HOCOMOCO v11 (WTFPL), 1 like one before" in caplog.text
    assert "3 motifs; 2 left out, similarity > 0.99" in caplog.text
    assert iq.motifs.library(["homer"]) is iq.motifs.library("homer")
    assert iq.motifs.library(["hocomoco11", "homer"]).names.tolist() == ["HOCOMOCO.GATA1_HUMAN.H11MO.0.A", "HOMER.PU_1"]


def test_what_is_not_installed_is_named(monkeypatch, caplog):
    caplog.set_level(logging.INFO, "iceqream")
    monkeypatch.setattr("iceqream.motifs.databases.find_spec", lambda _: None)
    everything = iq.motifs.library(max_similarity=None)
    assert everything.names[:1019].tolist() == iq.motifs.jaspar().names.tolist()
    assert (everything.metadata["source"] == "JASPAR").all()
    assert "without hocomoco, homer, jolma, hocomoco11 (pip install --no-deps fp-tools-bio pyprego)" in caplog.text
    with pytest.raises(ImportError, match="pip install --upgrade --no-deps fp-tools-bio"):
        iq.motifs.library(["jaspar", "hocomoco"])
    with pytest.raises(ImportError, match="pip install --upgrade --no-deps pyprego"):
        iq.motifs.library("jolma")


def test_own_motifs_join(own, tmp_path, caplog):
    caplog.set_level(logging.INFO, "iceqream")
    path = tmp_path / "own.meme"
    iq.motifs.write(own, path)
    for given in (own, [own], path, str(path), {motif.name: motif.pssm for motif in own}):
        assert iq.motifs.library(given).names.tolist() == ["GATA1", "x"]
    motifs = iq.motifs.library([own, path, "jaspar"], taxon="urochordates", max_similarity=None)
    assert motifs.names[:4].tolist() == ["GATA1", "x", "GATA1.2", "x.2"]
    table = motifs.metadata
    assert table["source"].iloc[:5].tolist() == ["lab", "", "own.meme", "own.meme", "JASPAR"]
    assert table["symbol"].iloc[:2].tolist() == ["GATA1", ""]
    assert table["licence"].iloc[:5].tolist() == ["", "", "", "", "CC BY 4.0"]
    assert table["cell"].iloc[:2].tolist() == ["HSC", "B"]
    assert "2 motifs of lab (licence unknown), no known source (licence unknown), 0 like one before" in caplog.text
    assert "motifs of JASPAR2026 (CC BY 4.0)" in caplog.text
    # an alike motif of what came first is left out; motifs of a fit are taken as they are
    assert iq.motifs.library([own, path]).names.tolist() == ["GATA1", "x"]


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (("Jolma",), {}, ValueError, "no source and no motif file 'Jolma'.*jaspar, hocomoco.*Did you mean 'jolma'"),
        (([],), {}, ValueError, "sources is empty: name some of jaspar"),
        (
            ("jaspar",),
            {"max_similarity": 95},
            ValueError,
            "max_similarity must lie between 0 and 1, or be None, got 95",
        ),
        (([3],), {}, TypeError, "motifs is a int; a library is"),
        ((3,), {}, TypeError, "motifs is a int; a library is"),
        (("jaspar",), {"taxon": "martians"}, ValueError, "no motif of taxon"),
    ],
)
def test_wrong_arguments_are_named(arguments, options, error, message):
    with pytest.raises(error, match=message):
        iq.motifs.library(*arguments, **options)


@pytest.mark.usefixtures("packages")
def test_a_library_is_a_library():
    codes = np.random.default_rng(0).integers(0, 4, (5, 60)).astype(np.uint8)
    motifs = iq.motifs.library(["hocomoco", "jolma"])
    assert iq.motifs.as_motif_set(motifs) is motifs
    assert iq.motifs.energies(codes, motifs).shape == (5, 2)


def test_the_description_names_packages_and_licences():
    for name, source in pooling.SOURCES.items():
        row = next(line for line in iq.motifs.library.__doc__.splitlines() if line.split()[:1] == [name])
        assert source.licence.split(" (")[0].split(",")[0] in row
        assert source.package in row or name == "jaspar"
