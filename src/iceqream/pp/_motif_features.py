"""Energies of motifs at several widths, as features of a model."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from iceqream import _keys
from iceqream._anndata import check_names, coordinates, prepare, sequences_of
from iceqream._core import energy as _energy
from iceqream._core.intervals import resize
from iceqream._core.messages import examples
from iceqream._core.normalization import Scheme, energy_range, scale
from iceqream._core.sequence import centre
from iceqream._core.threads import threads
from iceqream.genome import Genome
from iceqream.models.features import FeatureScaling
from iceqream.motifs import as_motif_set
from iceqream.motifs._energies import DEFAULT_PSEUDO_PROBABILITY
from iceqream.pp._sequence_features import write_features

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from anndata import AnnData
    from mudata import MuData

    from iceqream.motifs.libraries import Library

logger = logging.getLogger(__name__)

DEFAULT_WIDTHS = (100, 300, 500, 1000, 2000)


def motif_features(
    data: AnnData | MuData,
    motifs: Library,
    *,
    widths: Sequence[int] = DEFAULT_WIDTHS,
    genome: Genome | str | PathLike[str] | None = None,
    normalization: Scheme = "reference",
    key_added: str = _keys.FEATURES,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Compute the energies of a few motifs in windows of several widths, as further features (METHOD section 8).

    Narrow windows say whether a site lies near the middle of a peak, wide ones what surrounds it. `iceqream.tl.
    fit_trajectory` takes them up with the other columns of ``varm["features"]``, on their scale of 0-10.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with ``varm["sequence"]`` (`iceqream.pp.sequences`).
    motifs
        A few motifs (a MotifSet, the path of a motif file, or a dictionary of matrices): each makes one feature per
        width.
    widths
        Widths of the windows around the peaks' centres, bp.
    genome
        Where sequences wider than ``varm["sequence"]`` come from: a `iceqream.Genome` or the path of a FASTA or 2bit
        file.
    normalization
        How energies are scaled to 0-10 over all peaks (METHOD section 3).
    key_added
        Key of ``varm`` and ``uns``.
    mod
        Modality of a MuData that holds the peaks.
    n_jobs
        Threads; the result does not depend on it.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Adds columns called ``motif @ 1000 bp`` to ``varm[key_added]`` (float32, 0-10) and
    their constants (log2 energies that are mapped to 0 and 10) to ``uns[key_added]``.

    Raises
    ------
    KeyError
        If there are no sequences.
    ValueError
        If a width is wider than the sequences and no genome is given, narrower than a motif, or windows leave their
        chromosomes.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=200, rng=0)
    >>> iq.pp.motif_features(adata, iq.datasets.simulated_motifs()[:2], widths=(100, 300))
    >>> adata.uns["features"]["names"].tolist()[1]
    'TEAD4_MA0809.3 @ 100 bp'
    """
    motifs = as_motif_set(motifs)
    wanted = [int(width) for width in widths]
    longest = int(motifs.lengths.max(initial=0))
    narrow = [width for width in wanted if width < longest]
    if len(motifs) == 0 or not wanted or narrow:
        msg = f"Give motifs and widths of at least {longest} bp, the longest motif; got {examples(narrow) or 'none'}."
        raise ValueError(msg)
    data, adata = prepare(data, mod, copy=copy)
    check_names(adata)
    codes = sequences_of(adata)
    widest = max(wanted)
    if widest > codes.shape[1]:
        if genome is None:
            msg = f"A window of {widest} bp is wider than the sequences ({codes.shape[1]} bp): pass genome=..."
            raise ValueError(msg)
        genome = genome if isinstance(genome, Genome) else Genome(genome)
        table = coordinates(adata)
        chrom, start, end = (table[c].to_numpy() for c in ("chrom", "start", "end"))
        start, end = resize(start, end, widest)
        genome.check(chrom, start, end)
        codes = genome.sequences(chrom, start, end)
    probabilities = _energy.with_pseudo_probability(motifs.pssm, DEFAULT_PSEUDO_PROBABILITY)
    names, low, high, values = [], [], [], []
    with threads(n_jobs):
        for width in wanted:
            energies = _energy.energies(centre(codes, width), probabilities, motifs.lengths)
            bottom, top = energy_range(energies, scheme=normalization)
            names += [f"{name} @ {width} bp" for name in motifs.names]
            low.append(bottom)
            high.append(top)
            values.append(scale(energies, bottom, top))
    scaling = FeatureScaling(np.array(names, dtype=object), np.concatenate(low), np.concatenate(high))
    write_features(adata, scaling, np.hstack(values), key_added)
    logger.info("%d features: %d motifs at %d widths", len(names), len(motifs), len(wanted))
    return data if copy else None
