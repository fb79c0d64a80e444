"""Coverage from bigWig files."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from iceqream import _keys
from iceqream._anndata import peak_table
from iceqream._core.messages import examples
from iceqream._core.tracks import touched_bins
from iceqream._files import reading
from iceqream._progress import progress_bar
from iceqream.coverage import DEFAULT_BINSIZE, Coverage, open_bigwig

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from mudata import MuData

logger = logging.getLogger(__name__)


def read_bigwigs(
    paths: Mapping[str, str | PathLike[str]],
    peaks: AnnData | MuData | pd.DataFrame | str | PathLike[str] | None = None,
    *,
    chromosomes: Sequence[str] | None = None,
    binsize: int = DEFAULT_BINSIZE,
    window: int = 20_000,
    mod: str = _keys.ATAC,
) -> Coverage | AnnData:
    """Read one bigWig file per state as coverage, or as signal in peaks. Needs ``iceqream[tracks]``.

    Parameters
    ----------
    paths
        State to path.
    peaks
        Peaks to sum the signal over: an AnnData, a MuData, a table with chrom, start and end, or the path of a BED
        file.
    chromosomes
        Chromosomes to read; ``None`` takes all with signal (those of the peaks if there are any).
    binsize
        Bins of the coverage, bp; each holds the mean signal of its bases, 0 where there is none.
    window
        With `peaks`: total width of the window around a peak whose signal, summed over the states, becomes
        ``var["regional_counts"]``, bp.
    mod
        Modality of a MuData that holds the peaks.

    Returns
    -------
    Coverage, or with `peaks` an AnnData (states x peaks): ``X`` signal summed over the bins of each peak (float32),
    ``var["regional_counts"]``.

    Raises
    ------
    FileNotFoundError
        If a file does not exist.
    ValueError
        If there is no file or one is no bigWig, a chromosome is in none of them, files disagree on its length, or a
        value is negative or missing.
    TypeError
        If `paths` or `peaks` are of no form that is read.
    ImportError
        If pybigtools is missing.

    Examples
    --------
    >>> import numpy as np, iceqream as iq
    >>> iq.Coverage(["a"], 20, {"chr1": np.ones((1, 50))}).to_bigwig("a", "a.bw")
    >>> iq.pp.read_bigwigs({"a": "a.bw"}).counts(["chr1"], [0], [100]).tolist()
    [[5.0]]
    """
    if not isinstance(paths, Mapping):
        msg = f"paths is a dictionary of state to bigWig file, not a {type(paths).__name__}."
        raise TypeError(msg)
    table = None if peaks is None else peak_table(peaks, mod)
    files = {str(state): path for state, path in paths.items()}
    if not files:
        msg = "No bigWig file is given."
        raise ValueError(msg)
    opened = {state: open_bigwig(path) for state, path in files.items()}
    sizes = _sizes(opened)
    wanted = list(sizes) if chromosomes is None else [str(c) for c in chromosomes]
    if table is not None and chromosomes is None:
        present = set(table["chrom"])
        wanted = [chrom for chrom in sizes if chrom in present]
    unknown = [chrom for chrom in wanted if chrom not in sizes]
    if unknown or not wanted:
        msg = f"No bigWig file has {examples(unknown) or 'a chromosome of the peaks'}; there is {examples(sizes)}."
        raise ValueError(msg)
    matrices = {}
    with progress_bar(len(wanted) * len(files), "bigWig", "chromosome") as bar:
        for chrom in wanted:
            rows = []
            for state, file in opened.items():
                rows.append(_binned(file, files[state], chrom, sizes[chrom], binsize))
                bar.update()
            matrix = sparse.vstack(rows, format="csr")
            if matrix.nnz or chromosomes is not None:
                matrices[chrom] = matrix
    coverage = Coverage(list(files), binsize, matrices, sizes)
    logger.info("%r", coverage)
    return coverage if table is None else counts_in_peaks(coverage, table, window)


def counts_in_peaks(coverage: Coverage, table: pd.DataFrame, window: int) -> AnnData:
    """Return the coverage of peaks as an AnnData, with the signal around them in ``var["regional_counts"]``."""
    place = (table["chrom"].to_numpy(), table["start"].to_numpy(), table["end"].to_numpy())
    absent = ~coverage.covered(place[0])
    if absent.any():
        names = np.unique(place[0][absent])
        logger.warning("%d peaks lie on chromosomes without coverage: %s", absent.sum(), examples(names))
    adata = AnnData(coverage.counts(*place).astype(np.float32))
    adata.obs_names, adata.var_names = coverage.states, table.index.astype(str)
    adata.var[_keys.CHROM] = pd.Categorical(place[0])
    adata.var[_keys.START], adata.var[_keys.END] = place[1], place[2]
    adata.var[_keys.REGIONAL_COUNTS] = coverage.punctured_counts(*place, window).sum(axis=0)
    return adata


def _sizes(opened: Mapping[str, Any]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for state, file in opened.items():
        for chrom, size in file.chroms().items():
            if sizes.setdefault(str(chrom), int(size)) != int(size):
                msg = f"{chrom} is {sizes[chrom]} bp long in one file, {size} bp in that of {state!r}: two assemblies?"
                raise ValueError(msg)
    return sizes


def _binned(file: Any, path: str | PathLike[str], chrom: str, size: int, binsize: int) -> sparse.csr_matrix:
    """Return the mean signal of each bin, 1 x bins."""
    n_bins = -(-size // binsize)
    if chrom not in file.chroms():
        return sparse.csr_matrix((1, n_bins), dtype=np.float32)
    kind = np.dtype([("start", np.int64), ("end", np.int64), ("value", np.float64)])
    with reading(path, f"a bigWig file ({chrom})"):
        records = np.fromiter(file.records(chrom), dtype=kind)
    value = records["value"]
    bad = ~np.isfinite(value) | (value < 0)
    if bad.any():
        place = records[bad][0]
        msg = (
            f"{path} has {int(bad.sum())} negative or missing value(s), for instance "
            f"{place['value']:g} at {chrom}:{place['start']}-{place['end']}. Give coverage or counts, no log ratios."
        )
        raise ValueError(msg)
    owner, at, covered = touched_bins(records["start"], records["end"], binsize)
    # the last bin of a chromosome may be shorter
    signal = value[owner] * covered / (np.minimum((at + 1) * binsize, size) - at * binsize)
    row = sparse.coo_matrix((signal, (np.zeros(len(at), dtype=np.int64), at)), shape=(1, n_bins))
    return row.tocsr().astype(np.float32)
