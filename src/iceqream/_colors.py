"""Colours of directions, wherever they are drawn or written."""

from __future__ import annotations

OPENING = "#C0392B"
CLOSING = "#2C6FB0"
