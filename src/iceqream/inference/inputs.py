"""Checks of what a fit is given, and the features computed from it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from iceqream._core.messages import examples, refuse_data
from iceqream.models.features import SEQUENCE_FEATURES, FeatureScaling, sequence_features

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from iceqream.motifs import MotifSet

logger = logging.getLogger(__name__)

MIN_PEAKS = 100
"""Fewer training peaks than this are refused."""
_LEAST_BITS = 1e-6


def checked_weights(weights: np.ndarray | None, n: int, rows: np.ndarray, is_train: np.ndarray) -> np.ndarray | None:
    """Return the weights of the modelled rows; enough of the training ones must count."""
    if weights is None:
        return None
    refuse_data(weights, "weights")
    values = np.asarray(weights, dtype=np.float64)
    if values.shape != (n,):
        msg = f"weights must have one value per sequence ({n}), got shape {values.shape}."
        raise ValueError(msg)
    used = values[rows]
    bad = ~(np.isfinite(used) & (used >= 0))
    if bad.any():
        msg = (
            f"Weights must be finite and not negative; {int(bad.sum())} of the modelled ones are not, for instance "
            f"number {examples(rows[bad])}."
        )
        raise ValueError(msg)
    n_used = int((used[is_train] > 0).sum())
    if n_used < MIN_PEAKS:
        msg = (
            f"{n_used} of {int(is_train.sum())} training peaks have a weight above 0; at least {MIN_PEAKS} are needed."
        )
        raise ValueError(msg)
    return used


def modelled_rows(
    codes: np.ndarray,
    dap: np.ndarray,
    modelled: np.ndarray | None,
    train: np.ndarray | float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the modelled rows and which of them are for training."""
    n = len(codes)
    if dap.shape != (n,):
        msg = f"dap must have one value per sequence ({n}), got shape {dap.shape}."
        raise ValueError(msg)
    mask = np.ones(n, dtype=bool) if modelled is None else np.asarray(modelled)
    if mask.shape != (n,) or mask.dtype != bool:
        msg = f"modelled must be a boolean mask of {n} values, got {mask.dtype} of shape {mask.shape}."
        raise ValueError(msg)
    rows = np.flatnonzero(mask)
    missing = ~np.isfinite(dap[rows])
    if missing.any():
        msg = f"{int(missing.sum())} modelled sequence(s) have no dAP, for instance number {examples(rows[missing])}."
        raise ValueError(msg)
    if isinstance(train, int | float):
        if not 0 < train <= 1:
            msg = f"The training fraction must lie in (0, 1], got {train}."
            raise ValueError(msg)
        is_train = np.zeros(len(rows), dtype=bool)
        is_train[rng.permutation(len(rows))[: round(train * len(rows))]] = True
    else:
        train = np.asarray(train)
        if train.shape != (n,) or train.dtype != bool:
            msg = f"train must be a fraction or a boolean mask of {n} values, got {train.dtype} of shape {train.shape}."
            raise ValueError(msg)
        is_train = train[rows]
    n_train = int(is_train.sum())
    if n_train < MIN_PEAKS:
        msg = (
            f"{n_train} training peaks are left of {n}; at least {MIN_PEAKS} are needed. Relax the filters "
            "(min_tss_distance, peaks) or the split."
        )
        raise ValueError(msg)
    if np.ptp(dap[rows][is_train]) == 0:
        msg = f"dAP is {dap[rows][0]:g} in every training peak: the two states do not differ."
        raise ValueError(msg)
    return rows, is_train


def scaled_features(
    codes: np.ndarray,
    rows: np.ndarray,
    given: Mapping[str, np.ndarray],
    composition: bool | Sequence[str],  # noqa: FBT001
    ranges: Mapping[str, tuple[float, float]],
    *,
    among: np.ndarray,
    support: int,
) -> tuple[FeatureScaling, np.ndarray]:
    """Return the scaling (learned on all sequences) and the scaled values of the modelled rows.

    At least `support` of the rows `among` reach either end of a scale; what lies beyond is clipped.
    """
    names: list[str] = []
    columns: list[np.ndarray] = []
    wanted = SEQUENCE_FEATURES if composition is True else tuple(composition or ())
    unknown = [name for name in wanted if name not in SEQUENCE_FEATURES]
    if unknown:
        msg = f"These are not sequence features: {examples(unknown)}. They are {', '.join(SEQUENCE_FEATURES)}."
        raise ValueError(msg)
    if wanted:
        names += wanted
        columns += list(sequence_features(codes)[:, [SEQUENCE_FEATURES.index(name) for name in wanted]].T)
    for name, values in given.items():
        column = np.asarray(values, dtype=np.float64)
        if column.shape != (len(codes),):
            msg = f"Feature {name!r} needs one value per sequence ({len(codes)}), got shape {column.shape}."
            raise ValueError(msg)
        if name in names:
            msg = f"Feature {name!r} is computed from the sequences already: give it another name."
            raise ValueError(msg)
        missing = ~np.isfinite(column)
        if missing.any():
            logger.warning("feature %r: %d missing value(s) replaced by 0", name, missing.sum())
            column = np.where(missing, 0.0, column)
        names.append(name)
        columns.append(column)
    if not names:
        return FeatureScaling.none(), np.empty((len(rows), 0), dtype=np.float32)
    matrix = np.column_stack(columns)
    scaling = FeatureScaling.fit(np.array(names, dtype=object), matrix).with_ranges(ranges)
    if support > 1:
        scaling = scaling.supported(matrix[among], support)
    constant = scaling.low == scaling.high
    if constant.any():
        logger.warning("%d constant feature(s) left out: %s", constant.sum(), examples(scaling.names[constant]))
        scaling, matrix = scaling.take(~constant), matrix[:, ~constant]
    return scaling, scaling.scale(matrix[rows])


def check_library(library: MotifSet, width: int) -> None:
    """Refuse an empty library, one of flat motifs alone, and motifs longer than the sequences."""
    if len(library) == 0:
        msg = "The motif library is empty."
        raise ValueError(msg)
    if (library.information_content().max(axis=1) < _LEAST_BITS).all():
        msg = f"All {len(library)} motifs of the library are flat (every base equally likely): no energy would differ."
        raise ValueError(msg)
    too_long = library.lengths > width
    if too_long.any():
        msg = (
            f"{int(too_long.sum())} motif(s) are longer than the sequences ({width} bp): "
            f"{examples(library.names[too_long])}. Leave them out, or use wider sequences."
        )
        raise ValueError(msg)
