"""The factors that a motif may stand for."""

import pytest

import iceqream as iq
from iceqream.motifs.naming import named
from iceqream.motifs.paralogues import candidate_factors


@pytest.fixture(scope="module")
def planted():
    return iq.datasets.simulated_motifs(decoys=False)


def factors(table, motif, source=None):
    part = table[table["motif"] == motif]
    return {s.upper() for s in (part if source is None else part[part["source"] == source])["symbol"]}


def test_a_motif_of_a_library_stands_for_its_factor_and_the_family(planted):
    table = candidate_factors(planted)
    assert factors(table, "GATA1_MA0035.5", "match") == {"GATA1"}
    assert {"GATA2", "GATA3", "GATA4", "GATA5", "GATA6"} <= factors(table, "GATA1_MA0035.5", "family")
    assert {"TEAD1", "TEAD2", "TEAD3"} <= factors(table, "TEAD4_MA0809.3", "family")
    assert {"CEBPB", "CEBPE"} <= factors(table, "CEBPA_MA0102.5")
    # AP-1 factors are of another family of the same group
    assert "JUN" not in factors(table, "CEBPA_MA0102.5")
    assert not table.duplicated(["motif", "symbol"]).any()


def test_a_fitted_motif_stands_for_the_factors_it_resembles(planted):
    found = named(planted.rename([f"m{i}" for i in range(6)]), iq.motifs.jaspar("JASPAR2026"))
    table = candidate_factors(found)
    name = found.names[0]
    assert {"GATA1", "GATA2", "GATA3"} <= factors(table, name)
    # TAL1 binds beside GATA1 in a motif of the library, which is not what the matches agree on
    assert "TAL1" not in factors(table, name, "match")


def test_a_pair_counts_as_both_and_zinc_fingers_are_no_family():
    library = iq.motifs.jaspar("JASPAR2026")[["FOS::JUN_MA0099.4", "CTCF_MA0139.2"]]
    table = candidate_factors(library)
    assert factors(table, "FOS::JUN_MA0099.4", "match") == {"FOS", "JUN"}
    assert factors(table, "CTCF_MA0139.2") == {"CTCF", "CTCFL"}
