"""Result of a PWM regression at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np

from iceqream.motifs.similarity import DEFAULT_TRIM_BITS
from iceqream.pl._letters import draw_logo
from iceqream.pl._style import DENSITY, FAINT, INK, NEUTRAL, OPENING, RC, density_order, finish, given_axes

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
    with mpl.rc_context(RC):
        if given is None:
            drawn = list(plt.subplots(1, 4, figsize=(12.5, 2.7), layout="constrained", width_ratios=[1.25, 1, 1, 1])[1])
        else:
            drawn = given
        logo, spatial, scatter, path = drawn

        draw_logo(logo, data.pbms.motifs.trim(DEFAULT_TRIM_BITS).matrix(motif))
        seed = f", seed {data.seeds[motif]}" if data.seeds[motif] else ""
        logo.set_title(f"{data.pbms.motifs.names[motif]}{seed}")
        logo.set_ylabel("Bits")
        logo.set_yticks([0, 1, 2])
        logo.set_xticks([])

        edges = curves.start + np.arange(curves.weights.shape[1] + 1) * curves.bin_size - data.pbms.width / 2
        weights = curves.weights[motif] / curves.weights[motif].sum()
        spatial.stairs(weights, edges, fill=True, color=NEUTRAL, alpha=0.45)
        spatial.stairs(weights, edges, color=INK, linewidth=1.2)
        spatial.axvline(0, color=FAINT, linewidth=0.8)
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
            path.axvline(at, color=FAINT, linewidth=0.8, zorder=0)
        path.set_title("Score, lines: smaller steps")
        path.set_xlabel("Iteration")
        path.set_ylabel("Objective")
        path.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    return finish(logo.figure, drawn, given=given is not None, show=show, save=save)
