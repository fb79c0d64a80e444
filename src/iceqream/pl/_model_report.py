"""A model on paper: how good it is, and a row of panels for each motif (METHOD section 9)."""

from __future__ import annotations

import logging
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._anndata import get_adata, sequences_of
from iceqream._core.messages import examples
from iceqream._core.response import RESPONSES
from iceqream._stored_models import trajectory_model
from iceqream.get import (
    dropped_motifs_df,
    energy_bins_df,
    interactions_df,
    motifs_df,
    predictions_df,
    spatial_frequency_df,
)
from iceqream.get._motif_tables import HIT_ENERGY, modelled
from iceqream.motifs.similarity import DEFAULT_TRIM_BITS
from iceqream.pl._letters import draw_logo
from iceqream.pl._model_quality import levels, residual_r2
from iceqream.pl._motif_panels import draw_energy_bins, draw_frequency
from iceqream.pl._names import POINTS, fitting, fitting_pairs
from iceqream.pl._pages import finish_pages
from iceqream.pl._prediction_scatter import prediction_scatter
from iceqream.pl._response_curves import curve_limits, curve_note, curves_within, draw_curve, known_curves
from iceqream.pl._style import NEUTRAL, OPENING, direction_color, faint, house_style, ink, outliers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from mudata import MuData

    from iceqream.models import TrajectoryModel

logger = logging.getLogger(__name__)

ROWS_PER_PAGE = 8
_PAGE = (11.7, 8.3)
_TITLES = ("", "response", "coefficients", "spatial curve", "hits along the peak", "dAP by energy")
_UNITS = ("", "energy", "", "bp from centre", "bp from centre", "energy")
_SHORT = ("low", "high", "higher", "sigm.")
_LEGEND = (
    "Response and coefficients: logit; dashed: without pairs. Spatial curve: weight / mean. Hits: sites per peak and "
    f"20 bp of energy {HIT_ENERGY:g} or more, red in the 10 % of highest dAP, blue in the lowest. Boxes: quartiles,\n"
    "5 % and 95 %; KS: highest bin against the lowest. r: correlation of energy and dAP; other motifs can turn it."
)
_LINE = 190
"""Letters of small print that a page is wide."""
_LINES = 2
_WIDTHS = (1.5, 1.15, 0.9, 1.0, 1.1, 1.35)
_LEFT, _RIGHT = 0.025, 0.985
_MARGINS, _TALLEST_ROW = 1.2, 1.6
"""Above and below the rows of a page, and of one row at most, inches."""
_NAME_POINTS, _PAIR_POINTS = 95.0, 120.0


def model_report(
    data: AnnData | MuData,
    *,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    motifs: Sequence[str] | None = None,
    rows_per_page: int = ROWS_PER_PAGE,
    mod: str = _keys.ATAC,
    title: str | None = None,
    dpi: float | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw a report of a model: one page about the whole, then one row per motif, strongest effect first.

    First page: predicted against observed dAP, the levels of the inference, the residual R2 of the terms (after
    `iceqream.tl.residual_r2`; else the effects of the motifs), the strongest interactions, and which motifs were
    dropped or have no effect, alone or in pairs (these get no row). A banner says if the held-out R2 does not differ
    from 0. Rows: logo with match and, if known, residual R2; response curve with the modelled peaks as a histogram;
    the four coefficients; spatial curve; hits along the peaks that open and close most; dAP by energy.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model.
    key, trajectory, mod
        As in `iceqream.get.model`.
    motifs
        Motifs to draw, in this order; ``None`` draws all that have an effect.
    rows_per_page
        Motifs per page at most; pages are filled alike.
    title
        Title of the first page; ``None`` takes the two states.
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
        If `rows_per_page` is below 1.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> pages = iq.pl.model_report(adata, show=False)
    >>> len(pages) >= 2
    True
    """
    if rows_per_page < 1:
        msg = f"rows_per_page must be at least 1, got {rows_per_page}."
        raise ValueError(msg)
    fitted = trajectory_model(data, key, trajectory, mod)
    where = {"key": key, "trajectory": trajectory, "mod": mod}
    table = motifs_df(fitted)
    idle = _without_effect(table) if motifs is None else []
    names = [str(name) for name in (table.index.drop(idle) if motifs is None else motifs)]
    with house_style(save):
        pages = [_overview(data, where, fitted, idle, title)]
        if names:
            rows = _Rows(data, where, fitted, names)
            parts = np.array_split(np.array(names, dtype=object), -(-len(names) // rows_per_page))
            pages += [rows.page([str(name) for name in part]) for part in parts]
        return finish_pages(pages, show=show, save=save, dpi=dpi)


def _without_effect(table: pd.DataFrame) -> list[str]:
    """Return the motifs that change no prediction: neither on their own nor in a pair."""
    idle = [str(name) for name in table.index[table["effect"] == 0]]
    if idle:
        logger.info("%d motifs have no effect and get no row: %s", len(idle), examples(idle))
    return idle


def _overview(
    data: AnnData | MuData, where: dict[str, Any], fitted: TrajectoryModel, idle: list[str], title: str | None
) -> Figure:
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=_PAGE)
    grid = figure.add_gridspec(2, 3, width_ratios=[1, 1, 1.05], hspace=0.42, wspace=0.55, left=0.07, right=0.97,
                               top=0.855, bottom=0.115)  # fmt: skip
    named = f"{fitted.states[0]} → {fitted.states[1]}" if title is None else title
    figure.text(0.02, 0.945, fitting([named], 0.96 * _PAGE[0] * POINTS, 19)[0], fontsize=17, weight="bold")
    figure.text(0.98, 0.99, fitted.doubt, ha="right", va="top", fontsize=9, weight="bold", color=OPENING)
    stats = fitted.stats
    figure.text(
        0.02, 0.918,
        f"{len(fitted.pbms)} motifs, {len(fitted.features)} features, {len(fitted.interactions)} interactions; "
        f"{stats.get('n_train', 0):,} training and {stats.get('n_test', 0):,} held-out peaks of {fitted.width} bp; "
        f"penalty {float(stats.get('lambda_', np.nan)):.2g}, KKT residual {float(stats.get('kkt', np.nan)):.1g}",
        fontsize=8.5, color=NEUTRAL,
    )  # fmt: skip
    present = set(predictions_df(data, **where)[_keys.SPLIT].astype(str))
    splits = [name for name in ("train", "test") if name in present]
    panels = [figure.add_subplot(grid[0, i]) for i in range(len(splits))]
    prediction_scatter(data, **where, split=splits, axes=panels, show=False)
    below = grid[1, :2].subgridspec(1, 2, width_ratios=[0.12, 1])
    levels(data, **where, ax=figure.add_subplot(below[1]), show=False)
    ax = figure.add_subplot(grid[0, 2])
    if np.isfinite(fitted.residual_r2).any():
        residual_r2(data, **where, n_terms=16, ax=ax, show=False)
    else:
        _effects(ax, fitted)
    ax.tick_params(axis="y", labelsize=7)
    _interactions(figure.add_subplot(grid[1, 2]), fitted)
    figure.text(0.02, 0.015, _dropped(fitted, idle), fontsize=7, color=NEUTRAL, linespacing=1.4)
    return figure


def _dropped(fitted: TrajectoryModel, idle: list[str]) -> str:
    """Say which motifs were dropped and why, and which have no effect, as many as there is room for."""
    table = dropped_motifs_df(fitted)
    said = [f"{name} ({reason})" for name, reason in zip(table.index, table["reason"], strict=True)]
    lists = [("Dropped motifs", said), ("Without effect, and without a row", idle)]
    return "\n".join(_listed(what, names, _LINES) for what, names in lists if names)


def _listed(what: str, names: list[str], lines: int) -> str:
    """Return a list that is as long as there is room for."""
    for n in range(len(names), 0, -1):
        more = f" and {len(names) - n} more" if n < len(names) else ""
        wrapped = textwrap.wrap(f"{what}: {', '.join(names[:n])}{more}", _LINE)
        if len(wrapped) <= lines:
            return "\n".join(wrapped)
    return ""


def _effects(ax: Axes, fitted: TrajectoryModel) -> None:
    every = motifs_df(fitted)
    chosen = every[(every["effect"] != 0) | (np.arange(len(every)) == 0)].head(16)
    effect = chosen["effect"]
    _bars(ax, effect, chosen["effect_se"])
    ax.set_yticks(np.arange(len(effect)), fitting(list(map(str, effect.index)), _NAME_POINTS, 7))
    ax.set_xlabel("Effect (SD of the response, logit) ± SE")


def _bars(ax: Axes, effects: pd.Series, errors: pd.Series) -> None:
    """Draw effects with their standard errors, the first at the top."""
    rows = np.arange(len(effects))
    ax.barh(rows, effects, color=[direction_color(v) for v in effects], height=0.72)
    ax.errorbar(effects, rows, xerr=errors, fmt="none", ecolor=ink(), elinewidth=0.7)
    ax.set_ylim(len(effects) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.axvline(0, color=ink(), linewidth=0.6)
    ax.locator_params(axis="x", nbins=5)


def _interactions(ax: Axes, fitted: TrajectoryModel) -> None:
    pairs = interactions_df(fitted).head(14)
    if len(pairs) == 0:
        ax.axis("off")
        ax.text(0.5, 0.5, "no interactions", ha="center", color=NEUTRAL)
        return
    labels = fitting_pairs(pairs["first"].tolist(), pairs["second"].tolist(), _PAIR_POINTS, 7)
    _bars(ax, pairs["effect"], pairs["effect_se"])
    ax.set_yticks(np.arange(len(pairs)), labels, fontsize=7)
    ax.set_xlabel("Effect of the strongest interactions (SD) ± SE")


class _Rows:
    """The panels of motifs, with everything computed once."""

    def __init__(
        self, data: AnnData | MuData, where: dict[str, Any], fitted: TrajectoryModel, names: list[str]
    ) -> None:
        self.fitted = fitted
        self.table = motifs_df(fitted)
        self.bins = energy_bins_df(data, **where, motifs=names)
        self.frequency = spatial_frequency_df(data, **where, motifs=names)
        used = modelled(predictions_df(data, **where))
        self.values = fitted.pbms.normalized_energies(sequences_of(get_adata(data, where["mod"]))[used])
        self.position = {str(name): i for i, name in enumerate(fitted.motif_names)}
        self.motifs = fitted.pbms.motifs.trim(DEFAULT_TRIM_BITS)
        total, alone, self.part_known = known_curves(fitted)
        self.curves, self.own = (curves_within(curves[names], fitted, self.values) for curves in (total, alone))
        self.apart = dict(zip(names, outliers(np.ptp(np.nan_to_num(self.curves.to_numpy()), axis=0)), strict=True))
        self.response_range = curve_limits(self.curves[[name for name in names if not self.apart[name]]].to_numpy())
        self.wide = 0.85 * _PAGE[0] * (_RIGHT - _LEFT) * _WIDTHS[0] / sum(_WIDTHS) * POINTS
        self.labels = dict(zip(names, fitting(names, self.wide, 8.5), strict=True))
        self.paired = {str(fitted.terms[i]) for i in (*fitted.interactions.first, *fitted.interactions.second)}
        self.dap_range = float(self.bins["q5"].min()), float(self.bins["q95"].max())

    def page(self, names: list[str]) -> Figure:
        import matplotlib.pyplot as plt

        # few rows make a low page, not tall panels
        height = min(_PAGE[1], _MARGINS + _TALLEST_ROW * len(names))
        figure = plt.figure(figsize=(_PAGE[0], height))
        grid = figure.add_gridspec(len(names), 6, width_ratios=_WIDTHS, hspace=0.85, wspace=0.34, left=_LEFT,
                                   right=_RIGHT, top=1 - 0.5 / height, bottom=0.66 / height)  # fmt: skip
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
                                 color=ink() if title else color)  # fmt: skip
            if k == len(names) - 1:
                for ax, unit in zip(axes, _UNITS, strict=True):
                    ax.set_xlabel(unit, fontsize=7, color=NEUTRAL, labelpad=2)
        figure.text(0.98, 1 - 0.08 / height, self.fitted.doubt, ha="right", va="top", fontsize=7.5, color=OPENING)
        figure.text(_LEFT, 0.1 / height, _LEGEND, fontsize=6, color=NEUTRAL)
        return figure

    def draw(self, axes: list[Axes], name: str, color: str) -> None:
        """Draw the row of one motif."""
        i, row = self.position[name], self.table.loc[name].to_dict()
        logo, response, coefficients, curve, frequency, boxes = axes
        draw_logo(logo, self.motifs.matrix(i))
        logo.set_ylim(0, 2.2)
        logo.axis("off")
        logo.set_title(self.labels[name], color=color, fontsize=8.5, pad=2)
        worth = row["residual_r2"]
        error = row["effect_se"]
        known = [f"effect {row['effect']:+.3f}" + (f" ± {error:.3f}" if np.isfinite(error) else "")]
        known = known if np.isfinite(row["effect"]) else []  # of a model of an older version
        if np.isfinite(row["correlation"]):
            known.append(f"r {row['correlation']:+.2f}")
        if np.isfinite(worth):
            known.append(f"residual $R^2$ {worth:.4f}")
        said = f"{fitting([row['match']], self.wide, 6)[0]}\n{', '.join(known)}"
        logo.text(0.5, -0.06, said, transform=logo.transAxes, ha="center", va="top", fontsize=6, color=NEUTRAL)

        low, high = curve_limits(self.curves[[name]].to_numpy()) if self.apart[name] else self.response_range
        note = curve_note(own_scale=self.apart[name], without_pairs=name in self.part_known)
        if row["effect"] == 0:
            note = "no effect"
        elif row["effect_own"] == 0:
            note = "in pairs only"
        response.text(0.03, 0.97, note, transform=response.transAxes, va="top", fontsize=6, color=NEUTRAL)
        response.axhline(0, color=faint(), linewidth=0.8, zorder=0)
        paired = name in self.paired and name not in self.part_known
        draw_curve(response, self.curves[name], self.own[name] if paired else None, color, 1.5)
        counts, edges = np.histogram(self.values[:, i], bins=30, range=(0, 10))
        response.bar(edges[:-1], 0.17 * (high - low) * np.sqrt(counts / max(counts.max(), 1)), width=np.diff(edges),
                     bottom=low, align="edge", color=faint(), linewidth=0, zorder=0)  # fmt: skip
        response.set_xlim(0, 10)
        response.set_ylim(low, high)

        values = self.fitted.coefficients[i]
        coefficients.bar(range(len(values)), values, color=[direction_color(v) for v in values], width=0.7)
        coefficients.axhline(0, color=ink(), linewidth=0.6)
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
