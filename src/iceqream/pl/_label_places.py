"""Labels of points that lie on no point and on no other label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iceqream.pl._names import POINTS, text_points
from iceqream.pl._style import paper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

_HEIGHT = 1.15
"""Of a line of text, by its size."""
_ROUNDING = 2.0
"""Letters are drawn at whole pixels and can be this much wider, points."""
_DISTANCES = (5.0, 9.0, 14.0, 20.0, 28.0, 38.0)
"""Of a label from its point, points."""
_ANGLES = np.deg2rad([0, 180, 45, -45, 135, -135, 90, -90])
_FAR = 7.0
"""Distance from which a line leads to the label."""
_POINT = 2.5
"""Half of what a point covers, points."""


def write_labels(
    ax: Axes, x: np.ndarray, y: np.ndarray, names: Sequence[str], *, size: float, colors: Sequence[str], color: str
) -> list[str]:
    """Label points one after the other, each where it is nearest to its point and free; lead lines to far ones.

    Parameters
    ----------
    ax
        Axes with their final limits.
    x, y
        All points of the axes; the first ones are labelled.
    names, colors
        Of the points to label, the most important first.
    size
        Of the letters, points.
    color
        Of the lines.

    Returns
    -------
    The names for which no place was free.
    """
    from matplotlib.patheffects import withStroke

    scale = POINTS / ax.figure.dpi
    at = ax.transData.transform(np.column_stack([x, y])) * scale
    left, bottom, right, top = np.array(ax.bbox.extents) * scale
    taken = [(px - _POINT, py - _POINT, px + _POINT, py + _POINT) for px, py in at]
    left_out = []
    halo = [withStroke(linewidth=1.5, foreground=paper())]
    for (px, py), dx, dy, name, shade in zip(at, x, y, names, colors, strict=False):
        wide, high = text_points(name, size) + _ROUNDING, _HEIGHT * size
        place = None
        for distance in _DISTANCES:
            for angle in _ANGLES:
                cx = px + np.cos(angle) * (distance + wide / 2)
                cy = py + np.sin(angle) * (distance + high / 2)
                box = (cx - wide / 2, cy - high / 2, cx + wide / 2, cy + high / 2)
                inside = box[0] >= left and box[1] >= bottom and box[2] <= right and box[3] <= top
                if inside and not any(_overlap(box, other) for other in taken):
                    place = (cx, cy, distance, box)
                    break
            if place:
                break
        if place is None:
            left_out.append(name)
            continue
        cx, cy, distance, box = place
        taken.append(box)
        line = {"arrowstyle": "-", "color": color, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 2}
        # tied to the point, so that both move if the figure changes
        ax.annotate(
            name, (dx, dy), (cx - px, cy - py), textcoords="offset points", ha="center", va="center", fontsize=size,
            color=shade, arrowprops=line if distance > _FAR else None, path_effects=halo,
        )  # fmt: skip
    return left_out


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
