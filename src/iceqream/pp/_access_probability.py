"""Counts to access probabilities, and TF-IDF for comparison."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from iceqream import _keys
from iceqream._anndata import coordinates, dense, prepare
from iceqream._core import access_probability as steps
from iceqream._core.intervals import resize
from iceqream._core.messages import examples

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

    from iceqream.coverage import Coverage

logger = logging.getLogger(__name__)

DEFAULT_WINDOW = 20_000
_HOLE = 1_000
_WIDTH = 500


def access_probability(
    data: AnnData | MuData,
    *,
    method: Literal["regional", "paper"] = "regional",
    coverage: Coverage | None = None,
    layer: str | None = None,
    regional: str | np.ndarray | None = "auto",
    anchor: str | None = None,
    constitutive: str | np.ndarray | None = None,
    threshold: float | None = None,
    constitutive_quantile: float | None = None,
    norm_quantile: float = 1.0,
    scaling_quantile: float = 1.0,
    window: int = DEFAULT_WINDOW,
    keep_steps: bool = False,
    key_added: str = _keys.ACCESS_PROBABILITY,
    mod: str = _keys.ATAC,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Turn counts into the probability that a peak is accessible, between 0 and 1, comparable between states.

    The coverage around a peak is divided out, depth too, and states are scaled so that constitutive peaks, open in all
    of them, carry the same signal; what these reach means 1 (METHOD section 1; paper eq. 5-7).

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData, with counts or coverage in ``X``.
    method
        ``"regional"``: the R package's, `constitutive_quantile` 0.9. ``"paper"``: mean coverage over 500 bp less that
        of the window around, divided by the constitutive peaks' quantile of the state (0.85).
    coverage
        Coverage of the states along the genome: counts and windows are taken from it, over 500 bp around each peak's
        centre.
    layer
        Counts, where they are not in ``X``.
    regional
        What surrounds each peak, where there is no coverage: a column of ``var`` (summed over states), a layer (per
        state), or an array of either shape; ``"auto"`` takes ``var["regional_counts"]`` if it is there and else skips
        the step, as ``None`` does.
    anchor
        State whose scale the others are brought to; ``None``: their mean.
    constitutive
        Peaks that are open in every state: a boolean mask, or a boolean column of ``var``. ``None`` chooses by
        `threshold`, or automatically: peaks in the top decile in every state, the half of them that varies alike.
    threshold
        Constitutive is what has ``log2(normalised signal + 1e-5)`` of at least this in every state (the paper: -15.3 in
        mouse, -12.4 in human; see `iceqream.pl.constitutive`).
    constitutive_quantile
        Signal of the constitutive peaks that means 1.
    norm_quantile, scaling_quantile
        Of the R package: quantile that is clipped to the top of the scaled signal, and a divisor of the top.
    window
        Total width of the window around a peak, bp.
    keep_steps
        Keep the layers norm_regional and norm_const (regional) or norm_regional (paper).
    key_added
        Key of the layer and of ``uns``.
    mod
        Modality of a MuData that holds the peaks.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``layers[key_added]`` (float32, 0-1), ``var["constitutive"]`` (bool) and
    ``uns[key_added]``: factor (per state: what it was divided by), top (signal that means 1, per state for the paper's
    method), threshold, and params. States without reads get 0, with a warning.

    Raises
    ------
    KeyError
        If a state, layer or column is missing.
    ValueError
        If counts are negative or missing, no state has reads, or no peak is constitutive.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1000, rng=0)
    >>> iq.pp.access_probability(adata)
    >>> float(adata.layers["ap"].max())
    1.0
    """
    if method not in {"regional", "paper"}:
        msg = f"method must be 'regional' or 'paper', got {method!r}."
        raise ValueError(msg)
    data, adata = prepare(data, mod, copy=copy)
    counts, around, source = _signal(adata, coverage, layer, regional, window, method)
    empty = counts.sum(axis=1) == 0
    if empty.all():
        msg = "No state has a read."
        raise ValueError(msg)
    if empty.any():
        logger.warning(
            "%d state(s) without reads get access probability 0: %s", empty.sum(), examples(adata.obs_names[empty])
        )
    if anchor is not None and (anchor not in adata.obs_names or empty[adata.obs_names.get_loc(anchor)]):
        msg = f"anchor={anchor!r} is not a state with reads; states are {examples(adata.obs_names[~empty])}."
        raise KeyError(msg)
    norm = steps.normalize_regional(counts, None if around is None else _marginal(around))
    open_everywhere, how = _constitutive(adata, norm, constitutive, threshold)
    stored: dict[str, Any] = {}
    if method == "regional":
        quantile = 0.9 if constitutive_quantile is None else constitutive_quantile
        row = None if anchor is None else int(adata.obs_names.get_loc(anchor))
        norm_const, factor = steps.normalize_constitutive(
            norm, open_everywhere, row, quantile=norm_quantile, scaling_quantile=scaling_quantile
        )
        norm_const[empty] = 0.0
        probability, top = steps.to_probability(norm_const, open_everywhere, quantile)
        stored = {"factor": factor, "top": np.full(len(factor), top)}
        layers = {"norm_regional": norm, "norm_const": norm_const}
    else:
        quantile = steps.PAPER_QUANTILE if constitutive_quantile is None else constitutive_quantile
        background = _per_state(around, counts) / (window - _HOLE)
        density = counts / (_WIDTH if coverage is not None else _peak_widths(adata))
        probability, phi = steps.paper_probability(density, background, open_everywhere, quantile)
        flat = (phi <= 0) & ~empty
        if flat.any():
            msg = (
                f"Constitutive peaks are no higher than what surrounds them in {examples(adata.obs_names[flat])}. "
                "Choose others (constitutive, threshold), or use method='regional'."
            )
            raise ValueError(msg)
        stored = {"factor": phi, "top": phi}
        layers = {"norm_regional": density - background}
    if keep_steps:
        for name, values in layers.items():
            adata.layers[name] = values.astype(np.float32)
    adata.layers[key_added] = probability.astype(np.float32)
    adata.var[_keys.CONSTITUTIVE] = open_everywhere
    adata.uns[key_added] = {
        **stored,
        "states": adata.obs_names.to_numpy(dtype=object).astype(str).astype(object),
        "params": {
            "method": method,
            "regional": source,
            "anchor": anchor or "mean",
            "constitutive": how,
            "n_constitutive": int(open_everywhere.sum()),
            "constitutive_quantile": float(quantile),
            "window": int(window),
        },
    }
    logger.info("access probability of %d states: %d constitutive peaks (%s), regional step: %s", adata.n_obs,
                open_everywhere.sum(), how, source)  # fmt: skip
    return data if copy else None


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
    data, adata = prepare(data, mod, copy=copy)
    values = steps.tfidf(_counts(adata, layer))
    if probability:
        mask = _mask(adata, constitutive)
        values, _ = steps.to_probability(values, mask, quantile)
    adata.layers[key_added] = values.astype(np.float32)
    return data if copy else None


def _signal(
    adata: AnnData, coverage: Coverage | None, layer: str | None, regional: Any, window: int, method: str
) -> tuple[np.ndarray, np.ndarray | None, str]:
    """Return counts, what surrounds each peak (per peak, or per state and peak), and where that is from."""
    if coverage is not None:
        rows = coverage.state_index(adata.obs_names)
        table = coordinates(adata)
        start, end = resize(table["start"].to_numpy(), table["end"].to_numpy(), _WIDTH)
        place = (table["chrom"].to_numpy(), start, end)
        covered = coverage.covered(place[0])
        if not covered.all():
            msg = (
                f"{int((~covered).sum())} of {adata.n_vars} peaks lie on chromosomes without coverage, for instance "
                f"{examples(adata.var_names[~covered])}. Leave these peaks out."
            )
            raise ValueError(msg)
        hole = _HOLE if method == "paper" else None
        # sums over bins of means; times the bin size they are sums over bases
        scale = coverage.binsize
        around = coverage.punctured_counts(*place, window, hole)[rows] * scale
        return coverage.counts(*place)[rows] * scale, around, "coverage"
    counts = _counts(adata, layer)
    if isinstance(regional, str) and regional == "auto":
        regional = _keys.REGIONAL_COUNTS if _keys.REGIONAL_COUNTS in adata.var else None
    if regional is None:
        logger.warning("no coverage around the peaks is at hand: the regional step is skipped (regional=None)")
        return counts, None, "skipped"
    if isinstance(regional, str):
        if regional in adata.var:
            return counts, _checked(adata.var[regional].to_numpy(), counts, regional), f"var[{regional!r}]"
        if regional in [key for key in adata.layers if key is not None]:
            return counts, _checked(dense(adata.layers[regional]), counts, regional), f"layers[{regional!r}]"
        msg = f"regional={regional!r} is neither a column of var nor a layer."
        raise KeyError(msg)
    return counts, _checked(np.asarray(regional), counts, "regional"), "array"


def _checked(values: np.ndarray, counts: np.ndarray, name: str) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.shape not in {counts.shape, counts.shape[1:]} or not np.isfinite(values).all() or values.min() < 0:
        msg = (
            f"{name} needs one value per peak ({counts.shape[1]}), or per state and peak {counts.shape}, finite and "
            f"not negative; got shape {values.shape}."
        )
        raise ValueError(msg)
    return values


def _marginal(around: np.ndarray) -> np.ndarray:
    return around if around.ndim == 1 else around.sum(axis=0)


def _per_state(around: np.ndarray | None, counts: np.ndarray) -> np.ndarray:
    """Return what surrounds each peak per state; a sum over states is shared out by depth."""
    if around is None:
        return np.zeros_like(counts)
    if around.ndim == 2:
        return around
    depth = counts.sum(axis=1)
    return (depth / depth.sum())[:, None] * around[None, :]


def _peak_widths(adata: AnnData) -> np.ndarray:
    table = coordinates(adata)
    return (table["end"] - table["start"]).to_numpy(dtype=np.float64)


def _counts(adata: AnnData, layer: str | None) -> np.ndarray:
    if layer is not None and layer not in [key for key in adata.layers if key is not None]:
        msg = f"There is no layer {layer!r}; layers are {examples(k for k in adata.layers if k is not None) or 'none'}."
        raise KeyError(msg)
    source = adata.X if layer is None else adata.layers[layer]
    if source is None:
        msg = "There are no counts in X; pass layer=..."
        raise KeyError(msg)
    counts = dense(source)
    bad = ~np.isfinite(counts) | (counts < 0)
    if bad.any():
        peaks = adata.var_names[bad.any(axis=0)]
        msg = f"{int(bad.sum())} count(s) are negative or missing, for instance in {examples(peaks)}."
        raise ValueError(msg)
    return counts


def _mask(adata: AnnData, constitutive: str | np.ndarray) -> np.ndarray:
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


def _constitutive(
    adata: AnnData, norm: np.ndarray, given: str | np.ndarray | None, threshold: float | None
) -> tuple[np.ndarray, str]:
    """Return the constitutive peaks and how they were chosen."""
    if given is not None:
        return _mask(adata, given), f"var[{given!r}]" if isinstance(given, str) else "given"
    if threshold is not None:
        lowest = steps.lowest_signal(norm)
        chosen = lowest >= threshold
        if not chosen.any():
            msg = (
                f"No peak reaches log2(signal + 1e-5) >= {threshold:g} in every state; the highest lowest signal is "
                f"{lowest.max():.2f}. Lower threshold, or leave it out to choose automatically."
            )
            raise ValueError(msg)
        return chosen, f"threshold {threshold:g}"
    chosen = steps.choose_constitutive(norm)
    if not chosen.any():
        msg = "No peak has reads in every state: none can be constitutive. Merge shallow states, or pass constitutive=."
        raise ValueError(msg)
    if chosen.sum() < steps.MIN_CONSTITUTIVE:
        logger.warning("only %d constitutive peaks: look at iq.pl.constitutive", chosen.sum())
    return chosen, "automatic"


__all__ = ["access_probability", "tfidf"]
