"""Intervals of BED and narrowPeak files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from iceqream._files import is_position, lines, shown

if TYPE_CHECKING:
    from os import PathLike


def is_comment(line: str) -> bool:
    """Return whether a line of a BED file is no interval: blank, a comment, or an instruction to a browser."""
    return not line.strip() or line.startswith(("#", "track", "browser"))


def read_bed(path: str | PathLike[str]) -> pd.DataFrame:
    """Return chrom, start, end, score and summit (bp from the start; -1 without one) of a BED or narrowPeak file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a line is no interval (with its number), or there is none.
    """
    rows = []
    for number, line in lines(path):
        if is_comment(line):
            continue
        fields = line.split("\t")
        whole = len(fields) >= 3 and is_position(fields[1]) and is_position(fields[2])
        if not whole or not fields[0] or int(fields[2]) <= int(fields[1]):
            msg = f"{path}, line {number} is not an interval (chrom, start, end): {shown(line)}."
            raise ValueError(msg)
        narrow = len(fields) >= 10
        score = fields[6] if narrow else fields[4] if len(fields) >= 5 else "0"
        summit = int(fields[9]) if narrow and is_position(fields[9]) else -1
        rows.append((fields[0], int(fields[1]), int(fields[2]), _number(score), summit))
    if not rows:
        msg = f"{path} has no interval."
        raise ValueError(msg)
    return pd.DataFrame(rows, columns=["chrom", "start", "end", "score", "summit"])


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
