"""The one reader of sequences: strings, codes, Series, Biopython's and pyfaidx's objects, FASTA, AnnData, MuData."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import nullcontext
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from anndata import AnnData

from iceqream import _keys
from iceqream._anndata import get_adata, is_mudata, sequences_of
from iceqream._core.messages import examples
from iceqream._core.sequence import UNKNOWN, encode, encode_centre
from iceqream._files import reading
from iceqream.genome import read_fasta

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mudata import MuData

logger = logging.getLogger(__name__)

_FASTA = (".fa", ".fasta", ".fna", ".ffn", ".fas")
_LONGEST_PATH = 4096
_GZIPPED = (".gz", ".bgz", ".bgzf")
_READERS = {
    ".h5ad": "anndata.read_h5ad(path)",
    ".h5mu": "mudata.read_h5mu(path)",
    ".zarr": "anndata.read_zarr(path)",
    ".h5": "the reader of what wrote it (scanpy.read_10x_h5, iq.models.TrajectoryModel.load)",
    ".loom": "anndata.io.read_loom(path)",
    ".csv": "pandas.read_csv(path) and pass the column of sequences",
    ".tsv": "pandas.read_csv(path, sep='\\t') and pass the column of sequences",
    ".parquet": "pandas.read_parquet(path) and pass the column of sequences",
    ".bed": "pandas.read_csv(path, sep='\\t') and pass iq.Genome(fasta).sequences(chrom, start, end)",
    ".vcf": "a reader of variants, and pass the sequences of both alleles",
    ".2bit": "iq.Genome(path).sequences(chrom, start, end)",
}
"""What reads files that are no sequences, by how their names end."""
_ACCEPTED = (
    "Sequences are a string, a list, an array or a Series of strings, uint8 codes (n x width), Bio.Seq, SeqRecord "
    "or pyfaidx.Sequence objects, the path of a FASTA file, or an AnnData or MuData with varm['sequence']"
)


class Given(NamedTuple):
    """Sequences as they came, before their width is known."""

    sequences: list[str] | np.ndarray
    """Strings, or uint8 codes."""
    names: pd.Index | None = None
    """Of a Series, a dictionary, a FASTA, records, or the peaks of an AnnData."""
    adata: AnnData | None = None
    path: str | PathLike[str] | None = None
    """Of the FASTA file."""

    def codes(self, width: int | None = None, *, pad: bool | None = None) -> np.ndarray:
        """Return codes A0 C1 G2 T3 N4, n x width: all of one length, or their central `width` bp (`pad`: filled up)."""
        with nullcontext() if self.path is None else reading(self.path, "these sequences"):
            return encode(self.sequences) if width is None else encode_centre(self.sequences, width, pad=pad)


Sequences: TypeAlias = "str | PathLike[str] | Sequence[Any] | np.ndarray | pd.Series | pd.Index | Mapping[str, Any] | AnnData | MuData | Given"  # fmt: skip  # noqa: E501


def given_sequences(sequences: Sequences, mod: str = _keys.ATAC) -> Given:
    """Take sequences in any of the accepted forms.

    Parameters
    ----------
    sequences
        A string (the path of a FASTA file if it ends like one), a list, tuple, array, Series or Index of strings or of
        Bio.Seq, SeqRecord and pyfaidx.Sequence objects, uint8 codes n x width, a dictionary by name, a path, an AnnData
        or a MuData.
    mod
        Modality of a MuData that holds the peaks.

    Raises
    ------
    TypeError
        For anything else.
    KeyError
        If an AnnData has no sequences.
    FileNotFoundError, ValueError
        As of `iceqream.genome.read_fasta`; if there is no sequence, or the path is one of another kind of data.
    """
    if isinstance(sequences, Given):
        return sequences
    if isinstance(sequences, AnnData) or is_mudata(sequences):
        adata = get_adata(sequences, mod)
        return Given(sequences_of(adata), adata.var_names, adata)
    if isinstance(sequences, str | PathLike):
        _refuse_data_file(str(sequences))
    if isinstance(sequences, PathLike) or (isinstance(sequences, str) and _is_fasta(sequences)):
        known = read_fasta(sequences)
        return Given(list(known.values()), pd.Index(list(known)), path=sequences)
    if isinstance(sequences, Mapping):
        names = pd.Index([str(name) for name in sequences])
        return Given(_texts(list(sequences.values())), names)
    if isinstance(sequences, pd.Series):
        unnamed = isinstance(sequences.index, pd.RangeIndex)
        return Given(_texts(sequences.tolist()), None if unnamed else sequences.index)
    if isinstance(sequences, np.ndarray):
        return Given(_of_array(sequences))
    if isinstance(sequences, list | tuple | pd.Index):
        items = list(sequences)
        return Given(_texts(items), _record_names(items))
    if _text(sequences) is not None:
        return Given(_texts([sequences]), _record_names([sequences]))
    hint = " Take one column of the table." if isinstance(sequences, pd.DataFrame) else ""
    msg = f"{_ACCEPTED}; got {type(sequences).__name__}.{hint}"
    raise TypeError(msg)


def read_codes(
    sequences: Sequences, width: int | None = None, *, pad: bool | None = None, mod: str = _keys.ATAC
) -> np.ndarray:
    """Return the codes of sequences in any of the accepted forms, uint8, n x width (see `Given.codes`)."""
    return given_sequences(sequences, mod).codes(width, pad=pad)


def check_informative(codes: np.ndarray) -> None:
    """Refuse sequences that cannot explain anything, and warn of those that are all N.

    Raises
    ------
    ValueError
        If all are N, or all are the same.
    """
    unknown = (codes == UNKNOWN).all(axis=1)
    if unknown.all():
        msg = f"All {len(codes)} sequences are N throughout: was the genome masked, or is it another assembly?"
        raise ValueError(msg)
    if len(codes) > 1 and (codes == codes[0]).all():
        msg = f"All {len(codes)} sequences are the same: nothing about them can explain a difference."
        raise ValueError(msg)
    if unknown.any():
        logger.warning("%d of %d sequences are N throughout and say nothing: leave them out", unknown.sum(), len(codes))


def _is_fasta(text: str) -> bool:
    return _unzipped(text).endswith(_FASTA)


def _unzipped(text: str) -> str:
    """Return a path in small letters, without what says that it is gzipped."""
    name = text.lower().rstrip("/")
    for suffix in _GZIPPED:
        name = name.removesuffix(suffix)
    return name


def _refuse_data_file(text: str) -> None:
    """Refuse the path of data in which no sequences can be found."""
    name = _unzipped(text[-_LONGEST_PATH:])
    for suffix, reader in _READERS.items():
        if name.endswith(suffix):
            msg = f"{text[-_LONGEST_PATH:]!r} is a path, not a sequence: read it with {reader}. {_ACCEPTED}."
            raise ValueError(msg)


def _of_array(array: np.ndarray) -> list[str] | np.ndarray:
    if array.dtype.kind in "ui":
        return array
    if array.dtype.kind in "USTO" and array.ndim <= 1:
        return _texts(array.ravel().tolist())
    msg = f"{_ACCEPTED}; got an array of {array.dtype} and shape {array.shape}."
    raise TypeError(msg)


def _texts(items: list[Any]) -> list[str]:
    texts = [_text(item) for item in items]
    wrong = [f"{type(item).__name__} at position {i}" for i, item in enumerate(items) if texts[i] is None]
    if wrong:
        msg = f"{_ACCEPTED}; found {examples(wrong)}."
        raise TypeError(msg)
    return [text for text in texts if text is not None]


def _text(item: Any) -> str | None:
    """Return one sequence as a string, or None for what is none.

    Biopython's and pyfaidx's objects are known by what they have, not imported.
    """
    if isinstance(item, str):
        return item
    if isinstance(item, bytes):
        return item.decode("latin-1")  # other letters are refused as no nucleotides
    item = getattr(item, "seq", item)
    if isinstance(item, str):
        return item
    return str(item) if hasattr(item, "reverse_complement") and hasattr(item, "translate") else None


def _record_names(items: list[Any]) -> pd.Index | None:
    """Return the names of Biopython's records (id) or pyfaidx's sequences (name), if all have one."""
    names = [getattr(item, "id", getattr(item, "name", None)) for item in items if hasattr(item, "seq")]
    return pd.Index(names) if names and len(names) == len(items) and all(names) else None
