"""Several weak sites or one strong one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._core.messages import known_names
from iceqream.get import low_affinity_df
from iceqream.pl._names import fitting
from iceqream.pl._style import LABEL_SIZE, NEUTRAL, faint, finish, given_axes, house_style, ink, set_title

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData

_PANELS = 2
_REACH = 1.96
_ROW = 0.26
"""Height of a motif, inches."""
_NAMES = 110.0
_ALL = "all motifs"


def low_affinity(
    data: AnnData | MuData,
    motifs: str | Sequence[str] | None = None,
    *,
    key: str = _keys.LOW_AFFINITY,
    mod: str = _keys.ATAC,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw whether motifs act through several weak sites or through their best one (paper fig. 3B, C).

    Left: the low-affinity score of each motif (several weak sites less a single strong one, in the motif's direction),
    and open the same of what the model leaves unexplained, at the same energy. Right: what more of dAP the model
    explains in held-out peaks if the energy is that of the best site, of each motif and of all together. Bars are 95 %
    intervals.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData after `iceqream.tl.low_affinity`.
    motifs
        Name or names; ``None`` takes all, the highest score first.
    key, mod
        As in `iceqream.get.low_affinity_df`.
    title
        Title of the figure.
    figsize, dpi
        Size of a new figure, inches, and its resolution; ``None`` takes what the panels need.
    axes
        Two axes to draw into.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    List of the two axes if `show` is false (or `axes` were given), else ``None``.

    Raises
    ------
    KeyError
        If there is no result under the key, or no such motif.
    ValueError
        If there are not two axes.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.tl.low_affinity(adata)
    >>> len(iq.pl.low_affinity(adata, show=False))
    2
    """
    import matplotlib.pyplot as plt

    table, models = low_affinity_df(data, key, mod=mod), low_affinity_df(data, key, part="models", mod=mod)
    ordered = table.sort_values("score", ascending=False, kind="stable", na_position="last")
    names = list(map(str, ordered.index))
    table = ordered if motifs is None else ordered.loc[known_names(motifs, names, "There was no motif")]
    given = given_axes(axes, _PANELS)
    with house_style(save):
        size = figsize or (7.4, 1.1 + _ROW * (len(table) + 1))
        drawn = given or list(plt.subplots(1, _PANELS, figsize=size, dpi=dpi, layout="constrained")[1])
        _draw_score(drawn[0], table)
        _draw_gain(drawn[1], table, models)
        drawn[0].set_yticks(range(len(table)), fitting(list(map(str, table.index)), _NAMES, LABEL_SIZE))
        drawn[1].set_yticks([len(table)], [_ALL])
        for ax in drawn:
            ax.set_ylim(len(table) + 0.6, -0.6)
            ax.axvline(0, color=faint(), linewidth=1, zorder=0)
        set_title(drawn[0].figure, title)
    return finish(drawn[0].figure, drawn, given=given is not None, show=show, save=save, dpi=dpi)


def _draw_score(ax: Axes, table: pd.DataFrame) -> None:
    y = np.arange(len(table))
    styles: dict[str, tuple[float, dict[str, Any], str]] = {
        "score": (-0.12, {"fmt": "o", "color": ink()}, "dAP"),
        "unexplained": (0.16, {"fmt": "o", "color": NEUTRAL, "mfc": "none"}, "unexplained, same energy"),
    }
    for name, (shift, style, label) in styles.items():
        error = _REACH * table[f"{name}_se"]
        ax.errorbar(table[name], y + shift, xerr=error, markersize=4, linewidth=1.0, label=label, **style)
    ax.set_xlabel("low-affinity score\n(several weak sites less one strong)")
    ax.legend(frameon=False, fontsize=7, loc="lower right", borderpad=0)


def _draw_gain(ax: Axes, table: pd.DataFrame, models: pd.DataFrame) -> None:
    y = np.arange(len(table))
    ax.errorbar(
        table["best_site"], y, xerr=_REACH * table["best_site_se"], fmt="o", color=ink(), markersize=4, linewidth=1.0
    )  # fmt: skip
    best = models.loc["best_site"]
    error = _REACH * best["gain_se"]
    ax.errorbar(best["gain"], len(table), xerr=error, fmt="D", color=ink(), markersize=4.5, linewidth=1.4)
    ax.axhline(len(table) - 0.5, color=faint(), linewidth=0.8, zorder=0)
    both = models["r2"].to_numpy()
    scores = f"held-out $R^2$ {both[0]:.3f}, with best sites {both[1]:.3f}"
    ax.set_xlabel(f"variance explained more by the best site\n({scores})")
