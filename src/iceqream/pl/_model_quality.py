"""How good a model is: by level, by term, by prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._stored_models import trajectory_model
from iceqream.get import coefs_df, interactions_df, levels_df, motifs_df, predictions_df
from iceqream.models.trajectory import check_has_motifs
from iceqream.pl._names import fitting, fitting_pairs
from iceqream.pl._style import (
    HELD_OUT,
    LABEL_SIZE,
    NEUTRAL,
    TRAINING,
    direction_color,
    faint,
    finish,
    house_style,
    ink,
    one_axes,
    set_title,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData

DEFAULT_TERMS = 30
DEFAULT_BINS = 10
_TICK_LETTERS = 55
"""Digits below the boxes that stand side by side."""
_NOTHING = "no term is worth anything:\nremoving any one costs no $R^2$"
_LEAST_BAR = 0.01
"""Of the longest bar: what is shorter cannot be seen."""
_LEAST_TOP = 1e-3
"""End of the axis of R2, at least."""
_NAME_POINTS, _NARROW_POINTS = 140.0, 105.0
"""Room of names: of a new figure, and beside given axes."""


def levels(
    data: AnnData | MuData,
    *,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    mod: str = _keys.ATAC,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Plot what each level of the inference left and how well it predicts (paper fig. 2A).

    Lines part the drafts, models that are learned apart from each other before their motifs are pooled.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model.
    key, trajectory, mod
        As in `iceqream.get.model`.
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
        If the R2 of no level is known.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.pl.levels(adata, show=False).get_xlabel()
    '$R^2$'
    """
    table = levels_df(trajectory_model(data, key, trajectory, mod))
    table = table[table["r2_train"].notna()]
    if table.empty:
        msg = "The R2 of no level of the model is known: fit it with iq.tl.fit_trajectory."
        raise ValueError(msg)
    position = np.arange(len(table))
    with house_style(save):
        drawn = one_axes(5.2, 0.9 + 0.32 * len(table), figsize=figsize, dpi=dpi) if ax is None else ax
        drawn.hlines(position, table[["r2_train", "r2_test"]].min(axis=1), table[["r2_train", "r2_test"]].max(axis=1),
                     color=faint(), linewidth=3, zorder=1)  # fmt: skip
        drawn.hlines(position, table["r2_test_low"], table["r2_test_high"], color=HELD_OUT, linewidth=1, zorder=2)
        # R2 of 0 stands on the edge
        for split, color, label in (("r2_train", TRAINING, "training peaks"), ("r2_test", HELD_OUT, "held-out peaks")):
            drawn.scatter(table[split], position, color=color, s=34, label=label, zorder=3, clip_on=False)
        drafts = table["draft"].to_numpy()
        names = [f"{draft}: {level}" if draft else level for level, draft in zip(table.index, drafts, strict=True)]
        drawn.set_yticks(position, names)
        # drafts are learned beside each other, not one after the other
        for y in position[1:][drafts[1:] != drafts[:-1]]:
            drawn.axhline(y - 0.5, color=faint(), linewidth=0.8, zorder=0)
        drawn.set_ylim(len(table) - 0.4, -0.6)
        top = max(float(np.nanmax(table[["r2_train", "r2_test", "r2_test_high"]].to_numpy())), _LEAST_TOP)
        drawn.set_xlim(0, top * 1.5)
        for y, (motifs, pairs) in enumerate(zip(table["motifs"], table["interactions"], strict=True)):
            more = f" + {int(pairs)} pairs" if pairs else ""
            said = "no motifs" if motifs == 0 else "1 motif" if motifs == 1 else f"{int(motifs):,} motifs"
            drawn.text(top * 1.06, y, f"{said}{more}", va="center", fontsize=8, color=NEUTRAL)
        drawn.set_xlabel("$R^2$")
        drawn.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, handletextpad=0.1, borderpad=0)
        if title is not None:
            drawn.set_title(title, pad=22)
    return finish(drawn.figure, drawn, given=ax is not None, show=show, save=save, dpi=dpi)


def residual_r2(
    data: AnnData | MuData,
    *,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    n_terms: int = DEFAULT_TERMS,
    mod: str = _keys.ATAC,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Plot what each motif, feature and interaction is worth: the R2 that its removal costs.

    Where no term is worth anything, a sentence says so.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model, after `iceqream.tl.residual_r2`.
    key, trajectory, mod
        As in `iceqream.get.model`.
    n_terms
        Terms to draw at most, the most valuable ones; those worth less than a hundredth of the first are left
        out.
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
        If `iceqream.tl.residual_r2` has not been run, or the model has neither motifs nor features.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.tl.residual_r2(adata)
    >>> iq.pl.residual_r2(adata, n_terms=5, show=False).get_xlabel()
    'Residual $R^2$'
    """
    fitted = trajectory_model(data, key, trajectory, mod)
    terms = coefs_df(fitted)[["type", "residual_r2"]]
    if terms.empty:
        check_has_motifs(fitted)
    if terms["residual_r2"].isna().all():
        msg = "The residual R2 is not known: run iq.tl.residual_r2 first."
        raise ValueError(msg)
    pairs = interactions_df(fitted)
    worth = pairs[["residual_r2"]].assign(type="interaction")
    table = pd.concat([terms, worth]).sort_values("residual_r2", ascending=False).head(n_terms)
    # less than a hundredth of the longest bar is drawn as nothing
    least = max(_LEAST_BAR * float(table["residual_r2"].iloc[0]), 0.0)
    table = table[table["residual_r2"] > least]
    effects = motifs_df(fitted)["effect"]
    colors = [direction_color(float(effects[n])) if n in effects.index else NEUTRAL for n in table.index]
    with house_style(save):
        drawn = one_axes(4.4, max(0.9 + 0.2 * len(table), 1.6), figsize=figsize, dpi=dpi) if ax is None else ax
        doubt = fitted.doubt if ax is None else ""
        if table.empty:
            drawn.axis("off")
            drawn.text(0.5, 0.5, _NOTHING, ha="center", va="center", color=NEUTRAL, transform=drawn.transAxes)
            set_title(drawn.figure, None, doubt)
            if title is not None:
                drawn.set_title(title)
            return finish(drawn.figure, drawn, given=ax is not None, show=show, save=save, dpi=dpi)
        drawn.barh(np.arange(len(table)), table["residual_r2"], color=colors, height=0.72)
        drawn.set_yticks(
            np.arange(len(table)), _labels(table.index, pairs, _NAME_POINTS if ax is None else _NARROW_POINTS)
        )
        drawn.set_ylim(len(table) - 0.4, -0.6)
        drawn.tick_params(axis="y", length=0)
        drawn.locator_params(axis="x", nbins=5)
        drawn.set_xlabel("Residual $R^2$")
        if title is None:
            said = "red opens, blue closes; grey: features, pairs,\nmotifs that act in pairs only"
            drawn.set_title(said, fontsize=7.5, color=NEUTRAL, loc="right")
        else:
            drawn.set_title(title)
        set_title(drawn.figure, None, doubt)
    return finish(drawn.figure, drawn, given=ax is not None, show=show, save=save, dpi=dpi)


def _labels(terms: pd.Index, pairs: pd.DataFrame, points: float) -> list[str]:
    """Return names of terms and pairs, short enough to leave room for the bars."""
    both = fitting_pairs(pairs["first"].tolist(), pairs["second"].tolist(), points, LABEL_SIZE)
    short = dict(zip(pairs.index, both, strict=True))
    own = [str(name) for name in terms if name not in short]
    short.update(zip(own, fitting(own, points, LABEL_SIZE), strict=True))
    return [short[name] for name in terms]


def prediction_boxplot(
    data: AnnData | MuData,
    *,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    split: str = "test",
    n_bins: int = DEFAULT_BINS,
    mod: str = _keys.ATAC,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Plot observed dAP by bins of equal numbers of peaks of predicted dAP.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model.
    key, trajectory, mod
        As in `iceqream.get.model`.
    split
        ``"test"`` or ``"train"``.
    n_bins
        Number of bins.
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
        If the split holds too few peaks.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.pl.prediction_boxplot(adata, n_bins=5, show=False).get_ylabel()
    'Observed dAP'
    """
    fitted = trajectory_model(data, key, trajectory, mod)
    table = predictions_df(data, key, trajectory=trajectory, mod=mod)
    table = table[table[_keys.SPLIT] == split]
    if n_bins < 2 or len(table) < 2 * n_bins:
        msg = f"{len(table)} peaks of split {split!r} are too few for {n_bins} bins of two."
        raise ValueError(msg)
    inside = pd.qcut(table[_keys.PREDICTION].rank(method="first"), n_bins, labels=False).to_numpy()
    groups = [table[_keys.DAP].to_numpy()[inside == k] for k in range(n_bins)]
    centres = [float(table[_keys.PREDICTION].to_numpy()[inside == k].mean()) for k in range(n_bins)]
    with house_style(save):
        drawn = one_axes(4.2, 3.0, figsize=figsize, dpi=dpi) if ax is None else ax
        drawn.axhline(0, color=faint(), linewidth=0.8, zorder=0)
        parts = drawn.boxplot(groups, positions=range(n_bins), widths=0.65, whis=(5, 95), showfliers=False,
                              patch_artist=True, medianprops={"color": ink()}, capprops={"linewidth": 0},
                              whiskerprops={"color": NEUTRAL})  # fmt: skip
        for patch, centre in zip(parts["boxes"], centres, strict=True):
            patch.set(facecolor=direction_color(centre), alpha=0.45, linewidth=0.8)
        ticks = _distinct(centres)
        turned = 45 if sum(map(len, ticks)) > _TICK_LETTERS else 0
        drawn.set_xticks(range(n_bins), ticks, fontsize=7, rotation=turned)
        drawn.set_xlabel(f"Mean predicted dAP, {fitted.states[0]} → {fitted.states[1]}")
        drawn.set_ylabel("Observed dAP")
        said = f"{'Held-out' if split == 'test' else 'Training'} peaks, n = {len(table):,}"
        drawn.set_title(said if title is None else title)
    return finish(drawn.figure, drawn, given=ax is not None, show=show, save=save, dpi=dpi)


def _distinct(values: Sequence[float]) -> list[str]:
    """Return numbers with as many decimals as tell them apart, two to four."""
    for decimals in (2, 3, 4):
        texts = [f"{value:.{decimals}f}" for value in values]
        if len(set(texts)) == len(texts):
            break
    return texts
