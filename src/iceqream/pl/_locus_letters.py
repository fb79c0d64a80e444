"""The sequence of a locus: letters as large as the sites that cover them, a row per motif, conservation."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream._core.messages import examples
from iceqream.motifs.similarity import DEFAULT_TRIM_BITS
from iceqream.pl._letters import draw_logo, unit_letter
from iceqream.pl._locus_tracks import OpenBigwig, read_signal
from iceqream.pl._names import POINTS, fitting, text_points
from iceqream.pl._style import CLOSING, NEUTRAL, OPENING, direction_color, faint, ink, paper

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

    from iceqream.models import TrajectoryModel

logger = logging.getLogger(__name__)

_FLOOR = 0.05
_GUIDES = 8
_GUIDE_GAP, _GUIDE_MARGIN = 8, 20
"""Least distance of two guides, and of a guide and the end, bp."""
_GUIDE_TOP = 0.6
_TALLEST = 0.94
_UNTOUCHED = 0.265
"""Share of ink in letters that no site covers."""
_NAME_SIZE, _MARK_SIZE = 8, 7.5
_CONSERVED, _NOT_CONSERVED = "#4C9F50", "#E08A2E"


@dataclass(frozen=True, eq=False)
class Letters:
    """Where the letters of one locus go, common to all rows."""

    base: np.ndarray
    left: np.ndarray
    """Left edge of each letter, 0 to 1."""
    width: np.ndarray
    size: np.ndarray
    """Height relative to the largest letter."""

    @classmethod
    def of(cls, table: pd.DataFrame) -> Letters:
        """Lay letters out by their weight in `iceqream.get.local_contributions_df`."""
        one = table[table["motif"] == table["motif"].iloc[0]]
        root = np.sqrt(one["weight"].to_numpy() + _FLOOR)
        width = root / root.sum()
        return cls(one["base"].to_numpy(), np.concatenate([[0.0], np.cumsum(width)[:-1]]), width, root / root.max())


def response_colors() -> Colormap:
    """Return blue for closing, a light ink for nothing, red for opening."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("response", [CLOSING, faint(_UNTOUCHED), OPENING], N=255)


def read_conservation(given: Any, place: tuple[str, int, int] | None, width: int) -> np.ndarray | None:
    """Return one value per base from an array, a table of intervals or a bigWig file.

    Raises
    ------
    ValueError
        If an array has another length than the sequence, a table lacks a column, or a value is infinite.
    """
    values = _conservation_values(given, place, width)
    if values is not None and np.isinf(values).any():
        msg = "conservation has infinite values; clip them."
        raise ValueError(msg)
    return values


def _conservation_values(given: Any, place: tuple[str, int, int] | None, width: int) -> np.ndarray | None:
    if given is None:
        return None
    if isinstance(given, np.ndarray | list | tuple):
        values = np.asarray(given, dtype=np.float64)
        if values.shape != (width,):
            msg = f"conservation needs one value per base of the sequence ({width}), got shape {values.shape}."
            raise ValueError(msg)
        return values
    if isinstance(given, pd.DataFrame):
        missing = [name for name in ("chrom", "start", "end", "score") if name not in given]
        if missing:
            msg = f"A table of conservation has the columns chrom, start, end and score; {missing[0]!r} is missing."
            raise ValueError(msg)
        values = np.zeros(width)
        if place is not None:
            chrom, start, end = place
            known = given["chrom"].astype(str).unique()
            if chrom not in known:
                logger.warning("The conservation has no chromosome %s, but %s", chrom, examples(known))
            near = given[(given["chrom"].astype(str) == chrom) & (given["end"] > start) & (given["start"] < end)]
            for low, high, score in zip(near["start"], near["end"], near["score"], strict=True):
                values[max(int(low) - start, 0) : int(high) - start] = float(score)
        return values
    if place is None:
        return None
    with OpenBigwig(given) as file:
        return read_signal(file, *place, place[2] - place[1])


def draw_guides(ax: Axes, letters: Letters, *, ruler: tuple[np.ndarray, list[str]] | None) -> None:
    """Draw lines from the element, in base pairs, to the letters, where their size changes most.

    `ruler`, positions (0-1) and their labels, stands above the lines where the element has no axis of its own.
    """
    from matplotlib.collections import LineCollection

    n = len(letters.left)
    change = np.abs(np.diff(np.log(letters.size), prepend=np.log(letters.size[0])))
    steps: list[int] = []
    for i in np.argsort(-change, kind="stable"):
        if len(steps) == _GUIDES:
            break
        # few windows reach the ends of the sequence: the steps there mean nothing
        if _GUIDE_MARGIN <= i <= n - _GUIDE_MARGIN and all(abs(int(i) - j) >= _GUIDE_GAP for j in steps):
            steps.append(int(i))
    edges = np.append(letters.left, 1.0)
    lines = [[(i / n, _GUIDE_TOP), (edges[i], 0.0)] for i in [0, *sorted(steps), n]]
    ax.add_collection(LineCollection(lines, colors=faint(), linewidths=0.8))
    if ruler is not None:
        ax.plot([0, 1], [1, 1], color=ink(), linewidth=0.8, clip_on=False)
        for x, label in zip(*ruler, strict=True):
            ax.plot([x, x], [1, 0.94], color=ink(), linewidth=0.8)
            ax.text(x, 0.9, label, ha="center", va="top", fontsize=7)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    ax.axis("off")


def draw_rows(
    ax: Axes,
    side: Axes,
    scale: Axes,
    rows: list[str],
    table: pd.DataFrame,
    letters: Letters,
    fitted: TrajectoryModel,
    note: str = "",
) -> None:
    """Write the sequence once per motif, all letters of all rows as one collection; the note stands above."""
    from matplotlib.collections import PathCollection
    from matplotlib.colors import Normalize
    from matplotlib.path import Path

    ax.set_xlim(0, 1)
    ax.set_ylim(len(rows) or 1, 0)
    for one in (ax, side, scale):
        one.axis("off")
    if note:
        ax.text(1, 1.01, note, transform=ax.transAxes, ha="right", va="bottom", fontsize=7.5, color=NEUTRAL,
                bbox={"facecolor": paper(), "edgecolor": "none", "pad": 1.0})  # fmt: skip
    if not rows:
        return
    by_motif = {str(name): part for name, part in table.groupby("motif", sort=False)}
    largest = max(float(by_motif[name]["site_response"].abs().max()) for name in rows) or 1.0
    colors, normalize = response_colors(), Normalize(-1, 1)
    paths, fill = [], []
    for k, name in enumerate(rows):
        response = by_motif[name]["site_response"].to_numpy() / largest
        for base, left, width, size, value in zip(
            letters.base, letters.left, letters.width, letters.size, response, strict=True
        ):
            outline = unit_letter(str(base))
            corner = np.array([left + 0.03 * width, k + 0.97])
            paths.append(Path(outline.vertices * np.array([0.94 * width, -_TALLEST * size]) + corner, outline.codes))
            fill.append(colors(normalize(_shade(value))))
    ax.add_collection(PathCollection(paths, facecolors=fill, linewidths=0))
    motifs = fitted.pbms.motifs.trim(DEFAULT_TRIM_BITS)
    side.set_xlim(0, 1)
    side.set_ylim(len(rows), 0)
    figure = side.figure
    labels = fitting(rows, side.bbox.width / figure.dpi * POINTS, _NAME_SIZE)
    for k, (name, label) in enumerate(zip(rows, labels, strict=True)):
        responses = by_motif[name]["site_response"]
        strongest = responses.iloc[int(responses.abs().to_numpy().argmax())]
        inner = side.inset_axes((0.02, 1 - (k + 0.95) / len(rows), 0.94, 0.58 / len(rows)))
        draw_logo(inner, motifs.matrix(str(name)))
        inner.axis("off")
        color = direction_color(float(strongest))
        side.text(0.5, k + 0.22, label, ha="center", va="center", fontsize=_NAME_SIZE, color=color)
    _draw_scale(scale)


def _shade(relative: Any) -> Any:
    """Return the position in the colours of a response relative to the largest: weak ones are to be told apart too."""
    return np.sign(relative) * np.sqrt(np.abs(relative))


def _draw_scale(ax: Axes) -> None:
    """Draw what the colours of the letters say."""
    shades = _shade(np.linspace(-1, 1, 101))[None]
    ax.imshow(shades, extent=(0.3, 0.7, 0.24, 0.42), aspect="auto", cmap=response_colors(), vmin=-1, vmax=1)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    ax.text(0.26, 0.33, "closes", ha="right", va="center", fontsize=7, color=CLOSING)
    ax.text(0.74, 0.33, "opens", ha="left", va="center", fontsize=7, color=OPENING)


def draw_conservation(ax: Axes, scores: np.ndarray, letters: Letters) -> None:
    """Draw one bar per base, as wide as its letter."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    values = np.nan_to_num(scores)
    bars = [
        Rectangle((left, 0), width, value)
        for left, width, value in zip(letters.left, letters.width, values, strict=True)
    ]
    colors = np.where(values >= 0, _CONSERVED, _NOT_CONSERVED)
    ax.add_collection(PatchCollection(bars, facecolors=list(colors), linewidths=0))
    ax.axhline(0, color=ink(), linewidth=0.6)
    ax.set_xlim(0, 1)
    if not values.any():
        ax.text(0.5, 0.5, "no score here", transform=ax.transAxes, ha="center", va="center", fontsize=7, color=NEUTRAL)
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 1e-9)
    ax.set_ylim(low * 1.05, high * 1.05)
    ax.set_xticks([])
    ax.set_yticks([value for value in (low, high) if abs(value) > 1e-9])
    ax.yaxis.set_major_formatter("{x:.2g}")
    ax.tick_params(axis="y", labelsize=6.5, length=2, pad=1)
    ax.spines["bottom"].set_visible(False)
    ax.text(-0.035, 0.5, "conservation", transform=ax.transAxes, ha="right", va="center", fontsize=8)


def marks_inside(mark: Any, place: tuple[str, int, int] | None) -> dict[str, int]:
    """Return the marks of a locus by name, as positions among its letters; warn of those that lie outside."""
    if mark is None or place is None:
        return {}
    items = mark.items() if hasattr(mark, "items") else [(f"{int(at):,}", at) for at in np.atleast_1d(mark)]
    inside = {}
    for name, position in items:
        at = int(position) - place[1]
        if 0 <= at < place[2] - place[1]:
            inside[str(name)] = at
        else:
            logger.warning("mark %s at %d lies outside %s:%d-%d", name, position, *place)
    return inside


def place_marks(marks: dict[str, int], letters: Letters, points: float) -> list[tuple[str, float, float, int]]:
    """Return name, place of the line, centre of the name and its row of each mark: no two names touch.

    Places are 0-1 along the letters, which are `points` wide.
    """
    lines = {name: letters.left[at] + letters.width[at] / 2 for name, at in marks.items()}
    free: list[float] = []
    placed = []
    for name, x in sorted(lines.items(), key=lambda item: item[1]):
        half = (text_points(name, _MARK_SIZE) / 2 + 2) / points
        centre = min(max(x, half), 1 - half)
        row = next((r for r, edge in enumerate(free) if edge <= centre - half), len(free))
        free[row : row + 1] = [centre + half]
        placed.append((name, x, centre, row))
    return placed


def draw_marks(panels: dict[str, Axes], placed: list[tuple[str, float, float, int]]) -> None:
    """Draw a line through the rows at each mark, down to its name."""
    if not placed:
        return
    ax = panels["marks"]
    rows = 1 + max(row for *_, row in placed)
    ax.set_xlim(0, 1)
    ax.set_ylim(rows, 0)
    ax.axis("off")
    style: dict[str, Any] = {"color": ink(), "linewidth": 0.8, "linestyle": (0, (3, 2))}
    for name, x, centre, row in placed:
        for panel in ("motifs", "conservation"):
            if panel in panels:
                panels[panel].axvline(x, zorder=4, **style)
        ax.plot([x, x], [-0.2, row + 0.5], clip_on=False, zorder=1, **style)
        ax.text(centre, row + 0.5, name, ha="center", va="center", fontsize=_MARK_SIZE, zorder=2,
                bbox={"facecolor": paper(), "edgecolor": "none", "pad": 0.6})  # fmt: skip
