"""Activities of motifs: rows or groups x motifs, or on an embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._core.cluster import leaf_order
from iceqream._core.messages import examples, known_names
from iceqream._groups import group_weights
from iceqream.get import motif_activity as activities
from iceqream.get import motif_activity_df
from iceqream.pl import _heatmaps as heat
from iceqream.pl._names import fitting, panel_points
from iceqream.pl._style import NEUTRAL, TITLE_SIZE, finish, given_axes, grid, house_style, set_title

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData

    from iceqream._groups import Groups

DEFAULT_MOTIFS = 30
_PANEL = 2.1
_NARROWEST = 2.6
"""Of a heatmap, inches: its colour bar is above."""
_POINT_AREA = 12_000.0
"""Shared by all points of a panel, square points, as in scanpy per a thousand."""
_LABEL = "activity (change of AP per SD of energy)"


def motif_activity(
    data: AnnData | MuData,
    motifs: str | Sequence[str] | None = None,
    *,
    groupby: Groups | None = None,
    basis: str | None = None,
    n_motifs: int = DEFAULT_MOTIFS,
    order_by: str | None = None,
    color: str | None = None,
    key: str = _keys.MOTIF_ACTIVITY,
    mod: str = _keys.ATAC,
    ncols: int = 4,
    cmap: Any = None,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw what each motif adds to each state or metacell: a heatmap, or one panel per motif on an embedding.

    Colours are centred on 0, the average row: red where peaks with the motif are more accessible, blue where less. On
    an embedding every panel has its own scale.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData after `iceqream.tl.motif_activity`.
    motifs
        Name or names; ``None`` takes those that differ most between rows.
    groupby
        Groups of rows whose mean activities are drawn.
    basis
        Embedding to draw on, such as ``"umap"``; of the peaks, the MuData or another modality.
    n_motifs
        How many motifs ``motifs=None`` draws.
    order_by
        Column of ``obs`` that orders the rows, such as a pseudotime; ``None`` puts similar rows beside each other.
    color
        Column of ``obs`` drawn as a strip beside the rows; with ``order_by=None`` rows stay together by it.
    key, mod
        As in `iceqream.get.motif_activity_df`.
    ncols
        Panels per row on an embedding.
    cmap
        Colours from low to high; ``None`` takes blue to red.
    title
        Title of the figure.
    figsize, dpi
        Size of a new figure, inches, and its resolution; ``None`` takes what the panels need.
    axes
        Axes to draw into: one (two with `color`: heatmap, then strip), or with `basis` one per motif.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    List of axes if `show` is false (or `axes` were given), else ``None``.

    Raises
    ------
    KeyError
        If there are no activities, or no such motif, embedding or column.
    ValueError
        If `n_motifs` is below 1, axes do not match, or groups are to be ordered by a column of single rows.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, preset="paper")
    >>> iq.tl.motif_activity(adata)
    >>> len(iq.pl.motif_activity(adata, show=False))
    1
    """
    table = motif_activity_df(data, key, mod=mod)
    if n_motifs < 1:
        msg = f"n_motifs must be at least 1, got {n_motifs}."
        raise ValueError(msg)
    if motifs is None:
        spread = table.to_numpy().std(axis=0)
        names = [str(table.columns[i]) for i in np.argsort(-spread, kind="stable")[:n_motifs]]
    else:
        names = known_names(motifs, table.columns, "There is no activity of")
    if basis is not None:
        found = activities(data, key, mod=mod)
        _coordinates(found, basis)
        given = given_axes(axes, len(names))
        with house_style(save):
            drawn = given or grid(len(names), ncols, _PANEL * 1.2, _PANEL, figsize=figsize, dpi=dpi)[1]
            columns = max(1, min(ncols, len(names))) if given is None else None
            room = min(panel_points(ax, columns) for ax in drawn)
            _draw_on_embedding(drawn, found, names, basis, room, cmap)
            set_title(drawn[0].figure, f"Motif {_LABEL}" if title is None and given is None else title)
        return finish(drawn[0].figure, drawn, given=given is not None, show=show, save=save, dpi=dpi)
    table = table[names]
    if groupby is not None:
        groups, weights = group_weights(data, groupby, mod)
        table = pd.DataFrame(weights @ table.to_numpy(dtype=np.float64), index=groups, columns=table.columns)
    values = table.to_numpy(dtype=np.float64)
    layout = heat.lay_out(
        data, table.index, values, grouped=groupby is not None, order_by=order_by, color=color, mod=mod
    )
    if motifs is None:
        # motifs with the same rows beside each other
        table = table.iloc[:, leaf_order(heat.standardized(values, 0).T)]
    table = table.iloc[layout.order]
    given = given_axes(axes, 1 if color is None else 2)
    with house_style(save):
        drawn = given or _new_axes(table, figsize, dpi, strip=color is not None)
        end = heat.limit(table.to_numpy())
        image = heat.draw(drawn[0], table.to_numpy(), cmap or heat.diverging(), -end, end)
        heat.name_columns(drawn[0], list(map(str, table.columns)), "motifs")
        heat.name_rows(drawn[-1], list(map(str, table.index)), "rows" if groupby is None else "groups")
        if color is not None:
            # the names stand outside of the strip
            drawn[0].set_yticks([])
            heat.draw_strip(drawn[1], layout, vertical=True)
            heat.name_rows(drawn[1], list(map(str, table.index)), "rows")
            if given is None:
                heat.draw_legend(drawn[0].figure, layout)
        width = max(heat.length(table.shape[1]), _NARROWEST)
        heat.draw_bar(drawn[0], image, _LABEL, room=width, location="top", extend="both")
        set_title(drawn[0].figure, title)
    return finish(drawn[0].figure, drawn, given=given is not None, show=show, save=save, dpi=dpi)


def _new_axes(
    table: pd.DataFrame, figsize: tuple[float, float] | None, dpi: float | None, *, strip: bool
) -> list[Axes]:
    import matplotlib.pyplot as plt

    width, height = heat.length(table.shape[1]), heat.length(len(table))
    rows, columns = list(map(str, table.index)), list(map(str, table.columns))
    size = (max(width, _NARROWEST) + heat.label_width(rows) + 0.5, max(height, 0.8) + heat.label_width(columns) + 0.9)
    if not strip:
        return [plt.subplots(figsize=figsize or size, dpi=dpi, layout="constrained")[1]]
    size = (size[0] + 1.4, size[1])
    side, main = plt.subplots(
        1, 2, figsize=figsize or size, dpi=dpi, layout="constrained", width_ratios=[0.16, max(width, _NARROWEST)]
    )[1]
    return [main, side]


def _coordinates(found: AnnData, basis: str) -> np.ndarray:
    slot = next((name for name in (basis, f"X_{basis}") if name in found.obsm), None)
    if slot is None:
        msg = f"There is no embedding {basis!r} of all rows; obsm has {examples(found.obsm) or 'none'}."
        raise KeyError(msg)
    return np.asarray(found.obsm[slot], dtype=np.float64)[:, :2]


def _draw_on_embedding(drawn: list[Axes], found: AnnData, names: list[str], basis: str, room: float, cmap: Any) -> None:
    xy = _coordinates(found, basis)
    size = float(np.clip(_POINT_AREA / len(xy), 1, 40))
    for ax, name, label in zip(drawn, names, fitting(names, room, TITLE_SIZE), strict=True):
        values = np.asarray(found[:, name].X, dtype=np.float64).ravel()
        # what differs most from the average row lies on top
        end, order = heat.limit(values), np.argsort(np.abs(values), kind="stable")
        dots = ax.scatter(xy[order, 0], xy[order, 1], c=values[order], cmap=cmap or heat.diverging(), vmin=-end,
                          vmax=end, s=size, linewidths=0.15, edgecolors=NEUTRAL, rasterized=True)  # fmt: skip
        ax.set_title(label)
        ax.set_xticks([])
        ax.set_yticks([])
        heat.draw_bar(ax, dots, "", room=_PANEL, pad=0.02)
    drawn[0].set_xlabel(f"{basis} 1")
    drawn[0].set_ylabel(f"{basis} 2")
