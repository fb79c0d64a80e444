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
