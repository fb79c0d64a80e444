"""Sequences of peaks."""

from __future__ import annotations

import logging
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._anndata import check_names, coordinates, prepare, write_coordinates
from iceqream._core.intervals import resize
from iceqream._core.messages import examples
from iceqream._core.sequence import UNKNOWN, encode_centre
from iceqream.genome import Genome, read_fasta

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anndata import AnnData
    from mudata import MuData

logger = logging.getLogger(__name__)

DEFAULT_WIDTH = 500


def sequences(
    data: AnnData | MuData,
    genome: Genome | str | PathLike[str] | None = None,
    *,
    sequences: Mapping[str, str] | Sequence[str] | np.ndarray | str | PathLike[str] | None = None,
    width: int = DEFAULT_WIDTH,
    mod: str = _keys.ATAC,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Read the DNA sequence of every peak, of one width around its centre.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData. Coordinates come from ``var`` (chrom, start, end; BED: 0-based, half-open)
        or, where these are missing, from names such as ``chr1:3000100-3000600``.
    genome
        Genome, or the path of a FASTA (plain, bgzipped) or 2bit file.
    sequences
        Instead of a genome: a FASTA file or a mapping with the peaks' names, or one sequence per peak in order
        (strings or uint8 codes).
    width
        bp around ``(start + end) // 2``. Given sequences that are longer are cut to their centre. Bases past the end
        of a chromosome become N (logged).
    mod
        Modality of a MuData that holds the peaks.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``varm["sequence"]`` (uint8, peaks x width, A0 C1 G2 T3 N4),
    ``uns["sequence"]["params"]`` (genome, width)
    and, from a genome, ``var["chrom"]``, ``var["start"]``, ``var["end"]``.

    Raises
    ------
    ValueError
        If both or none of `genome` and `sequences` are given; for unknown chromosomes or peaks past a chromosome's
        end (with the question whether this is the right assembly); for sequences that are missing, too short or not
        DNA; for duplicated peaks.
    FileNotFoundError
        If a file does not exist.

    Examples
    --------
    >>> import anndata as ad, numpy as np, iceqream as iq
    >>> adata = ad.AnnData(np.ones((2, 2)))
    >>> adata.var_names = ["chr1:10-20", "chr1:30-40"]
    >>> iq.pp.sequences(adata, sequences=["ACGTACGTAC", "ACGTNNNTAC"], width=6)
    >>> adata.varm["sequence"]
    array([[2, 3, 0, 1, 2, 3],
           [2, 3, 4, 4, 4, 3]], dtype=uint8)
    """
    if (genome is None) == (sequences is None):
        msg = "Give either a genome or sequences=..., not both and not neither."
        raise ValueError(msg)
    if width < 1:
        msg = f"width must be at least 1 bp, got {width}."
        raise ValueError(msg)
    data, adata = prepare(data, mod, copy=copy)
    check_names(adata)
    if genome is not None:
        genome = genome if isinstance(genome, Genome) else Genome(genome)
        table = coordinates(adata)
        chrom, start, end = (table[c].to_numpy() for c in ("chrom", "start", "end"))
        genome.check(chrom, start, end)
        codes = genome.sequences(chrom, *resize(start, end, width))
        write_coordinates(adata, table)
        source = genome.name
    else:
        codes = _given(sequences, adata, width)
        source = "given"
    unknown = (codes == UNKNOWN).mean(axis=1)
    if (unknown > 0).any():
        logger.info("%d of %d sequences have unknown bases", (unknown > 0).sum(), len(codes))
    if (unknown > 0.5).any():
        logger.warning("%d of %d sequences are mostly N", (unknown > 0.5).sum(), len(codes))
    adata.varm[_keys.SEQUENCE] = np.ascontiguousarray(codes)
    adata.uns[_keys.SEQUENCE] = {"params": {"genome": source, "width": int(width)}}
    return data if copy else None


def _given(given: Any, adata: AnnData, width: int) -> np.ndarray:
    if isinstance(given, str | PathLike):
        given = read_fasta(given)
    if hasattr(given, "keys"):
        missing = [name for name in adata.var_names if name not in given]
        if missing:
            msg = f"{len(missing)} of {adata.n_vars} peaks have no sequence: {examples(missing)}."
            raise ValueError(msg)
        given = [given[name] for name in adata.var_names]
    if len(given) != adata.n_vars:
        msg = f"There are {len(given)} sequences for {adata.n_vars} peaks."
        raise ValueError(msg)
    return encode_centre(given, width)
