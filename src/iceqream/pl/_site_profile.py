"""Tracks around the sites of motifs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._core.messages import known_names
from iceqream.get import site_profile_df
from iceqream.pl._names import fitting, panel_points
from iceqream.pl._style import (
    CATEGORIES,
    NEUTRAL,
    RC,
    TITLE_SIZE,
    faint,
    finish,
    given_axes,
    grid,
    house_style,
    set_title,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData

DEFAULT_MOTIFS = 12


def site_profile(
    data: AnnData | MuData,
    motifs: str | Sequence[str] | None = None,
    *,
    n_motifs: int = DEFAULT_MOTIFS,
    ncols: int = 4,
    key: str = _keys.SITE_PROFILE,
    mod: str = _keys.ATAC,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw the mean of each track around the sites of each motif, with the band of bootstraps over peaks.

    Grey: the same peaks at the places of other peaks' sites, what the profile would be without the motif.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData after `iceqream.tl.site_profile`.
    motifs
        Name or names; ``None`` takes those with the most sites.
    n_motifs
        How many motifs ``motifs=None`` draws.
    ncols
        Motifs per row.
    key, mod
        As in `iceqream.get.site_profile_df`.
    title
        Title of the figure.
    figsize, dpi
        Size of a new figure, inches, and its resolution; ``None`` takes what the panels need.
    axes
        Axes to draw into, one per motif.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    List of axes if `show` is false (or `axes` were given), else ``None``.

    Raises
    ------
    KeyError
        If there is no result under the key, or no such motif.
    ValueError
        If `n_motifs` is below 1, or axes do not match the motifs.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> track = iq.tl.contribution_track(adata, "model.bw")
    >>> iq.tl.site_profile(adata, track, "GATA", reach=100, n_bootstraps=20)
    >>> len(iq.pl.site_profile(adata, show=False))
    1
    """
    if n_motifs < 1:
        msg = f"n_motifs must be at least 1, got {n_motifs}."
        raise ValueError(msg)
    table = site_profile_df(data, key, mod=mod)
    known = table.groupby("motif", sort=False)["n_sites"].max().sort_values(ascending=False, kind="stable")
    drawable = [str(name) for name in known.index[table.groupby("motif")["mean"].any()[known.index].to_numpy()]]
    names = drawable[:n_motifs] if motifs is None else known_names(motifs, known.index, "There is no profile of")
    columns = max(1, min(ncols, len(names)))
    given = given_axes(axes, len(names))
    tracks = list(dict.fromkeys(table["track"]))
    with house_style(save):
        drawn = grid(len(names), columns, 2.4, 1.9, figsize=figsize, dpi=dpi)[1] if given is None else given
        room = min(panel_points(ax, columns if given is None else None) for ax in drawn)
        for ax, name, label in zip(drawn, names, fitting(names, room, TITLE_SIZE), strict=True):
            part = table[table["motif"] == name]
            for k, track in enumerate(tracks):
                _draw(ax, part[part["track"] == track], CATEGORIES[k % len(CATEGORIES)], track)
            ax.axvline(0, color=faint(), linewidth=0.8, zorder=0)
            ax.set_title(f"{label} ({int(part['n_sites'].max()):,} sites)", fontsize=TITLE_SIZE - 1)
        drawn[0].plot([], [], color=NEUTRAL, linewidth=1.0, label="other places in the same peaks")
        figure, x_label = drawn[0].figure, "bp from the site, along the motif"
        handles, labels = drawn[0].get_legend_handles_labels()
        if given is None:
            figure.legend(handles, labels, frameon=False, loc="outside upper left", ncols=3, handlelength=1.2)
            figure.supylabel("mean signal", fontsize=RC["axes.labelsize"])
            figure.supxlabel(x_label, fontsize=RC["axes.labelsize"])
        else:
            drawn[0].legend(handles, labels, frameon=False, fontsize=7, handlelength=1.2, borderpad=0, loc="best")
            drawn[0].set_ylabel("mean signal")
            for ax in drawn:
                ax.set_xlabel(x_label)
        set_title(figure, title)
    return finish(figure, drawn, given=given is not None, show=show, save=save, dpi=dpi)


def _draw(ax: Axes, part: pd.DataFrame, color: str, label: str) -> None:
    x = part["position"].to_numpy()
    if not np.isfinite(part["mean"]).any():
        return
    ax.fill_between(x, part["control_low"], part["control_high"], color=NEUTRAL, alpha=0.2, linewidth=0)
    ax.plot(x, part["control"], color=NEUTRAL, linewidth=1.0)
    ax.fill_between(x, part["low"], part["high"], color=color, alpha=0.25, linewidth=0)
    ax.plot(x, part["mean"], color=color, linewidth=1.4, label=label)
    ax.margins(x=0)
