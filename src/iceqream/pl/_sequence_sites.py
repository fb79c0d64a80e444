"""Sites of motifs as named bars below a sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iceqream.pl._names import text_points
from iceqream.pl._style import direction_color, paper

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

ROW = 0.2
"""Height of a row of sites, inches."""
_NAME_SIZE = 6.5
_BAR = 0.3
"""Height of a bar, of a row; the name stands above it."""
_GAP = 3.0
"""Least distance of names, points."""
_TIP = 0.35
"""Length of the tip that shows the strand, of the bar's height in points."""


def packed_rows(sites: pd.DataFrame, points: float) -> np.ndarray:
    """Return a row for each site, int64, so that neither bars nor names touch.

    Parameters
    ----------
    sites
        motif, start and end.
    points
        Width of a base, points.
    """
    rows = np.zeros(len(sites), dtype=np.int64)
    free: list[float] = []
    columns = (sites[name].to_numpy() for name in ("motif", "start", "end"))
    for i, name, start, end in sorted(zip(range(len(sites)), *columns, strict=True), key=lambda site: site[2]):
        half = max((end - start) * points, text_points(str(name), _NAME_SIZE)) / 2
        middle = (start + end) / 2 * points
        row = next((r for r, edge in enumerate(free) if edge <= middle - half), len(free))
        free[row : row + 1] = [middle + half + _GAP]
        rows[i] = row
    return rows


def draw_sites(ax: Axes, sites: pd.DataFrame, rows: np.ndarray, span: tuple[int, int], origin: int) -> None:
    """Draw sites as bars with names, red where they open and blue where they close, with a tip towards their end.

    Parameters
    ----------
    ax
        Axes for the sites alone, of `ROW` inches per row.
    sites
        motif, start, end, strand and response.
    rows
        From `packed_rows`.
    span
        First position and the one after the last, in the sequence.
    origin
        What is added to positions.
    """
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Polygon

    n_rows = int(rows.max()) + 1 if len(rows) else 1
    ax.set_xlim(span[0] + origin, span[1] + origin)
    ax.set_ylim(n_rows, 0)
    bars, colors = [], []
    tip = (span[1] - span[0]) * 0.006
    columns = (sites[name].to_numpy() for name in ("motif", "start", "end", "strand", "response"))
    for row, name, start, end, strand, response in zip(rows, *columns, strict=True):
        low, high = max(start, span[0]) + origin, min(end, span[1]) + origin
        top, bottom, middle = row + 0.95 - _BAR, row + 0.95, row + 0.95 - _BAR / 2
        back = min(tip, (high - low) / 2)
        forward = [(low, top), (high - back, top), (high, middle), (high - back, bottom), (low, bottom)]
        reverse = [(high, top), (low + back, top), (low, middle), (low + back, bottom), (high, bottom)]
        bars.append(Polygon(forward if strand == "+" else reverse))
        colors.append(direction_color(float(response)))
        ax.text((low + high) / 2, row + 0.6 - _BAR / 2, str(name), ha="center", va="center", fontsize=_NAME_SIZE,
                color=colors[-1], clip_on=False)  # fmt: skip
    ax.add_collection(PatchCollection(bars, facecolors=colors, edgecolors=paper(), linewidths=0.4))
    ax.axis("off")
