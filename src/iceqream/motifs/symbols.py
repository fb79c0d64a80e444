"""Symbols of transcription factors, read from the names that motif databases give their motifs."""

from __future__ import annotations

import re
from functools import lru_cache

_COLLECTIONS = re.compile(r"^(?:HOMER|JASPAR|JOLMA|HOCOMOCO|CIS-?BP|SCENIC)[.:_/](?=.)", re.IGNORECASE)
JASPAR_ID = re.compile(r"(?<![A-Za-z0-9])((?:MA|UN)\d{4})(?:\.\d+)?(?![A-Za-z0-9])")
_SYMBOL = r"[A-Za-z][A-Za-z0-9()-]*(?:::[A-Za-z0-9()-]+)*"
_STYLES = tuple(
    re.compile(pattern)
    for pattern in (
        # HOCOMOCO up to 11, from 12 on
        r"^([A-Z0-9]+)_(?:HUMAN|MOUSE)\b",
        rf"^({_SYMBOL})\.H\d+[A-Z]+\.",
        # HOMER, such as GATA3(Zf)/iTreg-Gata3-ChIP-Seq(GSE20898)/Homer
        r"^([^/(]+)(?:\([^/]*\))?/.+/Homer",
        # CIS-BP: (GATA1)_(Homo_sapiens)_(DBD_1.00), GATA1_M00123_2.00
        r"^\(([^()]+)\)_\(",
        rf"^({_SYMBOL})_M\d{{4,5}}_\d",
        # Jolma: GATA3_DBD_full, CTCF_mono_full, Gata1_eDBD
        rf"^({_SYMBOL})_(?:mono|di|tri|multi|putative\w*|full|FL|e?DBD)(?:_|$)",
    )
)
# SCENIC+ writes collection__name; what is not here has no factor in its name (consensus or running number)
_FIRST = rf"^({_SYMBOL})"
_SCENIC = {
    **dict.fromkeys(
        ("bergman", "dbtfbs", "flyfactorsurvey", "hdpi", "idmmpmm", "kznf", "nitta", "taipale", "taipale_cyt_meth"),
        _FIRST,
    ),
    "taipale_tf_pairs": r"^([A-Za-z0-9-]+_(?![ACGTN0-9]+_)[A-Za-z0-9-]+)_",
    "homer": r"^[ACGTRYSWKMBDHVN]+_(\S+)",
    "swissregulon": r"^(?:hs|mm)__([^_]+)",
    "scertf": r"\.([A-Z0-9-]+)$",
    "yetfasco": r"^([A-Z0-9-]+)_",
}
_WITHOUT_FACTOR = {
    "c2h2_zfs",
    "cisbp",
    "elemento",
    "fantom",
    "neph",
    "predrem",
    "stark",
    "tfdimers",
    "tiffin",
    "transfac_public",
    "jaspar",
}

# UniProt entry names (HOCOMOCO) and HOMER's own names that are no gene symbols, without hyphens and in capitals
_ALIASES = dict(
    re.findall(
        r"(\S+)=(\S+)",
        """
    ANDR=AR AP2A=TFAP2A AP2B=TFAP2B AP2C=TFAP2C AP2D=TFAP2D ATF6A=ATF6 BARH1=BARHL1 BARH2=BARHL2 BC11A=BCL11A
    BHA15=BHLHA15 BHE22=BHLHE22 BHE23=BHLHE23 BHE40=BHLHE40 BHE41=BHLHE41 BMAL1=ARNTL BRAC=TBXT COE1=EBF1 COT1=NR2F1
    COT2=NR2F2 CR3L1=CREB3L1 CR3L2=CREB3L2 ERR1=ESRRA ERR2=ESRRB ERR3=ESRRG EVI1=MECOM GCR=NR3C1 HEN1=NHLH1
    HNF6=ONECUT1 HTF4=TCF12 HXA1=HOXA1 ITF2=TCF4 KAISO=ZBTB33 KS6A5=RPS6KA5 MCR=NR3C2 MLXPL=MLXIPL MYBA=MYBL1
    MYBB=MYBL2 NDF1=NEUROD1 NDF2=NEUROD2 NF2L1=NFE2L1 NF2L2=NFE2L2 NGN2=NEUROG2 ONEC2=ONECUT2 OZF=ZNF146 P53=TP53
    P63=TP63 P73=TP73 PEBB=CBFB PIT1=POU1F1 PKNX1=PKNOX1 PLAL1=PLAGL1 PO2F1=POU2F1 PRGR=PGR RORG=RORC RX=RAX
    SRBP1=SREBF1 SRBP2=SREBF2 STF1=NR5A1 SUH=RBPJ TF2L1=TFCP2L1 TF65=RELA TF7L1=TCF7L1 TF7L2=TCF7L2 TFE2=TCF3 THA=THRA
    THB=THRB THA11=THAP11 TWST1=TWIST1 TYY1=YY1 UBIP1=UBP1 UNC4=UNCX ZBT7A=ZBTB7A ZEP1=HIVEP1 ZEP2=HIVEP2
    ZKSC1=ZKSCAN1 ZSC22=ZSCAN22 ZSC31=ZSCAN31 ARI3A=ARID3A ARI5B=ARID5B NKX25=NKX2-5 HME1=EN1 HME2=EN2 PHX2A=PHOX2A
    PHX2B=PHOX2B GABP1=GABPB1 PU1=SPI1 PU1IRF=SPI1 FRA1=FOSL1 FRA2=FOSL2 SCL=TAL1 E2A=TCF3 OCT2=POU2F2 OCT4=POU5F1
    BRN1=POU3F3 BRN2=POU3F2 CMYC=MYC NMYC=MYCN AMYB=MYBL1 BMYB=MYBL2 TBET=TBX21 BRACHYURY=TBXT AP2ALPHA=TFAP2A
    AP2GAMMA=TFAP2C AP4=TFAP4 EKLF=KLF1 CHOP=DDIT3 NUR77=NR4A1 REVERB=NR1D1 FXR=NR1H4 LXRE=NR1H3 PPARE=PPARG ERE=ESR1
    GRE=NR3C1 ARE=AR ARHALFSITE=AR PR=PGR TR4=NR2C2 RORGT=RORC BORIS=CTCFL NRF2=NFE2L2 NFKBP65=RELA NFKBP65REL=RELA
    NFKBP50P52=NFKB1 NFKB=NFKB1 TCFL2=TCF7L2 SREBP1A=SREBF1 SREBP2=SREBF2 HIF1B=ARNT HIF2A=EPAS1 RBPJ1=RBPJ
    RESTNRSF=REST CTCFSATELLITEELEMENT=CTCF EWSERGFUSION=ERG EWSFLI1FUSION=FLI1 EWSR1FLI1=FLI1 ETS1DISTAL=ETS1
    JUNAP1=JUN CJUNCRE=JUN AP1=JUN CRE=CREB1 ISRE=IRF3 T1ISRE=IRF3 CEBP=CEBPA CEBPAP1=CEBPA CEBPCEBP=CEBPA GATA=GATA3
    ETS=ETS1 RUNXAML=RUNX1 RUNX=RUNX1 EBF=EBF1 E2F=E2F1 RFX=RFX1 XBOX=RFX1 TEAD=TEAD4 STAT5=STAT5A STAT3IL21=STAT3
    NFAT=NFATC1 NF1=NFIA NF1HALFSITE=NFIA NFY=NFYA NRF=NRF1 RXR=RXRA CARG=SRF TATABOX=TBP GFYSTAF=ZNF143
    ZNF143STAF=ZNF143 GFY=ZNF143 EBOX=TCF3 TLX=NR2E1 HNF1=HNF1A PIT11BP=POU1F1 HRE=HSF1 ARNTAHR=AHR::ARNT
    FOXEBOX=FOXA1 BARH=BARHL1 BLIMP1=PRDM1 TCFAP2A=TFAP2A TCFE2A=TCF3 TCFCP2L1=TFCP2L1 HNF3B=FOXA2 HNF3A=FOXA1
    MYOD=MYOD1 TAL1ALPHA=TAL1 T=TBXT LRH1=NR5A2 SF1=NR5A1 COUPTFII=NR2F2 COUPTFI=NR2F1 SLUG=SNAI2 BHLHB2=BHLHE40
    BHLHB3=BHLHE41 CART1=ALX1 RAXL1=RAX2 ZNF238=ZBTB18 ZNF306=ZKSCAN3 HINFP1=HINFP ZNF435=ZSCAN16 DMRTB=DMRTB1
    PRD16=PRDM16 HSFY2=HSFY1 Z324A=ZNF324A ERRA=ESRRA PAX3FKHRFUSION=PAX3 OCT4SOX17=POU5F1 GATASCL=GATA1 BZIPIRF=IRF4
    """,
    )
)
_RULES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"^ZN(\d+)$", r"ZNF\1"),
        (r"^Z(\d{3})A$", r"ZNF\1A"),
        (r"^ZF(\d+)$", r"ZFP\1"),
        (r"^HX([A-D]\d+)$", r"HOX\1"),
        (r"^PO(\d)F(\d)$", r"POU\1F\2"),
        (r"^STA(\d[AB]?)$", r"STAT\1"),
        (r"^NFAC(\d)$", r"NFATC\1"),
        (r"^NKX(\d)(\d+)$", r"NKX\1-\2"),
        (r"^NDF(\d)$", r"NEUROD\1"),
        (r"^NGN(\d)$", r"NEUROG\1"),
        (r"^COE(\d)$", r"EBF\1"),
        (r"^ONEC(\d)$", r"ONECUT\1"),
        (r"^ZBT(\d+[AB]?)$", r"ZBTB\1"),
        (r"^ZSC(\d+)$", r"ZSCAN\1"),
        (r"^ZKSC(\d)$", r"ZKSCAN\1"),
        (r"^PRD(\d+)$", r"PRDM\1"),
        (r"^PKNX(\d)$", r"PKNOX\1"),
    )
)


def comparable(symbol: str) -> str:
    """Return a symbol in capitals and without separators: how symbols are compared across species and sources."""
    return re.sub(r"[-_. ()]", "", symbol).upper()


@lru_cache(maxsize=65536)
def official(symbol: str) -> str:
    """Return the gene symbol of a database's own name of a factor; others are returned as they are."""
    if "::" in symbol:
        return "::".join(official(part) for part in symbol.split("::"))
    key = comparable(symbol)
    alias = _ALIASES.get(key) or next((p.sub(r, key) for p, r in _RULES if p.match(key)), "")
    return symbol if not alias or alias == key else alias


def jaspar_id(name: str) -> str:
    """Return the JASPAR matrix id in a name, without version, or nothing."""
    found = JASPAR_ID.search(name)
    return found.group(1) if found else ""


def candidates(name: str) -> tuple[list[str], bool]:
    """Return the factors that a motif's name may speak of, likeliest first, and whether the name's style is known.

    A word of a name in no known style is a symbol only if somebody knows it.
    """
    bare = _COLLECTIONS.sub("", name.strip())
    collection, double, rest = bare.partition("__")
    if double and collection in _WITHOUT_FACTOR:
        return [], True
    if double and collection in _SCENIC:
        found = re.search(_SCENIC[collection], rest)
        factor = found.group(1) if found else ""
        factor = factor.replace("_", "::") if collection == "taipale_tf_pairs" else factor
        return [official(factor)] if factor else [], True
    bare = rest if double else bare
    for style in _STYLES:
        found = style.search(bare)
        if found:
            return [official(found.group(1))], True
    bare = JASPAR_ID.sub("", bare).strip(" ._-:|")
    words = [bare, re.sub(r"_\d$", "", bare), re.split(r"[\s._(/|]", bare)[0]]
    return [official(word) for word in dict.fromkeys(words) if len(word) > 1], False
