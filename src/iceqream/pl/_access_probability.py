"""Whether access probabilities are right: steps of the normalisation, constitutive peaks, states compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np

from iceqream import _keys
from iceqream._anndata import dense, get_adata
from iceqream._core.access_probability import PSEUDO, lowest_signal, normalize_regional
from iceqream._core.messages import examples
from iceqream.pl._style import (
    CLOSING,
    FAINT,
    INK,
    NEUTRAL,
    OPENING,
    RC,
    SIZE_WIDE,
    density_order,
    finish,
    given_axes,
    grid,
    one_axes,
    state_colors,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData


def normalization(
    data: AnnData | MuData,
    state: str,
    anchor: str,
    *,
    key: str = _keys.ACCESS_PROBABILITY,
    mod: str = _keys.ATAC,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Plot one state against another at each step of the normalisation, constitutive peaks in red.

    Counts, regional normalisation, constitutive normalisation (where `iceqream.pp.access_probability` kept them) and
    access probability. After a right normalisation the constitutive peaks lie on the diagonal and near the top.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with access probabilities.
    state, anchor
        State on the y axis, state on the x axis.
    key
        Layer of the access probabilities.
    mod
        Modality of a MuData that holds the peaks.
    axes
        Axes to draw into, one per step.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    List of axes if `show` is false (or `axes` were given), else ``None``.

    Raises
    ------
    KeyError
        If a state or the layer is missing.
    ValueError
        If axes do not match the steps.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1000, rng=0)
    >>> iq.pp.access_probability(adata, keep_steps=True)
    >>> axes = iq.pl.normalization(adata, "S4", "S1", show=False)
    >>> [ax.get_title() for ax in axes]
    ['Counts', 'Regional', 'Constitutive', 'Access probability']
    """
    adata = _with_layer(data, key, mod)
    rows = _rows(adata, (anchor, state))
    red = _constitutive(adata)
    steps = [("Counts", dense(adata.X), "log2(1 + count)")]
    for layer, title in (("norm_regional", "Regional"), ("norm_const", "Constitutive")):
        if layer in adata.layers:
            steps.append((title, dense(adata.layers[layer]), "log2(signal)"))
    steps.append(("Access probability", dense(adata.layers[key]), "access probability"))
    given = given_axes(axes, len(steps))
    with mpl.rc_context(RC):
        drawn = grid(len(steps), 4, 2.7, 2.9)[1] if given is None else given
        for ax, (title, values, unit) in zip(drawn, steps, strict=True):
            x, y = (_scaled(values[row], title) for row in rows)
            order, density = density_order(x, y)
            ax.scatter(x[order], y[order], c=np.log1p(density[order]), cmap="Greys", vmin=-1, s=3, linewidths=0,
                       rasterized=True)  # fmt: skip
            ax.scatter(x[red], y[red], color=OPENING, s=3, linewidths=0, rasterized=True, alpha=0.6)
            low, high = min(x.min(), y.min()), max(x.max(), y.max())
            ax.plot([low, high], [low, high], color=NEUTRAL, linewidth=0.8, zorder=3)
            ax.set_title(title)
            ax.set_xlabel(f"{anchor}, {unit}")
            ax.set_aspect("equal")
        drawn[0].set_ylabel(state)
        drawn[-1].annotate(f"{int(red.sum()):,} constitutive", (0.97, 0.03), xycoords="axes fraction", ha="right",
                           color=OPENING, fontsize=8)  # fmt: skip
    return finish(drawn[0].figure, drawn, given=given is not None, show=show, save=save)


def constitutive(
    data: AnnData | MuData,
    *,
    thresholds: Sequence[float] | None = None,
    layer: str | None = None,
    mod: str = _keys.ATAC,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Plot what there is to choose constitutive peaks by: their lowest signal over the states, and what they are like.

    Left, the distribution of ``log2(signal + 1e-5)`` in the state where it is lowest, after the regional step, with the
    peaks now marked as constitutive in red and the number above each threshold; right, GC content (or the signal around
    the peaks) of constitutive and other peaks.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with counts.
    thresholds
        Candidates for ``threshold=`` of `iceqream.pp.access_probability`; ``None`` marks three quantiles.
    layer
        Counts, where they are not in ``X``.
    mod
        Modality of a MuData that holds the peaks.
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
        If there are no counts, or the number of axes is not two.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1000, rng=0)
    >>> iq.pp.access_probability(adata)
    >>> len(iq.pl.constitutive(adata, show=False))
    2
    """
    adata = get_adata(data, mod)
    counts = dense(adata.X if layer is None else adata.layers[layer])
    around = adata.var[_keys.REGIONAL_COUNTS].to_numpy() if _keys.REGIONAL_COUNTS in adata.var else None
    lowest = lowest_signal(normalize_regional(counts, around))
    red = _constitutive(adata)
    marks = np.quantile(lowest, [0.8, 0.9, 0.95]) if thresholds is None else np.asarray(thresholds, dtype=np.float64)
    given = given_axes(axes, 2)
    with mpl.rc_context(RC):
        drawn = grid(2, 2, 3.6, 2.9)[1] if given is None else given
        ax = drawn[0]
        bins = np.linspace(lowest.min(), lowest.max(), 60)
        ax.hist(lowest, bins=list(bins), color=FAINT)
        ax.hist(lowest[red], bins=list(bins), color=OPENING, alpha=0.8)
        top = ax.get_ylim()[1] * 1.45
        for i, mark in enumerate(np.sort(marks)):
            height = top * (0.76 + 0.09 * i)
            ax.plot([mark, mark], [0, height], color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
            ax.annotate(f"{mark:.2f}: {int((lowest >= mark).sum()):,}", (mark, height), xytext=(-3, 0), ha="right",
                        textcoords="offset points", fontsize=8, va="center")  # fmt: skip
        ax.set_ylim(0, top)
        ax.set_xlabel(f"log2(signal + {PSEUDO:g}) in the lowest state")
        ax.set_ylabel("Peaks")
        ax.set_title("Threshold and peaks above it")
        _composition(drawn[1], adata, red, around)
    return finish(drawn[0].figure, drawn, given=given is not None, show=show, save=save)


def ap_scatter(
    data: AnnData | MuData,
    start: str,
    end: str,
    *,
    min_dap: float = 0.25,
    key: str = _keys.ACCESS_PROBABILITY,
    mod: str = _keys.ATAC,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Plot the access probabilities of two states against each other, with the numbers of peaks that open and close.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with access probabilities.
    start, end
        State on the x axis, state on the y axis.
    min_dap
        Change that counts as opening or closing.
    key
        Layer of the access probabilities.
    mod
        Modality of a MuData that holds the peaks.
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
        If a state or the layer is missing.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1000, rng=0)
    >>> iq.pl.ap_scatter(adata, "S1", "S4", show=False).get_xlabel()
    'Access probability, S1'
    """
    adata = _with_layer(data, key, mod)
    x, y = (dense(adata.layers[key])[row] for row in _rows(adata, (start, end)))
    change = y - x
    groups = ((change >= min_dap, OPENING, "open"), (change <= -min_dap, CLOSING, "close"))
    with mpl.rc_context(RC):
        drawn = one_axes(3.4, 3.4) if ax is None else ax
        still = np.abs(change) < min_dap
        order, density = density_order(x[still], y[still])
        drawn.scatter(x[still][order], y[still][order], c=np.log1p(density[order]), cmap="Greys", vmin=-2, s=4,
                      linewidths=0, rasterized=True)  # fmt: skip
        for mask, color, _ in groups:
            drawn.scatter(x[mask], y[mask], color=color, s=4, linewidths=0, alpha=0.5, rasterized=True)
        drawn.plot([0, 1 - min_dap], [min_dap, 1], color=OPENING, linewidth=0.8, linestyle=(0, (4, 3)))
        drawn.plot([min_dap, 1], [0, 1 - min_dap], color=CLOSING, linewidth=0.8, linestyle=(0, (4, 3)))
        drawn.set_title(f"{int(still.sum()):,} of {len(x):,} peaks keep\nwithin {min_dap:g}")
        boxed = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5}
        drawn.text(0.03, 0.97, f"{int(groups[0][0].sum()):,} open", color=OPENING, ha="left", va="top",
                   transform=drawn.transAxes, bbox=boxed)  # fmt: skip
        drawn.text(0.97, 0.03, f"{int(groups[1][0].sum()):,} close", color=CLOSING, ha="right", va="bottom",
                   transform=drawn.transAxes, bbox=boxed)  # fmt: skip
        drawn.set_xlabel(f"Access probability, {start}")
        drawn.set_ylabel(f"Access probability, {end}")
        drawn.set_xlim(-0.02, 1.02)
        drawn.set_ylim(-0.02, 1.02)
        drawn.set_aspect("equal")
    return finish(drawn.figure, drawn, given=ax is not None, show=show, save=save)


def total_ap(
    data: AnnData | MuData,
    *,
    color: str | None = None,
    key: str = _keys.ACCESS_PROBABILITY,
    mod: str = _keys.ATAC,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Plot the mean access probability of every state: how open its peaks are on the whole.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with access probabilities.
    color
        Column of ``obs`` whose categories colour the bars (``uns["<color>_colors"]`` if it is there).
    key
        Layer of the access probabilities.
    mod
        Modality of a MuData that holds the peaks.
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
        If the layer or column is missing.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1000, rng=0)
    >>> [t.get_text() for t in iq.pl.total_ap(adata, show=False).get_yticklabels()]
    ['S1', 'S2', 'S3', 'S4']
    """
    adata = _with_layer(data, key, mod)
    mean = dense(adata.layers[key]).mean(axis=1)
    colors, legend = state_colors(adata, color)
    with mpl.rc_context(RC):
        drawn = one_axes(SIZE_WIDE, 0.7 + 0.22 * len(mean)) if ax is None else ax
        drawn.barh(np.arange(len(mean)), mean, color=colors, height=0.75)
        drawn.set_yticks(np.arange(len(mean)), adata.obs_names if len(mean) <= 60 else [""] * len(mean))
        drawn.invert_yaxis()
        drawn.set_xlabel(f"Mean access probability of {adata.n_vars:,} peaks")
        if legend:
            handles = [mpl.patches.Patch(color=c, label=name) for name, c in legend.items()]
            drawn.legend(handles=handles, frameon=False, loc="upper left", bbox_to_anchor=(1, 1), title=color)
    return finish(drawn.figure, drawn, given=ax is not None, show=show, save=save)


def _with_layer(data: AnnData | MuData, key: str, mod: str) -> AnnData:
    adata = get_adata(data, mod)
    if key not in [name for name in adata.layers if name is not None]:
        msg = f"There is no layer {key!r}: run iq.pp.access_probability first."
        raise KeyError(msg)
    return adata


def _rows(adata: AnnData, states: Sequence[str]) -> list[int]:
    unknown = [state for state in states if state not in adata.obs_names]
    if unknown:
        msg = f"There is no state {examples(unknown)}; states are {examples(adata.obs_names)}."
        raise KeyError(msg)
    return [int(adata.obs_names.get_loc(state)) for state in states]


def _constitutive(adata: AnnData) -> np.ndarray:
    if _keys.CONSTITUTIVE not in adata.var:
        return np.zeros(adata.n_vars, dtype=bool)
    return adata.var[_keys.CONSTITUTIVE].to_numpy(dtype=bool)


def _scaled(values: np.ndarray, title: str) -> np.ndarray:
    if title == "Access probability":
        return values
    if title == "Counts":
        return np.log2(1 + values)
    smallest = values[values > 0].min(initial=1.0)
    return np.log2(values + smallest)


def _composition(ax: Axes, adata: AnnData, red: np.ndarray, around: np.ndarray | None) -> None:
    """Compare constitutive with other peaks: GC content where there are sequences, else the signal around them."""
    from iceqream._core.sequence import gc_content

    if _keys.SEQUENCE in adata.varm:
        values, label = gc_content(np.asarray(adata.varm[_keys.SEQUENCE])), "GC content"
    elif around is not None:
        values, label = np.log2(1 + np.asarray(around, dtype=np.float64)), "log2(1 + regional signal)"
    else:
        ax.set_axis_off()
        ax.text(0.5, 0.5, "no sequences and no\nregional counts to compare", ha="center", va="center", color=NEUTRAL)
        return
    bins = np.linspace(values.min(), values.max(), 50)
    for mask, color, name in ((~red, NEUTRAL, "other"), (red, OPENING, "constitutive")):
        if mask.any():
            ax.hist(values[mask], bins=list(bins), density=True, histtype="step", color=color, linewidth=1.6,
                    label=f"{name} ({int(mask.sum()):,})")  # fmt: skip
    ax.set_xlabel(label)
    ax.set_ylabel("Density")
    ax.set_ylim(0, ax.get_ylim()[1] * 1.25)
    ax.set_title("Composition" if label == "GC content" else "Surroundings")
    ax.legend(frameon=False, loc="upper right")


__all__ = ["ap_scatter", "constitutive", "normalization", "total_ap"]
