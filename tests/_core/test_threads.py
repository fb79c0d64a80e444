"""Threads of the kernels and of linear algebra."""

import numba
import pytest
from threadpoolctl import threadpool_info

from iceqream._core.threads import threads


def blas() -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


@pytest.mark.parametrize("n_jobs", [None, 1, -1])
def test_numbers_are_set_inside_and_restored(n_jobs):
    kernels, algebra = numba.get_num_threads(), blas()
    with threads(n_jobs) as n:
        assert numba.get_num_threads() == n
        assert n == {None: kernels, 1: 1, -1: numba.config.NUMBA_NUM_THREADS}[n_jobs]
        # waiting threads of linear algebra took three quarters of the time of a fit on two cores
        assert set(blas()) == {1}
    assert numba.get_num_threads() == kernels
    assert blas() == algebra


def test_numbers_are_restored_after_an_error():
    kernels, algebra = numba.get_num_threads(), blas()
    with pytest.raises(ValueError, match="n_jobs must be a positive number or -1"), threads(0):
        pass
    with pytest.raises(RuntimeError), threads(1):
        raise RuntimeError
    assert numba.get_num_threads() == kernels
    assert blas() == algebra
