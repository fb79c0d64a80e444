"""House style: sizes, colours, and how every figure ends. The user's rcParams are never changed.

The house sets the sizes of letters, because panels are sized for them, and the colours of the data. Whatever else the
user has set (fonts, a dark background and its colours) stays.
"""

from __future__ import annotations

import textwrap
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np

from iceqream._colors import CLOSING, OPENING
from iceqream._files import target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind readers can tell apart
LETTER_COLORS = {"A": "#009E73", "C": "#0072B2", "G": "#E69F00", "T": "#D55E00"}
NEUTRAL = "#8C8C8C"
TRAINING, HELD_OUT = "#9AA5B1", "#D9822B"
"""Of R2."""
INK = "#333333"
FAINT = "#D9D9D9"
DENSITY = "viridis"

RC: Any = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.linewidth": 0.8,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 1.8,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
}
SAVE_DPI = 200
TITLE_SIZE, LABEL_SIZE = 10, 8
"""Of titles and of names at ticks, points; as in `RC`."""
DOUBT_SIZE = 7.5
"""Of the warning that a model may be worth nothing, points."""
_LETTER = 0.58
"""Width of a letter, by its size."""
SIZE_WIDE = 4.2
"""Width of a single wide panel, inches."""
# Okabe and Ito again, for categories without colours of their own
CATEGORIES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#666666")
_BINS = 60


_COLORED = ("axes.edgecolor", "axes.labelcolor", "text.color", "xtick.color", "ytick.color")
FAINT_SHARE = 0.186
"""Share of ink in `FAINT`, on white."""
_OUTLIER = 4.0


@contextmanager
def house_style(save: str | PathLike[str] | None = None) -> Iterator[None]:
    """Draw in the house style, in the user's colours of text and axes where they were changed (a dark style).

    Raises
    ------
    FileNotFoundError, ValueError
        If the picture could not be saved where it is wanted.
    """
    if save is not None and target(save).is_dir():
        msg = f"{save} is a folder: give the name of a file in it."
        raise ValueError(msg)
    now: Any = mpl.rcParams
    default: Any = mpl.rcParamsDefault
    chosen = {key for key in _COLORED if now[key] != default[key]}
    with mpl.rc_context({key: value for key, value in RC.items() if key not in chosen}):
        yield


def paper() -> str:
    """Return the colour of the background in force."""
    from matplotlib.colors import to_hex, to_rgba

    now: Any = mpl.rcParams
    for key in ("axes.facecolor", "figure.facecolor"):
        if to_rgba(now[key])[3] > 0:
            return to_hex(now[key])
    return "#FFFFFF"


def ink() -> str:
    """Return the colour of text in force."""
    from matplotlib.colors import to_hex

    return to_hex(mpl.rcParams["text.color"])


def faint(share: float = FAINT_SHARE) -> str:
    """Return the colour of guides in force: this share of ink on the background."""
    from matplotlib.colors import to_hex, to_rgb

    of_ink, of_paper = np.array(to_rgb(ink())), np.array(to_rgb(paper()))
    return to_hex(of_paper + share * (of_ink - of_paper))


def outliers(sizes: np.ndarray) -> np.ndarray:
    """Return a mask of the few sizes (a quarter at most) that are more than four times all others.

    What is drawn on a common scale leaves them out of it, and says so.
    """
    sizes = np.asarray(sizes, dtype=np.float64)
    order = np.argsort(-sizes, kind="stable")
    mask = np.zeros(len(sizes), dtype=bool)
    for k in range(min(max(len(sizes) // 4, 1), len(sizes) - 1), 0, -1):
        if sizes[order[k]] > 0 and sizes[order[k - 1]] > _OUTLIER * sizes[order[k]]:
            mask[order[:k]] = True
            break
    return mask


def direction_color(value: float) -> str:
    """Return red for opening, blue for closing, grey for neither."""
    return OPENING if value > 0 else CLOSING if value < 0 else NEUTRAL


def finish(
    figure: Any,
    axes: Any,
    *,
    given: bool,
    show: bool | None,
    save: str | PathLike[str] | None,
    dpi: float | None = None,
) -> Any:
    """Save and show a figure as scanpy does.

    Parameters
    ----------
    figure, axes
        What was drawn.
    given
        Whether the axes came from the caller: then nothing is shown unless asked for.
    show
        Whether to show it; ``None`` shows it unless the axes were given.
    save
        Where to write it; text stays text in PDF and SVG.
    dpi
        Of the file; ``None`` takes the user's ``savefig.dpi``, or 200.

    Returns
    -------
    The axes, or ``None`` if the figure was shown.
    """
    import matplotlib.pyplot as plt

    if save is not None:
        with house_style():
            figure.savefig(save, dpi=save_dpi(dpi), bbox_inches="tight")
    show = not given if show is None else show
    if not show:
        return axes
    if mpl.get_backend().lower() in {"agg", "pdf", "svg", "ps", "cairo", "template"}:
        plt.close(figure)
    else:
        plt.show()
    return None


def save_dpi(dpi: float | None) -> float:
    """Return the resolution of a file: as asked for, the user's, or the house's."""
    users = mpl.rcParams["savefig.dpi"]
    return float(dpi if dpi is not None else SAVE_DPI if users == "figure" else users)


def grid(
    n: int,
    columns: int,
    width: float,
    height: float,
    *,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
) -> tuple[Figure, list[Axes]]:
    """Return a figure with `n` axes in rows of `columns`; `width` and `height` are of one, in inches."""
    import matplotlib.pyplot as plt

    columns = max(1, min(columns, n))
    rows = -(-n // columns)
    size = (width * columns, height * rows) if figsize is None else figsize
    figure, axes = plt.subplots(rows, columns, figsize=size, dpi=dpi, squeeze=False, layout="constrained")
    flat = list(axes.ravel())
    for unused in flat[n:]:
        unused.remove()
    return figure, flat[:n]


def set_title(figure: Any, title: str | None, doubt: str = "") -> None:
    """Write a title above all panels, if there is one, and above it why the model may be worth nothing.

    Panels keep below both where a layout engine places them.
    """
    from matplotlib.text import Annotation

    if not doubt:
        if title is not None:
            figure.suptitle(title, fontsize=TITLE_SIZE)
        return
    letters = int(72 * figure.get_figwidth() / (_LETTER * DOUBT_SIZE))
    said = textwrap.fill(doubt, max(letters, 20))
    # room is kept for one text only: its last lines are empty, and the title stands there
    room = "" if title is None else "\n" * (2 + title.count("\n"))
    above = figure.suptitle(said + room, fontsize=DOUBT_SIZE, color=OPENING)
    if title is not None:
        place = Annotation(title, (0.5, 0), xycoords=above, ha="center", va="bottom", fontsize=TITLE_SIZE)
        figure.add_artist(place)


def given_axes(axes: Any, n: int) -> list[Axes] | None:
    """Return the caller's axes as a list, one per panel, or None where there are none."""
    if axes is None:
        return None
    given = list(np.ravel(np.asarray(axes, dtype=object)))
    if len(given) != n:
        msg = f"{len(given)} axes were given for {n} panels."
        raise ValueError(msg)
    return given


def one_axes(
    width: float, height: float, *, figsize: tuple[float, float] | None = None, dpi: float | None = None
) -> Axes:
    """Return the only axes of a new figure of this size, inches."""
    return grid(1, 1, width, height, figsize=figsize, dpi=dpi)[1][0]


def state_colors(adata: AnnData, column: str | None) -> tuple[list[str], dict[str, str]]:
    """Return a colour per state and the legend, from a column of obs and its ``uns["<column>_colors"]``."""
    if column is None:
        return [NEUTRAL] * adata.n_obs, {}
    if column not in adata.obs:
        msg = f"color={column!r} is not a column of obs."
        raise KeyError(msg)
    values = adata.obs[column].astype("category")
    names = [str(name) for name in values.cat.categories]
    known = [str(color) for color in adata.uns.get(f"{column}_colors", ())]
    if len(known) < len(names):
        known = [CATEGORIES[i % len(CATEGORIES)] for i in range(len(names))]
    legend = dict(zip(names, known, strict=False))
    return [legend[str(value)] for value in values], legend


def density_order(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return an order of points that puts the crowded ones on top, and the crowd around each point."""
    from scipy.ndimage import gaussian_filter

    counts, x_edges, y_edges = np.histogram2d(x, y, bins=_BINS)
    smooth = gaussian_filter(counts, 1.5)
    i = np.clip(np.searchsorted(x_edges, x, side="right") - 1, 0, _BINS - 1)
    j = np.clip(np.searchsorted(y_edges, y, side="right") - 1, 0, _BINS - 1)
    density = smooth[i, j]
    return np.argsort(density, kind="stable"), density
