"""Models out of files and dictionaries, of whichever kind they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iceqream._files import reading
from iceqream.models import serialization
from iceqream.models.manifold import ManifoldModel
from iceqream.models.trajectory import TrajectoryModel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike
    from typing import Any

KINDS = (serialization.TRAJECTORY, serialization.MANIFOLD)


def load(path: str | PathLike[str]) -> TrajectoryModel | ManifoldModel:
    """Read a model that was saved, of one trajectory or of a manifold.

    Parameters
    ----------
    path
        HDF5 file (``.h5``) or zarr folder (``.zarr``), written by `TrajectoryModel.save` or `ManifoldModel.save`.

    Returns
    -------
    The model, of the kind that was saved.

    Raises
    ------
    FileNotFoundError
        If there is nothing at the path.
    ValueError
        If it holds no model, or one of a newer version.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.get.model(adata).save("model.h5")
    >>> iq.models.load("model.h5").states
    ('S1', 'S4')
    """
    stored = serialization.load(path)
    with reading(path, "an iceqream model"):
        return from_uns(stored)


def from_uns(stored: Mapping[str, Any]) -> TrajectoryModel | ManifoldModel:
    """Rebuild a model of either kind from its dictionary."""
    manifold = kind_of(stored) == serialization.MANIFOLD
    return ManifoldModel.from_uns(stored) if manifold else TrajectoryModel.from_uns(stored)


def kind_of(stored: object) -> str | None:
    """Return what kind of result a dictionary is; ``None`` if it is none of ours."""
    kind = stored.get("kind") if hasattr(stored, "get") else None
    return None if kind is None else str(kind)
