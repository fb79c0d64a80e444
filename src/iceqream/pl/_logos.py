"""Logos of motifs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._core.messages import examples
from iceqream._stored_models import trajectory_model
from iceqream.get import motifs_df
from iceqream.models import PBMSet
from iceqream.models.trajectory import check_has_motifs
from iceqream.motifs import MotifSet
from iceqream.motifs.similarity import DEFAULT_TRIM_BITS
from iceqream.pl._letters import Kind, draw_logo
from iceqream.pl._names import fitting, panel_points
from iceqream.pl._style import TITLE_SIZE, direction_color, finish, grid, house_style, ink, set_title

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData

    from iceqream.models import ManifoldModel, TrajectoryModel

MAX_LOGOS = 60


def logos(
    data: AnnData | MuData | TrajectoryModel | ManifoldModel | MotifSet,
    motifs: Sequence[str] | None = None,
    *,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    mod: str = _keys.ATAC,
    kind: Kind = "bits",
    trim: float | None = DEFAULT_TRIM_BITS,
    reverse_complement: bool | Sequence[str] = False,
    ncols: int = 4,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw sequence logos.

    Parameters
    ----------
    data
        AnnData or MuData with a fitted model, or a model (strongest motif first, names red for opening and blue for
        closing), or a `iceqream.motifs.MotifSet`.
    motifs
        Names to draw, in this order; ``None`` draws all.
    key, trajectory, mod
        As in `iceqream.get.model`.
    kind
        Height of a position: its information in bits (0-2), or 1 with letters by probability.
    trim
        Positions below this many bits are cut off both ends; ``None`` draws all.
    reverse_complement
        Draw the other strand of all, or of the named motifs.
    ncols
        Logos per row.
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
        If a motif or model is missing.
    ValueError
        For more than 60 motifs, or axes that do not match their number.

    Examples
    --------
    >>> import iceqream as iq
    >>> axes = iq.pl.logos(iq.datasets.simulated_motifs(decoys=False), show=False)
    >>> len(axes)
    6
    """
    if kind not in {"bits", "probability"}:
        msg = f"kind must be 'bits' or 'probability', got {kind!r}."
        raise ValueError(msg)
    chosen, effects, doubt = _chosen(data, motifs, key, trajectory, mod)
    if len(chosen) == 0 or len(chosen) > MAX_LOGOS:
        msg = f"{len(chosen)} motifs to draw; between 1 and {MAX_LOGOS} are possible. Name some: motifs=[...]."
        raise ValueError(msg)
    turned = chosen.names if reverse_complement is True else np.array(list(reverse_complement or ()), dtype=object)
    unknown = [str(name) for name in turned if name not in chosen.names]
    if unknown:
        msg = f"reverse_complement names motifs that are not drawn: {examples(unknown)}."
        raise KeyError(msg)
    forward, reverse = (m if trim is None else m.trim(trim) for m in (chosen, chosen.reverse_complement()))
    if axes is not None and len(axes) != len(chosen):
        msg = f"{len(axes)} axes were given for {len(chosen)} motifs."
        raise ValueError(msg)
    with house_style(save):
        drawn = list(axes) if axes is not None else grid(len(chosen), ncols, 2.4, 1.25, figsize=figsize, dpi=dpi)[1]
        columns = max(1, min(ncols, len(chosen)))
        room = min(panel_points(ax, columns if axes is None else None) for ax in drawn)
        labels = fitting(chosen.names, room, TITLE_SIZE)
        for i, (ax, name, label) in enumerate(zip(drawn, chosen.names, labels, strict=True)):
            draw_logo(ax, (reverse if name in turned else forward).matrix(i), kind=kind)
            ax.set_title(label, color=direction_color(effects[i]) if effects is not None else ink())
            ax.set_xticks([])
            ax.spines["bottom"].set_visible(False)
            ax.set_yticks([0, 1, 2] if kind == "bits" else [0, 0.5, 1])
            if i % columns == 0:
                ax.set_ylabel("bits" if kind == "bits" else "probability")
            else:
                ax.set_yticklabels([])
        set_title(drawn[0].figure, title, doubt if axes is None else "")
    return finish(drawn[0].figure, drawn, given=axes is not None, show=show, save=save, dpi=dpi)


def _chosen(
    data: Any, names: Sequence[str] | None, key: str, trajectory: str | None, mod: str
) -> tuple[MotifSet, np.ndarray | None, str]:
    """Return the motifs to draw and, for a model fitted on peaks, their effects and its doubt."""
    if isinstance(data, MotifSet):
        return (data if names is None else data[list(names)]), None, ""
    if isinstance(data, PBMSet):
        return (data.motifs if names is None else data.motifs[list(names)]), None, ""
    fitted = trajectory_model(data, key, trajectory, mod)
    check_has_motifs(fitted)
    table = motifs_df(fitted)
    motifs = fitted.pbms.motifs[list(table.index if names is None else names)]
    return motifs, table["effect"].reindex(motifs.names).to_numpy(), fitted.doubt
