"""GC content and dinucleotide frequencies."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from iceqream import _keys
from iceqream._anndata import prepare, sequences_of
from iceqream.models.features import SEQUENCE_FEATURES, FeatureScaling
from iceqream.models.features import sequence_features as compute

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

logger = logging.getLogger(__name__)


def sequence_features(
    data: AnnData | MuData, *, key_added: str = _keys.FEATURES, mod: str = _keys.ATAC, copy: bool = False
) -> AnnData | MuData | None:
    """Compute GC content and the 16 dinucleotide frequencies of every peak, scaled to 0-10 (METHOD section 6).

    Each column is clipped to its 5 % and 95 % quantiles and scaled between them. Other features already under the key
    stay.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with ``varm["sequence"]``.
    key_added
        Key of ``varm`` and ``uns``.
    mod
        Modality of a MuData that holds the peaks.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``varm[key_added]`` (float32, peaks x features, 0-10) and ``uns[key_added]``
    with names, low and high (the values that are mapped to 0 and 10).

    Raises
    ------
    KeyError
        If there are no sequences.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=200, rng=0)
    >>> iq.pp.sequence_features(adata)
    >>> adata.varm["features"].shape, adata.uns["features"]["names"][0]
    ((200, 17), 'gc_content')
    """
    data, adata = prepare(data, mod, copy=copy)
    values = compute(sequences_of(adata))
    scaling = FeatureScaling.fit(np.array(SEQUENCE_FEATURES, dtype=object), values)
    write_features(adata, scaling, scaling.scale(values), key_added)
    return data if copy else None


def write_features(adata: AnnData, scaling: FeatureScaling, values: np.ndarray, key: str) -> None:
    """Add scaled features to ``varm[key]`` and their constants to ``uns[key]``, replacing those of the same names."""
    names, low, high = scaling.names, scaling.low, scaling.high
    if key in adata.varm and key in adata.uns:
        stored = adata.uns[key]
        old = np.array([str(name) for name in stored["names"]], dtype=object)
        other = ~np.isin(old.astype(str), names.astype(str))
        if (~other).any():
            logger.info("%d feature(s) of %r replaced", (~other).sum(), key)
        names = np.concatenate([old[other], names])
        low, high = (np.concatenate([np.asarray(stored[k])[other], v]) for k, v in (("low", low), ("high", high)))
        values = np.hstack([np.asarray(adata.varm[key])[:, other], values])
    adata.varm[key] = values.astype(np.float32)
    adata.uns[key] = {"names": names, "low": low, "high": high}
