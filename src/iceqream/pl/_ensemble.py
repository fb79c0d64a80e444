"""An ensemble of predictions: R2, weights, and who explains which peaks (paper fig. 5E)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

from iceqream import _keys
from iceqream._anndata import get_adata
from iceqream._core.messages import known_names
from iceqream.get import ensemble_df, error_classes_df
from iceqream.get._lineages import stored_answer
from iceqream.pl._style import (
    CATEGORIES,
    HELD_OUT,
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

    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData

_IQ, _ENSEMBLE = "iq", "ensemble"
_MARK = 20
_POINT = 7
_WIDE = 1.1
"""Of the outermost errors."""


def ensemble(
    data: AnnData | MuData,
    *,
    other: str | None = None,
    key: str = _keys.ENSEMBLE,
    mod: str = _keys.ATAC,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw R2 of a model, other predictions and their ensemble, the weights, and the errors of two of them.

    Lines are 95 % intervals. Weights are per standard deviation of prediction and dAP. On the right each point is a
    held-out peak; dashed lines are the largest errors of peaks that count as explained, of which the
    legend tells the share, and above that of the mean dAP alone.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData after `iceqream.tl.ensemble`.
    other
        Prediction whose errors are drawn against the model's; ``None`` takes the first.
    key, mod
        As in `iceqream.get.ensemble_df`.
    title
        Title of the figure.
    figsize, dpi
        Size of a new figure, inches, and its resolution; ``None`` takes what the panels need.
    axes
        Three axes to draw into: R2, weights, errors.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    List of axes if `show` is false (or `axes` were given), else ``None``.

    Raises
    ------
    KeyError
        If there is no ensemble under the key, or no such prediction in it.
    ValueError
        If there are not three axes.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> noise = np.random.default_rng(0).normal(size=adata.n_vars)
    >>> iq.tl.ensemble(adata, {"a network": adata.varm["iq"]["dap"] + 0.1 * noise})
    >>> iq.pl.ensemble(adata, show=False)[2].get_ylabel()
    'Error of a network, dAP'
    """
    table = ensemble_df(data, key, mod=mod)
    others = table.index[1:-1]
    name = str(others[0]) if other is None else known_names(other, others, "The ensemble has no prediction")[0]
    given = given_axes(axes, 3)
    with house_style(save):
        drawn = given or grid(3, 3, 3.3, 3.3, figsize=figsize, dpi=dpi)[1]
        labels = ["IQ" if one == _IQ else one for one in table.index]
        position = np.arange(len(table))
        _intervals(drawn[0], position, table["r2"], table["r2_low"], table["r2_high"])
        drawn[0].set_yticks(position, labels)
        drawn[0].set_xlim(left=0)
        drawn[0].set_xlabel("$R^2$ of held-out peaks")
        alone = table.drop(index=_ENSEMBLE)
        reach = ndtri(0.975) * alone["standardized_se"]
        weight = alone["standardized"]
        _intervals(drawn[1], position[:-1], weight, np.maximum(weight - reach, 0.0), weight + reach)
        drawn[1].axvline(0, color=faint(), linewidth=1, zorder=0)
        drawn[1].set_yticks(position[:-1], labels[:-1])
        drawn[1].set_xlabel("Standardised weight")
        for ax in drawn[:2]:
            ax.set_ylim(len(table) - 0.4, -0.6)
            ax.tick_params(axis="y", length=0)
            ax.locator_params(axis="x", nbins=5)
        _draw_errors(drawn[2], data, name, key, mod)
        set_title(drawn[0].figure, title)
    return finish(drawn[0].figure, drawn, given=given is not None, show=show, save=save, dpi=dpi)


def _intervals(ax: Axes, position: np.ndarray, values: Any, low: Any, high: Any) -> None:
    ax.hlines(position, low, high, color=HELD_OUT, linewidth=1.2, zorder=2)
    ax.scatter(values, position, color=HELD_OUT, s=_MARK, zorder=3, clip_on=False)


def _draw_errors(ax: Axes, data: AnnData | MuData, name: str, key: str, mod: str) -> None:
    """Draw the errors of the model and of another prediction, in the colours of who explains the peak."""
    from matplotlib.ticker import MaxNLocator

    params = stored_answer(data, key, _keys.ENSEMBLE, mod)["params"]
    table = get_adata(data, mod).varm[key]
    classes = error_classes_df(data, key, mod=mod).query("other == @name").set_index("class")
    own, others = (table[one] - table[_keys.DAP] for one in (_IQ, name))
    limit = float(params["threshold"])
    by_own, by_other = own.abs() < limit, others.abs() < limit
    said = {"both": "both", "iq": "IQ alone", "other": name + " alone", "neither": "neither"}
    inside = {"both": by_own & by_other, "iq": by_own & ~by_other, "other": ~by_own & by_other}
    inside["neither"] = own.notna() & ~by_own & ~by_other
    colors = {"both": CATEGORIES[2], "iq": CATEGORIES[0], "other": CATEGORIES[1], "neither": faint(0.4)}
    fractions = classes["fraction"].astype(float)
    for one, mask in inside.items():
        label = f"{said[one]}: {fractions[one]:.0%}"
        ax.scatter(own[mask], others[mask], s=_POINT, color=colors[one], linewidths=0, label=label, rasterized=True)
    by_mean = f"(of the mean: {classes['n_by_mean'].sum() / classes['n_peaks'].sum():.0%})"
    span = _WIDE * max(float(own.abs().max()), float(others.abs().max()), limit)
    for end in (-limit, limit):
        ax.axvline(end, color=ink(), linewidth=0.6, linestyle="--")
        ax.axhline(end, color=ink(), linewidth=0.6, linestyle="--")
    ax.set_xlim(-span, span)
    ax.set_ylim(-span, span)
    ax.set_aspect("equal")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.set_xlabel("Error of IQ, dAP")
    ax.set_ylabel(f"Error of {name}, dAP")
    ax.legend(
        frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, handletextpad=0.1, borderpad=0,
        columnspacing=0.8, markerscale=2.0, title=f"Error below {limit:.2g} {by_mean}",
        title_fontsize=8,
    ).set_in_layout(True)  # fmt: skip
