"""What refinement did to the motifs: logos and spatial curves before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._core.messages import examples
from iceqream.get import model as get_model
from iceqream.get import motifs_df
from iceqream.models import TrajectoryModel
from iceqream.models.trajectory import check_has_motifs
from iceqream.motifs.naming import MIN_SIMILARITY
from iceqream.motifs.similarity import DEFAULT_TRIM_BITS
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

    from iceqream.motifs import MotifSet, PBMSet

DEFAULT_MOTIFS = 8
_PANELS = 3
_WIDTH, _HEIGHT = 2.6, 1.2
"""Of a panel, inches."""
_NAME_POINTS = 168.0
"""Width of a title above a logo, points."""
_HARDLY = 0.98
"""Similarity to the start above which a motif hardly changed."""


def refinement(
    data: AnnData | MuData | TrajectoryModel,
    motifs: Sequence[str] | None = None,
    *,
    n_motifs: int = DEFAULT_MOTIFS,
    key: str = _keys.MODEL,
    mod: str = _keys.ATAC,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw what refinement did to each motif: its logo before and after, and where it acts.

    One row per motif. Both logos show the same positions, without edges that say nothing in either. The name after
    refinement is red for opening and blue for closing; above the curves stands how similar the motif still is to its
    start (`iceqream.get.motifs_df`). A curve is divided by its mean: 1 is what a uniform curve has everywhere.

    Parameters
    ----------
    data
        AnnData or MuData with a refined model (`iceqream.tl.refine`, or `iceqream.tl.fit_trajectory` with `refine`),
        or such a model.
    motifs
        Names; ``None`` takes the motifs with the strongest effect.
    n_motifs
        How many motifs ``motifs=None`` draws.
    key, mod
        As in `iceqream.get.model`.
    title
        Title of the figure; ``None`` writes R2 of held-out peaks before and after, where the model's levels know both.
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
    fitted = data if isinstance(data, TrajectoryModel) else get_model(data, key, mod=mod)
    check_has_motifs(fitted)
    if fitted.pbms.start is None or not fitted.stats.get("refined", True):
        msg = "What the motifs started from is not known: the model was not refined. Run iq.tl.refine first."
        raise ValueError(msg)
    if n_motifs < 1:
        msg = f"n_motifs must be at least 1, got {n_motifs}."
        raise ValueError(msg)
    table = motifs_df(fitted)
    names = [str(name) for name in (table.index[:n_motifs] if motifs is None else motifs)]
    unknown = [name for name in names if name not in table.index]
    if unknown:
        msg = f"The model has no motif {examples(unknown)}; it has {examples(table.index)}."
        raise KeyError(msg)
    given = given_axes(axes, _PANELS * len(names))
    position = {str(name): i for i, name in enumerate(fitted.motif_names)}
    rows = {str(name): row for name, row in table.iterrows()}
    with house_style(save):
        size = (_WIDTH, _HEIGHT)
        drawn = grid(_PANELS * len(names), _PANELS, *size, figsize=figsize, dpi=dpi)[1] if given is None else given
        for row, name in enumerate(names):
            panels = drawn[_PANELS * row : _PANELS * (row + 1)]
            _draw_motif(panels, fitted.pbms, position[name], rows[name])
            panels[2].tick_params(labelbottom=row + 1 == len(names))
        drawn[-1].set_xlabel("bp from the centre of the peak")
        _legend(drawn[-1], given=given is not None)
        if given is None:
            drawn[0].figure.align_ylabels(drawn[2::_PANELS])
        said = held_out_change(fitted) if title is None and given is None else title
        set_title(drawn[0].figure, said, fitted.doubt if given is None else "")
    return finish(drawn[0].figure, drawn, given=given is not None, show=show, save=save, dpi=dpi)


def held_out_change(fitted: TrajectoryModel) -> str | None:
    """Return R2 of held-out peaks before and after the last refinement, in words, where the levels know both."""
    levels = fitted.levels
    refined = np.flatnonzero(levels["level"].to_numpy() == "refined")
    if len(refined) == 0 or refined[-1] == 0:
        return None
    before, after = (float(levels["r2_test"].iloc[i]) for i in (refined[-1] - 1, refined[-1]))
    if np.isnan(before) or np.isnan(after):
        return None
    return f"Held-out R2 {before:.3f} before refinement, {after:.3f} after"


def change_in_words(similarity: float) -> str:
    """Return what a similarity to the start means."""
    if similarity < MIN_SIMILARITY:
        return "became another"
    return "hardly changed" if similarity >= _HARDLY else "changed"


def _draw_motif(panels: Sequence[Axes], pbms: PBMSet, motif: int, row: pd.Series) -> None:
    """Draw one motif into its three panels."""
    first, second, third = panels
    start = pbms.start
    if start is None:
        return
    window = _informative(start.motifs, pbms.motifs, motif)
    for ax, motifs in ((first, start.motifs), (second, pbms.motifs)):
        draw_logo(ax, motifs.matrix(motif)[window])
        ax.set_xticks([])
        ax.spines["bottom"].set_visible(False)
        ax.set_yticks([0, 1, 2])
    first.set_ylabel("bits")
    second.set_yticklabels([])
    color = direction_color(row["effect"])
    for ax, when, name, shade in ((first, "before", row["start"], NEUTRAL), (second, "after", row.name, color)):
        room = _NAME_POINTS - text_points(f"{when}: ", TITLE_SIZE)
        ax.set_title(f"{when}: {fitting([str(name)], room, TITLE_SIZE)[0]}", loc="left", color=shade)
    words = f"similarity {row['start_similarity']:.2f}: {change_in_words(row['start_similarity'])}"
    third.set_title(words, loc="left", fontsize=LABEL_SIZE)
    _draw_curves(third, start, pbms, motif, color)


def _draw_curves(ax: Axes, start: PBMSet, pbms: PBMSet, motif: int, color: str) -> None:
    spatial = pbms.spatial
    n_bins = spatial.weights.shape[1]
    edges = spatial.start + spatial.bin_size * np.arange(n_bins + 1) - pbms.width / 2
    ax.axhline(1, color=faint(), linewidth=0.8, zorder=0)
    before, after = (one.weights[motif] / one.weights[motif].mean() for one in (start.spatial, spatial))
    ax.stairs(before, edges, baseline=None, color=NEUTRAL, linewidth=1.0, linestyle="--")
    ax.stairs(after, edges, baseline=None, color=color, linewidth=1.5)
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(0, 1.08 * max(before.max(), after.max()))
    ax.set_ylabel("weight / mean", fontsize=LABEL_SIZE)


def _legend(ax: Axes, *, given: bool) -> None:
    """Say which curve is which: below a new figure, else inside the last panel."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], linewidth=1.2, color=NEUTRAL, linestyle="--", label="before refinement"),
        Line2D([], [], linewidth=1.2, color=ink(), label="after"),
    ]
    if given:
        ax.legend(handles=handles, frameon=False, fontsize=6.5, handlelength=1.5)
    else:
        ax.figure.legend(handles=handles, loc="outside lower right", frameon=False, ncols=2, handlelength=2)


def _informative(before: MotifSet, after: MotifSet, motif: int) -> slice:
    """Return the positions of a motif from the first to the last that says something before or after."""
    bits = np.maximum(*(motifs.information_content()[motif, : after.lengths[motif]] for motifs in (before, after)))
    used = np.flatnonzero(bits >= DEFAULT_TRIM_BITS)
    return slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, int(after.lengths[motif]))
