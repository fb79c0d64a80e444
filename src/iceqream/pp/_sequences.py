"""Sequences of peaks."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from iceqream import _keys
from iceqream._anndata import check_names, coordinates, prepare, write_coordinates
from iceqream._core.intervals import resize
from iceqream._core.messages import examples
from iceqream._core.sequence import UNKNOWN
from iceqream._sequences import Given, given_sequences
from iceqream.genome import Genome

if TYPE_CHECKING:
    from os import PathLike

    from anndata import AnnData
    from mudata import MuData

    from iceqream._sequences import Sequences

logger = logging.getLogger(__name__)

DEFAULT_WIDTH = 500


def sequences(
    data: AnnData | MuData,
    genome: Genome | str | PathLike[str] | None = None,
    *,
    sequences: Sequences | None = None,
    width: int = DEFAULT_WIDTH,
    pad: bool = False,
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
        Instead of a genome, in any form of `iceqream.models.TrajectoryModel.predict`. What has names (a FASTA file,
        plain or gzipped, a dictionary, a Series with an index, SeqRecords, another AnnData) needs those of the peaks
        and may hold more; else one sequence per peak, in order.
    width
        bp around ``(start + end) // 2``. Given sequences that are longer are cut to their centre. Bases past the end
        of a chromosome become N (logged).
    pad
        Whether given sequences that are shorter are filled up with N around their centre.
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
    TypeError
        If the sequences are of no form that is read.

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
        codes = _given(given_sequences(sequences, mod), adata).codes(width, pad=pad)
        source = "given"
    unknown = (codes == UNKNOWN).mean(axis=1)
    if (unknown > 0).any():
        logger.info("%d of %d sequences have unknown bases", (unknown > 0).sum(), len(codes))
    if (unknown > 0.5).any():
        logger.warning(
            "%d of %d sequences are mostly N, %d of them wholly: they say nothing and are still modelled",
            (unknown > 0.5).sum(), len(codes), (unknown == 1).sum(),
        )  # fmt: skip
    adata.varm[_keys.SEQUENCE] = np.ascontiguousarray(codes)
    adata.uns[_keys.SEQUENCE] = {"params": {"genome": source, "width": int(width)}}
    return data if copy else None


def _given(given: Given, adata: AnnData) -> Given:
    """Return the sequences of the peaks, by their names where there are names."""
    if given.names is None:
        if len(given.sequences) != adata.n_vars:
            msg = f"There are {len(given.sequences)} sequences for {adata.n_vars} peaks."
            raise ValueError(msg)
        return given
    if not given.names.is_unique:
        repeated = given.names[given.names.duplicated()].unique()
        msg = f"{len(repeated)} name(s) of sequences occur more than once: {examples(repeated)}."
        raise ValueError(msg)
    index = given.names.get_indexer(adata.var_names)
    if (index < 0).any():
        msg = (
            f"{int((index < 0).sum())} of {adata.n_vars} peaks have no sequence: "
            f"{examples(adata.var_names[index < 0])}; sequences are called {examples(given.names)}. "
            "Without names, one per peak is taken in order."
        )
        raise ValueError(msg)
    chosen = given.sequences[index] if isinstance(given.sequences, np.ndarray) else [given.sequences[i] for i in index]
    return given._replace(sequences=chosen)
