"""A track around the sites of motifs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._anndata import peak_mask, prepare, sequences_of
from iceqream._core.profiles import binned, bootstrap_draws, mean_profile
from iceqream._core.threads import threads
from iceqream._progress import progress_bar
from iceqream._stored_models import check_no_model, trajectory_model
from iceqream.coverage import Coverage, open_bigwig
from iceqream.inference.sites import strongest_apart
from iceqream.motifs.pbm import codes_of_width
from iceqream.motifs.sites import Sites, find_sites
from iceqream.tl._motif_sites import STRONG, chosen_motifs, places_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from mudata import MuData

    Track = str | PathLike[str] | tuple[Coverage, str]

logger = logging.getLogger(__name__)

_FEWEST = 10


def site_profile(
    data: AnnData | MuData,
    tracks: Track | Coverage | Mapping[str, Track],
    motifs: str | Sequence[str] | None = None,
    *,
    reach: int = 200,
    bin_size: int = 5,
    min_energy: float = STRONG,
    missing: float | None = 0.0,
    peaks: Any = None,
    n_bootstraps: int = 200,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    key_added: str = _keys.SITE_PROFILE,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    rng: int | np.random.Generator = 0,
    progress: bool = True,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Average a track over the sites of each motif: nucleosomes, conservation, footprints.

    Windows around sites on the reverse strand are turned round, so that positions count along the motif. Peaks have a
    profile of their own, with or without a motif: beside each profile stands that of the same peaks at places without
    meaning, the places (and strands) of the sites of other peaks. What differs is the motif's. Bands are bootstraps
    over peaks, since the sites of one peak share its signal.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a model, sequences and coordinates.
    tracks
        bigWig file (path or URL; needs ``iceqream[tracks]``), a state of an `iceqream.Coverage` as
        ``(coverage, "HSC")``, several of these by name, or a Coverage, all of whose states are taken.
    motifs
        Name or names; ``None`` takes all.
    reach
        bp on either side of the site's centre.
    bin_size
        bp.
    min_energy
        Local energy of a site, above 0, up to 10.
    missing
        What bases without a value in a bigWig file count as; ``None`` leaves them out (conservation).
    peaks
        Peaks whose sites are taken, as in `fit_trajectory`; ``None`` takes all.
    n_bootstraps
        Resamples of the peaks.
    key, trajectory
        Key of the model, and of a manifold the trajectory.
    key_added
        Key of ``uns``.
    mod
        Modality of a MuData that holds the peaks.
    n_jobs
        Threads; the result does not depend on it.
    rng
        Seed or generator of the bootstraps and of the places of the control.
    progress
        Whether to show a bar.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``uns[key_added]``, which `iceqream.get.site_profile_df` reads and
    `iceqream.pl.site_profile` draws.

    Raises
    ------
    KeyError
        If there is no model, motif, peak or state of that name.
    ValueError
        If a number makes no sense, peaks have no coordinates, or no motif has ten sites on the track.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> track = iq.tl.contribution_track(adata, "model.bw")
    >>> iq.tl.site_profile(adata, track, "GATA", n_bootstraps=20)
    >>> profile = iq.get.site_profile_df(adata).set_index("position")
    >>> bool(profile["mean"].idxmax() in range(-10, 11))
    True
    """
    if reach < bin_size or bin_size < 1 or n_bootstraps < 2:
        msg = (
            f"reach must be at least bin_size, bin_size at least 1 and n_bootstraps at least 2, got {reach}, "
            f"{bin_size} and {n_bootstraps}."
        )
        raise ValueError(msg)
    if not 0 < min_energy <= 10:
        msg = f"Energies are scaled to 0-10; min_energy lies above 0 and up to 10, got {min_energy!r}."
        raise ValueError(msg)
    sources = _sources(tracks)
    model = trajectory_model(data, key, trajectory, mod)
    chosen = chosen_motifs(model, motifs)
    check_no_model(data, key_added, mod)
    data, adata = prepare(data, mod, copy=copy)
    rows = np.arange(adata.n_vars) if peaks is None else np.flatnonzero(peak_mask(adata, peaks))
    places = places_of(adata, rows, model.width, needed=True)
    generator = np.random.default_rng(rng)
    pbms = model.pbms.take(chosen)
    with threads(n_jobs):
        sites = find_sites(pbms, codes_of_width(sequences_of(adata)[rows], model.width), min_energy)
    keep = strongest_apart(sites, pbms.motifs.lengths)
    sites = Sites(*(column[keep] for column in sites))
    n_bins = 2 * (reach // bin_size) + 1
    half = (n_bins * bin_size) // 2
    found = {name: np.full((len(chosen), len(sources), n_bins), np.nan) for name in _COLUMNS}
    counts = np.zeros((2, len(chosen), len(sources)), dtype=np.int64)
    with progress_bar(len(sources) * len(chosen), "site profiles", "motif", show=progress) as bar:
        for t, (name, source) in enumerate(sources.items()):
            with _Signal(name, source, missing) as signal:
                regions = _regions(signal, places, np.unique(sites.sequence), model.width, half)
                for m in range(len(chosen)):
                    of = np.flatnonzero(sites.motif == m)
                    of = of[[int(row) in regions for row in sites.sequence[of]]]
                    counts[:, m, t] = len(of), len(np.unique(sites.sequence[of]))
                    if len(of) >= _FEWEST:
                        length = int(pbms.motifs.lengths[m])
                        parts = _profile(sites, of, length, regions, n_bins, bin_size, n_bootstraps, generator)
                        for column, values in zip(_COLUMNS, parts, strict=True):
                            found[column][m, t] = values
                    bar.update(1)
    if counts[0].max(initial=0) < _FEWEST:
        msg = (
            f"No motif has {_FEWEST} sites of energy {min_energy:g} on {', '.join(sources)}: lower min_energy, or are "
            "the names of the chromosomes others?"
        )
        raise ValueError(msg)
    few = int((counts[0] < _FEWEST).sum())
    if few:
        logger.warning("%d of %d profiles have fewer than %d sites and are empty", few, counts[0].size, _FEWEST)
    adata.uns[key_added] = {
        "kind": _keys.SITE_PROFILE,
        "motif_names": np.array([str(name) for name in pbms.motifs.names], dtype=object),
        "tracks": np.array(list(sources), dtype=object),
        "position": (np.arange(n_bins) - n_bins // 2) * bin_size,
        "n_sites": counts[0],
        "n_peaks": counts[1],
        **found,
        "params": {
            "key": key, "trajectory": trajectory or "", "reach": int(reach), "bin_size": int(bin_size),
            "min_energy": float(min_energy), "n_bootstraps": int(n_bootstraps),
        },
    }  # fmt: skip
    return data if copy else None


_COLUMNS = ("mean", "low", "high", "control", "control_low", "control_high")


def _sources(tracks: Any) -> dict[str, Any]:
    """Return the tracks by name."""
    if isinstance(tracks, Coverage):
        return {str(state): (tracks, str(state)) for state in tracks.states}
    if isinstance(tracks, Mapping):
        named = {str(name): one for name, one in tracks.items()}
    elif isinstance(tracks, tuple):
        named = {str(tracks[-1]): tracks}
    elif isinstance(tracks, str | PathLike):
        named = {Path(tracks).name: tracks}
    else:
        msg = (
            f"tracks is a bigWig file, (coverage, state), several by name, or a Coverage; got {type(tracks).__name__}."
        )
        raise TypeError(msg)
    if not named:
        msg = "There is no track: tracks={'name': 'file.bw'}."
        raise ValueError(msg)
    return named


class _Signal:
    """A track by base."""

    def __init__(self, name: str, source: Any, missing: float | None) -> None:
        self.name, self.source, self.missing = name, source, missing

    def __enter__(self) -> _Signal:
        if isinstance(self.source, tuple):
            coverage, state = self.source
            coverage.state_index([state])
            self.sizes = {chrom: coverage.sizes[chrom] for chrom in coverage.chromosomes}
        else:
            self.file = open_bigwig(self.source)
            self.sizes = dict(self.file.chroms())
        return self

    def __exit__(self, *_: object) -> None:
        if not isinstance(self.source, tuple):
            self.file.close()

    def values(self, chrom: str, start: int, end: int) -> np.ndarray:
        """Return a value per base, float64; the bases lie within the chromosome."""
        if isinstance(self.source, tuple):
            coverage, state = self.source
            size = coverage.binsize
            first = start // size * size
            track = np.repeat(coverage.track(state, chrom, first, end + size), size)
            return np.asarray(track[start - first : end - first], dtype=np.float64)
        values = np.asarray(self.file.values(chrom, start, end), dtype=np.float64)
        return values if self.missing is None else np.where(np.isfinite(values), values, self.missing)


def _regions(signal: _Signal, places: Any, rows: np.ndarray, width: int, half: int) -> dict[int, np.ndarray]:
    """Return the signal of each sequence and of `half` bp on either side; without those that lie off the track."""
    chrom, start = places["chrom"].to_numpy(), places["start"].to_numpy()
    regions = {}
    for row in rows.tolist():
        first, last = int(start[row]) - half, int(start[row]) + width + half
        if first >= 0 and last <= signal.sizes.get(str(chrom[row]), 0):
            regions[row] = signal.values(str(chrom[row]), first, last).astype(np.float32)
    if len(regions) < len(rows):
        logger.warning("%d of %d peaks with sites lie off the track %s, or too near to its end, and are left out",
                       len(rows) - len(regions), len(rows), signal.name)  # fmt: skip
    return regions


def _profile(
    sites: Sites,
    of: np.ndarray,
    length: int,
    regions: dict[int, np.ndarray],
    n_bins: int,
    bin_size: int,
    n_bootstraps: int,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Return mean and band of the sites, and of the places of other peaks' sites."""
    rows, group = np.unique(sites.sequence[of], return_inverse=True)
    forward = sites.strand[of] > 0
    # the same base of the motif on either strand
    centre = sites.start[of] + np.where(forward, length // 2, length - 1 - length // 2)
    width = n_bins * bin_size
    # a window of even width has one base more before its centre, which on the reverse strand lies behind it
    further = np.where(forward, 0, 2 * (width // 2) + 1 - width)
    draws = bootstrap_draws(len(rows), n_bootstraps, rng)
    other = rng.permutation(len(of))
    out: list[np.ndarray] = []
    for at, ahead in ((centre + further, forward), ((centre + further)[other], forward[other])):
        windows = np.empty((len(of), width))
        for i, (row, middle, along) in enumerate(zip(sites.sequence[of].tolist(), at.tolist(), ahead, strict=True)):
            # the region begins half a window before the sequence
            window = regions[row][middle : middle + width]
            windows[i] = window if along else window[::-1]
        out += mean_profile(binned(windows, bin_size), group, draws)
    return out
