"""The columns of the final regression: four response functions per term, then the pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iceqream._core.response import N_RESPONSES, design

if TYPE_CHECKING:
    from iceqream.models.interactions import Interactions


def columns(values: np.ndarray, interactions: Interactions) -> np.ndarray:
    """Return the columns of the regression: four per term, then the interactions'; float64, Fortran order."""
    expanded = design(values)
    return (
        expanded if len(interactions) == 0 else np.asfortranarray(np.hstack([expanded, interactions.columns(values)]))
    )


def penalty_factors(n_terms: int, interactions: Interactions, pair_penalty: float) -> np.ndarray | None:
    """Return how many times as strongly each column is penalised: those of pairs more; ``None`` if all are alike."""
    if len(interactions) == 0 or pair_penalty == 1.0:
        return None
    return np.repeat([1.0, pair_penalty], [N_RESPONSES * n_terms, interactions.coefficients.size])


def column_groups(n_terms: int, interactions: Interactions) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the positions of the columns of each term and of each pair."""
    width, first = interactions.coefficients.shape[1], N_RESPONSES * n_terms
    own = [N_RESPONSES * term + np.arange(N_RESPONSES) for term in range(n_terms)]
    return own, [first + width * k + np.arange(width) for k in range(len(interactions))]


def columns_beside(n_terms: int, interactions: Interactions, pairs: np.ndarray) -> np.ndarray:
    """Return the positions of the columns of all terms and of some of the pairs."""
    own, of_pair = column_groups(n_terms, interactions)
    return np.concatenate([np.array([], dtype=np.int64), *own, *(of_pair[k] for k in pairs)])


def groups_with_pairs(n_terms: int, interactions: Interactions) -> list[np.ndarray]:
    """Return the positions of the columns that leave with each term: its own and those of its pairs."""
    own, of_pair = column_groups(n_terms, interactions)
    return [
        np.concatenate([own[term], *(of_pair[k] for k in np.flatnonzero(interactions.involve(term)))])
        for term in range(n_terms)
    ]
