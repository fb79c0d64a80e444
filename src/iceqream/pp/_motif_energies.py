"""Energies of a motif library over all peaks."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from iceqream import _keys
from iceqream._anndata import prepare, sequences_of
from iceqream._core.normalization import Scheme, energy_range, scale
from iceqream._core.sequence import centre
from iceqream._core.threads import threads
from iceqream._files import target
from iceqream._progress import progress_bar
from iceqream.inference.screening import energy_blocks
from iceqream.motifs import as_motif_set
from iceqream.motifs._energies import DEFAULT_PSEUDO_PROBABILITY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike
    from pathlib import Path

    from anndata import AnnData
    from mudata import MuData

    from iceqream.motifs import MotifSet
    from iceqream.motifs.libraries import Library

logger = logging.getLogger(__name__)

DEFAULT_MAX_MEMORY = 4.0
_GIB = 2**30


def motif_energies(
    data: AnnData | MuData,
    motifs: Library | None = None,
    *,
    normalize: Scheme | None = "reference",
    width: int | None = None,
    store: str | PathLike[str] | None = None,
    max_memory: float = DEFAULT_MAX_MEMORY,
    pseudo_probability: float = DEFAULT_PSEUDO_PROBABILITY,
    key_added: str = _keys.MOTIF_ENERGY,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Compute the binding energy of every motif in every peak (paper eq. 2), in memory or streamed to disk.

    `iceqream.tl.fit_trajectory` does not need this: it streams the library itself.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with ``varm["sequence"]``.
    motifs
        The library: a MotifSet, the path of a motif file, or a dictionary of matrices; ``None`` is
        ``iq.motifs.jaspar()``.
    normalize
        Scale to 0-10 over all peaks, by the R package's scheme or the paper's (METHOD section 3); ``None`` keeps log2
        units.
    width
        Use the central `width` bp.
    store
        Path of a zarr folder to write to, block by block, instead of ``varm``: for large libraries. An older one is
        replaced.
    max_memory
        GiB that the matrix may take in memory.
    pseudo_probability
        Added to each probability before renormalisation.
    key_added
        Key of ``varm`` and ``uns``.
    mod
        Modality of a MuData that holds the peaks.
    n_jobs
        Threads; the result does not depend on it.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``varm[key_added]`` (float32, peaks x motifs) and ``uns[key_added]`` with
    names, lengths, low and high (the log2 energies that are mapped to 0 and 10) and params. With `store`, the zarr
    group has the arrays energies (peaks x motifs), names, low and high instead, and `data` is left alone.

    Raises
    ------
    KeyError
        If there are no sequences.
    ValueError
        If the matrix exceeds `max_memory` (with its size), or a motif does not fit into the sequences.
    TypeError
        If `motifs` is no library.
    FileNotFoundError
        If the folder of `store` does not exist.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=200, rng=0)
    >>> iq.pp.motif_energies(adata, iq.datasets.simulated_motifs())
    >>> adata.varm["motif_energy"].shape
    (200, 30)
    """
    if normalize not in {None, "reference", "paper"}:
        msg = f"normalize must be None, 'reference' or 'paper', got {normalize!r}."
        raise ValueError(msg)
    library = as_motif_set(motifs)
    store = None if store is None else target(store)
    data, adata = prepare(data, mod, copy=copy)
    codes = sequences_of(adata)
    if width is not None:
        codes = centre(codes, width)
    size = 4 * len(codes) * len(library) / _GIB
    logger.info("energies of %d motifs over %d peaks: %.2f GiB", len(library), len(codes), size)
    if store is None and size > max_memory:
        msg = (
            f"The energies of {len(library)} motifs over {len(codes)} peaks take {size:.1f} GiB, more than "
            f"max_memory={max_memory:g}. Pass store='energies.zarr' to stream them to disk, or screen the library "
            "with tl.fit_trajectory."
        )
        raise ValueError(msg)
    low, high = np.full(len(library), np.nan), np.full(len(library), np.nan)

    def blocks() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        order = np.arange(len(library))
        with threads(n_jobs), progress_bar(len(library), "motif_energies", "motif") as bar:
            for block, energies in energy_blocks(codes, library, order, pseudo_probability):
                if normalize is not None:
                    low[block], high[block] = energy_range(energies, scheme=normalize)
                    yield block, scale(energies, low[block], high[block])
                else:
                    yield block, energies
                bar.update(len(block))

    if store is not None:
        _write_zarr(store, blocks(), len(codes), library, low, high)
        return data if copy else None
    out = np.empty((len(codes), len(library)), dtype=np.float32)
    for block, energies in blocks():
        out[:, block] = energies
    adata.varm[key_added] = out
    adata.uns[key_added] = {
        "names": library.names,
        "lengths": library.lengths,
        "low": low,
        "high": high,
        "params": {
            "normalize": normalize,
            "width": int(codes.shape[1]),
            "pseudo_probability": float(pseudo_probability),
        },
    }
    return data if copy else None


def _write_zarr(
    path: Path,
    blocks: Iterator[tuple[np.ndarray, np.ndarray]],
    n: int,
    library: MotifSet,
    low: np.ndarray,
    high: np.ndarray,
) -> None:
    import shutil

    import zarr
    from anndata.io import write_elem

    unfinished = path.with_name(path.name + ".part")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    group = zarr.open_group(str(unfinished), mode="w")
    chunks = (min(n, 8192), min(len(library), 64))
    energies = group.create_array("energies", shape=(n, len(library)), chunks=chunks, dtype="float32")
    for block, values in blocks:
        energies[:, block[0] : block[-1] + 1] = values
    for name, array in (("names", library.names), ("lengths", library.lengths), ("low", low), ("high", high)):
        write_elem(group, name, array)
    if path.exists():
        shutil.rmtree(path)
    unfinished.rename(path)
