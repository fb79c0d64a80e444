"""Names of fitted motifs: by the family on which the most similar motifs of a library agree, else by consensus."""

from __future__ import annotations

from collections import defaultdict
from typing import Literal, get_args

import numpy as np
import pandas as pd

from iceqream.motifs._motif_set import MotifSet, unique_names
from iceqream.motifs.families import COLUMNS, annotate, factor_of
from iceqream.motifs.groups import group_of, label_of
from iceqream.motifs.similarity import DEFAULT_PRIOR, DEFAULT_TRIM_BITS, compared

NameBy = Literal["family", "symbol", "match", "consensus"]
N_MATCHES = 5
MIN_SIMILARITY = 0.85
"""Of motifs with shuffled positions and letters 3 % (fitted) to 7 % (JASPAR) still find a name among JASPAR's."""
MAX_BEHIND = 0.1
"""How much less similar than the best a match may be to have a say."""
MIN_AGREEMENT = 0.5
MIN_BITS = 3.0
"""Of a motif that is named after others. JASPAR's motifs, softened to so many bits, keep their name in 84 % (4 bits:
89 %, 2 bits: 58 %)."""
MATCH_COLUMNS = ("match", "similarity", *COLUMNS)
_CORE = 8
_COMPLEMENT = str.maketrans("ACGTMRWSYKN", "TGCAKYWSRMN")


def closest(motifs: MotifSet, library: MotifSet, n: int = N_MATCHES) -> pd.DataFrame:
    """Return the `n` most similar motifs of a library, best first.

    Motifs without a known factor are left out where at least half of the library's have one.

    Returns
    -------
    DataFrame, one row per motif and rank: motif, rank (from 1), match, similarity (`iceqream.motifs.similarity`, method
    cosine), symbol, family, tf_class.
    """
    if len(library) == 0:
        msg = "The motif database is empty."
        raise ValueError(msg)
    known = annotate(library)
    has_factor = (known.metadata["symbol"] != "").to_numpy()
    if 2 * has_factor.sum() >= len(known):
        known = known[has_factor]
    best, _, _ = compared(motifs.trim(DEFAULT_TRIM_BITS), known, "cosine", "both", DEFAULT_PRIOR)
    n = min(n, len(known))
    order = np.argsort(-best, axis=1, kind="stable")[:, :n]
    table = known.metadata.iloc[order.ravel()][list(COLUMNS)].reset_index(drop=True)
    table.insert(0, "motif", np.repeat(motifs.names, n))
    table.insert(1, "rank", np.tile(np.arange(1, n + 1), len(motifs)))
    table.insert(2, "match", known.names[order.ravel()])
    table.insert(3, "similarity", np.take_along_axis(best, order, axis=1).ravel())
    return table


def named(motifs: MotifSet, library: MotifSet, by: NameBy = "family") -> MotifSet:
    """Return motifs named after those of a library; their five most similar stay in the metadata."""
    return renamed(with_matches(motifs, closest(motifs, library)), by) if len(motifs) else motifs


def with_matches(motifs: MotifSet, matches: pd.DataFrame) -> MotifSet:
    """Keep a table of `closest` with the motifs: columns match_1, similarity_1, ..., and what they agree on."""
    metadata = motifs.metadata.drop(columns=[c for c in motifs.metadata if _is_match_column(str(c))])
    by_motif = [group for _, group in matches.groupby("motif", sort=False)]
    columns = {
        f"{column}_{rank + 1}": [group[column].iloc[rank] for group in by_motif]
        for rank in range(int(matches["rank"].max()))
        for column in MATCH_COLUMNS
    }
    agreed = [agreement(group) for group in by_motif]
    summary = {
        "match": columns["match_1"],
        "similarity": columns["similarity_1"],
        "symbol": [symbol for _, symbol in agreed],
        "family": [group for group, _ in agreed],
    }
    return motifs.rename(motifs.names, metadata.assign(**summary, **columns))


def stored_matches(motifs: MotifSet) -> pd.DataFrame:
    """Return the table that `with_matches` kept; of motifs without matches there are no rows."""
    metadata, parts = motifs.metadata, []
    for rank in range(1, N_MATCHES + 1):
        if f"match_{rank}" not in metadata:
            break
        part = pd.DataFrame({c: metadata[f"{c}_{rank}"].fillna("").astype(str) for c in MATCH_COLUMNS})
        parts.append(part.assign(motif=motifs.names, rank=rank, order=np.arange(len(motifs))))
    if not parts:
        return pd.DataFrame(columns=["motif", "rank", *MATCH_COLUMNS])
    table = pd.concat(parts).sort_values(["order", "rank"], kind="stable", ignore_index=True)
    table = table[~table["match"].isin(["", "nan"])]
    return table.assign(similarity=table["similarity"].astype(float))[["motif", "rank", *MATCH_COLUMNS]]


def _is_match_column(column: str) -> bool:
    stem, _, rank = column.rpartition("_")
    return column in {"match", "similarity", "symbol", "family"} or (stem in MATCH_COLUMNS and rank.isdigit())


def renamed(motifs: MotifSet, by: NameBy = "family") -> MotifSet:
    """Name motifs by their stored matches, or by their consensus where these are not alike or the motif is vague.

    Motifs without matches keep their name.
    """
    if by not in get_args(NameBy):
        msg = f"by must be one of {', '.join(get_args(NameBy))}, got {by!r}."
        raise ValueError(msg)
    consensus = core_consensus(motifs)
    if by == "consensus":
        return motifs.rename(consensus)
    groups = dict(list(stored_matches(motifs).groupby("motif")))
    if not groups:
        msg = "No matches are stored with these motifs: give a library (iq.motifs.jaspar()) to compare them with."
        raise ValueError(msg)
    vague = motifs.information_content().sum(axis=1) < MIN_BITS
    labels = [
        name if name not in groups
        else consensus[i] if vague[i] and by != "match"
        else _label(motifs.matrix(i), groups[name], by, consensus[i])
        for i, name in enumerate(motifs.names)
    ]  # fmt: skip
    return motifs.rename(labels)


def _label(pssm: np.ndarray, matches: pd.DataFrame, by: NameBy, consensus: str) -> str:
    first = matches.iloc[0]
    if by == "match":
        return str(first["match"])
    if first["similarity"] < MIN_SIMILARITY:
        return consensus
    family, symbol = agreement(matches)
    if not first["symbol"]:
        # a library of no known factors has nothing but its own names
        return str(first["match"])
    if by == "symbol":
        return symbol
    return (
        "+".join(label_of(group, pssm, list(matches["symbol"])) for group in family.split("+")) if family else consensus
    )


def agreement(matches: pd.DataFrame) -> tuple[str, str]:
    """Return the group of factors on which a motif's matches agree, and the symbol of the best of that group.

    Where the best is similar enough, those not far behind it have a say; each has one vote, a pair of factors half a
    vote for each of the two besides one for the pair. Without half of the votes the group is empty, and the symbol that
    of the best match; of two with half each it is the more similar one.
    """
    similarity = matches["similarity"].to_numpy(dtype=np.float64)
    heard = matches[(similarity >= similarity[0] - MAX_BEHIND) & (similarity[0] >= MIN_SIMILARITY)]
    votes: dict[str, float] = defaultdict(float)
    voters = [_groups(*row) for row in heard[list(COLUMNS)].itertuples(index=False)]
    for groups in voters:
        for group in groups:
            votes[group] += 1 / len(groups) if group else 0
        if len(groups) > 1:
            votes["+".join(groups)] += 1
    best, count = max(votes.items(), key=lambda item: item[1], default=("", 0.0))
    if not best or count < MIN_AGREEMENT * len(voters):
        return "", str(matches["symbol"].iloc[0])
    first = next(i for i, groups in enumerate(voters) if best in (*groups, "+".join(groups)))
    return best, str(heard["symbol"].iloc[first])


def _groups(symbol: str, family: str, tf_class: str) -> tuple[str, ...]:
    """Return the group of a factor, or those of a pair, in alphabetical order."""
    if "::" not in symbol:
        return (group_of(symbol, family, tf_class),)
    return tuple(sorted({group_of(*factor_of(part)) for part in symbol.split("::")}))


def core_consensus(motifs: MotifSet) -> list[str]:
    """Return ``motif`` and the most informative 8 bp, read on the strand that comes first in the alphabet."""
    names = []
    bits = motifs.information_content()
    for sequence, information in zip(motifs.consensus(), bits, strict=True):
        width = min(_CORE, len(sequence))
        sums = np.convolve(information[: len(sequence)], np.ones(width), mode="valid")
        core = sequence[int(sums.argmax()) :][:width].strip("N")
        names.append(f"motif {min(core, core[::-1].translate(_COMPLEMENT))}".strip())
    return unique_names(names)
