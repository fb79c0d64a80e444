import numpy as np
import pandas as pd
import pytest

import iceqream as iq
from iceqream.motifs import as_motif_set


def test_a_library_in_every_form(tmp_path, library, simulated):
    few = library[:3]
    path = tmp_path / "few.tsv"
    iq.motifs.write(few, path, format="table")
    matrices = {motif.name: motif.pssm for motif in few}
    frames = {motif.name: pd.DataFrame(motif.pssm, columns=list("ACGT")) for motif in few}
    codes = simulated.varm["sequence"][:20]
    for given in (few, path, str(path), matrices, frames, {motif.name: motif for motif in few}):
        motifs = as_motif_set(given)
        assert motifs.names.tolist() == few.names.tolist()
        np.testing.assert_allclose(motifs.pssm, few.pssm, atol=1e-12)
        for door in (
            lambda m: iq.motifs.energies(codes, m), lambda m: iq.motifs.local_energies(codes, m).forward,
            iq.motifs.similarity, lambda m: iq.motifs.match(m, library)["similarity"],
            lambda m: iq.motifs.match(library[:2], m)["similarity"],
            lambda m: iq.pp.motif_energies(simulated, m, copy=True).varm["motif_energy"],
            lambda m: iq.pp.motif_features(simulated, m, widths=(100,), copy=True).varm["features"],
        ):  # fmt: skip
            np.testing.assert_allclose(door(given), door(few), atol=1e-4)
    assert as_motif_set() is iq.motifs.jaspar()


@pytest.mark.parametrize("given", [["GATA1"], 3, np.ones((3, 4)), pd.DataFrame({"A": [1]})])
def test_what_is_no_library_is_named(given):
    with pytest.raises(TypeError, match=r"motifs is a .*; a library is a MotifSet.*path of a motif file.*dictionary"):
        as_motif_set(given)


def test_files_and_matrices_that_are_none_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no motif file 'GATA1': a library is"):
        as_motif_set("GATA1")
    for given in ("jaspar", "JASPAR2024", "jasper"):
        with pytest.raises(FileNotFoundError, match=rf"'{given}': .* Did you mean motifs=iq.motifs.jaspar\(\)\?"):
            as_motif_set(given)
    with pytest.raises(ValueError, match="A motif is a length x 4 matrix"):
        as_motif_set({"x": [[1, 2], [3]]})


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("m.meme", b"MEME version 4\n\xff\n", "m.meme, line 2: this is no UTF-8"),
        (
            "m.meme",
            b"MEME version 4\nMOTIF a\nletter-probability matrix: w= 1\n0 nan 0 1\n",
            "line 4: expected 4 numbers",
        ),
        ("m.tsv", b"motif\tpos\tA\tC\tG\tT\nx\t0\t1\t0\tx\t0\n", "m.tsv cannot be read.*row 0: .*G 'x'"),
        # an exponent on which pandas' own reader ends the process
        ("m.tsv", b"motif\tpos\tA\tC\tG\tT\nx\t0\t1e40090065155649608\t0\tx\t0\n", "m.tsv cannot be read.*row 0"),
        ("m.homer", b">\n0.2\t0.3\t0.4\t0.1\n", "m.homer, line 1: a '>' line without a name"),
        ("m.jaspar", b">x\n0 0\n0 0\n0 0\n0 0\n", "m.jaspar cannot be read as motifs.*sums to 0"),
    ],
)
def test_damaged_files_are_named(tmp_path, name, text, message):
    (tmp_path / name).write_bytes(text)
    with pytest.raises(ValueError, match=message):
        as_motif_set(tmp_path / name)


def test_renaming_and_consolidating_take_libraries(fitted, library, tmp_path, caplog):
    path = tmp_path / "library.meme"
    iq.motifs.write(library, path)
    renamed = iq.tl.rename_motifs(fitted, path, copy=True)
    assert (
        iq.get.model(renamed).motif_names.tolist()
        == iq.get.model(iq.tl.rename_motifs(fitted, library, copy=True)).motif_names.tolist()
    )
    iq.tl.consolidate(fitted, 100, motifs=path, key_added="same")
    assert "nothing is consolidated" in caplog.text
    assert iq.get.model(fitted, "same").motif_names.tolist() == iq.get.model(fitted).motif_names.tolist()
    assert (fitted.varm["same"]["pred"] == fitted.varm["iq"]["pred"]).all()
