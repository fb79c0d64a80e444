"""Coverage from a 10x fragments file."""

from __future__ import annotations

import gzip
import logging
import zlib
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from iceqream import _keys
from iceqream._anndata import get_adata, is_mudata, peak_table
from iceqream._core.messages import examples
from iceqream._core.tracks import touched_bins
from iceqream._files import existing, is_gzipped, is_position, lines, shown, target
from iceqream._progress import progress_bar
from iceqream.coverage import DEFAULT_BINSIZE, Coverage, CoverageWriter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike
    from pathlib import Path

    from mudata import MuData

logger = logging.getLogger(__name__)

CHUNK = 2_000_000
"""Lines that are read at once."""
_COLUMNS = ("chrom", "start", "end", "barcode")


def read_fragments(
    path: str | PathLike[str],
    groups: Mapping[str, str] | pd.Series | pd.DataFrame | AnnData | MuData,
    *,
    groupby: str | None = None,
    peaks: AnnData | MuData | pd.DataFrame | str | PathLike[str] | None = None,
    span: Literal["cut_sites", "fragment"] = "cut_sites",
    binsize: int = DEFAULT_BINSIZE,
    sizes: Mapping[str, int] | None = None,
    store: str | PathLike[str] | None = None,
    window: int = 20_000,
    mod: str = _keys.ATAC,
) -> Coverage | AnnData:
    r"""Read a 10x fragments file as coverage per group of barcodes, or as counts in peaks.

    The file is streamed: a chromosome is kept in memory only until the next one begins. Both ends of a fragment are cut
    sites, at its start and at its end - 1.

    Parameters
    ----------
    path
        ``fragments.tsv`` or ``.tsv.gz``: chrom, start, end, barcode and a count that is not used (BED). Chromosomes
        must be together, as in every 10x file.
    groups
        Barcode to group: a dictionary, a Series with barcodes as index, or `groupby` of an AnnData, MuData or DataFrame
        whose index holds the barcodes. Fragments of other barcodes are left out and counted.
    groupby
        Column of `groups` where that is an AnnData or a MuData (``obs``; its own or that of the modality) or a
        DataFrame.
    peaks
        Peaks to count in: an AnnData, a MuData, a table with chrom, start and end, or the path of a BED file. Counts
        are exact, not binned.
    span
        ``"cut_sites"`` counts both ends; ``"fragment"`` every base of a fragment (divided by the bin size, so that the
        coverage of a bin is its mean depth); counts in peaks are then fragments that overlap.
    binsize
        Bins of the coverage, bp.
    sizes
        Length of each chromosome, bp; ``None``: to the last fragment.
    store
        Write the coverage there (``.zarr`` or ``.h5``), chromosome by chromosome, instead of keeping it in memory.
    window
        With `peaks`: total width of the window around a peak whose cut sites, summed over the groups, become
        ``var["regional_counts"]``, bp.
    mod
        Modality of a MuData that holds the peaks or the cells.

    Returns
    -------
    Coverage, or with `peaks` an AnnData (groups x peaks): ``X`` counts (float32), ``var["regional_counts"]`` (cut sites
    of all groups within the window without the peak), ``obs["n_fragments"]``.

    Raises
    ------
    FileNotFoundError
        If there is no file.
    ValueError
        For a malformed line (with its number), chromosomes that are not together, no barcode of any group, or fragments
        past the end of a chromosome.
    KeyError
        If the column is missing.
    TypeError
        If `groups` or `peaks` are of no form that is read.

    Examples
    --------
    >>> import iceqream as iq
    >>> with open("fragments.tsv", "w") as file:
    ...     _ = file.write("chr1\t100\t250\tAAAC\t1\nchr1\t120\t300\tTTTG\t2\n")
    >>> coverage = iq.pp.read_fragments("fragments.tsv", {"AAAC": "a", "TTTG": "b"})
    >>> coverage.counts(["chr1"], [100], [200]).tolist()
    [[1.0], [1.0]]
    """
    path = existing(path)
    if span not in {"cut_sites", "fragment"}:
        msg = f"span must be 'cut_sites' or 'fragment', got {span!r}."
        raise ValueError(msg)
    barcodes = _barcodes(groups, groupby, mod)
    names = sorted(set(barcodes.to_numpy()))
    code = pd.Series(pd.Categorical(barcodes, categories=names).codes, index=barcodes.index)
    counter = None if peaks is None else _PeakCounter(peak_table(peaks, mod), len(names), span, window)
    writer = None if store is None else CoverageWriter(target(store), names, binsize)
    builder = _Builder(path, names, binsize, dict(sizes or {}), span, writer)
    builder.keep = counter is None
    with writer or nullcontext():
        fragments = _stream(path, code, builder, counter)
        builder.finish()
    if counter is None:
        return builder.coverage()
    counter.warn_of_absent()
    return counter.result(names, fragments)


def _stream(path: Path, code: pd.Series, builder: _Builder, counter: _PeakCounter | None) -> np.ndarray:
    """Read the fragments of barcodes with a group (`code`); return how many there are of each group."""
    n_lines = 0
    fragments = np.zeros(len(builder.names), dtype=np.int64)
    with (
        progress_bar(path.stat().st_size, "fragments", "B", show=path.stat().st_size > 5e7) as bar,
        path.open("rb") as raw,
        gzip.open(raw, "rb") if is_gzipped(path) else nullcontext(raw) as stream,
    ):
        for table in _chunks(stream, path):
            n_lines += len(table)
            group = code.reindex(table["barcode"]).to_numpy()
            used = ~np.isnan(group)
            part = table.loc[used, ["chrom", "start", "end"]]
            part = part.assign(group=group[used].astype(np.int64))
            fragments += np.bincount(part["group"], minlength=len(fragments))
            chrom = part["chrom"].to_numpy()
            edges = np.flatnonzero(chrom[1:] != chrom[:-1]) + 1
            for start, end in zip(np.r_[0, edges], np.r_[edges, len(part)], strict=True):
                if start < end:
                    builder.add(chrom[start], part.iloc[start:end])
                    if counter is not None:
                        counter.add(chrom[start], part.iloc[start:end])
            bar.update(raw.tell() - bar.n)
    n_used = int(fragments.sum())
    if n_used == 0:
        msg = (
            f"None of the {n_lines} fragments in {path} has a barcode of any group; barcodes of the groups look "
            f"like {examples(code.index)}. Do they end in -1, or carry a prefix?"
        )
        raise ValueError(msg)
    logger.info("%d of %d fragments have a barcode of the %d groups", n_used, n_lines, len(fragments))
    return fragments


def _barcodes(groups: Any, groupby: str | None, mod: str) -> pd.Series:
    table = groups
    if isinstance(groups, AnnData) or is_mudata(groups):
        table = groups.obs if groupby in groups.obs else get_adata(groups, mod).obs
    if not isinstance(table, pd.DataFrame | pd.Series | Mapping):
        msg = (
            "Groups are a dictionary or Series of barcode to group, or an AnnData, MuData or table with groupby=...; "
            f"got {type(groups).__name__}."
        )
        raise TypeError(msg)
    if isinstance(table, pd.DataFrame):
        if groupby is None or groupby not in table:
            msg = f"groupby={groupby!r} is not a column of the groups; they have {examples(table.columns)}."
            raise KeyError(msg)
        table = table[groupby]
    series = table if isinstance(table, pd.Series) else pd.Series(dict(table), dtype=object)
    series = series.dropna().astype(str)
    repeated = series.index[series.index.duplicated()].unique()
    if len(series) == 0 or len(repeated):
        msg = f"Groups need distinct barcodes; there are {len(series)}, repeated: {examples(repeated) or 'none'}."
        raise ValueError(msg)
    return series


def _chunks(stream: Any, path: Path) -> Iterator[pd.DataFrame]:
    """Yield the fragments chunk by chunk."""
    try:
        with pd.read_csv(
            stream, sep="\t", header=None, comment="#", usecols=range(4), names=list(_COLUMNS), chunksize=CHUNK,
            dtype={"chrom": str, "start": np.int64, "end": np.int64, "barcode": str}, na_filter=False, engine="c",
        ) as reader:  # fmt: skip
            for table in reader:
                if ((table["start"] < 0) | (table["end"] <= table["start"])).any():
                    _name_malformed(path)
                yield table
    except pd.errors.EmptyDataError:
        return
    except (ValueError, OverflowError, EOFError, OSError, zlib.error) as error:
        # pandas does not tell the line
        if not str(error).startswith(str(path)):
            _name_malformed(path)
            msg = f"{path} cannot be read as fragments: {error}"
            raise ValueError(msg) from error
        raise


def _name_malformed(path: Path) -> None:
    """Find the first line that is not a fragment and raise its number."""
    for number, line in lines(path):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split("\t")
        whole = len(fields) >= 4 and is_position(fields[1]) and is_position(fields[2])
        if not whole or int(fields[2]) <= int(fields[1]):
            msg = f"{path}, line {number} is not a fragment (chrom, start, end, barcode): {shown(line)}."
            raise ValueError(msg)


def _line_of_return(path: Path, chrom: str) -> int:
    """Return the number of the first line of a chromosome that comes back after another."""
    seen, latest = set(), ""
    for number, line in lines(path):
        name = line.partition("\t")[0]
        if not line.strip() or line.startswith("#") or name == latest:
            continue
        if name == chrom and name in seen:
            return number
        seen.add(name)
        latest = name
    return 0


class _Builder:
    """Collects cut sites chromosome by chromosome."""

    def __init__(
        self,
        path: Path,
        names: list[str],
        binsize: int,
        sizes: dict[str, int],
        span: str,
        writer: CoverageWriter | None,
    ) -> None:
        self.path = path
        self.names, self.binsize, self.sizes, self.span = names, binsize, sizes, span
        self.keep = True
        self.writer = writer
        self.done: dict[str, sparse.csr_matrix] = {}
        self.lengths: dict[str, int] = {}
        self.chrom = ""
        self.parts: list[sparse.csr_matrix] = []
        self.longest = 0

    def add(self, chrom: str, rows: pd.DataFrame) -> None:
        if chrom != self.chrom:
            self.finish()
            if chrom in self.lengths:
                line = _line_of_return(self.path, chrom)
                msg = f"{self.path}, line {line}: fragments of {chrom} again, after other chromosomes: sort the file."
                raise ValueError(msg)
            self.chrom = chrom
        end = rows["end"].to_numpy()
        if chrom in self.sizes and end.max() > self.sizes[chrom]:
            msg = (
                f"{self.path} has a fragment that ends at {chrom}:{end.max()}, past {self.sizes[chrom]}: is this the "
                "right assembly?"
            )
            raise ValueError(msg)
        self.longest = max(self.longest, int(end.max()))
        if not self.keep and self.writer is None:
            return
        group, start = rows["group"].to_numpy(), rows["start"].to_numpy()
        n_bins = -(-self.longest // self.binsize)
        if self.span == "cut_sites":
            at = np.concatenate([start, end - 1]) // self.binsize
            value, row = np.ones(len(at), dtype=np.float32), np.concatenate([group, group])
        else:
            owner, at, covered = touched_bins(start, end, self.binsize)
            value, row = (covered / self.binsize).astype(np.float32), group[owner]
        part = sparse.csr_matrix((value, (row, at)), shape=(len(self.names), n_bins), dtype=np.float32)
        self.parts.append(part)

    def finish(self) -> None:
        """Take the last chromosome."""
        if not self.chrom:
            return
        size = self.sizes.get(self.chrom, self.longest)
        self.lengths[self.chrom] = size
        if self.parts:
            n_bins = -(-size // self.binsize)
            total = sparse.csr_matrix((len(self.names), n_bins), dtype=np.float32)
            for part in self.parts:
                part.resize((len(self.names), n_bins))
                total = total + part
            if self.writer is not None:
                self.writer.add(self.chrom, total, size)
            else:
                self.done[self.chrom] = total
        self.parts, self.longest = [], 0

    def coverage(self) -> Coverage:
        """Return what was collected, after the end of the writer's context."""
        if self.writer is None:
            return Coverage(self.names, self.binsize, self.done, self.lengths)
        return Coverage.load(self.writer.path)


class _PeakCounter:
    """Counts cut sites, or overlapping fragments, in peaks and around them."""

    def __init__(self, table: pd.DataFrame, n_groups: int, span: str, window: int) -> None:
        self.table = table
        self.span, self.half = span, window // 2
        self.counts = np.zeros((n_groups, len(self.table)))
        self.around = np.zeros(len(self.table), dtype=np.int64)
        chrom = self.table["chrom"].to_numpy().astype(str)
        self.rows = {name: np.flatnonzero(chrom == name) for name in np.unique(chrom)}
        self.absent = set(self.rows)

    def add(self, chrom: str, fragments: pd.DataFrame) -> None:
        rows = self.rows.get(chrom)
        if rows is None:
            return
        self.absent.discard(chrom)
        start, end = (self.table[name].to_numpy()[rows] for name in ("start", "end"))
        left, right, group = (fragments[name].to_numpy() for name in ("start", "end", "group"))
        both = np.sort(np.concatenate([left, right - 1]))
        inside = np.searchsorted(both, end) - np.searchsorted(both, start)
        wide = np.searchsorted(both, end + self.half) - np.searchsorted(both, start - self.half)
        self.around[rows] += wide - inside
        for k in np.unique(group):
            mine = group == k
            if self.span == "cut_sites":
                cuts = np.sort(np.concatenate([left[mine], right[mine] - 1]))
                self.counts[k, rows] += np.searchsorted(cuts, end) - np.searchsorted(cuts, start)
            else:
                # all that begin before the end, less those that end before the start
                begun = np.searchsorted(np.sort(left[mine]), end)
                self.counts[k, rows] += begun - np.searchsorted(np.sort(right[mine]), start, side="right")

    def warn_of_absent(self) -> None:
        if self.absent:
            n = sum(len(self.rows[chrom]) for chrom in self.absent)
            logger.warning("%d peaks lie on chromosomes without a fragment: %s", n, examples(sorted(self.absent)))

    def result(self, names: list[str], fragments: np.ndarray) -> AnnData:
        adata = AnnData(self.counts.astype(np.float32))
        adata.obs_names, adata.var_names = names, self.table.index.astype(str)
        adata.obs["n_fragments"] = fragments
        adata.var[_keys.CHROM] = pd.Categorical(self.table["chrom"])
        adata.var[_keys.START], adata.var[_keys.END] = self.table["start"].to_numpy(), self.table["end"].to_numpy()
        adata.var[_keys.REGIONAL_COUNTS] = self.around
        return adata
