"""Sequences that are to be changed in the computer, with what a model needs to predict them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from iceqream._anndata import get_adata, peak_mask, sequences_of
from iceqream._core.messages import examples
from iceqream._core.sequence import UNKNOWN
from iceqream._sequences import given_sequences
from iceqream.models import ManifoldModel, TrajectoryModel
from iceqream.models.features import SEQUENCE_FEATURES, available_features
from iceqream.motifs.pbm import codes_of_width
from iceqream.tl._motif_sites import places_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from iceqream._sequences import Sequences
    from iceqream._stored_models import Source


class MutationInputs(NamedTuple):
    """Sequences of a model's width."""

    names: np.ndarray
    codes: np.ndarray
    """uint8, n x width."""
    places: pd.DataFrame | None
    """chrom, start and end, where known."""
    features: dict[str, np.ndarray]
    """Unscaled values of the model's features that are not computed from sequence, n each."""


def mutation_inputs(
    data: Source,
    model: TrajectoryModel | ManifoldModel,
    peaks: Any,
    sequences: Sequences | None,
    features: Mapping[str, Any] | None,
    *,
    mod: str,
) -> MutationInputs:
    """Take peaks of the data, or other sequences.

    Raises
    ------
    KeyError
        If there is no peak of a name, or no sequences.
    ValueError
        If both or neither of `peaks` and `sequences` are given where there is a choice, sequences are too short or N
        throughout, or a feature is missing.
    """
    of_model = isinstance(data, TrajectoryModel | ManifoldModel)
    if of_model and sequences is None:
        msg = "A model has no peaks: give sequences=..., or the AnnData or MuData that the model was fitted to."
        raise ValueError(msg)
    if sequences is not None and peaks is not None:
        msg = "Give either peaks (of the data) or sequences, not both."
        raise ValueError(msg)
    if sequences is not None:
        taken = given_sequences(sequences, mod)
        codes = codes_of_width(taken, model.width)
        names = np.arange(len(codes)).astype(str) if taken.names is None else np.asarray(taken.names, dtype=str)
        inputs = MutationInputs(names, codes, None, _given_features(model, features, len(codes)))
    else:
        adata = get_adata(data, mod)
        rows = np.arange(adata.n_vars) if peaks is None else np.flatnonzero(peak_mask(adata, peaks))
        if len(rows) == 0:
            msg = "No peaks were chosen."
            raise ValueError(msg)
        codes = codes_of_width(sequences_of(adata)[rows], model.width)
        own = available_features(adata[:, rows], model.features.names)
        known = _given_features(model, {**own, **(features or {})}, len(rows))
        names = adata.var_names[rows].to_numpy(dtype=str)
        inputs = MutationInputs(names, codes, places_of(adata, rows, model.width, needed=False), known)
    empty = (inputs.codes == UNKNOWN).all(axis=1)
    if empty.any():
        msg = f"{int(empty.sum())} sequence(s) are N throughout: {examples(inputs.names[empty])}. Leave them out."
        raise ValueError(msg)
    return inputs


def _given_features(
    model: TrajectoryModel | ManifoldModel, features: Mapping[str, Any] | None, n: int
) -> dict[str, np.ndarray]:
    given = {str(name): np.asarray(values, dtype=np.float64) for name, values in (features or {}).items()}
    needed = [str(name) for name in model.features.names if str(name) not in SEQUENCE_FEATURES]
    missing = [name for name in needed if name not in given]
    if missing:
        msg = (
            f"The model uses {len(missing)} feature(s) that cannot be computed from sequence: {examples(missing)}. "
            "Pass them as features={name: values}."
        )
        raise ValueError(msg)
    wrong = [f"{name} has shape {given[name].shape}" for name in needed if given[name].shape != (n,)]
    if wrong:
        msg = f"Each feature needs one value per sequence ({n}): {examples(wrong)}."
        raise ValueError(msg)
    unknown = [name for name in needed if not np.isfinite(given[name]).all()]
    if unknown:
        msg = f"Feature(s) have missing values: {examples(unknown)}. Replace them or leave these sequences out."
        raise ValueError(msg)
    return {name: given[name] for name in needed}
