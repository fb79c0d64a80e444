"""Counts to access probabilities."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from iceqream import _keys
from iceqream._anndata import coordinates, prepare
from iceqream._core import access_probability as steps
from iceqream._core.blocks import read_rows, row_blocks
from iceqream._core.intervals import resize
from iceqream._core.messages import examples
from iceqream._groups import group_labels
from iceqream.pp._constitutive import chosen_constitutive, warn_of_shallow_rows
from iceqream.pp._counts import by_rows, check_loaded, counts_of, normalized, warn_if_no_counts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
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
    groupby: str | Sequence[str] | pd.Series | None = None,
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
        AnnData (states x peaks) or MuData, with counts or coverage in ``X``: dense, sparse, or backed by a file. It is
        read some states at a time; sparse counts stay sparse.
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
    groupby
        Cell types, where rows are metacells or cells: a column of ``obs`` (several, or a Series by row name).
        Constitutive peaks are then judged by the sums over groups; single rows are too shallow for it. Means over
        shallow rows fall short of the access probability of their sum: to compare groups, sum first
        (`iceqream.pp.pseudobulk`).
    constitutive
        Peaks that are open in every state: a boolean mask, or a boolean column of ``var``. ``None`` chooses by
        `threshold`, or automatically: peaks in the top decile in every state, the half of them that varies alike.
        States or groups with fewer than 5 reads in the mean strong peak are left out of the choice; if these hold
        most reads, the peaks strongest in all rows together are taken, with a warning.
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
    ``uns[key_added]``: factor (per state: what it was divided by), top (signal that means 1), states, and params.
    States without reads get 0, with a warning. A layer of that name is replaced, with a warning. Memory is needed for
    the layer and a few states more.

    Raises
    ------
    KeyError
        If a state, layer or column is missing.
    ValueError
        If counts are negative or missing, no state has reads, no peak is constitutive, or groups are measurements.
    TypeError
        If the data are lazy, or a part of a backed AnnData: load them with ``adata.to_memory()``.

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
    check_loaded(data, mod)
    data, adata = prepare(data, mod, copy=copy)
    labels = None if groupby is None else group_labels(data, groupby, mod)
    counts, around, source = _signal(adata, coverage, layer, regional, window, method)
    marginal = None if around is None else _marginal(around)
    norm = normalized(adata, counts, marginal)
    row = _check_states(adata, norm, anchor)
    open_everywhere, how = chosen_constitutive(adata, norm, marginal, labels, constitutive, threshold)
    if method == "regional":
        quantile = 0.9 if constitutive_quantile is None else constitutive_quantile
        scale = steps.constitutive_scale(
            norm, open_everywhere, row, quantile=norm_quantile, scaling_quantile=scaling_quantile
        )
        top = steps.probability_top(norm, scale, open_everywhere, quantile)
        if not top > 0:
            msg = (
                f"The {quantile:g} quantile of the signal in constitutive peaks is 0: the rows are too shallow for "
                'access probabilities of their own. Sum them first, for instance iq.pp.pseudobulk(data, "celltype").'
            )
            raise ValueError(msg)
        stored = {"factor": scale.factor, "top": np.full(adata.n_obs, top)}
        without = norm.present & ~(scale.factor > 0)
        if without.any():
            logger.warning("%d state(s) without reads in constitutive peaks get access probability 0: %s",
                           without.sum(), examples(adata.obs_names[without]))  # fmt: skip
        layers = {
            "norm_regional": norm.block,
            "norm_const": lambda rows: scale(norm.block(rows), rows),
            key_added: lambda rows: steps.to_probability(scale(norm.block(rows), rows), top),
        }
    else:
        quantile = steps.PAPER_QUANTILE if constitutive_quantile is None else constitutive_quantile
        signal = _above_background(adata, norm, around, window, _WIDTH if coverage is not None else None)
        phi = np.concatenate(
            [steps.paper_factor(signal(rows), open_everywhere, quantile) for rows in row_blocks(norm.shape)]
        )
        _check_flat(adata, norm, phi)
        stored = {"factor": phi, "top": phi}
        layers = {"norm_regional": signal, key_added: lambda rows: steps.paper_probability(signal(rows), phi[rows])}
    warn_of_shallow_rows(norm)
    if coverage is None:
        warn_if_no_counts(adata, norm, layer)
    if key_added in adata.layers:
        logger.warning("layers[%r] is replaced", key_added)
    for name, compute in layers.items():
        if keep_steps or name == key_added:
            adata.layers[name] = _filled(norm.shape, compute)
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


def _filled(shape: tuple[int, int], compute: Callable[[slice], np.ndarray]) -> np.ndarray:
    """Return a float32 matrix that is computed some states at a time."""
    out = np.empty(shape, dtype=np.float32)
    for rows in row_blocks(shape):
        out[rows] = compute(rows)
    return out


def _check_states(adata: AnnData, norm: steps.NormalizedCounts, anchor: str | None) -> int | None:
    """Return the position of the anchor; states without reads are named."""
    empty = ~norm.present
    if empty.all():
        msg = "No state has a read."
        raise ValueError(msg)
    if empty.any():
        logger.warning(
            "%d state(s) without reads get access probability 0: %s", empty.sum(), examples(adata.obs_names[empty])
        )
    if anchor is None:
        return None
    if anchor not in adata.obs_names or empty[adata.obs_names.get_loc(anchor)]:
        msg = f"anchor={anchor!r} is not a state with reads; states are {examples(adata.obs_names[~empty])}."
        raise KeyError(msg)
    return int(adata.obs_names.get_loc(anchor))


def _check_flat(adata: AnnData, norm: steps.NormalizedCounts, phi: np.ndarray) -> None:
    flat = (phi <= 0) & norm.present
    if flat.any():
        msg = (
            f"Constitutive peaks are no higher than what surrounds them in {examples(adata.obs_names[flat])}. "
            "Choose others (constitutive, threshold), merge shallow states, or use method='regional'."
        )
        raise ValueError(msg)


def _signal(
    adata: AnnData, coverage: Coverage | None, layer: str | None, regional: Any, window: int, method: str
) -> tuple[Any, Any, str]:
    """Return counts, what surrounds each peak (per peak, or per state and peak), and where that is from."""
    if coverage is not None:
        return *_covered(adata, coverage, window, method), "coverage"
    counts = counts_of(adata, layer)
    if isinstance(regional, str) and regional == "auto":
        regional = _keys.REGIONAL_COUNTS if _keys.REGIONAL_COUNTS in adata.var else None
    if regional is None:
        logger.warning("no coverage around the peaks is at hand: the regional step is skipped (regional=None)")
        return counts, None, "skipped"
    if isinstance(regional, str):
        if regional in adata.var:
            return counts, _checked(adata.var[regional].to_numpy(), counts.shape, regional), f"var[{regional!r}]"
        if regional in [key for key in adata.layers if key is not None]:
            return counts, _checked(by_rows(adata.layers[regional]), counts.shape, regional), f"layers[{regional!r}]"
        msg = f"regional={regional!r} is neither a column of var nor a layer."
        raise KeyError(msg)
    return counts, _checked(by_rows(regional), counts.shape, "regional"), "array"


def _covered(adata: AnnData, coverage: Coverage, window: int, method: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the coverage of peaks, and of what surrounds them: of all states together where that is enough."""
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
    return coverage.counts(*place)[rows] * scale, around if method == "paper" else _marginal(around)


def _checked(values: Any, shape: tuple[int, int], name: str) -> Any:
    """Check what surrounds each peak: float64 per peak, or a matrix as it is."""
    values = np.asarray(values, dtype=np.float64) if len(values.shape) == 1 else values
    low, high = 0.0, 0.0
    if values.shape == shape:
        for rows in row_blocks(shape):
            block = read_rows(values, rows)
            low, high = min(low, block.min()), max(high, block.max())
    elif values.shape == shape[1:]:
        low, high = values.min(), values.max()
    if values.shape not in {shape, shape[1:]} or not (low >= 0 and high < np.inf):
        msg = (
            f"{name} needs one value per peak ({shape[1]}), or per state and peak {shape}, finite and "
            f"not negative; got shape {values.shape}."
        )
        raise ValueError(msg)
    return values


def _marginal(around: Any) -> np.ndarray:
    """Return the sum over states, float64 per peak."""
    if len(around.shape) == 1:
        return around
    total = np.zeros(around.shape[1])
    for rows in row_blocks(around.shape):
        for row in read_rows(around, rows):
            total += row
    return total


def _above_background(
    adata: AnnData, norm: steps.NormalizedCounts, around: Any, window: int, width: int | None
) -> Callable[[slice], np.ndarray]:
    """Return what computes the mean coverage of peaks less that around them; a sum over states is shared by depth."""
    widths = _peak_widths(adata) if width is None else width
    share = norm.depth / norm.depth.sum()

    def compute(rows: slice) -> np.ndarray:
        signal = read_rows(norm.counts, rows) / widths
        if around is not None:
            background = read_rows(around, rows) if len(around.shape) == 2 else share[rows, None] * around
            signal -= background / (window - _HOLE)
        return signal

    return compute


def _peak_widths(adata: AnnData) -> np.ndarray:
    table = coordinates(adata)
    return (table["end"] - table["start"]).to_numpy(dtype=np.float64)


__all__ = ["access_probability"]
