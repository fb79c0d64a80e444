"""Places of the genome by name: of a peak, a gene, or coordinates with a peak or without."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from iceqream._anndata import coordinates, sequences_of
from iceqream._core.messages import examples
from iceqream.genome import Genes, Genome
from iceqream.models.features import SEQUENCE_FEATURES, available_features
from iceqream.motifs.pbm import codes_of_width

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd
    from anndata import AnnData

    from iceqream.models import TrajectoryModel

    Place = tuple[str, int, int]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Locus:
    """A sequence of the model's width, and where it lies."""

    name: str
    """Of the peak, or ``chrom:start-end``."""
    row: int | None
    """Number of the peak; None where there is none."""
    place: Place | None
    """Chromosome, start and end of the sequence (0-based, half-open); None where peaks have no coordinates."""
    codes: np.ndarray
    """uint8, 1 x width."""
    gene: str = ""
    """What gene it was asked for, and how far from its start site it lies."""


def find_locus(
    adata: AnnData,
    locus: str | int,
    width: int,
    *,
    genes: Genes | Genome | str | PathLike[str] | pd.DataFrame | None = None,
    genome: Genome | str | PathLike[str] | None = None,
) -> Locus:
    """Return the peak of a name, number, gene or overlapping coordinates; with a genome, any coordinates.

    Raises
    ------
    KeyError
        If there is no such peak or gene, or no peak for it.
    ValueError
        If coordinates lie outside the genome.
    """
    known = genome_at_hand(genes, genome)
    if not isinstance(locus, str) or locus in adata.var_names:
        return _peak(adata, peak_position(adata, locus), width)
    asked = parse_coordinates(locus)
    if asked is not None:
        if known is not None and _overlapping(adata, asked) is None:
            return _sequence(known, asked, width)
        return _peak(adata, peak_position(adata, locus), width)
    table = genes_at_hand(genes, genome)
    if table is None:
        hint = "" if ":" in locus else " The name of a gene needs genes=..."
        msg = f"{locus!r} is no peak; names look like {examples(adata.var_names)}.{hint}"
        raise KeyError(msg)
    return _of_gene(adata, locus, table, known, width)


def values_at(fitted: TrajectoryModel, adata: AnnData, locus: Locus) -> np.ndarray | None:
    """Return the terms' values at a locus, 1 x terms; ``None`` where there is no peak whose features are known."""
    peak = None if locus.row is None else adata[:, [locus.row]]
    known = {} if peak is None else available_features(peak, fitted.features.names)
    needed = [str(name) for name in fitted.features.names if name not in SEQUENCE_FEATURES]
    unknown = [name for name in needed if name not in known or not np.isfinite(known[name]).all()]
    if unknown:
        logger.warning("%s is neither predicted nor are pairs counted: %s is not known there", locus.name,
                       examples(unknown))  # fmt: skip
        return None
    return fitted.values(locus.codes if peak is None else peak)


def genes_at_hand(genes: object, genome: object = None) -> Genes | None:
    """Return genes from what was given as genes, or else with the genome."""
    if genes is None:
        return genome.genes if isinstance(genome, Genome) else None
    return genes.genes if isinstance(genes, Genome) else Genes.read(genes)  # type: ignore[arg-type]


def genome_at_hand(genes: object, genome: object) -> Genome | None:
    """Return the genome, or the one that the genes were given with."""
    if genome is None:
        return genes if isinstance(genes, Genome) else None
    return genome if isinstance(genome, Genome) else Genome(genome)  # type: ignore[arg-type]


def parse_coordinates(locus: str) -> Place | None:
    """Return chromosome, start and end of ``chrom:start-end`` or ``chrom:position``, thousands separated or not."""
    chrom, _, rest = locus.replace(",", "").partition(":")
    first, dash, last = rest.partition("-")
    if not first.isdigit() or (dash and not last.isdigit()):
        return None
    return chrom, int(first), int(last) if dash else int(first) + 1


def peak_position(adata: AnnData, locus: str | int) -> int:
    """Return the number of a peak given by name, by position, or by coordinates (the peak nearest to their centre)."""
    if isinstance(locus, int | np.integer):
        if not 0 <= locus < adata.n_vars:
            msg = f"There is no peak number {locus}; there are {adata.n_vars}."
            raise KeyError(msg)
        return int(locus)
    if locus in adata.var_names:
        return int(adata.var_names.get_loc(locus))
    asked = parse_coordinates(str(locus))
    if asked is not None:
        row = _overlapping(adata, asked)
        if row is not None:
            return row
        near = _nearest(adata, asked[0], (asked[1] + asked[2]) // 2)
        hint = " Pass genome=... for the sequence of a place without a peak."
        if near is not None:
            msg = f"No peak overlaps {locus}; the nearest is {adata.var_names[near[0]]}.{hint}"
            raise KeyError(msg)
        msg = f"There is no peak on {asked[0]}; there are on {examples(coordinates(adata)['chrom'].unique())}.{hint}"
        raise KeyError(msg)
    msg = f"{locus!r} is no peak; names look like {examples(adata.var_names)}."
    raise KeyError(msg)


def _overlapping(adata: AnnData, asked: Place) -> int | None:
    """Return the peak whose centre is nearest to that of the place, if the two overlap."""
    table = coordinates(adata)
    chrom, first, last = asked
    start, end = table["start"].to_numpy(), table["end"].to_numpy()
    inside = np.flatnonzero((table["chrom"] == chrom).to_numpy() & (start < last) & (end > first))
    if len(inside) == 0:
        return None
    return int(inside[np.abs(start[inside] + end[inside] - first - last).argmin()])


def _nearest(adata: AnnData, chrom: str, position: int) -> tuple[int, int] | None:
    """Return the peak nearest to a position and its distance, bp; None where the chromosome has none."""
    table = coordinates(adata)
    same = np.flatnonzero((table["chrom"] == chrom).to_numpy())
    if len(same) == 0:
        return None
    start, end = table["start"].to_numpy()[same], table["end"].to_numpy()[same]
    distance = np.maximum(np.maximum(start - position, position - end + 1), 0)
    # several peaks can cover a start site: the one that it is most central to
    best = np.lexsort((np.abs((start + end) // 2 - position), distance))[0]
    return int(same[best]), int(distance[best])


def _peak(adata: AnnData, row: int, width: int, gene: str = "") -> Locus:
    codes = codes_of_width(sequences_of(adata)[[row]], width)
    try:
        table = coordinates(adata)
    except ValueError:
        return Locus(str(adata.var_names[row]), row, None, codes, gene)
    centre = (int(table["start"].iloc[row]) + int(table["end"].iloc[row])) // 2
    place = str(table["chrom"].iloc[row]), centre - width // 2, centre - width // 2 + width
    return Locus(str(adata.var_names[row]), row, place, codes, gene)


def _sequence(genome: Genome, asked: Place, width: int, gene: str = "") -> Locus:
    chrom, first, last = asked
    start = (first + last) // 2 - width // 2
    genome.check([chrom], np.array([start]), np.array([start + width]))
    codes = genome.sequences([chrom], [start], [start + width])
    return Locus(f"{chrom}:{start}-{start + width}", None, (chrom, start, start + width), codes, gene)


def _of_gene(adata: AnnData, name: str, genes: Genes, genome: Genome | None, width: int) -> Locus:
    """Return the peak nearest to a start site of a gene, or without any the site itself."""
    known = genes.tss["gene"].astype(str)
    sites = genes.tss[known == name]
    if len(sites) == 0:
        sites = genes.tss[known.str.upper() == name.upper()]
    if len(sites) == 0:
        msg = f"{name!r} is neither a peak ({examples(adata.var_names)}) nor a gene ({examples(known.unique())})."
        raise KeyError(msg)
    gene, chrom = str(sites["gene"].iloc[0]), str(sites["chrom"].iloc[0])
    near = [_nearest(adata, str(c), int(p)) for c, p in zip(sites["chrom"], sites["position"], strict=True)]
    found = [one for one in near if one is not None]
    if found:
        row, distance = min(found, key=lambda one: one[1])
        logger.info("%s: the peak nearest to its start site is %s, %d bp off", gene, adata.var_names[row], distance)
        return _peak(adata, row, width, f"{gene}, {distance:,} bp from its start site")
    if genome is None:
        msg = f"There is no peak on {chrom}, where {gene} starts. Pass genome=... for the sequence of its start site."
        raise KeyError(msg)
    position = int(sites["position"].iloc[0])
    logger.info("%s: there is no peak on %s; its start site %d is taken", gene, chrom, position)
    return _sequence(genome, (chrom, position, position + 1), width, f"{gene}, its start site")
