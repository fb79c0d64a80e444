"""How well a model predicts, in words: one wording of R2 and its interval for all pictures and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

_SAME = 5e-4
"""Half of the last digit shown: an interval is of the R2 that it stands beside."""


def r2_text(stats: Mapping[str, Any], split: str, r2: float | None = None, *, symbol: str = "$R^2$") -> str:
    """Return the R2 of a split with its 95 % interval, where the model's statistics have one.

    Parameters
    ----------
    stats
        Of the model: ``r2_<split>``, and ``r2_<split>_low`` and ``r2_<split>_high`` of the interval.
    split
        ``"train"`` or ``"test"``.
    r2
        Of what is drawn; ``None`` takes the model's. The interval is left out where the two differ (part of the peaks).
    symbol
        How R2 is written.
    """
    known = float(stats.get(f"r2_{split}", np.nan))
    value = known if r2 is None else float(r2)
    low, high = (float(stats.get(f"r2_{split}_{end}", np.nan)) for end in ("low", "high"))
    said = f"{symbol} = {value:.3f}"
    if np.isfinite([low, high]).all() and abs(value - known) < _SAME:
        said += f" (95 %: {low:.3f} to {high:.3f})"
    return said
