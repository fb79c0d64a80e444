"""A model at a glance: peaks x motifs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from iceqream import _keys
from iceqream._anndata import get_adata, profiles_at_hand
from iceqream._stored_models import trajectory_model
from iceqream.get import motifs_df, predictions_df
from iceqream.get._motif_tables import modelled
from iceqream.models.trajectory import check_has_motifs
from iceqream.pl._names import POINTS, fitting, text_points
from iceqream.pl._style import (
    CLOSING,
    LABEL_SIZE,
    NEUTRAL,
    OPENING,
    direction_color,
    finish,
    given_axes,
    house_style,
    ink,
    outliers,
    paper,
    set_title,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData

    from iceqream.models import TrajectoryModel

DEFAULT_PEAKS = 200
DEFAULT_MOTIFS = 30
_NAME_POINTS = 110.0
_QUANTILE = 0.98
_NARROW = 8
"""Motifs whose colour bar has no room for more than three numbers."""


def motif_heatmap(
    data: AnnData | MuData,
    *,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    n_peaks: int = DEFAULT_PEAKS,
    n_motifs: int = DEFAULT_MOTIFS,
    by: Literal["observed", "predicted"] = "observed",
    mod: str = _keys.ATAC,
    palette: Mapping[str, str] | None = None,
    cmap: Any = None,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Plot what each motif adds in the peaks that open most (above) and close most (below) (fig. 2G).

    Colours are partial responses, less their mean over the modelled peaks; motifs are ordered by their effect, peaks by
    dAP. The scale leaves out motifs that are more than four times all others: they are drawn at its end. Beside them
    stand the access probabilities of the two states (dAP where the data do not have them).

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model.
    key, trajectory, mod
        As in `iceqream.get.model`.
    n_peaks
        Peaks of either kind.
    n_motifs
        Motifs to draw at most, those with the strongest effect; those that act in pairs only are left out.
    by
        Whether observed or predicted dAP chooses and orders the peaks.
    palette
        Colours of the two states by name.
    cmap
        Colours of the responses, from closing to opening; ``None`` takes blue to red.
    title
        Title of the figure.
    figsize, dpi
        Size of a new figure, inches, and its resolution; ``None`` takes what the panels need.
    axes
        Axes to draw into, one for the heatmap and one beside it.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    List of two axes, heatmap and access probabilities, if `show` is false (or `axes` were given), else
    ``None``.

    Raises
    ------
    KeyError
        If there is no model under the key.
    ValueError
        If the model has no motifs, there are not two axes, or `by` is unknown.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> len(iq.pl.motif_heatmap(adata, n_peaks=50, show=False))
    2
    """
    import matplotlib.pyplot as plt

    if by not in {"observed", "predicted"}:
        msg = f"by must be 'observed' or 'predicted', got {by!r}."
        raise ValueError(msg)
    fitted = trajectory_model(data, key, trajectory, mod)
    check_has_motifs(fitted)
    adata = get_adata(data, mod)
    table = predictions_df(data, key, trajectory=trajectory, mod=mod)
    used = np.flatnonzero(modelled(table))
    dap = table[_keys.DAP].to_numpy(dtype=np.float64)[used]
    deciding = dap if by == "observed" else table[_keys.PREDICTION].to_numpy(dtype=np.float64)[used]
    order = np.argsort(-deciding, kind="stable")
    n = min(n_peaks, len(order) // 2)
    rows = np.concatenate([order[:n], order[-n:]])
    effects, matrix = _responses(fitted, motifs_df(fitted)["effect"], adata, used, rows, n_motifs)
    profiles = _profiles(adata, fitted)
    given = given_axes(axes, 2)
    with house_style(save):
        names = fitting(list(map(str, effects.index)), _NAME_POINTS, LABEL_SIZE)
        if given is None:
            longest = max(text_points(name, LABEL_SIZE) for name in names) / POINTS
            size, ratios = figsize or (2.1 + 0.24 * len(effects), 4.8 + longest), [max(len(effects), 6), 4]
            ax, side = plt.subplots(1, 2, figsize=size, dpi=dpi, width_ratios=ratios, layout="constrained")[1]
        else:
            ax, side = given
        _draw_matrix(ax, matrix, effects, names, cmap)
        said = [f"{n} {word} most" for word in ("open", "close")]
        ax.set_yticks([n / 2, 1.5 * n], said, rotation=90, va="center")
        ax.set_ylabel(f"peaks by {by} dAP")
        ax.tick_params(axis="y", length=0)
        if profiles is None:
            _draw_dap(side, dap[rows])
        else:
            colors = {fitted.states[0]: CLOSING, fitted.states[1]: OPENING, **(palette or {})}
            _draw_probabilities(side, [values[used[rows]] for values in profiles], fitted.states, colors)
        for one in (ax, side):
            one.axhline(n - 0.5, color=ink(), linewidth=1)
        side.set_ylim(len(rows) - 0.5, -0.5)
        side.set_yticks([])
        set_title(ax.figure, title, fitted.doubt if given is None else "")
    return finish(ax.figure, [ax, side], given=given is not None, show=show, save=save, dpi=dpi)


def _responses(
    fitted: TrajectoryModel, effects: pd.Series, adata: AnnData, used: np.ndarray, rows: np.ndarray, n_motifs: int
) -> tuple[pd.Series, np.ndarray]:
    """Return the effects of the motifs to draw, opening ones first, and their centred responses, peaks x motifs."""
    chosen = effects.head(n_motifs)
    acting = chosen[chosen != 0]
    chosen = (acting if len(acting) else chosen).sort_values(ascending=False)
    values = fitted.values(adata)[used]
    responses = fitted.own_responses_of(values) + fitted.pair_responses_of(values)
    responses -= responses.mean(axis=0)
    position = {str(name): i for i, name in enumerate(fitted.motif_names)}
    columns = np.array([position[str(name)] for name in chosen.index])
    return chosen, responses[np.ix_(rows, columns)]


def _profiles(adata: AnnData, fitted: TrajectoryModel) -> list[np.ndarray] | None:
    """Return the access probabilities of both states, or None where the data lack one."""
    layer = str(fitted.params.get("layer", _keys.ACCESS_PROBABILITY))
    profiles = profiles_at_hand(adata, fitted.states, groupby=fitted.params.get("groupby"), layer=layer)
    known = [values for values in profiles if values is not None]
    return known if len(known) == len(fitted.states) else None


def _draw_matrix(ax: Axes, matrix: np.ndarray, effects: pd.Series, names: list[str], cmap: Any) -> None:
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.ticker import MaxNLocator

    largest = np.quantile(np.abs(matrix), _QUANTILE, axis=0)
    apart = outliers(largest)
    limit = float(np.quantile(np.abs(matrix[:, ~apart]), _QUANTILE)) or float(np.abs(matrix).max()) or 1.0
    colors = cmap or LinearSegmentedColormap.from_list("response", [CLOSING, paper(), OPENING])
    image = ax.imshow(matrix, aspect="auto", cmap=colors, vmin=-limit, vmax=limit, interpolation="nearest")
    labels = [f"{name} *" if far else name for name, far in zip(names, apart, strict=True)]
    ax.set_xticks(range(len(names)), labels, rotation=90)
    for label, effect in zip(ax.get_xticklabels(), effects, strict=True):
        label.set_color(direction_color(float(effect)))
    ax.tick_params(length=0)
    for spine in ("left", "bottom"):
        ax.spines[spine].set_visible(False)
    said = "response (logit)" + ("; * beyond the scale" if apart.any() else "")
    narrow = len(names) <= _NARROW
    size: Any = {"shrink": 1.0, "aspect": 15} if narrow else {"shrink": 0.6, "aspect": 30}
    bar = ax.figure.colorbar(image, ax=ax, location="top", label=said, pad=0.01, extend="both", **size)
    bar.locator = MaxNLocator(2 if narrow else 4, symmetric=True)
    bar.update_ticks()


def _draw_dap(side: Axes, dap: np.ndarray) -> None:
    colors = [direction_color(value) for value in dap]
    side.scatter(dap, np.arange(len(dap)), s=4, linewidths=0, rasterized=True, color=colors)
    side.axvline(0, color=NEUTRAL, linewidth=0.6)
    side.set_xlabel("observed dAP")


def _draw_probabilities(
    side: Axes, profiles: list[np.ndarray], states: Sequence[str], colors: Mapping[str, str]
) -> None:
    for values, name in zip(profiles, states, strict=True):
        y = np.arange(len(values))
        side.scatter(values, y, s=4, linewidths=0, rasterized=True, color=colors[name], label=name)
    side.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), handletextpad=0, borderpad=0,
                markerscale=2.5, borderaxespad=0.3)  # fmt: skip
    side.set_xlim(-0.05, 1.05)
    side.set_xlabel("access\nprobability")
