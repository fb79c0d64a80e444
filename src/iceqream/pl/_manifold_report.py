"""A manifold on paper: how motifs became common, what they do where, a row of panels for each (METHOD section 11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._stored_models import manifold_model
from iceqream.get import manifold_df
from iceqream.motifs.similarity import DEFAULT_TRIM_BITS
from iceqream.pl._homogenization import homogenization
from iceqream.pl._letters import draw_logo
from iceqream.pl._manifold_heatmap import manifold_heatmap, motif_order
from iceqream.pl._manifold_parts import doubts, looks
from iceqream.pl._names import POINTS, fitting
from iceqream.pl._pages import finish_pages
from iceqream.pl._response_curves import curve_limits, curve_note, curves_within, known_curves
from iceqream.pl._style import NEUTRAL, OPENING, faint, house_style, ink, outliers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from mudata import MuData

    from iceqream.models import ManifoldModel

ROWS_PER_PAGE = 8
_WIDE, _TALL = 11.7, 8.3
_WIDTHS = (1.6, 1.15, 1.5, 1.5)
_TITLES = ("", "spatial curve (weight / mean)", "response (logit)", "effect (logit) ± SE")
_UNITS = ("", "bp from centre", "energy", "trajectories as in the legend")
_LEFT, _RIGHT = 0.025, 0.985
_TOP, _BOTTOM, _TALLEST_ROW = 0.5, 0.62, 1.6
_LEGEND_ROW, _LEGEND_POINTS = 0.17, 150.0
"""Height of a row of the legend, inches, and width of a name in it, points."""
_LEGEND_COLUMNS = 5
_BITS, _PRINT = 2.0, 0.9
"""Height of a logo and of the small print below it, bits."""


def manifold_report(
    data: AnnData | MuData | ManifoldModel,
    motifs: Sequence[str] | None = None,
    *,
    key: str = _keys.MANIFOLD,
    rows_per_page: int = ROWS_PER_PAGE,
    mod: str = _keys.ATAC,
    title: str | None = None,
    dpi: float | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw a report of a manifold: two pages about the whole, then one row per common motif.

    First page: `iceqream.pl.homogenization`, where the model knows the trajectories' own motifs; then
    `iceqream.pl.manifold_heatmap`. Rows: logo with its match, how many trajectories use it and for how many motifs of
    theirs it stands; spatial curve; response curves of all trajectories that use it, each as far as its training peaks
    go; effects with standard errors. Scales are common, save for the few motifs that are more than four times all
    others, which say so.

    Parameters
    ----------
    data
        AnnData or MuData with a manifold (`iceqream.tl.fit_manifold`), or its model.
    motifs
        Motifs to draw, in this order; ``None`` draws all, as `iceqream.pl.manifold_heatmap` orders them.
    key, mod
        As in `iceqream.get.model`.
    rows_per_page
        Motifs per page at most; pages are filled alike.
    title
        Title of the first page; ``None`` writes the numbers of motifs.
    dpi
        Resolution of the files; ``None`` takes the user's ``savefig.dpi``, or 200.
    show, save
        Whether to show the figures, and where to write them: ``.pdf`` has all pages; with another suffix each page is a
        file of its own, ``report_1.png`` and so on.

    Returns
    -------
    List of figures if `show` is false, else ``None``.

    Raises
    ------
    KeyError
        If there is no model or motif of that name.
    ValueError
        If the model is of one trajectory or has no motifs, or `rows_per_page` is below 1.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> ends = {"early": ("S1", "S3"), "late": ("S2", "S4")}
    >>> library = iq.datasets.simulated_motifs(decoys=False)
    >>> iq.tl.fit_manifold(adata, ends, motifs=library, min_tss_distance=None, size_folds=0)
    >>> len(iq.pl.manifold_report(adata, show=False))
    3
    """
    if rows_per_page < 1:
        msg = f"rows_per_page must be at least 1, got {rows_per_page}."
        raise ValueError(msg)
    manifold = manifold_model(data, key, mod)
    names = motif_order(manifold, motifs)
    with house_style(save):
        pages = []
        if manifold.member_pbms is not None and len(manifold.members):
            pages.append(homogenization(manifold, title=title, show=False)[0].figure)
        pages.append(manifold_heatmap(manifold, names, title=None if pages else title, show=False).figure)
        rows = _Rows(manifold, names)
        parts = np.array_split(np.array(names, dtype=object), -(-len(names) // rows_per_page))
        pages += [rows.page([str(name) for name in part]) for part in parts]
        return finish_pages(pages, show=show, save=save, dpi=dpi)


class _Rows:
    """The panels of motifs, with everything computed once."""

    def __init__(self, manifold: ManifoldModel, names: list[str]) -> None:
        self.manifold = manifold
        self.looks = looks(manifold.names)
        self.motifs = manifold.pbms.motifs.trim(DEFAULT_TRIM_BITS)
        self.position = {str(name): i for i, name in enumerate(manifold.motif_names)}
        self.effects, self.errors = (manifold_df(manifold, quantity=name) for name in ("effect", "effect_se"))
        self.curves, self.part_known = {}, set()
        for name in manifold:
            total, _, part_known = known_curves(manifold[name])
            self.curves[name] = curves_within(total, manifold[name])
            self.part_known |= part_known
        spans = [float(np.ptp(np.nan_to_num(self.of(motif)))) for motif in names]
        self.apart = dict(zip(names, outliers(np.array(spans)), strict=True))
        common = np.concatenate([self.of(motif).ravel() for motif in names if not self.apart[motif]])
        self.response_range = curve_limits(common)
        within = [name for name in names if not self.apart[name]]
        reach = (self.effects.abs() + self.errors.fillna(0)).loc[within].to_numpy()
        self.effect_range = 1.08 * float(np.nanmax(reach, initial=1e-6))
        self.weights = manifold.pbms.spatial.weights / manifold.pbms.spatial.weights.mean(axis=1, keepdims=True)

    def of(self, motif: str) -> np.ndarray:
        """Return the response curves of a motif, of all trajectories that use it, below each other."""
        curves = [table[motif].to_numpy() for table in self.curves.values() if motif in table]
        return np.concatenate(curves) if curves else np.zeros(1)

    def page(self, names: list[str]) -> Figure:
        import matplotlib.pyplot as plt

        lines = -(-len(self.looks) // _LEGEND_COLUMNS)
        bottom = _BOTTOM + _LEGEND_ROW * lines
        height = min(_TALL, _TOP + bottom + _TALLEST_ROW * len(names))
        figure = plt.figure(figsize=(_WIDE, height))
        grid = figure.add_gridspec(len(names), 4, width_ratios=_WIDTHS, hspace=0.46, wspace=0.22, left=_LEFT,
                                   right=_RIGHT, top=1 - _TOP / height, bottom=bottom / height)  # fmt: skip
        for k, name in enumerate(names):
            axes = [figure.add_subplot(grid[k, c]) for c in range(4)]
            self.draw(axes, name)
            for ax, title, unit in zip(axes[1:], _TITLES[1:], _UNITS[1:], strict=True):
                ax.tick_params(labelsize=6, length=2, pad=1.5, labelbottom=k == len(names) - 1)
                if k == 0:
                    ax.set_title(title, fontsize=8.5, pad=9)
                if k == len(names) - 1:
                    ax.set_xlabel(unit, fontsize=7, color=NEUTRAL, labelpad=2)
        self.legend(figure, height)
        figure.text(0.98, 1 - 0.08 / height, doubts(self.manifold), ha="right", va="top", fontsize=7.5, color=OPENING)
        return figure

    def legend(self, figure: Figure, height: float) -> None:
        """Say which trajectory is which, below the rows."""
        from matplotlib.lines import Line2D

        labels = fitting(list(self.looks), _LEGEND_POINTS, 7.5)
        handles = [
            Line2D([], [], color=look.color, linestyle=look.line, marker=look.marker, markersize=4, linewidth=1.4,
                   label=label)
            for label, look in zip(labels, self.looks.values(), strict=True)
        ]  # fmt: skip
        figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(_LEFT, 0.06 / height), ncols=_LEGEND_COLUMNS,
                      fontsize=7.5, frameon=False, borderpad=0, borderaxespad=0, labelspacing=0.3)  # fmt: skip

    def draw(self, axes: list[Axes], name: str) -> None:
        """Draw the row of one motif."""
        logo, curve, response, effects = axes
        i = self.position[name]
        self.draw_name(logo, name)

        spatial, half = self.manifold.pbms.spatial, self.manifold.width / 2
        edges = spatial.start + spatial.bin_size * np.arange(self.weights.shape[1] + 1) - half
        curve.stairs(self.weights[i], edges, color=ink(), fill=True, alpha=0.3)
        curve.axhline(1, color=NEUTRAL, linewidth=0.6, linestyle=(0, (4, 3)))
        curve.set_xlim(-half, half)
        curve.set_ylim(0, max(2.0, self.weights[i].max() * 1.1))

        apart = bool(self.apart[name])
        note = curve_note(own_scale=apart, without_pairs=name in self.part_known)
        response.text(0.02, 0.97, note, transform=response.transAxes, va="top", fontsize=6, color=NEUTRAL)
        response.axhline(0, color=faint(), linewidth=0.8, zorder=0)
        for trajectory, table in self.curves.items():
            if name in table:
                look = self.looks[trajectory]
                response.plot(table.index, table[name], color=look.color, linestyle=look.line, linewidth=1.2)
        response.set_xlim(0, 10)
        response.set_ylim(*(curve_limits(self.of(name)) if apart else self.response_range))
        self.draw_effects(effects, name, apart=apart)

    def draw_name(self, ax: Axes, name: str) -> None:
        """Draw the logo of a motif, its name, its match, and for what it stands."""
        i = self.position[name]
        draw_logo(ax, self.motifs.matrix(i))
        # the small print stands inside, below the letters
        ax.set_ylim(-_PRINT, _BITS)
        ax.axis("off")
        wide = 0.85 * _WIDE * (_RIGHT - _LEFT) * _WIDTHS[0] / sum(_WIDTHS) * POINTS
        ax.set_title(fitting([name], wide, 8.5)[0], fontsize=8.5, pad=2)
        match = str(self.motifs.metadata["match"].iloc[i]) if "match" in self.motifs.metadata else ""
        users = int(np.sum(np.isfinite(self.effects.loc[name].to_numpy())))
        said = f"used by {users} of {len(self.manifold)} trajectories"
        if len(self.manifold.members):
            n = int(np.sum(self.manifold.members["common"].to_numpy() == name))
            said += f", in place of {n} {'motif' if n == 1 else 'motifs'}"
        small = f"{fitting([match], wide, 6)[0]}\n{said}"
        below = 0.9 * _PRINT / (_BITS + _PRINT)
        ax.text(0.5, below, small, transform=ax.transAxes, ha="center", va="top", fontsize=6, color=NEUTRAL)

    def draw_effects(self, ax: Axes, name: str, *, apart: bool) -> None:
        """Draw the effect of a motif in each trajectory, in the order of the legend; a cross where it is not used."""
        ax.axhline(0, color=faint(), linewidth=0.8, zorder=0)
        values, errors = self.effects.loc[name], self.errors.loc[name].fillna(0)
        for t, (trajectory, look) in enumerate(self.looks.items()):
            if np.isfinite(values[trajectory]):
                ax.errorbar(t, values[trajectory], yerr=errors[trajectory], color=look.color, marker=look.marker,
                            markersize=2.6, linewidth=1.0)  # fmt: skip
            else:
                ax.plot(t, 0, color=NEUTRAL, marker="x", markersize=3)
        own = 1.08 * float(np.nanmax(values.abs() + errors, initial=1e-6))
        reach = own if apart else self.effect_range
        ax.set_xlim(-0.7, len(self.looks) - 0.3)
        ax.set_ylim(-reach, reach)
        ax.set_xticks([])
        ax.spines["bottom"].set_visible(False)
