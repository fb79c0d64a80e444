"""What two sites do together, by distance and orientation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream.pl._style import CATEGORIES, faint, finish, given_axes, grid, house_style, set_title

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import pandas as pd
    from matplotlib.axes import Axes

_NEEDED = ("strands", "distance", "effect", "effect_se", "beyond", "beyond_se")
_INTERVAL = 1.96


def spacing_scan(
    data: pd.DataFrame,
    *,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw the effect of two sites, and what it is beyond the sum of both, by their distance, with 95 % bands.

    Parameters
    ----------
    data
        From `iceqream.tl.spacing_scan`.
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
    List of axes if `show` is false (or `axes` were given), else ``None``.

    Raises
    ------
    ValueError
        If the table lacks a column, or there are not two axes.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> scan = iq.tl.spacing_scan(adata, "GATA", "PU.1", distances=[10, 50], n_sequences=5)
    >>> len(iq.pl.spacing_scan(scan, show=False))
    2
    """
    missing = [name for name in _NEEDED if name not in data]
    if missing:
        msg = f"The table lacks {', '.join(missing)}: give what iq.tl.spacing_scan returns."
        raise ValueError(msg)
    given = given_axes(axes, 2)
    with house_style(save):
        drawn = grid(2, 2, 3.1, 2.6, figsize=figsize, dpi=dpi)[1] if given is None else given
        labels = ("effect of both sites", "beyond the sum of both")
        for ax, name, label in zip(drawn, ("effect", "beyond"), labels, strict=True):
            ax.axhline(0, color=faint(), linewidth=0.8, zorder=0)
            for i, (strands, part) in enumerate(data.groupby("strands", sort=False)):
                color = CATEGORIES[i % len(CATEGORIES)]
                x, y = part["distance"].to_numpy(dtype=float), part[name].to_numpy(dtype=float)
                reach = _INTERVAL * np.nan_to_num(part[f"{name}_se"].to_numpy(dtype=float))
                ax.fill_between(x, y - reach, y + reach, color=color, alpha=0.18, linewidth=0)
                said = f"{str(strands)[0]} {str(strands)[1]}".replace("-", "\N{MINUS SIGN}")
                ax.plot(x, y, color=color, marker="o", markersize=3, linewidth=1.3, label=said)
            ax.set_xlabel("bp between the sites")
            ax.set_ylabel(label)
        drawn[0].legend(frameon=False, title="strands", title_fontsize=8, loc="best", handlelength=1.2)
        set_title(drawn[0].figure, title)
    return finish(drawn[0].figure, drawn, given=given is not None, show=show, save=save, dpi=dpi)
