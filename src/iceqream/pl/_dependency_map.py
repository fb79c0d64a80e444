"""How substitutions of a sequence depend on each other, as a map beside its sites."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream._core.sequence import LETTERS
from iceqream.pl._mutagenesis import draw_strongest, effect_colors, name_positions
from iceqream.pl._names import POINTS
from iceqream.pl._sequence_sites import ROW, draw_sites, packed_rows
from iceqream.pl._style import LETTER_COLORS, NEUTRAL, RC, faint, finish, house_style, ink, paper, set_title

if TYPE_CHECKING:
    from os import PathLike

    from matplotlib.axes import Axes

    from iceqream.inference.mutagenesis import DependencyMap

DEFAULT_PAIRS = 3
_MAP, _TRACK, _FRAME, _BETWEEN = 4.6, 0.8, 1.5, 1.0
"""Side of the map, height of the track above it, width and height of what is around them, inches."""
_CROWDED = 0.65
"""Share of the map's width from which names stand at the left of their square."""
_LETTERS_UP_TO = 60
"""Positions up to which the sequence is written out."""


def dependency_map(
    data: DependencyMap,
    *,
    n_pairs: int = DEFAULT_PAIRS,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw how much any two substitutions of a sequence do beyond the sum of what each does.

    Above: the strongest effects of single substitutions, and the sites of the model's motifs. The map: red where both
    together open more (or close less) than the sum says, blue where less, for the two letters that differ most from it;
    colours follow the square root, so that weak dependence shows beside that within a site. Squares mark the pairs of
    sites that depend on each other most.

    Parameters
    ----------
    data
        From `iceqream.tl.dependency_map`.
    n_pairs
        Pairs of sites that are marked.
    title
        Title of the figure; ``None`` names the sequence.
    figsize, dpi
        Size of the figure, inches, and its resolution; ``None`` takes what the panels need.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    Dictionary of axes by panel if `show` is false, else ``None``.

    Raises
    ------
    ValueError
        If `n_pairs` is negative.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> found = iq.tl.dependency_map(adata, 0, region=(240, 280))
    >>> sorted(iq.pl.dependency_map(found, show=False))
    ['effects', 'map', 'sites']
    """
    if n_pairs < 0:
        msg = f"n_pairs must not be negative, got {n_pairs}."
        raise ValueError(msg)
    first, last = int(data.positions[0]), int(data.positions[-1]) + 1
    origin = 0 if data.place is None else data.place[1]
    rows = packed_rows(data.sites, POINTS * _MAP / (last - first))
    heights = {"effects": _TRACK, "sites": ROW * (rows.max(initial=0) + 1), "map": _MAP}
    with house_style(save):
        import matplotlib.pyplot as plt

        size = (_MAP + _FRAME, sum(heights.values()) + _BETWEEN)
        figure = plt.figure(figsize=figsize or size, dpi=dpi)
        figure.set_layout_engine("constrained", h_pad=0.02, hspace=0.0)
        axes = figure.subplot_mosaic([[name] for name in heights], height_ratios=list(heights.values()))
        unit = "logit" if data.scale == "logit" else "dAP"
        draw_strongest(axes["effects"], data.effects, first + origin)
        axes["effects"].set_ylabel(f"strongest\neffects, {unit}")
        axes["effects"].tick_params(labelbottom=False)
        draw_sites(axes["sites"], data.sites, rows, (first, last), origin)
        image = _draw_map(axes["map"], data, (first + origin, last + origin))
        bar = figure.colorbar(image, ax=axes["map"], pad=0.015, fraction=0.035, aspect=26)
        bar.set_label(f"joint effect less the sum of both, {unit}", fontsize=RC["ytick.labelsize"])
        bar.ax.tick_params(labelsize=7)
        _mark_pairs(axes["map"], data, n_pairs, origin)
        name_positions(axes["map"], "" if data.place is None else data.place[0])
        axes["effects"].xaxis.set_major_locator(axes["map"].xaxis.get_major_locator())
        start, end = data.model.states
        set_title(figure, f"{data.name}, {start} to {end}" if title is None else title, data.model.doubt)
    return finish(figure, axes, given=False, show=show, save=save, dpi=dpi)


def _draw_map(ax: Axes, data: DependencyMap, span: tuple[int, int]) -> Any:
    from matplotlib.colors import FuncNorm

    top = float(np.abs(data.dependence).max()) or 1.0
    norm = FuncNorm((_root, _square), vmin=-top, vmax=top)
    image = ax.imshow(
        data.dependence, cmap=effect_colors(), norm=norm, aspect="auto", interpolation="nearest",
        extent=(span[0], span[1], span[1], span[0]),
    )  # fmt: skip
    if span[1] - span[0] <= _LETTERS_UP_TO:
        letters = [LETTERS[code] for code in data.codes[data.positions]]
        ax.set_yticks(np.arange(*span) + 0.5, letters, fontsize=6)
        for label, letter in zip(ax.get_yticklabels(), letters, strict=True):
            label.set_color(LETTER_COLORS.get(letter, NEUTRAL))
        ax.tick_params(axis="y", length=0, pad=2)
    else:
        ax.yaxis.set_major_formatter("{x:,.0f}")
    ax.plot(span, span, color=faint(), linewidth=0.6)
    return image


def _root(values: Any) -> Any:
    return np.sign(values) * np.sqrt(np.abs(values))


def _square(values: Any) -> Any:
    return np.sign(values) * np.square(values)


def _mark_pairs(ax: Axes, data: DependencyMap, n: int, origin: int) -> None:
    """Frame the pairs of sites that depend on each other most, above the diagonal, with their names."""
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import withStroke

    ends = dict(zip(zip(data.sites["motif"], data.sites["start"], strict=True), data.sites["end"], strict=True))
    columns = [data.pairs[name].tolist() for name in ("first", "second", "first_start", "second_start")]
    framed: list[tuple[int, int, int, int]] = []
    for first, second, top, left in zip(*columns, strict=True):
        box = (left, top, int(ends[second, left]), int(ends[first, top]))
        # sites that overlap give almost the same square
        if any(box[0] < o[2] and o[0] < box[2] and box[1] < o[3] and o[1] < box[3] for o in framed):
            continue
        if len(framed) == n:
            break
        framed.append(box)
        ax.add_patch(
            Rectangle((left + origin, top + origin), box[2] - left, box[3] - top, fill=False, edgecolor=ink(),
                      linewidth=0.8)
        )  # fmt: skip
        to_left = box[2] - data.positions[0] > _CROWDED * len(data.positions)
        ax.annotate(
            f"{first} : {second}", ((left if to_left else box[2]) + origin, top + origin), (-3 if to_left else 3, 0),
            textcoords="offset points", ha="right" if to_left else "left", va="top", fontsize=6.5,
            path_effects=[withStroke(linewidth=1.5, foreground=paper())],
        )  # fmt: skip
