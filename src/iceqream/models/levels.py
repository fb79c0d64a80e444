"""The table of levels: what each step of the inference, and each later change, left and how well it predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from iceqream.models.peaks import ModelledPeaks

LEVEL_COLUMNS = ("level", "motifs", "features", "interactions", "r2_train", "r2_test", "r2_test_low", "r2_test_high")


def level_row(level: str, counts: tuple[int, int, int], peaks: ModelledPeaks, predicted: np.ndarray) -> dict[str, Any]:
    """Return a row of the table of levels: numbers of motifs, features and interactions, and R2 with its interval."""
    row = (level, *counts, *peaks.r2(predicted), *peaks.r2_interval(predicted)[:2])
    return dict(zip(LEVEL_COLUMNS, row, strict=True))
