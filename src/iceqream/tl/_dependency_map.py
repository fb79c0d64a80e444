"""How substitutions of a sequence depend on each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import get_adata
from iceqream._core.messages import examples
from iceqream._core.threads import threads
from iceqream._stored_models import trajectory_model
from iceqream.get._loci import peak_position
from iceqream.inference.mutagenesis import DependencyMap, dependence, sites_in
from iceqream.inference.sites import SITE_ENERGY
from iceqream.models import ManifoldModel, TrajectoryModel
from iceqream.tl._mutation_inputs import mutation_inputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iceqream._sequences import Sequences
    from iceqream._stored_models import Source


def dependency_map(
    data: Source,
    peak: str | int | None = None,
    *,
    sequence: Sequences | None = None,
    region: tuple[int, int] | None = None,
    scale: Literal["logit", "dap"] = "logit",
    min_energy: float = SITE_ENERGY,
    features: Mapping[str, Any] | None = None,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
) -> DependencyMap:
    """Measure how a substitution changes the effect of every other one in a sequence.

    Every pair of substitutions is predicted: the dependence of two positions is the joint effect of two substitutions
    less the sum of both effects, for the two letters where that is largest. Bases of one site depend on each other
    (once a site is lost it cannot be lost again), and so do bases of different sites of one motif, whose energies add
    up, and of motifs that are a pair of the model. On the scale of the linear predictor (``"logit"``) nothing else
    shows but the composition of the sequence; predicted dAP (``"dap"``) saturates, so there all bases depend on each
    other a little. (For networks: Tomaz da Silva et al., Nat Genet 2025; there maps are noisy, here they are exact.)

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a model and sequences, or a `iceqream.models.TrajectoryModel`.
    peak
        Name or number of the peak, or coordinates that overlap it.
    sequence
        A sequence to change instead of a peak, as `iceqream.models.TrajectoryModel.predict` takes it.
    region
        First position and the one after the last (0-based, in the sequence of the model's width); ``None`` takes all.
        Time grows with the number of its positions times the width: 500 bp take seconds.
    scale
        ``"logit"``: of the linear predictor; ``"dap"``: of predicted dAP.
    min_energy
        Least energy of the sites that are listed, 0-10.
    features
        Values of features that are not computed from sequence, for `sequence`.
    key, trajectory, mod
        As in `iceqream.get.model`.
    n_jobs
        Threads; the result does not depend on it.

    Returns
    -------
    The map (positions x positions), the effects of single substitutions, the sites, and the pairs of sites by how much
    they depend on each other.

    Raises
    ------
    KeyError
        If there is no model or peak of that name, or no sequences.
    ValueError
        If the region lies outside of the sequence, more than one sequence is given, or `scale` is neither.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.tl.dependency_map(adata, 0, region=(240, 260)).dependence.shape
    (20, 20)
    """
    model = trajectory_model(data, key, trajectory, mod)
    if scale not in {"logit", "dap"}:
        msg = f"scale must be 'logit' or 'dap', got {scale!r}."
        raise ValueError(msg)
    first, last = (0, model.width) if region is None else region
    if not 0 <= first < last <= model.width or last - first < 2:
        msg = f"region must lie within the sequence, (0, {model.width}), and hold two positions; got {region!r}."
        raise ValueError(msg)
    if sequence is None and peak is None:
        msg = "Name one peak, or give one sequence=..."
        raise ValueError(msg)
    chosen: Any = peak
    if sequence is None and not isinstance(data, TrajectoryModel | ManifoldModel):
        chosen = [peak_position(get_adata(data, mod), str(peak) if isinstance(peak, str) else int(peak or 0))]
    inputs = mutation_inputs(data, model, chosen, sequence, features, mod=mod)
    if len(inputs.codes) != 1:
        msg = f"A dependency map is of one sequence; {len(inputs.codes)} were given ({examples(inputs.names)})."
        raise ValueError(msg)
    positions = np.arange(first, last)
    with threads(n_jobs):
        map_, effects = dependence(model, inputs.codes, inputs.features, positions, dap=scale == "dap")
        sites = sites_in(model, inputs.codes, inputs.features, min_energy)
    sites = sites[(sites["start"] >= first) & (sites["end"] <= last)].reset_index(drop=True)
    place = None if inputs.places is None else inputs.places.iloc[0]
    return DependencyMap(
        str(inputs.names[0]), inputs.codes[0],
        None if place is None else (str(place["chrom"]), int(place["start"]), int(place["end"])),
        positions, map_, effects, scale, sites, _pairs(sites, positions, map_), model,
    )  # fmt: skip


def _pairs(sites: pd.DataFrame, positions: np.ndarray, map_: np.ndarray) -> pd.DataFrame:
    """Return pairs of sites that do not overlap, by how much they depend on each other."""
    rows = []
    spans = list(sites[["motif", "start", "end"]].itertuples(index=False, name=None))
    ordered = sorted(spans, key=lambda span: span[1])
    for i, (first, start, end) in enumerate(ordered):
        for second, other, last in ordered[i + 1 :]:
            if other < end:
                continue
            block = map_[start - positions[0] : end - positions[0], other - positions[0] : last - positions[0]]
            strongest = float(block.ravel()[np.abs(block).argmax()])
            rows.append((first, second, start, other, (other + last - start - end) / 2, strongest))
    columns = ["first", "second", "first_start", "second_start", "distance", "dependence"]
    table = pd.DataFrame(rows, columns=columns)
    order = table["dependence"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)
