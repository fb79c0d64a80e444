"""A genome: sequences from FASTA or 2bit, genes from GTF or BED, and one clear check of peaks against it."""

from __future__ import annotations

import gzip
import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream._core.messages import examples
from iceqream._core.sequence import UNKNOWN, encode

if TYPE_CHECKING:
    from os import PathLike

logger = logging.getLogger(__name__)

_WHOLE_CHROMOSOME_FROM = 50
"""Peaks on a chromosome from which one long read is faster than many short ones."""
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
        path = Path(genes)
        suffixes = [s for s in path.suffixes if s not in {".gz", ".bgz"}]
        kind = suffixes[-1].lower() if suffixes else ""
        if not path.exists():
            msg = f"There is no gene file {path}."
            raise FileNotFoundError(msg)
        if kind in {".gtf", ".gff"}:
            return cls._from_intervals(*_read_gtf(path))
        if kind == ".bed":
            return cls._from_intervals(*_read_bed(path))
        msg = f"{path} is neither a GTF nor a BED file; read it with pandas and pass the table (0-based, half-open)."
        raise ValueError(msg)

    @classmethod
    def _from_intervals(cls, transcripts: pd.DataFrame, exons: pd.DataFrame) -> Genes:
        if len(transcripts) == 0:
            msg = "No genes were found: check the file's format."
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
        self.path = Path(fasta)
        if not self.path.exists():
            msg = f"There is no genome file {self.path}."
            raise FileNotFoundError(msg)
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
            hint = _prefix_hint(names[unknown], self.chromosomes)
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
            if len(rows) >= _WHOLE_CHROMOSOME_FROM:
                origin = int(first.min())
                codes = encode(self._reader.fetch(name, origin, int(last.max())))[0]
                pieces = [codes[a - origin : b - origin] for a, b in zip(first, last, strict=True)]
            else:
                pieces = [
                    encode(self._reader.fetch(name, int(a), int(b)))[0] if b > a else np.empty(0, dtype=np.uint8)
                    for a, b in zip(first, last, strict=True)
                ]
            for row, a, piece in zip(rows, first, pieces, strict=True):
                at = a - start[row]
                out[row, at : at + len(piece)] = piece
        return out


def read_fasta(path: str | PathLike[str]) -> dict[str, str]:
    """Return the sequences of a FASTA file by name, in the file's order.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    """
    from pyfaidx import Fasta

    if not Path(path).exists():
        msg = f"There is no FASTA file {path}."
        raise FileNotFoundError(msg)
    fasta = Fasta(str(path), as_raw=True)
    return {name: str(fasta[name][:]) for name in fasta.keys()}  # noqa: SIM118


class _Fasta:
    def __init__(self, path: Path) -> None:
        from pyfaidx import Fasta, UnsupportedCompressionFormat

        index = Path(f"{path}.fai")
        options: dict[str, Any] = {"as_raw": True, "rebuild": False}
        if not index.exists() and not os.access(path.parent, os.W_OK):
            self._folder = tempfile.TemporaryDirectory(prefix="iceqream_")
            options["indexname"] = str(Path(self._folder.name) / index.name)
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
        self._file = py2bit.open(str(path))
        self.lengths = {str(name): int(length) for name, length in self._file.chroms().items()}

    def fetch(self, chrom: str, start: int, end: int) -> str:
        return str(self._file.sequence(chrom, start, end))


def _prefix_hint(unknown: np.ndarray, known: dict[str, int]) -> str:
    if any(f"chr{name}" in known for name in unknown):
        return "The genome's names start with 'chr' and the peaks' do not: add the prefix to var['chrom']."
    if any(name.removeprefix("chr") in known for name in unknown if name.startswith("chr")):
        return "The peaks' names start with 'chr' and the genome's do not: remove the prefix from var['chrom']."
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


def _read_gtf(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    columns = ["chrom", "source", "feature", "start", "end", "score", "strand", "frame", "attributes"]
    table = pd.read_csv(
        path, sep="\t", comment="#", header=None, names=columns, dtype={"chrom": str}, usecols=list(range(9)), quoting=3
    )
    table = table[table["strand"].isin(["+", "-"])]
    name = table["attributes"].str.extract(r'gene_name[ =]"?([^";]+)', expand=False)
    identifier = table["attributes"].str.extract(r'gene_id[ =]"?([^";]+)', expand=False)
    # GTF is 1-based and closed
    table = table.assign(gene=name.fillna(identifier).fillna(""), start=table["start"] - 1)
    features = set(table["feature"])
    wanted = next((f for f in ("transcript", "mRNA", "gene") if f in features), None)
    if wanted is None:
        msg = f"{path} lists neither transcripts nor genes; its features are {examples(sorted(features))}."
        raise ValueError(msg)
    return _intervals_of_table(table[table["feature"] == wanted]), _intervals_of_table(
        table[table["feature"] == "exon"]
    )


def _read_bed(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt") as file:
        rows = [
            (number, line.rstrip("\n").split("\t"))
            for number, line in enumerate(file, 1)
            if line.strip() and not line.startswith(("#", "track", "browser"))
        ]
    short = [number for number, fields in rows if len(fields) < 6]
    if short:
        msg = f"{path}, line {short[0]}: genes need six BED columns (chrom, start, end, name, score, strand)."
        raise ValueError(msg)
    transcripts = pd.DataFrame(
        [fields[:6] for _, fields in rows], columns=["chrom", "start", "end", "gene", "score", "strand"]
    )
    exons = [
        (fields[0], int(fields[1]) + int(offset), int(fields[1]) + int(offset) + int(size), fields[5], fields[3])
        for _, fields in rows
        if len(fields) >= 12
        for size, offset in zip(fields[10].strip(",").split(","), fields[11].strip(",").split(","), strict=True)
    ]
    return _intervals_of_table(transcripts), _intervals_of_table(pd.DataFrame(exons, columns=_INTERVALS))
