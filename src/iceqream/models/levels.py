"""How well a model predicts: after each step of the inference and each later change, in numbers and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream._core.correlation import MIN_PAIRS

if TYPE_CHECKING:
    from collections.abc import Mapping

LEVEL_COLUMNS = (
    "level", "draft", "motifs", "features", "interactions", "r2_train", "r2_test", "r2_test_low", "r2_test_high",
)  # fmt: skip
"""``draft`` names the draft that a level belongs to; empty for those of the whole model."""
SIZE_COLUMNS = ("motifs", "deviance", "standard_error", "r2")
"""Held-out deviance by the number of motifs, in folds of the training peaks."""


def r2_text(stats: Mapping[str, Any]) -> str:
    """Return R2 of training and held-out peaks, the latter with its 95 % interval, as text."""
    train, test, low, high = (stats.get(key, np.nan) for key in LEVEL_COLUMNS[-4:])
    parts = [] if np.isnan(train) else [f"R2 {train:.3f} in training"]
    if not np.isnan(test):
        interval = "" if np.isnan(low) else f" (95 % interval {low:.3f} to {high:.3f})"
        parts.append(f"{test:.3f} held out{interval}")
    return ", ".join(parts)


def doubt(stats: Mapping[str, Any]) -> str:
    """Return why the predictions may be worth nothing; empty without a reason, or where older models do not know."""
    if stats.get("n_motifs", 1) == 0:
        why = "none that was learned has weight and enough information."
        if stats.get("size_folds"):
            of = f" of {stats['n_train']:,} training peaks" if "n_train" in stats else ""
            why = f"in folds{of} none lowers the held-out deviance by three standard errors."
        return f"The model has no motifs: {why}"
    if stats.get("n_test", 1) == 0:
        return "No peaks were held out: how well the model predicts is not known."
    low = stats.get("r2_test_low", 1.0)
    if low > 0:
        return ""
    if not np.isnan(low):
        high = stats["r2_test_high"]
        return f"Held-out R2 does not differ from 0 (95 % interval 0 to {high:.3f}): motifs and effects may be chance."
    if stats["n_test"] < MIN_PAIRS:
        return f"{stats['n_test']} held-out peaks are too few to say how well the model predicts."
    return "The model predicts the same dAP for all held-out peaks: nothing in the sequences explains it."
