"""Binding energies of motifs over sequences: the kernel that everything else waits for.

The odds of a window against the 0.25 background are a product over its letters, and the energy is log2 of a weighted
sum of odds, so no exponential or logarithm is needed per window. Columns of a motif are taken in threes: a table of
125 rows (5 letters cubed, N has odds 1) gives the odds of three letters at once. The tables of a block of motifs hold
the motifs contiguously, so that at each position one row per triple is loaded and multiplied with vector
instructions; both strands of a motif are two columns of the block. A block is small enough for its tables to stay in
the first-level cache while all sequences pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numba
import numpy as np
from llvmlite import binding, ir
from numba.core import types
from numba.extending import intrinsic

from iceqream._core.messages import examples
from iceqream._core.sequence import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

Mode = Literal["sum", "max"]
Strands = Literal["both", "forward"]

BACKGROUND = 0.25
COLUMNS = 32
"""Columns of a block: 16 motifs on both strands, or 32 on one."""
_LANES = 16 if binding.get_host_cpu_features().get("avx512f") else 8
"""Columns of one vector instruction: float32 lanes of AVX-512 where the processor has it."""
_ROWS = 125
_SPAN = 128
"""Windows that are added in the table's precision before they go into a float64 total."""
_PAD = 6
_SEQUENCES_PER_TASK = 32

# float32 tables hold products between 2^-100 and 2^100; motifs that need more (long and sharp) run in float64.
_SINGLE_RANGE_BITS = 200.0
_SINGLE_SCALE_BITS = 100.0
_DOUBLE_SCALE_BITS = 500.0


@dataclass(frozen=True)
class SpatialCurves:
    """Weights of window starts in bins along the sequence, one curve per motif.

    With a curve a whole window must lie inside ``[start, start + n_bins * bin_size)``; the bin of a window is that of
    its first base.
    """

    weights: np.ndarray
    """float64, motifs x bins, not negative, at least one positive weight per motif."""
    start: int
    """0-based position of the first bin in the sequence, bp."""
    bin_size: int
    """bp."""

    @property
    def stop(self) -> int:
        """End of the last bin (half-open), bp."""
        return self.start + self.weights.shape[1] * self.bin_size


def with_pseudo_probability(pssm: np.ndarray, pseudo_probability: float) -> np.ndarray:
    """Add a pseudo-probability to every letter and renormalise: (p + q) / (1 + 4 q), METHOD section 3."""
    return (np.asarray(pssm, dtype=np.float64) + pseudo_probability) / (1 + 4 * pseudo_probability)


def energies(
    codes: np.ndarray,
    probabilities: np.ndarray,
    lengths: np.ndarray,
    *,
    mode: Mode = "sum",
    strands: Strands = "both",
    spatial: SpatialCurves | None = None,
) -> np.ndarray:
    """Integrate the binding of each motif over each sequence.

    ``E = log2 sum_(i, strand) w_bin(i) prod_j P_j[s_(i + j)]`` (paper eq. 2; with ``mode="max"`` the largest term
    instead of the sum, eq. 8). N scores log2(1/4) on both strands.

    Parameters
    ----------
    codes
        uint8, n x width, codes A0 C1 G2 T3 N4.
    probabilities
        motifs x longest length x 4, rows sum to 1 up to each motif's length (pseudo-probabilities already added).
    lengths
        Motif lengths.
    mode, strands
        See above.
    spatial
        Spatial curves; ``None`` weighs all windows by 1.

    Returns
    -------
    float32, n x motifs, log2 units. The result is the same for any number of threads and any choice of motifs.
    """
    n, width = codes.shape
    n_motifs = len(lengths)
    out = np.empty((n, n_motifs), dtype=np.float32)
    if n_motifs == 0:
        return out
    start, stop = (0, width) if spatial is None else (spatial.start, spatial.stop)
    _check_window(lengths, start, stop, width)
    triples = _triple_codes(codes)
    columns_per_motif = 2 if strands == "both" else 1
    prepared = _prepare(probabilities, lengths)
    for order in _blocks(prepared, COLUMNS // columns_per_motif):
        double = bool(prepared.needs_double[order[0]])
        n_triples = int(prepared.n_triples[order[0]])
        odds = prepared.odds[order][:, : 3 * n_triples]
        table = _table(odds, prepared.lengths[order], strands, double=double)
        offset = prepared.offsets[order] - (_DOUBLE_SCALE_BITS if double else _SINGLE_SCALE_BITS)
        block_lengths = np.repeat(prepared.lengths[order], columns_per_motif)
        if spatial is None:
            weights = np.ones((1, COLUMNS))
            bin_size = stop
        else:
            top = spatial.weights[order].max(axis=1)
            weights = np.zeros((spatial.weights.shape[1], COLUMNS))
            relative = spatial.weights[order] / top[:, None]
            weights[:, : len(block_lengths)] = np.repeat(relative, columns_per_motif, axis=0).T
            bin_size = spatial.bin_size
            offset = offset + np.log2(top)
        last = np.full(COLUMNS, -1, dtype=np.int64)
        last[: len(block_lengths)] = stop - block_lengths
        _integrate(mode == "max", triples, table, start, last, weights, bin_size, columns_per_motif, offset, order, out)
    return out


def window_log_odds(codes: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Score every window of every sequence with one motif, on each strand.

    Parameters
    ----------
    codes
        uint8, n x width.
    probabilities
        length x 4, of one motif (pseudo-probabilities already added).

    Returns
    -------
    Forward and reverse log2 probability of the windows, two float32 arrays n x (width - length + 1).
    """
    length = len(probabilities)
    if length > codes.shape[1]:
        msg = f"The motif has {length} bp but the sequences only {codes.shape[1]} bp."
        raise ValueError(msg)
    log_letters = np.full((2, length, 5), np.log2(BACKGROUND))
    with np.errstate(divide="ignore"):
        log_letters[0, :, :4] = np.log2(probabilities)
        log_letters[1, :, :4] = np.log2(probabilities[::-1, ::-1])
    forward, reverse = (np.empty((len(codes), codes.shape[1] - length + 1), dtype=np.float32) for _ in range(2))
    _window_scores(codes, log_letters[0], forward)
    _window_scores(codes, log_letters[1], reverse)
    return forward, reverse


@dataclass(frozen=True)
class _Prepared:
    odds: np.ndarray  # motifs x padded length x 5 letters, each column divided by its largest value
    lengths: np.ndarray
    offsets: np.ndarray  # log2 of what the columns were divided by, with the background: energy = log2(sum) + offset
    n_triples: np.ndarray
    needs_double: np.ndarray


def _prepare(probabilities: np.ndarray, lengths: np.ndarray) -> _Prepared:
    lengths = np.asarray(lengths, dtype=np.int64)
    n_triples = np.maximum((lengths + 2) // 3, 2)
    padded = 3 * int(n_triples.max())
    letters = np.full((len(lengths), padded, 5), BACKGROUND)
    inside = np.arange(padded)[None, :] < lengths[:, None]
    stored = min(probabilities.shape[1], padded)
    letters[:, :stored, :4][inside[:, :stored]] = probabilities[:, :stored][inside[:, :stored]]
    top = letters.max(axis=2)
    with np.errstate(divide="ignore"):
        range_bits = np.log2(top / letters.min(axis=2)).sum(axis=1)
    # Padding columns are uniform: they multiply the product by 1 after division by their largest value.
    offsets = np.where(inside, np.log2(top), 0.0).sum(axis=1)
    return _Prepared(letters / top[:, :, None], lengths, offsets, n_triples, range_bits > _SINGLE_RANGE_BITS)


def _blocks(prepared: _Prepared, size: int) -> Iterator[np.ndarray]:
    """Yield the motifs in blocks of equal precision and number of triples."""
    order = np.lexsort((np.arange(len(prepared.lengths)), prepared.n_triples, prepared.needs_double))
    keys = np.stack([prepared.n_triples[order], prepared.needs_double[order]])
    edges = np.flatnonzero((np.diff(keys, axis=1) != 0).any(axis=0)) + 1
    for group in np.split(order, edges):
        for first in range(0, len(group), size):
            yield group[first : first + size]


def _table(odds: np.ndarray, lengths: np.ndarray, strands: Strands, *, double: bool) -> np.ndarray:
    """Return triples x 125 x COLUMNS: the product over three letters for every column of the block.

    The first triple carries the factor that uses the number format's range above 1.
    """
    n_motifs, padded, _ = odds.shape
    columns = odds
    if strands == "both":
        stranded = np.ones((n_motifs, 2, padded, 5))
        stranded[:, 0] = odds
        for motif, length in enumerate(lengths):
            stranded[motif, 1, :length, :4] = odds[motif, :length, :4][::-1, ::-1]
            stranded[motif, 1, :length, 4] = odds[motif, :length, 4][::-1]
        columns = stranded.reshape(2 * n_motifs, padded, 5)
    by_triple = columns.reshape(len(columns), padded // 3, 3, 5)
    products = by_triple[:, :, 0, :, None, None] * by_triple[:, :, 1, None, :, None] * by_triple[:, :, 2, None, None, :]
    table = np.zeros((padded // 3, _ROWS, COLUMNS), dtype=np.float64 if double else np.float32)
    table[:, :, : len(columns)] = products.reshape(len(columns), padded // 3, _ROWS).transpose(1, 2, 0)
    table[0] *= 2.0 ** (_DOUBLE_SCALE_BITS if double else _SINGLE_SCALE_BITS)
    return table


def _triple_codes(codes: np.ndarray) -> np.ndarray:
    """Return the table row of the three letters from each position on; beyond the end the letters are N."""
    padded = np.full((codes.shape[0], codes.shape[1] + _PAD + 2), UNKNOWN, dtype=np.uint8)
    padded[:, : codes.shape[1]] = codes
    return padded[:, :-2] * np.uint8(25) + padded[:, 1:-1] * np.uint8(5) + padded[:, 2:]


def _check_window(lengths: np.ndarray, start: int, stop: int, width: int) -> None:
    if start < 0 or stop > width:
        msg = f"The spatial curve covers [{start}, {stop}) but the sequences have {width} bp."
        raise ValueError(msg)
    too_long = np.flatnonzero(np.asarray(lengths) > stop - start)
    if len(too_long):
        shown = examples(f"motif {i} of {lengths[i]} bp" for i in too_long)
        msg = f"{len(too_long)} motif(s) do not fit into {stop - start} bp: {shown}. Use longer sequences."
        raise ValueError(msg)


def _accumulator(*, maximum: bool) -> Any:
    """Build the innermost loop as vector instructions: windows x triples, all columns in registers.

    Written as intermediate code because the compiler keeps the running products and totals of 32 columns in
    registers only when it is told so (three times faster than the same loops over arrays).
    """
    groups = range(COLUMNS // _LANES)

    @intrinsic
    def accumulate(_typing, triples, table, n_triples, first, last, totals):
        """For windows first..last-1: totals += (or max=) the product over triples of table[t, triples[i + 3 t]]."""
        double = table.dtype == types.float64
        vector = ir.VectorType(ir.DoubleType() if double else ir.FloatType(), _LANES)
        element_size = 8 if double else 4
        pointer = types.CPointer(types.float64 if double else types.float32)
        signature = types.void(types.CPointer(types.uint8), pointer, types.intp, types.intp, types.intp, pointer)

        def codegen(context, builder, _signature, arguments):
            triples, table, n_triples, first, last, totals = arguments
            integer = n_triples.type

            def const(value: int) -> ir.Constant:
                return ir.Constant(integer, value)

            def row(codes: Any, base: Any) -> list[Any]:
                offset = builder.mul(builder.zext(builder.load(codes), integer), const(COLUMNS))
                pointer = builder.bitcast(builder.gep(base, [offset]), vector.as_pointer())
                return [builder.load(builder.gep(pointer, [const(g)]), align=element_size) for g in groups]

            def multiply(left: list[Any], right: list[Any]) -> list[Any]:
                return [builder.fmul(a, b) for a, b in zip(left, right, strict=True)]

            def combine(total: Any, value: Any) -> Any:
                if maximum:
                    return builder.select(builder.fcmp_ordered(">", value, total), value, total)
                return builder.fadd(total, value)

            one_table = const(_ROWS * COLUMNS)
            target = builder.bitcast(totals, vector.as_pointer())
            slots = [builder.gep(target, [const(g)]) for g in groups]
            initial = [builder.load(slot, align=element_size) for slot in slots]
            entry = builder.block
            window, triple, next_window, done = (
                builder.append_basic_block(name) for name in ("window", "triple", "next_window", "done")
            )
            builder.cbranch(builder.icmp_signed("<", first, last), window, done)

            builder.position_at_end(window)
            position = builder.phi(integer)
            running = [builder.phi(vector) for _ in groups]
            codes = builder.gep(triples, [position])
            two = multiply(row(codes, table), row(builder.gep(codes, [const(3)]), builder.gep(table, [one_table])))
            third_code = builder.gep(codes, [const(6)])
            third_table = builder.gep(table, [const(2 * _ROWS * COLUMNS)])
            builder.cbranch(builder.icmp_signed(">", n_triples, const(2)), triple, next_window)

            builder.position_at_end(triple)
            index, code, base = builder.phi(integer), builder.phi(codes.type), builder.phi(table.type)
            product = [builder.phi(vector) for _ in groups]
            longer = multiply(product, row(code, base))
            index_next = builder.add(index, const(1))
            code_next, base_next = builder.gep(code, [const(3)]), builder.gep(base, [one_table])
            for phi, at_start, at_next in (
                (index, const(2), index_next),
                (code, third_code, code_next),
                (base, third_table, base_next),
                *zip(product, two, longer, strict=True),
            ):
                phi.add_incoming(at_start, window)
                phi.add_incoming(at_next, triple)
            builder.cbranch(builder.icmp_signed("<", index_next, n_triples), triple, next_window)

            builder.position_at_end(next_window)
            complete = [builder.phi(vector) for _ in groups]
            for phi, short, long in zip(complete, two, longer, strict=True):
                phi.add_incoming(short, window)
                phi.add_incoming(long, triple)
            updated = [combine(total, value) for total, value in zip(running, complete, strict=True)]
            position_next = builder.add(position, const(1))
            for phi, at_start, at_next in (
                (position, first, position_next),
                *zip(running, initial, updated, strict=True),
            ):
                phi.add_incoming(at_start, entry)
                phi.add_incoming(at_next, next_window)
            builder.cbranch(builder.icmp_signed("<", position_next, last), window, done)

            builder.position_at_end(done)
            final = [builder.phi(vector) for _ in groups]
            for slot, phi, at_start, at_end in zip(slots, final, initial, updated, strict=True):
                phi.add_incoming(at_start, entry)
                phi.add_incoming(at_end, next_window)
                builder.store(phi, slot, align=element_size)
            return context.get_dummy_value()

        return signature, codegen

    return accumulate


_add_windows = _accumulator(maximum=False)
_max_windows = _accumulator(maximum=True)


@numba.njit(parallel=True, nogil=True, cache=True)
def _integrate(maximum, triples, table, start, last, weights, bin_size, columns_per_motif, offset, order, out):
    n = triples.shape[0]
    n_tasks = (n + _SEQUENCES_PER_TASK - 1) // _SEQUENCES_PER_TASK
    n_columns = len(order) * columns_per_motif
    # Up to `common` the window of every column of the block fits; the few starts after it are masked one by one.
    common = last[0]
    longest = last[0]
    for c in range(n_columns):
        common = min(common, last[c])
        longest = max(longest, last[c])
    for task in numba.prange(n_tasks):
        partial = np.empty(COLUMNS, dtype=table.dtype)
        total = np.empty(COLUMNS, dtype=np.float64)
        for s in range(task * _SEQUENCES_PER_TASK, min(n, (task + 1) * _SEQUENCES_PER_TASK)):
            codes = triples[s]
            total[:] = 0.0
            for b in range(weights.shape[0]):
                bin_end = min(start + (b + 1) * bin_size, longest + 1)
                first = start + b * bin_size
                while first < bin_end:
                    stop = min(first + _SPAN, bin_end, common + 1) if first <= common else first + 1
                    partial[:] = 0
                    if maximum:
                        _max_windows(codes.ctypes, table.ctypes, table.shape[0], first, stop, partial.ctypes)
                    else:
                        _add_windows(codes.ctypes, table.ctypes, table.shape[0], first, stop, partial.ctypes)
                    for c in range(n_columns):
                        if first <= last[c]:
                            value = weights[b, c] * partial[c]
                            if maximum:
                                total[c] = max(total[c], value)
                            else:
                                total[c] += value
                    first = stop
            for m in range(len(order)):
                value = total[m * columns_per_motif]
                if columns_per_motif == 2:
                    other = total[2 * m + 1]
                    value = max(value, other) if maximum else value + other
                out[s, order[m]] = np.log2(value) + offset[m] if value > 0.0 else -np.inf


@numba.njit(parallel=True, nogil=True, cache=True)
def _window_scores(codes, log_letters, out):
    for s in numba.prange(codes.shape[0]):
        for i in range(out.shape[1]):
            score = 0.0
            for j in range(log_letters.shape[0]):
                score += log_letters[j, codes[s, i + j]]
            out[s, i] = score
