"""A report of a model as one self-contained HTML page."""

from __future__ import annotations

import base64
import html
import io
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import get_adata
from iceqream._stored_models import stored_model, trajectory_model
from iceqream.get import dropped_motifs_df, interactions_df, levels_df, motifs_df, predictions_df
from iceqream.get._motif_tables import modelled
from iceqream.models import ManifoldModel
from iceqream.motifs.similarity import DEFAULT_TRIM_BITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from os import PathLike

    from anndata import AnnData
    from mudata import MuData

    from iceqream.models import TrajectoryModel

DEFAULT_LOCI = 1
_DPI = 160
_PIXELS_PER_INCH = 100
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #333; margin: 2rem auto; max-width: 1120px; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.4rem; } .note { color: #777; }
table { border-collapse: collapse; font-size: 13px; } table.wide { width: 100%; }
th { text-align: left; border-bottom: 2px solid #333; padding: 0 12px 0 0; vertical-align: bottom; }
th.number { text-align: right; }
th button { font: inherit; font-weight: 600; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
th[aria-sort] button::after { content: " ▾"; } th[aria-sort=ascending] button::after { content: " ▴"; }
td { border-bottom: 1px solid #ddd; padding: 2px 12px 2px 0; vertical-align: middle; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
td svg { display: block; } img { max-width: 100%; height: auto; display: block; }
.banner { border-left: 4px solid #C0392B; padding: 6px 12px; font-weight: 600; }
details { margin-top: 2rem; } summary { cursor: pointer; }
"""
_SCRIPT = """
for (const table of document.querySelectorAll("table.sortable"))
  table.querySelectorAll("th").forEach((head, column) => head.querySelector("button")?.addEventListener("click", _ => {
    const number = head.classList.contains("number"), before = head.getAttribute("aria-sort");
    const down = before ? before === "ascending" : number;
    table.querySelectorAll("th").forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = row => {
      const text = row.cells[column].dataset.value;
      return !number ? text : text === "" ? NaN : Number(text);
    };
    const rows = [...table.tBodies[0].rows].sort((one, other) => {
      const a = value(one), b = value(other);
      if (number && (isNaN(a) || isNaN(b))) return isNaN(a) - isNaN(b);
      return (number ? a - b : a.localeCompare(b)) * (down ? -1 : 1);
    });
    table.tBodies[0].append(...rows);
  }));
"""
_MOTIF_COLUMNS = {
    "effect": ("effect", ".3f", "SD of what the prediction loses without the motif (logit), positive where it opens"),
    "effect_se": ("± SE", ".3f", "standard error of the effect, given the model's terms"),
    "effect_own": ("alone", ".3f", "effect of the motif alone, without its pairs"),
    "correlation": ("r with dAP", ".2f", "correlation of energy and dAP over the modelled peaks"),
    "residual_r2": ("residual R²", ".4f", "R² on training peaks that the motif's removal costs"),
    "bits": ("bits", ".1f", "information of the PSSM"),
    "similarity": ("similarity", ".2f", "with the most similar motif of the library; 1: identical"),
}
_LEGEND = (
    "Red opens towards the end state, blue closes. Response: what the motif adds along its energy 0-10, its pairs "
    "included, logit, as far as there are peaks; the same scale for all but those marked own scale. Spatial curve: "
    "weight along the peak, divided by its mean. Click on a heading to sort."
)
_LEVEL_COLUMNS = {
    "r2_train": "R² training", "r2_test": "R² held-out", "r2_test_low": "95 % from", "r2_test_high": "95 % to",
}  # fmt: skip


def html_report(
    data: AnnData | MuData,
    folder: str | PathLike[str],
    *,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    loci: int | Sequence[str | int] = DEFAULT_LOCI,
    genes: Any = None,
    assembly: str | None = None,
    mod: str = _keys.ATAC,
) -> Path:
    """Write a report of a model as one self-contained HTML page: ``iceqream report`` on the command line.

    The page has the R2 and the levels, a sortable table of the motifs with logos, response and spatial curves, the
    figures of `iceqream.pl`, interactions, dropped motifs, parameters and versions. It loads nothing from elsewhere.
    Of a manifold (``key="iq_manifold"``) the page has the motifs by trajectories, with effects and standard errors, and
    links to such a report of each trajectory, in a folder of its name.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model and sequences.
    folder
        Where ``index.html`` is written; made if it does not exist.
    key, trajectory, mod
        As in `iceqream.get.model`.
    loci
        Places to draw (`iceqream.pl.iq_plot`) with their sites: names or numbers of peaks, coordinates, or with `genes`
        genes; or so many peaks of those that open and of those that close most clearly, in the data and in the model
        alike, held-out ones if there are. 0: none.
    genes
        Genes of the assembly, drawn beside the loci: as `iceqream.Genes.read` takes them.
    assembly
        Name of the assembly, such as "hg38", for links to the UCSC browser; ``None`` takes the genome's that
        `iceqream.pp.sequences` read, if that is the name of one.

    Returns
    -------
    The path of the page.

    Raises
    ------
    KeyError
        If there is no model under the key, no such trajectory or locus.
    ValueError
        If the folder is a file.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.html_report(adata, "report").name
    'index.html'
    """
    from iceqream._report_loci import chosen_loci, loci_parts

    path = Path(folder) / "index.html"
    files = [str(one) for one in (path.parent, *path.parents) if one.is_file()]
    if files:
        msg = f"{files[0]} is a file, not a folder: give the folder for index.html."
        raise ValueError(msg)
    if trajectory is None and isinstance(stored_model(get_adata(data, mod), key), ManifoldModel):
        from iceqream._manifold_page import manifold_page

        return manifold_page(data, path, key, mod, loci=loci, genes=genes, assembly=assembly)
    fitted = trajectory_model(data, key, trajectory, mod)
    title = f"{fitted.states[0]} → {fitted.states[1]}"
    where = {"key": key, "trajectory": trajectory, "mod": mod}
    chosen = chosen_loci(data, fitted, loci, where)
    said = loci_parts(data, fitted, chosen, where, genes, assembly)
    return write_page(path, title, _content(data, fitted, title, where, said))


def write_page(path: Path, title: str, parts: Iterable[str]) -> Path:
    """Write a page of these parts; an older one stays until the new one is whole."""
    page = (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{html.escape(title)}</title>"
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}<script>{_SCRIPT}</script></body></html>"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(page, encoding="utf-8")
    unfinished.replace(path)
    return path


def _content(
    data: AnnData | MuData, fitted: TrajectoryModel, title: str, where: dict[str, Any], loci: list[str]
) -> list[str]:
    from iceqream import pl
    from iceqream.pl._scores import r2_text
    from iceqream.pl._svg import letter_symbols

    stats = fitted.stats
    said = (
        f"{len(fitted.pbms)} motifs, {len(fitted.features)} features, {len(fitted.interactions)} interactions; "
        f"{r2_text(stats, 'train', symbol='R²')} on {stats.get('n_train', 0):,} training peaks, "
        f"{r2_text(stats, 'test', symbol='R²')} on {stats.get('n_test', 0):,} held-out peaks of {fitted.width} bp."
    )
    banner = fitted.doubt

    def picture(draw: Any, name: str) -> str:
        return _picture(draw, data, where, name)

    parts = [
        letter_symbols(),
        f"<h1>{html.escape(title)}</h1><p class='note'>{html.escape(said)}</p>",
        f"<p class='banner'>{html.escape(banner)}</p>" if banner else "",
        *_motifs(data, fitted, where),
        "<h2>Predicted and observed</h2>", picture(pl.prediction_scatter, "predicted and observed dAP"),
        "<h2>Levels of the inference</h2>", picture(pl.levels, "R2 by level"),
        _table(levels_df(fitted).rename(columns=_LEVEL_COLUMNS)),
    ]  # fmt: skip
    if len(fitted.dropped):
        parts += ["<h2>Dropped motifs</h2>", _table(dropped_motifs_df(fitted))]
    if np.isfinite(fitted.residual_r2).any():
        parts += ["<h2>Residual R²</h2>", picture(pl.residual_r2, "residual R2 of the terms")]
    of_motifs = (
        ("Response curves", pl.response_curves),
        ("Energy and dAP", pl.energy_boxplot),
        ("Where motifs act", pl.spatial_curves),
        ("Motifs in the peaks that change most", pl.motif_heatmap),
    )
    for heading, draw in of_motifs if len(fitted.pbms) else ():
        parts += [f"<h2>{heading}</h2>", picture(draw, heading.lower())]
    if len(fitted.interactions):
        parts += ["<h2>Interactions</h2>", picture(pl.interaction_network, "network of interactions")]
        parts.append(_table(interactions_df(fitted)))
    parts += loci
    known = {name: value for name, value in {**fitted.params, **fitted.stats}.items() if str(value) not in ("", "nan")}
    facts = pd.DataFrame({"value": known}).astype(object)
    packages = ", ".join(f"{name} {version(name)}" for name in ("iceqream", "anndata", "numpy", "numba", "scipy"))
    parts.append(f"<details><summary>Parameters and statistics</summary>{_table(facts)}</details>")
    parts.append(f"<p class='note'>{html.escape(packages)}</p>")
    return parts


def _picture(draw: Any, data: AnnData | MuData, where: dict[str, Any], name: str) -> str:
    """Return a figure as an embedded PNG."""
    import matplotlib.pyplot as plt

    before = set(plt.get_fignums())
    buffer = io.BytesIO()
    # the page is white, whatever the user's figures are
    with plt.style.context("default"):
        drawn = draw(data, **where, show=False)
        figure = (drawn[0] if isinstance(drawn, list) else drawn).figure
        figure.savefig(buffer, dpi=_DPI, bbox_inches="tight")
    for number in set(plt.get_fignums()) - before:
        plt.close(number)
    png = buffer.getvalue()
    # a PNG's width in pixels stands in its bytes 16 to 19
    width = round(int.from_bytes(png[16:20], "big") * _PIXELS_PER_INCH / _DPI)
    return (
        f"<img alt='{html.escape(name)}' width='{width}' src='data:image/png;base64,{base64.b64encode(png).decode()}'>"
    )


def _motifs(data: AnnData | MuData, fitted: TrajectoryModel, where: dict[str, Any]) -> list[str]:
    if len(fitted.pbms) == 0:
        return ["<h2>Motifs</h2><p class='note'>None: no motif lowers the deviance of held-out peaks.</p>"]
    return [f"<h2>Motifs</h2><p class='note'>{_LEGEND}</p>", _motif_table(data, fitted, where)]


def _motif_table(data: AnnData | MuData, fitted: TrajectoryModel, where: dict[str, Any]) -> str:
    from iceqream.pl._response_curves import curve_note, curves_within, known_curves
    from iceqream.pl._style import direction_color, outliers
    from iceqream.pl._svg import curve_svg, logo_svg

    table = motifs_df(fitted)
    columns = {name: told for name, told in _MOTIF_COLUMNS.items() if table[name].notna().any()}
    motifs = fitted.pbms.motifs.trim(DEFAULT_TRIM_BITS)
    responses, _, part_known = known_curves(fitted, np.linspace(0, 10, 41))
    used = modelled(predictions_df(data, **where))
    responses = curves_within(responses[list(table.index)], fitted, fitted.values(get_adata(data, where["mod"]))[used])
    apart = outliers(np.ptp(np.nan_to_num(responses.to_numpy()), axis=0))
    common = _range(responses.to_numpy()[:, ~apart])
    weights = fitted.pbms.spatial.weights / fitted.pbms.spatial.weights.mean(axis=1, keepdims=True)
    position = {str(name): i for i, name in enumerate(fitted.motif_names)}
    rows = []
    for (name, row), own in zip(table.iterrows(), apart, strict=True):
        i, label, match = position[str(name)], html.escape(str(name)), html.escape(str(row["match"]))
        color = direction_color(float(row["effect"]))
        note = curve_note(own_scale=own, without_pairs=str(name) in part_known)
        curves = (
            curve_svg(responses[name].to_numpy(), *(_range(responses[[name]].to_numpy()) if own else common), color)
            + (f"<small class='note'>{note}</small>" if note else ""),
            curve_svg(weights[i], 0.0, float(weights.max()), color, level=1.0, steps=True),
        )
        cells = [
            f"<td data-value='{label}' style='color:{color}'><b>{label}</b></td>",
            _cell(logo_svg(motifs.matrix(i))),
        ]
        cells += [_cell(curve) for curve in curves]
        cells += [_number(float(row[column]), digits) for column, (_, digits, _) in columns.items()]
        rows.append(f"<tr>{''.join(cells)}<td data-value='{match}'>{match}</td></tr>")
    heads = [
        _head("motif"), "<th>logo</th>", "<th>response</th>", "<th>spatial curve</th>",
        *(_head(name, number=True, title=title) for name, _, title in columns.values()), _head("most similar"),
    ]  # fmt: skip
    return _sortable(heads, rows, wide=True)


def _range(curves: np.ndarray) -> tuple[float, float]:
    return float(np.nanmin(curves)), float(np.nanmax(curves))


def _table(table: pd.DataFrame) -> str:
    table = table.dropna(axis=1, how="all")
    numeric = [all(isinstance(value, int | float | np.number) for value in table[name]) for name in table.columns]
    heads = [_head(str(table.index.name or "")), *map(_head, map(str, table.columns), numeric)]
    rows = []
    for name, row in zip(table.index, table.itertuples(index=False), strict=True):
        cells = [f"<td data-value='{html.escape(str(name))}'>{html.escape(str(name))}</td>"]
        for value, number in zip(row, numeric, strict=True):
            text = html.escape(str(value))
            cells.append(_number(float(value), ".4g") if number else f"<td data-value='{text}'>{text}</td>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return _sortable(heads, rows)


def _sortable(heads: Iterable[str], rows: Iterable[str], *, wide: bool = False) -> str:
    return (
        f"<table class='sortable{' wide' if wide else ''}'><thead><tr>{''.join(heads)}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _head(name: str, number: bool = False, title: str = "") -> str:  # noqa: FBT001, FBT002
    return f"<th class='{'number' if number else ''}' title='{title}'><button>{html.escape(name)}</button></th>"


def _number(value: float, digits: str) -> str:
    shown = f"{value:{digits}}" if np.isfinite(value) else ""
    return f"<td class='number' data-value='{value if shown else ''}'>{shown}</td>"


def _cell(content: str) -> str:
    return f"<td>{content}</td>"
