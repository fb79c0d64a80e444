"""Effects of all substitutions of a sequence: along it, and letter by letter where they matter most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream._core.messages import did_you_mean, examples
from iceqream._core.sequence import LETTERS
from iceqream._core.substitutions import N_LETTERS
from iceqream.inference.sites import SITE_ENERGY
from iceqream.pl._letters import unit_letter
from iceqream.pl._names import POINTS
from iceqream.pl._sequence_sites import ROW, draw_sites, packed_rows
from iceqream.pl._style import (
    CLOSING,
    LETTER_COLORS,
    NEUTRAL,
    OPENING,
    RC,
    faint,
    finish,
    house_style,
    ink,
    paper,
    set_title,
)

if TYPE_CHECKING:
    from os import PathLike

    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

    from iceqream.inference.mutagenesis import Mutagenesis

DEFAULT_BASES = 100
"""Bases that are drawn letter by letter."""
_MOST_BASES = 200
_FEWEST_BASES = 60
_PER_BASE, _FRAME = 0.085, 1.4
"""Width of a letter and of what stands beside them, inches."""
_TRACK, _LOGO, _HEAT, _BETWEEN = 0.95, 1.0, 0.62, 1.25
"""Heights of panels and of what is between them, inches."""


def mutagenesis(
    data: Mutagenesis,
    peak: str | int = 0,
    *,
    region: tuple[int, int] | None = None,
    min_energy: float = SITE_ENERGY,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw the effects of all substitutions of one sequence, with the sites of the model's motifs.

    From the top: the most that a substitution adds to predicted dAP (red) and takes from it (blue) at each base of the
    whole sequence, with the sites; below, for the shaded region, the sequence as a logo of attributions (what the base
    that is there adds, against the mean of the four; letters above the line open, those below close), the sites, and
    all single effects (dots: the base that is there).

    Parameters
    ----------
    data
        From `iceqream.tl.mutagenesis`.
    peak
        Name of the sequence, or its number in the result.
    region
        First position and the one after the last that are drawn letter by letter (0-based, in the sequence), up to 200
        bp; ``None`` takes the 100 bp with the largest effects.
    min_energy
        Least energy of the sites that are drawn, 0-10.
    title
        Title of the figure; ``None`` says sequence, states and prediction.
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
    ValueError
        If the region lies outside of the sequence or is longer than 200 bp.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> found = iq.tl.mutagenesis(adata, [0, 1])
    >>> sorted(iq.pl.mutagenesis(found, show=False))
    ['effects', 'logo', 'region_sites', 'sequence', 'sites']
    """
    row = _row(data, peak)
    width = data.codes.shape[1]
    first, last = strongest_region(data.importance[row], DEFAULT_BASES) if region is None else region
    if not 0 <= first < last <= width or last - first > _MOST_BASES:
        msg = f"region must lie within the sequence, (0, {width}), and hold {_MOST_BASES} bp at most; got {region!r}."
        raise ValueError(msg)
    origin = 0 if data.places is None else int(data.places["start"].iloc[row])
    sites = data.sites(row, min_energy)
    inside = sites[(sites["end"] > first) & (sites["start"] < last)]
    points = POINTS * _PER_BASE * max(last - first, _FEWEST_BASES)
    rows, rows_inside = packed_rows(sites, points / width), packed_rows(inside, points / (last - first))
    heights = {
        "sequence": _TRACK,
        "sites": ROW * (rows.max(initial=0) + 1) if len(sites) else 0.02,
        "logo": _LOGO,
        "region_sites": ROW * (rows_inside.max(initial=0) + 1) if len(inside) else 0.02,
        "effects": _HEAT,
    }
    with house_style(save):
        import matplotlib.pyplot as plt

        size = (_FRAME + points / POINTS, sum(heights.values()) + _BETWEEN)
        figure = plt.figure(figsize=figsize or size, dpi=dpi)
        figure.set_layout_engine("constrained", h_pad=0.02, hspace=0.0)
        axes = figure.subplot_mosaic([[name] for name in heights], height_ratios=list(heights.values()))
        axes["sequence"].axvspan(first + origin, last + origin, color=faint(0.07), linewidth=0, zorder=0)
        draw_strongest(axes["sequence"], data.effects[row], origin)
        axes["sequence"].set_ylabel("strongest\neffects, dAP")
        draw_sites(axes["sites"], sites, rows, (0, width), origin)
        _draw_logo(axes["logo"], data.codes[row], data.attributions[row].sum(axis=0), (first, last), origin)
        image = _draw_effects(axes["effects"], data.effects[row], data.codes[row], (first, last), origin)
        bar = figure.colorbar(image, ax=axes["effects"], pad=0.01, fraction=0.03, aspect=8)
        bar.set_label("effect", fontsize=RC["ytick.labelsize"])
        bar.ax.tick_params(labelsize=7)
        draw_sites(axes["region_sites"], inside, rows_inside, (first, last), origin)
        name_positions(axes["sequence"], None)
        name_positions(axes["effects"], "" if data.places is None else str(data.places["chrom"].iloc[row]))
        start, end = data.model.states
        said = f"{data.names[row]}: predicted dAP {data.reference[row]:+.2f}, {start} to {end}"
        set_title(figure, said if title is None else title, data.model.doubt)
    return finish(figure, axes, given=False, show=show, save=save, dpi=dpi)


def strongest_region(importance: np.ndarray, size: int) -> tuple[int, int]:
    """Return first and last (half-open) of the `size` positions with the largest sum of squares."""
    size = min(size, len(importance))
    sums = np.convolve(importance**2, np.ones(size), mode="valid")
    first = int(sums.argmax())
    return first, first + size


def name_positions(ax: Axes, chrom: str | None) -> None:
    """Write positions along the genome in full at a few ticks, and what they are; ``None`` leaves that out."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.xaxis.set_major_formatter("{x:,.0f}")
    if chrom is not None:
        ax.set_xlabel(f"{chrom}, bp" if chrom else "position in the sequence, bp")


def effect_colors() -> Colormap:
    """Return blue below 0, the paper at 0, red above."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("effects", [CLOSING, paper(), OPENING], N=255)


def _row(data: Mutagenesis, peak: str | int) -> int:
    if isinstance(peak, int | np.integer):
        if not 0 <= peak < len(data):
            msg = f"There is no sequence number {peak}; there are {len(data)}."
            raise KeyError(msg)
        return int(peak)
    rows = np.flatnonzero(data.names == str(peak))
    if len(rows) == 0:
        known = [str(name) for name in data.names]
        msg = f"There is no sequence {peak!r}; there are {examples(known)}.{did_you_mean(str(peak), known)}"
        raise KeyError(msg)
    return int(rows[0])


def draw_strongest(ax: Axes, effects: np.ndarray, first: int) -> None:
    """Draw the most that a substitution adds and takes at each base, from the position `first` on."""
    x = np.arange(effects.shape[1] + 1) + first
    for part, color in ((effects.max(axis=0), OPENING), (effects.min(axis=0), CLOSING)):
        ax.stairs(part, x, fill=True, color=color, linewidth=0)
    ax.axhline(0, color=ink(), linewidth=0.6)
    ax.set_xlim(x[0], x[-1])


def _draw_logo(ax: Axes, codes: np.ndarray, attributions: np.ndarray, region: tuple[int, int], origin: int) -> None:
    from matplotlib.collections import PathCollection
    from matplotlib.path import Path

    paths, colors = [], []
    for j in range(*region):
        if codes[j] >= N_LETTERS or attributions[j] == 0:
            continue
        outline = unit_letter(LETTERS[codes[j]])
        size = np.array([0.94, attributions[j]])
        paths.append(Path(outline.vertices * size + np.array([j + 0.03 + origin, 0.0]), outline.codes))
        colors.append(LETTER_COLORS[LETTERS[codes[j]]])
    ax.add_collection(PathCollection(paths, facecolors=colors, linewidths=0))
    shown = attributions[region[0] : region[1]]
    low, high = min(float(shown.min()), 0.0), max(float(shown.max()), 0.0)
    margin = 0.05 * (high - low) or 1.0
    ax.set_ylim(low - margin, high + margin)
    ax.set_xlim(region[0] + origin, region[1] + origin)
    ax.axhline(0, color=ink(), linewidth=0.6)
    ax.set_ylabel("attribution,\ndAP")
    ax.tick_params(labelbottom=False, bottom=False)
    ax.spines["bottom"].set_visible(False)


def _draw_effects(ax: Axes, effects: np.ndarray, codes: np.ndarray, region: tuple[int, int], origin: int) -> Any:
    first, last = region
    part = effects[:, first:last]
    top = float(np.abs(part).max()) or 1.0
    image = ax.imshow(
        part, cmap=effect_colors(), vmin=-top, vmax=top, aspect="auto", interpolation="nearest",
        extent=(first + origin, last + origin, N_LETTERS, 0),
    )  # fmt: skip
    # the letters that are there
    at = np.flatnonzero(codes[first:last] < N_LETTERS)
    ax.scatter(at + first + origin + 0.5, codes[first:last][at] + 0.5, s=3, color=NEUTRAL, linewidths=0)
    ax.set_yticks(np.arange(N_LETTERS) + 0.5, list(LETTERS[:N_LETTERS]))
    ax.tick_params(axis="y", length=0, labelsize=7)
    ax.set_ylabel("changed to", labelpad=8)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return image
