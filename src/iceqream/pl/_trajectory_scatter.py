"""What motifs do in one trajectory against what they do in another."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._stored_models import manifold_model
from iceqream.get import manifold_df
from iceqream.pl._label_places import write_labels
from iceqream.pl._manifold_parts import doubts, looks
from iceqream.pl._names import fitting
from iceqream.pl._style import NEUTRAL, faint, finish, house_style, ink, one_axes, paper, set_title

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData

    from iceqream.models import ManifoldModel

logger = logging.getLogger(__name__)

DEFAULT_LABELS = 30
_SIDE = 4.6
_LABEL_SIZE, _LABEL_POINTS = 7.0, 80.0
_SURE = 2.0


def trajectory_scatter(
    data: AnnData | MuData | ManifoldModel,
    first: str,
    second: str,
    *,
    key: str = _keys.MANIFOLD,
    n_labels: int = DEFAULT_LABELS,
    mod: str = _keys.ATAC,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Plot the effect of each motif in one trajectory against its effect in another.

    Lines through points are a standard error to either side. A motif that only one of the two uses lies on that one's
    axis, hollow. Names are written from the strongest on, where there is room, of motifs at least two standard errors
    from 0 in either.

    Parameters
    ----------
    data
        AnnData or MuData with a manifold (`iceqream.tl.fit_manifold`), or its model.
    first, second
        Names of the trajectories on x and on y.
    key, mod
        As in `iceqream.get.model`.
    n_labels
        How many motifs are named at most.
    title
        Title of the figure.
    figsize, dpi
        Size of a new figure, inches, and its resolution; ``None`` takes what the panels need.
    ax
        Axes to draw into.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    Axes if `show` is false (or `ax` was given), else ``None``.

    Raises
    ------
    KeyError
        If there is no model, or no trajectory of that name.
    ValueError
        If the model is of one trajectory, both names are the same, or neither trajectory uses a motif.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> ends = {"early": ("S1", "S3"), "late": ("S2", "S4")}
    >>> library = iq.datasets.simulated_motifs(decoys=False)
    >>> iq.tl.fit_manifold(adata, ends, motifs=library, min_tss_distance=None, size_folds=0)
    >>> iq.pl.trajectory_scatter(adata, "early", "late", show=False).get_xlabel()
    'effect in early (logit) ± SE'
    """
    manifold = manifold_model(data, key, mod)
    names = [str(first), str(second)]
    for name in names:
        manifold[name]  # an unknown one is named in the error
    if first == second:
        msg = f"first and second are both {first!r}: name two trajectories."
        raise ValueError(msg)
    effects = manifold_df(manifold)[names].dropna(how="all")
    errors = manifold_df(manifold, quantity="effect_se")[names].loc[effects.index]
    if effects.empty:
        msg = f"Neither {first!r} nor {second!r} uses a motif of the manifold."
        raise ValueError(msg)
    strength = (effects.fillna(0) ** 2).sum(axis=1).to_numpy()
    effects, errors = (table.iloc[np.argsort(-strength, kind="stable")] for table in (effects, errors))
    with house_style(save):
        drawn = one_axes(_SIDE, _SIDE, figsize=figsize, dpi=dpi) if ax is None else ax
        set_title(drawn.figure, title, doubts(manifold, names) if ax is None else "")
        _draw_points(drawn, effects, errors, {name: look.color for name, look in looks(manifold.names).items()})
        drawn.set_xlabel(f"effect in {first} (logit) ± SE")
        drawn.set_ylabel(f"effect in {second} (logit) ± SE")
        # places depend on where the axes come to lie
        figure: Any = drawn.figure
        figure.draw_without_rendering()
        _label(drawn, effects, errors, n_labels)
    return finish(drawn.figure, drawn, given=ax is not None, show=show, save=save, dpi=dpi)


def _draw_points(ax: Axes, effects: pd.DataFrame, errors: pd.DataFrame, colors: dict[str, str]) -> None:
    both = effects.notna().all(axis=1).to_numpy()
    ax.axhline(0, color=faint(), linewidth=0.8, zorder=0)
    ax.axvline(0, color=faint(), linewidth=0.8, zorder=0)
    ax.axline((0, 0), slope=1, color=faint(0.35), linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    at, wide = effects.fillna(0).to_numpy(), errors.fillna(0).to_numpy()
    ax.errorbar(at[:, 0], at[:, 1], xerr=wide[:, 0], yerr=wide[:, 1], fmt="none", ecolor=faint(0.4), elinewidth=0.7,
                zorder=1)  # fmt: skip
    ax.scatter(at[both, 0], at[both, 1], s=18, color=ink(), linewidths=0, zorder=3, label=f"in both ({both.sum()})")
    for name in effects.columns:
        only = (effects[name].notna() & ~both).to_numpy()
        if only.any():
            ax.scatter(at[only, 0], at[only, 1], s=18, facecolor=paper(), edgecolor=colors[name], linewidths=1.1,
                       zorder=3, label=f"in {name} only ({only.sum()})")  # fmt: skip
    reach = float(np.abs([at - wide, at + wide]).max(initial=0.0)) or 1.0
    ax.set_xlim(-1.12 * reach, 1.12 * reach)
    ax.set_ylim(-1.12 * reach, 1.12 * reach)
    ax.set_aspect("equal")
    ax.locator_params(nbins=6)
    ax.legend(
        frameon=False, loc="lower left", bbox_to_anchor=(0, 1), fontsize=7.5, handletextpad=0.1, borderpad=0
    )  # fmt: skip


def _label(ax: Axes, effects: pd.DataFrame, errors: pd.DataFrame, n_labels: int) -> None:
    told = (effects.abs() >= _SURE * errors.fillna(0)).any(axis=1).to_numpy()
    order = np.concatenate([np.flatnonzero(told), np.flatnonzero(~told)])
    named = [str(effects.index[i]) for i in order[: min(n_labels, int(told.sum()))]]
    at = effects.fillna(0).to_numpy()[order]
    shown = fitting(named, _LABEL_POINTS, _LABEL_SIZE)
    without = write_labels(ax, at[:, 0], at[:, 1], shown, size=_LABEL_SIZE, colors=[ink()] * len(shown), color=NEUTRAL)
    if without:
        logger.info("There was no room for %d of %d names", len(without), len(named))
