"""The four response functions of a normalised energy (paper eq. 4 with k = 4)."""

from __future__ import annotations

import numba
import numpy as np

RESPONSES = ("low-energy", "high-energy", "higher-energy", "sigmoid")
N_RESPONSES = len(RESPONSES)
_E5, _E10 = float(np.exp(5.0)), float(np.exp(10.0))
_FARTHEST = 600.0


def responses(values: np.ndarray) -> np.ndarray:
    """Expand normalised energies or features into the four response functions.

    ``low = 2/(1+e^(-x/2)) - 1``, ``high = 2/(1+e^(-(x-10)/2))``, ``higher = 2/(1+e^(-(x-10)))`` and
    ``sigmoid = 1/(1+e^(-(x-5)))``.

    Parameters
    ----------
    values
        Any shape, 0-10.

    Returns
    -------
    float64, shape of `values` + (4,), in the order of `RESPONSES`.
    """
    x = np.asarray(values, dtype=np.float64)
    out = np.empty((*x.shape, N_RESPONSES))
    # all four are functions of one exponential; values beyond any scale must not overflow its square
    decay = np.exp(-0.5 * np.maximum(x, -_FARTHEST))
    out[..., 0] = 2.0 / (1.0 + decay) - 1.0
    out[..., 1] = 2.0 / (1.0 + _E5 * decay)
    decay *= decay
    out[..., 2] = 2.0 / (1.0 + _E10 * decay)
    out[..., 3] = 1.0 / (1.0 + _E5 * decay)
    return out


def partial_responses(values: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Return the four response functions of each value times its column's coefficients, summed.

    Parameters
    ----------
    values
        n x f, 0-10.
    coefficients
        f x 4.

    Returns
    -------
    float64, n x f.
    """
    values = np.ascontiguousarray(values, dtype=np.float64)
    out = np.empty(values.shape)
    _respond(values, np.ascontiguousarray(coefficients, dtype=np.float64), out)
    return out


@numba.njit(parallel=True, nogil=True, cache=True)
def _respond(values: np.ndarray, coefficients: np.ndarray, out: np.ndarray) -> None:
    for i in numba.prange(values.shape[0]):
        for f in range(values.shape[1]):
            decay = np.exp(-0.5 * max(values[i, f], -_FARTHEST))
            square = decay * decay
            out[i, f] = (
                coefficients[f, 0] * (2.0 / (1.0 + decay) - 1.0)
                + coefficients[f, 1] * (2.0 / (1.0 + _E5 * decay))
                + coefficients[f, 2] * (2.0 / (1.0 + _E10 * square))
                + coefficients[f, 3] * (1.0 / (1.0 + _E5 * square))
            )


def slopes(values: np.ndarray) -> np.ndarray:
    """Return the derivatives of the four response functions by the value, float64, shape of `values` + (4,)."""
    x = np.asarray(values, dtype=np.float64)
    out = np.empty((*x.shape, N_RESPONSES))
    for k, (rate, centre, top) in enumerate(((0.5, 0.0, 2.0), (0.5, 10.0, 2.0), (1.0, 10.0, 2.0), (1.0, 5.0, 1.0))):
        # |x - centre| keeps the exponential from overflowing; the derivative is even
        decay = np.exp(-rate * np.abs(x - centre))
        out[..., k] = top * rate * decay / (1.0 + decay) ** 2
    return out


def design(values: np.ndarray) -> np.ndarray:
    """Return the expanded columns of n x f values as one matrix n x (4 f), Fortran order, a feature's four adjacent."""
    expanded = responses(values.T)  # f x n x 4
    n, f = values.shape
    return np.asfortranarray(expanded.transpose(1, 0, 2).reshape(n, N_RESPONSES * f))
