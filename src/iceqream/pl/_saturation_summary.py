"""Which motifs carry the effects of substitutions, as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream.pl._names import fitting
from iceqream.pl._style import LABEL_SIZE, NEUTRAL, SIZE_WIDE, faint, finish, house_style, ink, one_axes

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd
    from matplotlib.axes import Axes

DEFAULT_MOTIFS = 20
_ROW, _FRAME = 0.2, 0.75
"""Height of a bar and of what is around them, inches."""
_NAME_POINTS = 90
_INTERVAL = 1.96
_LOST, _ARISING = "#5B6770", "#B9C2CA"
_SHOWN = ("share", "share_error", "lost")


def saturation_summary(
    data: pd.DataFrame,
    *,
    n_motifs: int = DEFAULT_MOTIFS,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw each motif's share of the total effect of all substitutions, with its 95 % interval.

    Dark: substitutions that weaken the motif (sites that are there); light: substitutions that strengthen it.

    Parameters
    ----------
    data
        From `iceqream.tl.saturation_summary`.
    n_motifs
        Motifs at most, those with the largest shares.
    title
        Title of the axes.
    figsize, dpi
        Size of a new figure, inches, and its resolution; ``None`` takes what the bars need.
    ax
        Axes to draw into.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    The axes if `show` is false (or `ax` was given), else ``None``.

    Raises
    ------
    ValueError
        If the table lacks a column, or `n_motifs` is below 1.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> summary = iq.tl.saturation_summary(adata, n_peaks=20)
    >>> iq.pl.saturation_summary(summary, show=False).get_xlabel()
    'share of the effect of all substitutions, %'
    """
    missing = [name for name in _SHOWN if name not in data]
    if missing:
        msg = f"The table lacks {', '.join(missing)}: give what iq.tl.saturation_summary returns."
        raise ValueError(msg)
    if n_motifs < 1:
        msg = f"n_motifs must be at least 1, got {n_motifs}."
        raise ValueError(msg)
    table = data.sort_values("share", ascending=False, kind="stable").head(n_motifs)
    share, error, lost = (100 * table[name].to_numpy(dtype=np.float64) for name in _SHOWN)
    lost = np.nan_to_num(lost) / 100 * share
    given = ax is not None
    with house_style(save):
        if ax is None:
            ax = one_axes(SIZE_WIDE, _FRAME + _ROW * len(table), figsize=figsize, dpi=dpi)
        at = np.arange(len(table))
        ax.barh(at, lost, color=_LOST, height=0.72, label="sites that are there")
        ax.barh(at, share - lost, left=lost, color=_ARISING, height=0.72, label="sites that arise")
        ax.errorbar(share, at, xerr=_INTERVAL * error, fmt="none", ecolor=ink(), elinewidth=0.9, capsize=0)
        ax.set_yticks(at, fitting(table.index.to_numpy(dtype=str), _NAME_POINTS, LABEL_SIZE))
        ax.tick_params(axis="y", length=0)
        ax.set_ylim(len(table) - 0.4, -0.6)
        ax.set_xlim(left=0)
        ax.set_xlabel("share of the effect of all substitutions, %")
        ax.grid(axis="x", color=faint(), linewidth=0.5)
        ax.set_axisbelow(True)
        ax.legend(frameon=False, loc="lower right", labelcolor=NEUTRAL)
        if title is not None:
            ax.set_title(title)
    return finish(ax.figure, ax, given=given, show=show, save=save, dpi=dpi)
