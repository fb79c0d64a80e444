"""Sequence logos: all letters of a logo are one collection of paths."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from iceqream.pl._style import LETTER_COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.path import Path

Kind = Literal["bits", "probability"]
_LETTER_WIDTH = 0.94
_NARROWEST = 10
"""Positions that a logo's axes hold at least, so that the letters of short motifs do not grow wide."""


@lru_cache(maxsize=8)
def unit_letter(letter: str) -> Path:
    """Return the outline of a letter that fills the unit square."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.path import Path
    from matplotlib.textpath import TextPath

    outline = TextPath((0, 0), letter, size=1, prop=FontProperties(family="DejaVu Sans", weight="bold"))
    vertices = np.asarray(outline.vertices)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    return Path((vertices - low) / (high - low), outline.codes)


def letter_heights(pssm: np.ndarray, kind: Kind) -> np.ndarray:
    """Return the height of each letter, length x 4: probabilities, or probabilities times the position's bits."""
    if kind == "probability":
        return pssm
    entropy = -np.sum(np.where(pssm > 0, pssm * np.log2(np.where(pssm > 0, pssm, 1.0)), 0.0), axis=1)
    return pssm * (2.0 - entropy)[:, None]


def letter_paths(
    pssm: np.ndarray, kind: Kind, origin: tuple[float, float] = (0.0, 0.0), scale: tuple[float, float] = (1.0, 1.0)
) -> tuple[list[Path], list[str]]:
    """Return the outlines of a logo's letters and their colours, the largest letter on top.

    A position is 1 wide and a bit (or probability 1) 1 high before they are scaled and moved to the origin.
    """
    from matplotlib.path import Path

    paths, colors = [], []
    for position, column in enumerate(letter_heights(pssm, kind)):
        bottom = 0.0
        for i in np.argsort(column, kind="stable"):
            if column[i] <= 1e-3:
                continue
            outline = unit_letter("ACGT"[i])
            size = np.array([_LETTER_WIDTH, column[i]])
            corner = np.array([position + (1 - _LETTER_WIDTH) / 2, bottom])
            paths.append(Path((outline.vertices * size + corner) * scale + origin, outline.codes))
            colors.append(LETTER_COLORS["ACGT"[i]])
            bottom += column[i]
    return paths, colors


def draw_logo(ax: Axes, pssm: np.ndarray, *, kind: Kind = "bits") -> None:
    """Draw a logo into axes: positions on x, bits (0-2) or probability (0-1) on y."""
    from matplotlib.collections import PathCollection

    paths, colors = letter_paths(pssm, kind)
    ax.add_collection(PathCollection(paths, facecolors=colors, linewidths=0))
    margin = max(_NARROWEST - len(pssm), 0) / 2
    ax.set_xlim(-margin, len(pssm) + margin)
    ax.set_ylim(0, 2.0 if kind == "bits" else 1.0)
