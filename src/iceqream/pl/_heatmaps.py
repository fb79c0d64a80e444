"""What the heatmaps of states and metacells share: the order of rows, strips of colours, scales, labels that fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import get_adata
from iceqream._core.cluster import leaf_order
from iceqream._groups import group_columns
from iceqream.pl._names import POINTS, fitting, text_points
from iceqream.pl._style import CATEGORIES, CLOSING, DENSITY, LABEL_SIZE, OPENING, ink, paper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData

MOST_LABELS = 60
"""Rows or columns that are named; more are counted instead."""
CELL = 0.19
"""Of a row or column with a name, inches."""
NAME_POINTS = 110.0
UNNAMED = 4.0
"""Length of an axis without names, inches."""
_QUANTILE = 0.98
_LEGEND_COLUMN = 18
_BAR, _BAR_WIDTH = 1.6, 0.1
"""Of a colour bar, inches."""


class Layout(NamedTuple):
    """In which order rows stand, and what colours they have."""

    order: np.ndarray
    colors: list[Any] | None
    """In this order; None without a strip."""
    legend: dict[str, Any]
    label: str


def lay_out(
    data: AnnData | MuData,
    rows: pd.Index,
    values: np.ndarray,
    *,
    grouped: bool,
    order_by: str | None,
    color: str | None,
    mod: str = _keys.ATAC,
) -> Layout:
    """Order rows by a column of obs, or within colours by how similar their values are; groups stay as they are."""
    colors: list[Any] | None = None
    legend: dict[str, Any] = {}
    codes = np.zeros(len(rows))
    if color is not None:
        column = _column(data, color, rows, mod, grouped=grouped)
        colors, legend, codes = _colors(column, get_adata(data, mod).uns.get(f"{color}_colors", ()))
    if order_by is not None:
        column = _column(data, order_by, rows, mod, grouped=grouped)
        key = column if pd.api.types.is_numeric_dtype(column.dtype) else column.astype("category").cat.codes
        order = np.argsort(np.asarray(key, dtype=np.float64), kind="stable")
    elif grouped:
        order = np.arange(len(rows))
    else:
        place = np.argsort(leaf_order(values))
        order = np.lexsort((place, codes))
    return Layout(order, None if colors is None else [colors[i] for i in order], legend, color or "")


def _column(data: AnnData | MuData, name: str, rows: pd.Index, mod: str, *, grouped: bool) -> pd.Series:
    if grouped:
        msg = f"{name!r} is a column of single rows; here rows are groups, which have a name only. Leave it out."
        raise ValueError(msg)
    return group_columns(data, name, mod)[name].reindex(rows)


def _colors(column: pd.Series, known: Sequence[str]) -> tuple[list[Any], dict[str, Any], np.ndarray]:
    """Return a colour per row, the legend, and the number of the category (0 for measurements)."""
    import matplotlib as mpl
    from matplotlib.colors import Normalize

    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        values = column.to_numpy(dtype=np.float64)
        norm, shades = Normalize(np.nanmin(values), np.nanmax(values)), mpl.colormaps[DENSITY]
        shown = np.linspace(norm.vmin, norm.vmax, 3)  # type: ignore[arg-type]
        numbers = {f"{value:.3g}": shades(norm(value)) for value in shown}
        return list(shades(norm(values))), numbers, np.zeros(len(column))
    categories = column.astype("category")
    names = [str(name) for name in categories.cat.categories]
    palette: Sequence[Any] = list(known)
    if len(palette) < len(names):
        palette = CATEGORIES if len(names) <= len(CATEGORIES) else mpl.colormaps["tab20"].colors  # type: ignore[attr-defined]
    legend = {name: palette[i % len(palette)] for i, name in enumerate(names)}
    codes = categories.cat.codes.to_numpy()
    return [legend[names[code]] if code >= 0 else paper() for code in codes], legend, codes


def diverging() -> Any:
    """Return the colours from closing over the background to opening."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("diverging", [CLOSING, paper(), OPENING])


def rising() -> Any:
    """Return the colours from the background to ink."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("rising", [paper(), ink()])


def limit(matrix: np.ndarray) -> float:
    """Return the end of a symmetric scale that leaves out the largest 2 %."""
    sizes = np.abs(matrix)
    return float(np.quantile(sizes, _QUANTILE)) or float(sizes.max(initial=0.0)) or 1.0


def standardized(matrix: np.ndarray, axis: int) -> np.ndarray:
    """Return values less their mean, divided by their standard deviation; 0 where there is none."""
    centred = matrix - matrix.mean(axis=axis, keepdims=True)
    sd = centred.std(axis=axis, keepdims=True)
    return np.divide(centred, sd, out=np.zeros_like(centred), where=sd > 0)


def along(matrix: np.ndarray) -> np.ndarray:
    """Return an order of rows in which those that are high in the first columns come first."""
    weight = np.maximum(matrix, 0.0) ** 2
    total = weight.sum(axis=1)
    place = np.divide(weight @ np.arange(matrix.shape[1]), total, out=np.zeros(len(matrix)), where=total > 0)
    return np.argsort(place, kind="stable")


def length(n: int) -> float:
    """Return how long an axis of so many rows or columns is, inches."""
    return CELL * max(n, 4) if n <= MOST_LABELS else UNNAMED


def label_width(names: Sequence[str]) -> float:
    """Return the room that names take, inches."""
    if len(names) > MOST_LABELS:
        return 0.3
    return (
        max((text_points(name, LABEL_SIZE) for name in fitting(names, NAME_POINTS, LABEL_SIZE)), default=0.0) / POINTS
    )


def name_rows(ax: Axes, names: Sequence[str], what: str) -> None:
    """Write the names of rows beside them, or say how many there are."""
    if len(names) > MOST_LABELS:
        ax.set_yticks([])
        ax.set_ylabel(f"{len(names)} {what}")
    else:
        ax.set_yticks(range(len(names)), fitting(names, NAME_POINTS, LABEL_SIZE))


def name_columns(ax: Axes, names: Sequence[str], what: str, *, rotation: float = 90, most: int = MOST_LABELS) -> None:
    """Write the names of columns below them, or say how many there are."""
    if len(names) > most:
        ax.set_xticks([])
        ax.set_xlabel(f"{len(names)} {what}")
    else:
        ax.set_xticks(range(len(names)), fitting(names, NAME_POINTS, LABEL_SIZE), rotation=rotation)


def draw(ax: Axes, matrix: np.ndarray, cmap: Any, low: float, high: float) -> Any:
    """Draw a matrix without frame and ticks; return the image."""
    image = ax.imshow(matrix, aspect="auto", cmap=cmap, vmin=low, vmax=high, interpolation="nearest")
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return image


def draw_strip(ax: Axes, layout: Layout, *, vertical: bool) -> None:
    """Draw the colours of rows as a strip; the legend names their column."""
    from matplotlib.colors import to_rgb

    cells = np.array([to_rgb(color) for color in layout.colors or []])
    ax.imshow(cells[:, None] if vertical else cells[None], aspect="auto", interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    if not vertical:
        ax.set_ylabel(layout.label, rotation=0, ha="right", va="center")


def draw_legend(figure: Any, layout: Layout) -> None:
    """Write what the colours of a strip mean, right of all panels."""
    from matplotlib.patches import Patch

    if layout.legend:
        handles = [Patch(color=color, label=name) for name, color in layout.legend.items()]
        figure.legend(handles=handles, loc="outside right upper", frameon=False, handlelength=1.0, title=layout.label,
                      ncols=-(-len(handles) // _LEGEND_COLUMN))  # fmt: skip


def draw_bar(
    ax: Axes | list[Axes], image: Any, label: str, *, room: float, location: str = "right", **options: Any
) -> Any:
    """Draw a colour bar beside panels that are `room` inches long, of the same size on all of them."""
    from matplotlib.ticker import MaxNLocator

    one = ax[0] if isinstance(ax, list) else ax
    long = min(_BAR, room)
    size = {"shrink": long / room, "aspect": long / _BAR_WIDTH, "pad": 0.01}
    bar = one.figure.colorbar(image, ax=ax, location=location, label=label, **(size | options))
    bar.locator = MaxNLocator(3, symmetric=image.norm.vmin < 0)
    bar.update_ticks()
    bar.outline.set_visible(False)
    return bar
