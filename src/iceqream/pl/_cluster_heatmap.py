"""Clusters of peaks: where they are open, and which motifs they have (fig. 4D)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._anndata import get_adata
from iceqream.get import cluster_profiles_df, motif_enrichment_df
from iceqream.get._lineages import stored_answer
from iceqream.get._model_motifs import model_motifs
from iceqream.motifs.similarity import DEFAULT_TRIM_BITS
from iceqream.pl import _heatmaps as heat
from iceqream.pl._letters import draw_logo
from iceqream.pl._style import finish, given_axes, house_style, ink, set_title

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData

    from iceqream._groups import Groups
    from iceqream.motifs import MotifSet

DEFAULT_MOTIFS = 30
MAX_Q = 0.05
_NARROW = 0.12
"""Of a column of many clusters, inches."""
_FEW = 40
_LOGO = 0.95
_STRIP = 0.14
_MARK = 5.0


def cluster_heatmap(
    data: AnnData | MuData,
    *,
    groupby: Groups | None = None,
    n_motifs: int = DEFAULT_MOTIFS,
    max_q: float = MAX_Q,
    logos: bool = True,
    order_by: str | None = None,
    color: str | None = None,
    layer: str = _keys.ACCESS_PROBABILITY,
    key: str = _keys.MOTIF_ENRICHMENT,
    mod: str = _keys.ATAC,
    cmap: Any = None,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw the mean access probability of clusters of peaks in each state, and below the motifs they are enriched in.

    Columns are clusters, with the number of peaks above. Below, colours are log2 ratios of the share of peaks with a
    strong site to that of all clusters; a dot marks those with a small false discovery rate.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData after `iceqream.tl.cluster_peaks` and `iceqream.tl.motif_enrichment`.
    groupby
        Groups of rows whose means are the states.
    n_motifs
        Motifs to draw at most: those with the largest log2 ratio relative to its standard error.
    max_q
        False discovery rate below which a dot is drawn.
    logos
        Whether to draw the motifs' logos beside, where they are of a model of the data.
    order_by, color
        Columns of ``obs`` that order the rows and are drawn as a strip beside them, as in `iceqream.pl.motif_activity`.
    layer
        Access probabilities.
    key, mod
        As in `iceqream.get.motif_enrichment_df`.
    cmap
        Colours of the log2 ratios from low to high; ``None`` takes blue to red.
    title
        Title of the figure.
    figsize, dpi
        Size of a new figure, inches, and its resolution; ``None`` takes what the panels need.
    axes
        Two axes to draw into: access probability and enrichment (without peaks per cluster and strip).
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    List of axes (access probability, enrichment, numbers of peaks, strip) if `show` is false (or `axes` were given),
    else ``None``.

    Raises
    ------
    KeyError
        If there is no result under the key, or no such column or layer.
    ValueError
        If `n_motifs` is below 1, there are not two axes, groups are to be ordered by a column of single rows, or the
        clusters have changed since the enrichment.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> iq.tl.cluster_peaks(adata, 3)
    >>> iq.tl.motif_enrichment(adata, motifs=iq.datasets.simulated_motifs(decoys=False))
    >>> len(iq.pl.cluster_heatmap(adata, show=False))
    3
    """
    if n_motifs < 1:
        msg = f"n_motifs must be at least 1, got {n_motifs}."
        raise ValueError(msg)
    params = stored_answer(data, key, _keys.MOTIF_ENRICHMENT, mod)["params"]
    table = motif_enrichment_df(data, key, mod=mod)
    ratio, error, q = (
        table.pivot_table(index="motif", columns="group", values=name, sort=False) for name in
        ("log2_enrichment", "se", "q")
    )  # fmt: skip
    groups = ratio.columns
    sizes = table.drop_duplicates("group").set_index("group")["n_peaks"].reindex(groups)
    _check_groups(get_adata(data, mod), str(params["groups"]), sizes)
    profiles = cluster_profiles_df(data, str(params["groups"]), groupby=groupby, layer=layer, mod=mod)[groups]
    layout = heat.lay_out(
        data, profiles.index, profiles.to_numpy(), grouped=groupby is not None, order_by=order_by, color=color, mod=mod
    )
    profiles = profiles.iloc[layout.order]
    strongest = np.argsort(-(ratio.abs() / error).max(axis=1).to_numpy(), kind="stable")[:n_motifs]
    chosen = strongest[heat.along(ratio.to_numpy()[strongest])]
    ratio, q = ratio.iloc[chosen], q.iloc[chosen]
    drawings = _logos(data, params, ratio.index, mod) if logos else None
    given = given_axes(axes, 2)
    with house_style(save):
        drawn = given or _new_axes(profiles, ratio, figsize, dpi, strip=color is not None, logos=drawings is not None)
        beside = drawn if given else drawn[-2:]
        _draw_profiles(drawn[0], beside[0], profiles)
        _draw_enrichment(drawn[1], beside[1], ratio, q.to_numpy() < max_q, f"dots: q < {max_q:g}", cmap)
        if given is None:
            drawn = drawn[:-2]
            _draw_sizes(drawn[2], sizes.to_numpy())
            _draw_logos(beside[1], drawings)
            if color is not None:
                drawn[0].set_yticks([])
                drawn[0].set_ylabel("")
                heat.draw_strip(drawn[3], layout, vertical=True)
                heat.name_rows(drawn[3], list(map(str, profiles.index)), "rows")
            heat.draw_legend(drawn[0].figure, layout)
        set_title(drawn[0].figure, title)
    return finish(drawn[0].figure, drawn, given=given is not None, show=show, save=save, dpi=dpi)


def _check_groups(adata: AnnData, groups: str, sizes: pd.Series) -> None:
    """Refuse enrichments of groups that have changed since."""
    if groups in adata.var:
        now = adata.var[groups].astype(object).dropna().astype(str).value_counts()
        if now.reindex(sizes.index, fill_value=0).tolist() == sizes.tolist() and len(now) == len(sizes):
            return
    msg = f"The groups in var[{groups!r}] are not those that were compared: run iq.tl.motif_enrichment again."
    raise ValueError(msg)


def _logos(data: AnnData | MuData, params: Any, names: pd.Index, mod: str) -> MotifSet | None:
    """Return the PSSMs of motifs, trimmed, where their model is still in the data."""
    if not params["key"]:
        return None
    try:
        pbms, _ = model_motifs(data, str(params["key"]), str(params["trajectory"]) or None, mod)
        return pbms.motifs[list(names)].trim(DEFAULT_TRIM_BITS)
    except KeyError:
        return None


def _new_axes(
    profiles: pd.DataFrame,
    ratio: pd.DataFrame,
    figsize: tuple[float, float] | None,
    dpi: float | None,
    *,
    strip: bool,
    logos: bool,
) -> list[Axes]:
    import matplotlib.pyplot as plt

    n_groups = ratio.shape[1]
    width = max(2.4, n_groups * (heat.CELL if n_groups <= _FEW else _NARROW))
    above, below = max(heat.length(len(profiles)), 0.9), max(heat.length(len(ratio)), 0.9)
    named = max(heat.label_width(list(map(str, table.index))) for table in (profiles, ratio))
    size = (width + named + (_LOGO + 0.1 if logos else 0) + (1.4 if strip else 0) + 0.9, 0.5 + above + below + 0.7)
    figure = plt.figure(figsize=figsize or size, dpi=dpi, layout="constrained")
    panels = figure.subplots(
        3, 2, height_ratios=[0.5, above, below], width_ratios=[width, _LOGO if logos else 0.01]
    )  # fmt: skip
    beside = list(panels[1:, 1])
    for ax in beside:
        ax.set_axis_off()
    panels[0, 1].remove()
    # the names of motifs below are longer than those of rows: a strip of its own column would stand far off
    strips = [panels[1, 0].inset_axes((-(_STRIP + 0.05) / width, 0, _STRIP / width, 1))] if strip else []
    return [panels[1, 0], panels[2, 0], panels[0, 0], *strips, *beside]


def _draw_profiles(ax: Axes, beside: Axes, profiles: pd.DataFrame) -> None:
    values = profiles.to_numpy()
    image = heat.draw(ax, values, heat.rising(), 0.0, float(np.nanmax(values)))
    heat.name_rows(ax, list(map(str, profiles.index)), "rows")
    ax.set_xticks([])
    heat.draw_bar(beside, image, "mean access\nprobability", room=max(heat.length(len(profiles)), 0.9), pad=0.08)


def _draw_enrichment(ax: Axes, beside: Axes, ratio: pd.DataFrame, marked: np.ndarray, meaning: str, cmap: Any) -> None:
    values = ratio.to_numpy()
    end = heat.limit(values)
    image = heat.draw(ax, values, cmap or heat.diverging(), -end, end)
    rows, columns = np.nonzero(marked)
    ax.scatter(columns, rows, s=_MARK, color=ink(), linewidths=0, rasterized=True)
    heat.name_rows(ax, list(map(str, ratio.index)), "motifs")
    n = ratio.shape[1]
    every = 1 if n <= _FEW else 5
    ax.set_xticks(
        range(0, n, every), [str(name) for name in ratio.columns[::every]], rotation=90 if 9 < n <= _FEW else 0
    )
    ax.set_xlabel(f"cluster of peaks\n({meaning})" if marked.any() else "cluster of peaks")
    heat.draw_bar(beside, image, "log2 enrichment", room=max(heat.length(len(ratio)), 0.9), extend="both", pad=0.08)


def _draw_logos(beside: Axes, drawings: MotifSet | None) -> None:
    """Draw the logos in the rows of the heatmap, where rows are high enough."""
    n = 0 if drawings is None else len(drawings)
    if drawings is None or n > heat.MOST_LABELS:
        return
    for i in range(n):
        place = beside.inset_axes((0, 1 - (i + 0.95) / n, 1, 0.9 / n))
        draw_logo(place, drawings.matrix(i))
        place.set_axis_off()


def _draw_sizes(ax: Axes, sizes: np.ndarray) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.bar(range(len(sizes)), sizes, color="#8C8C8C", width=0.8)
    ax.set_xlim(-0.5, len(sizes) - 0.5)
    ax.set_xticks([])
    ax.yaxis.set_major_locator(MaxNLocator(2, integer=True))
    ax.set_ylabel("peaks", rotation=0, ha="right", va="center")
