"""The peaks that a model is fitted to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from iceqream._core.correlation import r2, r2_interval

if TYPE_CHECKING:
    from iceqream.inference.options import FitOptions


@dataclass(frozen=True, eq=False)
class ModelledPeaks:
    """Change of accessibility, split and weights of the modelled peaks."""

    dap: np.ndarray
    """float64, n."""
    is_train: np.ndarray
    """bool, n: the others are held out."""
    weights: np.ndarray | None = None
    """float64, n: weight of each peak in every regression; ``None`` weighs all equally."""
    dap_range: tuple[float, float] = field(init=False)
    """Smallest and largest dAP of the training peaks."""

    def __post_init__(self) -> None:
        train = self.dap[self.is_train]
        object.__setattr__(self, "dap_range", (float(train.min()), float(train.max())))

    @property
    def response(self) -> np.ndarray:
        """Return dAP scaled to [0, 1] by the training peaks (held-out ones are clipped), float64, n."""
        low, high = self.dap_range
        return np.clip((self.dap - low) / (high - low), 0.0, 1.0)

    @property
    def training_weights(self) -> np.ndarray:
        """Return the weight of each peak, 0 if it is held out, float64, n."""
        return self.is_train * (1.0 if self.weights is None else self.weights)

    def r2(self, predicted: np.ndarray) -> tuple[float, float]:
        """Return the squared correlation with dAP of the training and of the held-out peaks (NaN without any)."""
        train = self.is_train
        return r2(predicted[train], self.dap[train]), r2(predicted[~train], self.dap[~train])

    def r2_interval(self, predicted: np.ndarray) -> tuple[float, float]:
        """Return the 95 % bounds of R2 on the held-out peaks (NaN without any)."""
        return r2_interval(predicted[~self.is_train], self.dap[~self.is_train])

    def part(self, rows: np.ndarray, is_train: np.ndarray) -> ModelledPeaks:
        """Return some of the peaks, by position, with a split of their own; dAP keeps its scale."""
        part = ModelledPeaks(self.dap[rows], is_train, None if self.weights is None else self.weights[rows])
        object.__setattr__(part, "dap_range", self.dap_range)
        return part

    def folds(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Return a random fold for each training peak (0 for held-out ones, which weigh nothing)."""
        folds = np.zeros(len(self.dap), dtype=np.int64)
        folds[self.is_train] = rng.permutation(np.arange(self.is_train.sum()) % n)
        return folds


def scaling_set(codes: np.ndarray, modelled: np.ndarray, is_train: np.ndarray, options: FitOptions) -> np.ndarray:
    """Return the sequences that set the scale of energies: the training peaks, or all (METHOD section 3)."""
    return modelled[is_train] if options.min_support > 1 else codes
