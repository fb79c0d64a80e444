import gzip
import io
import logging

import numpy as np
import pytest
from Bio import motifs as biopython
from Bio.motifs import jaspar, transfac

import iceqream as iq
from iceqream.motifs import MotifSet


@pytest.fixture
def motifs(rng):
    return MotifSet.from_dict({f"m{i}": rng.dirichlet([0.5] * 4, length) for i, length in enumerate((4, 7, 12))})


@pytest.mark.parametrize("format_", ["meme", "jaspar", "homer", "transfac", "table"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_every_format_is_written_recognised_and_read_back(motifs, tmp_path, format_, suffix):
    path = tmp_path / f"motifs.txt{suffix}"
    iq.motifs.write(motifs, path, format=format_)
    again = iq.motifs.read(path)
    assert again.names.tolist() == motifs.names.tolist()
    np.testing.assert_allclose(again.pssm, motifs.pssm, atol=2e-6)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_biopython_reads_what_we_write(motifs, tmp_path):
    for format_, name in (("meme", "minimal"), ("jaspar", "jaspar"), ("transfac", "transfac")):
        path = tmp_path / format_
        iq.motifs.write(motifs, path, format=format_)
        with path.open() as file:
            records = list(biopython.parse(file, name))
        for record, motif in zip(records, motifs, strict=True):
            counts = np.array([record.counts[letter] for letter in "ACGT"]).T
            # Biopython rounds MEME's probabilities to counts of 20 sites
            atol = 0.03 if format_ == "meme" else 1e-5
            np.testing.assert_allclose(counts / counts.sum(axis=1, keepdims=True), motif.pssm, atol=atol)


def test_we_read_what_biopython_writes(motifs, tmp_path):
    for format_ in ("jaspar", "transfac"):
        path = tmp_path / format_
        module = {"jaspar": jaspar, "transfac": transfac}[format_]
        records = []
        for i, m in enumerate(motifs):
            counts = {letter: list(np.round(m.pssm[:, j] * 100)) for j, letter in enumerate("ACGT")}
            if format_ == "jaspar":
                records.append(module.Motif(f"MA{i}", f"m{i}", counts=counts))
            else:
                records.append(module.Motif(counts=counts))
                records[-1]["ID"] = f"MA{i}"
        path.write_text(biopython.write(records, format_))
        again = iq.motifs.read(path)
        assert again.names.tolist() == ["MA0", "MA1", "MA2"]
        np.testing.assert_allclose(again.pssm, motifs.pssm, atol=0.02)


MEME = """MEME version 5.5.0

ALPHABET= ACGT

strands: + -

Background letter frequencies
A 0.25 C 0.25 G 0.25 T 0.25

MOTIF MA0035.4 GATA1

letter-probability matrix: alength= 4 w= 2 nsites= 20 E= 0
  0.100000  0.200000  0.300000  0.400000
  1.0 0 0 0
URL http://example.org

MOTIF MA0035.4
letter-probability matrix: alength= 4
0 0 0 1
"""


def test_meme_with_headers_alternative_names_and_repeated_names(tmp_path, caplog):
    path = tmp_path / "x.meme"
    path.write_text(MEME)
    with caplog.at_level(logging.WARNING):
        motifs = iq.motifs.read(path)
    assert motifs.names.tolist() == ["MA0035.4", "MA0035.4.2"]
    assert motifs.metadata["tf"].tolist() == ["GATA1", "MA0035.4"]
    assert motifs.lengths.tolist() == [2, 1]
    assert "1 motif name(s)" in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        ">MA1.1\tGATA1\nA [ 0 9 0 9 ]\nC [ 0 0 0 0 ]\nG [ 9 0 0 0 ]\nT [ 0 0 9 0 ]\n",
        ">MA1.1 GATA1\n0 9 0 9\n0 0 0 0\n9 0 0 0\n0 0 9 0\n",
        ">GATA\tMA1.1\t6.1\n0\t0\t1\t0\n1\t0\t0\t0\n0\t0\t0\t1\n1\t0\t0\t0\n",
        "ID MA1.1\nXX\nPO A C G T\n01 0 0 9 0 G\n02 9 0 0 0 A\n03 0 0 9 0 G\nXX\n//\n".replace(
            "03 0 0 9 0 G", "03 0 0 0 9 T\n04 9 0 0 0 A"
        ),
        "motif,pos,A,C,G,T\nMA1.1,1,0,0,1,0\nMA1.1,2,1,0,0,0\nMA1.1,3,0,0,0,1\nMA1.1,4,1,0,0,0\n",
    ],
)
def test_variants_of_the_formats_are_recognised(tmp_path, text):
    path = tmp_path / "motifs.txt"
    path.write_text(text)
    motifs = iq.motifs.read(path)
    assert motifs.names.tolist() == ["MA1.1"]
    assert motifs.consensus() == ["GATA"]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "is empty"),
        ("hello\nworld\n", {}, "not recognised"),
        (">x\nA [1 2]\nC [1 2]\nG [1]\nT [1 2]\n", {}, "line 5: the four rows of x differ"),
        (">x\nA [1 2]\nC [1 2]\n", {}, "motif x has 2 of 4 rows"),
        (
            "MEME version 4\nMOTIF x\nletter-probability matrix: w= 2\n1 0 0 0\n1 0 b 0\n",
            {},
            "line 5: expected 4 numbers",
        ),
        ("MEME version 4\nMOTIF x\nletter-probability matrix: w= 3\n1 0 0 0\n", {}, "ends after 1 of 3"),
        ("MEME version 4\n", {"format": "meme"}, "no motif in meme format"),
        ("x", {"format": "pfm"}, "Unknown motif format"),
        (">x\tlong\t1\n" + "0.25\t0.25\t0.25\t0.25\n" * 71, {}, r"long \(71 bp\)"),
    ],
)
def test_unreadable_files_are_named(tmp_path, text, options, message):
    path = tmp_path / "motifs.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        iq.motifs.read(path, **options)


def test_names_with_blanks_need_the_table(tmp_path):
    motifs = MotifSet.from_dict({"a b": [[1, 0, 0, 0]]})
    with pytest.raises(ValueError, match="hold blanks"):
        iq.motifs.write(motifs, tmp_path / "x.meme")
    iq.motifs.write(motifs, tmp_path / "x.tsv", format="table")
    assert iq.motifs.read(tmp_path / "x.tsv").names.tolist() == ["a b"]


def test_a_long_table_keeps_its_metadata(tmp_path):
    table = io.StringIO("motif\tpos\tA\tC\tG\tT\tcluster\nx\t0\t1\t0\t0\t0\t7\n")
    path = tmp_path / "db.tsv.gz"
    path.write_bytes(gzip.compress(table.getvalue().encode()))
    assert iq.motifs.read(path).metadata["cluster"].tolist() == [7]
