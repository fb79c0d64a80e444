"""Number of threads of the compiled kernels."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numba

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def threads(n_jobs: int | None) -> Iterator[int]:
    """Run the kernels inside the block on `n_jobs` threads, then restore the previous number.

    Parameters
    ----------
    n_jobs
        Number of threads; ``None`` keeps the current number and -1 means all that numba may use.

    Raises
    ------
    ValueError
        If `n_jobs` is neither -1 nor positive.
    """
    before = numba.get_num_threads()
    if n_jobs is None:
        yield before
        return
    if n_jobs != -1 and n_jobs < 1:
        msg = f"n_jobs must be a positive number or -1 (all threads), got {n_jobs}."
        raise ValueError(msg)
    limit = int(numba.config.NUMBA_NUM_THREADS)
    n_threads = limit if n_jobs == -1 else min(n_jobs, limit)
    numba.set_num_threads(n_threads)
    try:
        yield n_threads
    finally:
        numba.set_num_threads(before)
