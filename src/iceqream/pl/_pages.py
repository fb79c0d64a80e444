"""Figures that are the pages of a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

from iceqream.pl._style import NEUTRAL, save_dpi

if TYPE_CHECKING:
    from os import PathLike

    from matplotlib.figure import Figure


def finish_pages(pages: list[Figure], *, show: bool | None, save: str | PathLike[str] | None, dpi: float | None) -> Any:
    """Write numbers on pages, save them (``.pdf``: in one file) and show them; return them if `show` is false."""
    import matplotlib.pyplot as plt

    for number, page in enumerate(pages, start=1):
        page.text(0.99, 0.012, f"{number} / {len(pages)}", ha="right", fontsize=7, color=NEUTRAL)
    if save is not None:
        _write(pages, Path(save), save_dpi(dpi))
    if show is False:
        return pages
    if save is None and mpl.get_backend().lower() not in {"agg", "pdf", "svg", "ps", "cairo", "template"}:
        plt.show()
    else:
        for page in pages:
            plt.close(page)
    return None


def _write(pages: list[Figure], path: Path, dpi: float) -> None:
    from matplotlib.backends.backend_pdf import PdfPages

    if path.suffix == ".pdf":
        with PdfPages(path) as pdf:
            for page in pages:
                pdf.savefig(page, dpi=dpi)
        return
    for number, page in enumerate(pages, start=1):
        page.savefig(path.with_name(f"{path.stem}_{number}{path.suffix}"), dpi=dpi)
