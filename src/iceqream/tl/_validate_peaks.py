"""Motifs of a model against bound sequences, such as ChIP-seq peaks."""

from __future__ import annotations

import logging
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from anndata import AnnData

from iceqream import _keys
from iceqream._anndata import is_mudata, peak_table
from iceqream._bed import read_bed
from iceqream._core.intervals import resize
from iceqream._core.matching import matched
from iceqream._core.sequence import UNKNOWN, centre, gc_content
from iceqream._core.threads import threads
from iceqream._sequences import given_sequences
from iceqream._stored_models import any_model
from iceqream.genome import Genome
from iceqream.models import ManifoldModel, TrajectoryModel
from iceqream.models.trajectory import check_has_motifs
from iceqream.motifs import MotifSet, PBMSet, as_motif_set
from iceqream.motifs.validation import PeakValidation, validation

if TYPE_CHECKING:
    from mudata import MuData

    from iceqream._sequences import Sequences
    from iceqream.motifs.libraries import Library

logger = logging.getLogger(__name__)

DEFAULT_BACKGROUND = 5
GC_BIN = 0.02
_CANDIDATES = 20
"""Windows that are drawn for each that is wanted."""
_MOST_CANDIDATES = 300_000
_MOST_UNKNOWN = 0.1
_ROUNDS = 10
_FEWEST = 20


class _Peaks(NamedTuple):
    codes: np.ndarray
    places: pd.DataFrame | None
    """chrom, start and end of the whole peaks, where known."""


def validate_peaks(
    data: AnnData | MuData | TrajectoryModel | ManifoldModel | PBMSet | Library,
    peaks: Sequences | pd.DataFrame,
    *,
    background: Sequences | pd.DataFrame | None = None,
    genome: Genome | str | PathLike[str] | None = None,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    n_background: int = DEFAULT_BACKGROUND,
    match_gc: bool = True,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    rng: int | np.random.Generator = 0,
) -> PeakValidation:
    """Test whether motifs tell the peaks of a ChIP-seq experiment from other sequences (paper fig. 2I).

    The energies of each motif in the peaks are compared with those in a background of the same GC content (bins of
    2 %), since GC content alone tells most peaks from the genome. A motif of a factor that shares its sites or its
    elements with the one that was measured passes as well: the test says that the motif is where the factor binds, not
    whose it is.

    Parameters
    ----------
    data
        A model, data that hold one, motifs as `iceqream.motifs.PBMSet`, or a library, as
        `iceqream.motifs.as_motif_set` takes it, whose motifs are then ranked (without spatial curves).
    peaks
        Sequences, as `iceqream.motifs.energies` takes them, or with `genome` a BED or narrowPeak file (its summits are
        the centres) or a table with chrom, start and end. Sequences shorter than the model's are filled up with N on
        either side.
    background
        Other sequences, or with `genome` places, in the same forms, from which those of the right GC content are drawn;
        ``None`` draws windows of the genome, of the peaks' chromosomes if these are known, that do not overlap peaks.
    genome
        FASTA, 2bit or `iceqream.Genome`.
    key, trajectory, mod
        Which model, as in `iceqream.get.model`; a whole manifold has its common motifs tested.
    n_background
        Background sequences per peak.
    match_gc
        Whether the background has the GC content of the peaks; otherwise it is taken as it is given, or drawn at
        random.
    n_jobs
        Threads; the result does not depend on it.
    rng
        Seed or generator of what is drawn.

    Returns
    -------
    PeakValidation
        ``table``: AUROC and AUPRC with 95 % intervals, recall at 5 % of the background, KS, p and q per motif;
        `iceqream.pl.validate_peaks` draws it. Nothing is written to the data.

    Raises
    ------
    KeyError
        If there is no model under the key.
    ValueError
        If there is neither a background nor a genome, places come without a genome, or too few peaks or background
        sequences are left.
    TypeError
        If peaks or background are of no form that is read.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> bound = adata.varm["occupancy"][:, 0] > 0.6
    >>> peaks, others = adata.varm["sequence"][bound], adata.varm["sequence"][~bound]
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.validate_peaks(library, peaks, background=others, n_background=2).table.index[0]
    'GATA1_MA0035.5'
    """
    genome = Genome(genome) if isinstance(genome, str | PathLike) else genome
    if background is None and genome is None:
        msg = "There is no background: pass genome='hg38.fa', or background=... with other sequences."
        raise ValueError(msg)
    if n_background < 1:
        msg = f"n_background must be at least 1, got {n_background}."
        raise ValueError(msg)
    generator = np.random.default_rng(rng)
    pbms = _motifs(data, key, trajectory, mod)
    bound = _read(peaks, genome, pbms.width if isinstance(pbms, PBMSet) else None, "peaks", mod)
    width = bound.codes.shape[1]
    if genome is not None and background is None:
        wanted = min(_CANDIDATES * n_background * len(bound.codes), _MOST_CANDIDATES)
        others = _windows(genome, bound, wanted if match_gc else n_background * len(bound.codes), generator)
    else:
        others = _read(background, genome, width, "background", mod).codes
        if others.shape[1] < width:
            msg = f"Sequences of the background have {others.shape[1]} bp, those of the peaks {width}: cut the peaks."
            raise ValueError(msg)
    kept, drawn = np.arange(len(bound.codes)), np.arange(len(others))
    if match_gc:
        kept, drawn = matched(gc_content(bound.codes), gc_content(others), n_background, GC_BIN, generator)
        if len(kept) < len(bound.codes):
            logger.warning("%d of %d peaks have no %d background sequences of their GC content and are left out",
                           len(bound.codes) - len(kept), len(bound.codes), n_background)  # fmt: skip
    if min(len(kept), len(drawn)) < _FEWEST:
        msg = (
            f"{len(kept)} peaks and {len(drawn)} background sequences are left, {_FEWEST} of each are needed: pass "
            "more background, a smaller n_background, or match_gc=False."
        )
        raise ValueError(msg)
    codes, others = bound.codes[kept], others[drawn]
    if not isinstance(pbms, PBMSet):
        pbms = PBMSet.uniform(pbms, np.zeros(len(pbms)), np.zeros(len(pbms)), width)
    with threads(n_jobs):
        in_peaks, in_others = pbms.energies(codes, pad=True), pbms.energies(others, pad=True)
    gc = float(gc_content(codes).mean()), float(gc_content(others).mean())
    result = validation(pbms.motifs, in_peaks, in_others, gc)
    logger.info("%r; GC content %.3f and %.3f", result, *gc)
    return result


def _motifs(data: Any, key: str, trajectory: str | None, mod: str) -> PBMSet | MotifSet:
    """Return PBMs, or the motifs of a library, which have no width of their own."""
    if isinstance(data, PBMSet):
        return data
    if isinstance(data, AnnData | TrajectoryModel | ManifoldModel) or is_mudata(data):
        model = any_model(data, key, trajectory, mod)
        check_has_motifs(model)
        return model.pbms
    return as_motif_set(data)


def _read(given: Any, genome: Genome | None, width: int | None, what: str, mod: str) -> _Peaks:
    """Read sequences, or places with the genome's sequences, of the model's width (or their own)."""
    places = isinstance(given, pd.DataFrame) or _is_bed(given)
    if places and genome is None:
        msg = f"{what} are places: pass the genome that they lie in, genome='hg38.fa'."
        raise ValueError(msg)
    if not places or genome is None:
        taken = given_sequences(given, mod)
        mixed = len({len(text) for text in taken.sequences}) > 1
        if mixed and width is not None:
            return _Peaks(taken.codes(width, pad=True), None)
        codes = taken.codes()
        return _Peaks(codes if width is None else centre(codes, min(width, codes.shape[1])), None)
    given = given if isinstance(given, pd.DataFrame) else read_bed(given)
    table = peak_table(given)
    chrom, start, end = (table[name].to_numpy() for name in ("chrom", "start", "end"))
    if "summit" in given:
        summit = given["summit"].to_numpy()
        start = np.where(summit >= 0, start + summit, (start + end) // 2)
        end = start + 1
    size = width or int(np.median(table["end"] - table["start"]))
    start, end = resize(start, end, size)
    genome.check(chrom, start, end)
    # a background must keep off the whole peak as well as what is read of it
    whole = {"start": np.minimum(start, table["start"]), "end": np.maximum(end, table["end"])}
    return _Peaks(genome.sequences(chrom, start, end), pd.DataFrame({"chrom": chrom, **whole}))


def _is_bed(given: object) -> bool:
    names = (".bed", ".narrowpeak", ".broadpeak", ".bed.gz", ".narrowpeak.gz", ".broadpeak.gz")
    return isinstance(given, str | PathLike) and Path(given).name.lower().endswith(names)


def _windows(genome: Genome, peaks: _Peaks, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw windows of the genome that have few unknown bases and overlap no peak; fewer where there is no room."""
    width, known = peaks.codes.shape[1], genome.chromosomes
    chosen = set(known) if peaks.places is None else set(peaks.places["chrom"])
    names = [name for name in known if name in chosen and known[name] > width]
    if not names:
        msg = f"{genome.name} has no sequence longer than {width} bp."
        raise ValueError(msg)
    lengths = np.array([known[name] - width for name in names], dtype=np.float64)
    found: list[np.ndarray] = []
    for _ in range(_ROUNDS):
        which = rng.choice(len(names), size=n, p=lengths / lengths.sum())
        start = (rng.random(n) * lengths[which]).astype(np.int64)
        chrom = np.array(names, dtype=object)[which]
        rows = np.flatnonzero(_free(peaks.places, chrom, start, width))
        if len(rows):
            codes = genome.sequences(chrom[rows], start[rows], start[rows] + width)
            found.append(codes[(codes == UNKNOWN).mean(axis=1) <= _MOST_UNKNOWN])
        if sum(map(len, found)) >= n:
            break
    return np.concatenate(found)[:n] if found else np.empty((0, width), dtype=np.uint8)


def _free(places: pd.DataFrame | None, chrom: np.ndarray, start: np.ndarray, width: int) -> np.ndarray:
    """Return which windows overlap no peak; all have the same width."""
    free = np.ones(len(chrom), dtype=bool)
    for name in [] if places is None else np.unique(chrom.astype(str)):
        taken = places[places["chrom"] == name].sort_values("start")  # type: ignore[index]
        begins, ends = taken["start"].to_numpy(), np.maximum.accumulate(taken["end"].to_numpy())
        of = np.flatnonzero(chrom == name)
        before = np.searchsorted(begins, start[of] + width)
        free[of] = (before == 0) | (len(ends) == 0)
        some = of[before > 0]
        free[some] = ends[before[before > 0] - 1] <= start[some] if len(ends) else True
    return free
