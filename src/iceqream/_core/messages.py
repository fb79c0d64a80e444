"""Wording shared by error messages."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def refuse_data(value: object, what: str) -> None:
    """Refuse an AnnData or MuData where values are wanted: numpy would iterate a MuData for ever.

    Raises
    ------
    TypeError
        If it has names of rows and columns.
    """
    if hasattr(value, "obs_names") and hasattr(value, "var_names"):
        msg = f"{what} cannot be a {type(value).__name__}: give an array, or the name of a column where there is one."
        raise TypeError(msg)


def examples(items: Iterable[object], n: int = 3) -> str:
    """Join up to `n` items for a message and show by '...' that there are more."""
    texts = [str(item) for item in items]
    return ", ".join(texts[:n]) + (", ..." if len(texts) > n else "")


def did_you_mean(name: str, known: Iterable[object]) -> str:
    """Return a sentence with the known name nearest to a mistaken one, whatever its case; empty if none is near."""
    texts = {str(item).casefold(): str(item) for item in known}
    near = difflib.get_close_matches(name.casefold(), texts, n=1, cutoff=0.7)
    return f" Did you mean {texts[near[0]]!r}?" if near else ""
