"""DNA as arrays: letters to codes, reverse complement, composition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

from iceqream._core.messages import examples

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LETTERS = "ACGTN"
UNKNOWN = 4
_SHOWN = 40
"""Letters of a sequence in a message."""
_PAD = " Give longer ones, or pad=True to fill them up with N around their centre."
DINUCLEOTIDES = tuple(a + b for a in "ACGT" for b in "ACGT")
_IUPAC_UNKNOWN = "NRYSWKMBDHV"

# 255 marks letters that are not nucleotides; '-' and '.' are not either: an alignment is not a sequence.
_CODE_OF_BYTE = np.full(256, 255, dtype=np.uint8)
for _letters, _code in (("A", 0), ("C", 1), ("G", 2), ("TU", 3), (_IUPAC_UNKNOWN, UNKNOWN)):
    for _letter in _letters:
        _CODE_OF_BYTE[ord(_letter)] = _CODE_OF_BYTE[ord(_letter.lower())] = _code
_BYTE_OF_CODE = np.frombuffer(LETTERS.encode(), dtype=np.uint8)
KNOWN_LETTERS = "".join(chr(byte) for byte in np.flatnonzero(_CODE_OF_BYTE != 255))
"""Letters that are read as nucleotides, of either case."""
_COMPLEMENT = np.array([3, 2, 1, 0, UNKNOWN], dtype=np.uint8)


def encode(sequences: str | Sequence[str] | np.ndarray) -> np.ndarray:
    """Encode sequences as A0 C1 G2 T3 N4.

    Parameters
    ----------
    sequences
        One string, strings of equal length, or an already encoded array (n x width). Letters of any case; U is read
        as T; the ambiguous IUPAC letters become N.

    Returns
    -------
    uint8 array, n sequences x width.

    Raises
    ------
    ValueError
        For no sequence, unequal lengths, letters that are no nucleotides, or codes above 4.
    TypeError
        If something is not a string.
    """
    if isinstance(sequences, str):
        sequences = [sequences]
    if isinstance(sequences, np.ndarray) and sequences.dtype.kind in "ui":
        return _check_codes(sequences)
    strings = _listed(sequences)
    if not strings:
        msg = "No sequences were given."
        raise ValueError(msg)
    not_strings = [f"{type(s).__name__} at position {i}" for i, s in enumerate(strings) if not isinstance(s, str)]
    if not_strings:
        msg = f"Sequences must be strings; found {examples(not_strings)}."
        raise TypeError(msg)
    lengths = np.fromiter((len(s) for s in strings), dtype=np.int64, count=len(strings))
    width = int(np.bincount(lengths).argmax())
    if (lengths != width).any() or width == 0:
        odd = np.flatnonzero((lengths != width) | (lengths == 0))
        _refuse_letters(strings, range(len(strings)))
        shown = examples([f"sequence {i} has {lengths[i]} bp" for i in odd])
        msg = (
            f"All sequences must have the same, positive length; most have {width} bp, but {len(odd)} differ: {shown}."
            " Cut them to one width around the centre."
        )
        raise ValueError(msg)
    try:
        raw = np.frombuffer("".join(strings).encode("ascii"), dtype=np.uint8)
    except UnicodeEncodeError as error:
        bad = error.object[error.start]
        msg = f"Sequence {error.start // width} has the letter {bad!r}, which is not a nucleotide."
        raise ValueError(msg) from None
    codes = _CODE_OF_BYTE[raw].reshape(len(strings), width)
    if (codes == 255).any():
        rows, columns = np.nonzero(codes == 255)
        shown = examples(
            [f"{strings[r][c]!r} in sequence {r} at {c}" for r, c in zip(rows[:4], columns[:4], strict=True)]
        )
        msg = f"{len(np.unique(rows))} sequence(s) have letters that are not nucleotides: {shown}. Use A, C, G, T or N."
        raise ValueError(msg)
    return codes


def decode(codes: np.ndarray) -> list[str]:
    """Return the strings of encoded sequences (n x width)."""
    return [row.tobytes().decode("ascii") for row in _BYTE_OF_CODE[codes]]


def reverse_complement(codes: np.ndarray) -> np.ndarray:
    """Return the reverse complement of encoded sequences along the last axis."""
    return _COMPLEMENT[codes[..., ::-1]]


def centre(codes: np.ndarray, width: int) -> np.ndarray:
    """Return the central `width` bp of encoded sequences (an odd rest is left on the right).

    Raises
    ------
    ValueError
        If the sequences are shorter than `width`.
    """
    have = codes.shape[1]
    if not 0 < width <= have:
        msg = f"The sequences have {have} bp: the central {width} bp cannot be taken. Use a width between 1 and {have}."
        raise ValueError(msg)
    start = (have - width) // 2
    return codes[:, start : start + width]


def encode_centre(sequences: str | Sequence[str] | np.ndarray, width: int, *, pad: bool | None = None) -> np.ndarray:
    """Encode the central `width` bp of sequences, which may differ in length (an odd rest is left on the right).

    Parameters
    ----------
    sequences
        As in `encode`, but strings of any lengths from `width` on.
    width
        bp.
    pad
        Whether N are added to both ends of shorter sequences, as many on either side (an odd rest on the right);
        ``None``: neither, and the error does not offer it.

    Returns
    -------
    uint8 array, n x width.

    Raises
    ------
    ValueError
        If a sequence is shorter, or as in `encode`.
    """
    if width < 1:
        msg = f"The width must be at least 1 bp, got {width}."
        raise ValueError(msg)
    if isinstance(sequences, np.ndarray) and sequences.dtype.kind in "ui":
        codes = encode(sequences)
        if codes.shape[1] < width and pad is not None:
            if not pad:
                msg = f"The sequences have {codes.shape[1]} bp, not the {width} bp that are needed.{_PAD}"
                raise ValueError(msg)
            return _padded(codes, width)
        return centre(codes, width)
    strings = [sequences] if isinstance(sequences, str) else _listed(sequences)
    least = 1 if pad else width
    short = [f"sequence {i} has {len(s)} bp" for i, s in enumerate(strings) if isinstance(s, str) and len(s) < least]
    if short:
        _refuse_letters(strings, [i for i, s in enumerate(strings) if isinstance(s, str) and len(s) < least])
        remedy = _PAD if pad is False else ""
        msg = (
            f"The central {width} bp cannot be taken from {len(short)} of {len(strings)} sequences: {examples(short)}."
            f"{remedy}"
        )
        raise ValueError(msg)
    return encode([_fitted(s, width) if isinstance(s, str) else s for s in strings])


def _refuse_letters(strings: Sequence[str], positions: Iterable[int]) -> None:
    """Refuse what is no DNA before its length is complained about: it may be a path or a name."""
    known = set(KNOWN_LETTERS)
    wrong = [i for i in positions if isinstance(strings[i], str) and not known.issuperset(strings[i])]
    if wrong:
        shown = examples(f"{strings[i][:_SHOWN]!r} at position {i}" for i in wrong)
        msg = f"{len(wrong)} sequence(s) have letters that are not nucleotides: {shown}. Use A, C, G, T or N."
        raise ValueError(msg)


def _fitted(text: str, width: int) -> str:
    """Cut a sequence to its central `width` bp, or fill it up with N so that it becomes these."""
    left = (width - len(text)) // 2
    return text[(len(text) - width) // 2 :][:width] if left < 0 else f"{'N' * left}{text}".ljust(width, "N")


def _padded(codes: np.ndarray, width: int) -> np.ndarray:
    out = np.full((len(codes), width), UNKNOWN, dtype=np.uint8)
    left = (width - codes.shape[1]) // 2
    out[:, left : left + codes.shape[1]] = codes
    return out


def gc_content(codes: np.ndarray) -> np.ndarray:
    """Return the fraction of G and C among the letters that are known (float64, n; 0 when none is)."""
    is_gc = ((codes == 1) | (codes == 2)).sum(axis=1)
    known = (codes != UNKNOWN).sum(axis=1)
    return is_gc / np.maximum(known, 1)


def dinucleotide_frequencies(codes: np.ndarray) -> np.ndarray:
    """Return the frequency of the 16 dinucleotides AA, AC, ..., TT.

    Parameters
    ----------
    codes
        Encoded sequences, n x width.

    Returns
    -------
    float64 array, n x 16: overlapping counts on the forward strand divided by the pairs without N;
    0 where there is none.
    """
    counts = _pair_counts(np.ascontiguousarray(codes))
    return counts / np.maximum(counts.sum(axis=1), 1)[:, None]


@numba.njit(parallel=True, nogil=True, cache=True)
def _pair_counts(codes: np.ndarray) -> np.ndarray:
    n, width = codes.shape
    counts = np.zeros((n, 16), dtype=np.int64)
    for i in numba.prange(n):
        for j in range(width - 1):
            if codes[i, j] < UNKNOWN and codes[i, j + 1] < UNKNOWN:
                counts[i, 4 * codes[i, j] + codes[i, j + 1]] += 1
    return counts


def _listed(sequences: object) -> list:
    """Return the strings as a list; what is no list, tuple or array may be endless, and is refused."""
    if isinstance(sequences, list | tuple) or (isinstance(sequences, np.ndarray) and sequences.ndim == 1):
        return list(sequences)
    what = f"an array of shape {sequences.shape}" if isinstance(sequences, np.ndarray) else type(sequences).__name__
    msg = f"Sequences must be strings, a list of them, or uint8 codes (n x width); got {what}."
    raise TypeError(msg)


def _check_codes(codes: np.ndarray) -> np.ndarray:
    if codes.ndim == 1:
        codes = codes[None, :]
    if codes.ndim != 2 or codes.size == 0:
        msg = f"Encoded sequences must be a non-empty n x width array, got shape {codes.shape}."
        raise ValueError(msg)
    if codes.min() < 0 or codes.max() > UNKNOWN:
        msg = f"Encoded sequences hold A0 C1 G2 T3 N4; found values from {codes.min()} to {codes.max()}."
        raise ValueError(msg)
    return np.ascontiguousarray(codes, dtype=np.uint8)
