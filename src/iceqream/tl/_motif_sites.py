"""Sites of a model's motifs on the genome, as a table and as files for genome browsers."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import coordinates, get_adata, peak_mask, sequences_of
from iceqream._colors import CLOSING, OPENING
from iceqream._core.intervals import nearest_tss, resize
from iceqream._core.threads import threads
from iceqream._files import target
from iceqream._stored_models import trajectory_model
from iceqream.coverage import import_pybigtools, write_bigwig
from iceqream.genome import Genes, Genome
from iceqream.inference.sites import SITE_ENERGY, base_contributions, site_responses, strongest_apart
from iceqream.models.trajectory import check_has_motifs, motif_positions
from iceqream.motifs.pbm import codes_of_width
from iceqream.motifs.sites import Sites, find_sites

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from os import PathLike

    from anndata import AnnData
    from mudata import MuData

    from iceqream.models import TrajectoryModel

logger = logging.getLogger(__name__)

STRONG = 8.0
_BLOCK = 10_000
"""Peaks whose bases are held at once."""
_NOTHING = 1e-6
"""Contributions below it are not written."""
_BED_TOP = 1000


def motif_sites(
    data: AnnData | MuData,
    motifs: str | Sequence[str] | None = None,
    *,
    min_energy: float = STRONG,
    overlapping: bool = False,
    peaks: Any = None,
    genes: Genes | Genome | str | PathLike[str] | pd.DataFrame | None = None,
    save: str | PathLike[str] | None = None,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """List the sites of a model's motifs in the peaks, with what the model says of each.

    A site is a window whose local energy reaches `min_energy`: both strands together, on the motif's scale of 0-10,
    without the spatial curve, as in `iceqream.pl.iq_plot`.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a model and sequences.
    motifs
        Name or names; ``None`` takes all.
    min_energy
        Above 0, up to 10.
    overlapping
        Whether windows of a motif that overlap a stronger one of it are kept.
    peaks
        Peaks to search, as in `fit_trajectory`; ``None`` takes all.
    genes
        Genes of the assembly, as `iceqream.Genes.read` takes them, or an `iceqream.Genome` with genes; ``None`` takes
        what `iceqream.pp.tss_distance` wrote for the peak, if it did.
    save
        BED file to write (9 columns: score is 100 times the energy; red opens, blue closes), for IGV and the UCSC
        browser.
    key, trajectory, mod
        As in `iceqream.get.model`.
    n_jobs
        Threads; the result does not depend on it.

    Returns
    -------
    DataFrame, one row per site, by peak, motif and place: peak, chrom, start, end (bp, 0-based, half-open; without
    chrom and relative to the sequence where peaks have no coordinates), strand, motif, energy (0-10), response (logit
    units: the `response` of `iceqream.get.local_contributions_df`, the motif's pairs included), spatial_weight (of the
    motif's curve there, relative to its mean), and where genes are known gene and tss_distance (bp from the nearest
    start site, negative upstream of it).

    Raises
    ------
    KeyError
        If there is no model, motif or peak of that name, or no sequences.
    ValueError
        If `min_energy` lies outside of (0, 10], the model has no motifs, or a BED file is wanted of peaks without
        coordinates.
    FileNotFoundError
        If the folder to write to does not exist.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.tl.motif_sites(adata, "GATA", min_energy=9).columns.tolist()[:4]
    ['peak', 'chrom', 'start', 'end']
    """
    if not 0 < min_energy <= 10:
        msg = f"Energies are scaled to 0-10; min_energy lies above 0 and up to 10, got {min_energy!r}."
        raise ValueError(msg)
    if save is not None:
        target(save)
    adata = get_adata(data, mod)
    model = trajectory_model(data, key, trajectory, mod)
    chosen = chosen_motifs(model, motifs)
    rows = np.arange(adata.n_vars) if peaks is None else np.flatnonzero(peak_mask(adata, peaks))
    places = places_of(adata, rows, model.width, needed=save is not None)
    annotation = None if genes is None else _genes(genes)
    codes = codes_of_width(sequences_of(adata)[rows], model.width)
    pbms = model.pbms.take(chosen)
    with threads(n_jobs):
        values = _values(model, adata, rows)
        sites = find_sites(pbms, codes, min_energy)
    if not overlapping:
        keep = strongest_apart(sites, pbms.motifs.lengths)
        sites = Sites(*(column[keep] for column in sites))
    start = sites.start.astype(np.int64)
    table = pd.DataFrame({"peak": adata.var_names[rows[sites.sequence]].astype(str)})
    if places is not None:
        table["chrom"] = places["chrom"].to_numpy()[sites.sequence]
        start = start + places["start"].to_numpy()[sites.sequence]
    table["start"], table["end"] = start, start + pbms.motifs.lengths[sites.motif]
    table["strand"] = np.where(sites.strand > 0, "+", "-")
    table["motif"] = pbms.motifs.names[sites.motif]
    table["energy"] = sites.energy
    table["response"] = site_responses(model, chosen, sites, values)
    table["spatial_weight"] = _spatial_weight(model, chosen, sites)
    _add_genes(table, annotation, adata, rows[sites.sequence])
    logger.info("%d sites of %d motifs in %d peaks", len(table), len(chosen), len(rows))
    if save is not None:
        _write_bed(table, Path(save), f"{model.states[0]} to {model.states[1]}")
    return table


def contribution_track(
    data: AnnData | MuData,
    path: str | PathLike[str],
    motifs: str | Sequence[str] | None = None,
    *,
    peaks: Any = None,
    genome: Genome | str | PathLike[str] | None = None,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
) -> Path:
    """Write what the model's motifs add along the genome as a bigWig file (needs ``iceqream[tracks]``).

    The value of a base is the sum, over motifs, of the `site_response` of `iceqream.get.local_contributions_df` (what
    colours the letters of `iceqream.pl.iq_plot`): the responses, logit units, of the windows with a local energy of 5
    at least that cover it with an informative position, each divided by their number. Where peaks overlap, a base has
    the value of the peak whose centre is nearest; outside of peaks, and where no such window is, there is none.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a model, sequences and coordinates.
    path
        bigWig file to write.
    motifs
        Name or names; ``None`` takes all.
    peaks
        Peaks to write, as in `fit_trajectory`; ``None`` takes all.
    genome
        FASTA, 2bit or `iceqream.Genome`, for the sizes of the chromosomes; ``None`` lets each end with its last peak,
        which some browsers refuse.
    key, trajectory, mod
        As in `iceqream.get.model`.
    n_jobs
        Threads; the result does not depend on it.

    Returns
    -------
    The path of the file.

    Raises
    ------
    KeyError
        If there is no model, motif or peak of that name, or no sequences.
    ValueError
        If peaks have no coordinates or lie outside of the genome, the model has no motifs, or no site is strong enough.
    FileNotFoundError
        If the folder to write to does not exist.
    ImportError
        If pybigtools is missing.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.tl.contribution_track(adata, "model.bw").name
    'model.bw'
    """
    import_pybigtools()
    path = target(path)
    adata = get_adata(data, mod)
    model = trajectory_model(data, key, trajectory, mod)
    chosen = chosen_motifs(model, motifs)
    rows = np.arange(adata.n_vars) if peaks is None else np.flatnonzero(peak_mask(adata, peaks))
    places = places_of(adata, rows, model.width, needed=True)
    order = np.lexsort((places["start"], places["chrom"].astype(str)))
    rows, places = rows[order], places.iloc[order]
    assembly = genome if isinstance(genome, Genome) or genome is None else Genome(genome)
    if assembly is not None:
        assembly.check(*(places[name].to_numpy() for name in ("chrom", "start", "end")))
    ends = places.groupby("chrom", observed=True, sort=True)["end"].max()
    sizes = {
        str(chrom): int(end) if assembly is None else assembly.chromosomes[str(chrom)] for chrom, end in ends.items()
    }
    with threads(n_jobs):
        values = _values(model, adata, rows)
        runs = _runs(model, chosen, adata, rows, places, values)
        write_bigwig(path, sizes, runs, "no site reaches an energy of 5 in these peaks")
    return path


def chosen_motifs(model: TrajectoryModel, motifs: str | Sequence[str] | None) -> np.ndarray:
    """Return the positions of the motifs that are asked for."""
    check_has_motifs(model)
    return np.arange(len(model.pbms)) if motifs is None else motif_positions(model, motifs)


def places_of(adata: AnnData, rows: np.ndarray, width: int, *, needed: bool) -> Any:
    """Return chrom, start and end of the sequences; nothing where peaks have no coordinates and none are needed."""
    try:
        table = coordinates(adata).iloc[rows]
    except ValueError:
        if needed:
            raise
        return None
    start, end = resize(table["start"].to_numpy(), table["end"].to_numpy(), width)
    return pd.DataFrame({"chrom": table["chrom"].astype(str).to_numpy(), "start": start, "end": end})


def _genes(genes: Genes | Genome | str | PathLike[str] | pd.DataFrame) -> Genes:
    if not isinstance(genes, Genome):
        return Genes.read(genes)
    if genes.genes is None:
        msg = f"{genes} has no genes: Genome(fasta, genes='genes.gtf.gz')."
        raise ValueError(msg)
    return genes.genes


def _values(model: TrajectoryModel, adata: AnnData, rows: np.ndarray) -> np.ndarray | None:
    """Return the terms' values of peaks, where pairs need them."""
    return model.values(adata[:, rows]) if len(model.interactions) else None


def _spatial_weight(model: TrajectoryModel, motifs: np.ndarray, sites: Sites) -> np.ndarray:
    """Return the weight of the spatial curve at each site, relative to the curve's mean; 0 outside of it."""
    curves = model.pbms.spatial
    weights = curves.weights[motifs] / curves.weights[motifs].mean(axis=1, keepdims=True)
    place = (sites.start - curves.start) // curves.bin_size
    lengths = model.pbms.motifs.lengths[motifs][sites.motif]
    inside = (sites.start >= curves.start) & (sites.start + lengths <= curves.stop)
    return np.where(inside, weights[sites.motif, np.clip(place, 0, weights.shape[1] - 1)], 0.0)


def _add_genes(table: pd.DataFrame, genes: Genes | None, adata: AnnData, peaks: np.ndarray) -> None:
    """Add the nearest gene of each site, or of its peak where only that is known."""
    if genes is not None and "chrom" in table:
        tss = genes.tss
        middle = ((table["start"] + table["end"]) // 2).to_numpy()
        index, distance = nearest_tss(
            table["chrom"].to_numpy(), middle, tss["chrom"].astype(str).to_numpy(), tss["position"].to_numpy(),
            tss["strand"].to_numpy(),
        )  # fmt: skip
        none = index < 0
        table["gene"] = np.where(none, "", tss["gene"].to_numpy(dtype=object)[index])
        table["tss_distance"] = np.where(none, np.nan, distance)
    elif _keys.TSS_GENE in adata.var and _keys.TSS_DISTANCE in adata.var:
        table["gene"] = adata.var[_keys.TSS_GENE].astype(str).to_numpy()[peaks]
        table["tss_distance"] = adata.var[_keys.TSS_DISTANCE].to_numpy(dtype=np.float64)[peaks]


def _write_bed(table: pd.DataFrame, path: Path, name: str) -> None:
    """Write sites, sorted by place, with a line for browsers."""
    ordered = table.sort_values(["chrom", "start", "end", "motif"], kind="stable")
    rgb = {True: _rgb(OPENING), False: _rgb(CLOSING)}
    bed = pd.DataFrame(
        {
            "chrom": ordered["chrom"], "start": ordered["start"], "end": ordered["end"],
            "name": ordered["motif"].astype(str).str.replace(r"\s+", "_", regex=True),
            "score": np.rint(ordered["energy"] * _BED_TOP / 10).astype(int),
            "strand": ordered["strand"], "thickStart": ordered["start"], "thickEnd": ordered["end"],
            "itemRgb": (ordered["response"] >= 0).map(rgb),
        }
    )  # fmt: skip
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("w") as file:
        file.write(f'track name="motif sites" description="sites of the motifs of {name}" itemRgb="On"\n')
        bed.to_csv(file, sep="\t", header=False, index=False)
    unfinished.replace(path)


def _rgb(color: str) -> str:
    return ",".join(str(int(color[i : i + 2], 16)) for i in (1, 3, 5))


def _runs(
    model: TrajectoryModel,
    motifs: np.ndarray,
    adata: AnnData,
    rows: np.ndarray,
    places: pd.DataFrame,
    values: np.ndarray | None,
) -> Iterator[tuple[str, int, int, float]]:
    """Yield runs of bases of the same contribution, by chromosome and place."""
    pbms, sequences = model.pbms.take(motifs), sequences_of(adata)
    chrom, start = places["chrom"].to_numpy(), places["start"].to_numpy()
    low, high = _own_bases(chrom, start, model.width)
    for first in range(0, len(rows), _BLOCK):
        block = slice(first, first + _BLOCK)
        codes = codes_of_width(sequences[rows[block]], model.width)
        sites = find_sites(pbms, codes, SITE_ENERGY)
        response = site_responses(model, motifs, sites, None if values is None else values[block])
        track = base_contributions(sites, response, pbms.motifs, len(codes), model.width)
        base = np.arange(model.width)
        outside = (base < low[block, None]) | (base >= high[block, None])
        track = np.where(outside | (np.abs(track) < _NOTHING), 0.0, track).astype(np.float32)
        # a run ends where the value changes; the first of each row always begins one
        edges = np.ones(track.shape, dtype=bool)
        edges[:, 1:] = track[:, 1:] != track[:, :-1]
        peak, begin = np.nonzero(edges)
        after = np.append(begin[1:], model.width)
        end = np.where(np.append(np.diff(peak) != 0, True), model.width, after)
        value = track[peak, begin]
        used = value != 0
        origin = start[block][peak]
        yield from zip(
            chrom[block][peak][used].tolist(), (origin + begin)[used].tolist(), (origin + end)[used].tolist(),
            value[used].tolist(), strict=True,
        )  # fmt: skip


def _own_bases(chrom: np.ndarray, start: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first base of each sequence that is nearer to its centre than to its neighbours', and that after."""
    # a sequence may begin before its chromosome
    low, high = np.maximum(-start, 0).astype(np.int64), np.full(len(start), width, dtype=np.int64)
    near = np.flatnonzero((chrom[1:] == chrom[:-1]) & (start[1:] - start[:-1] < width))
    # half of what two of them share is the one's, half the other's
    border = (start[near] + width + start[near + 1] + 1) // 2
    high[near] = border - start[near]
    low[near + 1] = border - start[near + 1]
    return low, np.maximum(high, low)
