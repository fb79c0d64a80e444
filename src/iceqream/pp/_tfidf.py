"""TF-IDF, for comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iceqream import _keys
from iceqream._anndata import prepare
from iceqream._core import access_probability as steps
from iceqream._core.blocks import quantile_of_blocks, row_blocks
from iceqream.pp._constitutive import constitutive_mask
from iceqream.pp._counts import check_loaded, counts_of, normalized, warn_if_no_counts

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData


def tfidf(
    data: AnnData | MuData,
    *,
    layer: str | None = None,
    probability: bool = False,
    constitutive: str | np.ndarray = _keys.CONSTITUTIVE,
    quantile: float = 0.6,
    key_added: str = "tfidf",
    mod: str = _keys.ATAC,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Compute TF-IDF, to compare with access probabilities (METHOD section 1).

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData, with counts in ``X``.
    layer
        Counts, where they are not in ``X``.
    probability
        Divide by a quantile of the constitutive peaks, cap at 1 and stretch each state to [0, 1].
    constitutive
        With `probability`: boolean mask or column of ``var``.
    quantile
        With `probability`: quantile of the constitutive peaks and all states that becomes 1.
    key_added
        Key of the layer.
    mod
        Modality of a MuData that holds the peaks.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``layers[key_added]`` (float32).

    Raises
    ------
    KeyError
        If the layer or column is missing.
    ValueError
        If counts are negative or missing, or no peak is constitutive.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1000, rng=0)
    >>> iq.pp.tfidf(adata, probability=True)
    >>> float(adata.layers["tfidf"].max())
    1.0
    """
    check_loaded(data, mod)
    data, adata = prepare(data, mod, copy=copy)
    mask = constitutive_mask(adata, constitutive) if probability else np.ones(0, dtype=bool)
    norm = normalized(adata, counts_of(adata, layer))
    warn_if_no_counts(adata, norm, layer)
    inverse = steps.inverse_frequency(norm)
    top = 0.0
    if probability:
        size = adata.n_obs * int(mask.sum())
        top = quantile_of_blocks(
            lambda: (steps.tfidf(norm.block(rows, mask), inverse[mask]) for rows in row_blocks(norm.shape)),
            size,
            quantile,
        )
    out = np.empty(norm.shape, dtype=np.float32)
    for rows, block in norm:
        values = steps.tfidf(block, inverse)
        out[rows] = steps.to_probability(values, top) if probability else values
    adata.layers[key_added] = out
    return data if copy else None


__all__ = ["tfidf"]
