"""The IQ-plot: one locus from its surroundings down to the letters that matter (METHOD section 10, paper fig. 6)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._anndata import get_adata
from iceqream._stored_models import peak_results, trajectory_model
from iceqream.get._loci import Locus, find_locus, genes_at_hand, genome_at_hand, values_at
from iceqream.get._motif_tables import contributions_among, contributions_at
from iceqream.pl._locus_genes import PlacedGenes, draw_genes, place_genes
from iceqream.pl._locus_letters import (
    Letters,
    draw_conservation,
    draw_guides,
    draw_marks,
    draw_rows,
    marks_inside,
    place_marks,
    read_conservation,
)
from iceqream.pl._locus_tracks import (
    LocusTracks,
    context_start,
    draw_peaks,
    draw_probabilities,
    draw_signal,
    locus_tracks,
    say_above,
)
from iceqream.pl._names import POINTS
from iceqream.pl._style import DOUBT_SIZE, NEUTRAL, OPENING, finish, house_style

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from mudata import MuData

    from iceqream.coverage import Coverage
    from iceqream.genome import Genes, Genome
    from iceqream.models import TrajectoryModel

logger = logging.getLogger(__name__)

DEFAULT_CONTEXT = 200_000
DEFAULT_THRESHOLD = 8.0
MAX_ROWS = 12
BEST_ROWS = 3
"""Motifs that are drawn where none is strong."""
_ELEMENT_QUANTILE = 0.995
_WIDTH = 9.5
_ABOVE, _DOUBT = 0.42, 0.2
"""Room of the title, and of the warning that a model may be worth nothing, inches."""
_LEFT, _RIGHT, _SIDE = 0.015, 0.955, (1.15, 8.0)
"""Edges of the panels, share of the figure; widths of the logos' column and the other."""
_BETWEEN = 0.02
_SMALL_ROW = 0.235
"""Height of a row of genes, inches."""
_HIGHLIGHT = "#F2C94C"


def iq_plot(
    data: AnnData | MuData,
    locus: str | int,
    key: str = _keys.MODEL,
    *,
    trajectory: str | None = None,
    coverage: Coverage | Mapping[str, str | PathLike[str]] | None = None,
    genes: Genes | Genome | str | PathLike[str] | pd.DataFrame | None = None,
    genome: Genome | str | PathLike[str] | None = None,
    conservation: str | PathLike[str] | np.ndarray | pd.DataFrame | None = None,
    states: Sequence[str] | None = None,
    motifs: Sequence[str] | None = None,
    energy_threshold: float = DEFAULT_THRESHOLD,
    context: int = DEFAULT_CONTEXT,
    width: int | None = None,
    normalize: bool = True,
    layer: str | None = None,
    mark: Mapping[str, int] | Sequence[int] | int | None = None,
    mod: str = _keys.ATAC,
    palette: Mapping[str, str] | None = None,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    figure: Figure | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw a locus: its surroundings, the element, and its sequence with a row per motif (paper fig. 6).

    From the top: the states over `context` bp, with genes; the states over the element; one row for each motif with a
    strong site, strongest response first, with the sequence written out. A letter is as wide and as tall as the sites
    that cover it are strong, over all motifs drawn; its colour is the response of the row's motif, red where it opens
    towards the end state and blue where it closes. Grey lines lead from the element to the letters. Numbers at the
    right of tracks are their scale. Panels for which there is nothing at hand are left out or replaced (access
    probabilities instead of coverage), and the log, at level INFO, says which. Where no motif has a strong site, the
    best three are drawn and the picture says so.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model and sequences.
    locus
        Name of a peak, its number, coordinates that overlap one, or, with `genes`, the name of a gene: the peak nearest
        to its start site, which the title names. With `genome` any coordinates: where there is no peak, the sequence
        of the model's width around their centre.
    key, trajectory, mod
        As in `iceqream.get.model`.
    coverage
        Coverage along the genome, or name to bigWig file (needs ``iceqream[tracks]``), drawn in this order. Names that
        are states of the data share a scale; each other one, such as a track of another tissue, has its own.
    genes
        Genes of the assembly: `iceqream.Genes`, a `iceqream.Genome` with genes, a GTF or BED file, or a table.
    genome
        Genome, or its file, for loci without a peak.
    conservation
        Conservation of each base: a bigWig file, one value per base of the sequence, or a table of intervals (chrom,
        start, end, score).
    states
        States to draw; ``None`` draws the model's two, and of a dictionary of bigWig files all.
    motifs
        Motifs to draw, in this order; ``None`` takes those with a window of `energy_threshold`, 12 at most.
    energy_threshold
        Local energy (0-10) that a motif needs somewhere to get a row.
    context
        Width of the top panel, bp.
    width
        Width of the element, bp around its centre; ``None`` takes the model's, which is the most.
    normalize
        Whether a track is divided by its sum over the genome, so that depth does not matter.
    layer
        Access probabilities, drawn where there is no coverage; ``None`` takes those that the model was fitted on.
    mark
        Positions on the chromosome (0-based) to mark, for example variants; with names if a dictionary.
    palette
        Colours of tracks by name; others keep theirs.
    title
        Title; ``None`` takes locus, states, observed and predicted dAP.
    figsize, dpi
        Size of a new figure, inches, and its resolution; ``None`` takes what the panels need.
    figure
        Figure to draw into.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    Dictionary of axes by panel ("context", "genes", "element", "guides", "motifs", "logos", "scale", "conservation",
    "marks") if `show` is false (or `figure` was given), else ``None``.

    Raises
    ------
    KeyError
        If there is no model, peak, gene or motif of that name, no peak near a gene, or no coverage of a state.
    ValueError
        If coordinates lie outside the genome, conservation does not have one value per base, `width` is above the
        model's, or `context` below `width`.
    TypeError
        If `coverage` is neither a `iceqream.Coverage` nor a dictionary.
    FileNotFoundError
        If a file does not exist.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> panels = iq.pl.iq_plot(adata, 0, show=False)
    >>> "motifs" in panels
    True
    """
    fitted = trajectory_model(data, key, trajectory, mod)
    width = fitted.width if width is None else width
    if not 0 < width <= fitted.width:
        msg = f"width must be between 1 and the model's {fitted.width} bp, got {width}."
        raise ValueError(msg)
    if context < width:
        msg = f"context must be at least the element's {width} bp, got {context}."
        raise ValueError(msg)
    adata = get_adata(data, mod)
    known_genes, known_genome = genes_at_hand(genes, genome), genome_at_hand(genes, genome)
    found = find_locus(adata, locus, fitted.width, genes=known_genes, genome=known_genome)
    values = values_at(fitted, adata, found)
    every = contributions_at(fitted, found, values, motifs)
    rows, note = _rows_to_draw(_central(every, fitted.width, width), fitted, motifs, energy_threshold)
    # letters grow by the motifs that are drawn
    table = contributions_among(every, fitted, rows) if rows and motifs is None else every
    table = _central(table, fitted.width, width)
    place = _central_place(found, width)
    scores = read_conservation(conservation, place, width)
    layer = str(fitted.params.get("layer", _keys.ACCESS_PROBABILITY)) if layer is None else layer
    tracks = locus_tracks(adata, fitted, coverage, states, place, context, layer, normalize=normalize, palette=palette)
    absent = [name for name, missing in (
        ("genes", known_genes is None), ("conservation", scores is None), ("tracks", coverage is None),
        ("states", not tracks.known),
    ) if missing]  # fmt: skip
    if absent:
        logger.info("IQ-plot of %s without %s: nothing at hand", found.name, ", ".join(absent))
    letters = Letters.of(table)
    doubt = fitted.doubt if figure is None else ""
    with house_style(save):
        across = _points_across(figure, figsize)
        marks = place_marks(marks_inside(mark, place), letters, across)
        near = None
        if known_genes is not None and place is not None and tracks.known:
            first = context_start(place, context)
            near = place_genes(known_genes, place[0], first, first + context, across)
        drawn, panels = _panels(
            figure,
            {
                "context": 0.5 * len(tracks.names) if place and tracks.known else 0.0,
                "genes": 0.0 if near is None else _SMALL_ROW * near.n_rows + 0.05,
                "element": 0.36 * len(tracks.names) + 0.12 if tracks.known else 0.0,
                "guides": 0.45,
                "motifs": 0.52 * max(len(rows), 1) + 0.1,
                "conservation": 0.5 if scores is not None else 0.0,
                "marks": 0.16 * (1 + max((row for *_, row in marks), default=-1)),
            },
            figsize, dpi, doubt,
        )  # fmt: skip
        said = _title(adata, found, fitted, (key, trajectory), values) if title is None else title
        drawn.suptitle(said, x=_RIGHT, ha="right", y=0.995, va="top", fontsize=10)
        below = 1 - _DOUBT / drawn.get_figheight()
        drawn.text(_RIGHT, below, doubt, ha="right", va="top", fontsize=DOUBT_SIZE, color=OPENING)
        ticks = np.linspace(0, width, 6)
        labels = [f"{(place[1] if place else 0) + int(t):,}" for t in ticks]
        if "context" in panels and place:
            _draw_context(panels, tracks, place, context, near, adata)
        if "element" in panels:
            element = panels["element"]
            element.set_xlim(0, width)
            if tracks.element is not None and place:
                span = (place[0], 0, width)
                draw_signal(element, tracks, tracks.element, span, smooth=3, quantile=_ELEMENT_QUANTILE)
                element.set_xticks(ticks, labels, fontsize=7)
                element.tick_params(length=2, pad=1)
            else:
                draw_probabilities(element, tracks, found.row, width)
        draw_guides(panels["guides"], letters, ruler=(ticks / width, labels) if tracks.element is None else None)
        draw_rows(panels["motifs"], panels["logos"], panels["scale"], rows, table, letters, fitted, note)
        if scores is not None:
            draw_conservation(panels["conservation"], scores, letters)
        draw_marks(panels, marks)
    return finish(drawn, panels, given=figure is not None, show=show, save=save, dpi=dpi)


def _points_across(figure: Figure | None, figsize: tuple[float, float] | None) -> float:
    """Return the width of the panels, points."""
    inches = figure.get_figwidth() if figure is not None else _WIDTH if figsize is None else figsize[0]
    # the space between two columns is a share of their mean width
    return inches * (_RIGHT - _LEFT) / (1 + _BETWEEN / 2) * _SIDE[1] / sum(_SIDE) * POINTS


def _panels(
    figure: Figure | None, heights: dict[str, float], figsize: tuple[float, float] | None, dpi: float | None, doubt: str
) -> tuple[Figure, dict[str, Axes]]:
    """Return the figure and its axes by name; heights are in inches, 0 leaves a panel out."""
    import matplotlib.pyplot as plt

    shown = {name: height for name, height in heights.items() if height}
    above = _ABOVE + (_DOUBT if doubt else 0.0)
    total = sum(shown.values()) + above + 0.48
    drawn = plt.figure(figsize=figsize or (_WIDTH, total), dpi=dpi) if figure is None else figure
    grid = drawn.add_gridspec(
        len(shown), 2, width_ratios=_SIDE, height_ratios=list(shown.values()), hspace=0.12, wspace=_BETWEEN,
        left=_LEFT, right=_RIGHT, top=1 - above / total, bottom=0.2 / total,
    )  # fmt: skip
    panels = {name: drawn.add_subplot(grid[i, 1]) for i, name in enumerate(shown)}
    order = list(shown)
    panels["logos"] = drawn.add_subplot(grid[order.index("motifs"), 0])
    panels["scale"] = drawn.add_subplot(grid[order.index("guides"), 0])
    return drawn, panels


def _title(
    adata: AnnData, found: Locus, fitted: TrajectoryModel, where: tuple[str, str | None], values: np.ndarray | None
) -> str:
    said = [f"{found.name} ({found.gene})" if found.gene else found.name, f"{fitted.states[0]} → {fitted.states[1]}"]
    observed = np.nan
    if found.row is not None and where[0] in adata.varm:
        observed = float(peak_results(adata, *where)[_keys.DAP].iloc[found.row])
    seen = [f"dAP {observed:+.2f}"] if np.isfinite(observed) else []
    if values is not None:
        seen.append(f"predicted dAP {float(fitted.predict_values(values)[0]):+.2f}")
    return "   ".join([*said, ", ".join(seen)])


def _central(table: pd.DataFrame, stored: int, width: int) -> pd.DataFrame:
    """Return the rows of the central bases."""
    first = stored // 2 - width // 2
    return table[(table["position"] >= first) & (table["position"] < first + width)]


def _rows_to_draw(
    table: pd.DataFrame, fitted: TrajectoryModel, motifs: Sequence[str] | None, threshold: float
) -> tuple[list[str], str]:
    """Return the motifs to draw, those with the largest response first, and what is to be said about them."""
    if motifs is not None:
        return [str(name) for name in motifs], ""
    # motifs without weight in the model would be rows of grey
    acting = table[table["response"].abs() > 1e-6]
    if len(acting) == 0:
        logger.info("no motif of %s -> %s acts here", *fitted.states)
        return [], "no motif of the model acts here"
    strong = acting[acting["energy"] >= threshold]
    size = strong["response"].abs().groupby(strong["motif"]).max().sort_values(ascending=False, kind="stable")
    if len(size) > MAX_ROWS:
        logger.info("%d motifs reach an energy of %g; %d are drawn", len(size), threshold, MAX_ROWS)
    if len(size):
        more = f"{MAX_ROWS} of {len(size)} motifs with an energy of {threshold:g} or more"
        return [str(name) for name in size.index[:MAX_ROWS]], more if len(size) > MAX_ROWS else ""
    best = acting.groupby("motif")["energy"].max().sort_values(ascending=False, kind="stable").head(BEST_ROWS)
    said = f"no motif reaches an energy of {threshold:g}; the best are drawn, {best.iloc[0]:.1f} at most"
    logger.info("%s -> %s: %s", *fitted.states, said)
    return [str(name) for name in best.index], said


def _central_place(found: Locus, width: int) -> tuple[str, int, int] | None:
    """Return chromosome, start and end of the central bases, or None where peaks have no coordinates."""
    if found.place is None:
        return None
    chrom, start, end = found.place
    first = start + (end - start) // 2 - width // 2
    return chrom, first, first + width


def _draw_context(
    panels: dict[str, Axes],
    tracks: LocusTracks,
    place: tuple[str, int, int],
    context: int,
    genes: PlacedGenes | None,
    adata: AnnData,
) -> None:
    from matplotlib.patches import ConnectionPatch, Rectangle

    chrom, start, end = place
    first = context_start(place, context)
    ax = panels["context"]
    ax.set_xlim(first, first + context)
    if tracks.context is not None:
        draw_signal(ax, tracks, tracks.context, (chrom, first, first + context), smooth=10, quantile=1.0)
        say_above(ax, tracks.unit)
    else:
        draw_peaks(ax, tracks, adata, chrom, first, first + context)
    box = Rectangle((start, 0), end - start, 1, transform=ax.get_xaxis_transform(), facecolor=_HIGHLIGHT, alpha=0.55,
                    edgecolor="none", zorder=0, clip_on=False)  # fmt: skip
    ax.add_patch(box)
    ax.set_xticks([])
    ax.set_title(f"{chrom}:{first:,}-{first + context:,}", fontsize=8, loc="left", color=NEUTRAL, pad=2)
    last = ax
    if "genes" in panels and genes is not None:
        last = panels["genes"]
        draw_genes(last, genes)
    element = panels["element"]
    for x, corner in ((start, 0.0), (end, 1.0)):
        line = ConnectionPatch((x, 0), (corner, 1), coordsA=last.get_xaxis_transform(), coordsB=element.transAxes,
                               axesA=last, axesB=element, color=NEUTRAL, linewidth=0.7)  # fmt: skip
        element.add_artist(line)
