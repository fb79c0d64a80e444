"""How open the peaks of each state are on the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np

from iceqream import _keys
from iceqream.pl._access_probability import members, of_rows, state_of_rows, with_layer
from iceqream.pl._style import CATEGORIES, NEUTRAL, SIZE_WIDE, finish, house_style, ink, one_axes, state_colors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData

_NAMED = 60
"""States that are drawn with their names."""
_TALLEST = 7.0
"""Height of a figure of many states, inches."""


def total_ap(
    data: AnnData | MuData,
    *,
    groupby: str | Sequence[str] | pd.Series | None = None,
    color: str | None = None,
    palette: Sequence[str] | Mapping[str, str] | None = None,
    key: str = _keys.ACCESS_PROBABILITY,
    mod: str = _keys.ATAC,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Plot the mean access probability of every state: how open its peaks are on the whole.

    More than 60 states are drawn without their names, by category where there is a `color`.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with access probabilities.
    groupby
        Column of ``obs`` (several, or a Series by row name) whose groups are the states, where rows are metacells or
        cells: bars are means over the rows of a group, points the rows.
    color
        Column of ``obs`` whose categories colour the bars (``uns["<color>_colors"]`` if it is there).
    palette
        Colours of the categories of `color` (or of the groups): a list in their order, or by name.
    key
        Layer of the access probabilities.
    mod
        Modality of a MuData that holds the peaks.
    title
        Above the axes.
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
        If the layer or column is missing.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1000, rng=0)
    >>> [t.get_text() for t in iq.pl.total_ap(adata, show=False).get_yticklabels()]
    ['S1', 'S2', 'S3', 'S4']
    """
    adata = with_layer(data, key, mod)
    labels = state_of_rows(data, groupby, mod)
    each = np.array([of_rows(adata.layers[key], np.array([row])).mean() for row in range(adata.n_obs)])
    with house_style(save):
        if groupby is None:
            colors, legend = _category_colors(adata, color, palette)
            order = np.arange(len(each))
            if color is not None and len(each) > _NAMED:
                order = np.argsort(adata.obs[color].astype("category").cat.codes.to_numpy(), kind="stable")
            names, values, rows = labels[order].tolist(), each[order], []
            colors = [colors[i] for i in order]
        else:
            names = sorted(set(labels[labels != ""]))
            rows = [members(labels, name) for name in names]
            values = np.array([each[some].mean() for some in rows])
            colors, legend = _group_colors(adata, groupby, names, palette), {}
        height = min(0.7 + 0.22 * len(values), _TALLEST)
        drawn = one_axes(SIZE_WIDE, height, figsize=figsize, dpi=dpi) if ax is None else ax
        drawn.barh(np.arange(len(values)), values, color=colors, height=0.75 if len(values) <= _NAMED else 1.0)
        for place, some in enumerate(rows):
            spread = place + np.linspace(-0.3, 0.3, len(some)) if len(some) > 1 else [place]
            drawn.scatter(each[some], spread, s=4, color=ink(), alpha=0.4, linewidths=0, rasterized=True)
        if len(values) <= _NAMED:
            drawn.set_yticks(np.arange(len(values)), names)
        else:
            drawn.set_yticks([])
            drawn.set_ylabel(f"{len(values):,} states")
        drawn.set_ylim(len(values) - 0.4, -0.6)
        drawn.set_xlabel(f"Mean access probability of {adata.n_vars:,} peaks")
        if title is not None:
            drawn.set_title(title)
        if legend:
            handles = [mpl.patches.Patch(color=c, label=name) for name, c in legend.items()]
            drawn.legend(handles=handles, frameon=False, loc="upper left", bbox_to_anchor=(1, 1), title=color)
    return finish(drawn.figure, drawn, given=ax is not None, show=show, save=save, dpi=dpi)


def _category_colors(adata: AnnData, color: str | None, palette: Any) -> tuple[list[str], dict[str, str]]:
    """Return a colour per row and the legend."""
    colors, legend = state_colors(adata, color)
    if color is None or palette is None:
        return colors, legend
    legend = _palette(list(legend), palette)
    return [legend[str(value)] for value in adata.obs[color]], legend


def _group_colors(adata: AnnData, groupby: Any, names: list[str], palette: Any) -> list[str]:
    """Return a colour per group: given, those of the column of obs, or grey."""
    if palette is not None:
        return list(_palette(names, palette).values())
    if isinstance(groupby, str) and f"{groupby}_colors" in adata.uns and groupby in adata.obs:
        legend = state_colors(adata, groupby)[1]
        return [legend.get(name, NEUTRAL) for name in names]
    return [NEUTRAL] * len(names)


def _palette(names: list[str], palette: Any) -> dict[str, str]:
    if hasattr(palette, "get"):
        return {name: str(palette.get(name, NEUTRAL)) for name in names}
    colors = list(mpl.color_sequences[palette] if isinstance(palette, str) else palette) or list(CATEGORIES)
    return {name: mpl.colors.to_hex(colors[i % len(colors)]) for i, name in enumerate(names)}


__all__ = ["total_ap"]
