import numpy as np
import pytest

import iceqream as iq
from iceqream.motifs.groups import group_of, label_of


def motif(sequence, sure=0.85):
    """Return the matrix of a consensus, N where nothing is known."""
    known = {letter: np.where(np.eye(4)[i], sure, (1 - sure) / 3) for i, letter in enumerate("ACGT")}
    return np.array([known.get(letter, np.full(4, 0.25)) for letter in sequence])


@pytest.mark.parametrize(
    ("symbol", "group"),
    [
        ("GATA1", "GATA"), ("Spi1", "ETS"), ("CEBPA", "bZIP"), ("FOSL1", "bZIP"), ("RUNX2", "RUNX"), ("Irf8", "IRF"),
        ("KLF16", "KLF/SP"), ("SP2", "KLF/SP"), ("NFYB", "NFY"), ("CTCFL", "CTCF"), ("SNAI2", "E-box"),
        ("ZEB1", "E-box"), ("TCF3", "E-box"), ("MEIS1", "homeodomain"), ("HNF1A", "HNF1"), ("NR2F1", "NR"),
        ("POU2F3", "POU"), ("TBX21", "T-box"), ("ZNF134", "ZNF134"), ("SP140L", "Sp140-Sp100"), ("TCF7L2", "TCF/LEF"),
    ],
)  # fmt: skip
def test_groups_are_what_biologists_say(symbol, group):
    known = iq.motifs.jaspar().metadata
    row = known[known["symbol"].str.upper() == symbol.upper()].iloc[0]
    assert group_of(row["symbol"], row["family"], row["tf_class"]) == group


@pytest.mark.parametrize(
    ("group", "sequence", "label"),
    [
        ("bZIP", "NTGACTCAN", "AP-1"), ("bZIP", "TGACGTCA", "CRE"), ("bZIP", "ATTGCGCAAT", "CEBP"),
        ("bZIP", "TTGCATAA", "NFIL3/DBP"), ("bZIP", "TGCTGACTCAGCA", "MAF/NFE2"),
        ("E-box", "NCACCTGN", "E-box CAGGTG"), ("E-box", "ACAGCTGC", "E-box CAGCTG"),
        ("E-box", "GCACGTGA", "E-box CACGTG"),
        ("ETS", "ACCGGAAGT", "ETS"), ("ETS", "AAAGAGGAAGTG", "PU.1"), ("ETS", "CAGGAAG", "ETS"),
        ("NR", "TCAAGGTCA", "NR AGGTCA"), ("NR", "AGGTCAAAGGTCA", "NR DR1"), ("NR", "AGAACANNNTGTTCT", "NR GRE"),
        ("homeodomain", "GTCATAAAA", "HOX/CDX"), ("homeodomain", "CTAATTAG", "homeodomain TAATTA"),
        ("homeodomain", "GGGGGGGG", "homeodomain"), ("GATA", "AGATAAG", "GATA"),
    ],
)  # fmt: skip
def test_sites_tell_apart_those_of_one_group(group, sequence, label):
    pssm = motif(sequence)
    assert label_of(group, pssm) == label
    assert label_of(group, pssm[::-1, ::-1]) == label
    flanked = np.vstack([np.full((3, 4), 0.25), pssm, np.full((2, 4), 0.25)])
    assert label_of(group, flanked) == label


def test_a_site_that_differs_by_a_letter_is_named_after_factors_that_are_alike():
    # between TTGCGCAA of CEBP and TTACGTAA of NFIL3: one letter decides nothing where all that is alike is CEBP
    between = np.array([[0.02, 0.02, 0.02, 0.94], [0.02, 0.02, 0.02, 0.94], [0.52, 0.02, 0.44, 0.02],
                        [0.02, 0.52, 0.02, 0.44], [0.44, 0.02, 0.52, 0.02], [0.02, 0.44, 0.02, 0.52],
                        [0.94, 0.02, 0.02, 0.02], [0.94, 0.02, 0.02, 0.02]])  # fmt: skip
    assert label_of("bZIP", between) == "NFIL3/DBP"
    assert label_of("bZIP", between, ["CEBPA", "CEBPB", "CEBPG"]) == "CEBP"
    assert label_of("bZIP", between, ["Hlf", "NFIL3"]) == "NFIL3/DBP"
    assert label_of("bZIP", between, ["CEBPA", "ATF4::TEF"]) == "NFIL3/DBP"
