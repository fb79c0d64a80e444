"""What constitutive peaks can be chosen by, and what they are like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import StrMethodFormatter

from iceqream import _keys
from iceqream._anndata import get_adata
from iceqream._core.constitutive import PSEUDO, lowest_signal
from iceqream._groups import group_labels
from iceqream.pl._access_probability import constitutive_peaks
from iceqream.pl._style import NEUTRAL, OPENING, faint, finish, given_axes, grid, house_style, ink, set_title
from iceqream.pp._constitutive import judges_of
from iceqream.pp._counts import check_loaded, counts_of, normalized

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData


def constitutive(
    data: AnnData | MuData,
    *,
    groupby: str | Sequence[str] | pd.Series | None = None,
    thresholds: Sequence[float] | None = None,
    layer: str | None = None,
    mod: str = _keys.ATAC,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Plot what there is to choose constitutive peaks by: their lowest signal over the states, and what they are like.

    Left, the distribution of ``log2(signal + 1e-5)`` in the state where it is lowest, after the regional step, with the
    peaks now marked as constitutive in red and the number above each threshold; peaks without reads in some state are
    counted beside. States that are too shallow to judge by are left out as in `iceqream.pp.access_probability`. Right,
    GC content (or the signal around the peaks) of constitutive and other peaks.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with counts.
    groupby
        Column of ``obs`` (several, or a Series by row name) over whose groups counts are added up, where rows are
        metacells or cells: as for `iceqream.pp.access_probability`.
    thresholds
        Candidates for ``threshold=`` of `iceqream.pp.access_probability`; ``None`` marks three quantiles.
    layer
        Counts, where they are not in ``X``.
    mod
        Modality of a MuData that holds the peaks.
    title
        Above the panels.
    figsize, dpi
        Size of a new figure, inches, and its resolution.
    axes
        Two axes to draw into.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    List of axes if `show` is false (or `axes` were given), else ``None``.

    Raises
    ------
    ValueError
        If there are no counts, or the number of axes is not two.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1000, rng=0)
    >>> iq.pp.access_probability(adata)
    >>> len(iq.pl.constitutive(adata, show=False))
    2
    """
    check_loaded(data, mod, written=False)
    adata = get_adata(data, mod)
    around = adata.var[_keys.REGIONAL_COUNTS].to_numpy() if _keys.REGIONAL_COUNTS in adata.var else None
    labels = None if groupby is None else group_labels(data, groupby, mod)
    norm = normalized(adata, counts_of(adata, layer), around)
    judged = judges_of(adata, norm, around, labels)
    lowest = lowest_signal(judged)
    red = constitutive_peaks(adata)
    given = given_axes(axes, 2)
    with house_style(save):
        drawn = grid(2, 2, 3.6, 2.9, figsize=figsize, dpi=dpi)[1] if given is None else given
        what = "in all rows together" if judged.together else f"in the lowest {'state' if labels is None else 'group'}"
        _distribution(drawn[0], lowest, red, thresholds, what)
        _composition(drawn[1], adata, red, around)
        if given is None:
            set_title(drawn[0].figure, title)
    return finish(drawn[0].figure, drawn, given=given is not None, show=show, save=save, dpi=dpi)


def _distribution(ax: Axes, lowest: np.ndarray, red: np.ndarray, thresholds: Sequence[float] | None, what: str) -> None:
    """Draw the lowest signal of peaks that have any, and the thresholds with the number of peaks above."""
    some = lowest > np.log2(PSEUDO)
    if not some.any():
        ax.set_axis_off()
        ax.text(0.5, 0.5, "no peak has reads\n" + what, ha="center", va="center", color=NEUTRAL)
        return
    shown = lowest[some]
    marks = np.quantile(shown, [0.8, 0.9, 0.95]) if thresholds is None else np.asarray(thresholds, dtype=np.float64)
    marks = np.unique(np.round(marks, 2)) if thresholds is None else np.sort(marks)
    # few reads make few different values: bins no narrower than these
    bins = np.linspace(shown.min(), shown.max() + 1e-9, int(np.clip(len(np.unique(shown)), 8, 60)))
    ax.hist(shown, bins=list(bins), color=faint())
    ax.hist(lowest[red & some], bins=list(bins), color=OPENING, alpha=0.8)
    top = ax.get_ylim()[1] * 1.45
    # labels stand on the side with more room, each above the lines that it passes
    left = marks.mean() > (shown.min() + shown.max()) / 2
    for i, mark in enumerate(marks if left else marks[::-1]):
        height = top * (0.76 + 0.09 * (i % 3))
        ax.plot([mark, mark], [0, height], color=ink(), linewidth=0.8, linestyle=(0, (4, 3)))
        ax.annotate(f"{mark:.2f}: {int((lowest >= mark).sum()):,}", (mark, height), xytext=(-3 if left else 3, 0),
                    ha="right" if left else "left", textcoords="offset points", fontsize=8, va="center")  # fmt: skip
    ax.set_ylim(0, top)
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    without = int((~some).sum())
    if without:
        what += f"\n{without:,} peaks without reads there are left out"
    ax.set_xlabel(f"log2(signal + {PSEUDO:g}) {what}")
    ax.set_ylabel("Peaks")
    ax.set_title("Threshold and peaks above it")


def _composition(ax: Axes, adata: AnnData, red: np.ndarray, around: np.ndarray | None) -> None:
    """Compare constitutive with other peaks: GC content where there are sequences, else the signal around them."""
    from iceqream._core.sequence import gc_content

    if _keys.SEQUENCE in adata.varm:
        values, label = gc_content(np.asarray(adata.varm[_keys.SEQUENCE])), "GC content"
    elif around is not None:
        values, label = np.log2(1 + np.asarray(around, dtype=np.float64)), "log2(1 + regional signal)"
    else:
        ax.set_axis_off()
        ax.text(0.5, 0.5, "no sequences and no\nregional counts to compare", ha="center", va="center", color=NEUTRAL)
        return
    bins = np.linspace(values.min(), values.max() + 1e-9, 50)
    for mask, color, name in ((~red, NEUTRAL, "other"), (red, OPENING, "constitutive")):
        if mask.any():
            ax.hist(values[mask], bins=list(bins), density=True, histtype="step", color=color, linewidth=1.6,
                    label=f"{name} ({int(mask.sum()):,})")  # fmt: skip
    ax.set_xlabel(label)
    ax.set_ylabel("Density")
    ax.set_ylim(0, ax.get_ylim()[1] * 1.25)
    ax.set_title("Composition" if label == "GC content" else "Surroundings")
    ax.legend(frameon=False, loc="upper right")


__all__ = ["constitutive"]
