"""Where simulated peaks lie, and what that does to their counts."""

from __future__ import annotations

import numpy as np
import pandas as pd

_MEAN_SPACING = 4_000
_PROMOTER_REACH = 250
_REGION_SD = 0.5


def coordinates_of(
    n: int, width: int, constitutive: np.ndarray, rng: np.random.Generator
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], pd.DataFrame]:
    """Lay the peaks out on three chromosomes and give every constitutive peak a promoter."""
    chromosome = np.sort(np.arange(n) % 3)
    gaps = rng.exponential(_MEAN_SPACING, size=n).astype(np.int64) + width
    # a promoter keeps its distance from the enhancers around it, which would pass for promoters too
    gaps += np.where(constitutive | np.roll(constitutive, 1), 6_000, 0)
    start = np.empty(n, dtype=np.int64)
    for c in range(3):
        start[chromosome == c] = 10_000 + np.cumsum(gaps[chromosome == c])
    chrom = np.array([f"chr{c + 1}" for c in chromosome], dtype=object)
    rows = np.flatnonzero(constitutive)
    offset = rng.integers(-_PROMOTER_REACH, _PROMOTER_REACH, size=len(rows))
    position = start[rows] + width // 2 + offset
    tss = pd.DataFrame(
        {
            "chrom": pd.Categorical(chrom[rows]),
            "start": position,
            "end": position + 1,
            "strand": pd.Categorical(rng.choice(np.array(["+", "-"]), size=len(rows))),
            "gene": [f"gene{i + 1}" for i in range(len(rows))],
        }
    )
    tss.index = tss.index.astype(str)
    return (chrom, start, start + width), tss


def regional_bias(coordinates: tuple[np.ndarray, np.ndarray, np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Return a factor around 1 per peak that varies slowly along the genome."""
    chrom, start, _ = coordinates
    n = len(start)
    noise = rng.normal(size=n)
    smooth = np.empty(n)
    previous = 0.0
    for i in range(n):
        fresh = i == 0 or chrom[i] != chrom[i - 1]
        kept = 0.0 if fresh else float(np.exp(-(start[i] - start[i - 1]) / 100_000))
        previous = kept * previous + np.sqrt(1 - kept**2) * noise[i]
        smooth[i] = previous
    return np.exp(_REGION_SD * smooth - _REGION_SD**2 / 2)
