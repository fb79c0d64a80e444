"""A check of 2bit files: py2bit ends the process on a damaged one."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

_SIGNATURE = 0x1A412743


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


def _numbers(file: BinaryIO, n: int) -> tuple[int, ...]:
    return struct.unpack(f"<{n}I", _exactly(file, 4 * n))


def _exactly(file: BinaryIO, n: int) -> bytes:
    data = file.read(n)
    if len(data) < n:
        msg = "it ends in the middle"
        raise ValueError(msg)
    return data
