"""The IQ-plot: one locus from its surroundings down to the letters that matter (METHOD section 10, paper fig. 6)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np

from iceqream import _keys
from iceqream._anndata import coordinates, get_adata
from iceqream.coverage import Coverage
from iceqream.genome import Genes, Genome
from iceqream.get import local_contributions_df
from iceqream.get import model as get_model
from iceqream.get._motif_tables import locus_position
from iceqream.motifs.similarity import DEFAULT_TRIM_BITS
from iceqream.pl._letters import draw_logo, unit_letter
from iceqream.pl._locus_tracks import draw_genes, draw_peaks, draw_signal, read_signal
from iceqream.pl._style import CLOSING, FAINT, INK, NEUTRAL, OPENING, RC, finish

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from mudata import MuData

    from iceqream.models import TrajectoryModel

logger = logging.getLogger(__name__)

DEFAULT_CONTEXT = 200_000
DEFAULT_THRESHOLD = 8.0
MAX_ROWS = 12
_FLOOR = 0.05
_GUIDES = 8
_TALLEST = 0.94
_CONSERVED, _NOT_CONSERVED = "#4C9F50", "#E08A2E"


@dataclass(frozen=True, eq=False)
class _Letters:
    """Where the letters of one locus go, common to all rows."""

    base: np.ndarray
    left: np.ndarray
    """Left edge of each letter, 0 to 1."""
    width: np.ndarray
    size: np.ndarray
    """Height relative to the largest letter."""


def iq_plot(
    data: AnnData | MuData,
    locus: str | int,
    key: str = _keys.MODEL,
    *,
    coverage: Coverage | Mapping[str, str | PathLike[str]] | None = None,
    genes: Genes | Genome | str | PathLike[str] | pd.DataFrame | None = None,
    conservation: str | PathLike[str] | np.ndarray | None = None,
    motifs: Sequence[str] | None = None,
    energy_threshold: float = DEFAULT_THRESHOLD,
    context: int = DEFAULT_CONTEXT,
    layer: str = _keys.ACCESS_PROBABILITY,
    mark: Mapping[str, int] | Sequence[int] | None = None,
    mod: str = _keys.ATAC,
    figure: Figure | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw a locus: its surroundings, the element, and its sequence with a row per motif (paper fig. 6).

    From the top: the two states over `context` bp, with genes; the states over the element; one row for each motif with
    a strong site, strongest response first, with the sequence written out. A letter is as wide and as tall as the sites
    that cover it are strong, over all motifs drawn; its colour is the response of the row's motif, red where it opens
    towards the end state and blue where it closes. Grey lines lead from the element to the letters. Panels for which
    there is nothing at hand are left out or replaced (access probabilities instead of coverage), and the log says
    which.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model and sequences.
    locus
        Name of a peak, its number, or coordinates that overlap one.
    key, mod
        As in `iceqream.get.model`.
    coverage
        Coverage along the genome, or state to bigWig file (needs ``iceqream[tracks]``), with the model's two states.
    genes
        Genes of the assembly: `iceqream.Genes`, a `iceqream.Genome` with genes, a GTF or BED file, or a table.
    conservation
        Conservation of each base: a bigWig file, or one value per base of the sequence.
    motifs
        Motifs to draw, in this order; ``None`` takes those with a window of `energy_threshold`, 12 at most.
    energy_threshold
        Local energy (0-10) that a motif needs somewhere to get a row.
    context
        Width of the top panel, bp.
    layer
        Access probabilities, drawn where there is no coverage.
    mark
        Positions on the chromosome (0-based) to mark, for example variants; with names if a dictionary.
    figure
        Figure to draw into.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    Dictionary of axes by panel ("context", "genes", "element", "guides", "motifs", "logos", "conservation") if `show`
    is false (or `figure` was given), else ``None``.

    Raises
    ------
    KeyError
        If there is no model, peak or motif of that name, or no coverage of a state.
    ValueError
        If conservation does not have one value per base.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=iq.datasets.simulated_motifs(), min_tss_distance=None)
    >>> panels = iq.pl.iq_plot(adata, 0, show=False)
    >>> "motifs" in panels
    True
    """
    import matplotlib.pyplot as plt

    fitted = get_model(data, key, mod=mod)
    adata = get_adata(data, mod)
    row = locus_position(adata, locus)
    table = local_contributions_df(data, row, key, motifs=motifs, mod=mod)
    rows = _rows_to_draw(table, fitted, motifs, energy_threshold)
    if rows and motifs is None:
        # letters grow by the motifs that are drawn
        table = local_contributions_df(data, row, key, motifs=rows, mod=mod)
    place = _place(adata, row, fitted.width)
    scores = _conservation(conservation, place, fitted.width)
    states = _signals(adata, row, fitted, coverage, place, context, layer)
    known_genes = _genes(genes)
    absent = [name for name, missing in (
        ("genes", known_genes is None), ("conservation", scores is None), ("tracks", coverage is None),
    ) if missing]  # fmt: skip
    if absent:
        logger.info("IQ-plot of %s without %s: nothing at hand", adata.var_names[row], ", ".join(absent))
    letters = _letters(table)
    with mpl.rc_context(RC):
        heights = {
            "context": 1.0 if place else 0.0,
            "genes": 0.7 if known_genes is not None and place else 0.0,
            "element": 0.75,
            "guides": 0.3,
            "motifs": 0.52 * max(len(rows), 1) + 0.1,
            "conservation": 0.5 if scores is not None else 0.0,
        }
        shown = {name: height for name, height in heights.items() if height}
        drawn = plt.figure(figsize=(9.5, sum(shown.values()) + 0.9)) if figure is None else figure
        grid = drawn.add_gridspec(
            len(shown), 2, width_ratios=[1.15, 8], height_ratios=list(shown.values()), hspace=0.12, wspace=0.02,
            left=0.015, right=0.985, top=1 - 0.42 / (sum(shown.values()) + 0.9),
            bottom=0.3 / (sum(shown.values()) + 0.9),
        )  # fmt: skip
        panels = {name: drawn.add_subplot(grid[i, 1]) for i, name in enumerate(shown)}
        panels["logos"] = drawn.add_subplot(grid[list(shown).index("motifs"), 0])
        name = str(adata.var_names[row])
        dap = states["ap"][1] - states["ap"][0] if states["ap"] is not None else np.nan
        predicted = float(fitted.predict(adata[:, row])[0])
        drawn.suptitle(
            f"{name}   {fitted.states[0]} → {fitted.states[1]}   dAP {dap:+.2f}, predicted {predicted:+.2f}",
            x=0.99, ha="right", y=0.995, va="top", fontsize=10,
        )  # fmt: skip
        if place:
            _draw_context(panels, states, place, context, known_genes, adata, fitted)
        _draw_element(panels["element"], states, place, fitted)
        _draw_guides(panels["guides"], letters)
        _draw_rows(panels["motifs"], panels["logos"], rows, table, letters, fitted)
        if scores is not None:
            _draw_conservation(panels["conservation"], scores, letters)
        _draw_marks(panels, mark, place, letters)
    return finish(drawn, panels, given=figure is not None, show=show, save=save)


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


def _letters(table: pd.DataFrame) -> _Letters:
    one = table[table["motif"] == table["motif"].iloc[0]]
    root = np.sqrt(one["weight"].to_numpy() + _FLOOR)
    width = root / root.sum()
    left = np.concatenate([[0.0], np.cumsum(width)[:-1]])
    return _Letters(one["base"].to_numpy(), left, width, root / root.max())


def _genes(genes: Any) -> Genes | None:
    if genes is None:
        return None
    if isinstance(genes, Genome):
        return genes.genes
    return Genes.read(genes)


def _conservation(given: Any, place: tuple[str, int, int] | None, width: int) -> np.ndarray | None:
    if given is None:
        return None
    if isinstance(given, np.ndarray | list | tuple):
        values = np.asarray(given, dtype=np.float64)
        if values.shape != (width,):
            msg = f"conservation needs one value per base of the sequence ({width}), got shape {values.shape}."
            raise ValueError(msg)
        return values
    return None if place is None else read_signal(given, place[0], place[1], place[2], place[2] - place[1])


def _signals(
    adata: AnnData,
    row: int,
    fitted: TrajectoryModel,
    coverage: Any,
    place: tuple[str, int, int] | None,
    context: int,
    layer: str,
) -> dict[str, Any]:
    """Return the coverage of both states over context and element, and their access probabilities."""
    out: dict[str, Any] = {"context": None, "element": None, "ap": None}
    groupby = fitted.params.get("groupby")
    labels = adata.obs_names if groupby is None or groupby not in adata.obs else adata.obs[groupby].astype(str)
    members = [np.flatnonzero(np.asarray(labels) == state) for state in fitted.states]
    if layer in [name for name in adata.layers if name is not None] and all(len(m) for m in members):
        values = adata.layers[layer]
        every = [np.asarray(values[m].mean(axis=0)).ravel() for m in members]
        out["ap"], out["every"] = (float(every[0][row]), float(every[1][row])), every
    if coverage is None or place is None:
        return out
    chrom, start, end = place
    centre = (start + end) // 2
    first = max(centre - context // 2, 0)
    for name, (low, high, bins) in {"context": (first, first + context, 1000), "element": (start, end, 100)}.items():
        out[name] = [read_signal(_of_state(coverage, state), chrom, low, high, bins) for state in fitted.states]
    return out


def _of_state(coverage: Any, state: str) -> Any:
    if isinstance(coverage, Coverage):
        coverage.state_index([state])
        return coverage, state
    if state not in coverage:
        msg = f"There is no coverage of {state!r}; there is of {', '.join(map(str, coverage))}."
        raise KeyError(msg)
    return coverage[state]


def _draw_context(
    panels: dict[str, Axes],
    states: dict[str, Any],
    place: tuple[str, int, int],
    context: int,
    genes: Genes | None,
    adata: AnnData,
    fitted: TrajectoryModel,
) -> None:
    from matplotlib.patches import ConnectionPatch, Rectangle

    chrom, start, end = place
    first = max((start + end) // 2 - context // 2, 0)
    ax = panels["context"]
    if states["context"] is not None:
        draw_signal(ax, states["context"], first, first + context, fitted.states, (CLOSING, OPENING), smooth=10)
    else:
        draw_peaks(ax, adata, states.get("every"), chrom, first, first + context, fitted.states, (CLOSING, OPENING))
    ax.set_xlim(first, first + context)
    box = Rectangle((start, 0), end - start, 1, transform=ax.get_xaxis_transform(), facecolor="#F2C94C", alpha=0.55,
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


def _draw_element(
    ax: Axes, states: dict[str, Any], place: tuple[str, int, int] | None, fitted: TrajectoryModel
) -> None:
    width = fitted.width
    ax.set_xlim(0, width)
    if states["element"] is not None:
        top = np.quantile(np.concatenate(states["element"]), 0.995) or 1.0
        capped = [np.minimum(track / top, 1.0) for track in states["element"]]
        draw_signal(ax, capped, 0, width, fitted.states, (CLOSING, OPENING), smooth=3)
    elif states["ap"] is not None:
        for k, (value, color) in enumerate(zip(states["ap"], (CLOSING, OPENING), strict=True)):
            ax.barh(1 - k, value * width, height=0.7, color=color, alpha=0.85)
            ax.text(min(value * width + 0.01 * width, 0.93 * width), 1 - k, f"{value:.2f}", va="center", fontsize=8)
            ax.text(-0.008 * width, 1 - k, fitted.states[k], va="center", ha="right", fontsize=8, color=color)
        ax.set_ylim(-0.5, 1.5)
        ax.set_yticks([])
        ax.spines["bottom"].set_visible(False)
        ax.set_xticks([])
        ax.text(1, 0.0, "access probability", transform=ax.transAxes, ha="right", va="top", fontsize=7, color=NEUTRAL)
        return
    ax.set_yticks([])
    ticks = np.linspace(0, width, 6)
    ax.set_xticks(ticks, [f"{(place[1] if place else 0) + int(t):,}" for t in ticks], fontsize=7)
    ax.tick_params(length=2, pad=1)


def _draw_guides(ax: Axes, letters: _Letters) -> None:
    """Draw lines from the element, in base pairs, to the letters, where their size changes most."""
    from matplotlib.collections import LineCollection

    n = len(letters.left)
    change = np.abs(np.diff(np.log(letters.size), prepend=np.log(letters.size[0])))
    steps: list[int] = [0, n]
    for i in np.argsort(-change, kind="stable"):
        if len(steps) == _GUIDES + 2:
            break
        if all(abs(int(i) - j) >= 8 for j in steps):
            steps.append(int(i))
    edges = np.append(letters.left, 1.0)
    lines = [[(i / n, 1.0), (edges[i], 0.0)] for i in sorted(steps)]
    ax.add_collection(LineCollection(lines, colors=FAINT, linewidths=0.8))
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    ax.axis("off")


def _draw_rows(
    ax: Axes, side: Axes, rows: list[str], table: pd.DataFrame, letters: _Letters, fitted: TrajectoryModel
) -> None:
    """Write the sequence once per motif, all letters of all rows as one collection."""
    from matplotlib.collections import PathCollection
    from matplotlib.colors import LinearSegmentedColormap, Normalize
    from matplotlib.path import Path

    ax.set_xlim(0, 1)
    ax.set_ylim(len(rows) or 1, 0)
    for one in (ax, side):
        one.axis("off")
    if not rows:
        ax.text(0.5, 0.5, "no motif of the model has a strong site here", ha="center", va="center", color=NEUTRAL)
        return
    by_motif = {str(name): part for name, part in table.groupby("motif", sort=False)}
    largest = max(float(by_motif[name]["site_response"].abs().max()) for name in rows) or 1.0
    colors = LinearSegmentedColormap.from_list("response", [CLOSING, "#C9C9C9", OPENING], N=255)
    scale = Normalize(-largest, largest)
    paths, fill = [], []
    for k, name in enumerate(rows):
        response = by_motif[name]["site_response"].to_numpy()
        for base, left, width, size, value in zip(
            letters.base, letters.left, letters.width, letters.size, response, strict=True
        ):
            outline = unit_letter(str(base))
            height = _TALLEST * size
            corner = np.array([left + 0.03 * width, k + 0.97])
            paths.append(Path(outline.vertices * np.array([0.94 * width, -height]) + corner, outline.codes))
            fill.append(colors(scale(np.sign(value) * np.sqrt(abs(value) * largest))))
    ax.add_collection(PathCollection(paths, facecolors=fill, linewidths=0))
    motifs = fitted.pbms.motifs.trim(DEFAULT_TRIM_BITS)
    side.set_xlim(0, 1)
    side.set_ylim(len(rows), 0)
    for k, name in enumerate(rows):
        strongest = by_motif[name]["site_response"].iloc[int(by_motif[name]["site_response"].abs().to_numpy().argmax())]
        inner = side.inset_axes((0.02, 1 - (k + 0.95) / len(rows), 0.94, 0.58 / len(rows)))
        draw_logo(inner, motifs.matrix(str(name)))
        inner.axis("off")
        color = OPENING if strongest > 0 else CLOSING
        side.text(0.5, k + 0.2, name, ha="center", va="center", fontsize=8, color=color)


def _draw_conservation(ax: Axes, scores: np.ndarray, letters: _Letters) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    values = np.nan_to_num(scores)
    bars = [
        Rectangle((left, 0), width, value)
        for left, width, value in zip(letters.left, letters.width, values, strict=True)
    ]
    colors = np.where(values >= 0, _CONSERVED, _NOT_CONSERVED)
    ax.add_collection(PatchCollection(bars, facecolors=list(colors), linewidths=0))
    ax.axhline(0, color=INK, linewidth=0.6)
    ax.set_xlim(0, 1)
    ax.set_ylim(min(values.min(), 0) * 1.05, max(values.max(), 1e-9) * 1.05)
    ax.set_xticks([])
    ax.set_yticks([])
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.text(-0.008, 0.5, "conservation", transform=ax.transAxes, ha="right", va="center", fontsize=8)


def _draw_marks(panels: dict[str, Axes], mark: Any, place: tuple[str, int, int] | None, letters: _Letters) -> None:
    if mark is None or place is None:
        return
    items = list(mark.items()) if hasattr(mark, "items") else [("", int(position)) for position in mark]
    for name, position in items:
        inside = int(position) - place[1]
        if not 0 <= inside < len(letters.left):
            logger.warning("mark %s at %d lies outside %s:%d-%d", name, position, *place)
            continue
        x = letters.left[inside] + letters.width[inside] / 2
        for panel in ("motifs", "conservation"):
            if panel in panels:
                panels[panel].axvline(x, color=INK, linewidth=0.8, linestyle=(0, (3, 2)), zorder=4)
        panels["guides"].annotate(str(name) or f"{int(position):,}", (x, 0), ha="center", va="bottom", fontsize=7.5,
                                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8})  # fmt: skip
