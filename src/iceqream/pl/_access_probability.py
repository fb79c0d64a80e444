"""Whether access probabilities are right: steps of the normalisation, states compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._anndata import get_adata
from iceqream._core.blocks import read_rows
from iceqream._core.messages import examples
from iceqream._groups import group_labels
from iceqream.pl._style import (
    CLOSING,
    NEUTRAL,
    OPENING,
    density_order,
    finish,
    given_axes,
    grid,
    house_style,
    one_axes,
    paper,
    set_title,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from os import PathLike

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData

_VALUES = 2**22
"""Values that are read at once."""


def normalization(
    data: AnnData | MuData,
    state: str,
    anchor: str,
    *,
    groupby: str | Sequence[str] | pd.Series | None = None,
    key: str = _keys.ACCESS_PROBABILITY,
    mod: str = _keys.ATAC,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Plot one state against another at each step of the normalisation, constitutive peaks in red.

    Counts, regional normalisation (``"Depth"`` where there was no coverage around peaks), constitutive normalisation
    (where `iceqream.pp.access_probability` kept them) and access probability. After a right normalisation the
    constitutive peaks lie on the diagonal and near the top.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with access probabilities.
    state, anchor
        State on the y axis, state on the x axis.
    groupby
        Column of ``obs`` (several, or a Series by row name) whose groups are the states, where rows are metacells or
        cells: the counts of their rows are added up, signals are means.
    key
        Layer of the access probabilities.
    mod
        Modality of a MuData that holds the peaks.
    title
        Above all steps.
    figsize, dpi
        Size of a new figure, inches, and its resolution.
    axes
        Axes to draw into, one per step.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    List of axes if `show` is false (or `axes` were given), else ``None``.

    Raises
    ------
    KeyError
        If a state or the layer is missing.
    ValueError
        If axes do not match the steps.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1000, rng=0)
    >>> iq.pp.access_probability(adata, keep_steps=True)
    >>> axes = iq.pl.normalization(adata, "S4", "S1", show=False)
    >>> [ax.get_title() for ax in axes]
    ['Counts', 'Regional', 'Constitutive', 'Access probability']
    """
    adata = with_layer(data, key, mod)
    row_labels = state_of_rows(data, groupby, mod)
    both = [members(row_labels, name) for name in (anchor, state)]
    red = constitutive_peaks(adata)
    steps = _steps(adata, key)
    given = given_axes(axes, len(steps))
    with house_style(save):
        drawn = grid(len(steps), 4, 2.7, 2.9, figsize=figsize, dpi=dpi)[1] if given is None else given
        for ax, (name, matrix, unit) in zip(drawn, steps, strict=True):
            x, y = (_scaled(of_rows(matrix, rows, add=name == "Counts"), unit) for rows in both)
            order, density = density_order(x, y)
            ax.scatter(x[order], y[order], c=np.log1p(density[order]), cmap="Greys", vmin=-1, s=3, linewidths=0,
                       rasterized=True)  # fmt: skip
            ax.scatter(x[red], y[red], color=OPENING, s=3, linewidths=0, rasterized=True, alpha=0.6)
            low, high = min(x.min(), y.min()), max(x.max(), y.max())
            ax.plot([low, high], [low, high], color=NEUTRAL, linewidth=0.8, zorder=3)
            ax.set_title(name)
            ax.set_xlabel(f"{anchor}, {unit}")
            ax.set_aspect("equal")
        drawn[0].set_ylabel(state)
        drawn[-1].annotate(f"{int(red.sum()):,} constitutive", (0.97, 0.03), xycoords="axes fraction", ha="right",
                           color=OPENING, fontsize=8, bbox=_boxed())  # fmt: skip
        if given is None:
            set_title(drawn[0].figure, title)
    return finish(drawn[0].figure, drawn, given=given is not None, show=show, save=save, dpi=dpi)


def ap_scatter(
    data: AnnData | MuData,
    start: str,
    end: str,
    *,
    groupby: str | Sequence[str] | pd.Series | None = None,
    min_dap: float = 0.25,
    key: str = _keys.ACCESS_PROBABILITY,
    mod: str = _keys.ATAC,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Plot the access probabilities of two states against each other, with the numbers of peaks that open and close.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with access probabilities.
    start, end
        State on the x axis, state on the y axis.
    groupby
        Column of ``obs`` (several, or a Series by row name) whose groups are the states, where rows are metacells or
        cells: the means of their rows are drawn, as a model is fitted to them.
    min_dap
        Change that counts as opening or closing.
    key
        Layer of the access probabilities.
    mod
        Modality of a MuData that holds the peaks.
    title
        ``None`` says how many peaks keep their access probability.
    figsize, dpi
        Size of a new figure, inches, and its resolution.
    ax
        Axes to draw into.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    Axes if `show` is false (or `ax` was given), else ``None``.

    Raises
    ------
    KeyError
        If a state or the layer is missing.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1000, rng=0)
    >>> iq.pl.ap_scatter(adata, "S1", "S4", show=False).get_xlabel()
    'Access probability, S1'
    """
    adata = with_layer(data, key, mod)
    row_labels = state_of_rows(data, groupby, mod)
    x, y = (of_rows(adata.layers[key], members(row_labels, name)) for name in (start, end))
    change = y - x
    groups = ((change >= min_dap, OPENING, "open"), (change <= -min_dap, CLOSING, "close"))
    with house_style(save):
        drawn = one_axes(3.4, 3.4, figsize=figsize, dpi=dpi) if ax is None else ax
        still = np.abs(change) < min_dap
        order, density = density_order(x[still], y[still])
        drawn.scatter(x[still][order], y[still][order], c=np.log1p(density[order]), cmap="Greys", vmin=-2, s=4,
                      linewidths=0, rasterized=True)  # fmt: skip
        for mask, color, _ in groups:
            drawn.scatter(x[mask], y[mask], color=color, s=4, linewidths=0, alpha=0.5, rasterized=True)
        drawn.plot([0, 1 - min_dap], [min_dap, 1], color=OPENING, linewidth=0.8, linestyle=(0, (4, 3)))
        drawn.plot([min_dap, 1], [0, 1 - min_dap], color=CLOSING, linewidth=0.8, linestyle=(0, (4, 3)))
        kept = f"{int(still.sum()):,} of {len(x):,} peaks keep\nwithin {min_dap:g}"
        drawn.set_title(kept if title is None else title)
        drawn.text(0.03, 0.97, f"{int(groups[0][0].sum()):,} open", color=OPENING, ha="left", va="top",
                   transform=drawn.transAxes, bbox=_boxed())  # fmt: skip
        drawn.text(0.97, 0.03, f"{int(groups[1][0].sum()):,} close", color=CLOSING, ha="right", va="bottom",
                   transform=drawn.transAxes, bbox=_boxed())  # fmt: skip
        drawn.set_xlabel(f"Access probability, {start}")
        drawn.set_ylabel(f"Access probability, {end}")
        drawn.set_xlim(-0.02, 1.02)
        drawn.set_ylim(-0.02, 1.02)
        drawn.set_aspect("equal")
    return finish(drawn.figure, drawn, given=ax is not None, show=show, save=save, dpi=dpi)


def with_layer(data: AnnData | MuData, key: str, mod: str) -> AnnData:
    """Return the AnnData of peaks, or refuse one without that layer."""
    adata = get_adata(data, mod)
    if key not in [name for name in adata.layers if name is not None]:
        msg = f"There is no layer {key!r}: run iq.pp.access_probability first."
        raise KeyError(msg)
    return adata


def state_of_rows(data: AnnData | MuData, groupby: Any, mod: str) -> np.ndarray:
    """Return the state of each row: its name, or its group; empty where it has none."""
    if groupby is None:
        return get_adata(data, mod).obs_names.to_numpy(dtype=object).astype(str)
    return group_labels(data, groupby, mod).fillna("").to_numpy(dtype=object).astype(str)


def members(labels: np.ndarray, state: str) -> np.ndarray:
    """Return the rows of a state, or refuse one that has none."""
    rows = np.flatnonzero(labels == str(state))
    if len(rows) == 0:
        states = sorted(set(labels) - {""})
        hint = " Pass groupby=... if states are groups of rows." if len(states) == len(labels) else ""
        msg = f"There is no state {state}; states are {examples(states)}.{hint}"
        raise KeyError(msg)
    return rows


def of_rows(matrix: Any, rows: np.ndarray, *, add: bool = False) -> np.ndarray:
    """Return the mean (or sum) of rows of a matrix, float64."""
    total = np.zeros(matrix.shape[1])
    for part in _parts(rows, matrix.shape[1]):
        total += read_rows(matrix, part).sum(axis=0)
    return total if add else total / len(rows)


def _parts(rows: np.ndarray, n_peaks: int) -> Iterator[np.ndarray]:
    size = max(1, _VALUES // max(n_peaks, 1))
    for first in range(0, len(rows), size):
        yield rows[first : first + size]


def constitutive_peaks(adata: AnnData) -> np.ndarray:
    """Return the peaks that are marked as constitutive, bool; none where there is no mark."""
    if _keys.CONSTITUTIVE not in adata.var:
        return np.zeros(adata.n_vars, dtype=bool)
    return adata.var[_keys.CONSTITUTIVE].to_numpy(dtype=bool)


def _steps(adata: AnnData, key: str) -> list[tuple[str, Any, str]]:
    """Return title, matrix and unit of each step that is there."""
    params = adata.uns.get(key, {}).get("params", {})
    regional = "Depth" if params.get("regional") == "skipped" else "Regional"
    if params.get("method") == "paper":
        regional = "Counts per bp" if regional == "Depth" else "Less surroundings"
    steps = [] if adata.X is None else [("Counts", adata.X, "log2(1 + count)")]
    for layer, name in (("norm_regional", regional), ("norm_const", "Constitutive")):
        if layer in adata.layers:
            steps.append((name, adata.layers[layer], "log2(signal)"))
    return [*steps, ("Access probability", adata.layers[key], "access probability")]


def _scaled(values: np.ndarray, unit: str) -> np.ndarray:
    if unit == "access probability":
        return values
    if unit == "log2(1 + count)":
        return np.log2(1 + values)
    # the paper's signal is negative where the surroundings are higher
    values = np.maximum(values, 0.0)
    smallest = values[values > 0].min(initial=1.0)
    return np.log2(values + smallest)


def _boxed() -> dict[str, Any]:
    return {"facecolor": paper(), "edgecolor": "none", "alpha": 0.8, "pad": 1.5}


__all__ = ["ap_scatter", "constitutive_peaks", "members", "normalization", "of_rows", "state_of_rows", "with_layer"]
