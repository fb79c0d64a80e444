"""A model on paper: how good it is, and a row of panels for each motif (METHOD section 9)."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np

from iceqream import _keys
from iceqream._anndata import get_adata
from iceqream._core.response import RESPONSES
from iceqream.get import (
    dropped_motifs_df,
    energy_bins_df,
    interactions_df,
    motifs_df,
    predictions_df,
    spatial_frequency_df,
)
from iceqream.get import model as get_model
from iceqream.get._motif_tables import HIT_ENERGY
from iceqream.motifs.similarity import DEFAULT_TRIM_BITS
from iceqream.pl._letters import draw_logo
from iceqream.pl._model_quality import levels, residual_r2
from iceqream.pl._motif_panels import draw_energy_bins, draw_frequency
from iceqream.pl._prediction_scatter import prediction_scatter
from iceqream.pl._style import FAINT, INK, NEUTRAL, RC, SAVE_DPI, direction_color

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from mudata import MuData

    from iceqream.models import TrajectoryModel

ROWS_PER_PAGE = 8
_PAGE = (11.7, 8.3)
_TITLES = ("", "response", "coefficients", "spatial curve", "hits along the peak", "dAP by energy")
_UNITS = ("", "energy", "", "bp from centre", "bp from centre", "energy")
_SHORT = ("low", "high", "higher", "sigm.")
_LEGEND = (
    "Response and coefficients: logit. Spatial curve: weight / mean. Hits: sites per peak and 20 bp of energy "
    f"{HIT_ENERGY:g} or more, red in the 10 % of highest dAP, blue in the lowest. Boxes: quartiles, 5 % and 95 %; "
    "KS: highest bin against the lowest."
)
_LINE = 190
"""Letters of small print that a page is wide."""
_LINES = 2


def model_report(
    data: AnnData | MuData,
    *,
    key: str = _keys.MODEL,
    motifs: Sequence[str] | None = None,
    rows_per_page: int = ROWS_PER_PAGE,
    mod: str = _keys.ATAC,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw a report of a model: one page about the whole, then one row per motif, strongest effect first.

    First page: predicted against observed dAP, the levels of the inference, the residual R2 of the terms (after
    `iceqream.tl.residual_r2`; else the effects of the motifs), the strongest interactions, and which motifs were
    dropped. Rows: logo with match and, if known, residual R2; response curve with the modelled peaks as a histogram;
    the four coefficients; spatial curve; hits along the peaks that open and close most; dAP by energy.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model.
    key, mod
        As in `iceqream.get.model`.
    motifs
        Motifs to draw, in this order; ``None`` draws all.
    rows_per_page
        Motifs per page.
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
        If `rows_per_page` is below 1.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=iq.datasets.simulated_motifs(), min_tss_distance=None)
    >>> pages = iq.pl.model_report(adata, show=False)
    >>> len(pages) >= 2
    True
    """
    import matplotlib.pyplot as plt

    if rows_per_page < 1:
        msg = f"rows_per_page must be at least 1, got {rows_per_page}."
        raise ValueError(msg)
    fitted = get_model(data, key, mod=mod)
    table = motifs_df(data, key, mod=mod)
    names = [str(name) for name in (table.index if motifs is None else motifs)]
    with mpl.rc_context(RC):
        pages = [_overview(data, key, mod, fitted)]
        rows = _Rows(data, key, mod, fitted, names)
        parts = [names[first : first + rows_per_page] for first in range(0, len(names), rows_per_page)]
        pages += [rows.page(part, rows_per_page) for part in parts]
        for number, page in enumerate(pages, start=1):
            page.text(0.99, 0.012, f"{number} / {len(pages)}", ha="right", fontsize=7, color=NEUTRAL)
        if save is not None:
            _write(pages, Path(save))
    if show is False:
        return pages
    if save is None and mpl.get_backend().lower() not in {"agg", "pdf", "svg", "ps", "cairo", "template"}:
        plt.show()
    else:
        for page in pages:
            plt.close(page)
    return None


def _write(pages: list[Figure], path: Path) -> None:
    from matplotlib.backends.backend_pdf import PdfPages

    if path.suffix == ".pdf":
        with PdfPages(path) as pdf:
            for page in pages:
                pdf.savefig(page, dpi=SAVE_DPI)
        return
    for number, page in enumerate(pages, start=1):
        page.savefig(path.with_name(f"{path.stem}_{number}{path.suffix}"), dpi=SAVE_DPI)


def _overview(data: AnnData | MuData, key: str, mod: str, fitted: TrajectoryModel) -> Figure:
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=_PAGE)
    grid = figure.add_gridspec(2, 3, width_ratios=[1, 1, 1.15], hspace=0.42, wspace=0.42, left=0.07, right=0.97,
                               top=0.855, bottom=0.115)  # fmt: skip
    figure.text(0.02, 0.955, f"{fitted.states[0]} → {fitted.states[1]}", fontsize=17, weight="bold")
    stats = fitted.stats
    figure.text(
        0.02, 0.922,
        f"{len(fitted.pbms)} motifs, {len(fitted.features)} features, {len(fitted.interactions)} interactions; "
        f"{stats.get('n_train', 0):,} training and {stats.get('n_test', 0):,} held-out peaks of {fitted.width} bp; "
        f"penalty {float(stats.get('lambda_', np.nan)):.2g}, KKT residual {float(stats.get('kkt', np.nan)):.1g}",
        fontsize=8.5, color=NEUTRAL,
    )  # fmt: skip
    present = set(predictions_df(data, key, mod=mod)[_keys.SPLIT].astype(str))
    splits = [name for name in ("train", "test") if name in present]
    panels = [figure.add_subplot(grid[0, i]) for i in range(len(splits))]
    prediction_scatter(data, key, split=splits, mod=mod, axes=panels, show=False)
    below = grid[1, :2].subgridspec(1, 2, width_ratios=[0.22, 1])
    levels(data, key=key, mod=mod, ax=figure.add_subplot(below[1]), show=False)
    ax = figure.add_subplot(grid[0, 2])
    if np.isfinite(fitted.residual_r2).any():
        residual_r2(data, key=key, mod=mod, n_terms=16, ax=ax, show=False)
    else:
        _effects(ax, data, key, mod)
    ax.tick_params(axis="y", labelsize=7)
    _interactions(figure.add_subplot(grid[1, 2]), data, key, mod)
    figure.text(0.02, 0.015, _dropped(data, key, mod), fontsize=7, color=NEUTRAL, linespacing=1.4)
    return figure


def _dropped(data: AnnData | MuData, key: str, mod: str) -> str:
    """Say which motifs were dropped and why, as many as there is room for."""
    table = dropped_motifs_df(data, key, mod=mod)
    said = [f"{name} ({reason})" for name, reason in zip(table.index, table["reason"], strict=True)]
    for n in range(len(said), 0, -1):
        more = f" and {len(said) - n} more" if n < len(said) else ""
        lines = textwrap.wrap(f"Dropped motifs: {', '.join(said[:n])}{more}", _LINE)
        if len(lines) <= _LINES:
            return "\n".join(lines)
    return ""


def _effects(ax: Axes, data: AnnData | MuData, key: str, mod: str) -> None:
    effect = motifs_df(data, key, mod=mod)["effect"].head(16)
    ax.barh(np.arange(len(effect)), effect, color=[direction_color(v) for v in effect], height=0.72)
    ax.set_yticks(np.arange(len(effect)), effect.index)
    ax.set_ylim(len(effect) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.axvline(0, color=INK, linewidth=0.6)
    ax.set_xlabel("Effect (SD of the partial response)")


def _interactions(ax: Axes, data: AnnData | MuData, key: str, mod: str) -> None:
    pairs = interactions_df(data, key, mod=mod).head(14)
    if len(pairs) == 0:
        ax.axis("off")
        ax.text(0.5, 0.5, "no interactions", ha="center", color=NEUTRAL)
        return
    labels = [f"{first} : {second}" for first, second in zip(pairs["first"], pairs["second"], strict=True)]
    ax.barh(np.arange(len(pairs)), pairs["effect"], color=[direction_color(v) for v in pairs["effect"]], height=0.72)
    ax.set_yticks(np.arange(len(pairs)), labels, fontsize=7)
    ax.set_ylim(len(pairs) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.axvline(0, color=INK, linewidth=0.6)
    ax.set_xlabel("Effect of the strongest interactions (SD)")


class _Rows:
    """The panels of motifs, with everything computed once."""

    def __init__(self, data: AnnData | MuData, key: str, mod: str, fitted: TrajectoryModel, names: list[str]) -> None:
        self.fitted = fitted
        self.table = motifs_df(data, key, mod=mod)
        self.bins = energy_bins_df(data, key, motifs=names, mod=mod)
        self.frequency = spatial_frequency_df(data, key, motifs=names, mod=mod)
        used = (predictions_df(data, key, mod=mod)[_keys.SPLIT] != "unused").to_numpy()
        self.values = fitted.pbms.normalized_energies(np.asarray(get_adata(data, mod).varm[_keys.SEQUENCE])[used])
        self.position = {str(name): i for i, name in enumerate(fitted.motif_names)}
        self.motifs = fitted.pbms.motifs.trim(DEFAULT_TRIM_BITS)
        curves = fitted.response_curves()
        self.curves = curves - curves.iloc[0]
        chosen = self.curves[names].to_numpy()
        self.response_range = float(chosen.min()), float(chosen.max())
        self.dap_range = float(self.bins["q5"].min()), float(self.bins["q95"].max())

    def page(self, names: list[str], rows: int) -> Figure:
        import matplotlib.pyplot as plt

        figure = plt.figure(figsize=_PAGE)
        grid = figure.add_gridspec(rows, 6, width_ratios=[1.5, 1.15, 0.9, 1, 1.1, 1.35], hspace=0.85, wspace=0.34,
                                   left=0.025, right=0.985, top=0.94, bottom=0.08)  # fmt: skip
        for k, name in enumerate(names):
            axes = [figure.add_subplot(grid[k, c]) for c in range(6)]
            color = direction_color(float(self.table["effect"][name]))
            self.draw(axes, name, color)
            for ax in axes[1:]:
                ax.tick_params(labelsize=6, length=2, pad=1.5)
            axes[_TITLES.index("coefficients")].tick_params(axis="x", labelsize=5.4)
            if k == 0:
                for ax, title in zip(axes, _TITLES, strict=True):
                    ax.set_title(title or ax.get_title(), fontsize=8.5, pad=9 if title else None,
                                 color=INK if title else color)  # fmt: skip
            if k == len(names) - 1:
                for ax, unit in zip(axes, _UNITS, strict=True):
                    ax.set_xlabel(unit, fontsize=7, color=NEUTRAL, labelpad=2)
        figure.text(0.025, 0.012, _LEGEND, fontsize=6.5, color=NEUTRAL)
        return figure

    def draw(self, axes: list[Axes], name: str, color: str) -> None:
        """Draw the row of one motif."""
        i, row = self.position[name], self.table.loc[name].to_dict()
        logo, response, coefficients, curve, frequency, boxes = axes
        draw_logo(logo, self.motifs.matrix(i))
        logo.set_ylim(0, 2.2)
        logo.axis("off")
        logo.set_title(name, color=color, fontsize=8.5, pad=2)
        worth = row["residual_r2"]
        known = f"residual $R^2$ {worth:.4f}" if np.isfinite(worth) else f"effect {row['effect']:+.2f}"
        said = f"{row['match']}, {known}"
        logo.text(0.5, -0.2, said, transform=logo.transAxes, ha="center", fontsize=6, color=NEUTRAL)

        low, high = self.response_range
        margin = 0.08 * max(high - low, 1e-6)
        response.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
        response.plot(self.curves.index, self.curves[name], color=color, linewidth=1.5)
        counts, edges = np.histogram(self.values[:, i], bins=30, range=(0, 10))
        response.bar(edges[:-1], 0.22 * (high - low) * np.sqrt(counts / max(counts.max(), 1)), width=np.diff(edges),
                     bottom=low - margin, align="edge", color=FAINT, linewidth=0, zorder=0)  # fmt: skip
        response.set_xlim(0, 10)
        response.set_ylim(low - margin, high + margin)

        values = self.fitted.coefficients[i]
        coefficients.bar(range(len(values)), values, color=[direction_color(v) for v in values], width=0.7)
        coefficients.axhline(0, color=INK, linewidth=0.6)
        coefficients.set_xticks(range(len(RESPONSES)), _SHORT)

        spatial = self.fitted.pbms.spatial
        weights = spatial.weights[i] / spatial.weights[i].mean()
        edges = spatial.start + spatial.bin_size * np.arange(len(weights) + 1) - self.fitted.width / 2
        curve.stairs(weights, edges, color=color, fill=True, alpha=0.35)
        curve.axhline(1, color=NEUTRAL, linewidth=0.6, linestyle=(0, (4, 3)))
        curve.set_xlim(-self.fitted.width / 2, self.fitted.width / 2)
        curve.set_ylim(0, max(2.0, weights.max() * 1.1))

        draw_frequency(frequency, self.frequency[self.frequency["motif"] == name])
        frequency.set_xlim(-self.fitted.width / 2, self.fitted.width / 2)
        draw_energy_bins(boxes, self.bins[self.bins["motif"] == name], color)
        bottom, top = self.dap_range
        boxes.set_ylim(bottom - 0.05 * (top - bottom), top + 0.3 * (top - bottom))
