"""Motif files: MEME, JASPAR, HOMER, TRANSFAC and long tables."""

from __future__ import annotations

import gzip
import io
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd

from iceqream._core.messages import examples
from iceqream._files import lines as text_lines
from iceqream._files import reading, target
from iceqream.motifs._motif_set import LONG_COLUMNS, MotifSet, unique_names
from iceqream.motifs.families import annotate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from os import PathLike

logger = logging.getLogger(__name__)

Format = Literal["meme", "jaspar", "homer", "transfac", "table"]
_MAX_LENGTH = 70


def read(path: str | PathLike[str], *, format: Format | None = None) -> MotifSet:  # noqa: A002
    r"""Read motifs from a file, plain or gzipped.

    Parameters
    ----------
    path
        A file in MEME, JASPAR (counts with or without brackets), HOMER or TRANSFAC format, or a tab- or comma-separated
        table with the columns motif, pos, A, C, G and T (further columns become metadata).
    format
        Format of the file; ``None`` recognises it by its content.

    Returns
    -------
    MotifSet
        Names as in the file; repeated names get the suffix .2, .3, ... (logged). Alternative names of MEME and JASPAR
        files are kept in ``metadata["tf"]``; symbol, family and tf_class are added where they are known (`annotate`).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the format is not recognised, or a line cannot be read (with its number).

    Examples
    --------
    >>> import iceqream as iq, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "gata.jaspar"
    >>> _ = path.write_text(">MA1 GATA\nA [0 9 0 9]\nC [0 0 0 0]\nG [9 0 0 0]\nT [0 0 9 0]\n")
    >>> iq.motifs.read(path).consensus()
    ['GATA']
    """
    path = Path(path)
    lines = [line for _, line in text_lines(path, "motif file")]
    format = format or _recognise(lines, path)  # noqa: A001
    if format not in get_args(Format):
        msg = f"Unknown motif format {format!r}: use one of {', '.join(get_args(Format))}."
        raise ValueError(msg)
    if format == "table":
        separator = "\t" if "\t" in next(iter(lines), "") else ","
        with reading(path, "a table of motifs"):
            text = io.StringIO("\n".join(lines))
            table = pd.read_csv(text, sep=separator, float_precision="round_trip")
            return annotate(MotifSet.from_long_table(table))
    records = list(_PARSERS[format](lines, path))
    if not records:
        msg = f"{path} has no motif in {format} format."
        raise ValueError(msg)
    names = unique_names([name for name, _, _ in records])
    renamed = [new for new, (old, _, _) in zip(names, records, strict=True) if new != old]
    if renamed:
        logger.warning("%d motif name(s) of %s occur more than once: %s", len(renamed), path.name, examples(renamed))
    matrices = {name: matrix for name, (_, _, matrix) in zip(names, records, strict=True)}
    too_long = [f"{name} ({len(m)} bp)" for name, m in matrices.items() if len(m) > _MAX_LENGTH]
    if too_long:
        msg = f"{path}: {len(too_long)} motif(s) are longer than {_MAX_LENGTH} bp: {examples(too_long)}."
        raise ValueError(msg)
    tf = [alternative or old for old, alternative, _ in records]
    with reading(path, f"motifs in {format} format"):
        return annotate(MotifSet.from_dict(matrices, pd.DataFrame({"tf": tf, "source": path.name})))


def write(motifs: MotifSet, path: str | PathLike[str], *, format: Format = "meme") -> None:  # noqa: A002
    """Write motifs to a file.

    Parameters
    ----------
    motifs
        What to write.
    path
        Target; replaced if it exists.
    format
        MEME, JASPAR, HOMER, TRANSFAC or a tab-separated table. All hold probabilities; only the table keeps all
        metadata.

    Raises
    ------
    ValueError
        If the format is unknown, or names hold blanks that the format cannot hold.

    Examples
    --------
    >>> import iceqream as iq, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "motifs.meme"
    >>> iq.motifs.write(iq.motifs.MotifSet.from_dict({"x": [[0.7, 0.1, 0.1, 0.1]]}), path)
    >>> iq.motifs.read(path).names
    array(['x'], dtype=object)
    """
    if format not in get_args(Format):
        msg = f"Unknown motif format {format!r}: use one of {', '.join(get_args(Format))}."
        raise ValueError(msg)
    blank = [name for name in motifs.names if re.search(r"\s", name)]
    if blank and format != "table":
        msg = f"{len(blank)} name(s) hold blanks, which {format} files cannot: {examples(blank)}. Use format='table'."
        raise ValueError(msg)
    if format == "table":
        text = motifs.to_long_table().to_csv(sep="\t", index=False)
    else:
        text = _HEADERS.get(format, "") + "".join(
            _WRITERS[format](m.name, str(m.metadata.get("tf", "")) or m.name, m.pssm) for m in motifs
        )
    path = target(path)
    unfinished = path.with_name(path.name + ".part")
    if path.suffix == ".gz":
        unfinished.write_bytes(gzip.compress(text.encode()))
    else:
        unfinished.write_text(text)
    unfinished.replace(path)


Record = tuple[str, str, np.ndarray]


def _recognise(lines: list[str], path: Path) -> Format:
    stripped = [line.strip() for line in lines if line.strip()]
    if not stripped:
        msg = f"{path} is empty."
        raise ValueError(msg)
    first = stripped[0]
    if set(LONG_COLUMNS) <= set(re.split(r"[\t,]", first)):
        return "table"
    if first.startswith("MEME version") or any(line.startswith("letter-probability matrix") for line in stripped):
        return "meme"
    if any(re.match(r"(P0|PO)\s+A\s+C\s+G\s+T", line) for line in stripped):
        return "transfac"
    if first.startswith(">"):
        rows = [line for line in stripped[1:6] if not line.startswith(">")]
        if rows and (rows[0][0] in "Aa[" or (len(rows) == 4 and len(rows[0].split()) != 4)):
            return "jaspar"
        # four rows of four numbers are ambiguous: HOMER's rows are probabilities
        sums = [sum(map(float, row.split())) for row in rows[:4] if _is_numeric_row(row)]
        if sums and all(abs(s - 1) < 0.02 for s in sums):
            return "homer"
        if len(rows) == 4 and len(sums) == 4:
            return "jaspar"
        if sums:
            return "homer"
    msg = f"The motif format of {path} is not recognised. Name it: format= one of {', '.join(get_args(Format))}."
    raise ValueError(msg)


def _is_numeric_row(row: str) -> bool:
    try:
        list(map(float, row.split()))
    except ValueError:
        return False
    return True


def _numbers(text: str, path: Path, number: int, expected: int | None = 4) -> list[float]:
    try:
        values = [float(v) for v in text.split()]
    except ValueError:
        values = []
    wrong = any(not 0 <= value < np.inf for value in values)
    if not values or wrong or (expected is not None and len(values) != expected):
        msg = f"{path}, line {number}: expected {expected or 'some'} numbers from 0 on, found {text.strip()[:60]!r}."
        raise ValueError(msg)
    return values


def _parse_meme(lines: list[str], path: Path) -> Iterator[Record]:
    name, alternative = "", ""
    i = 0
    while i < len(lines):
        line = lines[i].strip()
        if line.startswith("MOTIF"):
            words = line.split()
            if len(words) < 2:
                msg = f"{path}, line {i + 1}: a MOTIF line without a name."
                raise ValueError(msg)
            name, alternative = words[1], words[2] if len(words) > 2 else ""
        elif line.startswith("letter-probability matrix"):
            declared = re.search(r"\bw\s*=\s*(\d{1,6})", line)
            rows: list[list[float]] = []
            while i + 1 < len(lines) and (declared is None or len(rows) < int(declared[1])):
                following = lines[i + 1].strip()
                if declared is None and (not following or not _is_numeric_row(following)):
                    break
                i += 1
                if following:
                    rows.append(_numbers(following, path, i + 1))
            if declared is not None and len(rows) < int(declared[1]):
                msg = f"{path}, line {i + 1}: motif {name} ends after {len(rows)} of {declared[1]} positions."
                raise ValueError(msg)
            yield name, alternative, np.array(rows)
        i += 1


def _parse_jaspar(lines: list[str], path: Path) -> Iterator[Record]:
    header: tuple[str, str] | None = None
    rows: list[list[float]] = []
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if not line:
            continue
        if line.startswith(">"):
            words = line[1:].split(maxsplit=1)
            header, rows = (words[0] if words else "", words[1] if len(words) > 1 else ""), []
            continue
        if header is None:
            msg = f"{path}, line {number}: a matrix before the first '>' line."
            raise ValueError(msg)
        text = re.sub(r"^[ACGTacgt]\s*[:|]?\s*|[\[\]]", " ", line)
        rows.append(_numbers(text, path, number, None))
        if len(rows) == 4:
            if len({len(row) for row in rows}) != 1:
                msg = f"{path}, line {number}: the four rows of {header[0]} differ in length."
                raise ValueError(msg)
            yield (*header, np.array(rows).T)
            header = None
    if header is not None:
        msg = f"{path}: motif {header[0]} has {len(rows)} of 4 rows."
        raise ValueError(msg)


def _parse_homer(lines: list[str], path: Path) -> Iterator[Record]:
    header: tuple[str, str] | None = None
    rows: list[list[float]] = []
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if not line:
            continue
        if line.startswith(">"):
            if header is not None:
                yield (*header, np.array(rows).reshape(-1, 4))
            words = line[1:].split("\t") if "\t" in line else line[1:].split()
            name = next((word for word in (*words[1:2], *words[:1]) if word.strip()), "")
            if not name:
                msg = f"{path}, line {number}: a '>' line without a name."
                raise ValueError(msg)
            header, rows = (name.split()[0], name.split("/")[0].split("(")[0]), []
        else:
            rows.append(_numbers(line, path, number))
    if header is not None:
        yield (*header, np.array(rows).reshape(-1, 4))


def _parse_transfac(lines: list[str], path: Path) -> Iterator[Record]:
    labels: dict[str, str] = {}
    rows: list[list[float]] = []
    inside = False
    for number, raw in enumerate([*lines, "//"], 1):
        tag, _, rest = raw.strip().partition(" ") if "\t" not in raw else raw.strip().partition("\t")
        if tag in {"AC", "ID", "NA"}:
            labels[tag] = rest.strip()
        elif tag in {"P0", "PO"}:
            inside = True
        elif inside and tag.isdigit():
            rows.append(_numbers(" ".join(rest.split()[:4]), path, number))
        elif tag in {"XX", "//"}:
            inside = False
        if tag == "//":
            if rows:
                name = labels.get("AC") or labels.get("ID") or labels.get("NA") or "motif"
                yield name.split()[0], labels.get("NA") or labels.get("ID", ""), np.array(rows)
            labels, rows = {}, []


def _write_meme(name: str, tf: str, matrix: np.ndarray) -> str:
    rows = "\n".join(" ".join(f"{v:.6f}" for v in row) for row in matrix)
    alternative = "" if tf == name or re.search(r"\s", tf) else f" {tf}"
    return f"MOTIF {name}{alternative}\nletter-probability matrix: alength= 4 w= {len(matrix)}\n{rows}\n\n"


def _write_jaspar(name: str, tf: str, matrix: np.ndarray) -> str:
    rows = "\n".join(f"{letter} [ {' '.join(f'{v:.6f}' for v in matrix[:, i])} ]" for i, letter in enumerate("ACGT"))
    return f">{name}\t{tf}\n{rows}\n"


def _write_homer(name: str, _tf: str, matrix: np.ndarray) -> str:
    rows = "\n".join("\t".join(f"{v:.6f}" for v in row) for row in matrix)
    return f">{''.join('ACGT'[i] for i in matrix.argmax(axis=1))}\t{name}\t0\n{rows}\n"


def _write_transfac(name: str, tf: str, matrix: np.ndarray) -> str:
    rows = "\n".join(f"{i:02d}  {' '.join(f'{v:.6f}' for v in row)}" for i, row in enumerate(matrix, 1))
    return f"AC  {name}\nXX\nNA  {tf}\nXX\nP0  A C G T\n{rows}\nXX\n//\n"


_HEADERS = {
    "meme": "MEME version 4\n\nALPHABET= ACGT\n\nstrands: + -\n\n"
    "Background letter frequencies\nA 0.25 C 0.25 G 0.25 T 0.25\n\n"
}
_WRITERS: dict[str, Callable[[str, str, np.ndarray], str]] = {
    "meme": _write_meme,
    "jaspar": _write_jaspar,
    "homer": _write_homer,
    "transfac": _write_transfac,
}
_PARSERS: dict[str, Callable[[list[str], Path], Iterator[Record]]] = {
    "meme": _parse_meme,
    "jaspar": _parse_jaspar,
    "homer": _parse_homer,
    "transfac": _parse_transfac,
}
