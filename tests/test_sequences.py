import gzip
from pathlib import Path

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pyfaidx
import pytest
from Bio.Seq import Seq
from Bio.SeqRecord import SeqRecord

import iceqream as iq
from iceqream._core.sequence import decode, encode
from iceqream._sequences import given_sequences, read_codes

TEXTS = ["ACGTACGTAC", "ttttggggcc", "GATANGATAA"]
NAMES = ["chr1:0-10", "chr1:10-20", "chr1:20-30"]


def forms(folder):
    adata = ad.AnnData(np.ones((2, 3), dtype=np.float32))
    adata.var_names, adata.varm["sequence"] = NAMES, encode(TEXTS)
    path = folder / "s.fa"
    path.write_text("".join(f">{name} words\n{s[:4]}\n{s[4:]}\n" for name, s in zip(NAMES, TEXTS, strict=True)))
    zipped = folder / "s.fasta.gz"
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    return {
        "list": TEXTS, "tuple": tuple(TEXTS), "codes": encode(TEXTS), "str_": np.array(TEXTS),
        "object": np.array(TEXTS, dtype=object), "bytes": np.array(TEXTS, dtype="S"), "Series": pd.Series(TEXTS),
        "string": pd.Series(TEXTS, dtype="string"), "categorical": pd.Series(pd.Categorical(TEXTS)),
        "Index": pd.Index(TEXTS), "Seq": [Seq(s) for s in TEXTS], "named Series": pd.Series(TEXTS, index=NAMES),
        "SeqRecord": [SeqRecord(Seq(s), id=name) for name, s in zip(NAMES, TEXTS, strict=True)],
        "pyfaidx": [pyfaidx.Sequence(name=name, seq=s) for name, s in zip(NAMES, TEXTS, strict=True)],
        "dict": dict(zip(NAMES, TEXTS, strict=True)), "path": path, "str path": str(path), "gz": zipped,
        "AnnData": adata, "MuData": md.MuData({"atac": adata}), "view": adata[:, :],
    }  # fmt: skip


def test_every_form_gives_the_same_codes_and_its_names(tmp_path):
    for form, given in forms(tmp_path).items():
        assert decode(read_codes(given)) == [s.upper() for s in TEXTS], form
        assert decode(read_codes(given, 4)) == ["TACG", "TGGG", "ANGA"], form
        names = given_sequences(given).names
        named = form in {
            "named Series",
            "SeqRecord",
            "pyfaidx",
            "dict",
            "path",
            "str path",
            "gz",
            "AnnData",
            "MuData",
            "view",
        }
        assert (None if names is None else names.tolist()) == (NAMES if named else None), form


def test_one_sequence_of_every_kind():
    assert decode(read_codes(pyfaidx.Sequence(seq="acgt"))) == ["ACGT"]
    assert given_sequences([pyfaidx.Sequence(seq="acgt")]).names is None  # it has no name
    for one in ("ACGT", Seq("ACGT"), SeqRecord(Seq("acgt"), id="x"), b"ACGT", np.array("ACGT"), encode("ACGT")[0]):
        assert decode(read_codes(one)) == ["ACGT"]


@pytest.mark.parametrize(
    "given",
    [None, 3, (s for s in TEXTS), set(TEXTS), pd.DataFrame({"a": TEXTS}), encode(TEXTS).astype(float), [1, 2], [None],
     {"a": 3}, np.array([["A", "C"]])],
)  # fmt: skip
def test_anything_else_is_refused_at_once(given):
    with pytest.raises(TypeError, match="Sequences are a string, a list"):
        read_codes(given)


def test_files_and_data_that_lack_sequences_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no FASTA file none\.fa"):
        read_codes("none.fa")
    path = tmp_path / "s.fa"
    path.write_text(">a\nACGT\n>b\nACG\n")
    with pytest.raises(ValueError, match=r"s\.fa cannot be read as these sequences: All sequences must have the same"):
        read_codes(path)
    bare = md.MuData({"atac": ad.AnnData(np.ones((1, 1), dtype=np.float32))})
    with pytest.raises(KeyError, match=r"run iq\.pp\.sequences"):
        read_codes(bare)
    with pytest.raises(KeyError, match="no modality 'peaks'"):
        read_codes(bare, mod="peaks")
    with pytest.raises(TypeError, match="got MuData"):  # it iterates for ever
        encode(bare)


def test_every_door_takes_every_form(fitted, tmp_path):
    model = iq.get.model(fitted)
    adata = fitted[:, :3].copy()
    adata.write_h5ad(tmp_path / "x.h5ad")
    texts = decode(adata.varm["sequence"])
    path = tmp_path / "s.fa"
    path.write_text("".join(f">{name}\n{s}\n" for name, s in zip(adata.var_names, texts, strict=True)))
    pbm, library = model.pbms[0], model.pbms.motifs
    doors = [
        model.predict, lambda s: model.values(s, pad=True), model.partial_responses, model.local_contributions,
        pbm.energy, pbm.normalized_energy, pbm.local_energy, model.pbms.energies, model.pbms.normalized_energies,
        lambda s: iq.motifs.energies(s, library), lambda s: iq.motifs.local_energies(s, library).forward,
        lambda s: iq.motifs.screen_kmers(s, np.arange(3.0), k=4, min_correlation=0.9).drop(columns="kmer"),
    ]  # fmt: skip
    for door in doors:
        want = door(adata.varm["sequence"])
        for given in (texts, path, adata, md.MuData({"atac": adata}), [Seq(s) for s in texts]):
            np.testing.assert_array_equal(door(given), want)
    for given in (path, adata, md.MuData({"atac": adata}), pd.Series(texts, index=adata.var_names)):
        assert model.partial_responses(given).index.tolist() == adata.var_names.tolist()


def test_data_in_the_place_of_values_is_refused_at_once(simulated, library):
    mudata, codes = md.MuData({"atac": simulated}), simulated.varm["sequence"]
    for call in (
        lambda data: iq.motifs.regress(codes, data), lambda data: iq.motifs.screen_kmers(codes, data),
        lambda data: iq.models.fit_trajectory(codes, data, motifs=library),
        lambda data: iq.motifs.as_motif_set({"x": data}), lambda data: iq.tl.discover_motifs(simulated, data),
        *(lambda data, name=name: iq.tl.fit_trajectory(simulated, "S1", "S4", **{"motifs": library, name: data})
          for name in ("motifs", "peaks", "weights", "split", "features")),
    ):  # fmt: skip
        for data in (simulated, mudata):
            with pytest.raises(TypeError, match=r"(cannot be|is) a (AnnData|MuData)"):
                call(data)


def test_short_sequences_are_padded_on_request(fitted):
    model = iq.get.model(fitted)
    short = decode(fitted.varm["sequence"][:2, 50:-50])
    with pytest.raises(ValueError, match="pad=True"):
        model.predict(short)
    whole = np.full((2, 500), 4, dtype=np.uint8)
    whole[:, 50:-50] = fitted.varm["sequence"][:2, 50:-50]
    assert (model.predict(short, pad=True) == model.predict(whole)).all()
    with pytest.raises(ValueError, match="sequence 1 has 0 bp"):
        model.predict(["ACGT", ""], pad=True)


def test_regression_and_fit_take_data(simulated, library):
    response = simulated.varm["occupancy"][:, 0]
    mudata = md.MuData({"atac": simulated})
    options = {"motif": "TGASTCA".replace("S", "*"), "kmer_width": 100}
    want = iq.motifs.regress(simulated.varm["sequence"], response, **options)
    assert (iq.motifs.regress(mudata, response, **options).energies == want.energies).all()
    dap = simulated.layers["ap"][3] - simulated.layers["ap"][0]
    with pytest.raises(ValueError, match="at least 100 are needed"):
        iq.models.fit_trajectory(mudata, dap, motifs=library, modelled=np.arange(1500) < 50)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("s.h5ad", r"'s\.h5ad' is a path, not a sequence: read it with anndata\.read_h5ad"),
        (Path("a/b.H5MU"), r"mudata\.read_h5mu"),
        ("store.zarr/", r"anndata\.read_zarr"),
        ("peaks.bed.gz", r"Genome\(fasta\)\.sequences"),
        ("my sequences", r"letters that are not nucleotides: '"),
        (["ACGTACGTAC", "GATA4"], r"not nucleotides: 'GATA4' at position 1"),
    ],
)
@pytest.mark.parametrize("width", [None, 1000])
def test_paths_and_words_are_told_from_short_sequences(given, message, width):
    with pytest.raises(ValueError, match=message):
        read_codes(given, width)
