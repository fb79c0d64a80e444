"""A model at a glance: loci x motifs, and the network of interactions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np

from iceqream import _keys
from iceqream._anndata import get_adata, profiles_at_hand
from iceqream.get import interactions_df, motifs_df, predictions_df
from iceqream.get import model as get_model
from iceqream.pl._style import CLOSING, INK, NEUTRAL, OPENING, RC, direction_color, finish, given_axes, one_axes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from anndata import AnnData
    from matplotlib.axes import Axes
    from mudata import MuData

DEFAULT_PEAKS = 200
DEFAULT_MOTIFS = 30
DEFAULT_EDGES = 30


def motif_heatmap(
    data: AnnData | MuData,
    *,
    key: str = _keys.MODEL,
    n_peaks: int = DEFAULT_PEAKS,
    n_motifs: int = DEFAULT_MOTIFS,
    mod: str = _keys.ATAC,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Plot what each motif adds in the peaks that open most (above) and close most (below) (fig. 2G).

    Colours are partial responses, less their mean over the modelled peaks; motifs are ordered by their effect, peaks by
    predicted dAP. Beside them stand the access probabilities of the two states (dAP where the data do not have them).

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model.
    key, mod
        As in `iceqream.get.model`.
    n_peaks
        Peaks of either kind.
    n_motifs
        Motifs to draw at most, those with the strongest effect; those that act in pairs only are left out.
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
        If there are not two axes.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=iq.datasets.simulated_motifs(), min_tss_distance=None)
    >>> len(iq.pl.motif_heatmap(adata, n_peaks=50, show=False))
    2
    """
    import matplotlib.pyplot as plt

    fitted = get_model(data, key, mod=mod)
    table = predictions_df(data, key, mod=mod)
    used = np.flatnonzero((table[_keys.SPLIT] != "unused").to_numpy())
    names = motifs_df(data, key, mod=mod)["effect"].head(n_motifs)
    acting = names[names != 0]
    names = (acting if len(acting) else names).sort_values(ascending=False)
    adata = get_adata(data, mod)
    responses = fitted.partial_responses_of(fitted.values(adata)[used])
    responses -= responses.mean(axis=0)
    predicted, dap = (table[c].to_numpy(dtype=np.float64)[used] for c in (_keys.PREDICTION, _keys.DAP))
    order = np.argsort(-predicted, kind="stable")
    n = min(n_peaks, len(order) // 2)
    rows = np.concatenate([order[:n], order[-n:]])
    positions = np.array([list(fitted.motif_names).index(name) for name in names.index])
    matrix = responses[np.ix_(rows, positions)]
    limit = float(np.quantile(np.abs(matrix), 0.98)) or 1.0
    layer = str(fitted.params.get("layer", _keys.ACCESS_PROBABILITY))
    profiles = profiles_at_hand(adata, fitted.states, groupby=fitted.params.get("groupby"), layer=layer)
    both = [values for values in profiles if values is not None]
    given = given_axes(axes, 2)
    with mpl.rc_context(RC):
        if given is None:
            size, ratios = (1.9 + 0.24 * len(names), 5.4), [max(len(names), 6), 4]
            ax, side = plt.subplots(1, 2, figsize=size, width_ratios=ratios, layout="constrained")[1]
        else:
            ax, side = given
        colors = mpl.colors.LinearSegmentedColormap.from_list("response", [CLOSING, "white", OPENING])
        image = ax.imshow(matrix, aspect="auto", cmap=colors, vmin=-limit, vmax=limit, interpolation="nearest")
        ax.axhline(n - 0.5, color=INK, linewidth=1)
        ax.set_xticks(range(len(names)), names.index, rotation=90)
        for label, effect in zip(ax.get_xticklabels(), names, strict=True):
            label.set_color(direction_color(float(effect)))
        said = [f"{n} peaks that\n{word} most" for word in ("open", "close")]
        ax.set_yticks([n / 2, 1.5 * n], said, rotation=90, va="center")
        ax.tick_params(length=0)
        for spine in ("left", "bottom"):
            ax.spines[spine].set_visible(False)
        ax.figure.colorbar(
            image, ax=ax, location="top", shrink=0.6, aspect=30, label="partial response (logit)", pad=0.01
        )
        y = np.arange(len(rows))
        if len(both) < len(fitted.states):
            side.scatter(
                dap[rows], y, s=4, linewidths=0, rasterized=True, color=[direction_color(v) for v in dap[rows]]
            )
            side.axvline(0, color=NEUTRAL, linewidth=0.6)
        else:
            for values, color, name in zip(both, (CLOSING, OPENING), fitted.states, strict=True):
                side.scatter(values[used[rows]], y, s=4, linewidths=0, rasterized=True, color=color, label=name)
            side.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), handletextpad=0, borderpad=0,
                        markerscale=2.5, borderaxespad=0.3)  # fmt: skip
            side.set_xlim(-0.05, 1.05)
        side.axhline(n - 0.5, color=INK, linewidth=1)
        side.set_ylim(len(rows) - 0.5, -0.5)
        side.set_yticks([])
        side.set_xlabel("access\nprobability" if len(both) == len(fitted.states) else "observed dAP")
    return finish(ax.figure, [ax, side], given=given is not None, show=show, save=save)


def interaction_network(
    data: AnnData | MuData,
    *,
    key: str = _keys.MODEL,
    n_edges: int = DEFAULT_EDGES,
    mod: str = _keys.ATAC,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Plot the interactions of a model as a network (fig. 3G): edges by size of the coefficient, red where positive.

    Terms stand on a circle, opening motifs to the right, features in grey; the size of a node is its effect.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model that has interactions.
    key, mod
        As in `iceqream.get.model`.
    n_edges
        Interactions to draw, the strongest ones.
    ax
        Axes to draw into.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    Axes if `show` is false (or `ax` was given), else ``None``.

    Raises
    ------
    KeyError
        If there is no model under the key.
    ValueError
        If the model has no interaction.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None)
    >>> iq.pl.interaction_network(adata, show=False).get_aspect()
    1.0
    """
    from matplotlib.path import Path

    pairs = interactions_df(data, key, mod=mod).head(n_edges)
    if len(pairs) == 0:
        msg = "The model has no interactions: run iq.tl.add_interactions, or fit with interactions=True."
        raise ValueError(msg)
    effects = motifs_df(data, key, mod=mod)["effect"].fillna(0.0)  # unknown in models of older layouts
    terms = sorted(set(pairs["first"]) | set(pairs["second"]), key=lambda t: (t not in effects, -effects.get(t, 0.0)))
    angle = np.pi / 2 - 2 * np.pi * (np.arange(len(terms)) + 0.5) / len(terms)
    place = {term: np.array([np.cos(a), np.sin(a)]) for term, a in zip(terms, angle, strict=True)}
    with mpl.rc_context(RC):
        drawn = one_axes(5.2, 5.0) if ax is None else ax
        largest = float(pairs["coefficient"].abs().max())
        for first, second, coefficient in zip(pairs["first"], pairs["second"], pairs["coefficient"], strict=True):
            a, b = place[first], place[second]
            path = Path([a, 0.25 * (a + b), b], [Path.MOVETO, Path.CURVE3, Path.CURVE3])
            strength = abs(float(coefficient)) / largest
            drawn.add_patch(mpl.patches.PathPatch(
                path, facecolor="none", edgecolor=direction_color(float(coefficient)),
                linewidth=0.5 + 4 * strength, alpha=0.35 + 0.5 * strength,
            ))  # fmt: skip
        for term, a in zip(terms, angle, strict=True):
            effect = float(effects.get(term, 0.0))
            color = direction_color(effect) if term in effects else NEUTRAL
            size = 30 + 240 * abs(effect) / max(float(effects.abs().max()), 1e-9)
            drawn.scatter(
                [place[term][0]], [place[term][1]], s=size, color=color, zorder=3, edgecolors="white", linewidths=1
            )
            left = np.cos(a) < 0
            drawn.text(
                1.1 * np.cos(a), 1.1 * np.sin(a), term, ha="right" if left else "left", va="center", fontsize=7.5,
                rotation=np.degrees(a) + (180 if left else 0), rotation_mode="anchor", color=color,
            )  # fmt: skip
        drawn.set_xlim(-1.6, 1.6)
        drawn.set_ylim(-1.6, 1.6)
        drawn.set_aspect("equal")
        drawn.axis("off")
        drawn.set_title(f"{len(pairs)} strongest interactions; red: more open together")
    return finish(drawn.figure, drawn, given=ax is not None, show=show, save=save)
