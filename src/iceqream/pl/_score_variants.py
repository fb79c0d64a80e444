"""Predicted effects of variants against measured ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream.pl._style import (
    CATEGORIES,
    DENSITY,
    NEUTRAL,
    density_order,
    faint,
    finish,
    given_axes,
    grid,
    house_style,
    ink,
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

    With measured effects: predicted against measured (the number of variants in each quarter stands in its corner),
    and the share with the same direction among the variants with the largest predicted effects, with its 95 % band.
    With significant variants: receiver operating characteristic, and precision by recall. Grey: what chance gives.

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
        If there are more than eight groups, or axes do not match the panels.

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
    panels = [*(["effects", "agreement"] if "measured" in data.variants else [])]
    told_apart = data.table["auroc"].notna().any()
    panels += ["roc", "precision"] if told_apart else []
    given = given_axes(axes, len(panels))
    with house_style(save):
        drawn = grid(len(panels), 4, _WIDTH, _HEIGHT, figsize=figsize, dpi=dpi)[1] if given is None else given
        for ax, panel in zip(drawn, panels, strict=True):
            if panel == "effects":
                _draw_effects(ax, data.variants, colors, labels)
            elif panel == "agreement":
                _draw_agreement(ax, data, colors)
            else:
                _draw_told_apart(ax, data, colors, panel)
        set_title(drawn[0].figure, title)
    return finish(drawn[0].figure, drawn, given=given is not None, show=show, save=save, dpi=dpi)


def _draw_effects(ax: Axes, variants: pd.DataFrame, colors: dict[str, str], labels: tuple[str, str]) -> None:
    x, y = (variants[name].to_numpy(dtype=np.float64) for name in ("effect", "measured"))
    known = variants["significant"].to_numpy(dtype=bool) if "significant" in variants else np.ones(len(x), dtype=bool)
    ax.axhline(0, color=faint(), linewidth=0.8, zorder=0)
    ax.axvline(0, color=faint(), linewidth=0.8, zorder=0)
    size = float(np.clip(4000 / max(len(x), 1), _SMALL, _LARGE))
    options: dict[str, Any] = {"s": size, "linewidths": 0, "rasterized": True}
    if not known.all():
        ax.scatter(x[~known], y[~known], color=faint(), zorder=1, label="not significant", **options)
    x, y, group = x[known], y[known], variants["group"].to_numpy()[known]
    if len(colors) == 1 and len(x) >= _CROWD:
        order, density = density_order(x, y)
        ax.scatter(x[order], y[order], c=density[order], cmap=DENSITY, zorder=2, **options)
    else:
        for name, color in colors.items():
            ax.scatter(x[group == name], y[group == name], color=color, alpha=0.6, zorder=2, **options)
    for right, up in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        n = int(((np.sign(x) == right) & (np.sign(y) == up)).sum())
        ax.text(
            0.98 if right > 0 else 0.02, 0.98 if up > 0 else 0.02, f"{n:,}", transform=ax.transAxes, fontsize=7,
            ha="right" if right > 0 else "left", va="top" if up > 0 else "bottom", color=NEUTRAL,
        )  # fmt: skip
    ax.margins(0.08)
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
    row = data.table.iloc[0]
    if len(colors) == 1:
        said = f"Spearman {row['spearman']:.2f} ({row['spearman_low']:.2f} to {row['spearman_high']:.2f})"
        ax.set_title(said, fontsize=8)
    else:
        ax.legend(frameon=False, handlelength=1.2, loc="best")
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
            said = f"{row['auroc']:.3f} ({row['auroc_low']:.2f} to {row['auroc_high']:.2f})"
            x, y = np.append(0, (n - hits) / (~positive).sum()), np.append(0, of_all)
            ax.plot([0, 1], [0, 1], color=faint(), linewidth=1, zorder=0)
        else:
            said = f"{row['auprc']:.3f} ({row['auprc_low']:.2f} to {row['auprc_high']:.2f})"
            x, y = of_all, hits / n
            ax.axhline(float(positive.mean()), color=faint(), linewidth=1, zorder=0)
        prefix = "" if len(colors) == 1 else f"{name}: "
        ax.plot(
            x,
            y,
            color=color,
            linewidth=1.4,
            label=prefix + said,
            drawstyle="default" if panel == "roc" else "steps-post",
        )
    roc = panel == "roc"
    ax.set_title("AUROC" if roc else "AUPRC", fontsize=8)
    ax.set_xlabel("others found" if roc else "significant variants found")
    ax.set_ylabel("significant variants found" if roc else "precision")
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(-0.02, 1.04)
    ax.legend(frameon=False, loc="lower right" if roc else "best", handlelength=1.0, fontsize=7)
