"""Files that people bring: every error names the file, and the line where there are lines."""

from __future__ import annotations

import errno
import gzip
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

_GZIP = b"\x1f\x8b"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_SHOWN = 80
_LONGEST = 300
"""Letters of a library's reason that are repeated."""


def existing(path: str | PathLike[str], what: str = "file") -> Path:
    """Return the path of a file, or refuse what is none.

    Raises
    ------
    FileNotFoundError
        If there is nothing.
    ValueError
        If it is a folder.
    """
    path = Path(path)
    if not path.exists():
        msg = f"There is no {what} {path}."
        raise FileNotFoundError(msg)
    if path.is_dir():
        msg = f"{path} is a folder, not a {what}."
        raise ValueError(msg)
    return path


def target(path: str | PathLike[str]) -> Path:
    """Return the path of a file to write, or refuse it before any work is done.

    Raises
    ------
    FileNotFoundError
        If its folder does not exist.
    """
    path = Path(path)
    if not path.parent.is_dir():
        msg = f"There is no folder {path.parent} to write {path.name} into: create it first."
        raise FileNotFoundError(msg)
    return path


def is_gzipped(path: Path) -> bool:
    """Return whether a file is gzipped or bgzipped, by its first bytes."""
    with path.open("rb") as file:
        return file.read(2) == _GZIP


@contextmanager
def reading(path: str | PathLike[str], what: str) -> Iterator[None]:
    """Turn every error of a library that reads a file, and of our checks of its content, into one that names the file.

    Raises
    ------
    ValueError
        With the path, what it should have been, and the library's reason.
    OSError, MemoryError, ImportError
        As they are where the fault is the machine's: no such file, no permission, a full disk, no memory.
    """
    try:
        yield
    except BaseException as error:
        # a panic of a library in Rust is no Exception
        if _of_machine(error) or not (isinstance(error, Exception) or type(error).__name__ == "PanicException"):
            raise
        reason = " ".join(str(error.args[0] if isinstance(error, KeyError) and error.args else error).split())
        if isinstance(error, ValueError) and reason.startswith(str(path)):
            raise
        msg = f"{path} cannot be read as {what}: {reason[:_LONGEST] or type(error).__name__}"
        raise ValueError(msg) from error


def _of_machine(error: BaseException) -> bool:
    """Return whether an error says nothing about the content of a file.

    A library's own kind of FileNotFoundError does: zarr raises one for a folder that holds no zarr.
    """
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    return isinstance(error, ImportError | MemoryError) or type(error) in {FileNotFoundError, PermissionError}


def lines(path: str | PathLike[str], what: str = "file") -> Iterator[tuple[int, str]]:
    """Yield the lines of a text file, plain or gzipped, with their numbers from 1.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is a folder, its gzip data are damaged or incomplete, or a line is no UTF-8 text (with its number).
    """
    path = existing(path, what)
    number = 0
    with gzip.open(path, "rb") if is_gzipped(path) else path.open("rb") as file:
        try:
            for number, raw in enumerate(file, start=1):
                yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            msg = f"{path}, line {number}: this is no UTF-8 text ({error.reason})."
            raise ValueError(msg) from error
        except EOFError as error:
            msg = f"{path} ends in the middle, after line {number}: the download or the copy is incomplete."
            raise ValueError(msg) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            msg = f"{path} is damaged after line {number}: its gzip data cannot be read."
            raise ValueError(msg) from error


def read_text(path: str | PathLike[str], what: str = "file") -> str:
    """Return the text of a file, plain or gzipped; errors as of `lines`."""
    return "\n".join(line for _, line in lines(path, what)) + "\n"


def numbers(values: Any) -> np.ndarray:
    """Return values or texts as float64, n; NaN for what is no number.

    pandas' own conversion of texts ends the process on exponents of 20 digits.
    """
    array = np.asarray(values)
    return array.astype(np.float64) if array.dtype.kind in "fiub" else np.array([_number(v) for v in array])


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def shown(line: str) -> str:
    """Return the beginning of a line for a message."""
    return repr(line.strip()[:_SHOWN])


def is_position(text: str) -> bool:
    """Return whether a field is a position on a chromosome: ASCII digits, no more than int64 holds."""
    return text.isascii() and text.isdigit() and len(text) < 19
