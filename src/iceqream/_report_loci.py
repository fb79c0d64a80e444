"""Places of the genome in the report of a model: their picture and their sites."""

from __future__ import annotations

import html
import re
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._anndata import get_adata
from iceqream.get import predictions_df
from iceqream.get._loci import find_locus
from iceqream.get._motif_tables import modelled
from iceqream.report import _picture, _table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from mudata import MuData

    from iceqream.models import TrajectoryModel

_UCSC = "https://genome.ucsc.edu/cgi-bin/hgTracks"
_ASSEMBLY = re.compile(r"(hg|mm|rn|danRer|dm|ce|sacCer|galGal|xenTro|panTro|rheMac|susScr|bosTau|canFam|oryCun)\d+")
_AROUND = 2000
"""bp on either side of a locus in the browser."""
_SITE_COLUMNS = ("motif", "chrom", "start", "end", "strand", "energy", "response", "spatial_weight")


def chosen_loci(
    data: AnnData | MuData, fitted: TrajectoryModel, loci: int | Sequence[str | int], where: dict[str, Any]
) -> list[str | int]:
    """Return the loci that are asked for, or the peaks that open and close most clearly."""
    if isinstance(loci, str):
        return [loci]
    if not isinstance(loci, int | np.integer):
        return list(loci)
    if loci < 0:
        msg = f"loci is a number of at least 0, or names of places, got {loci}."
        raise ValueError(msg)
    if len(fitted.pbms) == 0:
        return []
    table = predictions_df(data, **where)
    used = modelled(table)
    held_out = (table[_keys.SPLIT] == "test").to_numpy()
    dap, predicted = (table[name].to_numpy(dtype=np.float64) for name in (_keys.DAP, _keys.PREDICTION))
    chosen: list[str | int] = []
    for sign in (1, -1):
        # what both of them say
        clear = np.where(used, np.minimum(sign * dap, sign * predicted), -np.inf)
        among = held_out if (clear[held_out] > 0).sum() >= loci else used
        order = np.argsort(-np.where(among, clear, -np.inf), kind="stable")[:loci]
        chosen += [int(i) for i in order if clear[i] > 0]
    return chosen


def loci_parts(
    data: AnnData | MuData,
    fitted: TrajectoryModel,
    loci: list[str | int],
    where: dict[str, Any],
    genes: Any,
    assembly: str | None,
) -> list[str]:
    """Return the parts of the page about loci."""
    from iceqream import pl, tl
    from iceqream.tl._motif_sites import STRONG

    if not loci:
        return []
    adata = get_adata(data, where["mod"])
    assembly = assembly or _assembly(adata)
    note = f"Sites have a local energy of {STRONG:g} at least; response in logit units."
    parts = [f"<h2>Loci</h2><p class='note'>{note}</p>"]
    for locus in loci:
        found = find_locus(adata, locus, fitted.width, genes=genes)
        name = html.escape(found.name)
        link = ""
        if assembly and found.place is not None:
            chrom, start, end = found.place
            place = f"{chrom}:{max(start + 1 - _AROUND, 1)}-{end + _AROUND}"
            link = f" <a href='{_UCSC}?db={html.escape(assembly)}&amp;position={place}'>UCSC browser, {assembly}</a>"
        parts.append(f"<h3>{name}</h3><p class='note'>{_said(data, found.row, where)}{link}</p>")
        parts.append(_picture(partial(_drawn, pl.iq_plot, locus, genes), data, where, f"locus {name}"))
        if found.row is not None:
            sites = tl.motif_sites(data, peaks=[found.row], **where)
            sites = sites[[column for column in _SITE_COLUMNS if column in sites]].set_index("motif")
            parts.append(_table(sites) if len(sites) else "<p class='note'>No site.</p>")
    return parts


def _drawn(draw: Any, locus: str | int, genes: Any, data: AnnData | MuData, **options: Any) -> Any:
    return list(draw(data, locus, genes=genes, **options).values())


def _said(data: AnnData | MuData, row: int | None, where: dict[str, Any]) -> str:
    """Return what the data and the model say of a peak."""
    if row is None:
        return "No peak of the data."
    one = predictions_df(data, **where).iloc[row]
    split = {"train": "training peak", "test": "held-out peak"}.get(str(one[_keys.SPLIT]), "not modelled")
    return f"dAP {one[_keys.DAP]:+.2f}, predicted {one[_keys.PREDICTION]:+.2f} ({split})."


def _assembly(adata: AnnData) -> str | None:
    """Return the assembly that the sequences were read from, if its name is that of one."""
    stored = adata.uns.get(_keys.SEQUENCE, {})
    found = _ASSEMBLY.match(str(stored.get("params", {}).get("genome", "")))
    return found.group(0) if found else None
