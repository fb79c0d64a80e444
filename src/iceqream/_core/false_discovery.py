"""False discovery rates of many tests."""

from __future__ import annotations

import numpy as np


def false_discovery_rates(p: np.ndarray) -> np.ndarray:
    """Return Benjamini and Hochberg's q of p-values, float64; NaN where there is no p, which does not count."""
    from scipy.stats import false_discovery_control

    q, tested = np.full(len(p), np.nan), np.isfinite(p)
    if tested.any():
        q[tested] = false_discovery_control(p[tested])
    return q
