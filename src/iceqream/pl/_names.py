"""Names that fit: measured, and shortened in the middle where they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from matplotlib.axes import Axes

_ELLIPSIS = "…"
_HEAD = 0.6
_SHORTEST = 6
POINTS = 72.0
"""Points per inch."""


def text_points(text: str, size: float, *, style: Literal["normal", "italic"] = "normal") -> float:
    """Return the width of a line of text in the fonts in force, points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=size, style=style), ismath=False)
    return float(width)


def fitting(names: Sequence[str] | np.ndarray, points: float, size: float) -> list[str]:
    """Return names no wider than `points`, cut in the middle where they are, and as distinct as they were."""
    full = [str(name) for name in names]
    short = {name: _cut(name, points, size, _HEAD) for name in dict.fromkeys(full)}
    for share in (0.4, 0.2, 0.0):
        taken = list(short.values())
        for name in [name for name, cut in short.items() if taken.count(cut) > 1]:
            short[name] = _cut(name, points, size, share)
    return [short[name] for name in full]


def fitting_pairs(first: Sequence[str], second: Sequence[str], points: float, size: float) -> list[str]:
    """Return ``first : second`` no wider than `points`, both shortened alike."""
    names = list(dict.fromkeys([*map(str, first), *map(str, second)]))
    half = (points - text_points(" : ", size)) / 2
    short = dict(zip(names, fitting(names, half, size), strict=True))
    return [f"{short[str(one)]} : {short[str(other)]}" for one, other in zip(first, second, strict=True)]


def panel_points(ax: Axes, columns: int | None = None) -> float:
    """Return how wide a panel's title may be, points: of given axes, or of a new figure of so many columns."""
    figure = ax.figure
    if columns is None:
        return float(ax.bbox.width / figure.dpi * POINTS)
    return float(figure.get_figwidth() * POINTS / columns) * 0.76  # type: ignore[union-attr]


def _cut(name: str, points: float, size: float, head: float) -> str:
    """Return the longest name with a gap that fits; `head` is the share of letters before the gap."""
    cut = name
    for n in range(len(name) - 1, _SHORTEST, -1):
        if text_points(cut, size) <= points:
            break
        first = round(n * head)
        cut = f"{name[:first]}{_ELLIPSIS}{name[len(name) - (n - first) :]}"
    return cut
