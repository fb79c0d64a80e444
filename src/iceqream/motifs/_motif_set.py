"""A set of motifs as stacked arrays."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream._core.messages import examples, refuse_data
from iceqream._files import numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

logger = logging.getLogger(__name__)

_IUPAC = {
    "A": "A", "C": "C", "G": "G", "T": "T", "AC": "M", "AG": "R", "AT": "W", "CG": "S", "CT": "Y", "GT": "K",
}  # fmt: skip
_DOMINANT = 0.5
_PAIR = 0.75
_LEAST_PROBABILITY = 1e-3
"""Of a letter before its logarithm is taken."""
LONG_COLUMNS = ("motif", "pos", "A", "C", "G", "T")


@dataclass(frozen=True)
class Motif:
    """One motif of a `MotifSet`."""

    name: str
    pssm: np.ndarray
    """Probabilities, length x 4 (A, C, G, T)."""
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class MotifSet:
    """Motifs as one stacked array of probabilities, with a table of what is known about each.

    Parameters
    ----------
    names
        One unique name per motif. Names are labels, never keys: any character is allowed.
    pssm
        Probabilities, motifs x longest length x 4 (A, C, G, T); positions past a motif's length are ignored. Counts are
        turned into probabilities.
    lengths
        Length of each motif, bp.
    metadata
        One row per motif (for instance tf, family, species, source, release); the index is replaced by the names.

    Raises
    ------
    ValueError
        For shapes that disagree, duplicated names, negative or missing values, or a position that sums to 0.

    Examples
    --------
    >>> import iceqream as iq
    >>> motifs = iq.motifs.MotifSet.from_dict({"GATA": [[0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0]]})
    >>> motifs.consensus()
    ['GATA']
    >>> motifs.reverse_complement().consensus()
    ['TATC']
    """

    names: np.ndarray
    pssm: np.ndarray
    lengths: np.ndarray
    metadata: pd.DataFrame = field(default_factory=pd.DataFrame)

    def __post_init__(self) -> None:
        names = np.array([str(name) for name in self.names], dtype=object)
        lengths = np.asarray(self.lengths, dtype=np.int64)
        pssm = np.array(self.pssm, dtype=np.float64)
        if pssm.ndim != 3 or pssm.shape[2] != 4 or len(names) != len(pssm) or len(lengths) != len(pssm):
            msg = (
                "A MotifSet needs names (m), pssm (m x length x 4) and lengths (m); "
                f"got shapes {names.shape}, {pssm.shape} and {lengths.shape}."
            )
            raise ValueError(msg)
        if len(lengths) and (lengths.min() < 1 or lengths.max() > pssm.shape[1]):
            msg = f"Motif lengths must lie between 1 and {pssm.shape[1]}, got {lengths.min()} to {lengths.max()}."
            raise ValueError(msg)
        duplicated = pd.Index(names)[pd.Index(names).duplicated()].unique()
        if len(duplicated):
            msg = f"{len(duplicated)} motif name(s) occur more than once: {examples(duplicated)}. Rename them."
            raise ValueError(msg)
        pssm = pssm[:, : int(lengths.max())] if len(lengths) else pssm
        padding = np.arange(pssm.shape[1])[None, :] >= lengths[:, None]
        pssm[padding] = 0.25
        bad = ~np.isfinite(pssm).all(axis=(1, 2)) | (pssm < 0).any(axis=(1, 2)) | (pssm.sum(axis=2) <= 0).any(axis=1)
        if bad.any():
            msg = (
                f"{int(bad.sum())} motif(s) have negative or missing values or a position that sums to 0: "
                f"{examples(names[bad])}."
            )
            raise ValueError(msg)
        pssm /= pssm.sum(axis=2, keepdims=True)
        metadata = pd.DataFrame(self.metadata)
        if metadata.shape[1] == 0:
            metadata = pd.DataFrame(index=range(len(names)))
        if len(metadata) != len(names):
            msg = f"The metadata has {len(metadata)} rows for {len(names)} motifs."
            raise ValueError(msg)
        metadata = metadata.set_axis(pd.Index(names, name="motif"), axis=0)
        for key, value in (("names", names), ("pssm", pssm), ("lengths", lengths), ("metadata", metadata)):
            object.__setattr__(self, key, value)

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Motif]:
        records = self.metadata.to_dict("records")
        for i, name in enumerate(self.names):
            known = {str(k): v for k, v in records[i].items()} if records else {}
            yield Motif(name, self.matrix(i), known)

    def __repr__(self) -> str:
        if len(self) == 0:
            return "MotifSet of 0 motifs"
        span = f"{self.lengths.min()}-{self.lengths.max()} bp"
        return f"MotifSet of {len(self)} motifs, {span}: {examples(self.names)}"

    def __getitem__(self, key: str | int | slice | Sequence[Any] | np.ndarray | pd.Series) -> MotifSet:
        """Return the motifs of a name, names, positions, a slice or a boolean mask, in that order."""
        index = self._positions(key)
        return MotifSet(self.names[index], self.pssm[index], self.lengths[index], self.metadata.iloc[index])

    def _positions(self, key: Any) -> np.ndarray:
        if isinstance(key, slice):
            return np.arange(len(self))[key]
        if isinstance(key, str | int | np.integer):
            key = [key]
        values = np.asarray(key)
        if values.dtype == bool:
            if len(values) != len(self):
                msg = f"The mask has {len(values)} values for {len(self)} motifs."
                raise ValueError(msg)
            return np.flatnonzero(values)
        if values.dtype.kind in "iu" or len(values) == 0:
            return np.arange(len(self))[values.astype(np.int64)]
        index = pd.Index(self.names).get_indexer(pd.Index([str(v) for v in values]))
        if (index < 0).any():
            missing = [str(v) for v, i in zip(values, index, strict=True) if i < 0]
            msg = f"{len(missing)} motif(s) are not in this set of {len(self)}: {examples(missing)}."
            raise KeyError(msg)
        return index

    def matrix(self, motif: str | int) -> np.ndarray:
        """Return the probabilities of one motif, length x 4."""
        i = int(self._positions(motif)[0])
        return self.pssm[i, : self.lengths[i]]

    @classmethod
    def from_dict(cls, matrices: Mapping[str, Any], metadata: pd.DataFrame | None = None) -> MotifSet:
        """Stack motifs given as name -> length x 4 probabilities or counts.

        Raises
        ------
        ValueError
            If a matrix is not length x 4 or breaks a rule of `MotifSet`.
        """
        arrays = {str(name): _matrix(matrix) for name, matrix in matrices.items()}
        odd = [
            f"{name} has shape {a.shape}" for name, a in arrays.items() if a.ndim != 2 or a.shape[1] != 4 or not len(a)
        ]
        if odd:
            msg = f"A motif is a length x 4 matrix (A, C, G, T): {examples(odd)}."
            raise ValueError(msg)
        lengths = np.array([len(a) for a in arrays.values()], dtype=np.int64)
        pssm = np.full((len(arrays), int(lengths.max(initial=1)), 4), 0.25)
        for i, a in enumerate(arrays.values()):
            pssm[i, : len(a)] = a
        return cls(
            np.array(list(arrays), dtype=object), pssm, lengths, pd.DataFrame() if metadata is None else metadata
        )

    @classmethod
    def from_long_table(cls, table: pd.DataFrame) -> MotifSet:
        """Read a table with one row per position: motif, pos, A, C, G, T; further columns become metadata.

        Raises
        ------
        KeyError
            If a column is missing.
        ValueError
            If positions repeat, or a motif breaks a rule of `MotifSet`.
        """
        missing = [c for c in LONG_COLUMNS if c not in table.columns]
        if missing:
            msg = f"The motif table lacks the column(s) {', '.join(missing)}; it needs {', '.join(LONG_COLUMNS)}."
            raise KeyError(msg)
        codes, names = pd.factorize(table["motif"].astype(str))
        columns = {name: numbers(table[name]) for name in ("pos", *"ACGT")}
        unreadable = ~np.isfinite(np.column_stack(list(columns.values()))).all(axis=1)
        if unreadable.any():
            first_bad = int(unreadable.argmax())
            shown = examples([f"{c} {table[c].iloc[first_bad]!r}" for c in columns], 5)
            msg = f"{int(unreadable.sum())} row(s) have missing or unreadable numbers; row {first_bad}: {shown}."
            raise ValueError(msg)
        pos = columns["pos"]
        order = np.lexsort((pos, codes))
        sorted_codes, sorted_pos = codes[order], pos[order]
        repeated = (np.diff(sorted_codes) == 0) & (np.diff(sorted_pos) == 0)
        if repeated.any():
            again = np.unique(sorted_codes[1:][repeated])
            msg = f"{len(again)} motif(s) have a position twice: {examples(names[again])}."
            raise ValueError(msg)
        lengths = np.bincount(codes, minlength=len(names))
        first = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        within = np.arange(len(order)) - np.repeat(first, lengths)
        pssm = np.full((len(names), int(lengths.max(initial=1)), 4), 0.25)
        pssm[sorted_codes, within] = np.column_stack([columns[letter] for letter in "ACGT"])[order]
        extra = [c for c in table.columns if c not in LONG_COLUMNS]
        metadata = table.iloc[order[first]][extra] if len(names) else pd.DataFrame()
        return cls(np.asarray(names, dtype=object), pssm, lengths, metadata)

    def to_long_table(self) -> pd.DataFrame:
        """Return one row per position: motif, pos (from 0), A, C, G, T and the metadata."""
        rows = np.repeat(np.arange(len(self)), self.lengths)
        pos = np.concatenate([np.arange(n) for n in self.lengths]) if len(self) else np.array([], dtype=np.int64)
        table = pd.DataFrame({"motif": self.names[rows], "pos": pos})
        table[list("ACGT")] = self.pssm[rows, pos]
        for column in self.metadata.columns:
            table[column] = self.metadata[column].to_numpy()[rows]
        return table

    @staticmethod
    def concat(sets: Iterable[MotifSet]) -> MotifSet:
        """Join sets; their metadata columns are united and names must stay unique.

        Raises
        ------
        ValueError
            If a name occurs in more than one set.
        """
        sets = list(sets)
        if not sets:
            msg = "No motif sets were given."
            raise ValueError(msg)
        longest = max(s.pssm.shape[1] for s in sets)
        pssm = np.full((sum(map(len, sets)), longest, 4), 0.25)
        row = 0
        for s in sets:
            pssm[row : row + len(s), : s.pssm.shape[1]] = s.pssm
            row += len(s)
        metadata = pd.concat([s.metadata for s in sets])
        return MotifSet(
            np.concatenate([s.names for s in sets]), pssm, np.concatenate([s.lengths for s in sets]), metadata
        )

    def rename(self, names: Sequence[str] | np.ndarray | pd.Series, metadata: pd.DataFrame | None = None) -> MotifSet:
        """Return the motifs under other names (duplicates get a suffix), with other metadata if given."""
        unique = np.array(unique_names([str(name) for name in names]), dtype=object)
        table = self.metadata if metadata is None else metadata
        return MotifSet(unique, self.pssm, self.lengths, table)

    def reverse_complement(self) -> MotifSet:
        """Return the motifs read on the other strand, names unchanged."""
        pssm = np.full_like(self.pssm, 0.25)
        for i, length in enumerate(self.lengths):
            pssm[i, :length] = self.pssm[i, :length][::-1, ::-1]
        return MotifSet(self.names, pssm, self.lengths, self.metadata)

    def sharpened(self, exponent: float) -> MotifSet:
        """Return the motifs with each probability to the power of `exponent`, renormalised.

        That multiplies every difference of energy: 1 leaves the motifs as they are, 0.5 halves the energies between
        letters, as at twice the temperature, so that weaker sites count for more.
        """
        if exponent == 1.0:
            return self
        floored = np.maximum(self.pssm, _LEAST_PROBABILITY)
        powers = floored**exponent
        return replace(self, pssm=powers / powers.sum(axis=2, keepdims=True))

    def information_content(self) -> np.ndarray:
        """Return bits per position against a uniform background, motifs x longest length (0 past the end).

        The sum over positions is a motif's total information.
        """
        p = self.pssm
        entropy = -np.sum(np.where(p > 0, p * np.log2(np.where(p > 0, p, 1.0)), 0.0), axis=2)
        return np.maximum(2.0 - entropy, 0.0)

    def trim(self, min_bits: float = 0.1) -> MotifSet:
        """Cut positions below `min_bits` bits off both ends; at least the best position stays."""
        informative = self.information_content() >= min_bits
        best = self.information_content().argmax(axis=1)
        informative[np.arange(len(self)), best] = True
        first = informative.argmax(axis=1)
        last = informative.shape[1] - informative[:, ::-1].argmax(axis=1)
        kept = {name: self.pssm[i, first[i] : last[i]] for i, name in enumerate(self.names)}
        return MotifSet.from_dict(kept, self.metadata)

    def consensus(self) -> list[str]:
        """Return IUPAC consensus sequences.

        A letter stands alone above 50 % if it is more than twice the second, two letters together above 75 %; else N.
        """
        return ["".join(_consensus_letter(p) for p in self.pssm[i, :n]) for i, n in enumerate(self.lengths)]


def _consensus_letter(p: np.ndarray) -> str:
    order = np.argsort(-p, kind="stable")
    first, second = p[order[0]], p[order[1]]
    if first > _DOMINANT and first > 2 * second:
        return "ACGT"[order[0]]
    if first + second > _PAIR:
        return _IUPAC["".join(sorted("ACGT"[i] for i in order[:2]))]
    return "N"


def _matrix(values: Any) -> np.ndarray:
    refuse_data(values, "A motif")
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        return np.empty(0)


def joined(sets: Sequence[MotifSet]) -> MotifSet:
    """Join sets whose names may occur again; these get a suffix."""
    names = iter(unique_names([str(name) for motifs in sets for name in motifs.names]))
    return MotifSet.concat([motifs.rename([next(names) for _ in motifs.names]) for motifs in sets])


def unique_names(names: Sequence[str]) -> list[str]:
    """Append .2, .3, ... to names that occurred before."""
    seen: set[str] = set()
    unique: list[str] = []
    for name in names:
        candidate, n = name, 1
        while candidate in seen:
            n += 1
            candidate = f"{name}.{n}"
        seen.add(candidate)
        unique.append(candidate)
    return unique
