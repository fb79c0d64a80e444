"""Enrichment of hits in groups against all: ratio, its error, and the hypergeometric test."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import hypergeom

PSEUDO_COUNT = 0.5
"""Added to the hits and to the misses, within the group and outside of it."""


class Enrichment(NamedTuple):
    """One value per feature and group, float64."""

    log2_ratio: np.ndarray
    """Of the share of hits in the group to that in all, with the pseudo-count."""
    error: np.ndarray
    """Its standard error."""
    p: np.ndarray
    """Two-sided: twice the smaller of the two tails of the hypergeometric distribution, 1 at most."""


def enrichment(hits: np.ndarray, sizes: np.ndarray) -> Enrichment:
    """Compare the share of hits in each group with that in all groups together.

    Parameters
    ----------
    hits
        int, features x groups: hits among the members of the group.
    sizes
        int, groups: members.

    Notes
    -----
    The group is part of all: with h of n hits within and g of m outside, each a binomial count, the variance of
    log(h / n) - log((h + g) / (n + m)) is (1 / h - 1 / H)^2 h (1 - h / n) + g (1 - g / m) / H^2, where H = h + g.
    """
    n = sizes[None, :].astype(np.float64)
    total = hits.sum(axis=1, keepdims=True)
    h, n_in = hits + PSEUDO_COUNT, n + 2 * PSEUDO_COUNT
    g, n_out = total - hits + PSEUDO_COUNT, n.sum() - n + 2 * PSEUDO_COUNT
    all_hits = h + g
    log2_ratio = np.log2(h / n_in) - np.log2(all_hits / (n_in + n_out))
    variance = (1 / h - 1 / all_hits) ** 2 * h * (1 - h / n_in) + g * (1 - g / n_out) / all_hits**2
    known = (int(sizes.sum()), total, sizes[None, :])
    at_least, at_most = hypergeom.sf(hits - 1, *known), hypergeom.cdf(hits, *known)
    return Enrichment(log2_ratio, np.sqrt(variance) / np.log(2), np.clip(2 * np.minimum(at_least, at_most), 0.0, 1.0))
