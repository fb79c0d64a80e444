"""Coverage of states along the genome, in bins."""

from __future__ import annotations

import logging
import shutil
import warnings
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from scipy import sparse

from iceqream._binary import check_bigwig
from iceqream._core.messages import examples
from iceqream._core.tracks import cumulative, window_sums
from iceqream._files import existing, reading, target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from os import PathLike

logger = logging.getLogger(__name__)

DEFAULT_BINSIZE = 20
_ROOT = "iceqream_coverage"


class Coverage:
    """Coverage of states along the genome: chromosomes, bins, one sparse matrix per chromosome.

    Made by `iceqream.pp.read_fragments` and `iceqream.pp.read_bigwigs`; kept in memory, or on disk and read chromosome
    by chromosome.

    Parameters
    ----------
    states
        Names of the states.
    binsize
        bp.
    matrices
        Chromosome to states x bins (anything that scipy.sparse takes).
    sizes
        Length of each chromosome, bp; ``None``: to the end of the last bin.

    Raises
    ------
    ValueError
        If a matrix does not have one row per state, or states are repeated.

    Examples
    --------
    >>> import numpy as np, iceqream as iq
    >>> coverage = iq.Coverage(["a", "b"], 20, {"chr1": np.eye(2, 100)})
    >>> coverage.counts(["chr1"], [0], [40]).tolist()
    [[1.0], [1.0]]
    """

    def __init__(
        self,
        states: Sequence[str],
        binsize: int,
        matrices: Mapping[str, Any],
        sizes: Mapping[str, int] | None = None,
    ) -> None:
        self.states = np.array([str(state) for state in states], dtype=object)
        repeated = pd.Index(self.states)[pd.Index(self.states).duplicated()]
        if len(repeated) or binsize < 1:
            msg = f"Coverage needs distinct states and bins of 1 bp or more; repeated: {examples(repeated) or 'none'}."
            raise ValueError(msg)
        self.binsize = int(binsize)
        self._matrices: dict[str, sparse.csr_matrix | None] = {}
        self._path: Path | None = None
        self.sizes: dict[str, int] = {}
        for chrom, matrix in matrices.items():
            rows = sparse.csr_matrix(matrix, dtype=np.float32)
            if rows.shape[0] != len(self.states):
                msg = f"{chrom} has {rows.shape[0]} rows for {len(self.states)} states."
                raise ValueError(msg)
            self._matrices[str(chrom)] = rows
            self.sizes[str(chrom)] = int((sizes or {}).get(chrom, rows.shape[1] * self.binsize))

    def __repr__(self) -> str:
        length = sum(self.sizes.values()) / 1e6
        what = f"{len(self.states)} states, {len(self.sizes)} chromosomes, {length:.1f} Mb"
        return f"Coverage of {what} in bins of {self.binsize} bp"

    @property
    def chromosomes(self) -> list[str]:
        """Names of the chromosomes."""
        return list(self.sizes)

    def matrix(self, chrom: str) -> sparse.csr_matrix:
        """Return one chromosome, float32, states x bins.

        Raises
        ------
        KeyError
            If there is no such chromosome.
        """
        if chrom not in self._matrices:
            msg = f"There is no coverage of chromosome {chrom!r}; there is {examples(self._matrices)}."
            raise KeyError(msg)
        rows = self._matrices[chrom]
        return self._read(chrom) if rows is None else rows

    def state_index(self, states: Iterable[str]) -> np.ndarray:
        """Return the rows of states.

        Raises
        ------
        KeyError
            If a state is unknown.
        """
        names = [str(state) for state in states]
        rows = pd.Index(self.states).get_indexer(pd.Index(names))
        if (rows < 0).any():
            unknown = [name for name, row in zip(names, rows, strict=True) if row < 0]
            msg = f"There is no coverage of {examples(unknown)}; states are {examples(self.states)}."
            raise KeyError(msg)
        return rows

    def track(self, state: str, chrom: str, start: int = 0, end: int | None = None) -> np.ndarray:
        """Return the bins of one state that overlap [start, end), dense, float32."""
        row = self.state_index([state])[0]
        last = self.sizes[chrom] if end is None and chrom in self.sizes else (end or 0)
        bins = slice(max(start, 0) // self.binsize, -(-last // self.binsize))
        return self.matrix(chrom)[row, bins].toarray()[0]

    def totals(self) -> np.ndarray:
        """Return the sum of each state over the genome, float64."""
        return sum((np.asarray(self.matrix(c).sum(axis=1, dtype=np.float64)).ravel() for c in self.sizes),
                   np.zeros(len(self.states)))  # fmt: skip

    def counts(self, chrom: Any, start: Any, end: Any) -> np.ndarray:
        """Return the sum of each state over windows (BED), float64, states x windows.

        Bins that lie partly inside a window count in proportion; windows are cut at the ends of chromosomes and are 0
        on chromosomes without coverage.
        """
        chrom, start, end = np.asarray(chrom).astype(str), np.asarray(start), np.asarray(end)
        out = np.zeros((len(self.states), len(chrom)))
        for name in np.unique(chrom):
            if name not in self._matrices:
                continue
            windows = np.flatnonzero(chrom == name)
            rows = self.matrix(name)
            for i in range(len(self.states)):
                sums = cumulative(rows[i].toarray()[0])
                out[i, windows] = window_sums(sums, start[windows], end[windows], self.binsize)
        return out

    def punctured_counts(self, chrom: Any, start: Any, end: Any, window: int, hole: int | None = None) -> np.ndarray:
        """Return the sum of each state around windows without the windows, float64, states x windows.

        Parameters
        ----------
        chrom, start, end
            Windows (BED).
        window
            Total reach, bp: half of it is added to each end; with `hole`, half of it to each side of the centre.
        hole
            Width around the centre that is left out, bp; ``None`` leaves out the window itself.
        """
        start, end = np.asarray(start, dtype=np.int64), np.asarray(end, dtype=np.int64)
        half = window // 2
        if hole is None:
            return self.counts(chrom, start - half, end + half) - self.counts(chrom, start, end)
        centre = (start + end) // 2
        wide = self.counts(chrom, centre - half, centre + half)
        return wide - self.counts(chrom, centre - hole // 2, centre + hole // 2)

    def covered(self, chrom: Any) -> np.ndarray:
        """Return whether each chromosome has coverage, bool."""
        return np.isin(np.asarray(chrom).astype(str), self.chromosomes)

    def to_bigwig(self, state: str, path: str | PathLike[str]) -> None:
        """Write one state as a bigWig file (needs ``iceqream[tracks]``).

        Raises
        ------
        ImportError
            If pybigtools is missing.
        ValueError
            If the state has no coverage at all.
        """
        import_pybigtools()
        row = int(self.state_index([state])[0])

        def values() -> Iterable[tuple[str, int, int, float]]:
            # bigWig files are sorted by the name of the chromosome
            for chrom in sorted(self.sizes):
                one = self.matrix(chrom)[row]
                for position, value in zip(one.indices, one.data, strict=True):
                    first = int(position) * self.binsize
                    yield chrom, first, min(first + self.binsize, self.sizes[chrom]), float(value)

        sizes = {chrom: self.sizes[chrom] for chrom in sorted(self.sizes)}
        write_bigwig(target(path), sizes, values(), f"state {state!r} has no coverage")

    def save(self, path: str | PathLike[str]) -> None:
        """Write to HDF5 (``.h5``) or a zarr folder (``.zarr``); an older one is replaced.

        Raises
        ------
        ValueError
            If the path ends in neither.
        """
        with CoverageWriter(Path(path), self.states, self.binsize) as writer:
            for chrom in self.sizes:
                writer.add(chrom, self.matrix(chrom), self.sizes[chrom])

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Coverage:
        """Open what `save` wrote; chromosomes are read when they are needed.

        Raises
        ------
        FileNotFoundError
            If there is nothing at the path.
        ValueError
            If it holds no coverage.
        """
        path = Path(path)
        if not path.exists():
            msg = f"There is no coverage at {path}."
            raise FileNotFoundError(msg)
        with reading(path, "coverage"), _Opened(path, "r") as root:
            if _ROOT not in root:
                msg = f"{path} holds no iceqream coverage."
                raise ValueError(msg)
            from anndata.io import read_elem

            group = root[_ROOT]
            coverage = cls(read_elem(group["states"]), int(read_elem(group["binsize"])), {})
            sizes = zip(read_elem(group["chromosomes"]), read_elem(group["sizes"]), strict=True)
            coverage.sizes = {str(chrom): int(size) for chrom, size in sizes}
        coverage._matrices = dict.fromkeys(coverage.sizes)
        coverage._path = path
        return coverage

    def _read(self, chrom: str) -> sparse.csr_matrix:
        from anndata.io import read_elem

        if self._path is None:
            msg = f"There is no coverage of chromosome {chrom!r}."
            raise KeyError(msg)
        with reading(self._path, f"coverage of {chrom}"), _Opened(self._path, "r") as root:
            return sparse.csr_matrix(read_elem(root[_ROOT][f"matrix_{self.chromosomes.index(chrom)}"]))


class CoverageWriter:
    """Writes chromosomes one after the other: under a temporary name, which is moved into place at the end.

    A context: nothing is left of the temporary file where it ends with an error.
    """

    def __init__(self, path: Path, states: Sequence[str] | np.ndarray, binsize: int) -> None:
        if path.suffix not in {".h5", ".hdf5", ".zarr"}:
            msg = f"Coverage is saved as .h5 or .zarr, got {path.name!r}."
            raise ValueError(msg)
        self.path = target(path)
        self.unfinished = path.with_name(path.name + ".part")
        self.states, self.binsize = np.array([str(s) for s in states], dtype=object), int(binsize)
        self.sizes: dict[str, int] = {}
        self._file = _Opened(self.unfinished, "w", zarr=path.suffix == ".zarr")

    def __enter__(self) -> CoverageWriter:
        _remove(self.unfinished)
        self._group = self._file.__enter__().create_group(_ROOT)
        return self

    def add(self, chrom: str, matrix: sparse.csr_matrix, size: int) -> None:
        """Write one chromosome."""
        self._write(f"matrix_{len(self.sizes)}", matrix)
        self.sizes[chrom] = int(size)

    def _write(self, name: str, value: Any) -> None:
        from anndata.io import write_elem

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*autosharding")  # a notice about anndata's plans
            write_elem(self._group, name, value)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            try:
                if kind is None:
                    self._write_heads()
            finally:
                self._file.__exit__()
            if kind is None:
                if self.path.is_dir():
                    shutil.rmtree(self.path)
                self.unfinished.replace(self.path)
        finally:
            _remove(self.unfinished)

    def _write_heads(self) -> None:
        self._write("states", self.states)
        self._write("binsize", self.binsize)
        self._write("chromosomes", np.array(list(self.sizes), dtype=object))
        self._write("sizes", np.array(list(self.sizes.values()), dtype=np.int64))


def _remove(path: Path) -> None:
    """Remove a file or a zarr folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


class _Opened:
    """An HDF5 file or zarr folder as a context."""

    def __init__(self, path: Path, mode: Literal["r", "w"], *, zarr: bool | None = None) -> None:
        self.path, self.mode = path, mode
        self.zarr = path.is_dir() if zarr is None else zarr

    def __enter__(self) -> Any:
        if self.zarr:
            import zarr

            self.file = None
            return zarr.open_group(str(self.path), mode=self.mode)
        import h5py

        self.file = h5py.File(self.path, self.mode)
        return self.file

    def __exit__(self, *_: object) -> None:
        if self.file is not None:
            self.file.close()


def write_bigwig(path: Path, sizes: dict[str, int], runs: Iterable[tuple[str, int, int, float]], nothing: str) -> None:
    """Write runs of values (chrom, start, end, value) to a bigWig file; an older one stays until all went well.

    pybigtools takes an error in the middle for the end, and writes a file that cannot be read where there is no run:
    both are caught here.

    Raises
    ------
    ValueError
        If there is no run; `nothing` says why.
    """
    failed: list[BaseException] = []
    n = 0

    def watched() -> Iterator[tuple[str, int, int, float]]:
        nonlocal n
        try:
            for run in runs:
                n += 1
                yield run
        except BaseException as error:
            failed.append(error)
            raise

    guarded = watched()
    first = next(guarded, None)
    if first is None:
        msg = f"{path} would be empty: {nothing}."
        raise ValueError(msg)
    unfinished = path.with_name(path.name + ".part.bw")
    try:
        import_pybigtools().open(str(unfinished), "w").write(sizes, chain([first], guarded))
        if failed:
            raise failed[0]
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def import_pybigtools() -> Any:
    """Return pybigtools, or say how to install it."""
    try:
        import pybigtools
    except ImportError as error:
        error.add_note('bigWig files need pybigtools: pip install "iceqream[tracks]"')
        raise
    return pybigtools


def open_bigwig(path: str | PathLike[str]) -> Any:
    """Open a bigWig file for reading.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no bigWig file.
    ImportError
        If pybigtools is missing.
    """
    pybigtools = import_pybigtools()
    local = "://" not in str(path)
    if local:
        existing(path)
    with reading(path, "a bigWig file"):
        if local:
            check_bigwig(Path(path))
        file = pybigtools.open(str(path))
        file.chroms()
    return file
