"""Genes around a locus: exons, start sites as arrows, and names that do not run into each other."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iceqream._core.messages import examples
from iceqream.pl._names import text_points
from iceqream.pl._style import NEUTRAL, ink

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes

    from iceqream.genome import Genes

logger = logging.getLogger(__name__)

MAX_GENE_ROWS = 5
_SIZE = 6.5
_GAP = 4.0
"""Between a gene and its neighbour, or its name, points."""
_ARROW = 0.012
"""Length of an arrow, share of the panel."""


@dataclass(frozen=True)
class PlacedGene:
    """Where a gene and its name go."""

    name: str
    low: int
    high: int
    site: int | None
    """First start site; None where it lies outside."""
    forward: bool
    row: int
    text: float
    """Left edge of the name, bp."""


@dataclass(frozen=True, eq=False)
class PlacedGenes:
    """The genes of a region in rows."""

    region: tuple[str, int, int]
    placed: list[PlacedGene]
    without: list[str]
    """Names of the genes that have no room."""
    exons: pd.DataFrame
    """Of the region; may be empty."""
    chromosomes: np.ndarray
    """Those that have genes."""

    @property
    def n_rows(self) -> int:
        """Number of rows, 1 at least."""
        return 1 + max((gene.row for gene in self.placed), default=0)


def place_genes(genes: Genes, chrom: str, start: int, end: int, points: float) -> PlacedGenes:
    """Lay out the genes of a region in rows of a panel `points` wide."""
    span = end - start
    per_point = span / points
    sites = genes.tss[(genes.tss["chrom"].astype(str) == chrom) & genes.tss["position"].between(start, end - 1)]
    exons = genes.exons
    if len(exons):
        exons = exons[(exons["chrom"].astype(str) == chrom) & (exons["end"] > start) & (exons["start"] < end)]
    free: list[float] = []
    placed, without = [], []
    for name, low, high, site, forward in sorted(_extents(sites, exons, start, end), key=lambda gene: gene[1:3]):
        wide = text_points(name, _SIZE, style="italic") * per_point
        gap = _GAP * per_point
        # the name stands right of the arrow
        text = float(low) if site is None else site + (_ARROW * span if forward else 0) + gap
        if text + wide > end:
            tip = low if site is None or forward else min(low, site - _ARROW * span)
            text = max(tip - gap - wide, start)
        left, right = min(low, text), max(high, text + wide)
        row = next((r for r, edge in enumerate(free) if edge <= left), len(free))
        if row == MAX_GENE_ROWS:
            without.append(name)
            continue
        free[row : row + 1] = [right + 2 * gap]
        placed.append(PlacedGene(name, low, high, site, forward, row, text))
    return PlacedGenes((chrom, start, end), placed, without, exons, genes.tss["chrom"].astype(str).unique())


def _extents(
    sites: pd.DataFrame, exons: pd.DataFrame, start: int, end: int
) -> list[tuple[str, int, int, int | None, bool]]:
    """Return name, first and last base, start site and strand of each gene with a site or an exon in a region."""
    ends: dict[str, tuple[int, int]] = {}
    for low, high, part in (("position", "position", sites), ("start", "end", exons)):
        if len(part) == 0:
            continue
        for name, first, last in zip(part["gene"].astype(str), part[low], part[high], strict=True):
            before = ends.get(name, (int(first), int(last)))
            ends[name] = (max(min(before[0], int(first)), start), min(max(before[1], int(last)), end))
    found: list[tuple[str, int, int, int | None, bool]] = []
    for name, (low_end, high_end) in ends.items():
        mine = sites[sites["gene"].astype(str) == name]
        forward = len(mine) == 0 or int(mine["strand"].iloc[0]) > 0
        site = None if len(mine) == 0 else int(mine["position"].min() if forward else mine["position"].max())
        found.append((name, low_end, high_end, site, forward))
    return found


def draw_genes(ax: Axes, genes: PlacedGenes) -> None:
    """Draw exons, start sites as arrows, and names; say how many genes have no room."""
    from matplotlib.collections import LineCollection, PatchCollection
    from matplotlib.patches import Rectangle

    chrom, start, end = genes.region
    rows = {gene.name: gene.row for gene in genes.placed}
    ax.set_xlim(start, end)
    ax.set_ylim(genes.n_rows, 0)
    ax.axis("off")
    if not genes.placed:
        _say_empty(ax, genes)
        return
    color = ink()
    lines = [[(gene.low, gene.row + 0.75), (gene.high, gene.row + 0.75)] for gene in genes.placed]
    ax.add_collection(LineCollection(lines, colors=color, linewidths=0.8))
    if len(genes.exons):
        boxes = [
            Rectangle((max(low, start), rows[str(name)] + 0.6), min(high, end) - max(low, start), 0.3)
            for name, low, high in zip(genes.exons["gene"], genes.exons["start"], genes.exons["end"], strict=True)
            if str(name) in rows
        ]
        ax.add_collection(PatchCollection(boxes, facecolors=color, linewidths=0))
    arrow = {"arrowstyle": "-|>", "color": color, "lw": 0.8, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 6}
    for gene in genes.placed:
        if gene.site is not None:
            tip = gene.site + (1 if gene.forward else -1) * _ARROW * (end - start)
            ax.plot([gene.site, gene.site], [gene.row + 0.75, gene.row + 0.42], color=color, linewidth=0.8)
            ax.annotate("", (tip, gene.row + 0.42), (gene.site, gene.row + 0.42), arrowprops=arrow)
        ax.text(gene.text, gene.row + 0.3, gene.name, fontsize=_SIZE, style="italic", va="center")
    if genes.without:
        n = len(genes.without)
        logger.info("%d genes of %s:%d-%d have no room: %s", n, chrom, start, end, examples(genes.without))
        ax.text(1, -0.02, f"and {n} more genes", transform=ax.transAxes, ha="right", va="top",
                fontsize=_SIZE, color=NEUTRAL)  # fmt: skip


def _say_empty(ax: Axes, genes: PlacedGenes) -> None:
    chrom, known = genes.region[0], genes.chromosomes
    said = "no gene in this region" if chrom in known else f"the genes have no {chrom}"
    if chrom not in known:
        logger.warning("The genes have no chromosome %s, but %s: none is drawn", chrom, examples(known))
    ax.text(0.5, 0.5, said, transform=ax.transAxes, ha="center", va="center", fontsize=7, color=NEUTRAL)
