"""Energies of motifs over plain sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from iceqream import _keys
from iceqream._core import energy as _energy
from iceqream._core.normalization import Scheme, energy_range, scale
from iceqream._core.threads import threads
from iceqream._sequences import read_codes
from iceqream.motifs.libraries import as_motif_set

if TYPE_CHECKING:
    from iceqream._core.energy import Mode, SpatialCurves, Strands
    from iceqream._sequences import Sequences
    from iceqream.motifs.libraries import Library

DEFAULT_PSEUDO_PROBABILITY = 0.01


class LocalEnergies(NamedTuple):
    """Binding energy of each window, per strand."""

    forward: np.ndarray
    """float32, n x motifs x width, log2; NaN where the motif would reach past the end."""
    reverse: np.ndarray
    """As `forward`, of the motif's reverse complement over the same window."""

    @property
    def both(self) -> np.ndarray:
        """Log2 of the two strands' summed window probability, n x motifs x width."""
        with np.errstate(invalid="ignore"):  # NaN past the end
            return np.logaddexp2(self.forward, self.reverse)


def energies(
    sequences: Sequences,
    motifs: Library,
    *,
    mode: Mode = "sum",
    strands: Strands = "both",
    spatial: SpatialCurves | None = None,
    normalize: Scheme | None = None,
    width: int | None = None,
    pseudo_probability: float = DEFAULT_PSEUDO_PROBABILITY,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
) -> np.ndarray:
    """Compute the energy of every motif over every sequence (paper eq. 2; eq. 8 with ``mode="max"``).

    ``E = log2 sum over window starts i and strands of w_bin(i) * prod_j P_j[s_(i+j)]``. An unknown base N scores
    log2(1/4) on both strands (the R package scores it by the column's mean on the forward strand).

    Parameters
    ----------
    sequences
        One sequence or sequences of equal length, of any case: a string, a list, an array or a Series of strings, uint8
        codes n x width (A0 C1 G2 T3 N4), Bio.Seq or SeqRecord objects, a dictionary by name, the path of a FASTA file,
        or an AnnData or MuData with ``varm["sequence"]``.
    motifs
        Motifs of any lengths up to the width: a MotifSet, the path of a motif file, or a dictionary of matrices.
    mode
        Sum over windows, or the best window.
    strands
        Both, or the forward strand only.
    spatial
        A curve per motif (`iceqream.motifs.SpatialCurves`); a window must lie inside the curve's range.
    normalize
        ``"reference"`` or ``"paper"``: scale to 0-10 over these sequences (METHOD section 3); ``None`` returns log2
        units.
    width
        Use only the central `width` bp.
    pseudo_probability
        Added to each probability before renormalisation.
    mod
        Modality of a MuData that holds the peaks.
    n_jobs
        Threads; ``None`` uses numba's setting. The result does not depend on it.

    Returns
    -------
    float32 array, n sequences x motifs.

    Raises
    ------
    ValueError
        For sequences of unequal length or with other letters, motifs longer than the sequences, curves outside of
        them, or an unknown mode.
    TypeError
        If the sequences or motifs are of no form that is read.

    Examples
    --------
    >>> import iceqream as iq
    >>> gata = iq.motifs.MotifSet.from_dict({"GATA": np.eye(4)[[2, 0, 3, 0]]})
    >>> iq.motifs.energies(["CCGATACC", "CCCCCCCC"], gata).astype(float).round(1).tolist()
    [[-0.2], [-17.8]]
    """
    motifs = as_motif_set(motifs)
    codes = read_codes(sequences, width, mod=mod)
    if mode not in {"sum", "max"} or strands not in {"both", "forward"}:
        msg = f"mode must be 'sum' or 'max' and strands 'both' or 'forward', got {mode!r} and {strands!r}."
        raise ValueError(msg)
    if normalize not in {None, "reference", "paper"}:
        msg = f"normalize must be None, 'reference' or 'paper', got {normalize!r}."
        raise ValueError(msg)
    probabilities = _energy.with_pseudo_probability(motifs.pssm, pseudo_probability)
    with threads(n_jobs):
        out = _energy.energies(codes, probabilities, motifs.lengths, mode=mode, strands=strands, spatial=spatial)
    if normalize is not None and len(motifs):
        out = scale(out, *energy_range(out, scheme=normalize))
    return out


def local_energies(
    sequences: Sequences,
    motifs: Library,
    *,
    pseudo_probability: float = DEFAULT_PSEUDO_PROBABILITY,
    mod: str = _keys.ATAC,
) -> LocalEnergies:
    """Score every window of every sequence with every motif, strand by strand (METHOD section 9).

    Parameters
    ----------
    sequences
        As in `energies`.
    motifs
        As in `energies`.
    pseudo_probability, mod
        As in `energies`.

    Returns
    -------
    LocalEnergies
        `forward`, `reverse` and `both`: float32, n x motifs x width, log2 units, indexed by the window's first base;
        NaN where the motif would reach past the end.

    Raises
    ------
    ValueError, TypeError
        As in `energies`.

    Examples
    --------
    >>> import iceqream as iq
    >>> gata = iq.motifs.MotifSet.from_dict({"GATA": np.eye(4)[[2, 0, 3, 0]]})
    >>> local = iq.motifs.local_energies("CCGATACCTATCCC", gata)
    >>> int(np.nanargmax(local.forward)), int(np.nanargmax(local.reverse))
    (2, 8)
    """
    motifs = as_motif_set(motifs)
    codes = read_codes(sequences, mod=mod)
    shape = (len(codes), len(motifs), codes.shape[1])
    forward, reverse = np.full(shape, np.nan, dtype=np.float32), np.full(shape, np.nan, dtype=np.float32)
    for m, motif in enumerate(motifs):
        probabilities = _energy.with_pseudo_probability(motif.pssm, pseudo_probability)
        scores = _energy.window_log_odds(codes, probabilities)
        forward[:, m, : scores[0].shape[1]], reverse[:, m, : scores[1].shape[1]] = scores
    return LocalEnergies(forward, reverse)
