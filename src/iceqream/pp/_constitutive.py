"""Constitutive peaks: given, or chosen by states or groups that are deep enough."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from iceqream._core.constitutive import (
    MIN_CONSTITUTIVE,
    MIN_DEPTH,
    choose_constitutive,
    judges,
    lowest_signal,
    reads_in_strong_peaks,
)
from iceqream._core.messages import examples

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from iceqream._core.access_probability import NormalizedCounts
    from iceqream._core.constitutive import Judges

logger = logging.getLogger(__name__)


def constitutive_mask(adata: AnnData, constitutive: str | np.ndarray) -> np.ndarray:
    """Return a mask of constitutive peaks that was given, or a column of var.

    Raises
    ------
    KeyError, ValueError
        If there is no such column, or it is no mask.
    """
    if isinstance(constitutive, str):
        if constitutive not in adata.var:
            msg = f"constitutive={constitutive!r} is not a column of var; run iq.pp.access_probability first."
            raise KeyError(msg)
        constitutive = adata.var[constitutive].to_numpy()
    mask = np.asarray(constitutive)
    if mask.shape != (adata.n_vars,) or mask.dtype != bool:
        msg = (
            f"constitutive must be a boolean mask or column of {adata.n_vars} values, got {mask.dtype} of {mask.shape}."
        )
        raise ValueError(msg)
    if not mask.any():
        msg = "No peak is marked as constitutive: mark some, or leave constitutive and threshold out to choose them."
        raise ValueError(msg)
    return mask


def warn_of_shallow_rows(norm: NormalizedCounts) -> None:
    """Say that means over rows with few reads fall short of their group's access probability, the fewer the more."""
    shallow = reads_in_strong_peaks(norm) < MIN_DEPTH
    n_shallow = int((shallow & norm.present).sum())
    if n_shallow > norm.shape[0] / 2:
        logger.warning("%d of %d rows have fewer than %g reads in the mean strong peak: they saturate at 1, so means "
                       "over rows fall short of their sum, the more the shallower. To compare groups, sum rows first: "
                       "iq.pp.pseudobulk(adata, groupby)", n_shallow, len(shallow), MIN_DEPTH)  # fmt: skip


def judges_of(adata: AnnData, norm: NormalizedCounts, regional: np.ndarray | None, labels: pd.Series | None) -> Judges:
    """Return the rows or groups that constitutive peaks are judged by; what is left out is said."""
    groups, names = None, adata.obs_names
    if labels is not None:
        category = labels.astype("category")
        groups, names = category.cat.codes.to_numpy(), category.cat.categories
    judged = judges(norm, regional, groups)
    what = "rows" if labels is None else "groups"
    shallow = judged.depth < MIN_DEPTH
    remedy = "Pass groupby= (cell types, say)" if labels is None else "Pass a coarser groupby="
    if judged.together:
        logger.warning("%d of %d %s have fewer than %g reads in the mean strong peak: constitutive peaks are those "
                       "strongest in all rows together, which may be open in the commonest cell type alone. %s",
                       shallow.sum(), len(shallow), what, MIN_DEPTH, remedy)  # fmt: skip
    elif shallow.any() and not judged.voting[shallow].any():
        logger.warning("%d of %d %s have fewer than %g reads in the mean strong peak and are left out of the choice of "
                       "constitutive peaks: %s", shallow.sum(), len(shallow), what, MIN_DEPTH,
                       examples(names[shallow]))  # fmt: skip
    return judged


def chosen_constitutive(
    adata: AnnData,
    norm: NormalizedCounts,
    regional: np.ndarray | None,
    labels: pd.Series | None,
    given: str | np.ndarray | None,
    threshold: float | None,
) -> tuple[np.ndarray, str]:
    """Return the constitutive peaks and how they were chosen.

    Raises
    ------
    KeyError, ValueError
        If what is given is no mask or column of var, or no peak is constitutive.
    """
    if given is not None:
        return constitutive_mask(adata, given), f"var[{given!r}]" if isinstance(given, str) else "given"
    judged = judges_of(adata, norm, regional, labels)
    by = "all rows together" if judged.together else "rows" if labels is None else f"{len(judged.depth)} groups"
    if threshold is not None:
        lowest = lowest_signal(judged)
        chosen = lowest >= threshold
        if not chosen.any():
            msg = (
                f"No peak reaches log2(signal + 1e-5) >= {threshold:g} in every state; the highest lowest signal is "
                f"{lowest.max():.2f}. Lower threshold, or leave it out to choose automatically."
            )
            raise ValueError(msg)
        return chosen, f"threshold {threshold:g}" + ("" if by == "rows" else f", {by}")
    chosen = choose_constitutive(judged)
    if not chosen.any():
        msg = (
            "No peak has reads in every state: none can be constitutive. Merge shallow states, or pass groupby= (cell "
            "types of the rows) or constitutive=."
        )
        raise ValueError(msg)
    if chosen.sum() < MIN_CONSTITUTIVE:
        logger.warning("only %d constitutive peaks: look at iq.pl.constitutive", chosen.sum())
    return chosen, "automatic" if by == "rows" else f"automatic, {by}"
