"""Predicted against observed dAP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._core.correlation import r2
from iceqream._stored_models import trajectory_model
from iceqream.get import predictions_df
from iceqream.pl._scores import r2_text
from iceqream.pl._style import DENSITY, density_order, faint, finish, given_axes, grid, house_style, set_title

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData

_TITLES = {"train": "Training peaks", "test": "Held-out peaks"}


def prediction_scatter(
    data: AnnData | MuData,
    key: str = _keys.MODEL,
    *,
    trajectory: str | None = None,
    split: str | Sequence[str] = ("train", "test"),
    mod: str = _keys.ATAC,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Axes | Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Plot predicted against observed dAP, one panel for the training and one for the held-out peaks.

    Points are coloured by their local density and rasterised, so that vector files stay small; each panel gives the
    number of peaks and the squared correlation, with its 95 % interval where the model knows it. The grey line is
    equality.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model.
    key, trajectory, mod
        As in `iceqream.get.model`.
    split
        ``"train"``, ``"test"`` or both.
    title
        Title of the figure.
    figsize, dpi
        Size of a new figure, inches, and its resolution; ``None`` takes what the panels need.
    axes
        Axes to draw into, one per panel.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    List of axes if `show` is false (or `axes` were given), else ``None``.

    Raises
    ------
    KeyError
        If there is no model under the key.
    ValueError
        If a split is unknown, holds no peak, or axes do not match the panels.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> axes = iq.pl.prediction_scatter(adata, show=False)
    >>> [ax.get_title().split(chr(10))[0] for ax in axes]
    ['Training peaks, n = 480', 'Held-out peaks, n = 120']
    """
    from matplotlib.ticker import MaxNLocator

    fitted = trajectory_model(data, key, trajectory, mod)
    table = predictions_df(data, key, trajectory=trajectory, mod=mod)
    splits = [split] if isinstance(split, str) else list(split)
    present = {name: table[table[_keys.SPLIT] == name] for name in splits}
    empty = [name for name in splits if name not in _TITLES or len(present[name]) == 0]
    if len(splits) > 1 and len(empty) < len(splits) and all(name in _TITLES for name in empty):
        splits = [name for name in splits if name not in empty]
        empty = []
    if empty or not splits:
        msg = f"split must be 'train', 'test' or both and hold peaks; {empty[0] if empty else split!r} does not."
        raise ValueError(msg)
    given = given_axes(axes, len(splits))
    with house_style(save):
        drawn = grid(len(splits), 2, 3.3, 3.3, figsize=figsize, dpi=dpi)[1] if given is None else given
        both = table.loc[table[_keys.SPLIT].isin(splits), [_keys.DAP, _keys.PREDICTION]].to_numpy()
        span = np.abs(both).max() * 1.04
        for ax, name in zip(drawn, splits, strict=True):
            x, y = present[name][_keys.PREDICTION].to_numpy(), present[name][_keys.DAP].to_numpy()
            order, density = density_order(x, y)
            ax.plot([-span, span], [-span, span], color=faint(), linewidth=1, zorder=0)
            ax.scatter(x[order], y[order], c=np.log1p(density[order]), s=5, cmap=DENSITY, linewidths=0, rasterized=True)
            ax.set_title(f"{_TITLES[name]}, n = {len(x):,}\n{r2_text(fitted.stats, name, r2(x, y))}")
            ax.set_xlabel(f"Predicted dAP, {fitted.states[0]} → {fitted.states[1]}")
            ax.set_ylim(-span, span)
            ax.set_xlim(-span, span)
            for axis in (ax.xaxis, ax.yaxis):
                axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
            ax.set_aspect("equal")
        drawn[0].set_ylabel("Observed dAP")
        set_title(drawn[0].figure, title)
    return finish(drawn[0].figure, drawn, given=given is not None, show=show, save=save, dpi=dpi)
