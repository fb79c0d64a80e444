"""A model beside simpler and other models: held-out R2 and paired differences (paper fig. 2E)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream.get import model_comparison_df
from iceqream.get._lineages import stored_answer
from iceqream.pl._style import (
    HELD_OUT,
    NEUTRAL,
    TRAINING,
    faint,
    finish,
    given_axes,
    grid,
    house_style,
    ink,
    outliers,
    set_title,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData

_IQ = "iq"
_MARK = 20
_ROOM = 0.05
_LEAST = 1e-3
"""Width of the axis of differences, at least."""


def compare_models(
    data: AnnData | MuData,
    *,
    key: str = _keys.MODEL_COMPARISON,
    mod: str = _keys.ATAC,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw the R2 of a model and of others, and how each differs from the model on the same held-out peaks.

    Lines are 95 % intervals; differences whose interval holds 0 are grey. Differences that are more than four times as
    large as all others are written, but lie outside of the panel (an arrow points to them).

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData after `iceqream.tl.compare_models`.
    key, mod
        As in `iceqream.get.model_comparison_df`.
    title
        Title of the figure.
    figsize, dpi
        Size of a new figure, inches, and its resolution; ``None`` takes what the panels need.
    axes
        Two axes to draw into: R2 and differences.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    List of axes if `show` is false (or `axes` were given), else ``None``.

    Raises
    ------
    KeyError
        If there is no comparison under the key.
    ValueError
        If there are not two axes.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.tl.compare_models(adata, motifs=library, models=["features", "pbm_linear"])
    >>> iq.pl.compare_models(adata, show=False)[0].get_yticklabels()[-1].get_text()
    'IQ'
    """
    table = model_comparison_df(data, key, mod=mod)
    n_folds = len(stored_answer(data, key, _keys.COMPARE_MODELS, mod)["folds"])
    over = f", mean of {n_folds} folds" if n_folds > 1 else ""
    position = np.arange(len(table))
    given = given_axes(axes, 2)
    with house_style(save):
        drawn = given or grid(2, 2, 3.6, 0.95 + 0.26 * len(table), figsize=figsize, dpi=dpi)[1]
        scores, differences = drawn
        scores.hlines(position, table["r2_low"], table["r2_high"], color=HELD_OUT, linewidth=1.2, zorder=2)
        for name, color, label in (("r2_train", TRAINING, "training"), ("r2", HELD_OUT, "held out")):
            scores.scatter(table[name], position, color=color, s=_MARK, label=label, zorder=3, clip_on=False)
        scores.set_yticks(position, table["label"])
        scores.set_xlim(left=0)
        scores.set_xlabel(f"$R^2${over}")
        scores.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, handletextpad=0.1, borderpad=0)
        _draw_differences(differences, table)
        for ax in drawn:
            ax.set_ylim(len(table) - 0.4, -0.6)
            ax.tick_params(axis="y", length=0)
            ax.locator_params(axis="x", nbins=5)
        set_title(scores.figure, title)
    return finish(scores.figure, drawn, given=given is not None, show=show, save=save, dpi=dpi)


def _draw_differences(ax: Axes, table: pd.DataFrame) -> None:
    """Draw the differences to the model, and write them beside; of a few large ones only the number is in the panel."""
    position, others = np.arange(len(table)), (table.index != _IQ)
    rows, part = position[others], table[others]
    tells = (part["low"] > 0) | (part["high"] < 0)
    colors = np.where(tells, ink(), NEUTRAL)
    ax.axvline(0, color=faint(), linewidth=1, zorder=0)
    ax.hlines(rows, part["low"], part["high"], color=colors, linewidth=1.2)
    ax.scatter(part["difference"], rows, color=colors, s=_MARK, zorder=3)
    far = outliers(part["difference"].abs().to_numpy()) if len(part) > 1 else np.zeros(len(part), dtype=bool)
    ends = part.loc[~far, ["low", "high"]].to_numpy()
    low, high = min(float(ends.min(initial=0.0)), 0.0), max(float(ends.max(initial=0.0)), 0.0)
    room = _ROOM * max(high - low, _LEAST)
    ax.set_xlim(low - room, high + room)
    for row, color, outside, (value, se) in zip(rows, colors, far, part[["difference", "se"]].to_numpy(), strict=True):
        said = f"{round(value, 3) + 0.0:+.3f} ± {se:.3f}"
        ax.text(1.02, row, said, transform=ax.get_yaxis_transform(), va="center", fontsize=7.5, color=color)
        if outside:
            ends_at, mark = (0.0, "◂") if value < 0 else (1.0, "▸")
            ax.text(ends_at, row, mark, transform=ax.get_yaxis_transform(), va="center", ha="center", color=color)
    ax.set_yticks(position, [])
    ax.set_xlabel("Difference of held-out $R^2$ to IQ")
    ax.text(
        1.02, -1.0, "± standard error", transform=ax.get_yaxis_transform(), va="center", fontsize=7.5, color=NEUTRAL
    )
