"""What each motif of a manifold does in each trajectory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from iceqream import _keys
from iceqream._core.cluster import leaf_order
from iceqream._core.messages import known_names
from iceqream._stored_models import manifold_model
from iceqream.get import manifold_df
from iceqream.pl._manifold_parts import (
    ROW_TRIM_BITS,
    above,
    bare,
    beside,
    color_bar,
    diverging,
    doubts,
    draw_logo_rows,
    inches,
    row_points,
    widest,
    write_names,
)
from iceqream.pl._style import LABEL_SIZE, NEUTRAL, faint, finish, house_style, ink, outliers, paper, set_title

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData

    from iceqream.models import ManifoldModel

Quantity = Literal["effect", "effect_dap"]
_UNITS = {"effect": "effect (logit)", "effect_dap": "effect (dAP)"}
_SURE = 2.0
"""Standard errors from 0 at which an effect is told from it."""
_CELL, _TALLEST = 0.22, 12.0
"""Of a motif's row, and of all of them at most, inches."""
_LOGO, _GAP, _MARGIN = 1.25, 0.08, 0.12
_ABOVE = 1.0
"""Room of the legends, and of the title, inches."""
_TILE, _HOLLOW, _DOT = 0.94, 0.4, 0.92
"""Width of a tile, of a hollow one, and of the largest dot, of the cell."""
_LEAST_DOT = 0.18


def manifold_heatmap(
    data: AnnData | MuData | ManifoldModel,
    motifs: Sequence[str] | None = None,
    *,
    key: str = _keys.MANIFOLD,
    quantity: Quantity = "effect",
    cluster_trajectories: bool = False,
    logos: bool = True,
    mod: str = _keys.ATAC,
    cmap: Any = None,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Plot what each motif does in each trajectory, with its logo (fig. 4D).

    Red opens towards the end of the trajectory, blue closes; the units are the same everywhere, and the scale leaves
    out the few motifs that are more than four times all others. A hollow cell is an effect within two standard errors
    of 0, an empty one a motif that the trajectory does not use. After `iceqream.tl.residual_r2` of all trajectories,
    the area of a dot is the R2 that the motif's removal costs there.

    Parameters
    ----------
    data
        AnnData or MuData with a manifold (`iceqream.tl.fit_manifold`), or its model.
    motifs
        Motifs to draw, in this order; ``None`` draws all, those beside each other that act alike.
    key, mod
        As in `iceqream.get.model`.
    quantity
        ``"effect"``: standard deviation of what the linear predictor loses without the motif, logit;
        ``"effect_dap"``: of the predicted dAP (`iceqream.get.manifold_df`).
    cluster_trajectories
        Whether trajectories stand beside those that are alike, instead of in the order of the manifold.
    logos
        Whether to draw the motifs' logos.
    cmap
        Colours of the effects, from closing to opening; ``None`` takes blue to red.
    title
        Title of the figure.
    figsize, dpi
        Size of a new figure, inches, and its resolution; ``None`` takes what the panels need.
    ax
        Axes to draw into; logos stand right of them, legends above.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    Axes if `show` is false (or `ax` was given), else ``None``.

    Raises
    ------
    KeyError
        If there is no model or motif of that name.
    ValueError
        If the model is of one trajectory or has no motifs, or `quantity` is unknown.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> ends = {"early": ("S1", "S3"), "late": ("S2", "S4")}
    >>> library = iq.datasets.simulated_motifs(decoys=False)
    >>> iq.tl.fit_manifold(adata, ends, motifs=library, min_tss_distance=None, size_folds=0)
    >>> [label.get_text() for label in iq.pl.manifold_heatmap(adata, show=False).get_xticklabels()]
    ['early', 'late']
    """
    if quantity not in _UNITS:
        msg = f"quantity must be one of {', '.join(_UNITS)}, got {quantity!r}."
        raise ValueError(msg)
    manifold = manifold_model(data, key, mod)
    rows, columns = motif_order(manifold, motifs), list(manifold.names)
    if cluster_trajectories:
        columns = [columns[i] for i in leaf_order(manifold_df(manifold).fillna(0).to_numpy().T)]
    tables = {
        name: manifold_df(manifold, quantity=name).loc[rows, columns].to_numpy()
        for name in (quantity, "effect", "effect_se", "residual_r2")
    }
    # without errors nothing can be said: models of older versions
    unsure = np.abs(tables["effect"]) < _SURE * np.nan_to_num(tables["effect_se"])
    worth = tables["residual_r2"]
    sized = bool(np.isfinite(worth[np.isfinite(tables["effect"])]).all())
    with house_style(save):
        drawn = _panel(rows, columns, _GAP + _LOGO if logos else 0.0, figsize, dpi) if ax is None else ax
        drawn.set_xlim(-0.5, len(columns) - 0.5)
        drawn.set_ylim(len(rows) - 0.5, -0.5)
        _draw_cells(drawn, tables[quantity], unsure, worth if sized else None, cmap, _UNITS[quantity])
        write_names(drawn, rows, "y", LABEL_SIZE)
        write_names(drawn, columns, "x", LABEL_SIZE)
        bare(drawn)
        if logos:
            place = beside(drawn, _GAP, _LOGO)
            place.set_ylim(len(rows) - 0.5, -0.5)
            position = {str(name): i for i, name in enumerate(manifold.motif_names)}
            draw_logo_rows(place, manifold.pbms.motifs.trim(ROW_TRIM_BITS), [position[name] for name in rows])
        set_title(drawn.figure, title, doubts(manifold) if ax is None else "")
    return finish(drawn.figure, drawn, given=ax is not None, show=show, save=save, dpi=dpi)


def motif_order(manifold: ManifoldModel, motifs: Sequence[str] | None) -> list[str]:
    """Return the motifs to draw: those that are named, or all, those beside each other that act alike."""
    effects = manifold_df(manifold)
    if motifs is not None:
        chosen = known_names(motifs, list(map(str, effects.index)), "The manifold has no motif")
    else:
        chosen = [str(effects.index[i]) for i in leaf_order(effects.fillna(0).to_numpy())]
    if not chosen:
        msg = "There is no motif to draw: the manifold has none, or none was named."
        raise ValueError(msg)
    return chosen


def _panel(
    rows: list[str], columns: list[str], beyond: float, figsize: tuple[float, float] | None, dpi: float | None
) -> Axes:
    """Return the axes of the cells in a new figure, placed in inches: cells are square; `beyond` is right of them."""
    import matplotlib.pyplot as plt

    cell = min(_CELL, _TALLEST / len(rows))
    names, below = widest(rows, LABEL_SIZE) + 0.1, widest(columns, LABEL_SIZE) + 0.15
    width, height = cell * len(columns), cell * len(rows)
    # legends need room too
    whole = (_MARGIN + names + max(width + beyond, 2.6) + _MARGIN, _ABOVE + height + below)
    figure = plt.figure(figsize=whole, dpi=dpi)
    ax = inches(figure, _MARGIN + names, _ABOVE, width, height)
    if figsize is not None:
        figure.set_size_inches(figsize)
    return ax


def _draw_cells(
    ax: Axes, values: np.ndarray, unsure: np.ndarray, worth: np.ndarray | None, cmap: Any, label: str
) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.collections import PatchCollection
    from matplotlib.colors import Normalize
    from matplotlib.patches import Ellipse, Rectangle

    n_rows, n_columns = values.shape
    largest = np.nan_to_num(np.abs(values)).max(axis=1, initial=0.0)
    apart = outliers(largest) if n_rows > 1 else np.zeros(n_rows, dtype=bool)
    limit = float(largest[~apart].max(initial=0.0)) or 1.0
    shades = ScalarMappable(Normalize(-limit, limit), cmap or diverging())
    across, down = row_points(ax, "x"), row_points(ax, "y")
    shapes: list[Any] = []
    faces, edges = [], []
    most = max(float(np.nanmax(worth, initial=0.0)), 1e-12) if worth is not None else 1.0
    for i, j in zip(*np.nonzero(np.isfinite(values)), strict=True):
        shade = shades.to_rgba(values[i, j])
        if worth is None:
            side = _HOLLOW if unsure[i, j] else _TILE
            shapes.append(Rectangle((j - side / 2, i - side / 2), side, side))
        else:
            size = dot_size(float(worth[i, j]), most) * min(across, down)
            shapes.append(Ellipse((j, i), size / across, size / down))
        faces.append(paper() if unsure[i, j] else shade)
        edges.append(NEUTRAL if unsure[i, j] else faint(0.35))
    ax.add_collection(PatchCollection(shapes, facecolors=faces, edgecolors=edges, linewidths=0.6))
    if worth is not None:
        ax.hlines(np.arange(n_rows), -0.5, n_columns - 0.5, color=faint(0.1), linewidth=0.5, zorder=0)
    color_bar(ax, shades, label, height=0.5, extend="both" if apart.any() else "neither")
    _legend(ax, None if worth is None else most, min(across, down), empty=not np.isfinite(values).all())


def dot_size(worth: float, most: float) -> float:
    """Return the diameter of a dot whose area is its R2, of the cell; the least are as large as can be seen."""
    return max(_DOT * float(np.sqrt(max(worth, 0.0) / most)), _LEAST_DOT)


def _legend(ax: Axes, most: float | None, cell: float, *, empty: bool) -> None:
    """Draw what the shapes mean, above the cells: sizes of dots, hollow ones, and none."""
    from matplotlib.patches import Ellipse, Rectangle

    place = above(ax, (0, 0.1, 2.6, 0.2))
    points = 72.0
    place.set_xlim(0, 2.6)
    place.set_ylim(-0.1, 0.1)
    place.axis("off")
    x, size = 0.0, min(cell / points, 0.2)
    if most is not None:
        for share in (1.0, 0.25):
            wide = dot_size(share * most, most) * size
            place.add_patch(Ellipse((x + wide / 2, 0), wide, wide, facecolor=NEUTRAL, linewidth=0))
            said = f"{share * most:.2g}"
            place.text(x + wide + 0.04, 0, said, va="center", fontsize=6.5)
            x += wide + 0.1 + 0.055 * len(said)
        place.text(x, 0, "residual $R^2$", va="center", fontsize=7)
        x += 0.85
    side = 0.45 * size
    hollow = Ellipse((x + side / 2, 0), side, side) if most is not None else Rectangle((x, -side / 2), side, side)
    hollow.set(facecolor=paper(), edgecolor=NEUTRAL, linewidth=0.6)
    place.add_patch(hollow)
    place.text(x + side + 0.05, 0, "within 2 SE of 0", va="center", fontsize=7, color=ink())
    if empty:
        x += side + 0.95
        place.text(x, 0, "empty: not used", va="center", fontsize=7, color=ink())
