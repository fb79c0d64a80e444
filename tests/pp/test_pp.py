import gzip
import logging

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
import zarr
from Bio.Seq import Seq
from Bio.SeqRecord import SeqRecord

import iceqream as iq
from iceqream._core.sequence import decode, encode


def peaks(names):
    adata = ad.AnnData(np.ones((2, len(names)), dtype=np.float32))
    adata.obs_names = ["a", "b"]
    adata.var_names = names
    return adata


@pytest.fixture
def fasta(tmp_path):
    path = tmp_path / "toy.fa"
    path.write_text(">chr1\nACGTACGTACGTnnRYACGGGGTTTT\n>chr2\nGGGGGCCCCC\n")
    return path


@pytest.mark.parametrize("names", [["chr1:4-8", "chr2:0-10"], ["chr1-4-8", "chr2-0-10"], ["chr1_4_8", "chr2_0_10"]])
def test_sequences_from_names_of_all_usual_forms(fasta, names):
    adata = peaks(names)
    iq.pp.sequences(adata, fasta, width=6)
    assert decode(adata.varm["sequence"]) == ["TACGTA", "GGGCCC"]
    assert adata.varm["sequence"].dtype == np.uint8
    assert adata.var["chrom"].tolist() == ["chr1", "chr2"]
    assert adata.var["start"].tolist() == [4, 0]
    assert adata.uns["sequence"]["params"] == {"genome": "toy.fa", "width": 6}


def test_coordinates_in_var_go_before_names(fasta):
    adata = peaks(["first", "second"])
    adata.var["chr"] = ["chr1", "chr1"]
    adata.var["start"], adata.var["end"] = [0, 10], [4, 14]
    iq.pp.sequences(adata, iq.Genome(fasta, name="toy"), width=4)
    assert decode(adata.varm["sequence"]) == ["ACGT", "GTNN"]
    assert adata.var["chrom"].dtype == "category"


def test_windows_past_the_end_become_unknown_and_are_logged(fasta, caplog):
    adata = peaks(["chr2:0-4", "chr2:3-7"])
    with caplog.at_level(logging.INFO):
        iq.pp.sequences(adata, fasta, width=8)
    assert decode(adata.varm["sequence"]) == ["NNGGGGGC", "GGGGCCCC"]
    assert "1 of 2 sequences have unknown bases" in caplog.text


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["chr1:4-8", "chrX:0-10"], "1 of 2 peaks.*chrX.*right assembly"),
        (["chr1:4-800", "chr2:0-10"], "chr1:4-800.*right assembly"),
        (["1:4-8", "2:0-10"], "add the prefix"),
        (["peak1", "peak2"], "2 of 2 peaks have no coordinates.*peak1, peak2"),
        (["chr1:4-8", "chr1:4-8"], "occur more than once: chr1:4-8"),
        (["chr1:4-8", "chr1_4_8"], "same coordinates as another: chr1_4_8"),
    ],
)
def test_wrong_peaks_are_named_and_nothing_is_written(fasta, names, message):
    adata = peaks(names)
    with pytest.raises(ValueError, match=message):
        iq.pp.sequences(adata, fasta, width=4)
    assert list(adata.varm) == []
    assert list(adata.var.columns) == []


def test_given_sequences_in_every_form(tmp_path):
    sequences = {"chr1:0-8": "ACGTACGT", "chr1:8-16": "ttttgggg"}
    path = tmp_path / "given.fa"
    path.write_text("".join(f">{name}\n{s}\n" for name, s in reversed(sequences.items())))
    zipped = tmp_path / "given.fa.gz"
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    texts = list(sequences.values())
    records = [SeqRecord(Seq(s), id=name) for name, s in sequences.items()][::-1]
    by_name = pd.Series(sequences).iloc[::-1]
    for given in (sequences, texts, encode(texts), path, str(zipped), pd.Series(texts), by_name, records):
        adata = peaks(list(sequences))
        iq.pp.sequences(adata, sequences=given, width=4)
        assert decode(adata.varm["sequence"]) == ["GTAC", "TTGG"]
    other = peaks(list(sequences)[::-1])
    iq.pp.sequences(other, sequences=adata, width=4)
    assert decode(other.varm["sequence"]) == ["TTGG", "GTAC"]
    iq.pp.sequences(adata, sequences=texts, width=11, pad=True)
    assert decode(adata.varm["sequence"]) == ["NACGTACGTNN", "NTTTTGGGGNN"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "either a genome or sequences"),
        ({"sequences": ["ACGT"]}, "1 sequences for 2 peaks"),
        ({"sequences": {"a:1-2": "ACGT"}}, "1 of 2 peaks have no sequence: a:3-4"),
        ({"sequences": ["ACGT", "ACGT"], "width": 0}, "at least 1 bp"),
        ({"sequences": ["ACGT", "ACGT"], "width": 10}, "central 10 bp"),
        ({"sequences": ["ACGT", "AC!T"], "width": 4}, "not nucleotides"),
    ],
)
def test_wrong_given_sequences_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        iq.pp.sequences(peaks(["a:1-2", "a:3-4"]), **options)


def test_copy_view_and_mudata(fasta):
    adata = peaks(["chr1:4-8", "chr2:0-10", "chr1:0-4"])
    changed = iq.pp.sequences(adata, fasta, width=4, copy=True)
    assert "sequence" in changed.varm
    assert "sequence" not in adata.varm
    view = adata[:, :2]
    iq.pp.sequences(view, fasta, width=4)
    assert "sequence" in view.varm
    assert "sequence" not in adata.uns
    mdata = md.MuData({"atac": adata.copy(), "other": peaks(["x:1-2", "x:3-4"])})
    assert iq.pp.sequences(mdata, fasta, width=4) is None
    assert "sequence" in mdata["atac"].varm
    copied = iq.pp.tss_distance(
        mdata, pd.DataFrame({"chrom": ["chr1"], "start": [3], "end": [4], "strand": ["+"]}), copy=True
    )
    assert "tss_distance" in copied["atac"].var
    assert "tss_distance" not in mdata["atac"].var
    with pytest.raises(KeyError, match="no modality 'peaks'; it has atac, other"):
        iq.pp.sequences(mdata, fasta, mod="peaks")
    with pytest.raises(TypeError, match="got dict"):
        iq.pp.sequences({}, fasta)


def test_tss_distance_on_real_genes_against_brute_force(shared):
    table = pd.read_csv(shared / "data" / "genome" / "hg38_genes_tss_all_chroms.tsv.gz", sep="\t")
    table = table[table["chrom"].isin(["chr22", "chr1"])].assign(start=lambda t: t["start"] - 1)
    real = pd.read_csv(shared / "data" / "heme16" / "peaks.tsv.gz", sep="\t")
    real = real[real["build"] == "hg38"].sample(300, random_state=0)
    adata = peaks(real["peak_name"].tolist())
    iq.pp.tss_distance(adata, table)
    tss = np.where(table["strand"] == "+", table["start"], table["end"] - 1)
    for name, row in adata.var.iterrows():
        chrom, _, span = name.partition(":")
        centre = sum(map(int, span.split("-"))) // 2
        on = (table["chrom"] == chrom).to_numpy()
        assert abs(row["tss_distance"]) == np.abs(tss[on] - centre).min()
        gene = table[on & (table["gene_name"] == row["tss_gene"])]
        site = np.where(gene["strand"] == "+", gene["start"], gene["end"] - 1)
        sign = np.where(gene["strand"] == "+", 1, -1)
        assert row["tss_distance"] in ((centre - site) * sign).tolist()


def test_tss_distance_without_genes_on_a_chromosome(caplog):
    adata = peaks(["chr1:0-10", "chrUn:0-10"])
    genes = pd.DataFrame({"chrom": ["chr1"], "start": [100], "end": [200], "strand": [-1], "gene_name": ["G"]})
    with caplog.at_level(logging.WARNING):
        iq.pp.tss_distance(adata, genes)
    assert adata.var["tss_distance"].tolist() == pytest.approx([194, np.nan], nan_ok=True)
    assert adata.var["tss_gene"].tolist() == ["G", ""]
    assert "chrUn" in caplog.text
    with pytest.raises(ValueError, match="'chr' prefix"):
        iq.pp.tss_distance(peaks(["1:0-10", "2:0-10"]), genes)


def test_genome_without_genes_is_named(fasta):
    with pytest.raises(ValueError, match="has no genes"):
        iq.pp.tss_distance(peaks(["chr1:0-4", "chr1:4-8"]), iq.Genome(fasta))


def test_sequence_features_are_scaled_and_stored(simulated):
    iq.pp.sequence_features(simulated)
    values = simulated.varm["features"]
    assert values.shape == (1500, 17)
    assert values.dtype == np.float32
    assert (values.min(axis=0) == 0).all()
    assert (values.max(axis=0) == 10).all()
    gc = ((simulated.varm["sequence"] == 1) | (simulated.varm["sequence"] == 2)).mean(axis=1)
    low, high = np.quantile(gc, [0.05, 0.95])
    np.testing.assert_allclose(values[:, 0], np.clip(10 * (gc - low) / (high - low), 0, 10), atol=1e-5)


def test_sequence_features_replace_themselves_and_keep_others(simulated):
    simulated.varm["features"] = np.full((1500, 1), 5, dtype=np.float32)
    simulated.uns["features"] = {"names": np.array(["k4me1"], dtype=object), "low": np.zeros(1), "high": np.ones(1)}
    iq.pp.sequence_features(simulated)
    iq.pp.sequence_features(simulated)
    assert simulated.varm["features"].shape == (1500, 18)
    assert simulated.uns["features"]["names"][0] == "k4me1"
    assert len(set(simulated.uns["features"]["names"])) == 18


def test_motif_energies_in_memory_and_streamed(simulated, library, tmp_path):
    iq.pp.motif_energies(simulated, library)
    got = simulated.varm["motif_energy"]
    want = iq.motifs.energies(simulated.varm["sequence"], library, normalize="reference")
    assert (got == want).all()
    assert simulated.uns["motif_energy"]["names"].tolist() == library.names.tolist()
    raw = iq.pp.motif_energies(simulated, library, normalize=None, width=200, key_added="raw", copy=True)
    assert (raw.varm["raw"] == iq.motifs.energies(simulated.varm["sequence"], library, width=200)).all()
    for _ in range(2):
        iq.pp.motif_energies(simulated, library, store=tmp_path / "e.zarr", key_added="streamed")
    assert "streamed" not in simulated.varm
    group = zarr.open_group(str(tmp_path / "e.zarr"), mode="r")
    assert (group["energies"][:] == want).all()
    np.testing.assert_array_equal(group["high"][:], simulated.uns["motif_energy"]["high"])
    assert [p.name for p in tmp_path.iterdir()] == ["e.zarr"]


def test_too_large_matrices_are_refused_with_their_size(simulated, library):
    with pytest.raises(ValueError, match=r"30 motifs over 1500 peaks take 0\.0 GiB.*store="):
        iq.pp.motif_energies(simulated, library, max_memory=1e-6)
    with pytest.raises(KeyError, match=r"run iq\.pp\.sequences"):
        iq.pp.motif_energies(peaks(["a:1-2", "a:3-4"]), library)


def test_motif_features_are_energies_at_several_widths_and_keep_their_scale(simulated, library, tmp_path, quick):
    pair = library[:2]
    iq.pp.sequence_features(simulated)
    iq.pp.motif_features(simulated, pair, widths=(100, 300))
    names = [str(name) for name in simulated.uns["features"]["names"]]
    assert names[-4:] == [f"{motif} @ {width} bp" for width in (100, 300) for motif in pair.names]
    centre = simulated.varm["sequence"][:, 200:300]
    want = iq.motifs.energies(centre, pair, normalize="reference")
    np.testing.assert_allclose(simulated.varm["features"][:, -4:-2], want, atol=1e-5)
    iq.tl.fit_trajectory(simulated, "S1", "S4", motifs=library, **quick)
    model = iq.get.model(simulated)
    position = model.features.names.tolist().index(names[-1])
    # the scale that they have, as far as enough training peaks reach it
    low, high = (float(simulated.uns["features"][name][-1]) for name in ("low", "high"))
    assert model.features.low[position] >= low
    assert model.features.high[position] < high
    used = model.values(simulated)[:, len(model.pbms) + position]
    assert (used == 10).sum() >= 30
    unscaled = low + simulated.varm["features"][:, [-1]] / 10 * (high - low)
    want = model.features.take(np.array([position])).scale(unscaled)[:, 0]
    np.testing.assert_allclose(used, want, atol=1e-4)
    with pytest.raises(ValueError, match="2000 bp is wider than the sequences"):
        iq.pp.motif_features(simulated, pair)
    with pytest.raises(ValueError, match="the longest motif; got 3"):
        iq.pp.motif_features(simulated, pair, widths=[3])
    fasta = tmp_path / "g.fa"
    rng = np.random.default_rng(0)
    chrom = {
        c: "".join(rng.choice(list("ACGT"), int(simulated.var["end"].max()) + 2000))
        for c in simulated.var["chrom"].unique()
    }
    fasta.write_text("".join(f">{c}\n{s}\n" for c, s in chrom.items()))
    iq.pp.motif_features(simulated, pair, widths=(2000,), genome=fasta, key_added="wide")
    row = simulated.var.iloc[3]
    middle = (row["start"] + row["end"]) // 2
    window = chrom[row["chrom"]][middle - 1000 : middle + 1000]
    energy = iq.motifs.energies([window], pair)[0]
    stored = simulated.uns["wide"]
    scaled = np.clip(10 * (energy - stored["low"]) / (stored["high"] - stored["low"]), 0, 10)
    np.testing.assert_allclose(simulated.varm["wide"][3], scaled, atol=1e-4)
