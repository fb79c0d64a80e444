"""Tracks of a locus: signals of states, peaks by access probability, genes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream._anndata import coordinates, profiles_at_hand, state_labels
from iceqream._core.messages import examples
from iceqream.coverage import Coverage, open_bigwig
from iceqream.pl._style import CLOSING, FAINT, INK, NEUTRAL, OPENING, state_colors

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from anndata import AnnData
    from matplotlib.axes import Axes

    from iceqream.genome import Genes
    from iceqream.models import TrajectoryModel

logger = logging.getLogger(__name__)

_GENE_ROWS = 3
_CONTEXT_BINS, _ELEMENT_BINS = 1000, 100
_LABEL_INSIDE = 0.93
"""Bars of access probability from here on have their number inside."""
_ROW = 1.08
"""Distance of two tracks; a track is 1 high."""


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
        names = [str(name) for name in coverage] if isinstance(coverage, Mapping) else list(fitted.states)
    known = labels if coverage is None else coverage.states if isinstance(coverage, Coverage) else list(coverage)
    missing = [name for name in names if name not in set(map(str, known))]
    if missing and (coverage is not None or states is not None):
        what = "access probability" if coverage is None else "coverage"
        msg = f"There is no {what} of {examples(missing)}; there is of {examples(dict.fromkeys(map(str, known)))}."
        raise KeyError(msg)
    probabilities = profiles_at_hand(adata, names, groupby=groupby, layer=layer)
    drawn: dict[str, list[np.ndarray]] = {}
    if coverage is not None and place is not None:
        chrom, start, end = place
        first = max((start + end) // 2 - context // 2, 0)
        for panel, low, high, bins in (
            ("context", first, first + context, _CONTEXT_BINS),
            ("element", start, end, _ELEMENT_BINS),
        ):
            sources = [(coverage, name) if isinstance(coverage, Coverage) else coverage[name] for name in names]
            depths = [total_signal(source) if normalize else 1.0 for source in sources]
            drawn[panel] = [
                read_signal(source, chrom, low, high, bins) / depth
                for source, depth in zip(sources, depths, strict=True)
            ]
    return LocusTracks(
        names,
        _colors(adata, fitted, names, groupby),
        drawn.get("context"),
        drawn.get("element"),
        probabilities,
        [name in {*map(str, labels), *fitted.states} for name in names],
    )


def _colors(adata: AnnData, fitted: TrajectoryModel, names: Sequence[str], groupby: str | None) -> list[str]:
    """Return blue for the model's start state, red for its end, and the data's own colours for others."""
    roles = {fitted.states[0]: CLOSING, fitted.states[1]: OPENING}
    own = state_colors(adata, groupby)[1] if groupby is not None and f"{groupby}_colors" in adata.uns else {}
    return [roles.get(name, own.get(name, NEUTRAL)) for name in names]


def total_signal(source: Any) -> float:
    """Return the sum of a track over the genome, by which tracks of different depth are compared."""
    if isinstance(source, tuple) and isinstance(source[0], Coverage):
        coverage, state = source
        return float(coverage.totals()[int(coverage.state_index([state])[0])]) or 1.0
    return float(open_bigwig(source).info()["summary"]["sum"]) or 1.0


def read_signal(source: Any, chrom: str, start: int, end: int, bins: int) -> np.ndarray:
    """Return the mean signal of equal windows, from a bigWig file or (coverage, state); 0 where there is none."""
    if isinstance(source, tuple) and isinstance(source[0], Coverage):
        coverage, state = source
        _warn_of_chromosome(chrom, coverage.chromosomes, "the coverage")
        edges = np.linspace(start, end, bins + 1)
        row = int(coverage.state_index([state])[0])
        sums = coverage.counts(np.full(bins, chrom), edges[:-1], edges[1:])[row]
        return sums * coverage.binsize / np.diff(edges)
    file = open_bigwig(source)
    sizes = file.chroms()
    _warn_of_chromosome(chrom, sizes, str(source))
    size = sizes.get(chrom, 0)
    out = np.zeros(bins)
    if min(end, size) <= start:
        return out
    step = (end - start) / bins
    for first, last, value in file.records(chrom, max(start, 0), min(end, size)):
        low, high = (max(first, start) - start) / step, (min(last, end) - start) / step
        one, other = int(low), min(int(np.ceil(high)), bins)
        at = np.arange(one, other)
        out[one:other] += value * np.clip(np.minimum(high, at + 1) - np.maximum(low, at), 0, 1)
    return out


def _warn_of_chromosome(chrom: str, known: Iterable[str], where: str) -> None:
    if chrom not in known:
        logger.warning("%s has no chromosome %s, but %s: nothing is drawn of it", where, chrom, examples(known))


def smoothed(values: np.ndarray, window: int) -> np.ndarray:
    """Return the running mean; at the ends, of what there is."""
    kernel = np.ones(window)
    return np.convolve(values, kernel, mode="same") / np.convolve(np.ones(len(values)), kernel, mode="same")


def draw_signal(
    ax: Axes,
    drawn: LocusTracks,
    tracks: Sequence[np.ndarray],
    start: float,
    end: float,
    *,
    smooth: int,
    quantile: float,
) -> None:
    """Draw tracks above each other, capped at the quantile of what shares their scale."""
    level = [smoothed(track, smooth) for track in tracks]
    x = np.linspace(start, end, len(level[0]))
    for k, (track, scale, color) in enumerate(zip(level, drawn.scales(level, quantile), drawn.colors, strict=True)):
        base = _ROW * (len(level) - 1 - k)
        top = base + np.minimum(track / scale, 1.0)
        ax.fill_between(x, base, top, color=color, alpha=0.85, linewidth=0, rasterized=True)
    _rows_of_states(ax, drawn)


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
    _rows_of_states(ax, drawn)
    ax.text(1, 1.02, "access probability of the peaks", transform=ax.transAxes, ha="right", fontsize=7, color=NEUTRAL)


def draw_probabilities(ax: Axes, drawn: LocusTracks, row: int, width: int) -> None:
    """Draw the access probabilities of one element as horizontal bars, 1 as long as the element."""
    n = len(drawn.names)
    for k, (name, values, color) in enumerate(zip(drawn.names, drawn.probabilities, drawn.colors, strict=True)):
        y = n - 1 - k
        ax.text(-0.008 * width, y, name, va="center", ha="right", fontsize=8, color=color)
        if values is not None:
            value = float(values[row])
            ax.barh(y, value * width, height=0.7, color=color, alpha=0.85)
            inside = value > _LABEL_INSIDE
            x = (value - 0.008 if inside else value + 0.008) * width
            ax.text(x, y, f"{value:.2f}", va="center", ha="right" if inside else "left", fontsize=8,
                    color="white" if inside else INK)  # fmt: skip
    ax.set_ylim(-0.5, n - 0.5)
    ax.set_xticks([])
    ax.set_yticks([])
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.text(1, 1.0, "access probability", transform=ax.transAxes, ha="right", va="center", fontsize=7, color=NEUTRAL,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0})  # fmt: skip


def _rows_of_states(ax: Axes, drawn: LocusTracks) -> None:
    """Set the rows of tracks: names, base lines, limits."""
    n = len(drawn.names)
    for k, (name, color) in enumerate(zip(drawn.names, drawn.colors, strict=True)):
        base = _ROW * (n - 1 - k)
        ax.axhline(base, color=INK if k == n - 1 else FAINT, linewidth=0.8 if k == n - 1 else 0.6)
        middle = (base + 0.35) / (_ROW * n)
        ax.text(-0.008, middle, name, transform=ax.transAxes, ha="right", va="center", fontsize=8, color=color)
    ax.set_ylim(0, _ROW * n)
    ax.set_yticks([])
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)


def draw_genes(ax: Axes, genes: Genes, chrom: str, start: int, end: int) -> None:
    """Draw exons, start sites as arrows, and the names that have room."""
    from matplotlib.collections import LineCollection, PatchCollection
    from matplotlib.patches import Rectangle

    span = end - start
    sites = genes.tss[(genes.tss["chrom"].astype(str) == chrom) & genes.tss["position"].between(start, end - 1)]
    exons = genes.exons
    if len(exons):
        exons = exons[(exons["chrom"].astype(str) == chrom) & (exons["end"] > start) & (exons["start"] < end)]
    ends: dict[str, tuple[int, int]] = {}
    for name, part in list(sites.groupby("gene")) + (list(exons.groupby("gene")) if len(exons) else []):
        low = int(part["position"].min() if "position" in part else part["start"].min())
        high = int(part["position"].max() if "position" in part else part["end"].max())
        before = ends.get(str(name), (low, high))
        ends[str(name)] = (max(min(before[0], low), start), min(max(before[1], high), end))
    free = [start - span] * _GENE_ROWS
    rows: dict[str, int] = {}
    for name, (low, high) in sorted(ends.items(), key=lambda item: item[1]):
        needed = high + int(span * 0.0085 * (len(name) + 2))
        row = next((r for r in range(_GENE_ROWS) if free[r] < low), None)
        if row is not None:
            rows[name] = row
            free[row] = needed + int(0.008 * span)
    ax.set_xlim(start, end)
    ax.set_ylim(max(rows.values(), default=0) + 1, 0)
    ax.axis("off")
    lines = [[(ends[name][0], row + 0.75), (ends[name][1], row + 0.75)] for name, row in rows.items()]
    ax.add_collection(LineCollection(lines, colors=INK, linewidths=0.8))
    boxes = [
        Rectangle((max(low, start), rows[str(name)] + 0.6), min(high, end) - max(low, start), 0.3)
        for name, low, high in (zip(exons["gene"], exons["start"], exons["end"], strict=True) if len(exons) else ())
        if str(name) in rows
    ]
    ax.add_collection(PatchCollection(boxes, facecolors=INK, linewidths=0))
    for name, row in rows.items():
        mine = sites[sites["gene"].astype(str) == name]
        forward = len(mine) == 0 or int(mine["strand"].iloc[0]) > 0
        if len(mine):
            at = int(mine["position"].min() if forward else mine["position"].max())
            tip = at + (1 if forward else -1) * 0.012 * span
            ax.plot([at, at], [row + 0.75, row + 0.42], color=INK, linewidth=0.8)
            arrow = {"arrowstyle": "-|>", "color": INK, "lw": 0.8, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 6}
            ax.annotate("", (tip, row + 0.42), (at, row + 0.42), arrowprops=arrow)
        x = ends[name][0] + 0.016 * span if forward else ends[name][1] + 0.004 * span
        x = min(x, end - 0.0085 * span * len(name))
        ax.text(x, row + 0.3, name, fontsize=6.5, style="italic", va="center", clip_on=True)
