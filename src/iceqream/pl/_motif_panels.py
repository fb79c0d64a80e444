"""What a motif does: dAP by its energy, where it acts, where its hits are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._stored_models import trajectory_model
from iceqream.get import energy_bins_df, motifs_df, spatial_frequency_df
from iceqream.models.trajectory import check_has_motifs
from iceqream.pl._names import fitting, panel_points
from iceqream.pl._style import (
    CLOSING,
    DENSITY,
    LABEL_SIZE,
    NEUTRAL,
    OPENING,
    TITLE_SIZE,
    direction_color,
    faint,
    finish,
    given_axes,
    grid,
    house_style,
    ink,
    one_axes,
    set_title,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData

    from iceqream.models import TrajectoryModel

DEFAULT_MOTIFS = 12
_MIN_PEAKS = 5
_RARE = 0.02
"""Sites per peak below which a motif is called rare."""
_NAME_POINTS = 110.0


def energy_boxplot(
    data: AnnData | MuData,
    motifs: Sequence[str] | None = None,
    *,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    n_motifs: int = DEFAULT_MOTIFS,
    ncols: int = 4,
    mod: str = _keys.ATAC,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Plot dAP by bins of each motif's energy, with a Kolmogorov-Smirnov test of the highest against the lowest bin.

    Boxes span the quartiles, whiskers the 5 % and 95 % quantiles; bins of fewer than five peaks are left empty. The
    numbers are `iceqream.get.energy_bins_df`.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model.
    motifs
        Names; ``None`` takes the motifs with the strongest effect.
    key, trajectory, mod
        As in `iceqream.get.model`.
    n_motifs
        How many motifs ``motifs=None`` draws.
    ncols
        Panels per row.
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
        If there is no model or motif of that name.
    ValueError
        If the model has no motifs, or axes do not match them.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> len(iq.pl.energy_boxplot(adata, n_motifs=2, show=False))
    2
    """
    fitted = trajectory_model(data, key, trajectory, mod)
    names, effects = _strongest(fitted, motifs, n_motifs)
    table = energy_bins_df(data, key, trajectory=trajectory, motifs=names, mod=mod)
    given = given_axes(axes, len(names))
    with house_style(save):
        drawn = grid(len(names), ncols, 2.1, 1.9, figsize=figsize, dpi=dpi)[1] if given is None else given
        low, high = table["q5"].min(), table["q95"].max()
        labels = _titles(drawn, names, None if given else ncols)
        for ax, name, label in zip(drawn, names, labels, strict=True):
            draw_energy_bins(ax, table[table["motif"] == name], direction_color(effects.get(name, 0.0)))
            ax.set_title(label, color=direction_color(effects.get(name, 0.0)))
            ax.set_ylim(low - 0.05 * (high - low), high + 0.28 * (high - low))
        for i, ax in enumerate(drawn):
            if i % max(1, min(ncols, len(drawn))) == 0:
                ax.set_ylabel("dAP")
            ax.set_xlabel("energy")
        set_title(drawn[0].figure, title, fitted.doubt if given is None else "")
    return finish(drawn[0].figure, drawn, given=given is not None, show=show, save=save, dpi=dpi)


def spatial_curves(
    data: AnnData | MuData,
    *,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    mod: str = _keys.ATAC,
    cmap: str = DENSITY,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Plot where each motif acts: its spatial curve as a row of a heatmap (paper fig. 3D), the sharpest first.

    A curve is divided by its mean: 1 is what a uniform curve has everywhere.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model.
    key, trajectory, mod
        As in `iceqream.get.model`.
    cmap
        Colours of the heatmap.
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
        If there is no model under the key.
    ValueError
        If the model has no motifs.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.pl.spatial_curves(adata, show=False).get_xlabel()
    'Distance from the centre of the peak, bp'
    """
    fitted = trajectory_model(data, key, trajectory, mod)
    check_has_motifs(fitted)
    spatial = fitted.pbms.spatial
    relative = spatial.weights / spatial.weights.mean(axis=1, keepdims=True)
    order = np.argsort(-relative.max(axis=1), kind="stable")
    effects = motifs_df(fitted)["effect"]
    n_bins = relative.shape[1]
    edges = spatial.start + spatial.bin_size * np.arange(n_bins + 1) - fitted.width / 2
    with house_style(save):
        drawn = one_axes(4.4, 0.9 + 0.2 * len(order), figsize=figsize, dpi=dpi) if ax is None else ax
        image = drawn.pcolormesh(edges, np.arange(len(order) + 1), relative[order], cmap=cmap, vmin=0)
        drawn.set_ylim(len(order), 0)
        names = fitted.motif_names[order]
        drawn.set_yticks(np.arange(len(order)) + 0.5, fitting(names, _NAME_POINTS, LABEL_SIZE))
        for label, name in zip(drawn.get_yticklabels(), names, strict=True):
            label.set_color(direction_color(float(effects.get(name, 0.0))))
        drawn.tick_params(axis="y", length=0)
        drawn.set_xlabel("Distance from the centre of the peak, bp")
        drawn.figure.colorbar(image, ax=drawn, label="weight / mean", shrink=min(1.0, 6 / len(order)), pad=0.02)
        if title is not None:
            drawn.set_title(title)
        set_title(drawn.figure, None, fitted.doubt if ax is None else "")
    return finish(drawn.figure, drawn, given=ax is not None, show=show, save=save, dpi=dpi)


def spatial_frequency(
    data: AnnData | MuData,
    motifs: Sequence[str] | None = None,
    *,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    n_motifs: int = DEFAULT_MOTIFS,
    ncols: int = 4,
    mod: str = _keys.ATAC,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Plot how often each motif has a strong site along the peaks that open most and those that close most.

    The numbers are `iceqream.get.spatial_frequency_df`.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model.
    motifs
        Names; ``None`` takes the motifs with the strongest effect.
    key, trajectory, mod
        As in `iceqream.get.model`.
    n_motifs
        How many motifs ``motifs=None`` draws.
    ncols
        Panels per row.
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
        If there is no model or motif of that name.
    ValueError
        If the model has no motifs, or axes do not match them.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> len(iq.pl.spatial_frequency(adata, n_motifs=2, show=False))
    2
    """
    fitted = trajectory_model(data, key, trajectory, mod)
    names, effects = _strongest(fitted, motifs, n_motifs)
    table = spatial_frequency_df(data, key, trajectory=trajectory, motifs=names, mod=mod)
    given = given_axes(axes, len(names))
    with house_style(save):
        drawn = grid(len(names), ncols, 2.1, 1.7, figsize=figsize, dpi=dpi)[1] if given is None else given
        labels = _titles(drawn, names, None if given else ncols)
        columns = max(1, min(ncols, len(drawn)))
        for i, (ax, name, label) in enumerate(zip(drawn, names, labels, strict=True)):
            draw_frequency(ax, table[table["motif"] == name])
            ax.set_title(label, color=direction_color(effects.get(name, 0.0)))
            ax.set_xlabel("bp from centre")
            if i % columns == 0:
                ax.set_ylabel("sites per peak,\n20 bp", fontsize=LABEL_SIZE)
        # below the panels: inside, it would lie on the curves
        handles: list[Any] = list(drawn[0].lines[:2])
        if given is None:
            labels = ["peaks that open most (10 %)", "peaks that close most"]
            drawn[0].figure.legend(
                handles, labels, loc="outside lower center", frameon=False, ncols=2, handlelength=1
            )  # fmt: skip
        else:
            drawn[0].legend(handles, ["open most", "close most"], frameon=False, fontsize=6.5, handlelength=1)
        set_title(drawn[0].figure, title, fitted.doubt if given is None else "")
    return finish(drawn[0].figure, drawn, given=given is not None, show=show, save=save, dpi=dpi)


def draw_energy_bins(ax: Axes, table: pd.DataFrame, color: str) -> None:
    """Draw the boxes of one motif."""
    filled = (table["n"] >= _MIN_PEAKS).to_numpy()
    boxes: list[Any] = [
        {"med": row.median, "q1": row.q25, "q3": row.q75, "whislo": row.q5, "whishi": row.q95, "fliers": []}
        for row in table[filled].itertuples()
    ]
    ax.axhline(0, color=faint(), linewidth=0.8, zorder=0)
    if not filled.any():
        ax.text(0.5, 0.5, f"fewer than {_MIN_PEAKS} peaks\nin every bin", transform=ax.transAxes, ha="center",
                va="center", fontsize=6.5, color=NEUTRAL)  # fmt: skip
    else:
        ax.bxp(
            boxes, positions=list(np.flatnonzero(filled)), widths=0.65, showfliers=False, patch_artist=True,
            boxprops={"facecolor": color, "alpha": 0.35, "linewidth": 0.8},
            medianprops={"color": ink(), "linewidth": 1.2},
            whiskerprops={"color": NEUTRAL, "linewidth": 0.8}, capprops={"linewidth": 0},
        )  # fmt: skip
    ax.set_xlim(-0.6, len(table) - 0.4)
    ax.set_xticks(np.arange(len(table)), table["bin"], fontsize=6.5)
    p_value = float(table["p_value"].iloc[0])
    if np.isfinite(p_value):
        said = "p < 1e-300" if p_value < 1e-300 else f"p = {p_value:.2g}"
        ax.text(0.02, 0.99, f"KS {table['ks'].iloc[0]:.2f}, {said}", transform=ax.transAxes, va="top", fontsize=6.5)


def draw_frequency(ax: Axes, table: pd.DataFrame) -> None:
    """Draw the hits of one motif."""
    from matplotlib.ticker import MaxNLocator

    for column, color in (("top", OPENING), ("bottom", CLOSING)):
        smooth = np.convolve(np.pad(table[column].to_numpy(), 1, mode="edge"), np.ones(3) / 3, mode="valid")
        ax.plot(table["position"], smooth, color=color, linewidth=1.3)
    # the counts of a rare motif are noise: they do not fill the panel
    rare = float(table[["top", "bottom"]].sum().max()) < _RARE
    ax.set_ylim(0, max(ax.get_ylim()[1], _RARE / 10 if rare else 1e-6) * 1.2)
    if rare:
        said = f"rare: {float(table[['top', 'bottom']].sum().max()):.2g} sites per peak"
        ax.text(0.5, 0.97, said, transform=ax.transAxes, ha="center", va="top", fontsize=6.5, color=NEUTRAL)
    ax.yaxis.set_major_locator(MaxNLocator(4))
    ax.set_xlim(table["position"].min(), table["position"].max())


def _titles(axes: Sequence[Axes], names: Sequence[str], columns: int | None) -> list[str]:
    """Return the names as titles that do not reach into the next panel; `columns` of a new figure."""
    shown = None if columns is None else max(1, min(columns, len(axes)))
    return fitting(names, min(panel_points(ax, shown) for ax in axes), TITLE_SIZE)


def _strongest(
    fitted: TrajectoryModel, motifs: Sequence[str] | None, n_motifs: int
) -> tuple[list[str], dict[str, float]]:
    check_has_motifs(fitted)
    effects = motifs_df(fitted)["effect"]
    names = [str(name) for name in (effects.index[:n_motifs] if motifs is None else motifs)]
    return names, {str(name): float(value) for name, value in effects.items()}
