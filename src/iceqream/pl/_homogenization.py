"""What became of the trajectories' own motifs when they came to share one set, and how well models predict with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._core.cluster import leaf_order
from iceqream._core.messages import examples
from iceqream._stored_models import manifold_model
from iceqream.get import levels_df, member_similarity_df
from iceqream.motifs.similarity import similarity
from iceqream.pl._manifold_parts import (
    bare,
    color_bar,
    doubts,
    inches,
    looks,
    readable,
    row_points,
    widest,
    write_names,
)
from iceqream.pl._names import POINTS
from iceqream.pl._style import (
    LABEL_SIZE,
    NEUTRAL,
    OPENING,
    faint,
    finish,
    given_axes,
    house_style,
    ink,
    paper,
    set_title,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData

    from iceqream.models import ManifoldModel

LEVELS = {
    "own": ("#C9A26B", "s"), "own interactions": ("#8C510A", "s"), "homogenized": ("#E69F00", "D"),
    "full": ("#56B4E9", "v"), "refined": ("#0072B2", "^"), "final": ("#333333", "o"),
}  # fmt: skip
"""Colour and marker of each level that is drawn; the last one of a model is its final one."""
_SIMILAR = "#08519C"
_ROW, _COLUMN, _LEVEL = 0.132, 0.16, 0.15
"""Of a motif's row, of a column and of a level, inches, at most."""
_TALLEST, _BROADEST, _LEAST = 9.0, 7.5, 1.5
"""Of the heatmap, inches."""
_LEVELS_WIDTH, _STRIP = 2.5, 0.14
_ABOVE, _GAP, _MARGIN = 0.75, 0.28, 0.12
_SMALL = 6.5
_WITHOUT = "without a common motif:"
_CHANCE = 0.4
"""Similarity that motifs have by chance where they are laid as alike as they can be: the scale begins there."""
_LABEL = 0.2
"""Room of the label of an axis, inches."""


def homogenization(
    data: AnnData | MuData | ManifoldModel,
    *,
    key: str = _keys.MANIFOLD,
    mod: str = _keys.ATAC,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Plot how motifs of several trajectories became one set, and what that did to the predictions (fig. 4B, 4C).

    Left: how similar each motif of a trajectory's own model (rows) is to each common one (columns); red frames mark
    the common motif that took its place. Rows stand below each other by common motif, columns beside those that are
    alike; motifs in whose place none stayed are at the bottom. Middle: whose motif it is. Right: R2 of held-out peaks
    with 95 % intervals and numbers of motifs, with the motifs of a trajectory's own model (own, and with its pairs),
    the common ones that took their place (homogenized), all common ones (full), those refined together (refined), and
    in the end, with pairs (final). Names are left out where there is no room for them.

    Parameters
    ----------
    data
        AnnData or MuData with a manifold (`iceqream.tl.fit_manifold`), or its model.
    key, mod
        As in `iceqream.get.model`.
    title
        Title of the figure; ``None`` writes the numbers of motifs.
    figsize, dpi
        Size of a new figure, inches, and its resolution; ``None`` takes what the panels need.
    axes
        Axes to draw into: similarities, trajectories, R2.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    List of three axes if `show` is false (or `axes` were given), else ``None``.

    Raises
    ------
    KeyError
        If there is no model under the key.
    ValueError
        If the model is of one trajectory or does not know the trajectories' own motifs, or there are not three axes.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> ends = {"early": ("S1", "S3"), "late": ("S2", "S4")}
    >>> library = iq.datasets.simulated_motifs(decoys=False)
    >>> iq.tl.fit_manifold(adata, ends, motifs=library, min_tss_distance=None, size_folds=0)
    >>> len(iq.pl.homogenization(adata, show=False))
    3
    """
    manifold = manifold_model(data, key, mod)
    table = member_similarity_df(manifold)
    if table.empty:
        msg = f"The trajectories {examples(manifold.names)} have no motifs of their own, or none in common."
        raise ValueError(msg)
    rows, columns, n_with = _orders(manifold)
    r2 = shown_levels(manifold)
    given = given_axes(axes, 3)
    with house_style(save):
        drawn = given or _panels(manifold, table, len(r2), figsize, dpi)
        places = _places(drawn[0], len(table), n_with)
        common = manifold.members["common"].to_numpy()[rows]
        _draw_similarities(drawn[0], table.iloc[rows, columns], common, places, n_with)
        _draw_trajectories(drawn[1], manifold, rows, places, drawn[0].get_ylim())
        draw_levels(drawn[2], r2, manifold.names)
        said = title
        if title is None and given is None:
            said = (
                f"{len(table)} motifs of {len(manifold)} trajectories, {len(table) - n_with} without a common one; "
                f"{len(columns)} common motifs"
            )
        set_title(drawn[0].figure, said, doubts(manifold) if given is None else "")
    return finish(drawn[0].figure, drawn, given=given is not None, show=show, save=save, dpi=dpi)


def shown_levels(manifold: ManifoldModel) -> pd.DataFrame:
    """Return the levels that are drawn: the four of the manifold, and the last of each trajectory as its final one."""
    table = levels_df(manifold).reset_index()
    last = ~table["trajectory"].duplicated(keep="last")
    levels = table["level"].mask(last, "final")
    return table.assign(level=levels)[levels.isin(list(LEVELS))]


def _orders(manifold: ManifoldModel) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the orders of own and of common motifs, and how many own motifs have a common one."""
    motifs = manifold.pbms.motifs
    columns = leaf_order(similarity(motifs, method="cosine").to_numpy())
    place = {str(motifs.names[i]): k for k, i in enumerate(columns)}
    common = manifold.members["common"]
    places = common.map(place).fillna(len(columns)).to_numpy()
    trajectory = manifold.members["trajectory"].map({name: t for t, name in enumerate(manifold)}).to_numpy()
    rows = np.lexsort((-manifold.members["similarity"].fillna(0).to_numpy(), trajectory, places))
    return rows, columns, int((places < len(columns)).sum())


def _panels(
    manifold: ManifoldModel, table: pd.DataFrame, n_levels: int, figsize: tuple[float, float] | None, dpi: float | None
) -> list[Axes]:
    """Return the three axes of a new figure, placed in inches."""
    import matplotlib.pyplot as plt

    n_rows, n_columns = table.shape
    height = float(np.clip(_ROW * (n_rows + 1), _LEAST, _TALLEST))
    width = float(np.clip(_COLUMN * n_columns, _LEAST, _BROADEST))
    levels = _LEVEL * (n_levels + 0.8 * len(manifold)) + 0.1
    named = readable(height / (n_rows + 1) * POINTS)
    names = widest([str(name) for name in table.index.get_level_values("motif")], 7) if named else 0.0
    common, owners = widest(list(map(str, table.columns)), LABEL_SIZE), widest(manifold.names, LABEL_SIZE)
    strip = _STRIP * len(manifold)
    beyond = widest(manifold.names, LABEL_SIZE) + 0.15
    left = _MARGIN + _LABEL + names + 0.1
    whole = (
        left + width + _GAP + strip + _GAP + beyond + _LEVELS_WIDTH + _MARGIN,
        _ABOVE + max(height + max(common, owners), levels + 0.35) + _LABEL + _MARGIN,
    )
    figure = plt.figure(figsize=whole, dpi=dpi)
    places = [(left, width, height), (left + width + 0.12, strip, height)]
    places.append((left + width + 0.12 + strip + _GAP + beyond, _LEVELS_WIDTH, levels))
    drawn = [inches(figure, x, _ABOVE, w, h) for x, w, h in places]
    if figsize is not None:
        figure.set_size_inches(figsize)
    return drawn


def _draw_similarities(ax: Axes, table: pd.DataFrame, common: np.ndarray, places: np.ndarray, n_with: int) -> None:
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.patches import Rectangle

    names = [str(name) for name in table.index.get_level_values("motif")]
    colors = LinearSegmentedColormap.from_list("similarity", [paper(), _SIMILAR])
    values = np.full((int(places[-1]) + 1, table.shape[1]), np.nan)
    values[places] = table.to_numpy()
    image = ax.imshow(values, aspect="auto", cmap=colors, vmin=_CHANCE, vmax=1, interpolation="nearest")
    ax.set_ylim(len(values) - 0.5, -0.5)
    column = {str(name): k for k, name in enumerate(table.columns)}
    for y, name in zip(places[:n_with], common, strict=False):
        ax.add_patch(Rectangle((column[name] - 0.5, y - 0.5), 1, 1, fill=False, edgecolor=OPENING, linewidth=0.7))
    if n_with < len(names):
        middle = (n_with - 1 + float(places[n_with])) / 2
        text = ax.text(-0.4, middle, _WITHOUT, va="center", fontsize=_SMALL, color=NEUTRAL, style="italic")
        text.set_in_layout(False)
    write_names(ax, names, "y", 7.0, places.tolist())
    write_names(ax, list(map(str, table.columns)), "x", LABEL_SIZE)
    ax.set_ylabel("own motifs")
    ax.set_xlabel("common motifs")
    bare(ax)
    for spine in ax.spines.values():
        spine.set(visible=True, color=faint(), linewidth=0.6)
    color_bar(ax, image, "similarity of PSSMs", height=0.2, extend="min", nbins=3)


def _draw_trajectories(
    ax: Axes, manifold: ManifoldModel, rows: np.ndarray, places: np.ndarray, limits: tuple[float, float]
) -> None:
    """Draw whose motif each row is: a column for each trajectory."""
    from matplotlib.patches import Rectangle

    of = manifold.members["trajectory"].to_numpy()[rows]
    shades, position = looks(manifold.names), {name: t for t, name in enumerate(manifold)}
    ax.set_xlim(-0.5, len(manifold) - 0.5)
    ax.set_ylim(*limits)
    for y, name in zip(places, of, strict=True):
        ax.add_patch(Rectangle((position[name] - 0.5, y - 0.5), 1, 1, facecolor=shades[name].color, linewidth=0))
    for t in range(1, len(manifold)):
        ax.axvline(t - 0.5, color=faint(), linewidth=0.4, zorder=0)
    ax.set_yticks([])
    write_names(ax, manifold.names, "x", LABEL_SIZE)
    ax.set_xlabel("trajectory")
    bare(ax)


def _places(ax: Axes, n: int, n_with: int) -> np.ndarray:
    """Return where rows stand: below those with a common motif there is room for a line of small print."""
    points = ax.bbox.height / ax.figure.dpi * POINTS / (n + 1)
    gap = int(np.ceil(1.15 * _SMALL / points))
    return np.arange(n) + gap * (np.arange(n) >= n_with)


def draw_levels(ax: Axes, table: pd.DataFrame, names: Sequence[str]) -> None:
    """Draw R2 of held-out peaks with intervals by trajectory and level; the numbers of motifs stand beside them."""
    table = table.assign(order=table["level"].map(list(LEVELS).index)).sort_values("order", kind="stable")
    table, places = _stacked(table, names)
    r2, low, high = (table[name].to_numpy(dtype=np.float64) for name in ("r2_test", "r2_test_low", "r2_test_high"))
    end = np.fmax(r2, high)
    top = float(np.nanmax(end, initial=1e-3))
    for level, (color, marker) in LEVELS.items():
        of = (table["level"] == level).to_numpy()
        if of.any():
            shade = ink() if level == "final" else color
            ax.hlines(places[of], low[of], high[of], color=shade, linewidth=1)
            ax.scatter(r2[of], places[of], color=shade, marker=marker, s=16, linewidths=0, zorder=3, label=level,
                       clip_on=False)  # fmt: skip
    ax.set_ylim(places.max() + 0.8, -0.8)
    ax.set_xlim(0, 1.16 * top)
    size = min(6.5, 0.85 * row_points(ax, "y"))
    if size >= 4:
        for x, y, n in zip(end, places, table["motifs"], strict=True):
            if np.isfinite(x):
                ax.text(x + 0.015 * top, y, f"{n:.0f}", va="center", fontsize=size, color=NEUTRAL)
    of_names = [places[(table["trajectory"] == name).to_numpy()] for name in names]
    for rows in of_names[1:]:
        ax.axhline(rows.min() - 0.9, color=faint(), linewidth=0.6, zorder=0)
    write_names(ax, names, "y", LABEL_SIZE, [float(rows.mean()) for rows in of_names])
    ax.tick_params(axis="y", length=0)
    ax.locator_params(axis="x", nbins=5)
    ax.set_xlabel("$R^2$ of held-out peaks, 95 % interval, number of motifs", fontsize=7.5)
    ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(-0.02, 1), ncols=3, fontsize=7, handletextpad=0.1,
              borderpad=0, columnspacing=0.8, labelspacing=0.25)  # fmt: skip


def _stacked(table: pd.DataFrame, names: Sequence[str]) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the rows of each trajectory below each other, and where they stand: a gap parts trajectories."""
    rank = {name: t for t, name in enumerate(names)}
    table = table.assign(rank=table["trajectory"].map(rank)).sort_values("rank", kind="stable")
    return table, np.arange(len(table)) + 0.8 * table["rank"].to_numpy()
