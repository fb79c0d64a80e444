"""Tracks of a locus: signals of two states, peaks by access probability, genes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream._anndata import coordinates
from iceqream.coverage import Coverage, import_pybigtools
from iceqream.pl._style import INK, NEUTRAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from matplotlib.axes import Axes

    from iceqream.genome import Genes

_GENE_ROWS = 3


def read_signal(source: Any, chrom: str, start: int, end: int, bins: int) -> np.ndarray:
    """Return the mean signal of equal windows, from a bigWig file or (coverage, state); 0 where there is none."""
    if isinstance(source, tuple) and isinstance(source[0], Coverage):
        coverage, state = source
        edges = np.linspace(start, end, bins + 1)
        row = int(coverage.state_index([state])[0])
        sums = coverage.counts(np.full(bins, chrom), edges[:-1], edges[1:])[row]
        return sums * coverage.binsize / np.diff(edges)
    file = import_pybigtools().open(str(source))
    size = file.chroms().get(chrom, 0)
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


def smoothed(values: np.ndarray, window: int) -> np.ndarray:
    """Return the running mean."""
    return np.convolve(values, np.ones(window) / window, mode="same") if window > 1 else values


def draw_signal(
    ax: Axes,
    tracks: Sequence[np.ndarray],
    start: float,
    end: float,
    names: Sequence[str],
    colors: Sequence[str],
    *,
    smooth: int,
) -> None:
    """Draw two tracks above each other on the same scale."""
    level = [smoothed(track, smooth) for track in tracks]
    top = max(float(max(track.max() for track in level)), 1e-12)
    x = np.linspace(start, end, len(level[0]))
    for k, (track, name, color) in enumerate(zip(level, names, colors, strict=True)):
        base = 1.08 * (len(level) - 1 - k)
        ax.fill_between(x, base, base + track / top, color=color, alpha=0.85, linewidth=0, rasterized=True)
        middle = (base + 0.3) / (1.08 * len(level))
        ax.text(-0.008, middle, name, transform=ax.transAxes, ha="right", va="center", fontsize=8, color=color)
    ax.set_ylim(0, 1.08 * len(level))
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)


def draw_peaks(
    ax: Axes,
    adata: AnnData,
    every: Sequence[np.ndarray] | None,
    chrom: str,
    start: int,
    end: int,
    names: Sequence[str],
    colors: Sequence[str],
) -> None:
    """Draw the access probabilities of the peaks of a region as bars."""
    from matplotlib.collections import LineCollection

    table = coordinates(adata)
    centre = ((table["start"] + table["end"]) // 2).to_numpy()
    inside = np.flatnonzero((table["chrom"] == chrom).to_numpy() & (centre >= start) & (centre < end))
    for k, (name, color) in enumerate(zip(names, colors, strict=True)):
        base = 1.08 * (1 - k)
        if every is not None:
            lines = [[(centre[i], base), (centre[i], base + max(float(every[k][i]), 0.01))] for i in inside]
            ax.add_collection(LineCollection(lines, colors=color, linewidths=2.2))
        ax.axhline(base, color=NEUTRAL, linewidth=0.6)
        ax.text(
            -0.008, (base + 0.3) / 2.16, name, transform=ax.transAxes, ha="right", va="center", fontsize=8, color=color
        )
    ax.text(1, 1.02, "access probability of the peaks", transform=ax.transAxes, ha="right", fontsize=7, color=NEUTRAL)
    ax.set_ylim(0, 2.16)
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
