"""Loci by peak, coordinates and gene."""

import numpy as np
import pandas as pd
import pytest

import iceqream as iq
from iceqream.get._loci import find_locus, parse_coordinates


def test_coordinates_are_read_as_people_write_them():
    assert parse_coordinates("chr1:1,000-2,000") == ("chr1", 1000, 2000)
    assert parse_coordinates("chr1:1000") == ("chr1", 1000, 1001)
    assert parse_coordinates("GATA1") is None
    assert parse_coordinates("HLA-A") is None
    assert parse_coordinates("chr1:a-b") is None


@pytest.fixture
def genes(simulated):
    row = simulated.var.iloc[7]
    return pd.DataFrame({"chrom": [row["chrom"]] * 2 + ["chrN"], "start": [int(row["start"]) - 30, 10**9, 500],
                         "end": [int(row["start"]), 10**9 + 5, 700], "strand": ["-", "+", "+"],
                         "gene": ["NEAR", "FAR", "ALONE"]})  # fmt: skip


def test_genes_lead_to_the_nearest_peak(simulated, genes, caplog, tmp_path):
    name = simulated.var_names[7]
    with caplog.at_level("INFO", logger="iceqream"):
        found = find_locus(simulated, "near", 500, genes=genes)  # in any case
    assert (found.row, found.name, found.gene) == (7, name, "NEAR, 1 bp from its start site")
    assert f"NEAR: the peak nearest to its start site is {name}, 1 bp off" in caplog.text
    np.testing.assert_array_equal(found.codes[0], simulated.varm["sequence"][7])
    far = find_locus(simulated, "FAR", 500, genes=genes)
    assert far.name in simulated.var_names[simulated.var["chrom"] == simulated.var["chrom"].iloc[7]]
    with pytest.raises(KeyError, match=r"no peak on chrN, where ALONE starts. Pass genome="):
        find_locus(simulated, "ALONE", 500, genes=genes)
    with pytest.raises(KeyError, match=r"neither a peak .* nor a gene"):
        find_locus(simulated, "OTHER", 500, genes=genes)
    path = tmp_path / "genome.fa"
    path.write_text(">chrN\n" + "ACGT" * 500 + "\n")
    alone = find_locus(simulated, "ALONE", 100, genes=iq.Genome(path, genes))
    assert (alone.row, alone.place) == (None, ("chrN", 450, 550))
    assert alone.gene == "ALONE, its start site"


def test_a_genome_gives_any_place_a_sequence(simulated, tmp_path):
    row = simulated.var.iloc[7]
    path = tmp_path / "genome.fa"
    path.write_text(f">{row['chrom']}\n{'ACGT' * 250_000}\n")
    inside = f"{row['chrom']}:{row['start'] + 10}-{row['start'] + 20}"
    assert find_locus(simulated, inside, 500, genome=path).row == 7
    with pytest.raises(ValueError, match="do not lie within their chromosome"):
        find_locus(simulated, f"{row['chrom']}:0-2", 500, genome=path)
    with pytest.raises(ValueError, match=r"genome.fa does not have"):
        find_locus(simulated, "chr99:1-2", 500, genome=path)
    with pytest.raises(KeyError, match=r"There is no peak on chr99; there are on .* Pass genome="):
        find_locus(simulated, "chr99:1-2", 500)
