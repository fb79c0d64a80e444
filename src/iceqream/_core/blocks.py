"""Reading a matrix a block of rows at a time, and exact quantiles over blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_VALUES = 2**19
"""Values of a block, so that its temporary arrays stay in the cache; a block has one row at least."""
_GATHERED = 2**24
"""Values that a quantile may hold at once (128 MiB)."""


def read_rows(matrix: Any, rows: slice | np.ndarray) -> np.ndarray:
    """Return rows of a dense, sparse, backed or lazy (dask) matrix as dense float64, C order."""
    block = matrix[rows]
    if hasattr(block, "compute"):
        block = block.compute()
    if hasattr(block, "toarray"):
        block = block.toarray()
    return np.ascontiguousarray(block, dtype=np.float64)


def row_blocks(shape: tuple[int, int]) -> Iterator[slice]:
    """Cut the rows of a matrix of this shape into blocks."""
    size = max(1, _VALUES // max(shape[1], 1))
    for first in range(0, shape[0], size):
        yield slice(first, min(first + size, shape[0]))


def quantile_of_blocks(blocks: Callable[[], Iterable[np.ndarray]], size: int, q: float) -> float:
    """Return a quantile (linear, as `numpy.quantile`) of all values of all blocks together, exactly.

    Parameters
    ----------
    blocks
        Starts a pass over the blocks: float64, none negative. More than one pass is made when there are many values.
    size
        Number of values of all blocks together.
    q
        Between 0 and 1.
    """
    position = (size - 1) * q
    lower = int(np.floor(position))
    ranks = (lower, min(lower + 1, size - 1))
    low, high = (_order_statistics(blocks, size, ranks) if size <= _GATHERED
                 else [_order_statistics(blocks, size, (rank,))[0] for rank in ranks])  # fmt: skip
    return float(np.quantile([low, high], position - lower))


def _order_statistics(
    blocks: Callable[[], Iterable[np.ndarray]], size: int, ranks: tuple[int, ...]
) -> list[np.floating[Any]]:
    """Return the values of these ranks (one rank where `size` exceeds what may be gathered).

    The bits of floats that are not negative sort as the floats do: 16 bits are fixed in each pass, until what shares
    them with the value looked for is few, or all 64 are known.
    """
    shift, prefix, before, left = 64, 0, 0, size
    while left > _GATHERED and shift > 0:
        shift -= 16
        digits = np.zeros(2**16, dtype=np.int64)
        for block in blocks():
            bits = _with_prefix(block, shift + 16, prefix).view(np.uint64) >> np.uint64(shift)
            digits += np.bincount((bits & np.uint64(0xFFFF)).astype(np.int64), minlength=2**16)
        up_to = np.cumsum(digits)
        digit = int(np.searchsorted(up_to, ranks[0] - before, side="right"))
        before += int(up_to[digit] - digits[digit])
        left, prefix = int(digits[digit]), (prefix << 16) | digit
    if left > _GATHERED:
        return list(np.array([prefix], dtype=np.uint64).view(np.float64))
    gathered = np.empty(left)
    filled = 0
    for block in blocks():
        values = _with_prefix(block, shift, prefix)
        gathered[filled : filled + len(values)] = values
        filled += len(values)
    within = [rank - before for rank in ranks]
    gathered.partition(within)
    return [gathered[rank] for rank in within]


def _with_prefix(block: np.ndarray, shift: int, prefix: int) -> np.ndarray:
    """Return the values whose bits above `shift` are `prefix`."""
    # adding 0 makes 0 of -0, whose bits would sort last
    values = block.ravel() + 0.0
    return values if shift == 64 else values[values.view(np.uint64) >> np.uint64(shift) == np.uint64(prefix)]
