"""The report of a manifold as a page, with links to those of its trajectories."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream._stored_models import manifold_model
from iceqream.get import homogenization_df, manifold_df
from iceqream.motifs.similarity import DEFAULT_TRIM_BITS
from iceqream.report import _cell, _head, _number, _picture, _sortable, _table, html_report, write_page

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData
    from mudata import MuData

    from iceqream.models import ManifoldModel

_LEGEND = (
    "Effect: standard deviation of what the prediction loses without the motif (logit), ± standard error; red opens "
    "towards the end of the trajectory, blue closes; grey: within two standard errors of 0; empty: not used. Spatial "
    "curve: weight along the peak, divided by its mean. Click on a heading to sort."
)
_TINT = 0.75
"""Opacity of the cell of the strongest effect."""


def manifold_page(data: AnnData | MuData, path: Path, key: str, mod: str, **of_loci: Any) -> Path:
    """Write the page of a manifold, and a page for each of its trajectories in a folder beside it."""
    manifold = manifold_model(data, key, mod)
    folders = _folders(list(manifold))
    for name, folder in folders.items():
        html_report(data, path.parent / folder, key=key, trajectory=name, mod=mod, **of_loci)
    write_page(path, f"Manifold of {len(manifold)} trajectories", _content(data, manifold, folders, key, mod))
    return path


def _folders(names: list[str]) -> dict[str, str]:
    """Return the name of a folder for each trajectory: letters, digits, - and _, with a number where they agree."""
    folders: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^\w-]+", "_", name).strip("_") or "trajectory"
        taken = {folder.lower() for folder in folders.values()}
        numbered = (plain, *(f"{plain}_{k}" for k in range(2, len(names) + 2)))
        folders[name] = next(folder for folder in numbered if folder.lower() not in taken)
    return folders


def _content(data: AnnData | MuData, manifold: ManifoldModel, folders: dict[str, str], key: str, mod: str) -> list[str]:
    from iceqream import pl
    from iceqream.pl._manifold_parts import doubts
    from iceqream.pl._svg import letter_symbols

    where = {"key": key, "mod": mod}
    has_own = manifold.member_pbms is not None and len(manifold.members) > 0
    said = f"{len(manifold.pbms)} common motifs, {len(manifold.features)} features, {manifold.width} bp."
    if has_own:
        said = f"{len(manifold.members)} motifs of {len(manifold)} trajectories, fitted one by one, became {said}"
    banner = doubts(manifold)
    parts = [
        letter_symbols(),
        f"<h1>Manifold of {len(manifold)} trajectories</h1><p class='note'>{html.escape(said)}</p>",
        f"<p class='banner'>{html.escape(banner)}</p>" if banner else "",
        "<h2>Trajectories</h2>",
        f"<p class='note'>R² of held-out peaks by level. {', '.join(_LEVELS.values())}.</p>",
        _trajectory_table(manifold, folders),
    ]
    if len(manifold.pbms):
        parts += [
            "<h2>Motifs</h2>", f"<p class='note'>{_LEGEND}</p>",
            f"<div style='overflow-x: auto'>{_motif_table(manifold)}</div>",
            "<h2>Motifs by trajectories</h2>", _picture(pl.manifold_heatmap, data, where, "motifs by trajectories"),
        ]  # fmt: skip
        if has_own:
            parts += ["<h2>Homogenization</h2>", _picture(pl.homogenization, data, where, "homogenization")]
            own = homogenization_df(manifold).set_index("trajectory")
            parts.append(f"<details><summary>Motifs of the trajectories' own models</summary>{_table(own)}</details>")
    return parts


_LEVELS = {
    "own": "own: with the motifs of its own model",
    "own interactions": "own interactions: these with pairs",
    "homogenized": "homogenized: with the common motifs that took their place",
    "full": "full: with all common motifs",
    "refined": "refined: with those refined together",
    "final": "final: after filters and pairs",
}


def _trajectory_table(manifold: ManifoldModel, folders: dict[str, str]) -> str:
    from iceqream.pl._homogenization import shown_levels

    levels = shown_levels(manifold).pivot_table("r2_test", "trajectory", "level", dropna=False)
    drawn = [level for level in _LEVELS if level in levels.columns]
    levels = levels[drawn]
    rows = []
    for name, folder in folders.items():
        model = manifold[name]
        label, states = html.escape(name), html.escape(" → ".join(model.states))
        cells = [
            f"<td data-value='{label}'><a href='{folder}/index.html'><b>{label}</b></a></td>",
            f"<td data-value='{states}'>{states}</td>",
        ]
        cells += [_number(float(value), ".3f") for value in levels.loc[name].to_numpy()]
        ends = [float(model.stats.get(f"r2_test_{end}", np.nan)) for end in ("low", "high")]
        cells += [_number(end, ".3f") for end in ends]
        cells += [_number(n, ".0f") for n in (len(model.pbms), len(model.interactions))]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    numbers = [*drawn, "95 % from", "95 % to", "motifs", "pairs"]
    return _sortable([_head("trajectory"), _head("states"), *(_head(name, number=True) for name in numbers)], rows)


def _motif_table(manifold: ManifoldModel) -> str:
    from iceqream.pl._manifold_heatmap import motif_order
    from iceqream.pl._style import INK
    from iceqream.pl._svg import curve_svg, logo_svg

    effects, errors = (manifold_df(manifold, quantity=name).to_numpy() for name in ("effect", "effect_se"))
    motifs = manifold.pbms.motifs.trim(DEFAULT_TRIM_BITS)
    weights = manifold.pbms.spatial.weights / manifold.pbms.spatial.weights.mean(axis=1, keepdims=True)
    position = {str(name): i for i, name in enumerate(manifold.motif_names)}
    largest = max(float(np.nanmax(np.abs(effects), initial=0.0)), 1e-12)
    rows = []
    for name in motif_order(manifold, None):
        i, label = position[name], html.escape(name)
        cells = [
            f"<td data-value='{label}'><b>{label}</b></td>",
            _cell(logo_svg(motifs.matrix(i))),
            _cell(curve_svg(weights[i], 0.0, float(weights.max()), INK, level=1.0, steps=True)),
        ]
        cells += [_effect(effect, error, largest) for effect, error in zip(effects[i], errors[i], strict=True)]
        cells.append(_number(float(np.isfinite(effects[i]).sum()), ".0f"))
        rows.append(f"<tr>{''.join(cells)}</tr>")
    heads = [_head("motif"), "<th>logo</th>", "<th>spatial curve</th>"]
    heads += [_head(name, number=True) for name in manifold]
    heads.append(_head("used by", number=True, title="trajectories that use the motif"))
    return _sortable(heads, rows, wide=True)


def _effect(effect: float, error: float, largest: float) -> str:
    """Return the cell of an effect: the stronger, the deeper its colour."""
    from matplotlib.colors import to_rgb

    from iceqream.pl._style import direction_color

    if not np.isfinite(effect):
        return "<td class='number' data-value=''></td>"
    red, green, blue = (round(255 * part) for part in to_rgb(direction_color(effect)))
    behind = f" <small>± {error:.3f}</small>" if np.isfinite(error) else ""
    told = not abs(effect) < 2 * np.nan_to_num(error)
    style = (
        f"background: rgba({red}, {green}, {blue}, {_TINT * abs(effect) / largest:.2f})" if told else "color: #888"
    )  # fmt: skip
    return f"<td class='number' style='{style}' data-value='{effect}'>{effect:+.3f}{behind}</td>"
