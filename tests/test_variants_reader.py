"""Variants out of VCF, BED and tables, every reason to skip one, and genotypes."""

import gzip
import sys

import numpy as np
import pandas as pd
import pytest

from iceqream._variants import read_variants

HEADER = """##fileformat=VCFv4.2
##FILTER=<ID=q10,Description="low">
##INFO=<ID=END,Number=1,Type=Integer,Description="End">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"""
RECORDS = [
    ("1", 10, "rs1", "A", "G", "PASS"),
    ("1", 20, ".", "ac", "A", "q10"),
    ("1", 30, "rs3", "A", "C,T,<DEL>,*", "."),
    ("1", 40, ".", "G", "G[17:198982[", "."),
    ("1", 41, ".", "G", ".", "."),
    ("1", 50, ".", "A", "A" + "C" * 50, "."),
    ("1", 60, ".", "A", "A" + "C" * 51, "."),
    ("1", 70, ".", "A" * 60, "A" * 59 + "C", "."),
    ("1", 80, ".", "CAAG", "CAG", "."),
    ("2", 90, ".", "R", "A", "."),
    ("2", 95, ".", "N", "A", "."),
    ("2", 99, ".", "A", "A", "."),
]
ROWS = [
    "\t".join([chrom, str(pos), name, ref, alt, ".", passed, "."]) for chrom, pos, name, ref, alt, passed in RECORDS
]


@pytest.fixture
def vcf(tmp_path):
    pytest.importorskip("pysam")
    path = tmp_path / "v.vcf"
    path.write_text("\n".join([HEADER, *ROWS]) + "\n")
    return path


def test_vcf_records_are_split_and_skipped_with_the_reason(vcf):
    found = read_variants(vcf)
    table = found.table
    assert found.n_records == len(RECORDS)
    assert table[["record", "id", "pos", "ref", "alt"]].to_numpy().tolist() == [
        [0, "rs1", 10, "A", "G"],
        [1, "1:20:AC>A", 20, "AC", "A"],
        [2, "rs3", 30, "A", "C"],
        [2, "rs3", 30, "A", "T"],
        [5, "1:50:A>A" + "C" * 50, 50, "A", "A" + "C" * 50],
        [7, "1:70:" + "A" * 60 + ">" + "A" * 59 + "C", 70, "A" * 60, "A" * 59 + "C"],
        [8, "1:80:CAAG>CAG", 80, "CAAG", "CAG"],
        [10, "2:95:N>A", 95, "N", "A"],
    ]
    # without what the alleles share: the end first, so that a repeat's deletion is its first copy
    assert table[["start", "removed", "inserted"]].to_numpy().tolist() == [
        [9, "A", "G"], [20, "C", ""], [29, "A", "C"], [29, "A", "T"], [50, "", "C" * 50], [128, "A", "C"],
        [80, "A", ""], [94, "N", "A"],
    ]  # fmt: skip
    skipped = found.skipped
    said = zip(skipped["pos"], skipped["alt"].str[:5], skipped["reason"], strict=True)
    assert list(said) == [
        (30, "<DEL>", "symbolic allele"),
        (30, "*", "symbolic allele"),
        (40, "G[17:", "symbolic allele"),
        (41, ".", "no alternative allele"),
        (90, "A", "letters other than A, C, G, T and N"),
        (99, "A", "alternative allele is the reference allele"),
        (60, "ACCCC", "longer than 50 bp"),
    ]
    passed = read_variants(vcf, only_passed=True)
    assert passed.skipped["reason"].value_counts()["filtered"] == 1
    assert len(passed.table) == len(table) - 1


def test_compressed_vcf_and_bcf_are_read_alike_and_quietly(vcf, capfd):
    import pysam

    want = read_variants(vcf)
    bgzipped, gzipped, bcf = (vcf.with_name(name) for name in ("b.vcf.gz", "g.vcf.gz", "b.bcf"))
    pysam.tabix_compress(str(vcf), str(bgzipped))
    gzipped.write_bytes(gzip.compress(vcf.read_bytes()))
    before = pysam.set_verbosity(3)
    # BCF needs its chromosomes in the header
    header = HEADER.replace("#CHROM", "##contig=<ID=1>\n##contig=<ID=2>\n#CHROM")
    vcf.with_name("c.vcf").write_text("\n".join([header, *ROWS]) + "\n")
    source = pysam.VariantFile(str(vcf.with_name("c.vcf")))
    with source, pysam.VariantFile(str(bcf), "wb", header=source.header) as written:
        for record in source:
            written.write(record)
    capfd.readouterr()
    for path in (bgzipped, gzipped, bcf):
        found = read_variants(path)
        pd.testing.assert_frame_equal(found.table, want.table)
        pd.testing.assert_frame_equal(found.skipped, want.skipped)
    assert capfd.readouterr().err == ""
    assert pysam.set_verbosity(before) == 3


GENOTYPES = [
    ("0|1", "A", "C"), ("1|0", "A", "C"), ("1|1", "A", "C"), ("1/1", "A", "C"), ("0/1", "A", "C"), ("0|0", "A", "C"),
    ("./.", "A", "C"), ("1|2", "A", "C,G"), ("1", "A", "C"), (".|1", "A", "C"),
]  # fmt: skip


def test_haplotypes_of_a_sample(tmp_path):
    pytest.importorskip("pysam")
    rows = [f"1\t{10 * i + 10}\t.\t{ref}\t{alt}\t.\t.\t.\tGT\t0|0\t{genotype}"
            for i, (genotype, ref, alt) in enumerate(GENOTYPES)]  # fmt: skip
    (tmp_path / "s.vcf").write_text("\n".join([f"{HEADER}\tFORMAT\tother\tNA1", *rows]) + "\n")
    found = read_variants(tmp_path / "s.vcf", haplotypes="NA1")
    assert list(zip(found.table["pos"], found.table["alt"], found.table["haplotype"], strict=True)) == [
        (10, "C", "NA1|2"), (20, "C", "NA1|1"), (30, "C", "NA1|1"), (30, "C", "NA1|2"), (40, "C", "NA1|1"),
        (40, "C", "NA1|2"), (80, "C", "NA1|1"), (80, "G", "NA1|2"), (90, "C", "NA1|1"),
    ]  # fmt: skip
    assert list(zip(found.skipped["pos"], found.skipped["reason"], strict=True)) == [
        (50, "heterozygous, not phased"), (60, "not carried"), (70, "no genotype"), (100, "no genotype"),
    ]  # fmt: skip
    with pytest.raises(KeyError, match=r"has no sample 'NA'; its samples are other, NA1.* Did you mean 'NA1'"):
        read_variants(tmp_path / "s.vcf", haplotypes="NA")


def test_overlapping_variants_of_a_haplotype_are_skipped():
    table = pd.DataFrame(
        [
            ("1", 10, "AAAA", "-", "a", "first"), ("1", 12, "A", "C", "a", "inside"), ("1", 12, "A", "C", "b", "other"),
            ("1", 14, "A", "C", "a", "next"), ("1", 14, "-", "C", "a", "before"), ("1", 14, "-", "G", "a", "again"),
            ("2", 12, "A", "C", "a", "elsewhere"),
        ],
        columns=["chrom", "start", "ref", "alt", "of", "id"],
    )  # fmt: skip
    found = read_variants(table, haplotypes="of")
    assert found.skipped["id"].tolist() == ["inside", "again"]
    assert set(found.skipped["reason"]) == {"overlaps another variant of its haplotype"}
    assert len(read_variants(table).table) == 7


def test_bed_files_with_alleles_in_the_name_or_in_columns(tmp_path):
    lines = [
        "track name=x", "chr1\t9\t10\tA>G", "chr1\t9\t10\trs1:A/G\t0\t+", "chr1\t19\t21\trs2\tac\tA",
        "chr1\t30\t30\tins\t-\tACG", "chr1\t40\t41\tdel\tA\t-", "chr1\t50\t52\tshort\tA\tC", "chr1\t60\t61\tA>C,T",
    ]  # fmt: skip
    lines[-1] = "chr1\t60\t61\ttwo\tA\tC,T"
    path = tmp_path / "v.bed.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    found = read_variants(path)
    assert found.table[["id", "pos", "ref", "alt", "start", "removed", "inserted"]].to_numpy().tolist() == [
        ["chr1:10:A>G", 10, "A", "G", 9, "A", "G"],
        ["rs1", 10, "A", "G", 9, "A", "G"],
        ["rs2", 20, "AC", "A", 20, "C", ""],
        ["ins", 31, "-", "ACG", 30, "", "ACG"],
        ["del", 41, "A", "-", 40, "A", ""],
        ["two", 61, "A", "C", 60, "A", "C"],
        ["two", 61, "A", "T", 60, "A", "T"],
    ]
    assert found.skipped[["id", "reason"]].to_numpy().tolist() == [
        ["short", "interval and reference allele differ in length"]
    ]
    for bad in ("chr1\t9\t10", "chr1\t9\t10\trs1", "chr1\t9\t10\tx\t-\t-", "chr1\tx\t10\tA>G", "chr1\t9\t8\tA>G"):
        (tmp_path / "bad.bed").write_text(f"{lines[1]}\n{bad}\n")
        with pytest.raises(ValueError, match=r"bad\.bed, line 2 is no variant"):
            read_variants(tmp_path / "bad.bed")
    with pytest.raises(ValueError, match="a BED file has no haplotypes"):
        read_variants(path, haplotypes="x")


def test_tables():
    table = pd.DataFrame({"chrom": pd.Categorical(["1", "1", "2"]), "pos": [5.0, 6, 7], "ref": ["a", "C", None],
                          "alt": ["T,G", np.nan, "A"], "id": ["x", None, ""]})  # fmt: skip
    found = read_variants(table)
    assert found.table[["id", "start", "ref", "alt"]].to_numpy().tolist() == [["x", 4, "A", "T"], ["x", 4, "A", "G"]]
    assert found.skipped["reason"].tolist() == ["no alternative allele", "no reference allele"]
    moved = table.assign(start=table["pos"] - 1)
    pd.testing.assert_frame_equal(read_variants(moved).table, found.table)
    pd.testing.assert_frame_equal(read_variants(moved.drop(columns="pos")).table, found.table)
    with pytest.raises(ValueError, match="contradict each other"):
        read_variants(table.assign(start=table["pos"]))
    with pytest.raises(ValueError, match=r"lacks pos \(1-based\) or start \(0-based\), alt; its columns are chrom, "):
        read_variants(table[["chrom", "ref", "id"]])
    with pytest.raises(ValueError, match=r"1 of 3 variants have no position: pos is '0\.0'"):
        read_variants(table.assign(pos=[5, 0.0, 3]))
    with pytest.raises(ValueError, match="1 of 3 variants have no position: pos is 'x'"):
        read_variants(table.assign(pos=[5, "x", 3]))
    with pytest.raises(KeyError, match=r"has no column 'Id'.* Did you mean 'id'"):
        read_variants(table, haplotypes="Id")
    with pytest.raises(ValueError, match=r"There is no variant\."):
        read_variants(table.iloc[:0])
    with pytest.raises(TypeError, match="Variants are the path of a VCF, BCF or BED file, or a table; got list"):
        read_variants([("1", 5)])


def test_files_that_are_none(tmp_path, vcf, monkeypatch):
    with pytest.raises(FileNotFoundError, match="no file of variants"):
        read_variants(tmp_path / "none.vcf")
    (tmp_path / "x.txt").write_text("chrom\n")
    with pytest.raises(ValueError, match="read a table with pandas and pass it"):
        read_variants(tmp_path / "x.txt")
    (tmp_path / "bad.vcf").write_text("nothing of the kind\n")
    with pytest.raises(ValueError, match=r"bad\.vcf cannot be read as a VCF"):
        read_variants(tmp_path / "bad.vcf")
    (tmp_path / "line.vcf").write_text(f"{HEADER}\nchr1\tx\n")
    with pytest.raises(ValueError, match=r"line\.vcf"):
        read_variants(tmp_path / "line.vcf")
    (tmp_path / "empty.vcf").write_text(f"{HEADER}\n")
    with pytest.raises(ValueError, match=r"There is no variant in .*empty\.vcf"):
        read_variants(tmp_path / "empty.vcf")
    import pysam

    pysam.tabix_compress(str(vcf), str(tmp_path / "whole.vcf.gz"))
    (tmp_path / "half.vcf.gz").write_bytes((tmp_path / "whole.vcf.gz").read_bytes()[:150])
    with pytest.raises(ValueError, match=r"half\.vcf\.gz cannot be read as a VCF"):
        read_variants(tmp_path / "half.vcf.gz")
    monkeypatch.setitem(sys.modules, "pysam", None)
    with pytest.raises(ImportError) as caught:
        read_variants(vcf)
    assert 'pip install "iceqream[variants]"' in caught.value.__notes__[0]
