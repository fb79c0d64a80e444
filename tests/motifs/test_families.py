import numpy as np
import pandas as pd
import pytest

import iceqream as iq
from iceqream.motifs.families import factor_of

BHLH = "Basic helix-loop-helix factors (bHLH)"


@pytest.mark.parametrize(
    ("name", "symbol", "family"),
    [
        ("GATA1_HUMAN.H11MO.0.A", "GATA1", "C4-GATA-related"),
        ("ZN431_MOUSE.H11MO.0.C", "ZNF431", ""),
        ("COT1_HUMAN.H11MO.0.C", "NR2F1", "RXR-related receptors (NR2)"),
        ("SPI1.H12CORE.0.P.B", "SPI1", "Ets-related"),
        ("GATA3(Zf)/iTreg-Gata3-ChIP-Seq(GSE20898)/Homer", "GATA3", "C4-GATA-related"),
        ("HOMER.c_Myc", "MYC", "bHLH-ZIP"),
        ("Irf8_site", "Irf8", "Interferon-regulatory factors"),
        ("HOMER.GATA3_1", "GATA3", "C4-GATA-related"),
        ("JOLMA.GATA3_di_DBD_1", "GATA3", "C4-GATA-related"),
        ("GATA3_DBD_full", "GATA3", "C4-GATA-related"),
        ("JASPAR.MA0035.4.Gata1", "GATA1", "C4-GATA-related"),
        ("MA0035.4 GATA1", "GATA1", "C4-GATA-related"),
        ("GATA1_MA0035.5", "GATA1", "C4-GATA-related"),
        ("SCENIC.jaspar__MA0035.4", "GATA1", "C4-GATA-related"),
        ("SCENIC.swissregulon__mm__Hoxa9", "Hoxa9", "HOX"),
        ("SCENIC.taipale_tf_pairs__ERF_SREBF2_NNCACGTG_CAP", "ERF::SREBF2", "Ets-related; bHLH-ZIP"),
        ("SCENIC.homer__TAATTAGN_Lhx2", "Lhx2", "HD-LIM"),
        ("(GATA1)_(Homo_sapiens)_(DBD_1.00)", "GATA1", "C4-GATA-related"),
        ("GATA2_M00123_2.00", "GATA2", "C4-GATA-related"),
        # no factor in the name, and a word that nobody knows
        ("SCENIC.cisbp__M00606", "", ""),
        ("SCENIC.elemento__CACGTGA", "", ""),
        ("denovo_3", "", ""),
    ],
)
def test_symbols_of_all_styles(name, symbol, family):
    motifs = iq.motifs.MotifSet.from_dict({name: np.eye(4)[[2, 0, 3, 0]]})
    found = iq.motifs.annotate(motifs).metadata.iloc[0]
    assert found["symbol"].upper() == symbol.upper()
    assert found["family"].removesuffix(" factors") == family.removesuffix(" factors") or not family


def test_families_of_symbols():
    assert factor_of("gata1").family == factor_of("GATA12").family == "C4-GATA-related"
    assert factor_of("MYC").tf_class == BHLH
    assert factor_of("GATA1::TAL1").family == "C4-GATA-related; Tal-related"
    # zinc fingers share a class, and no family
    assert factor_of("ZNF99999") == ("ZNF99999", "", "C2H2 zinc finger factors")
    assert factor_of("nobody") == ("nobody", "", "")


def test_known_metadata_stay():
    metadata = pd.DataFrame({"tf": ["GATA1", "SPI1"], "family": ["mine", None]})
    motifs = iq.motifs.MotifSet.from_dict({"a": np.eye(4), "b": np.eye(4)}, metadata)
    found = iq.motifs.annotate(motifs).metadata
    assert found["symbol"].tolist() == ["GATA1", "SPI1"]
    assert found["family"].tolist() == ["mine", "Ets-related"]
    assert (iq.motifs.annotate(iq.motifs.annotate(motifs)).metadata == found).all(axis=None)
    with pytest.raises(TypeError, match="must be a MotifSet"):
        iq.motifs.annotate("motifs.meme")


def test_readers_annotate(tmp_path, library):
    path = tmp_path / "motifs.meme"
    iq.motifs.write(library[:3], path)
    again = iq.motifs.read(path).metadata
    for column in ("symbol", "family", "tf_class"):
        assert again[column].tolist() == library[:3].metadata[column].tolist()


def test_coverage_of_the_large_collection(shared):
    library = iq.motifs.read(shared / "data" / "motifs" / "motif_db_21862.tsv.gz")
    known = (library.metadata[["symbol", "family", "tf_class"]] != "").mean()
    # measured: 0.613, 0.546, 0.576; 8,221 names hold no factor
    assert known["symbol"] > 0.6
    assert known["family"] > 0.53
    four = library.metadata["dataset"].isin(["HOMER", "JASPAR", "JOLMA", "HOCOMOCO"]).to_numpy()
    # measured: 0.984, 0.937, 0.979
    assert (library[four].metadata["symbol"] != "").mean() > 0.97
    assert (library[four].metadata["family"] != "").mean() > 0.92
