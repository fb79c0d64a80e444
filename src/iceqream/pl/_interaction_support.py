"""What peaks with both motifs of a pair do: dAP of the four groups, by distance and by orientation (fig. 3H-L)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._core.messages import examples
from iceqream.get import interaction_support_df
from iceqream.get._lineages import stored_answer
from iceqream.inference.interaction_support import GROUPS, pair_groups
from iceqream.pl._names import fitting
from iceqream.pl._style import CATEGORIES, NEUTRAL, TITLE_SIZE, faint, finish, given_axes, grid, house_style, set_title
from iceqream.tl._fitted import fitted
from iceqream.tl._interaction_support import strong_motifs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from os import PathLike

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData

_COLORS = dict(zip(GROUPS, (CATEGORIES[3], CATEGORIES[1], CATEGORIES[0], NEUTRAL), strict=True))
_ARROWS = ("1\u2192 2\u2192", "2\u2192 1\u2192", "\u2192 \u2190", "\u2190 \u2192")
_PANEL = (2.9, 2.7)
_NAME_ROOM = 85.0
"""Of a motif's name in a title or legend, points."""
_FINE = 1e-4
_PANELS = 3


def interaction_support(
    data: AnnData | MuData,
    pairs: Iterable[tuple[str, str]] | None = None,
    *,
    n_pairs: int = 1,
    key: str = _keys.INTERACTION_SUPPORT,
    mod: str = _keys.ATAC,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Draw for each pair of motifs the dAP of peaks with both, one or none, and by distance and orientation of sites.

    One row per pair. Left: cumulative distributions of dAP with numbers of peaks, and the interaction (log odds, beside
    all other terms) with its standard error. Middle and right: mean dAP, with standard errors and numbers of peaks, of
    the peaks that have both sites; the line is their mean. Above stands where these differ most, beyond the additive
    model. Two motifs that merely add up shift the distribution of both
    as well.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData after `iceqream.tl.interaction_support`, with the model.
    pairs
        Pairs of names; ``None`` takes those with the smallest p of an interaction.
    n_pairs
        How many pairs ``pairs=None`` draws.
    key, mod
        As in `iceqream.get.interaction_support_df`.
    title
        Title of the figure.
    figsize, dpi
        Size of a new figure, inches, and its resolution.
    axes
        Three axes per pair to draw into.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    List of axes, three per pair, if `show` is false (or `axes` were given), else ``None``.

    Raises
    ------
    KeyError
        If there is no result or model under the key, or a pair was not looked at.
    ValueError
        If `n_pairs` is below 1, there are not three axes per pair, or the model has changed since.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs(decoys=False)
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=6, size_folds=0)
    >>> iq.tl.interaction_support(adata, n_permutations=500)
    >>> len(iq.pl.interaction_support(adata, show=False))
    3
    """
    if n_pairs < 1:
        msg = f"n_pairs must be at least 1, got {n_pairs}."
        raise ValueError(msg)
    table = interaction_support_df(data, key=key, mod=mod)
    chosen = table.iloc[:n_pairs] if pairs is None else table.iloc[_positions(table, pairs)]
    params = stored_answer(data, key, _keys.INTERACTION_SUPPORT, mod)["params"]
    distributions = _distributions(data, params, chosen, mod)
    tables = {by: interaction_support_df(data, by, key, mod=mod) for by in ("distance", "orientation")}
    given = given_axes(axes, _PANELS * len(chosen))
    with house_style(save):
        drawn = given or grid(_PANELS * len(chosen), _PANELS, *_PANEL, figsize=figsize, dpi=dpi)[1]
        for k, (_, row) in enumerate(chosen.iterrows()):
            left, middle, right = drawn[_PANELS * k : _PANELS * (k + 1)]
            names = fitting([str(row["first"]), str(row["second"])], _NAME_ROOM, TITLE_SIZE)
            _draw_distributions(left, distributions[k], row, names)
            for ax, by in ((middle, "distance"), (right, "orientation")):
                part = tables[by]
                part = part[(part["first"] == row["first"]) & (part["second"] == row["second"])]
                _draw_means(ax, part, by, row, names)
        set_title(drawn[0].figure, title)
    return finish(drawn[0].figure, drawn, given=given is not None, show=show, save=save, dpi=dpi)


def _positions(table: pd.DataFrame, pairs: Iterable[tuple[str, str]]) -> list[int]:
    """Return the rows of pairs, whichever way round they are given."""
    known = {frozenset(pair): k for k, pair in enumerate(zip(table["first"], table["second"], strict=True))}
    given = [(pair,) if isinstance(pair, str) else tuple(pair) for pair in pairs]
    missing = [":".join(map(str, pair)) for pair in given if frozenset(pair) not in known]
    if missing or not given:
        msg = f"These pairs were not looked at: {examples(missing) or 'none given'}; there are {examples(table.index)}."
        raise KeyError(msg)
    return [known[frozenset(pair)] for pair in given]


def _distributions(data: AnnData | MuData, params: Any, chosen: pd.DataFrame, mod: str) -> list[list[np.ndarray]]:
    """Return the dAP of the four groups of peaks of each pair, sorted."""
    fit = fitted(data, str(params["key"]), mod, trajectory=str(params["trajectory"]) or None)
    motifs = list(dict.fromkeys([*chosen["first"], *chosen["second"]]))
    strong, places = strong_motifs(fit, float(params["min_energy"]), fit.positions(motifs))
    out = []
    for _, row in chosen.iterrows():
        group, _ = pair_groups(strong, places, motifs.index(row["first"]), motifs.index(row["second"]))
        parts = [np.sort(fit.peaks.dap[group == g]) for g in range(len(GROUPS))]
        if [len(part) for part in parts] != [row[f"n_{name}"] for name in GROUPS]:
            msg = "The model or the peaks have changed since: run iq.tl.interaction_support again."
            raise ValueError(msg)
        out.append(parts)
    return out


def _draw_distributions(ax: Axes, parts: list[np.ndarray], row: pd.Series, names: list[str]) -> None:
    labels = ("both", names[0], names[1], "neither")
    for g in reversed(range(len(parts))):
        if len(parts[g]) == 0:
            continue
        share = np.arange(len(parts[g]) + 1) / len(parts[g])
        ax.step(np.concatenate([parts[g][:1], parts[g]]), share, where="post", color=_COLORS[GROUPS[g]],
                lw=2.0 if g == 0 else 1.3, label=f"{labels[g]} ({len(parts[g]):,})", rasterized=True)  # fmt: skip
    handles, said = ax.get_legend_handles_labels()
    ax.legend(handles[::-1], said[::-1], frameon=False, fontsize=7, handlelength=1.2, borderaxespad=0.2)
    ax.set_xlabel("dAP")
    ax.set_ylabel("share of peaks")
    ax.set_ylim(0, 1.02)
    tested = np.isfinite(row["interaction_p"])
    about = f"interaction {row['interaction']:+.2f} \u00b1 {row['interaction_se']:.2f}\n" if tested else "interaction\n"
    ax.set_title(f"{names[0]} : {names[1]}\n{about}{_significance(row, 'interaction')}")


def _draw_means(ax: Axes, part: pd.DataFrame, by: str, row: pd.Series, names: list[str]) -> None:
    n, dap, error = (part[name].to_numpy(dtype=float) for name in ("n", "dap", "dap_se"))
    there = n > 0
    if there.any():
        ax.axhline(float(np.average(dap[there], weights=n[there])), color=faint(), lw=1.0, zorder=0)
    x = np.arange(len(n))
    ax.errorbar(x[there], dap[there], yerr=np.nan_to_num(error[there]), fmt="o", color=_COLORS["both"], ms=5, lw=1.3,
                capsize=2)  # fmt: skip
    labels = list(part["bin"].str.strip("(]").str.replace(", ", "\u2013")) if by == "distance" else list(_ARROWS)
    ax.set_xticks(x, [f"{label}\n{int(count):,}" for label, count in zip(labels, n, strict=True)], fontsize=7)
    ax.set_xlim(-0.5, len(n) - 0.5)
    key = f"1 {names[0]}, 2 {names[1]}" if by == "orientation" else "bp between centres"
    ax.set_xlabel(f"{key}; number of peaks")
    ax.set_ylabel("mean dAP \u00b1 standard error")
    where = str(row[by]).replace("<=", "\u2264")
    found = f"{where}: {row[f'{by}_effect']:+.2f}" if where else ""
    ax.set_title(f"{by} of the best sites\n{found}\n{_significance(row, by)}")


def _significance(row: pd.Series, name: str) -> str:
    p, q = row[f"{name}_p"], row[f"{name}_q"]
    return "not tested" if not np.isfinite(p) else f"p {_short(p)}, q {_short(q)}"


def _short(value: float) -> str:
    return f"< {_FINE:g}" if value < _FINE else f"= {value:.2g}"
