"""The interactions of a model: as a matrix, or as a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from iceqream import _keys
from iceqream._stored_models import trajectory_model
from iceqream.get import interactions_df, motifs_df
from iceqream.pl._names import POINTS, fitting
from iceqream.pl._style import (
    LABEL_SIZE,
    NEUTRAL,
    direction_color,
    faint,
    finish,
    house_style,
    ink,
    one_axes,
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

DEFAULT_EDGES = 30
_CELL = 0.22
"""Of the matrix, inches."""
_LEAST_WIDTH = 1.3
"""All columns of the matrix together, inches: few are wider, so that the names beside them do not fill the figure."""
_LEGEND_CELLS = 5
"""Width of the legend: in a narrower figure it would reach out of the axes."""
_NAME_POINTS = 100.0
_RING = 1.0
_REACH = 1.75
_NODES = (30.0, 240.0)


def interaction_network(
    data: AnnData | MuData,
    *,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    n_edges: int = DEFAULT_EDGES,
    layout: Literal["matrix", "circle"] = "matrix",
    mod: str = _keys.ATAC,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Plot the interactions of a model (fig. 3G), as large as their effect, red where the two open more together.

    As a matrix: a column for each hub, the term with most pairs first, a row for each of their partners. As a circle:
    terms stand so that few edges cross; the size of a node is its effect. Motifs are red where they open, blue where
    they close, and features are grey. An effect is the standard deviation of what a pair adds over the modelled peaks,
    logit units (models of older layouts: the coefficient).

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model that has interactions.
    key, trajectory, mod
        As in `iceqream.get.model`.
    n_edges
        Interactions to draw, the strongest ones.
    layout
        ``"matrix"`` or ``"circle"``.
    title
        Title; ``None`` says how many interactions are drawn.
    figsize, dpi
        Size of a new figure, inches, and its resolution; ``None`` takes what the names need.
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
        If there is no model under the key.
    ValueError
        If the model has no interaction, or the layout is unknown.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1500, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.pl.interaction_network(adata, show=False).get_aspect()
    1.0
    """
    if layout not in {"matrix", "circle"}:
        msg = f"layout must be 'matrix' or 'circle', got {layout!r}."
        raise ValueError(msg)
    fitted = trajectory_model(data, key, trajectory, mod)
    every = interactions_df(fitted)
    pairs = every.head(n_edges)
    if len(pairs) == 0:
        msg = "The model has no interactions: run iq.tl.add_interactions, or fit with interactions=True."
        raise ValueError(msg)
    # unknown in models of older layouts
    strength = pairs["effect"].fillna(pairs["coefficient"])
    effects = motifs_df(fitted)["effect"].fillna(0.0)
    draw = _Matrix if layout == "matrix" else _Circle
    with house_style(save):
        drawing = draw(pairs, strength, effects)
        drawn = one_axes(*drawing.size, figsize=figsize, dpi=dpi) if ax is None else ax
        drawing.draw(drawn)
        drawn.set_aspect("equal")
        if title is None:
            title = f"{len(pairs)} strongest of {len(every)} interactions" if len(pairs) < len(every) else (
                f"{len(pairs)} interactions")  # fmt: skip
        drawn.set_title(title)
        set_title(drawn.figure, None, fitted.doubt if ax is None else "")
    return finish(drawn.figure, drawn, given=ax is not None, show=show, save=save, dpi=dpi)


class _Matrix:
    """Hubs x partners."""

    def __init__(self, pairs: pd.DataFrame, strength: pd.Series, effects: pd.Series) -> None:
        self.strength, self.effects = strength.to_numpy(), effects
        self.hubs, self.partners, self.cells = hubs_and_partners(pairs["first"], pairs["second"], self.strength)
        self.cell = cell = max(_CELL, _LEAST_WIDTH / len(self.hubs))
        self.size = (1.9 + cell * max(len(self.hubs), _LEGEND_CELLS), 2.7 + cell * len(self.partners))

    def draw(self, ax: Axes) -> None:
        from matplotlib.collections import PatchCollection
        from matplotlib.patches import Rectangle

        largest = float(np.abs(self.strength).max())
        side = 0.92 * np.sqrt(np.abs(self.strength) / largest)
        boxes = [
            Rectangle((column - 0.5 * wide, row - 0.5 * wide), wide, wide)
            for (column, row), wide in zip(self.cells, side, strict=True)
        ]
        n_rows, n_columns = len(self.partners), len(self.hubs)
        ax.hlines(np.arange(n_rows), -0.5, n_columns - 0.5, color=faint(0.1), linewidth=0.6, zorder=0)
        ax.vlines(np.arange(n_columns), -0.5, n_rows - 0.5, color=faint(0.1), linewidth=0.6, zorder=0)
        ax.add_collection(PatchCollection(boxes, facecolors=[direction_color(v) for v in self.strength], linewidths=0))
        ax.set_xlim(-0.5, n_columns - 0.5)
        ax.set_ylim(n_rows - 0.5, -0.5)
        names = fitting([*self.hubs, *self.partners], _NAME_POINTS, LABEL_SIZE)
        ax.set_xticks(range(n_columns), names[:n_columns], rotation=90)
        ax.set_yticks(range(n_rows), names[n_columns:])
        for labels, terms in ((ax.get_xticklabels(), self.hubs), (ax.get_yticklabels(), self.partners)):
            for label, term in zip(labels, terms, strict=True):
                label.set_color(_color(term, self.effects))
        ax.tick_params(length=0)
        for spine in ("left", "bottom"):
            ax.spines[spine].set_visible(False)
        _legend(ax, largest, [("s", 0.92 * np.sqrt(share) * self.cell * POINTS) for share in (1.0, 0.25)])


class _Circle:
    """Terms on a circle."""

    size = (5.6, 5.6)

    def __init__(self, pairs: pd.DataFrame, strength: pd.Series, effects: pd.Series) -> None:
        self.pairs, self.strength, self.effects = pairs, strength.to_numpy(), effects
        self.terms = around_circle(pairs["first"], pairs["second"])

    def draw(self, ax: Axes) -> None:
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path

        angle = np.pi / 2 - 2 * np.pi * (np.arange(len(self.terms)) + 0.5) / len(self.terms)
        place = {term: np.array([np.cos(a), np.sin(a)]) for term, a in zip(self.terms, angle, strict=True)}
        largest = float(np.abs(self.strength).max())
        for first, second, value in zip(self.pairs["first"], self.pairs["second"], self.strength, strict=True):
            a, b = place[first], place[second]
            share = abs(float(value)) / largest
            path = Path([a, 0.25 * (a + b), b], [Path.MOVETO, Path.CURVE3, Path.CURVE3])
            ax.add_patch(PathPatch(path, facecolor="none", edgecolor=direction_color(float(value)),
                                   linewidth=0.8 + 3.7 * share, alpha=0.55 + 0.35 * share))  # fmt: skip
        strongest = max(float(self.effects.abs().max()), 1e-9)
        names = fitting(self.terms, _NAME_POINTS, LABEL_SIZE)
        for term, name, a in zip(self.terms, names, angle, strict=True):
            color = _color(term, self.effects)
            size = _NODES[0] + _NODES[1] * abs(float(self.effects.get(term, 0.0))) / strongest
            ax.scatter(
                [place[term][0]], [place[term][1]], s=size, color=color, zorder=3, edgecolors=paper(), linewidths=1
            )
            left = np.cos(a) < 0
            ax.text(1.1 * np.cos(a), 1.1 * np.sin(a), name, ha="right" if left else "left", va="center",
                    rotation=np.degrees(a) + (180 if left else 0), rotation_mode="anchor", color=color,
                    fontsize=LABEL_SIZE)  # fmt: skip
        ax.set_xlim(-_REACH, _REACH)
        ax.set_ylim(-_REACH, _REACH)
        ax.axis("off")
        _legend(ax, largest, [("_", 0.8 + 3.7 * share) for share in (1.0, 0.25)])


def hubs_and_partners(
    first: Sequence[str] | pd.Series, second: Sequence[str] | pd.Series, strength: np.ndarray
) -> tuple[list[str], list[str], list[tuple[int, int]]]:
    """Return few terms that have a part in every pair, their partners, and column and row of each pair."""
    edges = [(str(a), str(b)) for a, b in zip(first, second, strict=True)]
    size = dict(zip(edges, np.abs(strength), strict=True))
    left, hubs, of = list(edges), [], {}
    while left:
        pairs_of = {term: [edge for edge in left if term in edge] for edge in left for term in edge}
        hub = max(pairs_of, key=lambda term: (len(pairs_of[term]), sum(size[edge] for edge in pairs_of[term])))
        hubs.append(hub)
        of.update(dict.fromkeys(pairs_of[hub], hub))
        left = [edge for edge in left if hub not in edge]
    partner = {edge: edge[1] if edge[0] == of[edge] else edge[0] for edge in edges}
    column = {hub: i for i, hub in enumerate(hubs)}
    columns = {name: sorted(column[of[edge]] for edge in edges if partner[edge] == name) for name in partner.values()}
    partners = sorted(columns, key=lambda name: (columns[name], name))
    row = {name: i for i, name in enumerate(partners)}
    return hubs, partners, [(column[of[edge]], row[partner[edge]]) for edge in edges]


def around_circle(first: Sequence[str] | pd.Series, second: Sequence[str] | pd.Series) -> list[str]:
    """Return the terms in an order in which partners are near each other, so that few edges cross."""
    partners: dict[str, list[str]] = {}
    for a, b in zip(map(str, first), map(str, second), strict=True):
        partners.setdefault(a, []).append(b)
        partners.setdefault(b, []).append(a)
    order: list[str] = []
    # each hub amid its partners, then the partners' own
    for hub in sorted(partners, key=lambda term: (-len(partners[term]), term)):
        around = [term for term in partners[hub] if term not in order]
        if hub in order:
            at = order.index(hub)
            order[at + 1 : at + 1] = around
        else:
            half = len(around) // 2
            order += [*around[:half], hub, *around[half:]]
    return order


def _color(term: str, effects: pd.Series) -> str:
    return direction_color(float(effects[term])) if term in effects.index else NEUTRAL


def _legend(ax: Axes, largest: float, marks: list[tuple[str, float]]) -> None:
    """Say what sizes and colours are, below the axes."""
    from matplotlib.lines import Line2D

    handles, labels = [], []
    for (marker, size), share in zip(marks, (1.0, 0.25), strict=True):
        line = marker == "_"
        handles.append(Line2D([], [], color=NEUTRAL, linestyle="-" if line else "", linewidth=size if line else 0,
                              marker="" if line else marker, markersize=size))  # fmt: skip
        labels.append(f"{share * largest:.2g}")
    for value, said in ((1.0, "more open together"), (-1.0, "less open together")):
        handles.append(Line2D([], [], color=direction_color(value), marker="s", linestyle="", markersize=6))
        labels.append(said)
    ax.figure.legend(handles, labels, frameon=False, loc="outside lower center", ncols=2, title="effect (SD, logit)",
                     handlelength=1.6, labelcolor=ink())  # fmt: skip
