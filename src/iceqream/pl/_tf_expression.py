"""Activities of motifs beside the expression of the factors they may stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._core.messages import known_names
from iceqream.get import expression_df, tf_expression_df
from iceqream.get._lineages import stored_answer, texts
from iceqream.pl import _heatmaps as heat
from iceqream.pl._style import direction_color, finish, given_axes, house_style, ink, set_title

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData

DEFAULT_MOTIFS = 30
_PANELS = 3
_END = 2.0
_WIDTH = 3.0
_STRIP = 0.14
_MOST_COLUMNS = 25
"""That are named."""


def tf_expression(
    data: AnnData | MuData,
    motifs: str | Sequence[str] | None = None,
    *,
    n_motifs: int = DEFAULT_MOTIFS,
    n_factors: int = 1,
    order_by: str | None = None,
    color: str | None = None,
    key: str = _keys.TF_EXPRESSION,
    mod: str = _keys.ATAC,
    cmap: Any = None,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw the activity of each motif beside the expression of the factors that follow it best (fig. 2H).

    One row per motif and factor, both as z-scores over the rows of the data (which are columns here), and their
    correlation. Motifs that are active in the first columns stand above.

    Parameters
    ----------
    data
        MuData after `iceqream.tl.tf_expression`, or its modality of peaks.
    motifs
        Name or names; ``None`` takes those whose activity differs most between the rows.
    n_motifs
        How many motifs ``motifs=None`` draws.
    n_factors
        Factors per motif, best first.
    order_by
        Column of ``obs`` that orders states or metacells, such as a pseudotime; ``None`` puts similar ones beside each
        other, groups stay in their order.
    color
        Column of ``obs`` drawn as a strip above; with ``order_by=None`` metacells stay together by it.
    key, mod
        As in `iceqream.get.tf_expression_df`.
    cmap
        Colours from low to high; ``None`` takes blue to red.
    title
        Title of the figure.
    figsize, dpi
        Size of a new figure, inches, and its resolution; ``None`` takes what the panels need.
    axes
        Three axes to draw into: activity, expression, correlation (without the strip).
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    List of axes (activity, expression, correlation, then the strips) if `show` is false (or `axes` were given), else
    ``None``.

    Raises
    ------
    KeyError
        If there is no result under the key, or no such motif or column.
    ValueError
        If a number is below 1, there are not three axes, or groups are to be ordered by a column of single rows.

    Examples
    --------
    >>> import iceqream as iq
    >>> mdata = iq.datasets.simulated_multiome(n_peaks=600, rng=0)
    >>> options = dict(motifs=iq.datasets.simulated_motifs(), min_tss_distance=None, preset="paper")
    >>> iq.tl.fit_trajectory(mdata, "S1", "S4", groupby="state", **options)
    >>> iq.tl.motif_activity(mdata)
    >>> iq.tl.tf_expression(mdata)
    >>> len(iq.pl.tf_expression(mdata, order_by="time", show=False))
    3
    """
    if n_motifs < 1 or n_factors < 1:
        msg = f"n_motifs and n_factors must be at least 1, got {n_motifs} and {n_factors}."
        raise ValueError(msg)
    table = tf_expression_df(data, key, mod=mod)
    stored = stored_answer(data, key, _keys.TF_EXPRESSION, mod)
    expression = expression_df(data, key, mod=mod)
    activity = pd.DataFrame(
        np.asarray(stored["activity"], dtype=np.float64), index=expression.index, columns=texts(stored["motif_names"])
    )
    names = _chosen(motifs, table, activity, n_motifs)
    scores = pd.DataFrame(
        heat.standardized(activity[names].to_numpy(), 0), index=activity.index, columns=pd.Index(names)
    )
    grouped = bool(stored["params"]["grouped"])
    layout = heat.lay_out(
        data, activity.index, scores.to_numpy(), grouped=grouped, order_by=order_by, color=color, mod=mod
    )
    scores = scores.iloc[layout.order]
    if motifs is None:
        scores = scores.iloc[:, heat.along(scores.to_numpy().T)]
    pairs = pd.concat([table[table["motif"] == name].head(n_factors) for name in scores.columns])
    levels = heat.standardized(expression.iloc[layout.order].to_numpy(dtype=np.float64), 0)
    levels = levels[:, expression.columns.get_indexer(pd.Index(pairs["gene"]))]
    acting = scores.to_numpy()[:, scores.columns.get_indexer(pd.Index(pairs["motif"]))]
    given = given_axes(axes, _PANELS)
    with house_style(save):
        drawn, strips = (given, []) if given else _new_axes(pairs, len(scores), figsize, dpi, strip=color is not None)
        _draw(
            drawn, strips, acting.T, levels.T, pairs, list(map(str, scores.index)), layout, grouped=grouped, cmap=cmap
        )
        if given is None:
            heat.draw_legend(drawn[0].figure, layout)
        set_title(drawn[0].figure, title)
    return finish(drawn[0].figure, [*drawn, *strips], given=given is not None, show=show, save=save, dpi=dpi)


def _chosen(
    motifs: str | Sequence[str] | None, table: pd.DataFrame, activity: pd.DataFrame, n_motifs: int
) -> list[str]:
    with_factor = [name for name in activity.columns if name in set(table["motif"])]
    if motifs is not None:
        return known_names(motifs, with_factor, "There is no expressed factor of")
    spread = activity[with_factor].to_numpy().std(axis=0)
    return [str(with_factor[i]) for i in np.argsort(-spread, kind="stable")[:n_motifs]]


def _new_axes(
    pairs: pd.DataFrame, n_columns: int, figsize: tuple[float, float] | None, dpi: float | None, *, strip: bool
) -> tuple[list[Axes], list[Axes]]:
    import matplotlib.pyplot as plt

    height = heat.CELL * max(len(pairs), 4)
    width = max(_WIDTH, heat.CELL * n_columns) if n_columns <= _MOST_COLUMNS else _WIDTH
    named = heat.label_width(list(pairs["motif"])) + heat.label_width(list(pairs["gene"]))
    size = (2 * width + 1.1 + named + (1.6 if strip else 0.6), height + 1.5)
    figure = plt.figure(figsize=figsize or size, dpi=dpi, layout="constrained")
    ratios = [width, width, 0.9]
    if not strip:
        return list(figure.subplots(1, _PANELS, width_ratios=ratios)), []
    panels = figure.subplots(2, _PANELS, width_ratios=ratios, height_ratios=[_STRIP, height])
    panels[0, 2].remove()
    return list(panels[1]), list(panels[0, :2])


def _draw(
    drawn: list[Axes],
    strips: list[Axes],
    acting: np.ndarray,
    levels: np.ndarray,
    pairs: pd.DataFrame,
    columns: list[str],
    layout: heat.Layout,
    *,
    grouped: bool,
    cmap: Any,
) -> None:
    left, middle, right = drawn
    colors = cmap or heat.diverging()
    motifs = list(pairs["motif"])
    # a motif is named once
    labels = ["" if i and motifs[i - 1] == name else name for i, name in enumerate(motifs)]
    for ax, matrix, names, said in ((left, acting, labels, "motif activity"), (middle, levels, list(pairs["gene"]),
                                                                               "expression")):  # fmt: skip
        image = heat.draw(ax, matrix, colors, -_END, _END)
        ax.set_yticks(range(len(names)), heat.fitting(names, heat.NAME_POINTS, heat.LABEL_SIZE))
        heat.name_columns(ax, columns, "groups" if grouped else "rows", most=_MOST_COLUMNS)
        (ax if not strips else strips[ax is middle]).set_title(said)
    for ax in strips:
        heat.draw_strip(ax, layout, vertical=False)
    for ax in strips[1:]:
        ax.set_ylabel("")
    r = pairs["correlation"].to_numpy(dtype=np.float64)
    right.barh(range(len(r)), r, color=[direction_color(value) for value in r], height=0.7)
    right.axvline(0, color=ink(), linewidth=0.8)
    right.set_xlim(-1, 1)
    right.set_xticks([-1, 0, 1])
    right.set_ylim(len(r) - 0.5, -0.5)
    right.set_yticks([])
    right.spines["left"].set_visible(False)
    right.set_xlabel(f"correlation\n(n = {len(columns)})")
    heat.draw_bar([left, middle], image, "z-score", room=2 * _WIDTH, location="bottom", extend="both")
