"""Motifs in bound sequences and in a background."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream._core.messages import known_names
from iceqream.pl._names import fitting, panel_points
from iceqream.pl._style import (
    LABEL_SIZE,
    NEUTRAL,
    OPENING,
    TITLE_SIZE,
    faint,
    finish,
    given_axes,
    house_style,
    ink,
    set_title,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from matplotlib.axes import Axes

    from iceqream.motifs.validation import PeakValidation

DEFAULT_MOTIFS = 15
_CURVES = 3
_ROW = 0.22
"""Height of a motif, inches."""
_NAMES = 110.0
"""Room for names, points."""


def validate_peaks(
    data: PeakValidation,
    motifs: str | Sequence[str] | None = None,
    *,
    n_motifs: int = DEFAULT_MOTIFS,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw how well motifs tell bound sequences from the background (paper fig. 2I).

    AUROC with its 95 % interval of each motif, and of the best three the share of peaks and of background sequences
    that reach an energy.

    Parameters
    ----------
    data
        As `iceqream.tl.validate_peaks` returned it.
    motifs
        Name or names; ``None`` takes the best.
    n_motifs
        How many motifs ``motifs=None`` draws.
    title
        Title of the figure.
    figsize, dpi
        Size of a new figure, inches, and its resolution; ``None`` takes what the panels need.
    axes
        Axes to draw into: AUROC, then as many as there are curves to draw.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    List of axes if `show` is false (or `axes` were given), else ``None``.

    Raises
    ------
    KeyError
        If there is no such motif.
    ValueError
        If `n_motifs` is below 1, or the number of axes is wrong.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> bound = adata.varm["occupancy"][:, 0] > 0.6
    >>> peaks, others = adata.varm["sequence"][bound], adata.varm["sequence"][~bound]
    >>> library = iq.datasets.simulated_motifs()
    >>> result = iq.tl.validate_peaks(library, peaks, background=others, n_background=2)
    >>> len(iq.pl.validate_peaks(result, show=False))
    4
    """
    if n_motifs < 1:
        msg = f"n_motifs must be at least 1, got {n_motifs}."
        raise ValueError(msg)
    known = list(map(str, data.table.index))
    names = known[:n_motifs] if motifs is None else known_names(motifs, known, "There was no motif")
    n_curves = min(len(names), _CURVES)
    given = given_axes(axes, 1 + n_curves)
    with house_style(save):
        drawn = given or _new_axes(len(names), n_curves, figsize, dpi)
        _draw_auroc(drawn[0], data, names)
        for ax, name in zip(drawn[1:], names[:n_curves], strict=True):
            _draw_energies(ax, data, name, len(drawn) if given is None else None)
        if n_curves:
            drawn[1].set_ylabel("share of sequences with more")
            drawn[1].legend(frameon=False, loc="upper right", handlelength=1.2, borderpad=0)
        set_title(drawn[0].figure, title)
    return finish(drawn[0].figure, drawn, given=given is not None, show=show, save=save, dpi=dpi)


def _new_axes(n: int, n_curves: int, figsize: tuple[float, float] | None, dpi: float | None) -> list[Axes]:
    import matplotlib.pyplot as plt

    size = figsize or (3.6 + 2.3 * n_curves, max(2.4, 0.8 + _ROW * n))
    panels = plt.subplots(
        1, 1 + n_curves, figsize=size, dpi=dpi, layout="constrained", width_ratios=[1.2] + [1] * n_curves
    )[1]
    return list(np.atleast_1d(panels))


def _draw_auroc(ax: Axes, data: PeakValidation, names: list[str]) -> None:
    table = data.table.loc[names]
    middle, y = table["auroc"].to_numpy(), np.arange(len(names))
    reach = np.abs(table[["auroc_low", "auroc_high"]].to_numpy().T - middle)
    ax.axvline(0.5, color=faint(), linewidth=1, zorder=0)
    ax.errorbar(middle, y, xerr=reach, fmt="o", color=ink(), markersize=4, linewidth=1.2)
    ax.set_yticks(y, fitting(names, _NAMES, LABEL_SIZE))
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlim(min(0.48, float(table["auroc_low"].min()) - 0.02), 1.02)
    ax.set_xlabel(f"AUROC, 95 % interval\n({len(data.peaks):,} peaks, {len(data.background):,} background)")


def _draw_energies(ax: Axes, data: PeakValidation, name: str, n_panels: int | None) -> None:
    column = list(map(str, data.motifs.names)).index(name)
    row = data.table.loc[name]
    for values, color, label in ((data.background, NEUTRAL, "background"), (data.peaks, OPENING, "peaks")):
        x = np.sort(values[:, column])
        ax.step(x, 1 - np.arange(len(x)) / len(x), where="post", color=color, label=label, linewidth=1.4)
    ends = np.quantile(np.concatenate([data.peaks[:, column], data.background[:, column]]), [0.005, 1])
    ax.set_xlim(ends[0], ends[1])
    ax.set_ylim(0, 1.02)
    ax.set_title(fitting([name], panel_points(ax, n_panels), TITLE_SIZE)[0])
    said = f"KS {row['ks']:.2f}, q {row['q']:.0e}" if row["q"] >= 1e-300 else f"KS {row['ks']:.2f}, q < 1e-300"
    ax.set_xlabel(f"energy (log2)\n{said}")
