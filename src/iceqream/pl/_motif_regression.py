"""Result of a PWM regression at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream.motifs.similarity import DEFAULT_TRIM_BITS
from iceqream.pl._letters import draw_logo
from iceqream.pl._names import fitting, panel_points
from iceqream.pl._style import (
    DENSITY,
    NEUTRAL,
    OPENING,
    TITLE_SIZE,
    density_order,
    faint,
    finish,
    given_axes,
    house_style,
    ink,
    set_title,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from matplotlib.axes import Axes

    from iceqream.motifs import MotifRegression


def motif_regression(
    data: MotifRegression,
    *,
    motif: int = 0,
    target: int = 0,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    dpi: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | PathLike[str] | None = None,
) -> Any:
    """Plot one motif of a regression: logo, spatial curve, energy against response, and the path of the score.

    Parameters
    ----------
    data
        Result of `iceqream.motifs.regress`.
    motif
        Which of its motifs.
    target
        Which column of the response.
    title
        Title of the figure.
    figsize, dpi
        Size of a new figure, inches, and its resolution; ``None`` takes what the panels need.
    axes
        Axes to draw into, four of them.
    show, save
        Whether to show the figure, and where to write it.

    Returns
    -------
    List of the four axes if `show` is false (or `axes` were given), else ``None``.

    Raises
    ------
    ValueError
        If there is no such motif or target, or there are not four axes.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1000, rng=0)
    >>> result = iq.motifs.regress(adata.varm["sequence"], adata.varm["occupancy"][:, 0], kmer_width=200)
    >>> len(iq.pl.motif_regression(result, show=False))
    4
    """
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    n_motifs, n_targets = data.r2.shape
    if not 0 <= motif < n_motifs or not 0 <= target < n_targets:
        msg = f"There are {n_motifs} motifs and {n_targets} targets; motif {motif} and target {target} do not exist."
        raise ValueError(msg)
    curves = data.pbms.spatial
    given = given_axes(axes, 4)
    with house_style(save):
        if given is None:
            size, ratios = figsize or (12.5, 2.7), [1.25, 1, 1, 1]
            panels = plt.subplots(1, 4, figsize=size, dpi=dpi, layout="constrained", width_ratios=ratios)[1]
            drawn = list(panels)
        else:
            drawn = given
        logo, spatial, scatter, path = drawn

        draw_logo(logo, data.pbms.motifs.trim(DEFAULT_TRIM_BITS).matrix(motif))
        seed = f", seed {data.seeds[motif]}" if data.seeds[motif] else ""
        named = f"{data.pbms.motifs.names[motif]}{seed}"
        logo.set_title(fitting([named], panel_points(logo, 4 if given is None else None), TITLE_SIZE)[0])
        logo.set_ylabel("Bits")
        logo.set_yticks([0, 1, 2])
        logo.set_xticks([])

        edges = curves.start + np.arange(curves.weights.shape[1] + 1) * curves.bin_size - data.pbms.width / 2
        weights = curves.weights[motif] / curves.weights[motif].sum()
        spatial.stairs(weights, edges, fill=True, color=NEUTRAL, alpha=0.45)
        spatial.stairs(weights, edges, color=ink(), linewidth=1.2)
        spatial.axvline(0, color=faint(), linewidth=0.8)
        spatial.set_title("Spatial curve")
        spatial.set_xlabel("Distance from the centre (bp)")
        spatial.set_ylabel("Weight")
        spatial.set_ylim(bottom=0)

        x, y = data.energies[:, motif].astype(np.float64), data.response[:, target]
        order, density = density_order(x, y)
        scatter.scatter(
            x[order], y[order], c=np.log1p(density[order]), s=5, cmap=DENSITY, linewidths=0, rasterized=True
        )
        scatter.set_title(f"$R^2$ = {data.r2[motif, target]:.3f}, n = {len(x):,}")
        scatter.set_xlabel("Energy (log2)")
        scatter.set_ylabel("Response" if n_targets == 1 else f"Response {target}")

        history = data.history[data.history["motif"] == motif]
        path.plot(history["iteration"], history["score"], color=OPENING)
        changes = history["iteration"][history["step"].diff().fillna(0) != 0]
        for at in changes:
            path.axvline(at, color=faint(), linewidth=0.8, zorder=0)
        path.set_title("Score, lines: smaller steps")
        path.set_xlabel("Iteration")
        path.set_ylabel("Objective")
        path.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        set_title(logo.figure, title)
    return finish(logo.figure, drawn, given=given is not None, show=show, save=save, dpi=dpi)
