"""What a model predicts of every single substitution of sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from iceqream._core.energy import with_pseudo_probability
from iceqream._core.normalization import scale
from iceqream._core.substitutions import N_LETTERS, substitution_composition, substitution_energies
from iceqream.inference.attribution import term_changes
from iceqream.models.features import SEQUENCE_FEATURES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iceqream.models import ManifoldModel, TrajectoryModel

_VALUES = 8_000_000
"""Values of terms that are held at once."""


class SubstitutionPredictions(NamedTuple):
    """Predictions of sequences and of their substitutions."""

    reference: np.ndarray
    """float64, n x trajectories: predicted dAP of the sequences."""
    predicted: np.ndarray
    """float64, n x trajectories x 4 letters x width; with a sequence's own letter, that of the sequence."""


def substitution_predictions(
    model: TrajectoryModel | ManifoldModel, codes: np.ndarray, features: Mapping[str, np.ndarray] | None = None
) -> SubstitutionPredictions:
    """Predict sequences with each letter at each position.

    Parameters
    ----------
    model
        Of one trajectory, or of several (a column each).
    codes
        uint8, n x width of the model.
    features
        Unscaled values of features that are not computed from sequence, n each.
    """
    reference, predicted = [], []
    for block, values in substitution_values(model, codes, features):
        rows = codes[block]
        of_all = predict_columns(model, values.reshape(-1, values.shape[-1]))
        of_all = of_all.reshape(len(rows), model.width, N_LETTERS, -1).transpose(0, 3, 2, 1)
        predicted.append(of_all)
        reference.append(predict_columns(model, own_values(rows, values)))
    return SubstitutionPredictions(np.concatenate(reference), np.concatenate(predicted))


def substitution_changes(
    model: TrajectoryModel, codes: np.ndarray, features: Mapping[str, np.ndarray] | None = None
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield blocks of sequences and what each term adds to the change of their substitutions, logit units.

    The arrays are float64, n x width x 4 x terms (`iceqream.inference.attribution.term_changes`).
    """
    for block, values in substitution_values(model, codes, features):
        before = np.broadcast_to(own_values(codes[block], values)[:, None, None], values.shape)
        n_terms = values.shape[-1]
        changes = term_changes(model, before.reshape(-1, n_terms), values.reshape(-1, n_terms))
        yield block, changes.reshape(values.shape)


def substitution_values(
    model: TrajectoryModel | ManifoldModel, codes: np.ndarray, features: Mapping[str, np.ndarray] | None = None
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield blocks of sequences and the terms' values of their substitutions, float64, n x width x 4 x terms, 0-10."""
    pbms, scaling = model.pbms, model.features
    width, n_terms = codes.shape[1], len(pbms) + len(scaling)
    probabilities = with_pseudo_probability(pbms.motifs.pssm, pbms.pseudo_probability)
    of_sequence = {name: i for i, name in enumerate(SEQUENCE_FEATURES)}
    composed = any(str(name) in of_sequence for name in scaling.names)
    size = max(_VALUES // (width * N_LETTERS * max(n_terms, 1)), 1)
    for first in range(0, len(codes), size):
        block = slice(first, min(first + size, len(codes)))
        rows = codes[block]
        values = np.empty((len(rows), width, N_LETTERS, n_terms))
        if len(pbms):
            energies = substitution_energies(
                rows, probabilities, pbms.motifs.lengths, mode=pbms.mode, spatial=pbms.spatial
            )
            values[..., : len(pbms)] = scale(energies, pbms.energy_low, pbms.energy_high)
        composition = substitution_composition(rows) if composed else None
        for i, name in enumerate(map(str, scaling.names)):
            if composition is not None and name in of_sequence:
                column = composition[..., of_sequence[name]]
            else:
                column = (features or {})[name][block, None, None]
            values[..., len(pbms) + i] = scale(column, scaling.low[i], scaling.high[i])
        yield block, values


def own_values(codes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the terms' values of sequences themselves, n x terms, from those of their substitutions.

    A position that is known holds them; a sequence of N alone has none, and is refused before.
    """
    known = np.argmax(codes < N_LETTERS, axis=1)
    each = np.arange(len(codes))
    return values[each, known, codes[each, known]]


def predict_columns(model: TrajectoryModel | ManifoldModel, values: np.ndarray) -> np.ndarray:
    """Return predicted dAP of terms' values, n x trajectories; one column of a model of one trajectory."""
    return model.predict_values(values).reshape(len(values), -1)
