"""What the pictures of a manifold share: styles of trajectories, legends in inches, logos in rows, doubts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from iceqream.pl._letters import letter_paths
from iceqream.pl._names import POINTS, fitting, text_points
from iceqream.pl._style import CATEGORIES, CLOSING, OPENING, paper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from iceqream.models import ManifoldModel
    from iceqream.motifs import MotifSet

NAME_POINTS = 132.0
"""Room of a name, points."""
_SMALLEST = 4.5
"""Of letters that can be read, points."""
_FILLED = 0.8
"""Size of letters, of the row that they stand in."""
_POSITIONS = 16
"""Letters that a row's logo has room for; longer ones are squeezed."""
ROW_TRIM_BITS = 0.25
"""Edges of a logo below this many bits cannot be seen in a row."""
_LINES: tuple[Any, ...] = ("-", (0, (4, 1.2)), (0, (1.2, 1.2)))


class Look(NamedTuple):
    """How a trajectory is drawn."""

    color: str
    line: Any
    marker: str


def looks(names: Sequence[str]) -> dict[str, Look]:
    """Return colour, line and marker of each trajectory; where colours end, the others differ."""
    n = len(CATEGORIES)
    return {
        name: Look(CATEGORIES[i % n], _LINES[i // n % len(_LINES)], "osD"[i // n % 3]) for i, name in enumerate(names)
    }


def inches(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes at a place in inches, from the left and from the top."""
    whole, high = figure.get_size_inches()
    return figure.add_axes((left / whole, 1 - (top + height) / high, width / whole, height / high))


def widest(names: Sequence[str], size: float) -> float:
    """Return the width of the widest of these names once they fit, inches."""
    return max((text_points(name, size) for name in fitting(names, NAME_POINTS, size)), default=0.0) / POINTS


def write_names(ax: Axes, names: Sequence[str], which: str, largest: float, at: Sequence[float] | None = None) -> None:
    """Write names along the rows (``"y"``) or columns (``"x"``), as large as there is room for, or none."""
    horizontal = which == "x"
    size = min(largest, _FILLED * row_points(ax, which))
    places = range(len(names)) if at is None else at
    if not readable(row_points(ax, which)):
        (ax.set_xticks if horizontal else ax.set_yticks)([])
        return
    labels = fitting(names, NAME_POINTS, size)
    if horizontal:
        ax.set_xticks(places, labels, rotation=90, fontsize=size)
    else:
        ax.set_yticks(places, labels, fontsize=size)


def readable(points: float) -> bool:
    """Return whether rows of this height have room for names."""
    return _FILLED * points >= _SMALLEST


def row_points(ax: Axes, which: str) -> float:
    """Return the height of a row, or the width of a column, points: one unit of the axis."""
    low, high = ax.get_xlim() if which == "x" else ax.get_ylim()
    length = ax.bbox.width if which == "x" else ax.bbox.height
    return float(length / ax.figure.dpi * POINTS / abs(high - low))


def bare(ax: Axes) -> None:
    """Take the frame and the ticks off axes; their names stay."""
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def diverging() -> Any:
    """Return the colours from closing over the background to opening."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("diverging", [CLOSING, paper(), OPENING])


def above(ax: Axes, bounds: tuple[float, float, float, float]) -> Axes:
    """Return an inset at a place in inches, from the upper left corner of axes."""
    return ax.inset_axes(bounds, transform=_from_corner(ax, 0))


def beside(ax: Axes, gap: float, width: float) -> Axes:
    """Return an inset right of axes, as high as they are; `gap` and `width` in inches."""
    from matplotlib.transforms import blended_transform_factory

    right = blended_transform_factory(_from_corner(ax, 1), ax.transAxes)
    return ax.inset_axes((gap, 0, width, 1), transform=right)


def _from_corner(ax: Axes, x: float) -> Any:
    from matplotlib.transforms import ScaledTranslation

    within: Any = ax.transAxes
    return ax.figure.dpi_scale_trans + ScaledTranslation(x, 1, within)


def color_bar(ax: Axes, mappable: Any, label: str, *, height: float, extend: str = "neither", nbins: int = 4) -> None:
    """Draw a scale of colours above axes, its bottom `height` inches above them."""
    from matplotlib.ticker import MaxNLocator

    place = above(ax, (0, height, 1.1, 0.09))
    bar = ax.figure.colorbar(mappable, cax=place, orientation="horizontal", extend=extend)
    bar.locator = MaxNLocator(nbins, symmetric=extend == "both")
    bar.update_ticks()
    bar.outline.set_linewidth(0.4)
    place.tick_params(labelsize=6.5, length=2, pad=1.5)
    place.text(1.08, 0.5, label, transform=place.transAxes, va="center", fontsize=7.5)


def draw_logo_rows(ax: Axes, motifs: MotifSet, rows: Sequence[int]) -> None:
    """Draw the logos of motifs (bits) below each other, row k at height k; letters of all are as wide, where they fit.

    Axes have y as the rows have it: downwards.
    """
    from matplotlib.collections import PathCollection

    longest = float(motifs.lengths[list(rows)].max(initial=1))
    room = min(longest, _POSITIONS)
    paths: list[Any] = []
    colors: list[str] = []
    for k, i in enumerate(rows):
        matrix = motifs.matrix(i)
        width = min(1.0, room / len(matrix))
        drawn, shades = letter_paths(matrix, "bits", origin=(0.0, k + 0.46), scale=(width, -0.46))
        paths += drawn
        colors += shades
    ax.add_collection(PathCollection(paths, facecolors=colors, linewidths=0))
    ax.set_xlim(0, room)
    ax.axis("off")


def doubts(manifold: ManifoldModel, names: Sequence[str] | None = None) -> str:
    """Return why the predictions of some trajectories may be worth nothing; empty without a reason."""
    said = {name: manifold[name].doubt for name in (manifold.names if names is None else names)}
    doubtful = {name: why for name, why in said.items() if why}
    if len(doubtful) > 2:
        return f"Do not trust {', '.join(doubtful)}: their held-out R2 may be 0 or is not known."
    return " ".join(f"{name}: {why}" for name, why in doubtful.items())
