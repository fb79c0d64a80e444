"""Logos before and after homogenization: the motifs of each trajectory above the common one that took their place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._core.messages import known_names
from iceqream._stored_models import manifold_model
from iceqream.pl._aligned import laid_on
from iceqream.pl._letters import draw_logo
from iceqream.pl._manifold_parts import inches, looks
from iceqream.pl._names import POINTS, fitting, text_points
from iceqream.pl._style import NEUTRAL, TITLE_SIZE, finish, given_axes, house_style, ink, set_title

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData

    from iceqream.models import ManifoldModel
    from iceqream.motifs import MotifSet

DEFAULT_MOTIFS = 4
_WIDTH, _HEIGHT = 2.1, 0.52
"""Of a logo, inches."""
_ACROSS, _BETWEEN, _BEFORE_COMMON = 0.3, 0.22, 0.14
"""Room between columns, between logos (for their names), and above the common one, inches."""
_SMALL = 7.5
_LEFT, _TOP, _BOTTOM = 0.55, 0.45, 0.12


def common_motifs(
    data: AnnData | MuData | ManifoldModel,
    motifs: str | Sequence[str] | None = None,
    *,
    key: str = _keys.MANIFOLD,
    n_motifs: int = DEFAULT_MOTIFS,
    mod: str = _keys.ATAC,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw the logos of common motifs, and above each those of the trajectories' own models it took the place of.

    One column per common motif (fig. 4A). All logos of a column show the same positions: each own motif lies where it
    is most alike to the common one, read on the strand that is more so (marked "turned"). Beside its name stands how
    similar the PSSMs are (cosine); the colour of the axis is that of the trajectory.

    Parameters
    ----------
    data
        AnnData or MuData with a manifold (`iceqream.tl.fit_manifold`), or its model.
    motifs
        Name or names of common motifs; ``None`` takes those that stand for most motifs.
    key, mod
        As in `iceqream.get.model`.
    n_motifs
        How many motifs ``motifs=None`` draws at most.
    title
        Title of the figure.
    figsize, dpi
        Size of a new figure, inches, and its resolution; ``None`` takes what the panels need.
    axes
        Axes to draw into: for each motif one per own motif, then one for the common one.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    List of axes, as for `axes`, if `show` is false (or `axes` were given), else ``None``.

    Raises
    ------
    KeyError
        If there is no model or common motif of that name.
    ValueError
        If the model is of one trajectory or does not know the trajectories' own motifs, none is to be drawn, or axes
        do not match the motifs.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> ends = {"early": ("S1", "S3"), "late": ("S2", "S4")}
    >>> library = iq.datasets.simulated_motifs(decoys=False)
    >>> iq.tl.fit_manifold(adata, ends, motifs=library, min_tss_distance=None, size_folds=0)
    >>> axes = iq.pl.common_motifs(adata, n_motifs=1, show=False)
    >>> axes[-1].get_title(loc="left") in iq.get.model(adata, "iq_manifold").motif_names
    True
    """
    manifold = manifold_model(data, key, mod)
    chosen = _chosen(manifold, motifs, n_motifs)
    members = [manifold.members[manifold.members["common"] == name] for name in chosen]
    given = given_axes(axes, sum(len(part) + 1 for part in members))
    with house_style(save):
        drawn = given or _panels([len(part) for part in members], figsize, dpi)
        left = iter(drawn)
        for name, part in zip(chosen, members, strict=True):
            _draw_column([next(left) for _ in range(len(part) + 1)], manifold, name, part)
        set_title(drawn[0].figure, title)
    return finish(drawn[0].figure, drawn, given=given is not None, show=show, save=save, dpi=dpi)


def _chosen(manifold: ManifoldModel, motifs: str | Sequence[str] | None, n_motifs: int) -> list[str]:
    """Return the names of the common motifs to draw."""
    if manifold.member_pbms is None:
        msg = "The model does not know the trajectories' own motifs: it was not made by iq.tl.fit_manifold."
        raise ValueError(msg)
    known = [str(name) for name in manifold.motif_names]
    if motifs is not None:
        chosen = known_names([motifs] if isinstance(motifs, str) else motifs, known, "The manifold has no motif")
    else:
        counts = manifold.members["common"].value_counts().reindex(known).fillna(0).to_numpy()
        chosen = [known[i] for i in np.argsort(-counts, kind="stable")[: max(n_motifs, 0)]]
    if not chosen:
        msg = "There is no motif to draw: name one or more, or n_motifs of at least 1 of a manifold that has some."
        raise ValueError(msg)
    return chosen


def _panels(sizes: Sequence[int], figsize: tuple[float, float] | None, dpi: float | None) -> list[Axes]:
    """Return the axes of a new figure, column by column; the common motifs stand in one row, at the bottom."""
    import matplotlib.pyplot as plt

    row = _HEIGHT + _BETWEEN
    bottom = _TOP + row * max(sizes) + _BEFORE_COMMON
    whole = (_LEFT + (_WIDTH + _ACROSS) * len(sizes), bottom + row + _BOTTOM)
    figure = plt.figure(figsize=whole, dpi=dpi)
    drawn = []
    for column, n in enumerate(sizes):
        x = _LEFT + (_WIDTH + _ACROSS) * column
        tops = [_TOP + row * (max(sizes) - n + k) for k in range(n)] + [bottom]
        drawn += [inches(figure, x, top, _WIDTH, _HEIGHT) for top in tops]
    if figsize is not None:
        figure.set_size_inches(figsize)
    return drawn


def _draw_column(axes: Sequence[Axes], manifold: ManifoldModel, name: str, part: pd.DataFrame) -> None:
    """Draw one common motif below those whose place it took."""
    own: MotifSet = manifold.member_pbms.motifs[part.index.to_numpy()]  # type: ignore[union-attr]
    matrices, turned = laid_on(own, manifold.pbms.motifs[[name]])
    shades = looks(manifold.names)
    room = _WIDTH * POINTS
    for ax, matrix, turn, row in zip(axes[:-1], matrices[:-1], turned, part.itertuples(), strict=True):
        behind = f"{row.similarity:.2f}" + (", turned" if turn else "")
        said = _named(str(row.trajectory), str(row.motif), room - text_points(behind, _SMALL) - 8)
        ax.set_title(said, loc="left", fontsize=_SMALL, pad=2)
        ax.set_title(behind, loc="right", fontsize=_SMALL, color=NEUTRAL, pad=2)
        _draw(ax, matrix)
        ax.spines["left"].set(color=shades[str(row.trajectory)].color, linewidth=2.5)
    _draw(axes[-1], matrices[-1])
    axes[-1].set_title(fitting([name], room, TITLE_SIZE)[0], loc="left", color=ink(), weight="bold", pad=2)
    if len(part) == 0:
        axes[-1].text(0.5, 1.6, "takes no motif's place", transform=axes[-1].transAxes, ha="center", color=NEUTRAL)


def _named(trajectory: str, motif: str, points: float) -> str:
    """Return ``trajectory: motif`` no wider than this; the longer one is shortened first."""
    points -= text_points(": ", _SMALL)
    first = fitting([trajectory], max(points / 2, points - text_points(motif, _SMALL)), _SMALL)[0]
    return f"{first}: {fitting([motif], points - text_points(first, _SMALL), _SMALL)[0]}"


def _draw(ax: Axes, matrix: np.ndarray) -> None:
    draw_logo(ax, matrix)
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)
    ax.set_yticks([0, 2])
    ax.tick_params(axis="y", labelsize=6.5, length=2)
    ax.set_ylabel("bits", fontsize=7, labelpad=1)
