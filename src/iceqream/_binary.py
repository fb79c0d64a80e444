"""Checks of 2bit and bigWig files: on damaged ones py2bit and pybigtools end the process, not with an error."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

_SIGNATURE = 0x1A412743
_BIGWIG, _CHROMOSOMES, _R_TREE = 0x888FFC26, 0x78CA8C91, 0x2468ACE0
_LONGEST_NAME = 4096
_LARGEST_BLOCK = 2**30


def check_two_bit(path: Path) -> None:
    """Follow the index of a 2bit file and the sizes of its records.

    Raises
    ------
    ValueError
        If it is no 2bit file, or a size or a place leads out of it.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        signature, version, n, _ = _numbers(file, 4)
        if signature != _SIGNATURE or version != 0 or n == 0:
            msg = "its first bytes are not those of a 2bit file with sequences"
            raise ValueError(msg)
        index: dict[str, int] = {}
        for _ in range(n):
            length = _exactly(file, 1)[0]
            name = _exactly(file, length).decode("ascii")
            if not name or name in index:
                msg = f"the name {name!r} is empty or repeats"
                raise ValueError(msg)
            (index[name],) = _numbers(file, 1)
        for name, offset in index.items():
            file.seek(offset)
            _check_record(file, name, size)


def _check_record(file: BinaryIO, name: str, size: int) -> None:
    n_bases, n_blocks = _numbers(file, 2)
    blocks = np.frombuffer(_exactly(file, 8 * n_blocks), dtype="<u4").astype(np.int64).reshape(2, -1)
    (n_masked,) = _numbers(file, 1)
    end = file.tell() + 8 * n_masked + 4 + -(-n_bases // 4)
    if end > size or n_bases == 0 or (blocks.sum(axis=0) > n_bases).any():
        msg = f"the record of {name!r} is damaged or incomplete"
        raise ValueError(msg)


def check_bigwig(path: Path) -> None:
    """Follow the index of a bigWig file to its blocks of data.

    Raises
    ------
    ValueError
        If it is no bigWig file, or a size or a place leads out of it.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        first = _exactly(file, 4)
        order = next((o for o in "<>" if struct.unpack(f"{o}I", first)[0] == _BIGWIG), None)
        if order is None:
            msg = "its first bytes are not those of a bigWig file"
            raise ValueError(msg)
        _, _, names, _, tree, *_, block, _ = struct.unpack(f"{order}HHQQQHHQQIQ", _exactly(file, 60))
        file.seek(min(names, size))
        magic, _, key, value, n, _ = struct.unpack(f"{order}IIIIQQ", _exactly(file, 32))
        whole = magic == _CHROMOSOMES and value == 8 and key < _LONGEST_NAME and n * (key + value) < size
        file.seek(min(tree, size))
        (magic,) = struct.unpack(f"{order}I44x", _exactly(file, 48))
        if not whole or magic != _R_TREE or block > _LARGEST_BLOCK:
            msg = "its list of chromosomes or its index is damaged"
            raise ValueError(msg)
        _check_tree(file, tree + 48, order, size)


def _check_tree(file: BinaryIO, root: int, order: str, size: int) -> None:
    waiting, seen = [root], {root}
    while waiting:
        file.seek(waiting.pop())
        leaf, n = struct.unpack(f"{order}BxH", _exactly(file, 4))
        fields = [("bounds", f"{order}u4", 4), ("offset", f"{order}u8"), *([("size", f"{order}u8")] if leaf else [])]
        kind = np.dtype(fields)
        items = np.frombuffer(_exactly(file, n * kind.itemsize), dtype=kind)
        offset = items["offset"].astype(np.float64)  # sums of damaged places must not wrap around
        if (offset + (items["size"] if leaf else 0) > size).any():
            msg = "its index points past its end"
            raise ValueError(msg)
        children = [] if leaf else items["offset"].tolist()
        if seen.intersection(children):
            msg = "its index goes in circles"
            raise ValueError(msg)
        waiting += children
        seen.update(children)


def _numbers(file: BinaryIO, n: int) -> tuple[int, ...]:
    return struct.unpack(f"<{n}I", _exactly(file, 4 * n))


def _exactly(file: BinaryIO, n: int) -> bytes:
    if n > os.fstat(file.fileno()).st_size - file.tell():
        msg = "it ends in the middle"
        raise ValueError(msg)
    return file.read(n)
