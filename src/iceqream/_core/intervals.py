"""Genomic intervals as arrays: BED coordinates (0-based, half-open) throughout."""

from __future__ import annotations

import numpy as np


def resize(start: np.ndarray, end: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return intervals of `width` bp around the centre ``(start + end) // 2``, int64."""
    new_start = (np.asarray(start, dtype=np.int64) + np.asarray(end, dtype=np.int64)) // 2 - width // 2
    return new_start, new_start + width


def nearest_tss(
    chrom: np.ndarray, position: np.ndarray, tss_chrom: np.ndarray, tss: np.ndarray, tss_strand: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest transcription start site on the same chromosome.

    Parameters
    ----------
    chrom, position
        Chromosome and 0-based position of each query.
    tss_chrom, tss, tss_strand
        Chromosome, 0-based position and strand (+1 or -1) of each start site.

    Returns
    -------
    index
        int64 per query: row of the nearest site, the first given on a tie; -1 where the chromosome has none.
    distance
        int64 per query, bp: negative upstream of the site and positive downstream, along the site's strand.
    """
    index = np.full(len(position), -1, dtype=np.int64)
    for name in np.unique(chrom):
        rows = np.flatnonzero(chrom == name)
        sites = np.flatnonzero(tss_chrom == name)
        if len(sites) == 0:
            continue
        sites = sites[np.argsort(tss[sites], kind="stable")]
        coordinates = tss[sites]
        query = position[rows]
        # leftmost of equal coordinates on both sides, so that a tie goes to the row given first
        right = np.searchsorted(coordinates, query)
        left = np.searchsorted(coordinates, coordinates[np.maximum(right - 1, 0)])
        right = np.minimum(right, len(sites) - 1)
        gap_left = np.abs(query - coordinates[left])
        gap_right = np.abs(query - coordinates[right])
        first_given = np.minimum(sites[left], sites[right])
        nearest = np.where(gap_left < gap_right, sites[left], sites[right])
        index[rows] = np.where(gap_left == gap_right, first_given, nearest)
    found = index >= 0
    distance = np.zeros(len(position), dtype=np.int64)
    distance[found] = (position[found] - tss[index[found]]) * tss_strand[index[found]]
    return index, distance


def merge_overlapping(
    chrom: np.ndarray, start: np.ndarray, end: np.ndarray, gap: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Merge intervals that overlap, touch or lie within `gap` bp.

    Parameters
    ----------
    chrom, start, end
        Intervals in any order.
    gap
        Largest distance that is bridged, bp.

    Returns
    -------
    Chromosome, start and end of the merged intervals, sorted, and for each input the row it was merged into.
    """
    start, end = np.asarray(start, dtype=np.int64), np.asarray(end, dtype=np.int64)
    codes, chrom_code = np.unique(chrom, return_inverse=True)
    order = np.lexsort((end, start, chrom_code))
    if len(order) == 0:
        return codes, start, end, order
    sorted_chrom, sorted_start, sorted_end = chrom_code[order], start[order], end[order]
    new = np.ones(len(order), dtype=bool)
    # the furthest end so far, per chromosome: chromosomes are kept apart by an offset larger than any coordinate
    offset = sorted_chrom * (int(sorted_end.max()) + gap + 1)
    furthest = np.maximum.accumulate(sorted_end + offset)
    new[1:] = (sorted_start[1:] + offset[1:] > furthest[:-1] + gap) | (sorted_chrom[1:] != sorted_chrom[:-1])
    group = np.cumsum(new) - 1
    member = np.empty(len(order), dtype=np.int64)
    member[order] = group
    merged_end = np.full(group[-1] + 1, np.iinfo(np.int64).min)
    np.maximum.at(merged_end, group, sorted_end)
    return codes[sorted_chrom[new]], sorted_start[new], merged_end, member
