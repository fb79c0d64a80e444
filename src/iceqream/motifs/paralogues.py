"""The factors that a motif may stand for: those of the library motifs it resembles, and their families' members."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

import pandas as pd

from iceqream.motifs.families import annotate, factor_of, known_factors
from iceqream.motifs.groups import group_of
from iceqream.motifs.naming import MAX_BEHIND, stored_matches
from iceqream.motifs.symbols import comparable

if TYPE_CHECKING:
    from iceqream.motifs._motif_set import MotifSet

COLUMNS = ("motif", "symbol", "source")
MATCH, FAMILY = "match", "family"


def candidate_factors(motifs: MotifSet) -> pd.DataFrame:
    """Return the factors that each motif may stand for.

    They are the factors of the library motifs that were stored as its most similar ones, as far as these are not far
    behind the best and belong to a group on which the matches agree; of a motif without matches its own symbol. To
    these come the factors that JASPAR puts into the same family, of those that share a site (zinc fingers do not by
    family). A pair of factors counts as both.

    Returns
    -------
    DataFrame, one row per motif and factor: motif, symbol, source ("match" or "family").
    """
    matches = dict(list(stored_matches(motifs).groupby("motif", sort=False)))
    own = annotate(motifs).metadata["symbol"]
    agreed = motifs.metadata["family"] if "family" in motifs.metadata else pd.Series("", index=own.index)
    rows = []
    for name, symbol, group in zip(motifs.names, own, agreed, strict=True):
        matched = _of_matches(matches[name], str(group)) if name in matches else _parts(str(symbol))
        found: dict[str, tuple[str, str]] = {}
        for one in matched:
            found.setdefault(comparable(one), (one, MATCH))
        for one in matched:
            for member in _members(one):
                found.setdefault(comparable(member), (member, FAMILY))
        rows += [(str(name), factor, source) for factor, source in found.values()]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _of_matches(matches: pd.DataFrame, agreed: str) -> list[str]:
    """Return the factors of the matches that have a say, of the agreed groups where there are some."""
    near = matches[matches["similarity"] >= matches["similarity"].iloc[0] - MAX_BEHIND]
    factors = list(dict.fromkeys(part for symbol in near["symbol"] for part in _parts(symbol)))
    groups = set(agreed.split("+")) if agreed and agreed != "nan" else set()
    inside = [one for one in factors if group_of(*factor_of(one)) in groups]
    return inside or factors


def _parts(symbol: str) -> list[str]:
    return [part for part in symbol.split("::") if part and part != "nan"]


def _members(symbol: str) -> list[str]:
    """Return the factors of the same family and group, itself among them."""
    factor = factor_of(symbol)
    return _families().get((factor.family, group_of(*factor)), []) if factor.family else []


@lru_cache(maxsize=1)
def _families() -> dict[tuple[str, str], list[str]]:
    families: dict[tuple[str, str], list[str]] = defaultdict(list)
    for factor in known_factors():
        if factor.family and "::" not in factor.symbol:
            families[factor.family, group_of(*factor)].append(factor.symbol)
    return {key: sorted(symbols, key=str.upper) for key, symbols in families.items()}
