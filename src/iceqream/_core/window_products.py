"""Window products of one motif over many sequences, and their derivatives with respect to the motif.

The energy of a sequence is linear in the four probabilities of any one position and in the spatial factors. So the
products of all windows are kept; a changed position multiplies each by a ratio, and the sums of weighted products
over the windows with a given letter at a given position (`letter_sums`) give the energy of every motif that differs
in one position.

Products are odds against the 0.25 background, float32; N has odds 1. Sums over sequences are float64 and are added
chunk by chunk, so that they do not depend on the number of threads.
"""

from __future__ import annotations

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

LETTERS = 5
"""A, C, G, T and N; the last is a constant, as N does not change with the motif."""
LANES = 16
"""Motif positions whose sums are held in registers side by side."""
CHUNK = 64
"""Sequences whose moments are added before they go into the total."""
# keeps products out of the slow denormal range; typical ones are near 1 and the best far above
_SMALLEST = np.float32(1e-30)
_KNOWN = 3
"""Letters with a plane of their own; the sums of the fourth follow from the total."""


@intrinsic
def _correlate(_typing, forward, reverse, planes, stride, n, out):
    """Correlate two float32 signals with three planes at the lags 0-15.

    out[c, strand, lag] = sum over i < n of signal[strand][i] * planes[c * stride + i + lag]. Written as intermediate
    code so that the 192 sums stay in registers: per i two broadcasts, six loads and twelve multiply-adds of eight
    lanes.
    """
    pointer = types.CPointer(types.float32)

    def codegen(context, builder, _signature, arguments):
        forward, reverse, planes, stride, n, out = arguments
        vector, integer, contract = ir.VectorType(ir.FloatType(), 8), n.type, ("contract",)
        keys = [(c, half, strand) for c in range(_KNOWN) for half in range(LANES // 8) for strand in range(2)]

        def const(value):
            return ir.Constant(integer, value)

        def broadcast(address):
            undefined = ir.Constant(vector, ir.Undefined)
            first = ir.Constant(ir.IntType(32), 0)
            one = builder.insert_element(undefined, builder.load(address), first)
            return builder.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(ir.IntType(32), 8), [0] * 8))

        def lanes(base, offset):
            return builder.bitcast(builder.gep(base, [const(offset)]), vector.as_pointer())

        entry = builder.block
        loop, done = builder.append_basic_block("window"), builder.append_basic_block("done")
        builder.branch(loop)
        builder.position_at_end(loop)
        i = builder.phi(integer)
        sums = {key: builder.phi(vector) for key in keys}
        signals = [broadcast(builder.gep(signal, [i])) for signal in (forward, reverse)]
        updated = {}
        for c in range(_KNOWN):
            base = builder.gep(planes, [builder.add(i, builder.mul(stride, const(c)))])
            for half in range(LANES // 8):
                letters = builder.load(lanes(base, 8 * half), align=4)
                for strand, signal in enumerate(signals):
                    term = builder.fmul(signal, letters, flags=contract)
                    updated[c, half, strand] = builder.fadd(term, sums[c, half, strand], flags=contract)
        following = builder.add(i, const(1))
        i.add_incoming(const(0), entry)
        i.add_incoming(following, loop)
        for key in keys:
            sums[key].add_incoming(ir.Constant(vector, [0.0] * 8), entry)
            sums[key].add_incoming(updated[key], loop)
        builder.cbranch(builder.icmp_signed("<", following, n), loop, done)
        builder.position_at_end(done)
        for c, half, strand in keys:
            builder.store(updated[c, half, strand], lanes(out, (2 * c + strand) * LANES + 8 * half), align=4)
        return context.get_dummy_value()

    return types.void(pointer, pointer, pointer, types.intp, types.intp, pointer), codegen


@intrinsic
def _at(_typing, array, index):
    """Return the address of an element of a contiguous float32 array."""

    def codegen(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.gep(data, [arguments[1]])

    return types.CPointer(types.float32)(array, types.intp), codegen


@numba.njit(nogil=True, cache=True)
def one_hot(codes, planes):
    """Write the indicators of A, C and G along a sequence (zeros after it); return whether it has an N."""
    n = len(codes)
    planes[:, n:] = 0.0
    for c in range(_KNOWN):
        plane = planes[c]
        for i in range(n):
            plane[i] = np.float32(codes[i] == c)
    unknown = 0
    for i in range(n):
        unknown += codes[i] >> 2
    return unknown > 0


@numba.njit(nogil=True, cache=True)
def letter_sums(codes, signals, length, planes, lanes, sums, unknown):
    """Sum weighted window products by the letter at each motif position.

    With the weights set to the derivative of a loss by each window's energy this is the gradient of the loss by the
    PSSM.

    Parameters
    ----------
    codes
        uint8, the sequence.
    signals
        float32, 2 x windows: products times weights, forward and reverse strand (zeros if that does not count).
    length
        Motif length.
    planes
        float32, 3 x (sequence + LANES): its indicators (`one_hot`).
    lanes
        float32 scratch of 6 x LANES.
    sums
        float64, length x 5, written: sum over the windows whose letter at that motif position (read on the window's
        strand) is A, C, G, T or N.
    unknown
        Whether the sequence has an N.
    """
    n = signals.shape[1]
    sums[:] = 0.0
    if unknown:
        for i in range(n):
            for j in range(length):
                sums[j, codes[i + j]] += signals[0, i]
                c = codes[i + length - 1 - j]
                sums[j, 3 - c if c < 4 else 4] += signals[1, i]
        return
    total_forward, total_reverse = np.float64(summed(signals[0])), np.float64(summed(signals[1]))
    for first in range(0, length, LANES):
        _correlate(_at(signals, 0), _at(signals, n), _at(planes, first), planes.shape[1], n, _at(lanes, 0))
        for lane in range(min(LANES, length - first)):
            j, mirrored = first + lane, length - 1 - first - lane
            a, c, g = np.float64(lanes[0, lane]), np.float64(lanes[2, lane]), np.float64(lanes[4, lane])
            sums[j, 0] += a
            sums[j, 1] += c
            sums[j, 2] += g
            sums[j, 3] += max(total_forward - a - c - g, 0.0)
            # on the reverse strand the letter of the motif is the complement, at the mirrored position
            a, c, g = np.float64(lanes[1, lane]), np.float64(lanes[3, lane]), np.float64(lanes[5, lane])
            sums[mirrored, 3] += a
            sums[mirrored, 2] += c
            sums[mirrored, 1] += g
            sums[mirrored, 0] += max(total_reverse - a - c - g, 0.0)


@numba.njit(nogil=True, cache=True)
def _multiply(products, codes, offset, ratio, reverse):
    """Multiply each window by the ratio of its letter at an offset (of the complement on the reverse strand)."""
    r0, r1, r2, r3 = ratio[0], ratio[1], ratio[2], ratio[3]
    if reverse:
        r0, r1, r2, r3 = r3, r2, r1, r0
    one = np.float32(1.0)
    letters = codes[offset : offset + len(products)]
    for i in range(len(products)):
        c = letters[i]
        factor = r0 if c == 0 else (r1 if c == 1 else (r2 if c == 2 else (r3 if c == 3 else one)))
        products[i] = max(products[i] * factor, _SMALLEST)


@numba.njit(parallel=True, nogil=True, cache=True)
def update_and_bin(codes, products, odds, positions, ratios, bin_size, targets, bins, moments):
    """Bring the window products up to date and sum them by spatial bin.

    Parameters
    ----------
    codes
        uint8, n x region.
    products
        float32, n x strands x windows, changed.
    odds
        float32, length x 4.
    positions, ratios
        Multiply by the four ratios of each of these positions, int64 k and float32 k x 4; without any, compute all
        from `odds`.
    bin_size
        bp.
    targets
        float64, n x t.
    bins
        float32, n x bins, written: the sum of both strands' products by the bin of the window's start.
    moments
        float64, chunks x bins x (bins + 1 + t), written: second moments, sums, and products with the targets.
    """
    n = codes.shape[0]
    length = odds.shape[0]
    n_strands, n_windows = products.shape[1], products.shape[2]
    n_bins = bins.shape[1]
    for chunk in numba.prange(moments.shape[0]):
        both = np.empty(n_windows, dtype=np.float32)
        columns = np.zeros((n_bins, CHUNK))
        first = chunk * CHUNK
        common = _ones_and_targets(targets, first)
        for s in range(first, min(n, first + CHUNK)):
            for strand in range(n_strands):
                windows = products[s, strand]
                if len(positions) == 0:
                    windows[:] = 1.0
                    for j in range(length):
                        offset = length - 1 - j if strand == 1 else j
                        _multiply(windows, codes[s], offset, odds[j], strand == 1)
                for k in range(len(positions)):
                    offset = length - 1 - positions[k] if strand == 1 else positions[k]
                    _multiply(windows, codes[s], offset, ratios[k], strand == 1)
            if n_strands == 2:
                _add(products[s, 0], products[s, 1], both)
            else:
                both[:] = products[s, 0]
            for b in range(n_bins):
                bins[s, b] = summed(both[b * bin_size : min((b + 1) * bin_size, n_windows)])
                columns[b, s - first] = bins[s, b]
        _moments(columns, common, moments[chunk])


@numba.njit(nogil=True, cache=True)
def _add(left, right, out):
    for i in range(len(out)):
        out[i] = left[i] + right[i]


@numba.njit(nogil=True, cache=True, fastmath={"reassoc"})
def summed(values):
    total = np.float32(0.0)
    for i in range(len(values)):
        total += values[i]
    return total


@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _dot(left, right):
    total = 0.0
    for i in range(len(left)):
        total += left[i] * right[i]
    return total


@numba.njit(nogil=True, cache=True)
def _moments(columns, common, out):
    """Write the products of columns with each other and with common columns, summed over a chunk of sequences."""
    n = columns.shape[0]
    for a in range(n):
        for b in range(a + 1):
            out[a, b] = out[b, a] = _dot(columns[a], columns[b])
        for b in range(common.shape[0]):
            out[a, n + b] = _dot(columns[a], common[b])


@numba.njit(nogil=True, cache=True)
def _ones_and_targets(targets, first):
    """Return a column of ones and the targets of a chunk of sequences, zeros past the last one."""
    common = np.zeros((1 + targets.shape[1], CHUNK))
    for i in range(min(CHUNK, targets.shape[0] - first)):
        common[0, i] = 1.0
        for t in range(targets.shape[1]):
            common[1 + t, i] = targets[first + i, t]
    return common


@numba.njit(nogil=True, cache=True)
def _weigh(products, weights, out):
    for i in range(len(products)):
        out[i] = products[i] * weights[i]


@numba.njit(parallel=True, nogil=True, cache=True)
def derivative_moments(codes, products, probabilities, weights, targets, moments, derivatives):
    """Moments of the derivatives of the energy with respect to every letter of every position.

    Parameters
    ----------
    codes, products, targets
        As in `update_and_bin`.
    probabilities
        float64, length x 4, the current motif.
    weights
        float32, weight of each window start.
    moments
        float64, chunks x length x 5 x (5 + 1 + t), written: second moments of the five derivatives, their sums, and
        their products with the targets. The energy is linear in them: ``v = q . d[:4] + d[4]`` for the probabilities
        q of a position.
    derivatives
        float32, n x length x 5, written when it has rows (else only the moments are kept).
    """
    n = codes.shape[0]
    length = probabilities.shape[0]
    n_strands, n_windows = products.shape[1], products.shape[2]
    keep = derivatives.shape[0] > 0
    inverse = np.ones((length, LETTERS))
    inverse[:, :4] = 1.0 / probabilities
    for chunk in numba.prange(moments.shape[0]):
        signals = np.zeros((2, n_windows), dtype=np.float32)
        planes = np.empty((_KNOWN, codes.shape[1] + length // LANES * LANES + LANES), dtype=np.float32)
        lanes = np.empty((2 * _KNOWN, LANES), dtype=np.float32)
        sums = np.empty((length, LETTERS))
        columns = np.zeros((length, LETTERS, CHUNK))
        first = chunk * CHUNK
        common = _ones_and_targets(targets, first)
        for s in range(first, min(n, first + CHUNK)):
            for strand in range(n_strands):
                _weigh(products[s, strand], weights, signals[strand])
            unknown = one_hot(codes[s], planes)
            letter_sums(codes[s], signals, length, planes, lanes, sums, unknown)
            for j in range(length):
                for a in range(LETTERS):
                    x = sums[j, a] * inverse[j, a]
                    columns[j, a, s - first] = x
                    if keep:
                        derivatives[s, j, a] = x
        for j in range(length):
            _moments(columns[j], common, moments[chunk, j])
