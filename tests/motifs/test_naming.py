import numpy as np
import pandas as pd
import pytest

import iceqream as iq
from iceqream.motifs import MotifSet, naming


@pytest.fixture(scope="module")
def jaspar():
    return iq.motifs.jaspar()


def blurred(motifs, share, seed=0):
    """Mix noise into motifs, and read every other one on the other strand."""
    rng = np.random.default_rng(seed)
    matrices = {}
    for i in range(len(motifs)):
        mixed = (1 - share) * motifs.matrix(i) + share * rng.dirichlet([1.0] * 4, motifs.lengths[i])
        matrices[f"m{i}"] = mixed[::-1, ::-1] if i % 2 else mixed
    return MotifSet.from_dict(matrices)


def test_planted_motifs_are_named_by_family(jaspar, library):
    names = naming.named(blurred(library, 0.2), jaspar).names.tolist()
    assert names[:11] == ["GATA", "TEAD", "FOX", "CEBP", "PU.1", "POU", "RUNX", "CTCF", "MEF2", "SOX", "KLF/SP"]
    assert len(set(names)) == len(names)


def test_families_of_jaspar_motifs_from_the_others(jaspar):
    table = jaspar.metadata[list(naming.COLUMNS)]
    truth = np.array(["+".join(naming._groups(*row)) for row in table.itertuples(index=False)], dtype=object)
    counts = pd.Series(truth).value_counts()
    some = np.flatnonzero(pd.Series(truth).map(counts).to_numpy() >= 3)
    best, _, _ = naming.compared(jaspar, jaspar, "cosine", "both", naming.DEFAULT_PRIOR)
    np.fill_diagonal(best, -1)
    order = np.argsort(-best, axis=1)[:, : naming.N_MATCHES]
    got = np.array(
        [naming.agreement(table.iloc[order[i]].assign(similarity=best[i, order[i]]))[0] for i in some], dtype=object
    )
    right = (got == truth[some]).mean()
    wrong = ((got != truth[some]) & (got != "")).mean()
    # measured: 0.883 and 0.037; the single most similar motif by Spearman correlation: 0.863 and 0.137
    assert right > 0.85
    assert wrong < 0.05


def test_shuffled_motifs_are_named_by_their_consensus(jaspar, library):
    rng = np.random.default_rng(0)
    shuffled = {
        f"{k}.{name}": rng.permuted(rng.permutation(library.matrix(i)), axis=1)
        for k in range(4)
        for i, name in enumerate(library.names)
    }
    names = naming.named(MotifSet.from_dict(shuffled), jaspar).names
    # measured: 98 % of them
    assert np.mean([name.startswith("motif ") for name in names]) > 0.9


def test_vague_motifs_are_named_by_their_consensus(jaspar, library):
    names = ["GATA1_MA0035.5", "CEBPA_MA0102.5"]
    named = [iq.motifs.MotifSet(library[names].names, library[names].sharpened(power).pssm, library[names].lengths)
             for power in (0.5, 0.3)]  # fmt: skip
    clear, vague = (naming.named(motifs, jaspar) for motifs in named)
    assert (clear.information_content().sum(axis=1) > naming.MIN_BITS).all()
    assert (vague.information_content().sum(axis=1) < naming.MIN_BITS).all()
    assert clear.names.tolist() == ["GATA", "CEBP"]
    assert [name.split()[0] for name in vague.names] == ["motif", "motif"]
    # the matches are there for whoever wants them
    assert naming.renamed(vague, "match").names.tolist() == vague.metadata["match"].tolist()


def test_consensus_is_the_same_on_both_strands(library):
    assert naming.core_consensus(library[["FOXA2_MA0047.4"]]) == ["motif TGTTTACW"]
    both = naming.core_consensus(library), naming.core_consensus(library.reverse_complement())
    assert np.mean([a == b for a, b in zip(*both, strict=True)]) > 0.9
    flat = MotifSet.from_dict({"flat": np.full((6, 4), 0.25)})
    assert naming.core_consensus(flat) == ["motif"]


def votes(*rows):
    """Return matches of symbols with their similarity."""
    factors = [naming.factor_of(symbol) for symbol, _ in rows]
    return pd.DataFrame(factors).assign(similarity=[s for _, s in rows])


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("GATA5", 0.99), ("GATA2", 0.95), ("TRPS1", 0.92), ("ZNF134", 0.91)], ("GATA", "GATA5")),
        # the most similar does not overrule four
        ([("ZNF134", 0.95), ("IRF5", 0.9), ("IRF6", 0.9), ("IRF4", 0.89), ("IRF8", 0.87)], ("IRF", "IRF5")),
        # nobody is similar, or the others are far behind
        ([("GATA5", 0.7), ("GATA2", 0.7)], ("", "GATA5")),
        ([("ZNF134", 0.99), ("GATA2", 0.86), ("GATA1", 0.86)], ("ZNF134", "ZNF134")),
        # no majority
        ([("ZNF134", 0.95), ("GATA2", 0.95), ("SPI1", 0.94)], ("", "ZNF134")),
        # a pair counts half for each
        ([("GATA1::TAL1", 0.95)], ("E-box+GATA", "GATA1::TAL1")),
        ([("ETV2::FOXI1", 0.95), ("ETS1", 0.95), ("ELF1", 0.94)], ("ETS", "ETV2::FOXI1")),
    ],
)
def test_agreement(rows, expected):
    assert naming.agreement(votes(*rows)) == expected


def test_matches_are_kept_as_text_and_read_again(jaspar, library):
    motifs = naming.named(library[:4], jaspar)
    stored = MotifSet(motifs.names, motifs.pssm, motifs.lengths, motifs.metadata.astype(str))
    for table in (naming.stored_matches(motifs), naming.stored_matches(stored)):
        assert table["motif"].tolist() == np.repeat(motifs.names, 5).tolist()
        assert table["rank"].tolist() == [1, 2, 3, 4, 5] * 4
        assert table["match"].iloc[0] == "GATA1_MA0035.5"
        assert table["similarity"].iloc[0] == pytest.approx(1.0, abs=1e-12)
    for by in ("family", "symbol", "match"):
        assert naming.renamed(stored, by).names.tolist() == naming.renamed(motifs, by).names.tolist()
    assert naming.renamed(motifs, "symbol").names.tolist() == ["GATA1", "TEAD4", "FOXA2", "CEBPA"]
    assert naming.renamed(motifs, "match").names.tolist() == library.names[:4].tolist()


def test_motifs_without_matches_keep_their_names(jaspar, library):
    joined = MotifSet.concat([naming.named(library[:2], jaspar), library[2:3].rename(["mine"])])
    assert naming.renamed(joined, "symbol").names.tolist() == ["GATA1", "TEAD4", "mine"]
    with pytest.raises(ValueError, match="give a library"):
        naming.renamed(library[2:3])
    with pytest.raises(ValueError, match="by must be one of family, symbol"):
        naming.renamed(joined, "nope")
    with pytest.raises(ValueError, match="database is empty"):
        naming.named(library, library[[]])


def test_a_library_without_factors_gives_its_own_names(library):
    plain = MotifSet([f"cluster {i}" for i in range(len(library))], library.pssm, library.lengths)
    assert naming.named(library[:2], plain).names.tolist() == ["cluster 0", "cluster 1"]
