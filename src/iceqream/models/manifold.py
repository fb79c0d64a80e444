"""The model of a manifold: several trajectories that share one set of motifs, standing alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._core.messages import did_you_mean, examples
from iceqream._core.response import N_RESPONSES
from iceqream._files import reading
from iceqream._sequences import given_sequences
from iceqream.models.levels import SIZE_COLUMNS
from iceqream.models.manifold_serialization import manifold_parts, manifold_to_dict
from iceqream.models.serialization import load, save
from iceqream.models.trajectory import TrajectoryModel, term_values

if TYPE_CHECKING:
    from collections.abc import Iterator, KeysView, Mapping
    from os import PathLike

    from iceqream._sequences import Sequences
    from iceqream.models.features import FeatureScaling
    from iceqream.motifs.pbm import PBMSet

MEMBER_COLUMNS = ("trajectory", "motif", "common", "similarity", "correlation")
"""``motif`` of a trajectory's own model and the ``common`` one that took its place (empty if none), how similar their
PSSMs are, and the correlation of their energies in the training peaks."""


@dataclass(frozen=True, eq=False)
class ManifoldModel:
    """How accessibility changes along several trajectories, explained by one set of motifs.

    A motif has one PSSM, one spatial curve and one scale of energies; each trajectory has response curves and pairs of
    its own, so that a factor's part in one lineage can be compared with its part in another. ``model["mono"]`` is a
    `TrajectoryModel` like any other.

    Parameters
    ----------
    pbms
        The motifs of all trajectories.
    features
        Other features and their scaling, the same for all trajectories.
    trajectories
        The model of each trajectory by name; its motifs are among `pbms`, in that order.
    params, stats
        Options of the fit, and what it came to, plain numbers and strings.
    sizes
        What decided how many motifs there are: for each number the mean deviance of held-out peaks over the
        trajectories, in folds of the training peaks (`TrajectoryModel`); empty if folds did not decide.
    members
        Motifs of the trajectories' own models, before they shared them, one row per motif: trajectory, motif, common
        (the motif that took its place; empty if none that stayed is like it), similarity (of the two PSSMs),
        correlation (of their energies in the training peaks).
    member_pbms
        The same motifs, in the order of the rows; ``None`` where they are not known.
    """

    pbms: PBMSet
    features: FeatureScaling
    trajectories: Mapping[str, TrajectoryModel]
    params: dict[str, Any] = field(default_factory=dict)
    stats: dict[str, Any] = field(default_factory=dict)
    sizes: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(SIZE_COLUMNS)))
    members: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(MEMBER_COLUMNS)))
    member_pbms: PBMSet | None = None

    def __post_init__(self) -> None:
        known = set(map(str, self.motif_names))
        for name, model in self.trajectories.items():
            others = [str(motif) for motif in model.motif_names if str(motif) not in known]
            if others or list(model.features.names) != list(self.features.names):
                msg = f"Trajectory {name!r} has motifs or features that the manifold has not ({examples(others)})."
                raise ValueError(msg)

    def __repr__(self) -> str:
        tests = [f"{name} {model.stats.get('r2_test', np.nan):.3f}" for name, model in self.trajectories.items()]
        return (
            f"ManifoldModel of {len(self)} trajectories: {len(self.pbms)} motifs, {len(self.features)} features, "
            f"{self.width} bp; R2 held out: {', '.join(tests)}"
        )

    def __len__(self) -> int:
        return len(self.trajectories)

    def __iter__(self) -> Iterator[str]:
        return iter(self.trajectories)

    def __getitem__(self, trajectory: str) -> TrajectoryModel:
        """Return the model of one trajectory.

        Raises
        ------
        KeyError
            If there is none of that name; the message lists the names.
        TypeError
            If it is not a name.
        """
        names = list(self.trajectories)
        if not isinstance(trajectory, str):
            msg = f"A trajectory is named by one string, of {', '.join(names)}; got {trajectory!r}."
            raise TypeError(msg)
        if trajectory not in self.trajectories:
            near = did_you_mean(trajectory, names)
            msg = f"The manifold has no trajectory {trajectory!r}; it has {', '.join(names)}.{near}"
            raise KeyError(msg)
        return self.trajectories[trajectory]

    def keys(self) -> KeysView[str]:
        """Return the names of the trajectories, so that ``dict(model)`` has their models by name."""
        return self.trajectories.keys()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the trajectories."""
        return tuple(self.trajectories)

    @property
    def width(self) -> int:
        """Width of the sequences, bp."""
        return self.pbms.width

    @property
    def motif_names(self) -> np.ndarray:
        """Names of the motifs."""
        return self.pbms.motifs.names

    @property
    def terms(self) -> np.ndarray:
        """Names of the motifs and then of the features."""
        return np.concatenate([self.pbms.motifs.names, self.features.names])

    @property
    def used(self) -> np.ndarray:
        """Which motifs each trajectory has, bool, trajectories x motifs."""
        return np.array(
            [np.isin(self.motif_names, model.motif_names) for model in self.trajectories.values()], dtype=bool
        ).reshape(len(self), len(self.pbms))

    @property
    def coefficients(self) -> np.ndarray:
        """Coefficients of the four response functions, float64, trajectories x terms x 4; 0 where a motif is not."""
        stacked = np.zeros((len(self), len(self.terms), N_RESPONSES))
        for t, model in enumerate(self.trajectories.values()):
            stacked[t, self.positions(model)] = model.coefficients
        return stacked

    def positions(self, model: TrajectoryModel) -> np.ndarray:
        """Return where the terms of one trajectory are among those of the manifold, int64."""
        n, position = len(self.pbms), {str(name): i for i, name in enumerate(self.motif_names)}
        motifs = [position[str(name)] for name in model.motif_names]
        return np.array([*motifs, *range(n, n + len(self.features))], dtype=np.int64)

    def values(
        self,
        sequences: Sequences,
        features: Mapping[str, Any] | None = None,
        *,
        pad: bool = False,
        mod: str = _keys.ATAC,
    ) -> np.ndarray:
        """Return the normalised energies of all motifs and the scaled features, float32, n x terms, 0-10.

        Parameters and errors are those of `TrajectoryModel.values`.
        """
        return term_values(self.pbms, self.features, sequences, features, pad=pad, mod=mod)

    def predict_values(self, values: np.ndarray) -> np.ndarray:
        """Return the predicted dAP of values from `values`, float64, n x trajectories."""
        predicted = [
            model.predict_values(values[:, self.positions(model)]) for model in self.trajectories.values()
        ]  # fmt: skip
        return np.column_stack(predicted)

    def predict(
        self,
        sequences: Sequences,
        *,
        features: Mapping[str, Any] | None = None,
        pad: bool = False,
        mod: str = _keys.ATAC,
    ) -> pd.DataFrame:
        """Predict the change of accessibility along all trajectories; energies are computed once.

        Parameters
        ----------
        sequences, features, pad, mod
            As in `TrajectoryModel.predict`. The names of a Series, dictionary, FASTA, records or peaks become the
            index.

        Returns
        -------
        DataFrame, float64, n x trajectories: predicted dAP.

        Raises
        ------
        ValueError, KeyError, TypeError
            As in `TrajectoryModel.predict`.
        """
        taken = given_sequences(sequences, mod)
        predicted = self.predict_values(self.values(taken, features, pad=pad))
        return pd.DataFrame(predicted, columns=pd.Index(self.names, name="trajectory"), index=taken.names)

    def to_uns(self) -> dict[str, Any]:
        """Return the model as a flat dictionary of stacked arrays that h5ad, zarr and h5mu keep."""
        return manifold_to_dict(self)

    @classmethod
    def from_uns(cls, stored: Mapping[str, Any]) -> ManifoldModel:
        """Rebuild a model from `to_uns`.

        Raises
        ------
        ValueError
            If the dictionary is no model of a manifold, or was written by a newer version.
        """
        return cls(**manifold_parts(stored))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the model to an HDF5 file (``.h5``) or a zarr folder (``.zarr``); an older one is replaced.

        Raises
        ------
        ValueError
            If the path ends in neither.
        """
        save(self.to_uns(), path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> ManifoldModel:
        """Read a model written by `save`.

        Raises
        ------
        FileNotFoundError
            If there is nothing at the path.
        ValueError
            If it holds no model of a manifold.
        """
        stored = load(path)
        with reading(path, "the model of a manifold"):
            return cls.from_uns(stored)
