"""Features that are no motif: sequence composition and given columns, scaled to 0-10 with stored constants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._core.messages import examples
from iceqream._core.normalization import feature_range, scale, supported_range
from iceqream._core.sequence import DINUCLEOTIDES, dinucleotide_frequencies, gc_content

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anndata import AnnData

GC = "gc_content"
SEQUENCE_FEATURES = (GC, *DINUCLEOTIDES)


@dataclass(frozen=True, eq=False)
class FeatureScaling:
    """Names of features and the values that are mapped to 0 and 10."""

    names: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def fit(cls, names: np.ndarray, values: np.ndarray) -> FeatureScaling:
        """Take the 5 % and 95 % quantiles of each column (METHOD section 6)."""
        low, high = feature_range(values)
        return cls(np.asarray(names, dtype=object), low, high)

    def with_ranges(self, ranges: Mapping[str, tuple[float, float]]) -> FeatureScaling:
        """Return the scaling with given constants for some of the features."""
        known = [
            ranges.get(str(name), (low, high)) for name, low, high in zip(self.names, self.low, self.high, strict=True)
        ]
        low, high = np.array(known, dtype=np.float64).reshape(-1, 2).T
        return FeatureScaling(self.names, low, high)

    def supported(self, values: np.ndarray, support: int) -> FeatureScaling:
        """Return the scaling with ends that at least `support` rows of `values` (unscaled, n x features) reach."""
        least, most = supported_range(np.asarray(values, dtype=np.float64), support)
        low = np.clip(self.low, least, most)
        return FeatureScaling(self.names, low, np.maximum(np.clip(self.high, least, most), low))

    @classmethod
    def none(cls) -> FeatureScaling:
        """Return the scaling of no feature at all."""
        return cls(np.array([], dtype=object), np.array([]), np.array([]))

    def __len__(self) -> int:
        return len(self.names)

    def scale(self, values: np.ndarray) -> np.ndarray:
        """Return float32 values in [0, 10], n x features."""
        return scale(np.asarray(values, dtype=np.float64), self.low, self.high).astype(np.float32)

    def unscale(self, scaled: np.ndarray) -> np.ndarray:
        """Return the values behind scaled ones (clipped to the range between `low` and `high`)."""
        return self.low + np.asarray(scaled, dtype=np.float64) / 10.0 * (self.high - self.low)

    def take(self, keep: np.ndarray) -> FeatureScaling:
        """Return the scaling of some features."""
        return FeatureScaling(self.names[keep], self.low[keep], self.high[keep])


def stored_features(adata: AnnData) -> dict[str, np.ndarray]:
    """Return the unscaled values of the features in ``varm["features"]`` that are not computed from sequence."""
    if _keys.FEATURES not in adata.varm:
        return {}
    stored = adata.uns[_keys.FEATURES]
    names = np.array([str(name) for name in stored["names"]], dtype=object)
    scaling = FeatureScaling(names, np.asarray(stored["low"]), np.asarray(stored["high"]))
    values = scaling.unscale(np.asarray(adata.varm[_keys.FEATURES]))
    return {name: values[:, i] for i, name in enumerate(names) if name not in SEQUENCE_FEATURES}


def stored_ranges(adata: AnnData) -> dict[str, tuple[float, float]]:
    """Return the values that are mapped to 0 and 10 of the features in ``varm["features"]``."""
    if _keys.FEATURES not in adata.varm:
        return {}
    stored = adata.uns[_keys.FEATURES]
    constants = zip(stored["names"], stored["low"], stored["high"], strict=True)
    return {str(name): (float(low), float(high)) for name, low, high in constants if name not in SEQUENCE_FEATURES}


def available_features(adata: AnnData, names: Sequence[str] | np.ndarray) -> dict[str, np.ndarray]:
    """Return the unscaled values of those named features that an AnnData holds.

    They are looked for in ``varm["features"]``, in the numeric columns of ``var``, and in the numeric columns of
    DataFrames in ``varm``, in this order. Sequence features are left out.
    """
    stored = stored_features(adata)
    tables = [adata.var, *(table for table in adata.varm.values() if isinstance(table, pd.DataFrame))]
    found: dict[str, np.ndarray] = {}
    for name in map(str, names):
        if name in SEQUENCE_FEATURES:
            continue
        if name in stored:
            found[name] = stored[name]
            continue
        columns = [t[name] for t in tables if name in t and pd.api.types.is_numeric_dtype(t[name])]
        if columns:
            found[name] = columns[0].to_numpy(dtype=np.float64)
    return found


def sequence_features(codes: np.ndarray) -> np.ndarray:
    """Return GC content and the 16 dinucleotide frequencies, unscaled, float64, n x 17."""
    return np.column_stack([gc_content(codes), dinucleotide_frequencies(codes)])


def model_features(scaling: FeatureScaling, codes: np.ndarray, given: dict[str, np.ndarray]) -> np.ndarray:
    """Return a model's features for new sequences, scaled, float32, n x features.

    Parameters
    ----------
    scaling
        Names and constants of the model.
    codes
        Encoded sequences of the model's width: sequence features are computed from them.
    given
        Unscaled values of the other features.

    Raises
    ------
    ValueError
        If a feature is neither computable nor given.
    """
    missing = [name for name in scaling.names if name not in SEQUENCE_FEATURES and name not in given]
    if missing:
        msg = (
            f"The model uses {len(missing)} feature(s) that cannot be computed from sequence: {examples(missing)}."
            " Pass them as features={name: values}."
        )
        raise ValueError(msg)
    if len(scaling) == 0:
        return np.empty((len(codes), 0), dtype=np.float32)
    composition = dict(zip(SEQUENCE_FEATURES, sequence_features(codes).T, strict=True))
    columns = {**composition, **given}
    return scaling.scale(np.column_stack([columns[name] for name in scaling.names]))
