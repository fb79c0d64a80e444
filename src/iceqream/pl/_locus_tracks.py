"""Tracks of a locus: signals of states, peaks by access probability, each with its scale."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._anndata import coordinates, profiles_at_hand, state_labels
from iceqream._core.messages import examples
from iceqream.coverage import Coverage, open_bigwig
from iceqream.pl._names import POINTS, fitting
from iceqream.pl._style import CLOSING, NEUTRAL, OPENING, faint, ink, state_colors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from anndata import AnnData
    from matplotlib.axes import Axes

    from iceqream.models import TrajectoryModel

logger = logging.getLogger(__name__)

_CONTEXT_BINS, _ELEMENT_BINS = 1000, 100
_LABEL_INSIDE = 0.93
"""Bars of access probability from here on have their number inside."""
_ROW = 1.08
"""Distance of two tracks; a track is 1 high."""
_HEADROOM = 0.25
_NAME_SIZE, _SCALE_SIZE = 8, 6.5
_MILLION = 1e6


@dataclass(frozen=True, eq=False)
class LocusTracks:
    """What is drawn of the states around and over an element."""

    names: list[str]
    colors: list[str]
    context: list[np.ndarray] | None
    """Mean signal of equal windows, per state; None where there is no coverage."""
    element: list[np.ndarray] | None
    probabilities: list[np.ndarray | None]
    """Access probabilities of all peaks, per state; None where the data have none."""
    is_state: list[bool]
    """Whether a track is of a state of the data or the model, and not of something else."""
    absent: list[bool]
    """Whether a track lacks the chromosome."""
    unit: str = ""
    """Of the coverage."""

    @property
    def known(self) -> bool:
        """Whether there is anything to draw."""
        return self.element is not None or any(values is not None for values in self.probabilities)

    def scales(self, tracks: Sequence[np.ndarray], quantile: float = 1.0) -> list[float]:
        """Return what each track is divided by: one value for all states of the data, one for each other track."""
        largest = [float(np.quantile(track, quantile)) for track in tracks]
        together = max((one for one, known in zip(largest, self.is_state, strict=True) if known), default=0.0)
        return [(together if known else one) or 1.0 for one, known in zip(largest, self.is_state, strict=True)]


def locus_tracks(
    adata: AnnData,
    fitted: TrajectoryModel,
    coverage: Any,
    states: Sequence[str] | None,
    place: tuple[str, int, int] | None,
    context: int,
    layer: str,
    *,
    normalize: bool,
    palette: Mapping[str, str] | None = None,
) -> LocusTracks:
    """Collect coverage and access probabilities of the states to draw.

    Raises
    ------
    KeyError
        If a state has no coverage, or, without coverage, is none of the data.
    TypeError
        If `coverage` is something else.
    """
    if not isinstance(coverage, Coverage | Mapping | None):
        msg = f"coverage is an iceqream.Coverage or a dictionary of bigWig files, got a {type(coverage).__name__}."
        raise TypeError(msg)
    groupby = fitted.params.get("groupby")
    labels = state_labels(adata, groupby)
    if states is not None:
        names = [str(state) for state in states]
    else:
        names = [str(name) for name in coverage] if isinstance(coverage, Mapping) else _states(fitted)
    known = labels if coverage is None else coverage.states if isinstance(coverage, Coverage) else list(coverage)
    missing = [name for name in names if name not in set(map(str, known))]
    if missing and (coverage is not None or states is not None):
        what = "access probability" if coverage is None else "coverage"
        msg = f"There is no {what} of {examples(missing)}; there is of {examples(dict.fromkeys(map(str, known)))}."
        raise KeyError(msg)
    probabilities = profiles_at_hand(adata, names, groupby=groupby, layer=layer)
    drawn: dict[str, list[np.ndarray]] = {}
    absent = [False] * len(names)
    if coverage is not None and place is not None:
        chrom, start, end = place
        first = context_start(place, context)
        with ExitStack() as stack:
            sources = [
                (coverage, name) if isinstance(coverage, Coverage) else stack.enter_context(OpenBigwig(coverage[name]))
                for name in names
            ]
            absent = [not _has_chromosome(source, chrom) for source in sources]
            depths = [_total_signal(source) / _MILLION if normalize else 1.0 for source in sources]
            for panel, low, high, bins in (
                ("context", first, first + context, _CONTEXT_BINS),
                ("element", start, end, _ELEMENT_BINS),
            ):
                drawn[panel] = [
                    np.zeros(bins) if lacks else read_signal(source, chrom, low, high, bins) / depth
                    for source, depth, lacks in zip(sources, depths, absent, strict=True)
                ]
    return LocusTracks(
        names,
        _colors(adata, fitted, names, groupby, palette or {}),
        drawn.get("context"),
        drawn.get("element"),
        probabilities,
        [name in {*map(str, labels), *fitted.states} for name in names],
        absent,
        "signal, millionths of the track" if normalize else "signal",
    )


def context_start(place: tuple[str, int, int], context: int) -> int:
    """Return the first base of `context` bp around an element."""
    return max((place[1] + place[2]) // 2 - context // 2, 0)


class OpenBigwig:
    """A bigWig file, open until the end of the context."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = path

    def __enter__(self) -> OpenBigwig:
        self.file = open_bigwig(self.path)
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


def _states(fitted: TrajectoryModel) -> list[str]:
    """Return the states of a model that cells can be in."""
    return [state for state in fitted.states if state != _keys.CLOSED]


def _colors(
    adata: AnnData, fitted: TrajectoryModel, names: Sequence[str], groupby: str | None, palette: Mapping[str, str]
) -> list[str]:
    """Return the caller's colours, else blue for the model's start state, red for its end, the data's for others."""
    roles = {fitted.states[0]: CLOSING, fitted.states[1]: OPENING, **palette}
    own = state_colors(adata, groupby)[1] if groupby is not None and f"{groupby}_colors" in adata.uns else {}
    return [roles.get(name, own.get(name, NEUTRAL)) for name in names]


def _total_signal(source: OpenBigwig | tuple[Coverage, str]) -> float:
    """Return the sum of a track over the genome, by which tracks of different depth are compared."""
    if isinstance(source, tuple):
        coverage, state = source
        return float(coverage.totals()[int(coverage.state_index([state])[0])]) or 1.0
    return float(source.file.info()["summary"]["sum"]) or 1.0


def read_signal(source: OpenBigwig | tuple[Coverage, str], chrom: str, start: int, end: int, bins: int) -> np.ndarray:
    """Return the mean signal of equal windows, from a bigWig file or (coverage, state); 0 where there is none."""
    if not _has_chromosome(source, chrom):
        return np.zeros(bins)
    if isinstance(source, tuple):
        coverage, state = source
        edges = np.linspace(start, end, bins + 1)
        row = int(coverage.state_index([state])[0])
        sums = coverage.counts(np.full(bins, chrom), edges[:-1], edges[1:])[row]
        return sums * coverage.binsize / np.diff(edges)
    size = source.file.chroms()[chrom]
    out = np.zeros(bins)
    if min(end, size) <= start:
        return out
    step = (end - start) / bins
    for first, last, value in source.file.records(chrom, max(start, 0), min(end, size)):
        low, high = (max(first, start) - start) / step, (min(last, end) - start) / step
        one, other = int(low), min(int(np.ceil(high)), bins)
        at = np.arange(one, other)
        out[one:other] += value * np.clip(np.minimum(high, at + 1) - np.maximum(low, at), 0, 1)
    return out


def _has_chromosome(source: OpenBigwig | tuple[Coverage, str], chrom: str) -> bool:
    """Return whether a track knows a chromosome; warn where not."""
    known, where = (
        (source[0].chromosomes, f"the coverage of {source[1]}")
        if isinstance(source, tuple)
        else (list(source.file.chroms()), str(source.path))
    )
    if chrom not in known:
        logger.warning("%s has no chromosome %s, but %s: nothing is drawn of it", where, chrom, examples(known))
    return chrom in known


def smoothed(values: np.ndarray, window: int) -> np.ndarray:
    """Return the running mean; at the ends, of what there is."""
    kernel = np.ones(window)
    return np.convolve(values, kernel, mode="same") / np.convolve(np.ones(len(values)), kernel, mode="same")


def draw_signal(
    ax: Axes,
    drawn: LocusTracks,
    tracks: Sequence[np.ndarray],
    place: tuple[str, float, float],
    *,
    smooth: int,
    quantile: float,
) -> None:
    """Draw tracks above each other, capped at the quantile of what shares their scale."""
    chrom, start, end = place
    level = [smoothed(track, smooth) for track in tracks]
    x = np.linspace(start, end, len(level[0]))
    scales = drawn.scales(level, quantile)
    for k, (track, scale, color) in enumerate(zip(level, scales, drawn.colors, strict=True)):
        base = _ROW * (len(level) - 1 - k)
        top = base + np.minimum(track / scale, 1.0)
        ax.fill_between(x, base, top, color=color, alpha=0.85, linewidth=0, rasterized=True)
        if drawn.absent[k]:
            ax.text((start + end) / 2, base + 0.45, f"the track has no {chrom}", ha="center", va="center", fontsize=7,
                    color=NEUTRAL)  # fmt: skip
    largest = [0.0 if absent else scale for absent, scale in zip(drawn.absent, scales, strict=True)]
    _rows_of_states(ax, drawn, largest)


def draw_peaks(ax: Axes, drawn: LocusTracks, adata: AnnData, chrom: str, start: int, end: int) -> None:
    """Draw the access probabilities of the peaks of a region as bars."""
    from matplotlib.collections import LineCollection

    table = coordinates(adata)
    centre = ((table["start"] + table["end"]) // 2).to_numpy()
    inside = np.flatnonzero((table["chrom"] == chrom).to_numpy() & (centre >= start) & (centre < end))
    for k, (values, color) in enumerate(zip(drawn.probabilities, drawn.colors, strict=True)):
        base = _ROW * (len(drawn.names) - 1 - k)
        if values is not None:
            lines = [[(centre[i], base), (centre[i], base + max(float(values[i]), 0.01))] for i in inside]
            ax.add_collection(LineCollection(lines, colors=color, linewidths=2.2))
    _rows_of_states(ax, drawn, [float(values is not None) for values in drawn.probabilities])
    say_above(ax, "access probability of the peaks" if len(inside) else "no peak in this region")


def draw_probabilities(ax: Axes, drawn: LocusTracks, row: int | None, width: int) -> None:
    """Draw the access probabilities of one element as horizontal bars, 1 as long as the element."""
    n = len(drawn.names)
    ax.vlines([0, width / 2, width], -0.5, n - 0.5, color=faint(), linewidth=0.8, zorder=0)
    for k, (name, values, color) in enumerate(zip(_labels(ax, drawn), drawn.probabilities, drawn.colors, strict=True)):
        y = n - 1 - k
        ax.text(-0.008 * width, y, name, va="center", ha="right", fontsize=_NAME_SIZE, color=color)
        if values is not None and row is not None:
            value = float(values[row])
            ax.barh(y, value * width, height=0.7, color=color, alpha=0.85)
            inside = value > _LABEL_INSIDE
            x = (value - 0.008 if inside else value + 0.008) * width
            ax.text(x, y, f"{value:.2f}", va="center", ha="right" if inside else "left", fontsize=8,
                    color="white" if inside else ink())  # fmt: skip
    if row is None:
        ax.text(width / 4, (n - 1) / 2, "no peak here", ha="center", va="center", fontsize=8, color=NEUTRAL)
    ax.set_ylim(-0.5, n + _HEADROOM)
    for x, label, side in ((0, "0", "left"), (width / 2, "0.5", "center"), (width, "access probability 1", "right")):
        ax.text(x, n - 0.42, label, ha=side, va="bottom", fontsize=_SCALE_SIZE, color=NEUTRAL)
    ax.set_xticks([])
    ax.set_yticks([])
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)


def say_above(ax: Axes, said: str) -> None:
    """Say above tracks what they are."""
    ax.text(1, 1.02, said, transform=ax.transAxes, ha="right", va="bottom", fontsize=7, color=NEUTRAL)


def _labels(ax: Axes, drawn: LocusTracks) -> list[str]:
    """Return the tracks' names, as long as there is room left of the axes."""
    return fitting(drawn.names, ax.get_position().x0 * ax.figure.get_figwidth() * POINTS * 0.92, _NAME_SIZE)  # type: ignore[union-attr]


def _rows_of_states(ax: Axes, drawn: LocusTracks, largest: Sequence[float]) -> None:
    """Set the rows of tracks: names, base lines, limits, and at the right the value of a full track."""
    n = len(drawn.names)
    right = ax.get_yaxis_transform()
    for k, (name, color) in enumerate(zip(_labels(ax, drawn), drawn.colors, strict=True)):
        base = _ROW * (n - 1 - k)
        ax.axhline(base, color=ink() if k == n - 1 else faint(), linewidth=0.8 if k == n - 1 else 0.6)
        middle = (base + 0.35) / (_ROW * n)
        ax.text(-0.008, middle, name, transform=ax.transAxes, ha="right", va="center", fontsize=_NAME_SIZE, color=color)
        if largest[k] > 0:
            said: dict[str, Any] = {"transform": right, "ha": "left", "fontsize": _SCALE_SIZE, "color": NEUTRAL}
            ax.text(1.004, base + 1, f"{largest[k]:.2g}", va="top", **said)
            ax.text(1.004, base, "0", va="bottom", **said)
    ax.set_ylim(0, _ROW * n)
    ax.set_yticks([])
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
