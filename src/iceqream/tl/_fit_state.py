"""Explain the access probability of one state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iceqream import _keys
from iceqream.tl._fit_trajectory import fit_trajectory

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData


def fit_state(
    data: AnnData | MuData,
    state: str,
    *,
    mod: str = _keys.ATAC,
    key_added: str = _keys.STATE_MODEL,
    copy: bool = False,
    **options: Any,
) -> AnnData | MuData | None:
    """Explain from sequence how accessible elements are in one state (METHOD section 8).

    The same model as `fit_trajectory`, with the access probability itself in place of its change. What such models
    predict can be a feature of trajectories, as in the paper's models of a whole manifold: copy the predictions to
    ``var``, and name that column in ``features``. Hold out the same peaks in both (``split``).

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with ``layers["ap"]`` and ``varm["sequence"]`` (`iceqream.pp.sequences`).
    state
        Name of a row, or of a group of rows (`groupby`), whose mean is taken.
    mod
        Modality of a MuData that holds the peaks.
    key_added
        Key of ``varm`` and ``uns``.
    copy
        Whether to return a changed copy.
    **options
        Whatever `fit_trajectory` takes.

    Returns
    -------
    ``None``, or the changed copy. Writes what `fit_trajectory` writes; the start of the model is
    called "closed".

    Raises
    ------
    KeyError, TypeError, ValueError
        As in `fit_trajectory`.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> quick = {"motifs": iq.datasets.simulated_motifs(), "min_tss_distance": None, "size_folds": 0, "refine": False}
    >>> iq.tl.fit_state(adata, "S4", max_motifs=8, **quick)
    >>> iq.get.model(adata, "iq_state").states
    ('closed', 'S4')
    """
    return fit_trajectory(data, None, state, mod=mod, key_added=key_added, copy=copy, **options)
