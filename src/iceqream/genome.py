"""A genome: sequences from FASTA or 2bit, genes from GTF or BED, and one clear check of peaks against it."""

from __future__ import annotations

import logging
import os
import re
import tempfile
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream._bed import is_comment
from iceqream._binary import check_two_bit
from iceqream._core.messages import examples
from iceqream._core.sequence import KNOWN_LETTERS, UNKNOWN, encode
from iceqream._files import existing, is_position, lines, reading, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

_LONG_READ_FROM = 50
"""Peaks of a part of a chromosome from which one long read is faster than many short ones."""
_PART = 16_000_000
"""bp that are read at once."""
_INTERVALS = ["chrom", "start", "end", "strand", "gene"]


@dataclass(frozen=True)
class Genes:
    """Transcription start sites and exons.

    Parameters
    ----------
    tss
        chrom, position (0-based, bp), strand (+1 or -1), gene; one row per distinct site.
    exons
        chrom, start, end (0-based, half-open, bp), strand, gene; may be empty.
    """

    tss: pd.DataFrame
    exons: pd.DataFrame

    @classmethod
    def read(cls, genes: str | PathLike[str] | pd.DataFrame | Genes) -> Genes:
        """Read genes from a GTF or BED file (plain or gzipped) or a table.

        GTF: start sites of the transcripts (of the genes when the file lists no transcripts) and the exons. BED: six
        columns or more; the blocks of BED12 are the exons. Table: a DataFrame with chrom, start, end (0-based,
        half-open) and strand ("+"/"-" or 1/-1), and optionally gene or gene_name.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file or table has no usable row, or a strand is neither + nor -.
        """
        if isinstance(genes, Genes):
            return genes
        if isinstance(genes, pd.DataFrame):
            return cls._from_intervals(_intervals_of_table(genes), pd.DataFrame(columns=_INTERVALS))
        if not isinstance(genes, str | PathLike):
            msg = f"Genes come from a GTF or BED file, a table or iq.Genes, not from a {type(genes).__name__}."
            raise TypeError(msg)
        path = existing(genes, "gene file")
        suffixes = [s for s in path.suffixes if s not in {".gz", ".bgz"}]
        kind = suffixes[-1].lower() if suffixes else ""
        if kind in {".gtf", ".gff", ".gff3"}:
            return cls._from_intervals(*_read_gtf(path))
        if kind == ".bed":
            return cls._from_intervals(*_read_bed(path))
        msg = f"{path} is neither a GTF nor a BED file; read it with pandas and pass the table (0-based, half-open)."
        raise ValueError(msg)

    @classmethod
    def _from_intervals(cls, transcripts: pd.DataFrame, exons: pd.DataFrame) -> Genes:
        if len(transcripts) == 0:
            msg = "The gene table has no row."
            raise ValueError(msg)
        forward = transcripts["strand"].to_numpy() > 0
        position = np.where(forward, transcripts["start"], transcripts["end"] - 1)
        tss = pd.DataFrame(
            {
                "chrom": transcripts["chrom"].to_numpy(),
                "position": position.astype(np.int64),
                "strand": transcripts["strand"].to_numpy(dtype=np.int64),
                "gene": transcripts["gene"].to_numpy(),
            }
        )
        return cls(tss.drop_duplicates(ignore_index=True), exons.drop_duplicates(ignore_index=True))


class Genome:
    r"""Sequences and genes of one assembly.

    Parameters
    ----------
    fasta
        FASTA file, plain or bgzipped, or a .2bit file. An index is written next to it when there is none (to a
        temporary folder if that place is read-only).
    genes
        GTF or BED file, table, or `Genes` (see `Genes.read`).
    name
        Label kept with the sequences, for instance "hg38"; ``None`` takes the file's name.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a gzipped FASTA is not bgzipped.

    Examples
    --------
    >>> import iceqream as iq, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "toy.fa"
    >>> _ = path.write_text(">chr1\nACGTACGTAC\n")
    >>> genome = iq.Genome(path)
    >>> genome.chromosomes
    {'chr1': 10}
    >>> genome.sequences(["chr1"], [2], [6])
    array([[2, 3, 0, 1]], dtype=uint8)
    """

    def __init__(
        self,
        fasta: str | PathLike[str],
        genes: str | PathLike[str] | pd.DataFrame | Genes | None = None,
        *,
        name: str | None = None,
    ) -> None:
        self.path = existing(fasta, "genome file")
        self.name = name or self.path.name
        self._reader = _TwoBit(self.path) if self.path.suffix == ".2bit" else _Fasta(self.path)
        self.chromosomes: dict[str, int] = self._reader.lengths
        self.genes = None if genes is None else Genes.read(genes)

    def __repr__(self) -> str:
        return f"Genome {self.name} of {len(self.chromosomes)} sequences, {sum(self.chromosomes.values()):,} bp"

    def check(self, chrom: Any, start: Any, end: Any) -> None:
        """Check intervals (0-based, half-open) against the chromosomes, all at once.

        Raises
        ------
        ValueError
            For unknown chromosomes (with a hint when only the ``chr`` prefix differs), negative starts, empty
            intervals, or ends past the chromosome.
        """
        chrom, start, end = np.asarray(chrom, dtype=object), np.asarray(start), np.asarray(end)
        names, code = np.unique(chrom.astype(str), return_inverse=True)
        unknown = ~np.isin(names, list(self.chromosomes))
        question = f"Is {self.name} the right assembly?"
        if unknown.any():
            n = int(unknown[code].sum())
            hint = prefix_hint(names[unknown], self.chromosomes, "peaks", "var['chrom']")
            msg = (
                f"{n} of {len(chrom)} peaks lie on {int(unknown.sum())} chromosome(s) that {self.name} does not have: "
                f"{examples(names[unknown])}; it has {examples(self.chromosomes)}. {hint or question}"
            )
            raise ValueError(msg)
        length = np.array([self.chromosomes[name] for name in names], dtype=np.int64)[code]
        bad = (start < 0) | (end <= start) | (end > length)
        if bad.any():
            shown = examples(
                f"{chrom[i]}:{start[i]}-{end[i]} (chromosome has {length[i]} bp)" for i in np.flatnonzero(bad)[:4]
            )
            msg = f"{int(bad.sum())} of {len(chrom)} peaks do not lie within their chromosome: {shown}. {question}"
            raise ValueError(msg)

    def sequences(self, chrom: Any, start: Any, end: Any) -> np.ndarray:
        """Read intervals of equal width as codes A0 C1 G2 T3 N4, uint8, n x width.

        Positions before 0 or past the end of a chromosome become N; `check` is the place to refuse them.

        Raises
        ------
        ValueError
            If the widths differ, or a chromosome is unknown.
        """
        chrom = np.asarray(chrom, dtype=object)
        start, end = np.asarray(start, dtype=np.int64), np.asarray(end, dtype=np.int64)
        widths = np.unique(end - start)
        if len(widths) != 1:
            msg = f"All intervals must have the same width; found {examples(widths)} bp."
            raise ValueError(msg)
        self.check(chrom, np.zeros(len(chrom), dtype=np.int64), np.ones(len(chrom), dtype=np.int64))
        width = int(widths[0])
        out = np.full((len(chrom), width), UNKNOWN, dtype=np.uint8)
        for name in np.unique(chrom.astype(str)):
            rows = np.flatnonzero(chrom == name)
            length = self.chromosomes[name]
            first, last = np.clip(start[rows], 0, length), np.clip(end[rows], 0, length)
            order = np.argsort(first, kind="stable")
            # a long chromosome in parts, so that it is never in memory as a whole
            for part in np.split(order, _part_ends(first[order], last[order])):
                if len(part) >= _LONG_READ_FROM:
                    origin = int(first[part[0]])
                    codes = self._fetch(name, origin, int(last[part].max()))
                    pieces = [codes[a - origin : b - origin] for a, b in zip(first[part], last[part], strict=True)]
                else:
                    pieces = [
                        self._fetch(name, int(a), int(b)) if b > a else np.empty(0, dtype=np.uint8)
                        for a, b in zip(first[part], last[part], strict=True)
                    ]
                for row, a, piece in zip(rows[part], first[part], pieces, strict=True):
                    at = a - start[row]
                    out[row, at : at + len(piece)] = piece
        return out

    def _fetch(self, chrom: str, start: int, end: int) -> np.ndarray:
        with reading(self.path, f"a genome ({chrom}:{start}-{end})"):
            codes = encode(self._reader.fetch(chrom, start, end))[0]
            if len(codes) != end - start:
                msg = f"{len(codes)} bases instead of {end - start}; is its index (.fai) that of another file?"
                raise ValueError(msg)
        return codes


def read_fasta(path: str | PathLike[str]) -> dict[str, str]:
    """Return the sequences of a FASTA file, plain or gzipped, by name (to the first blank), in the file's order.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        For text before the first name, a name that repeats or has no sequence, or letters that are no nucleotides (with
        the line), or if there is no sequence.
    """
    parts: dict[str, list[str]] = {}
    name = None
    for number, line in lines(path, "FASTA file"):
        text = line.strip()
        if text.startswith(">"):
            if name is not None and not parts[name]:
                msg = f"{path}, line {number}: {name!r} has no sequence."
                raise ValueError(msg)
            name = next(iter(text[1:].split()), "")
            if name in parts or not name:
                msg = f"{path}, line {number}: {f'the name {name!r} repeats' if name else 'a sequence without a name'}."
                raise ValueError(msg)
            parts[name] = []
        elif text:
            wrong = text.strip(KNOWN_LETTERS)
            if name is None or wrong:
                what = "text before the first '>' line" if name is None else f"{wrong[0]!r} is no nucleotide"
                msg = f"{path}, line {number}: {what}: {shown(line)}."
                raise ValueError(msg)
            parts[name].append(text)
    if name is None or not parts[name]:
        msg = f"{path} has no sequence" + (f" of {name!r}, its last name." if name else ".")
        raise ValueError(msg)
    return {name: "".join(pieces) for name, pieces in parts.items()}


class _Fasta:
    def __init__(self, path: Path) -> None:
        from pyfaidx import Fasta, UnsupportedCompressionFormat

        index = Path(f"{path}.fai")
        options: dict[str, Any] = {"as_raw": True, "rebuild": False}
        if not index.exists() and not os.access(path.parent, os.W_OK):
            self._folder = tempfile.TemporaryDirectory(prefix="iceqream_")
            options["indexname"] = str(Path(self._folder.name) / index.name)
        with reading(path, "a FASTA"):
            try:
                self._fasta = Fasta(str(path), **options)
            except UnsupportedCompressionFormat as error:
                msg = f"{path} is gzipped but not bgzipped: run `gunzip` on it, or compress it with `bgzip`."
                raise ValueError(msg) from error
            self.lengths = {name: len(self._fasta[name]) for name in self._fasta.keys()}  # noqa: SIM118

    def fetch(self, chrom: str, start: int, end: int) -> str:
        return str(self._fasta[chrom][start:end])


class _TwoBit:
    def __init__(self, path: Path) -> None:
        try:
            import py2bit
        except ImportError as error:
            error.add_note('Reading 2bit files needs py2bit: pip install "iceqream[twobit]"')
            raise
        with reading(path, "a 2bit file"):
            check_two_bit(path)
            self._file = py2bit.open(str(path))
            self.lengths = {str(name): int(length) for name, length in self._file.chroms().items()}

    def fetch(self, chrom: str, start: int, end: int) -> str:
        return str(self._file.sequence(chrom, start, end))


def _part_ends(first: np.ndarray, last: np.ndarray) -> list[int]:
    """Return where intervals sorted by their start are split so that each part spans no more than can be read."""
    ends, origin = [], int(first[0])
    for i in np.flatnonzero(last - origin > _PART).tolist():
        if last[i] - origin > _PART and i > 0:
            ends.append(i)
            origin = int(first[i])
    return ends


def prefix_hint(unknown: np.ndarray, known: dict[str, int], whose: str, where: str) -> str:
    """Say that names of chromosomes differ by the prefix only; empty if they do not."""
    if any(f"chr{name}" in known for name in unknown):
        return f"The genome's names start with 'chr' and the {whose}' do not: add the prefix to {where}."
    if any(name.removeprefix("chr") in known for name in unknown if name.startswith("chr")):
        return f"The {whose}' names start with 'chr' and the genome's do not: remove the prefix from {where}."
    return ""


def _intervals_of_table(table: pd.DataFrame) -> pd.DataFrame:
    missing = [c for c in ("chrom", "start", "end", "strand") if c not in table.columns]
    if missing:
        msg = f"The gene table lacks {', '.join(missing)}; it needs chrom, start, end (0-based, half-open) and strand."
        raise ValueError(msg)
    gene = next((table[c] for c in ("gene", "gene_name", "name") if c in table.columns), None)
    return pd.DataFrame(
        {
            "chrom": table["chrom"].astype(str).to_numpy(dtype=object),
            "start": table["start"].to_numpy(dtype=np.int64),
            "end": table["end"].to_numpy(dtype=np.int64),
            "strand": _strand(table["strand"]),
            "gene": np.full(len(table), "", dtype=object) if gene is None else gene.astype(str).to_numpy(dtype=object),
        }
    )


def _strand(values: pd.Series) -> np.ndarray:
    text = values.astype(str).str.strip()
    signs = text.map({"+": 1, "-": -1, "1": 1, "-1": -1, "1.0": 1, "-1.0": -1})
    if signs.isna().any():
        msg = f"Strands must be + or -, found {examples(text[signs.isna()].unique())}."
        raise ValueError(msg)
    return signs.to_numpy(dtype=np.int64)


_GENE_NAME = re.compile(r'gene_name[ =]"?([^";]+)')
_GENE_ID = re.compile(r'gene_id[ =]"?([^";]+)')
_TRANSCRIPTS = ("transcript", "mRNA", "gene")
"""Features whose starts are start sites, the best first."""


def _read_gtf(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    found: dict[str, list[tuple]] = {feature: [] for feature in (*_TRANSCRIPTS, "exon")}
    others = set()
    for number, fields in _gtf_rows(path):
        chrom, _, feature, start, end, _, strand, _, attributes = fields[:9]
        if strand not in {"+", "-"}:
            continue
        if feature not in found:
            others.add(feature)
            continue
        if not (is_position(start) and is_position(end) and 1 <= int(start) <= int(end)):
            msg = f"{path}, line {number}: start and end must be positions from 1 on, found {start!r} and {end!r}."
            raise ValueError(msg)
        gene = _GENE_NAME.search(attributes) or _GENE_ID.search(attributes)
        # GTF is 1-based and closed
        found[feature].append((chrom, int(start) - 1, int(end), strand, gene[1] if gene else ""))
    wanted = next((feature for feature in _TRANSCRIPTS if found[feature]), None)
    if wanted is None:
        msg = f"{path} lists neither transcripts nor genes; its features are {examples(sorted(others)) or 'none'}."
        raise ValueError(msg)
    return tuple(_intervals_of_table(pd.DataFrame(found[f], columns=_INTERVALS)) for f in (wanted, "exon"))  # type: ignore[return-value]


def _gtf_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    for number, line in lines(path, "gene file"):
        if line.startswith("##FASTA"):  # the sequences of a GFF3 file
            return
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) < 9:
            msg = f"{path}, line {number}: a GTF line has nine columns, this has {len(fields)}: {shown(line)}."
            raise ValueError(msg)
        yield number, fields


def _read_bed(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    transcripts, exons = [], []
    for number, line in lines(path, "gene file"):
        if is_comment(line):
            continue
        fields = line.split("\t")
        if len(fields) < 6:
            msg = f"{path}, line {number}: genes need six BED columns (chrom, start, end, name, score, strand)."
            raise ValueError(msg)
        chrom, start, end, gene, _, strand = fields[:6]
        whole = is_position(start) and is_position(end) and int(start) < int(end) and strand in {"+", "-"}
        blocks = _blocks(fields, strand, gene) if whole and len(fields) >= 12 else []
        if not whole or blocks is None:
            msg = f"{path}, line {number} is no gene (start, end, strand + or -, blocks that match): {shown(line)}."
            raise ValueError(msg)
        transcripts.append((chrom, int(start), int(end), strand, gene))
        exons += blocks
    if not transcripts:
        msg = f"{path} has no gene."
        raise ValueError(msg)
    return tuple(_intervals_of_table(pd.DataFrame(rows, columns=_INTERVALS)) for rows in (transcripts, exons))  # type: ignore[return-value]


def _blocks(fields: list[str], strand: str, gene: str) -> list[tuple] | None:
    """Return the exons of a BED12 line, None if its blocks cannot be read."""
    sizes, offsets = fields[10].strip(",").split(","), fields[11].strip(",").split(",")
    if len(sizes) != len(offsets) or not all(map(is_position, (*sizes, *offsets))):
        return None
    first = int(fields[1])
    return [
        (fields[0], first + int(offset), first + int(offset) + int(size), strand, gene)
        for size, offset in zip(sizes, offsets, strict=True)
    ]
