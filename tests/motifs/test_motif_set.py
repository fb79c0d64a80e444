import numpy as np
import pandas as pd
import pytest

import iceqream as iq
from iceqream.motifs import MotifSet

CONSENSUS = {"GATA": "GATA", "EBOX": "CACGTG", "a/b.c d": "AT"}


@pytest.fixture
def motifs():
    matrices = {name: np.eye(4)[["ACGT".index(c) for c in text]] for name, text in CONSENSUS.items()}
    return MotifSet.from_dict(matrices, pd.DataFrame({"tf": ["GATA1", "MYC", "x"]}))


def test_counts_become_probabilities_and_padding_uniform(motifs):
    counts = MotifSet.from_dict({"x": [[2, 2, 0, 0], [0, 0, 0, 9]]})
    assert counts.matrix("x").tolist() == [[0.5, 0.5, 0, 0], [0, 0, 0, 1]]
    assert (motifs.pssm[0, 4:] == 0.25).all()
    assert motifs.lengths.tolist() == [4, 6, 2]


def test_subsets_keep_order_and_metadata(motifs):
    picked = motifs[["EBOX", "GATA"]]
    assert picked.names.tolist() == ["EBOX", "GATA"]
    assert picked.metadata["tf"].tolist() == ["MYC", "GATA1"]
    assert motifs["GATA"].pssm.shape == (1, 4, 4)
    assert motifs[np.array([True, False, True])].names.tolist() == ["GATA", "a/b.c d"]
    assert motifs[1:].names.tolist() == ["EBOX", "a/b.c d"]
    assert motifs[[-1]].names.tolist() == ["a/b.c d"]
    with pytest.raises(KeyError, match=r"1 motif.*nope"):
        motifs[["GATA", "nope"]]


def test_sharpened_motifs_have_multiples_of_the_energies_between_letters(motifs):
    p = np.array([0.6, 0.3, 0.08, 0.02])
    motif = MotifSet.from_dict({"x": [p, p[::-1], [0.25] * 4], "y": [p]}, pd.DataFrame({"tf": ["X", "Y"]}))
    for exponent in (0.5, 0.7, 2.0):
        got = motif.sharpened(exponent)
        np.testing.assert_allclose(got.pssm.sum(axis=2), 1.0, atol=1e-15)
        between = np.log(got.pssm[0, 0] / got.pssm[0, 0, 0])
        np.testing.assert_allclose(between, exponent * np.log(p / p[0]), atol=1e-12)
        # what says nothing, the positions past the end among it, stays as it is
        np.testing.assert_allclose(got.pssm[[0, 1, 1], [2, 1, 2]], 0.25, atol=1e-15)
        assert got.names.tolist() == motif.names.tolist()
        assert got.metadata.equals(motif.metadata)
    np.testing.assert_allclose(motif.sharpened(0.5).sharpened(2.0).pssm, motif.pssm, atol=1e-12)
    assert motif.sharpened(1.0) is motif
    # letters that were never seen stay the rarest
    soft = motifs.sharpened(0.5)
    assert np.isfinite(np.log(soft.pssm)).all()
    assert soft.consensus() == motifs.consensus()


def test_consensus_information_and_reverse_complement(motifs):
    assert motifs.consensus() == list(CONSENSUS.values())
    assert motifs.information_content().sum(axis=1).tolist() == [8, 12, 4]
    assert motifs.reverse_complement().consensus() == ["TATC", "CACGTG", "AT"]
    ambiguous = MotifSet.from_dict({"x": [[0.5, 0, 0.5, 0], [0.25] * 4, [0.4, 0.4, 0.1, 0.1], [0.7, 0.1, 0.1, 0.1]]})
    assert ambiguous.consensus() == ["RNMA"]


def test_trim_cuts_uninformative_edges_only():
    x = np.vstack([[0.25] * 4, np.eye(4)[[2]], [[0.25] * 4], np.eye(4)[[0]], [[0.3, 0.3, 0.2, 0.2]]])
    trimmed = MotifSet.from_dict({"x": x, "flat": [[0.25] * 4, [0.26, 0.24, 0.25, 0.25]]}).trim()
    assert trimmed.lengths.tolist() == [3, 1]
    assert trimmed.consensus()[0] == "GNA"


def test_long_table_round_trip(motifs):
    table = motifs.to_long_table()
    assert table["pos"].tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 0, 1]
    again = MotifSet.from_long_table(table.sample(frac=1, random_state=0).sort_values("motif", kind="stable"))
    again = again[list(motifs.names)]
    np.testing.assert_array_equal(again.pssm, motifs.pssm)
    assert again.metadata["tf"].tolist() == motifs.metadata["tf"].tolist()


def test_concat_unites_sets_and_refuses_shared_names(motifs):
    other = MotifSet.from_dict({"LONG": np.full((9, 4), 0.25)})
    both = MotifSet.concat([motifs, other])
    assert both.pssm.shape == (4, 9, 4)
    assert both.consensus()[:3] == motifs.consensus()
    with pytest.raises(ValueError, match=r"3 motif name.*GATA, EBOX"):
        MotifSet.concat([motifs, motifs])


@pytest.mark.parametrize(
    ("matrices", "message"),
    [
        ({"x": [[1, 0, 0]]}, r"x has shape \(1, 3\)"),
        ({"x": [[1, 0, 0, -1]]}, "negative or missing"),
        ({"x": [[0, 0, 0, 0]]}, "sums to 0: x"),
        ({"x": [[np.nan, 0, 0, 1]]}, "negative or missing"),
    ],
)
def test_bad_matrices_are_named(matrices, message):
    with pytest.raises(ValueError, match=message):
        MotifSet.from_dict(matrices)


def test_bad_tables_are_named(motifs):
    table = motifs.to_long_table()
    with pytest.raises(KeyError, match=r"lacks the column.*pos"):
        MotifSet.from_long_table(table.drop(columns="pos"))
    with pytest.raises(ValueError, match="position twice: GATA"):
        MotifSet.from_long_table(pd.concat([table, table.iloc[:1]]))


def test_similarity_finds_offset_and_strand():
    p = np.random.default_rng(1).dirichlet([0.3] * 4, 12)
    motifs = MotifSet.from_dict({"part": p[3:10], "flipped": p[3:10][::-1, ::-1]})
    database = MotifSet.from_dict({"whole": p, "other": np.random.default_rng(2).dirichlet([0.3] * 4, 12)})
    for method in ("spearman", "pearson", "kl"):
        found = iq.motifs.match(motifs, database, method=method)
        assert found["match"].tolist() == ["whole", "whole"]
        assert found["offset"].tolist() == [3, 3]
        assert found["strand"].tolist() == ["+", "-"]
        np.testing.assert_allclose(found["similarity"], 0.0 if method == "kl" else 1.0, atol=1e-9)
    assert iq.motifs.match(motifs, database)["name"].tolist() == ["whole", "whole.2"]
    forward = iq.motifs.similarity(motifs, database, strands="forward")
    assert forward.loc["flipped", "whole"] < 0.99


def test_spearman_matches_scipy(rng):
    from scipy.stats import spearmanr

    a, b = rng.dirichlet([0.5] * 4, 7), rng.dirichlet([0.5] * 4, 7)
    a[2] = a[3]
    got = iq.motifs.similarity(MotifSet.from_dict({"a": a}), MotifSet.from_dict({"b": b}), strands="forward", prior=0.0)
    assert got.iloc[0, 0] == pytest.approx(spearmanr(a.ravel(), b.ravel()).statistic, abs=1e-12)


def test_similarity_refuses_unknown_options(motifs):
    with pytest.raises(ValueError, match="method must be"):
        iq.motifs.similarity(motifs, method="euclid")
    with pytest.raises(ValueError, match="strands must be"):
        iq.motifs.similarity(motifs, strands="reverse")
    with pytest.raises(ValueError, match="database is empty"):
        iq.motifs.match(motifs, motifs[[]])
