"""What a motif does in peaks that are otherwise alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._core.messages import known_names
from iceqream.get import partial_dependence_df
from iceqream.get._lineages import stored_answer
from iceqream.pl._names import fitting, panel_points
from iceqream.pl._style import (
    NEUTRAL,
    RC,
    TITLE_SIZE,
    direction_color,
    faint,
    finish,
    given_axes,
    grid,
    house_style,
    ink,
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
_REACH = 1.96
_LABEL = "dAP, relative to peaks without"


def partial_dependence(
    data: AnnData | MuData,
    motifs: str | Sequence[str] | None = None,
    *,
    n_motifs: int = DEFAULT_MOTIFS,
    ncols: int = 4,
    key: str = _keys.PARTIAL_DEPENDENCE,
    mod: str = _keys.ATAC,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw what each motif does in peaks that are otherwise alike.

    Filled points: difference of dAP to peaks without the motif that are alike in GC content and other terms, with 95 %
    intervals. Open points: the plain difference. The coloured line is what the model says, with the band of its
    bootstraps: its partial dependence along the energy, or the same comparison of its predictions by number of sites.
    Where filled points follow the line the motif does what the model says; where only the open ones do, it is what goes
    along with the motif.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData after `iceqream.tl.partial_dependence`.
    motifs
        Name or names; ``None`` takes those that the model gives the largest changes.
    n_motifs
        How many motifs ``motifs=None`` draws.
    ncols
        Panels per row.
    key, mod
        As in `iceqream.get.partial_dependence_df`.
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
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.tl.partial_dependence(adata, "GATA", n_bootstraps=5)
    >>> len(iq.pl.partial_dependence(adata, show=False))
    1
    """
    if n_motifs < 1:
        msg = f"n_motifs must be at least 1, got {n_motifs}."
        raise ValueError(msg)
    groups = partial_dependence_df(data, key, mod=mod)
    curves = partial_dependence_df(data, key, part="curves", mod=mod)
    by_sites = str(stored_answer(data, key, _keys.PARTIAL_DEPENDENCE, mod)["params"]["by"]) == "sites"
    largest = curves.groupby("motif", sort=False)["dap"].agg(lambda dap: float(np.abs(dap).max()))
    strongest = list(largest.sort_values(ascending=False, kind="stable").index[:n_motifs])
    names = strongest if motifs is None else known_names(motifs, largest.index, "There was no motif")
    columns = max(1, min(ncols, len(names)))
    given = given_axes(axes, len(names))
    with house_style(save):
        drawn = grid(len(names), columns, 2.4, 2.0, figsize=figsize, dpi=dpi)[1] if given is None else given
        room = min(panel_points(ax, columns if given is None else None) for ax in drawn)
        for ax, name, label in zip(drawn, names, fitting(names, room, TITLE_SIZE), strict=True):
            table, curve = groups[groups["motif"] == name], curves[curves["motif"] == name]
            _draw(ax, table[table["n"] > 0], None if by_sites else curve)
            ax.set_title(label)
        drawn[0].legend(*_handles(drawn[0]), frameon=False, fontsize=7, handlelength=1.2, borderpad=0, loc="best")
        x_label = "sites" if by_sites else "energy"
        figure = drawn[0].figure
        if given is None:
            figure.supylabel(_LABEL, fontsize=RC["axes.labelsize"])
            figure.supxlabel(x_label, fontsize=RC["axes.labelsize"])
        else:
            drawn[0].set_ylabel(_LABEL)
            for ax in drawn:
                ax.set_xlabel(x_label)
        set_title(figure, title)
    return finish(figure, drawn, given=given is not None, show=show, save=save, dpi=dpi)


def _handles(ax: Axes) -> tuple[list[Any], list[str]]:
    handles, labels = ax.get_legend_handles_labels()
    return handles[:3], labels[:3]


def _draw(ax: Axes, table: pd.DataFrame, curve: pd.DataFrame | None) -> None:
    x = table["position"].to_numpy()
    base = float(table["dap"].iloc[0])
    ax.axhline(0, color=faint(), linewidth=0.8, zorder=0)
    if curve is None:
        line, low, high = (table[name].to_numpy() for name in ("model", "model_low", "model_high"))
        along = x
        ax.set_xticks(x, [str(group).replace(" or more", "+") for group in table["group"]])
    else:
        along, line, low, high = (curve[name].to_numpy() for name in ("energy", "dap", "dap_low", "dap_high"))
        ax.set_xlim(-0.3, 10.3)
        ax.set_xticks([0, 5, 10])
    known = np.isfinite(line)
    color = direction_color(float(line[known][-1]))
    ax.fill_between(along[known], low[known], high[known], color=color, alpha=0.2, linewidth=0)
    ax.plot(along[known], line[known], color=color, label="model")
    ax.plot(x, table["dap"] - base, "o", mfc="none", mec=NEUTRAL, markersize=4, label="all peaks")
    error = _REACH * table["matched_se"].to_numpy()
    ax.errorbar(
        x, table["matched"], yerr=np.nan_to_num(error), fmt="o", color=ink(), markersize=3.5, linewidth=1.0,
        label="alike otherwise",
    )  # fmt: skip
