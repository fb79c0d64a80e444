"""Small drawings as SVG: logos and curves in the rows of an HTML table."""

from __future__ import annotations

import numpy as np

from iceqream.pl._letters import letter_heights, unit_letter
from iceqream.pl._style import FAINT, LETTER_COLORS

_POSITION = 10
"""Width of a letter, pixels of the drawing."""
_BITS = 18
"""Height of a bit."""
_CURVE = (96, 34)


def letter_symbols() -> str:
    """Return the outlines of the four letters, once per page, for the logos to refer to."""
    symbols = []
    for letter, color in LETTER_COLORS.items():
        outline = unit_letter(letter)
        parts = []
        for points, code in outline.iter_segments(curves=True, simplify=False):
            command = {1: "M", 2: "L", 3: "Q", 4: "C", 79: "Z"}[int(code)]
            numbers = [] if command == "Z" else [f"{v:.3f}".rstrip("0").rstrip(".") for v in points]
            parts.append(command + " ".join(numbers))
        symbols.append(f"<path id='letter-{letter}' fill='{color}' d='{''.join(parts)}'/>")
    return f"<svg width='0' height='0' style='position:absolute'><defs>{''.join(symbols)}</defs></svg>"


def logo_svg(pssm: np.ndarray) -> str:
    """Return a logo in bits, letters of the same width for all motifs."""
    letters = []
    for position, column in enumerate(letter_heights(pssm, "bits")):
        bottom = 0.0
        for i in np.argsort(column, kind="stable"):
            height = float(column[i])
            if height > 0.02:
                # the outlines fill a unit square, with y upwards
                place = f"translate({_POSITION * position} {_BITS * (2 - bottom):.1f})"
                size = f"scale({0.94 * _POSITION:g} {-_BITS * height:.2f})"
                letters.append(f"<use href='#letter-{'ACGT'[i]}' transform='{place} {size}'/>")
            bottom += height
    width, height = _POSITION * len(pssm), 2 * _BITS
    return (
        f"<svg class='logo' viewBox='0 0 {width} {height}' width='{width}' height='{height}'>{''.join(letters)}</svg>"
    )


def curve_svg(y: np.ndarray, low: float, high: float, color: str, *, level: float = 0.0, steps: bool = False) -> str:
    """Return a curve over equal steps, or bins, with a grey line at `level`; `low` to `high` fill the height.

    NaN at the end is not drawn.
    """
    width, height = _CURVE
    rise = (height - 4) / max(high - low, 1e-12)

    def pixel(value: float) -> float:
        return round(height - 2 - (value - low) * rise, 1)

    if steps:
        y = np.repeat(y, 2)
        x = np.repeat(np.linspace(0, width, len(y) // 2 + 1), 2)[1:-1]
    else:
        x = np.linspace(0, width, len(y))
    points = " ".join(f"{a:.1f},{pixel(float(b))}" for a, b in zip(x, y, strict=True) if np.isfinite(b))
    middle = pixel(level)
    return (
        f"<svg class='curve' viewBox='0 0 {width} {height}' width='{width}' height='{height}'>"
        f"<line x1='0' x2='{width}' y1='{middle}' y2='{middle}' stroke='{FAINT}'/>"
        f"<polyline points='{points}' fill='none' stroke='{color}' stroke-width='1.6'/></svg>"
    )
