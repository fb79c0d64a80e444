"""The IQ-plot: one locus from its surroundings down to the letters that matter (METHOD section 10, paper fig. 6)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np

from iceqream import _keys
from iceqream._anndata import coordinates, get_adata
from iceqream.genome import Genes, Genome
from iceqream.get import local_contributions_df
from iceqream.get import model as get_model
from iceqream.get._motif_tables import locus_position
from iceqream.pl._locus_letters import (
    Letters,
    draw_conservation,
    draw_guides,
    draw_marks,
    draw_rows,
    read_conservation,
)
from iceqream.pl._locus_tracks import (
    LocusTracks,
    draw_genes,
    draw_peaks,
    draw_probabilities,
    draw_signal,
    locus_tracks,
)
from iceqream.pl._style import NEUTRAL, RC, finish

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from mudata import MuData

    from iceqream.coverage import Coverage
    from iceqream.models import TrajectoryModel

logger = logging.getLogger(__name__)

DEFAULT_CONTEXT = 200_000
DEFAULT_THRESHOLD = 8.0
MAX_ROWS = 12
_ELEMENT_QUANTILE = 0.995
_WIDTH = 9.5
_HIGHLIGHT = "#F2C94C"


def iq_plot(
    data: AnnData | MuData,
    locus: str | int,
    key: str = _keys.MODEL,
    *,
    coverage: Coverage | Mapping[str, str | PathLike[str]] | None = None,
    genes: Genes | Genome | str | PathLike[str] | pd.DataFrame | None = None,
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
    figure: Figure | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw a locus: its surroundings, the element, and its sequence with a row per motif (paper fig. 6).

    From the top: the states over `context` bp, with genes; the states over the element; one row for each motif with a
    strong site, strongest response first, with the sequence written out. A letter is as wide and as tall as the sites
    that cover it are strong, over all motifs drawn; its colour is the response of the row's motif, red where it opens
    towards the end state and blue where it closes. Grey lines lead from the element to the letters. Panels for which
    there is nothing at hand are left out or replaced (access probabilities instead of coverage), and the log, at level
    INFO, says which.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model and sequences.
    locus
        Name of a peak, its number, or coordinates that overlap one.
    key, mod
        As in `iceqream.get.model`.
    coverage
        Coverage along the genome, or name to bigWig file (needs ``iceqream[tracks]``), drawn in this order. Names that
        are states of the data share a scale; each other one, such as a track of another tissue, has its own.
    genes
        Genes of the assembly: `iceqream.Genes`, a `iceqream.Genome` with genes, a GTF or BED file, or a table.
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
    figure
        Figure to draw into.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    Dictionary of axes by panel ("context", "genes", "element", "guides", "motifs", "logos", "scale", "conservation") if
    `show` is false (or `figure` was given), else ``None``.

    Raises
    ------
    KeyError
        If there is no model, peak or motif of that name, or no coverage of a state.
    ValueError
        If conservation does not have one value per base, `width` is above the model's, or `context` below `width`.
    TypeError
        If `coverage` is neither a `iceqream.Coverage` nor a dictionary.
    FileNotFoundError
        If a file does not exist.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=iq.datasets.simulated_motifs(), min_tss_distance=None)
    >>> panels = iq.pl.iq_plot(adata, 0, show=False)
    >>> "motifs" in panels
    True
    """
    fitted = get_model(data, key, mod=mod)
    width = fitted.width if width is None else width
    if not 0 < width <= fitted.width:
        msg = f"width must be between 1 and the model's {fitted.width} bp, got {width}."
        raise ValueError(msg)
    if context < width:
        msg = f"context must be at least the element's {width} bp, got {context}."
        raise ValueError(msg)
    adata = get_adata(data, mod)
    row = locus_position(adata, locus)
    table = _central(local_contributions_df(data, row, key, motifs=motifs, mod=mod), fitted.width, width)
    rows = _rows_to_draw(table, fitted, motifs, energy_threshold)
    if rows and motifs is None:
        # letters grow by the motifs that are drawn
        table = _central(local_contributions_df(data, row, key, motifs=rows, mod=mod), fitted.width, width)
    place = _place(adata, row, width)
    scores = read_conservation(conservation, place, width)
    layer = str(fitted.params.get("layer", _keys.ACCESS_PROBABILITY)) if layer is None else layer
    tracks = locus_tracks(adata, fitted, coverage, states, place, context, layer, normalize=normalize)
    known_genes = _genes(genes)
    absent = [name for name, missing in (
        ("genes", known_genes is None), ("conservation", scores is None), ("tracks", coverage is None),
        ("states", not tracks.known),
    ) if missing]  # fmt: skip
    if absent:
        logger.info("IQ-plot of %s without %s: nothing at hand", adata.var_names[row], ", ".join(absent))
    letters = Letters.of(table)
    with mpl.rc_context(RC):
        drawn, panels = _panels(
            figure,
            {
                "context": 0.5 * len(tracks.names) if place and tracks.known else 0.0,
                "genes": 0.7 if known_genes is not None and place and tracks.known else 0.0,
                "element": 0.36 * len(tracks.names) if tracks.known else 0.0,
                "guides": 0.45,
                "motifs": 0.52 * max(len(rows), 1) + 0.1,
                "conservation": 0.5 if scores is not None else 0.0,
            },
        )
        drawn.suptitle(_title(adata, row, fitted, key), x=0.985, ha="right", y=0.995, va="top", fontsize=10)
        ticks = np.linspace(0, width, 6)
        labels = [f"{(place[1] if place else 0) + int(t):,}" for t in ticks]
        if "context" in panels and place:
            _draw_context(panels, tracks, place, context, known_genes, adata)
        if "element" in panels:
            element = panels["element"]
            element.set_xlim(0, width)
            if tracks.element is not None:
                draw_signal(element, tracks, tracks.element, 0, width, smooth=3, quantile=_ELEMENT_QUANTILE)
                element.set_xticks(ticks, labels, fontsize=7)
                element.tick_params(length=2, pad=1)
            else:
                draw_probabilities(element, tracks, row, width)
        draw_guides(panels["guides"], letters, ruler=(ticks / width, labels) if tracks.element is None else None)
        draw_rows(panels["motifs"], panels["logos"], panels["scale"], rows, table, letters, fitted)
        if scores is not None:
            draw_conservation(panels["conservation"], scores, letters)
        draw_marks(panels, mark, place, letters)
    return finish(drawn, panels, given=figure is not None, show=show, save=save)


def _panels(figure: Figure | None, heights: dict[str, float]) -> tuple[Figure, dict[str, Axes]]:
    """Return the figure and its axes by name; heights are in inches, 0 leaves a panel out."""
    import matplotlib.pyplot as plt

    shown = {name: height for name, height in heights.items() if height}
    total = sum(shown.values()) + 0.9
    drawn = plt.figure(figsize=(_WIDTH, total)) if figure is None else figure
    grid = drawn.add_gridspec(
        len(shown), 2, width_ratios=[1.15, 8], height_ratios=list(shown.values()), hspace=0.12, wspace=0.02,
        left=0.015, right=0.985, top=1 - 0.42 / total, bottom=0.2 / total,
    )  # fmt: skip
    panels = {name: drawn.add_subplot(grid[i, 1]) for i, name in enumerate(shown)}
    order = list(shown)
    panels["logos"] = drawn.add_subplot(grid[order.index("motifs"), 0])
    panels["scale"] = drawn.add_subplot(grid[order.index("guides"), 0])
    return drawn, panels


def _title(adata: AnnData, row: int, fitted: TrajectoryModel, key: str) -> str:
    predicted = float(fitted.predict(adata[:, row])[0])
    said = f"{adata.var_names[row]}   {fitted.states[0]} → {fitted.states[1]}"
    observed = float(adata.varm[key][_keys.DAP].iloc[row]) if key in adata.varm else np.nan
    seen = f"dAP {observed:+.2f}, " if np.isfinite(observed) else ""
    return f"{said}   {seen}predicted dAP {predicted:+.2f}"


def _central(table: pd.DataFrame, stored: int, width: int) -> pd.DataFrame:
    """Return the rows of the central bases."""
    first = stored // 2 - width // 2
    return table[(table["position"] >= first) & (table["position"] < first + width)]


def _rows_to_draw(
    table: pd.DataFrame, fitted: TrajectoryModel, motifs: Sequence[str] | None, threshold: float
) -> list[str]:
    """Return the motifs to draw, those with the largest response first."""
    best = table.groupby("motif", sort=False)["energy"].max()
    if motifs is not None:
        return [str(name) for name in motifs]
    strong = [str(name) for name in best.index[best >= threshold]]
    size = table[table["energy"] >= threshold].groupby("motif")["response"].apply(lambda r: float(r.abs().max()))
    # motifs without weight in the model would be rows of grey
    strong = [name for name in strong if size.get(name, 0.0) > 1e-6]
    strong.sort(key=lambda name: -size[name])
    if len(strong) > MAX_ROWS:
        logger.info("%d motifs reach an energy of %g; %d are drawn", len(strong), threshold, MAX_ROWS)
    if not strong:
        logger.info("no motif of %s -> %s reaches an energy of %g", *fitted.states, threshold)
    return strong[:MAX_ROWS]


def _place(adata: AnnData, row: int, width: int) -> tuple[str, int, int] | None:
    """Return chromosome, start and end of the sequence, or None where peaks have no coordinates."""
    try:
        table = coordinates(adata)
    except ValueError:
        return None
    centre = (int(table["start"].iloc[row]) + int(table["end"].iloc[row])) // 2
    return str(table["chrom"].iloc[row]), centre - width // 2, centre - width // 2 + width


def _genes(genes: Any) -> Genes | None:
    if genes is None:
        return None
    if isinstance(genes, Genome):
        return genes.genes
    return Genes.read(genes)


def _draw_context(
    panels: dict[str, Axes],
    tracks: LocusTracks,
    place: tuple[str, int, int],
    context: int,
    genes: Genes | None,
    adata: AnnData,
) -> None:
    from matplotlib.patches import ConnectionPatch, Rectangle

    chrom, start, end = place
    first = max((start + end) // 2 - context // 2, 0)
    ax = panels["context"]
    ax.set_xlim(first, first + context)
    if tracks.context is not None:
        draw_signal(ax, tracks, tracks.context, first, first + context, smooth=10, quantile=1.0)
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
        draw_genes(last, genes, chrom, first, first + context)
    element = panels["element"]
    for x, corner in ((start, 0.0), (end, 1.0)):
        line = ConnectionPatch((x, 0), (corner, 1), coordsA=last.get_xaxis_transform(), coordsB=element.transAxes,
                               axesA=last, axesB=element, color=NEUTRAL, linewidth=0.7)  # fmt: skip
        element.add_artist(line)
