"""A report of a model as one self-contained HTML page."""

from __future__ import annotations

import base64
import html
import io
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream.get import interactions_df, levels_df, motifs_df
from iceqream.get import model as get_model

if TYPE_CHECKING:
    from os import PathLike

    from anndata import AnnData
    from mudata import MuData

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #333; margin: 2rem auto; max-width: 1100px; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.2rem; } .note { color: #777; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th { text-align: left; border-bottom: 2px solid #333; cursor: pointer; user-select: none; white-space: nowrap; }
td { border-bottom: 1px solid #ddd; padding: 2px 10px 2px 0; vertical-align: middle; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.opens { color: #C0392B; } .closes { color: #2C6FB0; }
img { max-width: 100%; } svg.logo { height: 34px; }
details { margin-top: 1rem; }
"""
_SCRIPT = """
for (const table of document.querySelectorAll("table.sortable"))
  table.querySelectorAll("th").forEach((head, column) => head.addEventListener("click", () => {
    const rows = [...table.tBodies[0].rows], down = head.dataset.down !== "yes";
    head.dataset.down = down ? "yes" : "no";
    const value = row => { const t = row.cells[column].dataset.value; return isNaN(t) || t === "" ? t : Number(t); };
    rows.sort((a, b) => (value(a) < value(b) ? 1 : value(a) > value(b) ? -1 : 0) * (down ? 1 : -1));
    table.tBodies[0].append(...rows);
  }));
"""
_COLORS = {"A": "#009E73", "C": "#0072B2", "G": "#E69F00", "T": "#D55E00"}


def html_report(
    data: AnnData | MuData, folder: str | PathLike[str], *, key: str = _keys.MODEL, mod: str = _keys.ATAC
) -> Path:
    """Write a report of a model as one self-contained HTML page: ``iceqream report`` on the command line.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model and sequences.
    folder
        Where ``index.html`` is written; made if it does not exist.
    key, mod
        As in `iceqream.get.model`.

    Returns
    -------
    The path of the page: R2, levels, a sortable table of motifs with logos, figures, interactions, parameters.

    Raises
    ------
    KeyError
        If there is no model under the key.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=iq.datasets.simulated_motifs(), min_tss_distance=None)
    >>> iq.html_report(adata, "report").name
    'index.html'
    """
    from iceqream import pl

    fitted = get_model(data, key, mod=mod)
    figures: list[tuple[str, Any, dict[str, Any]]] = [
        ("Predicted and observed", pl.prediction_scatter, {}),
        ("Levels of the inference", pl.levels, {}),
        ("Response curves", pl.response_curves, {}),
        ("Energy and dAP", pl.energy_boxplot, {}),
        ("Where motifs act", pl.spatial_curves, {}),
        ("Motifs in the peaks that change most", pl.motif_heatmap, {}),
    ]
    if np.isfinite(fitted.residual_r2).any():
        figures.insert(2, ("Residual R2", pl.residual_r2, {}))
    if len(fitted.interactions):
        figures.append(("Interactions", pl.interaction_network, {}))
    stats = fitted.stats
    said = (
        f"{len(fitted.pbms)} motifs, {len(fitted.features)} features, {len(fitted.interactions)} interactions; "
        f"R2 {stats.get('r2_train', np.nan):.3f} on {stats.get('n_train', 0):,} training peaks, "
        f"{stats.get('r2_test', np.nan):.3f} on {stats.get('n_test', 0):,} held-out peaks of {fitted.width} bp."
    )
    title = f"{fitted.states[0]} → {fitted.states[1]}"
    parts = [
        f"<h1>{html.escape(title)}</h1><p class='note'>{html.escape(said)}</p>",
        "<h2>Motifs</h2><p class='note'>Click on a heading to sort. Red opens towards the end state, blue closes.</p>",
        _motif_table(data, key, mod),
        "<h2>Levels</h2>", _table(levels_df(data, key, mod=mod)),
    ]  # fmt: skip
    parts += [f"<h2>{html.escape(name)}</h2>{_picture(draw, data, key, mod, more)}" for name, draw, more in figures]
    if len(fitted.interactions):
        parts += ["<h2>Interactions in numbers</h2>", _table(interactions_df(data, key, mod=mod))]
    facts = {**fitted.params, **fitted.stats}
    rows = "".join(f"<tr><td>{html.escape(str(k))}</td><td>{html.escape(str(v))}</td></tr>" for k, v in facts.items())
    packages = ", ".join(f"{name} {version(name)}" for name in ("iceqream", "anndata", "numpy", "numba", "scipy"))
    parts.append(f"<details><summary>Parameters and statistics</summary><table>{rows}</table></details>")
    parts.append(f"<p class='note'>{html.escape(packages)}</p>")
    page = (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{html.escape(title)}</title>"
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}<script>{_SCRIPT}</script></body></html>"
    )
    path = Path(folder) / "index.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(page, encoding="utf-8")
    unfinished.replace(path)
    return path


def _picture(draw: Any, data: AnnData | MuData, key: str, mod: str, more: dict[str, Any]) -> str:
    """Return a figure as an embedded PNG."""
    import matplotlib.pyplot as plt

    before = set(plt.get_fignums())
    drawn = draw(data, key=key, mod=mod, show=False, **more)
    figure = (drawn[0] if isinstance(drawn, list) else drawn).figure
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=110, bbox_inches="tight")
    for number in set(plt.get_fignums()) - before:
        plt.close(number)
    return f"<img alt='' src='data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}'>"


def _motif_table(data: AnnData | MuData, key: str, mod: str) -> str:
    table = motifs_df(data, key, mod=mod)
    motifs = get_model(data, key, mod=mod).pbms.motifs.trim()
    columns = ["effect", "correlation", "residual_r2", "bits", "similarity"]
    head = "".join(f"<th>{name}</th>" for name in ("motif", "logo", *columns, "match"))
    rows = []
    for name, row in table.iterrows():
        side = "opens" if row["effect"] > 0 else "closes" if row["effect"] < 0 else ""
        cells = [f"<td class='{side}' data-value='{html.escape(str(name))}'><b>{html.escape(str(name))}</b></td>",
                 f"<td data-value=''>{_logo(motifs.matrix(str(name)))}</td>"]  # fmt: skip
        for column in columns:
            value = float(row[column])
            shown = f"{value:.3g}" if np.isfinite(value) else ""
            cells.append(f"<td class='number' data-value='{value if shown else ''}'>{shown}</td>")
        match = html.escape(str(row["match"]))
        cells.append(f"<td data-value='{match}'>{match}</td>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table class='sortable'><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _logo(matrix: np.ndarray) -> str:
    """Return a logo in bits as SVG."""
    safe = np.where(matrix > 0, matrix, 1.0)
    bits = matrix * (2.0 + (matrix * np.log2(safe)).sum(axis=1))[:, None]
    letters = []
    for position, column in enumerate(bits):
        bottom = 0.0
        for i in np.argsort(column, kind="stable"):
            height = float(column[i])
            if height > 0.02:
                letter = "ACGT"[i]
                # capitals are 0.72 of the size of the type, and a bold one about 0.74 wide
                scale = (
                    f"translate({10 * position},{40 - 20 * bottom:.2f}) scale({10 / 7.4:.3f},{20 * height / 7.2:.3f})"
                )
                letters.append(f"<text transform='{scale}' fill='{_COLORS[letter]}'>{letter}</text>")
            bottom += max(height, 0.0)
    width = 10 * len(matrix)
    return (
        f"<svg class='logo' viewBox='0 0 {width} 40' width='{0.85 * width:.0f}' font-weight='bold' font-size='10' "
        f"font-family='DejaVu Sans, Arial, sans-serif'>{''.join(letters)}</svg>"
    )


def _table(table: Any) -> str:
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in (table.index.name or "", *table.columns))
    rows = []
    for name, row in table.iterrows():
        cells = [f"<td data-value='{html.escape(str(name))}'>{html.escape(str(name))}</td>"]
        for value in row:
            number = isinstance(value, int | float | np.number)
            shown = f"{value:.4g}" if number and np.isfinite(value) else "" if number else html.escape(str(value))
            cells.append(f"<td class='{'number' if number else ''}' data-value='{shown}'>{shown}</td>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table class='sortable'><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
