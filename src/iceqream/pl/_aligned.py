"""Motifs laid on one of them, so that their logos can be read below each other."""

from __future__ import annotations

import numpy as np

from iceqream.motifs import MotifSet
from iceqream.motifs.similarity import DEFAULT_PRIOR, DEFAULT_TRIM_BITS, compared


def laid_on(motifs: MotifSet, common: MotifSet) -> tuple[np.ndarray, np.ndarray]:
    """Lay motifs where each is most alike to a common one, on the strand that is more so.

    Parameters
    ----------
    motifs
        Any number.
    common
        One motif, which keeps its strand.

    Returns
    -------
    float, motifs + 1 x positions x 4: all at the same positions, the common one last, 0.25 where a motif has none;
    positions that say nothing in any are cut off the ends. Bool, motifs: which had to be turned.
    """
    best, offset, reverse = compared(motifs, common, "cosine", "both", DEFAULT_PRIOR)
    turned, target = reverse[:, 0], common.matrix(0)
    other = motifs.reverse_complement()
    matrices = [(other if turn else motifs).matrix(i) for i, turn in enumerate(turned)]
    # motifs that share nothing lie with their centres on each other
    starts = [
        int(offset[i, 0]) if best[i, 0] > 0 else (len(target) - len(matrix)) // 2 for i, matrix in enumerate(matrices)
    ]
    parts = [*zip(starts, matrices, strict=True), (0, target)]
    first = min(start for start, _ in parts)
    last = max(start + len(matrix) for start, matrix in parts)
    stack = np.full((len(parts), last - first, 4), 0.25)
    for laid, (start, matrix) in zip(stack, parts, strict=True):
        laid[start - first : start - first + len(matrix)] = matrix
    named = {str(i): matrix for i, matrix in enumerate(stack)}
    bits = MotifSet.from_dict(named).information_content()[:, : last - first]
    used = np.flatnonzero(bits.max(axis=0) >= DEFAULT_TRIM_BITS)
    shown = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(None)
    return stack[:, shown], turned
