import gzip

import numpy as np
import pandas as pd
import pytest

import iceqream as iq
from iceqream._core.sequence import decode
from iceqream.genome import read_fasta


@pytest.fixture
def fasta(tmp_path):
    path = tmp_path / "toy.fa"
    path.write_text(">chr1 first\nACGTACGTAC\nGTnnRYAC\n>chr2\nGGGGG\n")
    return path


def test_sequences_are_zero_based_and_half_open(fasta):
    genome = iq.Genome(fasta)
    assert genome.chromosomes == {"chr1": 18, "chr2": 5}
    assert decode(genome.sequences(["chr1", "chr2", "chr1"], [0, 1, 10], [4, 5, 14])) == ["ACGT", "GGGG", "GTNN"]


def test_bases_past_the_ends_become_unknown(fasta):
    genome = iq.Genome(fasta)
    assert decode(genome.sequences(["chr2", "chr2", "chr2"], [-2, 3, 9], [2, 7, 13])) == ["NNGG", "GGNN", "NNNN"]


def test_many_peaks_are_read_as_few_are(tmp_path, rng):
    text = "".join(rng.choice(list("ACGT"), 2000))
    path = tmp_path / "one.fa"
    path.write_text(">c\n" + "\n".join(text[i : i + 60] for i in range(0, 2000, 60)) + "\n")
    genome = iq.Genome(path)
    start = rng.integers(-10, 1990, 200)
    many = genome.sequences(["c"] * 200, start, start + 30)
    few = np.vstack([genome.sequences(["c"], [s], [s + 30]) for s in start])
    assert (many == few).all()
    inside = np.flatnonzero((start >= 0) & (start <= 1970))[0]
    assert decode(many[[inside]]) == [text[start[inside] : start[inside] + 30]]


@pytest.mark.parametrize(
    ("chrom", "start", "end", "message"),
    [
        (
            ["chr1", "chrX", "chrY"],
            [0, 0, 0],
            [5, 5, 5],
            r"2 of 3 peaks lie on 2 chromosome.*chrX, chrY.*right assembly",
        ),
        (["1", "2", "chr1"], [0, 0, 0], [5, 5, 5], "add the prefix"),
        (["chr1", "chr2"], [0, 3], [5, 6], r"1 of 2 peaks.*chr2:3-6 \(chromosome has 5 bp\).*right assembly"),
        (["chr1"], [-1], [5], "chr1:-1-5"),
        (["chr1"], [5], [5], "chr1:5-5"),
    ],
)
def test_one_check_names_what_is_wrong(fasta, chrom, start, end, message):
    with pytest.raises(ValueError, match=message):
        iq.Genome(fasta).check(chrom, np.array(start), np.array(end))


def test_missing_prefix_in_the_genome_is_named(tmp_path):
    path = tmp_path / "ensembl.fa"
    path.write_text(">1\nACGT\n")
    with pytest.raises(ValueError, match="remove the prefix"):
        iq.Genome(path).check(["chr1"], np.array([0]), np.array([1]))


def test_files_that_are_not_genomes(tmp_path):
    with pytest.raises(FileNotFoundError, match="no genome file"):
        iq.Genome(tmp_path / "none.fa")
    path = tmp_path / "plain.fa.gz"
    with gzip.open(path, "wt") as file:
        file.write(">chr1\nACGT\n")
    with pytest.raises(ValueError, match="not bgzipped"):
        iq.Genome(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ACGT\n>a\nACGT\n", "line 1: text before the first '>' line"),
        (">a\nACGT\n>a\nACGT\n", "line 3: the name 'a' repeats"),
        (">a\nACGT\nAC!T\n", "line 3: '!' is no nucleotide"),
        (">a\n>b\nACGT\n", "line 2: 'a' has no sequence"),
        (">a\nACGT\n>b\n", "no sequence of 'b', its last name"),
        ("\n", "has no sequence."),
    ],
)
def test_damaged_fasta_files_are_named_with_the_line(tmp_path, text, message):
    path = tmp_path / "given.fa"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"given.fa.*{message}"):
        read_fasta(path)


def test_sequences_of_a_fasta_by_name(tmp_path):
    path = tmp_path / "given.fa"
    path.write_text(">a first\r\nACG\r\nTN\r\n\r\n>b\r\nuuu\r\n")
    assert read_fasta(path) == {"a": "ACGTN", "b": "uuu"}


def test_bgzipped_genome_on_real_data(shared):
    genome = iq.Genome(shared / "data" / "genome" / "hg38.chr22.fa.gz", name="hg38")
    peaks = pd.read_csv(shared / "data" / "heme16" / "peaks.tsv.gz", sep="\t")
    peaks = peaks[peaks["chrom"] == "chr22"].head(120)
    codes = genome.sequences(peaks["chrom"], peaks["start"], peaks["end"])
    with gzip.open(shared / "data" / "heme16" / "sequences_500bp.fa.gz", "rt") as file:
        fasta = file.read().split(">")[1:]
    want = {name: "".join(rest) for name, *rest in (record.split("\n") for record in fasta)}
    assert decode(codes) == [want[name].upper() for name in peaks["peak_name"]]


GTF = """#!genome
chr1\tx\tgene\t101\t300\t.\t+\t.\tgene_id "E1"; gene_name "GATA1";
chr1\tx\ttranscript\t101\t300\t.\t+\t.\tgene_id "E1"; transcript_id "T1"; gene_name "GATA1";
chr1\tx\texon\t101\t150\t.\t+\t.\tgene_id "E1"; gene_name "GATA1";
chr1\tx\ttranscript\t201\t400\t.\t-\t.\tgene_id "E2";
"""


def test_gtf_start_sites_follow_the_strand(tmp_path):
    path = tmp_path / "genes.gtf.gz"
    with gzip.open(path, "wt") as file:
        file.write(GTF)
    genes = iq.Genes.read(path)
    assert genes.tss.to_dict("list") == {
        "chrom": ["chr1", "chr1"],
        "position": [100, 399],
        "strand": [1, -1],
        "gene": ["GATA1", "E2"],
    }
    assert genes.exons[["start", "end"]].to_numpy().tolist() == [[100, 150]]


def test_bed12_blocks_are_exons(tmp_path):
    path = tmp_path / "genes.bed"
    path.write_text("chr1\t100\t300\tGATA1\t0\t-\t100\t300\t0\t2\t20,50,\t0,150,\n")
    genes = iq.Genes.read(path)
    assert genes.tss[["position", "strand"]].to_numpy().tolist() == [[299, -1]]
    assert genes.exons[["start", "end"]].to_numpy().tolist() == [[100, 120], [250, 300]]


@pytest.mark.parametrize(
    ("name", "text", "error", "message"),
    [
        ("genes.bed", "chr1\t1\t2\n", ValueError, "line 1: genes need six"),
        ("genes.txt", "x", ValueError, "neither a GTF nor a BED"),
        (
            "genes.gtf",
            GTF + "chr1\tx\tgene\t5\n",
            ValueError,
            "genes.gtf, line 6: a GTF line has nine columns, this has 4",
        ),
        ("genes.gtf", GTF.replace("301", "x301").replace("\t300", "\t-3"), ValueError, "line 2: start and end must be"),
        ("genes.bed", "chr1\t100\t300\tG\t0\t-\t0\t0\t0\t2\t20,50\t0\n", ValueError, "line 1 is no gene"),
        ("genes.gtf", 'chr1\tx\tCDS\t1\t2\t.\t+\t.\tgene_id "a";\n', ValueError, "neither transcripts nor genes"),
    ],
)
def test_gene_files_that_cannot_be_read(tmp_path, name, text, error, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(error, match=message):
        iq.Genes.read(tmp_path / name)


def test_gene_tables_are_checked():
    with pytest.raises(ValueError, match="lacks end, strand"):
        iq.Genes.read(pd.DataFrame({"chrom": ["a"], "start": [1]}))
    with pytest.raises(ValueError, match=r"\+ or -, found \?"):
        iq.Genes.read(pd.DataFrame({"chrom": ["a"], "start": [1], "end": [2], "strand": ["?"]}))


def write_two_bit(path, sequences):
    """The smallest 2bit file: version 0, no masks; N stretches as blocks."""
    import struct

    index_size = sum(1 + len(name) + 4 for name in sequences)
    records, offset = [], 16 + index_size
    index = b""
    for name, text in sequences.items():
        index += struct.pack("<B", len(name)) + name.encode() + struct.pack("<I", offset)
        unknown = [i for i, c in enumerate(text) if c == "N"]
        values = ["TCAG".index(c) if c != "N" else 0 for c in text] + [0] * (-len(text) % 4)
        packed = bytes(
            values[i] << 6 | values[i + 1] << 4 | values[i + 2] << 2 | values[i + 3] for i in range(0, len(values), 4)
        )
        blocks = struct.pack(f"<I{len(unknown)}I{len(unknown)}I", len(unknown), *unknown, *[1] * len(unknown))
        record = struct.pack("<I", len(text)) + blocks + struct.pack("<II", 0, 0) + packed
        records.append(record)
        offset += len(record)
    path.write_bytes(struct.pack("<IIII", 0x1A412743, 0, len(sequences), 0) + index + b"".join(records))


def test_damaged_two_bit_files_do_not_end_the_process(tmp_path, rng):
    pytest.importorskip("py2bit")
    path = tmp_path / "genome.2bit"
    write_two_bit(path, {"chr1": "ACGT" * 20, "chr2": "ACGTNNNN"})
    whole = path.read_bytes()
    for damaged in (whole[:30], b"x" + whole[1:], whole[:8] + b"\xff\xff\xff\x7f" + whole[12:], whole[:-10]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"genome\.2bit cannot be read as a 2bit file"):
            iq.Genome(path)


def test_two_bit_files_read_like_fasta(tmp_path):
    pytest.importorskip("py2bit")
    path = tmp_path / "toy.2bit"
    write_two_bit(path, {"chr1": "ACGTACGTACGTN", "chr2": "GGGTTC"})
    genome = iq.Genome(path)
    assert genome.chromosomes == {"chr1": 13, "chr2": 6}
    assert decode(genome.sequences(["chr1", "chr2", "chr1"], [8, 1, -1], [13, 6, 4])) == ["ACGTN", "GGTTC", "NACGT"]


def test_long_chromosomes_are_read_in_parts(tmp_path, rng, monkeypatch):
    codes = rng.integers(0, 4, 5000).astype(np.uint8)
    (tmp_path / "toy.fa").write_text(f">chr1\n{decode(codes[None])[0]}\n>chr2\nACGT\n")
    start = rng.integers(-50, 5050, 400)
    start[:120] = rng.integers(900, 1000, 120)
    chrom = np.where(rng.random(400) < 0.9, "chr1", "chr2")
    want = iq.Genome(tmp_path / "toy.fa").sequences(chrom, start, start + 70)
    inside = (chrom == "chr1") & (start >= 0) & (start <= 4930)
    np.testing.assert_array_equal(want[inside], np.stack([codes[s : s + 70] for s in start[inside]]))
    read = []
    monkeypatch.setattr("iceqream.genome._PART", 500)
    genome = iq.Genome(tmp_path / "toy.fa")
    fetch = genome._fetch
    monkeypatch.setattr(genome, "_fetch", lambda c, a, b: (read.append(b - a), fetch(c, a, b))[1])
    np.testing.assert_array_equal(genome.sequences(chrom, start, start + 70), want)
    assert max(read) <= 500
    assert len(read) < 300  # the crowded part at once
