"""Predicted effects of variants against measured ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream.pl._names import fitting, panel_points
from iceqream.pl._style import (
    CATEGORIES,
    DENSITY,
    density_order,
    faint,
    finish,
    given_axes,
    grid,
    house_style,
    ink,
    paper,
    set_title,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import pandas as pd
    from matplotlib.axes import Axes

    from iceqream.inference.variant_scores import VariantScores

_WIDTH, _HEIGHT = 2.75, 2.7
"""Of a panel, inches."""
_MOST_GROUPS = len(CATEGORIES)
_CROWD = 500
"""Variants from which their density is shown."""
_LINE = 0.15
"""Height of a group in the legends above the panels, inches."""
_SMALL_TEXT = 7
_VALUE = 95.0
"""Room for a value with its interval, points."""
_WRITTEN = {
    "effects": ("", ""), "agreement": ("spearman", "Spearman"), "roc": ("auroc", "AUROC"),
    "precision": ("auprc", "AUPRC"),
}  # fmt: skip
"""Statistic of each panel, and its name."""
_SMALL, _LARGE = 3.0, 14.0
"""Areas of points of many and of few variants, square points."""


def score_variants(
    data: VariantScores,
    *,
    labels: tuple[str, str] = ("predicted effect", "measured effect"),
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw how predicted effects of variants agree with measured ones: as many panels as there are measurements.

    With measured effects: predicted against measured (number and share of the variants of each quarter stand in its
    corner; those that are not significant are grey), and the share with the same direction among the variants with the
    largest predicted effects, with its 95 % band. With significant variants: receiver operating characteristic, and
    precision by recall. Grey lines are what chance gives. Above the panels stand Spearman's correlation, AUROC and
    AUPRC with 95 % intervals, of several groups in one order.

    Parameters
    ----------
    data
        From `iceqream.tl.score_variants`; eight groups at most.
    labels
        Names of the axes of predicted and measured effects.
    title
        Title of the figure.
    figsize, dpi
        Size of a new figure, inches, and its resolution; ``None`` takes what the panels need.
    axes
        Axes to draw into, one per panel.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    List of axes if `show` is false (or `axes` were given), else ``None``.

    Raises
    ------
    ValueError
        If there are more than eight groups, nothing to draw, or axes do not match the panels.

    Examples
    --------
    >>> import iceqream as iq, numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> effect = rng.normal(size=400)
    >>> table = pd.DataFrame({"effect": effect, "log2_ratio": effect + rng.normal(size=400)})
    >>> scores = iq.tl.score_variants(table, label="log2_ratio")
    >>> len(iq.pl.score_variants(scores, show=False))
    2
    """
    groups = [str(name) for name in data.table.index]
    if len(groups) > _MOST_GROUPS:
        msg = f"{len(groups)} groups are too many for one picture ({_MOST_GROUPS}): score fewer, or draw them in parts."
        raise ValueError(msg)
    colors = dict(zip(groups, (ink(), *CATEGORIES) if len(groups) == 1 else CATEGORIES, strict=False))
    panels = ["effects", "agreement"] if len(data.curve) else []
    panels += ["roc", "precision"] if data.table["auroc"].notna().any() else []
    if not panels:
        msg = "There is nothing to draw: no group has three measured effects, or variants of both kinds."
        raise ValueError(msg)
    given = given_axes(axes, len(panels))
    with house_style(save):
        height = _HEIGHT + (_LINE * len(groups) if len(groups) > 1 else 0)
        drawn = grid(len(panels), 4, _WIDTH, height, figsize=figsize, dpi=dpi)[1] if given is None else given
        room = panel_points(drawn[0], min(len(panels), 4) if given is None else None)
        for ax, panel in zip(drawn, panels, strict=True):
            if panel == "effects":
                _draw_effects(ax, data.variants, colors, labels)
            elif panel == "agreement":
                _draw_agreement(ax, data, colors)
            else:
                _draw_told_apart(ax, data, colors, panel)
            _write_above(ax, data.table, colors, panel, room if panel == panels[0] else None)
        set_title(drawn[0].figure, title)
    return finish(drawn[0].figure, drawn, given=given is not None, show=show, save=save, dpi=dpi)


def _draw_effects(ax: Axes, variants: pd.DataFrame, colors: dict[str, str], labels: tuple[str, str]) -> None:
    variants = variants[variants["measured"].notna()]
    x, y = (variants[name].to_numpy(dtype=np.float64) for name in ("effect", "measured"))
    known = variants["significant"].to_numpy(dtype=bool) if "significant" in variants else np.ones(len(x), dtype=bool)
    ax.axhline(0, color=faint(), linewidth=0.8, zorder=0)
    ax.axvline(0, color=faint(), linewidth=0.8, zorder=0)
    size = float(np.clip(4000 / max(len(x), 1), _SMALL, _LARGE))
    options: dict[str, Any] = {"s": size, "linewidths": 0, "rasterized": True}
    if not known.all():
        ax.scatter(x[~known], y[~known], color=faint(), zorder=1, **options)
    x, y, group = x[known], y[known], variants["group"].to_numpy()[known]
    if len(colors) == 1 and len(x) >= _CROWD:
        order, density = density_order(x, y)
        ax.scatter(x[order], y[order], c=density[order], cmap=DENSITY, zorder=2, **options)
    else:
        for name, color in colors.items():
            ax.scatter(x[group == name], y[group == name], color=color, alpha=0.6, zorder=2, **options)
    n_sided = int(((x != 0) & (y != 0)).sum())
    for right, up in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        n = int(((np.sign(x) == right) & (np.sign(y) == up)).sum())
        ax.text(
            0.98 if right > 0 else 0.02, 0.98 if up > 0 else 0.03, f"{n:,} ({n / max(n_sided, 1):.0%})",
            transform=ax.transAxes, fontsize=_SMALL_TEXT, color=ink(), zorder=3,
            ha="right" if right > 0 else "left", va="top" if up > 0 else "bottom",
            bbox={"facecolor": paper(), "alpha": 0.7, "linewidth": 0, "pad": 1},
        )  # fmt: skip
    ax.margins(0.12)
    ax.set_xlabel(labels[0])
    ax.set_ylabel(labels[1])


def _draw_agreement(ax: Axes, data: VariantScores, colors: dict[str, str]) -> None:
    ax.axhline(0.5, color=faint(), linewidth=1, zorder=0)
    for name, color in colors.items():
        part = data.curve[data.curve["group"] == name]
        x = 100 * part["share"].to_numpy(dtype=np.float64)
        low, high, middle = (part[column].to_numpy(dtype=np.float64) for column in ("low", "high", "agreement"))
        ax.fill_between(x, low, high, color=color, alpha=0.18, linewidth=0)
        ax.plot(x, middle, color=color, marker="o", markersize=3, linewidth=1.3, label=name)
    lowest = float(np.nanmin(np.append(data.curve["low"].to_numpy(dtype=np.float64), 0.48)))
    ax.set_ylim(max(lowest - 0.03, 0), 1.02)
    ax.set_xlim(0, 102)
    ax.set_xlabel("variants with the largest\npredicted effects, %")
    ax.set_ylabel("same direction")


def _draw_told_apart(ax: Axes, data: VariantScores, colors: dict[str, str], panel: str) -> None:
    for name, color in colors.items():
        part, row = data.variants[data.variants["group"] == name], data.table.loc[name]
        positive = part["significant"].to_numpy(dtype=bool)
        if not np.isfinite(row["auroc"]):
            continue
        size = np.abs(part["effect"].to_numpy(dtype=np.float64))
        order = np.argsort(-size, kind="stable")
        last = np.flatnonzero(np.diff(size[order], append=-1.0) != 0)
        hits, n = np.cumsum(positive[order])[last], last + 1
        of_all = hits / positive.sum()
        if panel == "roc":
            ax.plot([0, 1], [0, 1], color=faint(), linewidth=1, zorder=0)
            ax.plot(np.append(0, (n - hits) / (~positive).sum()), np.append(0, of_all), color=color, linewidth=1.4)
        else:
            ax.axhline(float(positive.mean()), color=faint(), linewidth=1, zorder=0)
            # steps back to the variant found before: the area below is the AUPRC
            found = np.flatnonzero(np.diff(hits, prepend=0))
            x, y = np.append(0, of_all[found]), (hits / n)[np.append(found[0], found)]
            ax.plot(x, y, color=color, linewidth=1.4, drawstyle="steps-pre")
    roc = panel == "roc"
    ax.set_xlabel("others found" if roc else "significant variants found")
    ax.set_ylabel("significant variants found" if roc else "precision")
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(-0.02, 1.04)


def _write_above(ax: Axes, table: pd.DataFrame, colors: dict[str, str], panel: str, room: float | None) -> None:
    """Write the statistic of a panel above it, a line per group; with `room` (points) the names of the groups."""
    from matplotlib.lines import Line2D

    column, name = _WRITTEN[panel]
    values = [_value(row, column) for _, row in table.iterrows()] if column else [""] * len(table)
    if len(colors) == 1:
        grey = "grey: not significant" if panel == "effects" and np.isfinite(table["n_significant"].iloc[0]) else ""
        ax.set_title(f"{name} {values[0]}" if column else grey, fontsize=8)
        return
    names = [""] * len(table)
    if room is not None:
        names = fitting(list(colors), max(room - (_VALUE if column else 0.0), 40.0), _SMALL_TEXT)
    if panel == "effects":
        name = "" if np.isnan(table["n_significant"]).all() else "significant (grey: others)"
    said = [" ".join(filter(None, pair)) for pair in zip(names, values, strict=True)]
    handles = [Line2D([], [], color=color, linewidth=2) for color in colors.values()]
    ax.legend(
        handles, said, title=name, title_fontsize=8, alignment="left", frameon=False, loc="lower left",
        bbox_to_anchor=(0, 1), fontsize=_SMALL_TEXT, handlelength=1.0, labelspacing=0.25, borderpad=0.1,
        borderaxespad=0.2,
    )  # fmt: skip


def _value(row: pd.Series, column: str) -> str:
    if not np.isfinite(row[column]):
        return "not known"
    low, high = row[f"{column}_low"], row[f"{column}_high"]
    return f"{row[column]:.2f}" + (f" ({low:.2f} to {high:.2f})" if np.isfinite(low) else "")
