"""Families of transcription factors: which factor belongs where, from JASPAR's annotation."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from contextlib import closing
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from iceqream.motifs._motif_set import MotifSet
from iceqream.motifs.symbols import candidates, comparable, jaspar_id

if TYPE_CHECKING:
    from collections.abc import Iterable

COLUMNS = ("symbol", "family", "tf_class")
# a family is guessed from the letters of a symbol if this many known symbols with these letters agree
_MIN_RELATIVES = 2
_AGREEMENT = 0.9


class Factor(NamedTuple):
    """A factor as JASPAR knows it; an empty string where it does not."""

    symbol: str = ""
    family: str = ""
    tf_class: str = ""


def annotate(motifs: MotifSet) -> MotifSet:
    """Add the factor's symbol, family and class to the metadata of motifs, where they can be known.

    A symbol is read from the metadata (``symbol``, ``tf``) or the motif's name, in the styles of JASPAR, HOCOMOCO,
    HOMER, CIS-BP, Jolma et al. and the SCENIC+ collection; family and class are those that JASPAR gives to this symbol,
    in any species, or to all symbols that begin with the same letters (GATA12, if every GATA is of one family). What
    the metadata say already stays.

    Parameters
    ----------
    motifs
        From any source.

    Returns
    -------
    MotifSet
        Metadata with the columns symbol, family and tf_class; an empty string where nothing is known.

    Raises
    ------
    TypeError
        If `motifs` is no MotifSet.

    Examples
    --------
    >>> import iceqream as iq, numpy as np
    >>> motifs = iq.motifs.MotifSet.from_dict({"GATA1_HUMAN.H11MO.0.A": np.eye(4)[[2, 0, 3, 0]]})
    >>> iq.motifs.annotate(motifs).metadata.iloc[0].tolist()
    ['GATA1', 'C4-GATA-related', 'Other C4 zinc finger-type factors']
    """
    if not isinstance(motifs, MotifSet):
        msg = f"motifs must be a MotifSet (iq.motifs.read, iq.motifs.jaspar), got {type(motifs).__name__}."
        raise TypeError(msg)
    table = motifs.metadata
    given = {c: _text(table[c]) if c in table else [""] * len(motifs) for c in (*COLUMNS, "tf")}
    found = [
        factor_of(symbol) if symbol else _of_name(str(name), tf)
        for symbol, tf, name in zip(given["symbol"], given["tf"], motifs.names, strict=True)
    ]
    filled = {
        column: [mine or getattr(factor, column) for mine, factor in zip(given[column], found, strict=True)]
        for column in COLUMNS
    }
    return MotifSet(motifs.names, motifs.pssm, motifs.lengths, table.assign(**filled))


def _text(column: pd.Series) -> list[str]:
    return ["" if pd.isna(value) or str(value) == "nan" else str(value) for value in column]


def _of_name(name: str, tf: str) -> Factor:
    """Return the factor of a motif: its matrix id counts before its name, a name in a known style before a word."""
    by_id, _, _ = _jaspar_factors()
    exact = by_id.get(jaspar_id(name) or jaspar_id(tf))
    if exact:
        return exact
    for text in dict.fromkeys((name, tf)):
        words, style_known = candidates(text)
        exact = next((factor_of(word) for word in words if _is_known(word)), None)
        if exact:
            return exact
        # the first word of a name in no known style is a symbol if it has relatives
        factor = factor_of(words[-1]) if words else Factor()
        if style_known or factor.tf_class:
            return factor
    return Factor()


def _is_known(symbol: str) -> bool:
    _, by_symbol, _ = _jaspar_factors()
    return comparable(symbol) in by_symbol


@lru_cache(maxsize=65536)
def factor_of(symbol: str) -> Factor:
    """Return what is known of a symbol; at least itself."""
    _, by_symbol, by_stem = _jaspar_factors()
    exact = by_symbol.get(comparable(symbol))
    if exact:
        return Factor(symbol, exact.family, exact.tf_class)
    if "::" in symbol:
        parts = [factor_of(part) for part in symbol.split("::")]
        if all(part.family for part in parts):
            return Factor(symbol, _joined(part.family for part in parts), _joined(part.tf_class for part in parts))
        return Factor(symbol)
    relatives = by_stem.get(_stem(symbol))
    return Factor(symbol, relatives.family, relatives.tf_class) if relatives else Factor(symbol)


def known_factors() -> list[Factor]:
    """Return every factor that JASPAR knows, of any species, once."""
    return list(_jaspar_factors()[1].values())


def _joined(values: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(value for value in values if value))


def _stem(symbol: str) -> str:
    letters = re.match(r"[A-Z]{3,}|[A-Z]\d[A-Z]", comparable(symbol))
    return letters.group() if letters else ""


@lru_cache(maxsize=1)
def _jaspar_factors() -> tuple[dict[str, Factor], dict[str, Factor], dict[str, Factor]]:
    """Return the factors by matrix id, by comparable symbol and by the letters of their symbols, all releases."""
    from pyjaspar import jaspardb

    database = jaspardb()
    with closing(database.conn) as connection:
        matrices = connection.execute("SELECT ID, BASE_ID, VERSION, NAME FROM MATRIX").fetchall()
        notes = connection.execute(
            "SELECT ID, TAG, VAL FROM MATRIX_ANNOTATION WHERE TAG IN ('family', 'class', 'tax_group')"
        ).fetchall()
        others = connection.execute("SELECT TF_NAME, FAMILY, CLASS FROM DL_TF_ANNOTATION").fetchall()
    noted: dict[tuple[int, str], list[str]] = defaultdict(list)
    for matrix, tag, value in notes:
        noted[matrix, tag].append(value or "")

    def importance(row: tuple[int, str, int, str]) -> tuple[bool, bool, int]:
        matrix, _, matrix_version, _ = row
        vertebrate = "vertebrates" in noted[matrix, "tax_group"]
        return bool(_joined(noted[matrix, "family"])), vertebrate, int(matrix_version)

    # the last one counts
    matrices.sort(key=importance)
    factors = [Factor(name, _joined(noted[i, "family"]), _joined(noted[i, "class"])) for i, _, _, name in matrices]
    by_id = {base: factor for (_, base, _, _), factor in zip(matrices, factors, strict=True)}
    known_elsewhere = [Factor(symbol, family or "", tf_class or "") for symbol, family, tf_class in others]
    by_symbol = {comparable(factor.symbol): factor for factor in (*known_elsewhere, *factors)}
    groups: dict[str, list[Factor]] = defaultdict(list)
    for key, factor in by_symbol.items():
        if "::" not in key and factor.tf_class:
            groups[_stem(key)].append(factor)
    by_stem = {
        stem: Factor("", _shared([f.family for f in group]), _shared([f.tf_class for f in group]))
        for stem, group in groups.items()
        if stem and len(group) >= _MIN_RELATIVES
    }
    return by_id, by_symbol, by_stem


def _shared(values: list[str]) -> str:
    value, count = Counter(values).most_common(1)[0]
    return value if count >= _AGREEMENT * len(values) else ""
