"""Peaks from coverage, and from files."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream._bed import read_bed
from iceqream._core.intervals import resize
from iceqream._core.messages import examples
from iceqream._core.tracks import keep_apart, local_maxima, punctured_mean
from iceqream._progress import progress_bar

if TYPE_CHECKING:
    from os import PathLike

    from iceqream.coverage import Coverage

logger = logging.getLogger(__name__)

DEFAULT_QUANTILE = 0.98
DEFAULT_WIDTH = 500
_INNER, _OUTER = 1_000, 20_000


def call_peaks(
    coverage: Coverage,
    *,
    quantile: float = DEFAULT_QUANTILE,
    width: int = DEFAULT_WIDTH,
    min_distance: int = 500,
    blacklist: str | PathLike[str] | pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Call peaks on the coverage of all states together (METHOD section 1; paper eq. 5).

    From each bin the mean of the bins between 1 and 20 kb away is subtracted; local maxima above a quantile of the
    covered bins are peaks; of two that are closer than `min_distance` the higher one stays.

    Parameters
    ----------
    coverage
        `iceqream.Coverage`.
    quantile
        Of the bins with coverage, that a maximum has to exceed.
    width
        Width of the peaks, bp, around the maximum.
    min_distance
        Least distance of two maxima, bp.
    blacklist
        Regions to leave out: the path of a BED file, or a table with chrom, start, end.

    Returns
    -------
    DataFrame, one row per peak, in the order of the genome: chrom, start, end (BED), score (normalised coverage of the
    maximum); the index is ``chrom:start-end``.

    Raises
    ------
    ValueError
        If there is no coverage, or no bin exceeds the quantile.

    Examples
    --------
    >>> import numpy as np, iceqream as iq
    >>> track = np.ones(5000)
    >>> track[[1000, 3000]] = 50
    >>> coverage = iq.Coverage(["a"], 20, {"chr1": track[None]})
    >>> iq.pp.call_peaks(coverage).index.tolist()
    ['chr1:19760-20260', 'chr1:59760-60260']
    """
    if not 0 < quantile < 1 or width < 1 or min_distance < 0:
        msg = f"quantile must lie in (0, 1) and widths be positive, got {quantile}, {width}, {min_distance}."
        raise ValueError(msg)
    tracks, covered = {}, []
    with progress_bar(len(coverage.chromosomes), "call_peaks", "chromosome") as bar:
        for chrom in coverage.chromosomes:
            marginal = np.asarray(coverage.matrix(chrom).sum(axis=0, dtype=np.float64)).ravel()
            track = marginal - punctured_mean(marginal, _INNER // coverage.binsize, _OUTER // coverage.binsize)
            tracks[chrom] = track.astype(np.float32)
            covered.append(track[marginal > 0].astype(np.float32))
            bar.update()
    values = np.concatenate(covered) if covered else np.array([])
    if len(values) == 0:
        msg = "There is no coverage to call peaks on."
        raise ValueError(msg)
    threshold = float(np.quantile(values, quantile))
    tables = []
    for chrom, track in tracks.items():
        maxima = local_maxima(track, threshold)
        height = track[maxima]
        centre = maxima * coverage.binsize + coverage.binsize // 2
        kept = keep_apart(centre, height, min_distance)
        start = centre[kept] - width // 2
        inside = (start >= 0) & (start + width <= coverage.sizes[chrom])
        start, score = start[inside], height[kept][inside]
        tables.append(pd.DataFrame({"chrom": chrom, "start": start, "end": start + width, "score": score}))
    peaks = pd.concat(tables, ignore_index=True)
    if len(peaks) == 0:
        msg = f"No local maximum exceeds {threshold:.3g}, the {quantile:g} quantile of the covered bins."
        raise ValueError(msg)
    logger.info("%d peaks above %.3g, the %g quantile of the covered bins", len(peaks), threshold, quantile)
    return _without_blacklist(_named(peaks), blacklist)


def read_peaks(
    path: str | PathLike[str],
    *,
    width: int | None = DEFAULT_WIDTH,
    blacklist: str | PathLike[str] | pd.DataFrame | None = None,
    resolve_overlaps: bool = True,
) -> pd.DataFrame:
    r"""Read peaks from a BED or narrowPeak file.

    Parameters
    ----------
    path
        Path (``.gz`` or not). A narrowPeak file brings summits, which become the centres.
    width
        Width to resize to around the centre, bp; ``None`` keeps the intervals.
    blacklist
        Regions to leave out: the path of a BED file, or a table with chrom, start, end.
    resolve_overlaps
        Of overlapping peaks keep the one with the highest score (narrowPeak: signalValue; BED: score; else the first).

    Returns
    -------
    DataFrame as of `call_peaks`.

    Raises
    ------
    FileNotFoundError
        If there is no file.
    ValueError
        If a line is no interval (with its number), or no peak is left.

    Examples
    --------
    >>> import iceqream as iq
    >>> with open("peaks.bed", "w") as file:
    ...     _ = file.write("chr1\t1000\t1400\tp1\t5\nchr1\t1300\t1500\tp2\t9\n")
    >>> iq.pp.read_peaks("peaks.bed", width=None).index.tolist()
    ['chr1:1300-1500']
    """
    table = read_bed(path)
    start, end = table["start"].to_numpy(), table["end"].to_numpy()
    if width is not None:
        summit = table["summit"].to_numpy()
        start, end = resize(
            np.where(summit >= 0, start + summit, start), np.where(summit >= 0, start + summit, end), width
        )
    peaks = table.assign(start=start, end=end)[["chrom", "start", "end", "score"]]
    outside = peaks["start"] < 0
    if outside.any():
        logger.warning("%d peak(s) reach past the start of their chromosome and are left out", outside.sum())
        peaks = peaks[~outside]
    peaks = peaks.sort_values(["chrom", "start"], kind="stable").reset_index(drop=True)
    if resolve_overlaps:
        peaks = _resolved(peaks)
    return _without_blacklist(_named(peaks), blacklist)


def _resolved(peaks: pd.DataFrame) -> pd.DataFrame:
    """Keep, from the highest score down, what overlaps nothing kept before."""
    kept = np.ones(len(peaks), dtype=bool)
    for _, group in peaks.groupby("chrom", sort=False):
        start, end = group["start"].to_numpy(), group["end"].to_numpy()
        widest = int((end - start).max())
        taken = np.zeros(len(group), dtype=bool)
        for i in np.argsort(-group["score"].to_numpy(), kind="stable"):
            first, last = np.searchsorted(start, [start[i] - widest, end[i]])
            near = np.arange(first, last)
            taken[i] = not (taken[near] & (start[near] < end[i]) & (end[near] > start[i])).any()
        kept[group.index[~taken]] = False
    if (~kept).any():
        logger.warning("%d of %d peaks overlap a stronger one and are left out", (~kept).sum(), len(peaks))
    return peaks[kept].reset_index(drop=True)


def _named(peaks: pd.DataFrame) -> pd.DataFrame:
    names = [f"{c}:{s}-{e}" for c, s, e in zip(peaks["chrom"], peaks["start"], peaks["end"], strict=True)]
    return peaks.set_axis(pd.Index(names), axis=0)


def _without_blacklist(peaks: pd.DataFrame, blacklist: str | PathLike[str] | pd.DataFrame | None) -> pd.DataFrame:
    if blacklist is None:
        return peaks
    regions = blacklist if isinstance(blacklist, pd.DataFrame) else read_bed(blacklist)
    hit = np.zeros(len(peaks), dtype=bool)
    for chrom, group in regions.groupby("chrom"):
        rows = np.flatnonzero((peaks["chrom"] == chrom).to_numpy())
        start, end = np.sort(group["start"].to_numpy()), np.sort(group["end"].to_numpy())
        # regions that begin before the peak's end, less those that end before its start
        begun = np.searchsorted(start, peaks["end"].to_numpy()[rows])
        hit[rows] = begun > np.searchsorted(end, peaks["start"].to_numpy()[rows], side="right")
    logger.info("%d of %d peaks lie in the blacklist", hit.sum(), len(peaks))
    left = peaks[~hit]
    if len(left) == 0:
        msg = f"All {len(peaks)} peaks lie in the blacklist, for instance {examples(peaks.index)}."
        raise ValueError(msg)
    return left
