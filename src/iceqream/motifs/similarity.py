"""How alike motifs are, and what to call them."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pandas as pd

from iceqream._core.energy import with_pseudo_probability
from iceqream._core.similarity import Method, similarities
from iceqream.motifs._motif_set import MotifSet, unique_names
from iceqream.motifs.libraries import Library, as_motif_set

DEFAULT_PRIOR = 0.01
DEFAULT_TRIM_BITS = 0.1
_BLOCK = 256


def similarity(
    motifs: Library,
    others: Library | None = None,
    *,
    method: Method = "spearman",
    strands: str = "both",
    prior: float = DEFAULT_PRIOR,
) -> pd.DataFrame:
    """Compare motifs with each other.

    The shorter motif is slid along the longer one and the best offset counts (METHOD section 6).

    Parameters
    ----------
    motifs, others
        What to compare, each a MotifSet, the path of a motif file or a dictionary of matrices; ``None`` compares
        `motifs` with themselves.
    method
        Spearman or Pearson correlation of the 4 x overlap probabilities, or ``"kl"``: minus the symmetric
        Kullback-Leibler divergence in bits per position (0 for identity). ``"cosine"`` compares the differences from
        0.25, so that a position weighs by its information, lets both motifs hang over, and counts what faces nothing:
        of `motifs` wholly, of `others` by half.
    strands
        ``"both"`` also tries the reverse complement; ``"forward"`` is the R package's rule.
    prior
        Added to every probability before renormalisation.

    Returns
    -------
    DataFrame, motifs x others.

    Raises
    ------
    ValueError
        If the method or `strands` is unknown.
    TypeError
        If something is no library.

    Examples
    --------
    >>> import iceqream as iq
    >>> two = iq.motifs.MotifSet.from_dict({"GATA": np.eye(4)[[2, 0, 3, 0]], "TATC": np.eye(4)[[3, 0, 3, 1]]})
    >>> iq.motifs.similarity(two).round(2).to_numpy().tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    motifs = as_motif_set(motifs)
    others = motifs if others is None else as_motif_set(others)
    best, _, _ = compared(motifs, others, method, strands, prior)
    return pd.DataFrame(best, index=pd.Index(motifs.names), columns=pd.Index(others.names))


def match(
    motifs: Library,
    database: Library,
    *,
    method: Method = "spearman",
    strands: str = "both",
    prior: float = DEFAULT_PRIOR,
    trim_bits: float | None = None,
) -> pd.DataFrame:
    """Find the most similar database motif of each motif and a name for it.

    A name is a label, not an identification: factors of a family share their motif.

    Parameters
    ----------
    motifs
        What to name: a MotifSet, the path of a motif file or a dictionary of matrices.
    database
        Where to look, likewise.
    method, strands, prior
        As in `similarity`.
    trim_bits
        Cut edges below this information from `motifs` first, bits; ``None`` compares them whole.

    Returns
    -------
    DataFrame with one row per motif (index): ``name`` (the factor in the database's metadata, else its motif's name;
    repeats get a suffix), ``match`` (the database motif), ``similarity``, ``strand`` (+ or -), ``offset`` (bp of the
    first position of the motif, read on that strand, in the match).

    Raises
    ------
    ValueError
        If the database is empty, or the method is unknown.
    TypeError
        If something is no library.

    Examples
    --------
    >>> import iceqream as iq
    >>> database = iq.motifs.jaspar(taxon="urochordates")
    >>> iq.motifs.match(database[[0]], database)["similarity"].round(2).tolist()
    [1.0]
    """
    motifs, database = as_motif_set(motifs), as_motif_set(database)
    if len(database) == 0:
        msg = "The motif database is empty."
        raise ValueError(msg)
    queries = motifs if trim_bits is None else motifs.trim(trim_bits)
    best, offset, strand = compared(queries, database, method, strands, prior)
    column = best.argmax(axis=1)
    row = np.arange(len(queries))
    matched = database.names[column]
    labels = database.metadata["tf"].astype(str).to_numpy()[column] if "tf" in database.metadata else matched
    labels = np.where(labels == "", matched, labels)
    return pd.DataFrame(
        {
            "name": unique_names([str(label) for label in labels]),
            "match": matched,
            "similarity": best[row, column],
            "strand": np.where(strand[row, column], "-", "+"),
            "offset": offset[row, column],
        },
        index=pd.Index(motifs.names, name="motif"),
    )


def with_own(motifs: MotifSet, others: MotifSet) -> np.ndarray:
    """Return the similarity (cosine, both strands) of each motif to the other of the same position, float64."""
    if len(motifs) == 0:
        return np.array([])
    best, _, _ = compared(motifs.trim(DEFAULT_TRIM_BITS), others, "cosine", "both", DEFAULT_PRIOR)
    return np.diagonal(best).copy()


def compared(
    motifs: MotifSet, others: MotifSet, method: Method, strands: str, prior: float, least: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the similarity, offset and whether the other strand fits better, each motifs x others.

    Cosines up to `least` are given as `least`, which saves most of the time.
    """
    if method not in get_args(Method):
        msg = f"method must be one of {', '.join(get_args(Method))}, got {method!r}."
        raise ValueError(msg)
    if strands not in {"both", "forward"}:
        msg = f"strands must be 'both' or 'forward', got {strands!r}."
        raise ValueError(msg)
    targets = with_pseudo_probability(others.pssm, prior)
    queries = with_pseudo_probability(motifs.pssm, prior)
    best, offset = similarities(queries, motifs.lengths, targets, others.lengths, method, least)
    if strands == "forward":
        return best, offset, np.zeros(best.shape, dtype=bool)
    flipped = with_pseudo_probability(motifs.reverse_complement().pssm, prior)
    other, other_offset = similarities(flipped, motifs.lengths, targets, others.lengths, method, least)
    reverse = other > best
    return np.where(reverse, other, best), np.where(reverse, other_offset, offset), reverse


def distinct(motifs: MotifSet, max_similarity: float, block: int = _BLOCK) -> np.ndarray:
    """Return which motifs are not more similar (cosine, either strand) than `max_similarity` to a kept one before."""
    kept = np.ones(len(motifs), dtype=bool)
    if max_similarity >= 1:
        return kept
    for first in range(0, len(motifs), block):
        last = min(first + block, len(motifs))
        before = np.flatnonzero(kept[:last])
        best, _, _ = compared(motifs[first:last], motifs[before], "cosine", "both", DEFAULT_PRIOR, least=max_similarity)
        alike = best > max_similarity
        for i in range(first, last):
            kept[i] = not alike[i - first, kept[before] & (before < i)].any()
    return kept
