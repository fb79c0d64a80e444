"""Wording shared by error messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def examples(items: Iterable[object], n: int = 3) -> str:
    """Join up to `n` items for a message and show by '...' that there are more."""
    texts = [str(item) for item in items]
    return ", ".join(texts[:n]) + (", ..." if len(texts) > n else "")
