"""K-mers that go with a response, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._core.kmers import screen_kmers as count_kmers
from iceqream._core.messages import examples, refuse_data
from iceqream._core.threads import threads
from iceqream._sequences import read_codes

if TYPE_CHECKING:
    from iceqream._sequences import Sequences

DEFAULT_K = 8
DEFAULT_MAX_GAP = 1
DEFAULT_MIN_CORRELATION = 0.08


def screen_kmers(
    sequences: Sequences,
    response: np.ndarray,
    k: int = DEFAULT_K,
    *,
    max_gap: int = DEFAULT_MAX_GAP,
    min_correlation: float = DEFAULT_MIN_CORRELATION,
    both_strands: bool = False,
    width: int | None = None,
    same_starts: bool = False,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Correlate the count of every k-mer, with and without a gap, with a response.

    Parameters
    ----------
    sequences
        Sequences of equal length, in any form of `iceqream.motifs.energies`.
    response
        One value per sequence, or n x targets.
    k
        Letters, 4 to 9.
    max_gap
        Gaps of 1 to this many positions are tried too, after letter 2 to k - 2; '*' in the pattern.
    min_correlation
        Smallest absolute correlation with any target.
    both_strands
        Whether occurrences on the reverse strand count.
    width
        Use only the central `width` bp.
    same_starts
        Count all patterns, gapped or not, at the starts 0 .. width - k - max_gap only: the R package's rule.
    mod
        Modality of a MuData that holds the peaks.
    n_jobs
        Threads; the result does not depend on it.

    Returns
    -------
    DataFrame, one row per pattern that passed, the best first: kmer, max_r2, avg_n and avg_var (mean and variance of
    the count per sequence), and cor_0, cor_1, ... (correlation with each target).

    Raises
    ------
    ValueError
        For k out of range, sequences that are too short, or a response with missing values or of another length.
    TypeError
        If the sequences are of no form that is read.

    Examples
    --------
    >>> import numpy as np, iceqream as iq
    >>> sequences = ["ACGATAAGC", "CCGATAAGG", "ACACACACA", "GTGTGTGTG"]
    >>> iq.motifs.screen_kmers(sequences, np.array([1.0, 1.0, 0.0, 0.0]), k=6, max_gap=0)["kmer"][:2].tolist()
    ['CGATAA', 'GATAAG']
    """
    codes = read_codes(sequences, width, mod=mod)
    targets = as_targets(response, len(codes))
    with threads(n_jobs):
        found = count_kmers(
            codes,
            targets,
            k,
            max_gap=max_gap,
            min_correlation=min_correlation,
            both_strands=both_strands,
            same_starts=same_starts,
        )
    table = pd.DataFrame({"kmer": found.strings(), "max_r2": found.r2, "avg_n": found.mean, "avg_var": found.variance})
    for t in range(targets.shape[1]):
        table[f"cor_{t}"] = found.correlation[:, t]
    return table


def as_targets(response: np.ndarray, n: int) -> np.ndarray:
    """Return a response as float64, n x targets, or say what is wrong with it."""
    refuse_data(response, "The response")
    targets = np.asarray(response, dtype=np.float64)
    targets = targets[:, None] if targets.ndim == 1 else targets
    if targets.ndim != 2 or len(targets) != n or targets.shape[1] == 0:
        msg = f"The response needs one row per sequence ({n}), got shape {np.shape(response)}."
        raise ValueError(msg)
    missing = ~np.isfinite(targets).all(axis=1)
    if missing.any():
        shown = examples(np.flatnonzero(missing))
        msg = f"The response of {int(missing.sum())} sequence(s) is missing, for instance number {shown}."
        raise ValueError(msg)
    return targets
