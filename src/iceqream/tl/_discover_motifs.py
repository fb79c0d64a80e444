"""De-novo motifs of a trajectory, of a model's residual, or of any response."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import prepare, sequences_of, state_profile
from iceqream._core.messages import examples, refuse_data
from iceqream._groups import group_labels
from iceqream._stored_models import peak_results
from iceqream.models.serialization import discovered_to_dict
from iceqream.motifs import PBMSet, as_motif_set, naming, regress

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

    from iceqream._groups import Groups
    from iceqream.motifs.libraries import Library

logger = logging.getLogger(__name__)

MIN_DAP = 0.1
MIN_PEAKS = 200


def discover_motifs(
    data: AnnData | MuData,
    response: str | np.ndarray = "dap",
    *,
    n_motifs: int = 5,
    start: str | None = None,
    end: str | None = None,
    groupby: Groups | None = None,
    layer: str = _keys.ACCESS_PROBABILITY,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    min_dap: float = MIN_DAP,
    library: Library | None = None,
    key_added: str = _keys.DISCOVERED,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    rng: int | np.random.Generator = 0,
    **options: Any,
) -> PBMSet:
    """Find motifs without a library, by PWM regression on the peaks' sequences (METHOD section 7).

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with ``varm["sequence"]``.
    response
        ``"dap"``: change of access probability, between `start` and `end` or, without them, of the fitted model `key`.
        ``"residual"``: what that model leaves unexplained. Or a numeric column of ``var``, or an array (peaks, or
        peaks x targets). Peaks with a missing value are left out.
    n_motifs
        Motifs to find, one after the other.
    start, end, groupby, layer
        Two states, as in `iceqream.tl.fit_trajectory`.
    key
        Fitted model; its held-out and unused peaks are left out.
    trajectory
        Name of one trajectory of a manifold (`iceqream.get.model`).
    min_dap
        For ``"dap"`` and ``"residual"``: only peaks that change by at least this much, and no constitutive ones.
    library
        Motifs to name the result after: a MotifSet, the path of a motif file, or a dictionary of matrices; ``None``
        is ``iq.motifs.jaspar()``.
    key_added
        Key of ``uns``.
    mod
        Modality of a MuData that holds the peaks.
    n_jobs
        Threads; the result does not depend on it.
    rng
        Seed or generator.
    **options
        Further options of `iceqream.motifs.regress`.

    Returns
    -------
    PBMSet
        The motifs with their spatial curves, in the order they were found. Also written to ``uns[key_added]``, with
        seeds and R2 (`iceqream.get.discovered_motifs`).

    Raises
    ------
    KeyError
        If sequences, a state, a column or the fitted model are missing.
    ValueError
        If fewer than 200 peaks are left, or as in `iceqream.motifs.regress`.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1500, rng=0)
    >>> found = iq.tl.discover_motifs(adata, start="S1", end="S4", n_motifs=2, kmer_width=200)
    >>> len(found)
    2
    """
    known = as_motif_set(library)
    _, adata = prepare(data, mod, copy=False)
    codes = sequences_of(adata)
    labels = None if groupby is None else group_labels(data, groupby, mod)
    values, used, what = _response(adata, response, start, end, labels, layer, (key, trajectory), min_dap)
    n_used = int(used.sum())
    if n_used < MIN_PEAKS:
        msg = f"{n_used} of {adata.n_vars} peaks are left for {what}; at least {MIN_PEAKS} are needed. Lower min_dap."
        raise ValueError(msg)
    logger.info("motif discovery on %d of %d peaks: %s", n_used, adata.n_vars, what)
    result = regress(codes[used], values[used], n_motifs=n_motifs, n_jobs=n_jobs, rng=rng, **options)
    pbms = result.pbms
    found = replace(pbms, motifs=naming.named(pbms.motifs, known))
    params = {"response": response if isinstance(response, str) else "array", "n_peaks": n_used, "min_dap": min_dap}
    adata.uns[key_added] = discovered_to_dict(found, result.r2, result.r2_combined, params)
    return found


def _response(
    adata: AnnData,
    response: str | np.ndarray,
    start: str | None,
    end: str | None,
    labels: pd.Series | None,
    layer: str,
    model: tuple[str, str | None],
    min_dap: float,
) -> tuple[np.ndarray, np.ndarray, str]:
    """Return the response of every peak, the mask of the peaks to use, and what it is."""
    if not isinstance(response, str) or response not in {"dap", "residual"}:
        values = _given_response(adata, response)
        used = np.isfinite(values).all(axis=1) if values.ndim == 2 else np.isfinite(values)
        if not used.all():
            logger.warning("%d of %d peaks have no response: left out", (~used).sum(), len(used))
        return values, used, "the given response"
    if (start is None) != (end is None):
        msg = "Give both start and end, or neither to use a fitted model."
        raise ValueError(msg)
    used = np.ones(adata.n_vars, dtype=bool)
    if response == "dap" and start is not None and end is not None:
        first, last = (state_profile(adata, s, labels=labels, layer=layer) for s in (start, end))
        dap = values = last - first
    else:
        table = peak_results(adata, *model) if model[0] in adata.varm else pd.DataFrame()
        if _keys.SPLIT not in table:
            msg = f"There is no fitted model under {model[0]!r}: run iq.tl.fit_trajectory, or give start and end."
            raise KeyError(msg)
        dap = table[_keys.DAP].to_numpy(dtype=np.float64)
        values = dap - table[_keys.PREDICTION].to_numpy(dtype=np.float64) if response == "residual" else dap
        used &= (table[_keys.SPLIT] == "train").to_numpy()
    used &= np.abs(dap) >= min_dap
    if _keys.CONSTITUTIVE in adata.var:
        used &= ~adata.var[_keys.CONSTITUTIVE].to_numpy(dtype=bool)
    return values, used, f"{response} with |dAP| >= {min_dap:g}"


def _given_response(adata: AnnData, response: str | np.ndarray) -> np.ndarray:
    if isinstance(response, str):
        if response not in adata.var or not pd.api.types.is_numeric_dtype(adata.var[response]):
            msg = (
                f"response={response!r} is neither 'dap', 'residual' nor a numeric column of var "
                f"({examples(adata.var.columns) or 'none'})."
            )
            raise KeyError(msg)
        return adata.var[response].to_numpy(dtype=np.float64)
    refuse_data(response, "response")
    values = np.asarray(response, dtype=np.float64)
    if values.ndim not in {1, 2} or len(values) != adata.n_vars:
        msg = f"The response needs one row per peak ({adata.n_vars}), got shape {values.shape}."
        raise ValueError(msg)
    return values
