"""The way from a sequence to a designed one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream._core.messages import did_you_mean, examples
from iceqream._core.sequence import encode
from iceqream.inference.design import columns_of
from iceqream.inference.mutagenesis import sites_in
from iceqream.inference.sites import SITE_ENERGY
from iceqream.models import ManifoldModel
from iceqream.pl._names import POINTS
from iceqream.pl._sequence_sites import ROW, draw_sites, packed_rows
from iceqream.pl._style import CATEGORIES, NEUTRAL, direction_color, faint, finish, house_style, ink, set_title

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd
    from matplotlib.axes import Axes

    from iceqream.inference.design import Design

_WIDTH, _FRAME, _STEPS, _BETWEEN = 6.2, 1.3, 2.1, 1.5
"""Width of panels and of what is beside them, height of the steps and of what is between, inches."""
_NAME_SIZE = 6.5


def design(
    data: Design,
    sequence: str | int = 0,
    *,
    min_energy: float = SITE_ENERGY,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw the steps to one designed sequence, and its sites before and after.

    Above: predicted dAP after each step (of a manifold a line per trajectory), with the motif behind it; names in red
    where a step opens and in blue where it closes. Below: the sites of the model's motifs in the start and in the
    designed sequence; ticks mark the bases that differ.

    Parameters
    ----------
    data
        From `iceqream.tl.design`.
    sequence
        Name of the sequence, or its number.
    min_energy
        Least energy of the sites that are drawn, 0-10.
    title
        Title of the figure; ``None`` names the sequence.
    figsize, dpi
        Size of the figure, inches, and its resolution; ``None`` takes what the panels need.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    Dictionary of axes by panel if `show` is false, else ``None``.

    Raises
    ------
    KeyError
        If there is no such sequence.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> found = iq.tl.design(adata, target="max", n_mutations=4)
    >>> sorted(iq.pl.design(found, show=False))
    ['after', 'before', 'steps']
    """
    name = _name(data, sequence)
    row: Any = data.sequences.loc[name]
    trace = data.trace[data.trace["name"] == name]
    codes = [encode(str(row[part])) for part in ("start", "sequence")]
    width = codes[0].shape[1]
    one = data.model[data.model.names[0]] if isinstance(data.model, ManifoldModel) else data.model
    known = {str(f): np.zeros(1) for f in one.features.names}
    sites = [sites_in(one, of, known, min_energy) for of in codes]
    rows = [packed_rows(of, POINTS * _WIDTH / width) for of in sites]
    heights = {
        "steps": _STEPS,
        **{p: ROW * (r.max(initial=0) + 1) for p, r in zip(("before", "after"), rows, strict=True)},
    }
    with house_style(save):
        import matplotlib.pyplot as plt

        size = (_WIDTH + _FRAME, sum(heights.values()) + _BETWEEN)
        figure = plt.figure(figsize=figsize or size, dpi=dpi)
        figure.set_layout_engine("constrained", h_pad=0.03, hspace=0.02)
        axes = figure.subplot_mosaic([[panel] for panel in heights], height_ratios=list(heights.values()))
        _draw_steps(axes["steps"], trace, row, columns_of(data.model))
        for panel, of, places, said in zip(("before", "after"), sites, rows, ("start", "design"), strict=True):
            draw_sites(axes[panel], of, places, (0, width), 0)
            axes[panel].text(-0.01, 0.5, said, transform=axes[panel].transAxes, ha="right", va="center", fontsize=8)
        changed = np.flatnonzero(codes[0][0] != codes[1][0]) + 0.5
        lowest = axes["after"].get_ylim()[0] + 0.25
        axes["after"].plot(changed, np.full(len(changed), lowest), "|", color=ink(), markersize=5, clip_on=False)
        axes["after"].set_ylim(lowest + 0.15, 0)
        set_title(figure, f"{name}: {int(row['n_mutations'])} mutations" if title is None else title, one.doubt)
    return finish(figure, axes, given=False, show=show, save=save, dpi=dpi)


def _name(data: Design, sequence: str | int) -> str:
    names = [str(name) for name in data.sequences.index]
    if isinstance(sequence, int | np.integer):
        if not 0 <= sequence < len(names):
            msg = f"There is no sequence number {sequence}; there are {len(names)}."
            raise KeyError(msg)
        return names[int(sequence)]
    if sequence not in names:
        msg = f"There is no sequence {sequence!r}; there are {examples(names)}.{did_you_mean(sequence, names)}"
        raise KeyError(msg)
    return sequence


def _draw_steps(ax: Axes, trace: pd.DataFrame, row: Any, columns: list[str]) -> None:
    from matplotlib.ticker import MaxNLocator

    steps = np.arange(len(trace) + 1)
    highest = np.full(len(steps), -np.inf)
    for column, color in zip(columns, (ink(), *CATEGORIES) if len(columns) == 1 else CATEGORIES * 4, strict=False):
        end = f"_{column}" if column else ""
        values = np.append(float(row[f"dap_start{end}"]), trace[f"dap{end}"].to_numpy(dtype=np.float64))
        ax.plot(steps, values, color=color, marker="o", markersize=3, linewidth=1.3, label=column)
        highest = np.maximum(highest, values)
    if len(trace):
        for step, motif, effect in zip(steps[1:], trace["motif"], trace["effect"], strict=True):
            said = str(motif) or "composition"
            color = direction_color(float(effect)) if motif else NEUTRAL
            ax.annotate(said, (step, highest[step]), (0, 5), textcoords="offset points", rotation=90, ha="center",
                        va="bottom", fontsize=_NAME_SIZE, color=color)  # fmt: skip
    ax.margins(x=0.02)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.45 * (high - low))
    ax.axhline(0, color=faint(), linewidth=0.8, zorder=0)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("step")
    ax.set_ylabel("predicted dAP")
    if len(columns) > 1:
        ax.legend(frameon=False, loc="lower right", ncols=min(len(columns), 3))
