"""What biologists call groups of factors with a common site, and the sites that tell apart those of one group."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from iceqream._core.energy import with_pseudo_probability

if TYPE_CHECKING:
    from collections.abc import Iterable

# group | symbols | families (regular expressions; the first line that holds decides). Zinc fingers share no site by
# family: those that do are listed by symbol, any other is a group of its own.
_GROUPS = tuple(
    tuple(field.strip() for field in line.split("~"))
    for line in """
    CTCF ~ CTCF|CTCFL ~
    KLF/SP ~ KLF\\d+|SP[1-9] ~
    EGR ~ EGR\\d|WT1 ~
    E-box ~ SNAI\\d|SCRT\\d|ZEB\\d ~ tal-|e2a|myod|bhlh|hairy|pas|twist|hes
    GLI/ZIC ~ GLI[1-3]|GLIS\\d|ZIC\\d ~
    YY1 ~ YY[12]|ZFP42 ~
    GFI1 ~ GFI1B? ~
    ZNF143 ~ ZNF143|ZNF76|THAP11 ~
    BCL6 ~ BCL6B? ~
    OVOL ~ OVOL\\d ~
    OSR ~ OSR\\d ~
    PLAG ~ PLAG1|PLAGL\\d ~
    ZBTB7 ~ ZBTB7[A-C] ~
    ZFX ~ ZFX|ZFY|ZNF711 ~
    MAZ ~ MAZ|VEZF1|PATZ1|ZNF281|ZNF148|RREB1|ZNF467|ZNF740 ~
    IKZF ~ IKZF\\d ~
    HIC ~ HIC\\d ~
    NRF1 ~ NRF1 ~
    HNF1 ~ HNF1[AB] ~
    CUX/ONECUT ~ CUX\\d|ONECUT\\d ~
    GATA ~ ~ c4-gata
    ETS ~ ~ ets
    IRF ~ IRF\\d|PRDM1|ZBED2 ~ interferon
    RUNX ~ CBFB ~ runt
    bZIP ~ ~ fos|jun|b-atf|creb|cebp|atf|maf|xbp|c/ebp
    NFY ~ ~ heteromeric ccaat
    FOX ~ ~ fox
    E2F ~ ~ e2f
    RFX ~ ~ rfx
    SOX ~ ~ sox
    TCF/LEF ~ ~ tcf-7
    POU ~ POU\\d.* ~ pou domain
    PAX ~ ~ paired domain|paired plus
    homeodomain ~ ~ hox|nk$|paired-related|hd-|tale|homeo
    T-box ~ ~ tbx|tbrain|brachyury
    STAT ~ ~ stat
    SMAD ~ ~ smad
    NFI ~ ~ nuclear factor 1
    NF-kB ~ ~ nf-?kappab
    NFAT ~ ~ nfat
    RBPJ ~ ~ csl
    EBF ~ ~ early b-cell|ebf
    TEAD ~ ~ tef-1
    MEF2 ~ ~ regulators of differentiation
    SRF ~ ~ responders to external
    AP-2 ~ ~ ap-2
    GRHL ~ ~ grainyhead
    TFCP2 ~ ~ cp2
    HSF ~ ~ hsf
    MYB ~ MYB.* ~ myb/sant
    p53 ~ ~ p53
    DMRT ~ ~ dmrt
    GCM ~ ~ gcm
    TBP ~ ~ tbp
    NR ~ NR0B1 ~ .*\\(nr\\d
    """.strip().splitlines()
)
_OWN_SITE = re.compile(r"c2h2|c2ch|c2hc", re.IGNORECASE)

# of groups with several sites: what each site is called, on either strand
_SITES = {
    "E-box": {
        f"E-box {site}": site for site in ("CAGCTG", "CAGGTG", "CACGTG", "CATATG", "CAGATG", "CACGCG", "TACGTG")
    },
    "bZIP": {
        "AP-1": "TGASTCA", "CRE": "TGACGTCA TGACG", "CREB3/XBP1": "TGACGTGG TGCCACGT", "CEBP": "TTRCGCAA TTGCRCAAY",
        "ATF4/CEBP": "TGATGCAA", "NFIL3/DBP": "TTAYGYAA", "MAF/NFE2": "TGCTGAC TGCTGASTCA",
    },
    "ETS": {"ETS": "CMGGAAGT", "PU.1": "AGAGGAAGT"},
    "homeodomain": {
        "homeodomain TAATTA": "TAATTA TAATTG", "OTX/PITX": "TAATCC", "HOX/CDX": "TTTATG TTTACGA", "NKX2": "CACTTAA",
        "MEIS/TGIF": "TGACAG", "PBX/MEIS": "TGATTKAT", "BARHL": "TAAACG", "IRX": "ACATGTA", "SIX": "TGATACC",
    },
    "NR": {
        "NR DR1": "RGGTCANAGGTCA", "NR DR2": "RGGTCANNAGGTCA", "NR DR4": "RGGTCANNNNAGGTCA",
        "NR DR5": "RGGTCANNNNNAGGTCA", "NR GRE": "RGNACANNNTGTNCY", "NR ERE": "RGGTCANNNTGACCY", "NR AGGTCA": "AGGTCA",
    },
}  # fmt: skip
_FACTORS = {
    "CEBP": r"CEBP\w", "NFIL3/DBP": "NFIL3|DBP|HLF|TEF", "MAF/NFE2": r"MAF\w?|NRL|NFE2(L\d)?|BACH\d",
    "PU.1": r"SPI[1BC]|SPI-\w",
}  # fmt: skip
"""Sites that are told from each other by a letter or two: they are named only where one of the most similar motifs is
of a factor that binds them."""
_LETTERS = {
    "A": "A", "C": "C", "G": "G", "T": "T", "M": "AC", "R": "AG", "W": "AT", "S": "CG", "Y": "CT", "K": "GT",
    "N": "ACGT",
}  # fmt: skip
_PRIOR = 0.05
_EDGE = 17


@lru_cache(maxsize=65536)
def group_of(symbol: str, family: str, tf_class: str) -> str:
    """Return what the group of a factor is called; an empty string for one of which nothing is known."""
    upper, lower = symbol.upper(), family.lower()
    for label, symbols, families in _GROUPS:
        if (symbols and re.fullmatch(symbols, upper)) or (families and re.match(families, lower)):
            return label
    if not family or _OWN_SITE.search(tf_class):
        return symbol
    return re.sub(r"[- ]related|[ -]factors?\b|[ -]like\b|\(.*?\)", "", family.partition(";")[0]).strip() or symbol


def label_of(group: str, pssm: np.ndarray, symbols: Iterable[str] | None = None) -> str:
    """Return what a motif of this group is called: the group, or the site it has in a group with several.

    `symbols` are the factors of the most similar motifs, if known.

    The site is the one with the most bits (log-likelihood ratio against the uniform background, either strand) above
    half of those of a perfect site; where none has half, the group is all that is said.
    """
    probabilities = with_pseudo_probability(pssm[None], _PRIOR)[0]
    padded = np.pad(probabilities, ((_EDGE, _EDGE), (0, 0)), constant_values=0.25)
    scores = {
        label: max(_site_bits(site, padded) for site in sites.split())
        for label, sites in _SITES.get(group, {}).items()
        if symbols is None or label not in _FACTORS or _has_factor(_FACTORS[label], symbols)
    }
    best = max(scores, key=lambda label: scores[label], default=group)
    return best if scores.get(best, 1) > 0 else group


def _has_factor(pattern: str, symbols: Iterable[str]) -> bool:
    """Return whether one of these factors, alone or in a pair, is of those that a pattern names."""
    return any(re.fullmatch(pattern, part.upper()) for symbol in symbols for part in symbol.split("::"))


def _site_bits(site: str, probabilities: np.ndarray) -> float:
    """Return the bits of the best place for a site, either strand, less half of those of a perfect site."""
    allowed = np.array([[letter in _LETTERS[code] for letter in "ACGT"] for code in site], dtype=np.float64)
    weight = allowed * (4 / allowed.sum(axis=1, keepdims=True))
    strands = np.stack([probabilities, probabilities[::-1, ::-1]])
    windows = np.lib.stride_tricks.sliding_window_view(strands, len(site), axis=1)
    bits = np.log2(np.einsum("swlk,kl->swk", windows, weight)).sum(axis=2).max()
    return float(bits - np.log2(weight.max(axis=1)).sum() / 2)
