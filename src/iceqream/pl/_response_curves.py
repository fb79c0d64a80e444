"""Response curves of the terms of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._anndata import get_adata
from iceqream._core.messages import examples, known_names
from iceqream._stored_models import trajectory_model
from iceqream.get import motifs_df, predictions_df
from iceqream.get._motif_tables import modelled
from iceqream.models import ManifoldModel, TrajectoryModel
from iceqream.models.trajectory import check_has_motifs
from iceqream.motifs.similarity import DEFAULT_TRIM_BITS
from iceqream.pl._letters import draw_logo
from iceqream.pl._names import fitting, panel_points
from iceqream.pl._style import (
    NEUTRAL,
    RC,
    TITLE_SIZE,
    direction_color,
    faint,
    finish,
    given_axes,
    grid,
    house_style,
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

DEFAULT_TERMS = 12
_HISTOGRAM_BINS = 40
_LOGO = (0.03, 0.45)
"""Distance of the logo from the axes of its curve, and its height, inches."""
_RESPONSE = "Response (logit)"


def response_curves(
    data: AnnData | MuData | TrajectoryModel | ManifoldModel,
    terms: Sequence[str] | None = None,
    *,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    mod: str = _keys.ATAC,
    n_terms: int = DEFAULT_TERMS,
    logo: bool = True,
    histogram: bool = True,
    ncols: int = 4,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Plot how each motif acts along its normalised energy (paper fig. 2F).

    A curve is what the linear predictor gains over energy 0, in logit units: the four response functions times their
    coefficients, and what the motif's pairs add on average over their other terms; red opens towards the end state,
    blue closes. Where a motif has pairs, a dashed line shows what it adds alone. Curves end where the model's peaks do.
    Their scale is common, save for the few that are more than four times all others: these have their own, and say so.
    The grey histogram at the bottom shows where the modelled peaks are. Models of older versions do not know what pairs
    add on average: curves of their terms in pairs are without them, and say so.

    Parameters
    ----------
    data
        AnnData or MuData with a fitted model, or a model.
    terms
        Motifs or features to draw; ``None`` draws the motifs with the strongest effect.
    key, trajectory, mod
        As in `iceqream.get.model`.
    n_terms
        How many motifs ``terms=None`` draws.
    logo
        Whether to draw the motif's logo above its curve.
    histogram
        Whether to draw the distribution of the modelled peaks (needs an AnnData).
    ncols
        Panels per row.
    title
        Title of the figure.
    figsize, dpi
        Size of a new figure, inches, and its resolution; ``None`` takes what the panels need.
    axes
        Axes to draw into, one per term; logos stand above them.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    List of the curves' axes if `show` is false (or `axes` were given), else ``None``.

    Raises
    ------
    KeyError
        If a term or model is missing.
    ValueError
        If axes do not match the terms, or none are given and the model has no motifs.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> len(iq.pl.response_curves(adata, n_terms=2, show=False))
    2
    """
    from matplotlib.ticker import MaxNLocator

    fitted = trajectory_model(data, key, trajectory, mod)
    known = motifs_df(fitted)["effect"]
    effects = None if known.isna().any() else known
    total, alone, part_known = known_curves(fitted)
    names = _names(fitted, terms, effects, n_terms, total)
    values = None
    if histogram and not isinstance(data, TrajectoryModel | ManifoldModel):
        used = modelled(predictions_df(data, key, trajectory=trajectory, mod=mod))
        values = fitted.values(get_adata(data, mod))[used]
    motifs = fitted.pbms.motifs.trim(DEFAULT_TRIM_BITS)
    positions = {str(term): i for i, term in enumerate(fitted.terms)}
    units = {name: "Energy" if positions[name] < len(motifs) else "Value" for name in names}
    columns = max(1, min(ncols, len(names)))
    relative, alone = (curves_within(curves[names], fitted, values) for curves in (total, alone))
    spans = np.ptp(np.nan_to_num(relative.to_numpy()), axis=0)
    apart = outliers(spans)
    common = curve_limits(relative.to_numpy()[:, ~apart])
    given = given_axes(axes, len(names))
    with house_style(save):
        size = (2.3, 2.35 if logo else 1.9)
        drawn = grid(len(names), columns, *size, figsize=figsize, dpi=dpi)[1] if given is None else given
        room = min(panel_points(ax, columns if given is None else None) for ax in drawn)
        labels = fitting(names, room, TITLE_SIZE)
        for k, (ax, name) in enumerate(zip(drawn, names, strict=True)):
            i = positions[name]
            curve = relative[name].dropna()
            last = float(curve.iloc[-1])
            color = direction_color(last if effects is None else float(effects.get(name, last)))
            ax.set_title(labels[k], color=color, pad=4 + 72 * sum(_LOGO) if logo else None)
            if logo and i < len(motifs):
                _logo_above(ax, motifs.matrix(i))
            ax.axhline(0, color=faint(), linewidth=0.8, zorder=0)
            paired = fitted.interactions.involve(i).any() and name not in part_known
            draw_curve(ax, curve, alone[name] if paired else None, color)
            ax.set_xlim(0, 10)
            low, high = curve_limits(relative[[name]].to_numpy()) if apart[k] else common
            ax.set_ylim(low, high)
            if values is not None:
                _histogram(ax, values[:, i])
            ax.set_xticks([0, 5, 10])
            ax.yaxis.set_major_locator(MaxNLocator(4))
            note = curve_note(own_scale=apart[k], without_pairs=name in part_known)
            if note:
                ax.text(0.03, 0.97, note, transform=ax.transAxes, va="top", fontsize=7, color=NEUTRAL)
            if given is None:
                ax.tick_params(labelleft=bool(k % columns == 0 or apart[k] or apart[k - k % columns]))
            if given is not None or len(set(units.values())) > 1:
                ax.set_xlabel(units[name])
        figure = drawn[0].figure
        if given is not None:
            drawn[0].set_ylabel(_RESPONSE)
        else:
            figure.supylabel(_RESPONSE, fontsize=RC["axes.labelsize"])
            if len(set(units.values())) == 1:
                # one label for all: one below some panels only would make them lower than their neighbours
                figure.supxlabel(units[names[0]], fontsize=RC["axes.labelsize"])
        set_title(figure, title, fitted.doubt if given is None else "")
    return finish(figure, drawn, given=given is not None, show=show, save=save, dpi=dpi)


def known_curves(
    fitted: TrajectoryModel, grid: np.ndarray | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, set[str]]:
    """Return the curves of all terms, those without pairs, and the terms of which only the latter are known.

    Models of older versions do not know the values of the other term of a pair; the curves of their terms in pairs are
    those without pairs.
    """
    total, alone = (fitted.response_curves(grid, part=part) for part in ("total", "own"))
    unknown = {str(name) for name in total.columns[total.isna().to_numpy().all(axis=0).tolist()]}
    return total.fillna(alone), alone, unknown


def curve_note(*, own_scale: bool, without_pairs: bool) -> str:
    """Return what is to be said of a curve."""
    return ", ".join(said for said, holds in (("own scale", own_scale), ("without pairs", without_pairs)) if holds)


def curves_within(curves: pd.DataFrame, fitted: TrajectoryModel, values: np.ndarray | None = None) -> pd.DataFrame:
    """Return curves of terms with NaN beyond the values that peaks have.

    Parameters
    ----------
    curves
        Index: value (0-10); columns: terms.
    fitted
        The model, which knows the values of its training peaks.
    values
        Of the modelled peaks, n x terms (or the motifs alone), where they are at hand.
    """
    ends = np.fmin(10.0, fitted.quantiles[:, -1])
    if values is not None and len(values):
        ends[: values.shape[1]] = np.fmin(ends[: values.shape[1]], values.max(axis=0))
    end = dict(zip(map(str, fitted.terms), ends, strict=True))
    # the first value stays: a motif without any site is a point at 0
    beyond = np.array([curves.index.to_numpy() > end[str(name)] + 1e-6 for name in curves.columns]).T
    beyond[0] = False
    return curves.mask(beyond)


def draw_curve(ax: Axes, curve: pd.Series, alone: pd.Series | None, color: str, linewidth: float | None = None) -> None:
    """Draw a response curve, and dashed what the motif adds without its pairs."""
    if alone is not None:
        ax.plot(alone.index, alone, color=color, linewidth=1.0, linestyle=(0, (2.5, 1.5)))
    ax.plot(curve.index, curve, color=color, linewidth=linewidth)


def curve_limits(curves: np.ndarray) -> tuple[float, float]:
    """Return the y limits of curves, with room for the histogram below."""
    low, high = float(np.nanmin(curves)), float(np.nanmax(curves))
    span = max(high - low, 1e-6)
    return low - 0.23 * span, high + 0.08 * span


def _histogram(ax: Axes, values: np.ndarray) -> None:
    """Draw where the peaks are, at the bottom."""
    bottom, top = ax.get_ylim()
    counts, edges = np.histogram(values, bins=_HISTOGRAM_BINS, range=(0, 10))
    # square root: the bin at 0 would flatten all others
    tall = 0.115 * (top - bottom) * np.sqrt(counts / max(counts.max(), 1))
    ax.bar(edges[:-1], tall, width=np.diff(edges), bottom=bottom, align="edge", color=NEUTRAL, alpha=0.55, linewidth=0)


def _logo_above(ax: Axes, pssm: np.ndarray) -> None:
    """Draw a logo above axes, in inches: a layout engine can leave room for what does not grow with the axes."""
    from matplotlib.transforms import ScaledTranslation, blended_transform_factory

    within: Any = ax.transAxes
    inches = ax.figure.dpi_scale_trans + ScaledTranslation(0, 1, within)
    bottom, height = _LOGO
    top = ax.inset_axes((0, bottom, 1, height), transform=blended_transform_factory(within, inches))
    draw_logo(top, pssm)
    top.axis("off")


def _names(
    fitted: TrajectoryModel, terms: Sequence[str] | None, effects: pd.Series | None, n_terms: int, curves: pd.DataFrame
) -> list[str]:
    known = [str(term) for term in fitted.terms]
    if terms is not None:
        if not known:
            check_has_motifs(fitted)
        names = known_names(terms, known, "The model has no term")
        if not names:
            msg = f"No term is named; there is {examples(known)}."
            raise KeyError(msg)
        return names
    check_has_motifs(fitted)
    if effects is None:
        spread = np.ptp(curves.to_numpy(), axis=0)[: len(fitted.pbms)]
        return [known[i] for i in np.argsort(-spread, kind="stable")[:n_terms]]
    return [str(name) for name in effects.index[:n_terms]]
