"""Which sequences variants lie in."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from anndata import AnnData

from iceqream import _keys
from iceqream._anndata import get_adata, is_mudata, peak_table, sequences_of
from iceqream._core.intervals import resize
from iceqream._core.messages import examples
from iceqream._core.sequence import centre
from iceqream._variants import SKIPPED_COLUMNS, joined_skipped, left_out
from iceqream.models.features import available_features

if TYPE_CHECKING:
    from iceqream.genome import Genome
    from iceqream.models import ManifoldModel, TrajectoryModel

NO_PEAK = "in no peak"
OUTSIDE = "in a peak, but outside of the bases that the model reads"


class Windows(NamedTuple):
    """Sequences of the model's width, sorted by place."""

    chrom: np.ndarray
    start: np.ndarray
    """int64: may lie before the chromosome's first base."""
    name: np.ndarray
    """Of the peak; empty where there is none."""
    given: np.ndarray
    """int64: position of the peak among those that were given."""
    features: dict[str, np.ndarray]
    """Unscaled values of the peaks' features."""
    peaks: pd.DataFrame
    """chrom, start and end of the peaks."""
    codes: np.ndarray | None
    """uint8, n x width: what the data say that the sequences are; ``None`` if nothing."""

    def check(self, used: np.ndarray, codes: np.ndarray, genome: Genome) -> None:
        """Refuse a genome whose sequences are not those that the data hold."""
        if self.codes is None:
            return
        differ = (self.codes[used] != codes).any(axis=1)
        if differ.any():
            msg = (
                f"The sequences of {int(differ.sum())} of {len(used)} peaks are others in {genome.name} than in "
                f"varm['sequence']: {examples(self.name[used[differ]])}. Is {genome.name} the right assembly? If these "
                "sequences are meant to differ, pass the model instead of the data, with peaks=... as a table."
            )
            raise ValueError(msg)


class Rows(NamedTuple):
    """What is scored: a window, and the variants that are put into it."""

    window: np.ndarray
    """int64: position of the window."""
    bounds: np.ndarray
    """int64, rows + 1: where the variants of a row begin in `variant`."""
    variant: np.ndarray
    """int64: positions of the variants, by place within a row."""

    def __len__(self) -> int:
        return len(self.window)

    @property
    def first_variant(self) -> np.ndarray:
        """Position of each row's first variant."""
        return self.variant[self.bounds[:-1]]

    def members(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the variants of some rows: the row of each (from 0 on), and the variant."""
        size = self.bounds[rows + 1] - self.bounds[rows]
        row = np.repeat(np.arange(len(rows)), size)
        within = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size)
        return row, self.variant[self.bounds[rows][row] + within]

    def described(self, table: pd.DataFrame, windows: Windows, width: int, *, together: bool) -> dict[str, np.ndarray]:
        """Return the columns that say which variant, or variants, and which peak a row is of."""
        row, variant = self.members(np.arange(len(self)))
        offset = table["start"].to_numpy()[variant] - (windows.start[self.window[row]] + width // 2)
        columns: dict[str, np.ndarray] = {}
        if together:
            columns["haplotype"] = table["haplotype"].to_numpy(dtype=object)[self.first_variant]
            texts = {
                name: table[name].astype(str).to_numpy(dtype=object)[variant] for name in ("id", "pos", "ref", "alt")
            }
            spans = list(pairwise(self.bounds.tolist()))
            joined = {
                name: np.array([",".join(text[a:b]) for a, b in spans], dtype=object) for name, text in texts.items()
            }
            nearest = np.lexsort((np.abs(offset), row))[self.bounds[:-1]]
            offset = offset[nearest]
        else:
            joined = {name: table[name].to_numpy()[variant] for name in ("id", "pos", "ref", "alt")}
        columns["id"] = joined.pop("id")
        columns["chrom"] = table["chrom"].to_numpy(dtype=object)[self.first_variant]
        return columns | joined | {"peak": windows.name[self.window], "offset": offset}


def windows_of_peaks(peaks: Any, model: TrajectoryModel | ManifoldModel, mod: str) -> Windows:
    """Return the sequences of peaks of the data, a table or a BED file."""
    table = peak_table(peaks, mod)
    held = get_adata(peaks, mod) if isinstance(peaks, AnnData) or is_mudata(peaks) else None
    codes = None
    start, end = table["start"].to_numpy(), table["end"].to_numpy()
    if held is not None and _keys.SEQUENCE in held.varm and sequences_of(held).shape[1] >= model.width:
        codes = sequences_of(held)
        size = codes.shape[1]
        # the model reads the centre of what the data hold
        start = resize(start, end, size)[0] + (size - model.width) // 2
        codes = centre(codes, model.width)
    else:
        start = resize(start, end, model.width)[0]
    features = {} if held is None else available_features(held, model.features.names)
    chrom = table["chrom"].astype(str).to_numpy(dtype=object)
    order = np.lexsort((start, chrom.astype(str)))
    return Windows(
        chrom[order], start[order], table.index.to_numpy(dtype=object)[order], order,
        {name: value[order] for name, value in features.items()}, table.iloc[order],
        None if codes is None else codes[order],
    )  # fmt: skip


def around_variants(table: pd.DataFrame, width: int) -> tuple[Windows, Rows, pd.DataFrame]:
    """Return a window around the central base of what each variant replaces, and the rows."""
    chrom = table["chrom"].astype(str).to_numpy(dtype=object)
    start = table["start"].to_numpy() + table["removed"].str.len().to_numpy() // 2 - width // 2
    order = np.lexsort((start, chrom.astype(str)))
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = (chrom[order][1:] != chrom[order][:-1]) | (np.diff(start[order]) != 0)
    window = np.empty(len(order), dtype=np.int64)
    window[order] = np.cumsum(fresh) - 1
    one = order[fresh]
    windows = Windows(chrom[one], start[one], np.full(len(one), "", dtype=object), one, {}, pd.DataFrame(), None)
    rows = Rows(window, np.arange(len(order) + 1), np.arange(len(order)))
    return windows, rows, pd.DataFrame(columns=list(SKIPPED_COLUMNS))


def placed(table: pd.DataFrame, windows: Windows, width: int, *, together: bool) -> tuple[Windows, Rows, pd.DataFrame]:
    """Return the windows that variants lie in, the rows, and the variants in none."""
    first, last, in_peak = (np.zeros(len(table), dtype=kind) for kind in (np.int64, np.int64, bool))
    start = table["start"].to_numpy()
    end = start + table["removed"].str.len().to_numpy()
    chrom = table["chrom"].astype(str).to_numpy(dtype=object)
    for name in np.unique(chrom.astype(str)):
        of, there = np.flatnonzero(chrom == name), np.flatnonzero(windows.chrom == name)
        if len(there) == 0:
            continue
        # something is changed on the window's bases; what is inserted at its end lies outside
        first[of] = there[0] + np.searchsorted(windows.start[there], start[of] - width, side="right")
        last[of] = there[0] + np.searchsorted(windows.start[there], end[of], side="left")
        in_peak[of] = _inside(start[of], end[of], windows.peaks.iloc[there])
    size = np.maximum(last - first, 0)
    none = size == 0
    skipped = joined_skipped([left_out(table[none & ~in_peak], NO_PEAK), left_out(table[none & in_peak], OUTSIDE)])
    variant = np.repeat(np.arange(len(table)), size)
    window = np.repeat(first, size) + np.arange(len(variant)) - np.repeat(np.cumsum(size) - size, size)
    if not together:
        return windows, Rows(window, np.arange(len(variant) + 1), variant), skipped
    haplotype = pd.factorize(table["haplotype"])[0][variant]
    order = np.lexsort((end[variant], start[variant], window, haplotype))
    variant, window, haplotype = variant[order], window[order], haplotype[order]
    fresh = np.ones(len(variant), dtype=bool)
    fresh[1:] = (np.diff(window) != 0) | (np.diff(haplotype) != 0)
    return windows, Rows(window[fresh], np.append(np.flatnonzero(fresh), len(variant)), variant), skipped


def _inside(start: np.ndarray, end: np.ndarray, peaks: pd.DataFrame) -> np.ndarray:
    """Return which intervals (or points, where both ends are equal) overlap a peak of their chromosome."""
    order = np.argsort(peaks["start"].to_numpy(), kind="stable")
    begins, ends = peaks["start"].to_numpy()[order], np.maximum.accumulate(peaks["end"].to_numpy()[order])
    before = np.searchsorted(begins, end, side="left")
    return (before > 0) & (ends[np.maximum(before - 1, 0)] > start)
