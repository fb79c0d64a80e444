"""Number of threads of the compiled kernels and of linear algebra."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import numba
from threadpoolctl import ThreadpoolController

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def threads(n_jobs: int | None) -> Iterator[int]:
    """Run the kernels inside the block on `n_jobs` threads, linear algebra on one; then restore the previous numbers.

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
    if n_jobs is not None and n_jobs != -1 and n_jobs < 1:
        msg = f"n_jobs must be a positive number or -1 (all threads), got {n_jobs}."
        raise ValueError(msg)
    limit = int(numba.config.NUMBA_NUM_THREADS)
    n_threads = before if n_jobs is None else limit if n_jobs == -1 else min(n_jobs, limit)
    # threads of linear algebra wait busily for their next task, on the cores that the kernels need; and sums by
    # several threads would depend on their number
    with _linear_algebra().limit(limits=1, user_api="blas"):
        numba.set_num_threads(n_threads)
        try:
            yield n_threads
        finally:
            numba.set_num_threads(before)


@cache
def _linear_algebra() -> ThreadpoolController:
    return ThreadpoolController()
