"""What refinement did to the motifs: logos and spatial curves before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._stored_models import trajectory_model
from iceqream.get import motifs_df
from iceqream.models.trajectory import check_has_motifs, motif_positions
from iceqream.motifs.naming import MIN_SIMILARITY
from iceqream.pl._aligned import laid_on
from iceqream.pl._letters import draw_logo
from iceqream.pl._names import fitting, text_points
from iceqream.pl._style import (
    LABEL_SIZE,
    NEUTRAL,
    TITLE_SIZE,
    direction_color,
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

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData

    from iceqream.models import ManifoldModel, TrajectoryModel
    from iceqream.motifs import MotifSet, PBMSet

DEFAULT_MOTIFS = 8
_PANELS = 3
_WIDTH, _HEIGHT = 2.8, 1.25
"""Of a panel, inches."""
_AROUND = 0.9
"""Height of title, labels of the last row and legend, inches."""
_NAME_POINTS = 158.0
"""Width of a title above a logo, points."""
_UNIFORM = 1e-6
"""Spread of a curve, divided by its mean, up to which it is uniform."""
_HARDLY = 0.98
"""Similarity to the start above which a motif hardly changed."""


def refinement(
    data: AnnData | MuData | TrajectoryModel | ManifoldModel,
    motifs: str | Sequence[str] | None = None,
    *,
    n_motifs: int = DEFAULT_MOTIFS,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    mod: str = _keys.ATAC,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw what refinement did to each motif: its logo before and after, and where it acts.

    One row per motif. Both logos show the same positions, those where they are most alike, without edges that say
    nothing in either; a start that is more alike on the other strand is read on that. The name after refinement is red
    for opening and blue for closing; above the curves stands how similar the motif still is to its start
    (`iceqream.get.motifs_df`, rounded down). A curve is divided by its mean: 1 is what a uniform curve has everywhere.

    Parameters
    ----------
    data
        AnnData or MuData with a refined model (`iceqream.tl.refine`, or `iceqream.tl.fit_trajectory` with `refine`),
        or such a model.
    motifs
        Name or names; ``None`` takes the motifs with the strongest effect.
    n_motifs
        How many motifs ``motifs=None`` draws.
    key, trajectory, mod
        As in `iceqream.get.model`.
    title
        Title of the figure; ``None`` writes the states, how many motifs are drawn, and R2 of held-out peaks: before and
        after, where the model's levels know both.
    figsize, dpi
        Size of a new figure, inches, and its resolution; ``None`` takes what the panels need.
    axes
        Axes to draw into, three per motif, row by row.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    List of axes, three per motif, if `show` is false (or `axes` were given), else ``None``.

    Raises
    ------
    KeyError
        If there is no model or motif of that name.
    ValueError
        If the model has no motifs or was not refined, `n_motifs` is below 1, or axes do not match the motifs.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=iq.datasets.simulated_motifs(), min_tss_distance=None)
    >>> len(iq.pl.refinement(adata, n_motifs=2, show=False))
    6
    """
    fitted = trajectory_model(data, key, trajectory, mod)
    check_has_motifs(fitted)
    if fitted.pbms.start is None or not fitted.stats.get("refined", True):
        msg = "What the motifs started from is not known: the model was not refined. Run iq.tl.refine first."
        raise ValueError(msg)
    if n_motifs < 1:
        msg = f"n_motifs must be at least 1, got {n_motifs}."
        raise ValueError(msg)
    table = motifs_df(fitted)
    asked = [str(name) for name in table.index[:n_motifs]] if motifs is None else motifs
    position = motif_positions(fitted, asked)
    names = [str(name) for name in fitted.motif_names[position]]
    if not names:
        msg = "No motif is named: give one or more, or motifs=None for the strongest."
        raise ValueError(msg)
    given = given_axes(axes, _PANELS * len(names))
    rows = {str(name): row for name, row in table.iterrows()}
    with house_style(save):
        size = (_WIDTH, _HEIGHT + _AROUND / len(names))
        drawn = grid(_PANELS * len(names), _PANELS, *size, figsize=figsize, dpi=dpi)[1] if given is None else given
        for row, name in enumerate(names):
            panels = drawn[_PANELS * row : _PANELS * (row + 1)]
            _draw_motif(panels, fitted.pbms, int(position[row]), rows[name])
            panels[2].tick_params(labelbottom=row + 1 == len(names))
        drawn[-1].set_xlabel("bp from the centre of the peak")
        _legend(drawn[-1], _flat(fitted.pbms, position), given=given is not None)
        if given is None:
            drawn[0].figure.align_ylabels(drawn[2::_PANELS])
        said = _said(fitted, len(names)) if title is None and given is None else title
        set_title(drawn[0].figure, said, fitted.doubt if given is None else "")
    return finish(drawn[0].figure, drawn, given=given is not None, show=show, save=save, dpi=dpi)


def _said(fitted: TrajectoryModel, n: int) -> str:
    """Return the title: the states, how many motifs are drawn, and what is known of held-out peaks."""
    n_all, held_out = len(fitted.pbms), float(fitted.stats.get("r2_test", np.nan))
    motifs = ("1 motif" if n == 1 else f"{n} motifs") if n == n_all else f"{n} of {n_all} motifs"
    score = held_out_change(fitted) or ("" if np.isnan(held_out) else f"Held-out R2 {held_out:.3f}")
    return f"{fitted.states[0]} → {fitted.states[1]}, {motifs}" + (f". {score}" if score else "")


def held_out_change(fitted: TrajectoryModel) -> str | None:
    """Return R2 of held-out peaks before and after the last refinement, in words, where the levels know both."""
    levels = fitted.levels
    # the R2 of a draft is not that of the model
    refined = np.flatnonzero((levels["level"] == "refined") & (levels["draft"] == ""))
    if len(refined) == 0 or refined[-1] == 0:
        return None
    before, after = (float(levels["r2_test"].iloc[i]) for i in (refined[-1] - 1, refined[-1]))
    if np.isnan(before) or np.isnan(after):
        return None
    return f"Held-out R2 {before:.3f} before refinement, {after:.3f} after"


def change_in_words(similarity: float) -> str:
    """Return a similarity to the start and what it means, as one line of text."""
    # rounded down: a motif is never said to have crossed a threshold that its number does not show
    shown = np.floor(100 * similarity + 1e-9) / 100
    return f"similarity {shown:.2f}: {_meaning(similarity)}"


def _meaning(similarity: float) -> str:
    if similarity < MIN_SIMILARITY:
        return "became another"
    return "hardly changed" if similarity >= _HARDLY else "changed"


def _draw_motif(panels: Sequence[Axes], pbms: PBMSet, motif: int, row: pd.Series) -> None:
    """Draw one motif into its three panels."""
    first, second, third = panels
    start = pbms.start
    if start is None:
        return
    before, after, turned = aligned(start.motifs, pbms.motifs, motif)
    for ax, matrix in ((first, before), (second, after)):
        draw_logo(ax, matrix)
        ax.set_xticks([])
        ax.spines["bottom"].set_visible(False)
        ax.set_yticks([0, 1, 2])
    first.set_ylabel("bits")
    second.set_yticklabels([])
    color = direction_color(row["effect"])
    earlier = "before, turned" if turned else "before"
    for ax, when, name, shade in ((first, earlier, row["start"], NEUTRAL), (second, "after", row.name, color)):
        room = _NAME_POINTS - text_points(f"{when}: ", TITLE_SIZE)
        ax.set_title(f"{when}: {fitting([str(name)], room, TITLE_SIZE)[0]}", loc="left", color=shade)
    third.set_title(change_in_words(float(row["start_similarity"])), loc="left", fontsize=LABEL_SIZE)
    _draw_curves(third, start, pbms, motif, color)


def _draw_curves(ax: Axes, start: PBMSet, pbms: PBMSet, motif: int, color: str) -> None:
    spatial = pbms.spatial
    n_bins = spatial.weights.shape[1]
    edges = spatial.start + spatial.bin_size * np.arange(n_bins + 1) - pbms.width / 2
    before, after = (one.weights[motif] / one.weights[motif].mean() for one in (start.spatial, spatial))
    if np.ptp(before) > _UNIFORM:
        ax.axhline(1, color=faint(), linewidth=0.8, zorder=0)
    ax.stairs(before, edges, baseline=None, color=NEUTRAL, linewidth=1.0, linestyle="--")
    ax.stairs(after, edges, baseline=None, color=color, linewidth=1.5)
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(0, 1.08 * max(before.max(), after.max()))
    ax.set_ylabel("weight / mean", fontsize=LABEL_SIZE)


def _flat(pbms: PBMSet, motifs: np.ndarray) -> np.ndarray:
    """Return which motifs started from a uniform curve."""
    if pbms.start is None:
        return np.zeros(len(motifs), dtype=bool)
    weights = pbms.start.spatial.weights[motifs]
    return np.ptp(weights / weights.mean(axis=1, keepdims=True), axis=1) <= _UNIFORM


def _legend(ax: Axes, flat: np.ndarray, *, given: bool) -> None:
    """Say which curve is which: below a new figure, else inside the last panel."""
    from matplotlib.lines import Line2D

    more = ", where flat: uniform" if flat.any() else ""
    before = "before: uniform" if flat.all() else f"before refinement{more}"
    handles = [
        Line2D([], [], linewidth=1.2, color=NEUTRAL, linestyle="--", label=before),
        Line2D([], [], linewidth=1.2, color=ink(), label="after"),
    ]
    if given:
        ax.legend(handles=handles, frameon=False, fontsize=6.5, handlelength=1.5)
    else:
        ax.figure.legend(handles=handles, loc="outside lower right", frameon=False, ncols=2, handlelength=2)


def aligned(before: MotifSet, after: MotifSet, motif: int) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return what a motif was and is at the same positions, and whether what it was had to be turned.

    Lengths can differ, and a fused motif can start from one of the other strand (`laid_on`).
    """
    (one, two), turned = laid_on(before[[motif]], after[[motif]])
    return one, two, bool(turned[0])
