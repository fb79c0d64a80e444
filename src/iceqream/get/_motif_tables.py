"""The numbers behind the pictures of motifs: one locus letter by letter, energy bins, positions of hits."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import get_adata, sequences_of
from iceqream._core.messages import known_names
from iceqream._core.normalization import scale
from iceqream._stored_models import any_model, peak_results, trajectory_model
from iceqream.get._loci import Locus, find_locus, values_at
from iceqream.inference.sites import SITE_ENERGY
from iceqream.models.trajectory import check_has_motifs, motif_positions
from iceqream.motifs.pbm import codes_of_width
from iceqream.motifs.sites import informative_spans, mirrored

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from anndata import AnnData
    from mudata import MuData

    from iceqream.genome import Genes, Genome
    from iceqream.models import TrajectoryModel
    from iceqream.motifs import MotifSet, PBMSet

ENERGY_BINS = (0.0, 3.0, 6.0, 7.0, 8.0, 9.0, 10.0)
HIT_ENERGY = 7.0
_SHARE = 0.1
_POSITION_BIN = 20


def local_contributions_df(
    data: AnnData | MuData,
    locus: str | int,
    key: str = _keys.MODEL,
    *,
    trajectory: str | None = None,
    motifs: Sequence[str] | None = None,
    genes: Genes | Genome | str | PathLike[str] | pd.DataFrame | None = None,
    genome: Genome | str | PathLike[str] | None = None,
    mod: str = _keys.ATAC,
) -> pd.DataFrame:
    """Return what each motif does at each base of one locus: the numbers of `iceqream.pl.iq_plot` (METHOD section 9).

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model and sequences.
    locus
        Name of a peak, its number, coordinates that overlap one (with `genome` any), or, with `genes`, the name of a
        gene: the peak nearest to its start site.
    key, trajectory, mod
        As in `model`.
    motifs
        Names; ``None`` takes all.
    genes
        Genes of the assembly, as `iceqream.Genes.read` takes them, or a `iceqream.Genome` with genes.
    genome
        Genome, or its file, for the sequence of coordinates without a peak.

    Returns
    -------
    DataFrame, one row per motif and base: motif, position (0-based in the sequence), base, strand ("+" or "-": on which
    the window that starts there scores more), energy (0-10, of that window, both strands; NaN where it would reach past
    the end), response (logit units: what the linear predictor would lose without this energy, that is the motif's
    response functions of it, less those of energy 0, and what its pairs would add, given the peak's other energies;
    without the pairs, and with a warning, where a feature of the model is not known), response_own (without the pairs),
    site_energy and site_response (mean over the windows whose informative positions, on their strand, cover the base;
    the response only of windows with an energy of 5 at least), weight (of the base over all these motifs: mean of
    2^energy over the windows that cover
    it, the largest motif).

    Raises
    ------
    KeyError
        If there is no model, peak, gene or motif of that name.
    ValueError
        If coordinates lie outside the genome.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> table = iq.get.local_contributions_df(adata, 0)
    >>> len(table) == 500 * len(iq.get.model(adata).pbms)
    True
    """
    fitted = trajectory_model(data, key, trajectory, mod)
    adata = get_adata(data, mod)
    found = find_locus(adata, locus, fitted.width, genes=genes, genome=genome)
    return contributions_at(fitted, found, values_at(fitted, adata, found), motifs)


def contributions_at(
    fitted: TrajectoryModel, locus: Locus, values: np.ndarray | None, motifs: Sequence[str] | None
) -> pd.DataFrame:
    """Return the table of `local_contributions_df` at a locus where the terms have these `values`, 1 x terms.

    Raises
    ------
    KeyError
        If there is no motif of that name.
    ValueError
        If the model has no motifs.
    """
    check_has_motifs(fitted)
    codes = locus.codes
    which = _positions(fitted, motifs)
    pbms = fitted.pbms.take(which)
    local = fitted.pbms.normalized_local_energies(codes).astype(np.float64)
    energy = local[0, which]
    response = fitted.local_responses_of(local, values)[0, which]
    own = fitted.local_responses_of(local, None)[0, which]
    strong = np.where(energy >= SITE_ENERGY, response, 0.0)
    forward, reverse = (strand[0] for strand in pbms.local_energies(codes))
    ahead = ~(reverse > forward)
    site_energy = covered(energy, ahead, pbms.motifs)
    site_response = covered(strong, ahead, pbms.motifs)
    width = fitted.width
    return pd.DataFrame(
        {
            "motif": np.repeat(pbms.motifs.names, width),
            "position": np.tile(np.arange(width), len(which)),
            "base": np.tile(np.array(list("ACGTN"), dtype=object)[codes[0]], len(which)),
            "strand": np.where(ahead, "+", "-").ravel(),
            "energy": energy.ravel(),
            "response": response.ravel(),
            "response_own": own.ravel(),
            "site_energy": site_energy.ravel(),
            "site_response": site_response.ravel(),
            "weight": _weights(energy, ahead, pbms.motifs),
        }
    )


def contributions_among(table: pd.DataFrame, fitted: TrajectoryModel, motifs: Sequence[str]) -> pd.DataFrame:
    """Return those rows of a whole table of `local_contributions_df` that only these motifs would have given."""
    by_motif = dict(list(table.groupby("motif", sort=False)))
    part = pd.concat([by_motif[name] for name in motifs], ignore_index=True)
    energy = part["energy"].to_numpy().reshape(len(motifs), fitted.width)
    ahead = (part["strand"] == "+").to_numpy().reshape(energy.shape)
    chosen = fitted.pbms.take(_positions(fitted, motifs)).motifs
    return part.assign(weight=_weights(energy, ahead, chosen))


def _weights(energy: np.ndarray, ahead: np.ndarray, motifs: MotifSet) -> np.ndarray:
    """Return the weight of each base over all motifs, once per motif: motifs x width energies to motifs * width."""
    weight = covered(np.exp2(energy), ahead, motifs).max(axis=0)
    return np.tile(weight, len(energy))


def modelled(predictions: pd.DataFrame) -> np.ndarray:
    """Return which peaks of `iceqream.get.predictions_df` are in the training or the held-out set, bool."""
    return (predictions[_keys.SPLIT] != "unused").to_numpy()


def covered(values: np.ndarray, ahead: np.ndarray, motifs: MotifSet) -> np.ndarray:
    """Return, for each base, the mean of the windows whose informative positions cover it, motifs x width.

    Parameters
    ----------
    values
        Of the windows by their first base, motifs x width.
    ahead
        Whether a window's better strand is the forward one, bool, motifs x width.
    motifs
        The motifs.
    """
    spans = informative_spans(motifs)
    rows = zip(values, ahead, spans, motifs.lengths, strict=True)
    return np.array(
        [
            _covering(np.where(plus, one, 0.0), *span) + _covering(np.where(plus, 0.0, one), *mirrored(span, int(size)))
            for one, plus, span, size in rows
        ]
    )


def _covering(values: np.ndarray, first: int, last: int) -> np.ndarray:
    """Return, for each base, the mean of the windows whose positions [first, last) cover it."""
    width = len(values)
    known = np.where(np.isnan(values), 0.0, values)
    sums = np.concatenate([[0.0], np.cumsum(known)])
    base = np.arange(width)
    low, high = np.clip(base - last + 1, 0, width), np.clip(base - first + 1, 0, width)
    return (sums[high] - sums[low]) / (last - first)


def energies_df(
    data: AnnData | MuData,
    key: str = _keys.MODEL,
    *,
    trajectory: str | None = None,
    motifs: Sequence[str] | None = None,
    mod: str = _keys.ATAC,
) -> pd.DataFrame:
    """Return the energy of each motif in each peak, with names.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData.
    key
        Of a fitted model (energies of its motifs, computed from the sequences), or where `iceqream.pp.motif_energies`
        wrote (``"motif_energy"``).
    trajectory
        As in `model`; ``None`` takes the motifs that all trajectories of a manifold share.
    motifs
        Names; ``None`` takes all.
    mod
        As in `model`.

    Returns
    -------
    DataFrame, float32, peaks x motifs: 0-10 of a model; of `iceqream.pp.motif_energies` as it was asked for (log2 or
    0-10).

    Raises
    ------
    KeyError
        If there is neither under the key, or no motif of that name.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> iq.pp.motif_energies(adata, iq.datasets.simulated_motifs())
    >>> iq.get.energies_df(adata, "motif_energy").shape
    (600, 30)
    """
    adata = get_adata(data, mod)
    stored = adata.uns.get(key)
    listed = hasattr(stored, "get") and "kind" not in stored and "names" in stored
    if trajectory is None and listed and key in adata.varm:
        table = pd.DataFrame(
            np.asarray(adata.varm[key]), index=adata.var_names, columns=[str(name) for name in stored["names"]]
        )
        return table if motifs is None else table[known_names(motifs, table.columns, "There is no motif")]
    fitted = any_model(adata, key, trajectory)
    pbms = fitted.pbms
    if motifs is not None:
        check_has_motifs(fitted)
        names = known_names(motifs, pbms.motifs.names, "The model has no motif", hint=" iq.get.motifs_df lists all.")
        pbms = pbms.take(np.array([list(pbms.motifs.names).index(name) for name in names], dtype=np.int64))
    energies = pbms.normalized_energies(codes_of_width(sequences_of(adata), pbms.width))
    return pd.DataFrame(energies, index=adata.var_names, columns=[str(name) for name in pbms.motifs.names])


def energy_bins_df(
    data: AnnData | MuData,
    key: str = _keys.MODEL,
    *,
    trajectory: str | None = None,
    motifs: Sequence[str] | None = None,
    mod: str = _keys.ATAC,
) -> pd.DataFrame:
    """Return dAP by bins of each motif's energy (METHOD section 9).

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model.
    key, trajectory, mod
        As in `model`.
    motifs
        Names; ``None`` takes all.

    Returns
    -------
    DataFrame, one row per motif and bin (0-3, 3-6, 6-7, 7-8, 8-9, 9-10): motif, bin, n (modelled peaks), q5, q25,
    median, q75, q95 (of dAP), ks and p_value (two-sided Kolmogorov-Smirnov test of the highest bin with at least five
    peaks against the lowest).

    Raises
    ------
    KeyError
        If there is no model or motif of that name.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.get.energy_bins_df(adata)["bin"].tolist()[:3]
    ['0-3', '3-6', '6-7']
    """
    from scipy.stats import ks_2samp

    fitted, pbms, used, dap = _modelled(get_adata(data, mod), key, trajectory, motifs)
    energies = pbms.normalized_energies(codes_of_width(sequences_of(get_adata(data, mod)), fitted.width)[used])
    edges = np.array(ENERGY_BINS)
    labels = [f"{low:g}-{high:g}" for low, high in pairwise(edges)]
    rows = []
    for name, column in zip(pbms.motifs.names, energies.T, strict=True):
        inside = np.clip(np.searchsorted(edges, column, side="right") - 1, 0, len(labels) - 1)
        groups = [dap[inside == k] for k in range(len(labels))]
        filled = [group for group in groups if len(group) >= 5]
        ks, p_value = (np.nan, np.nan)
        if len(filled) >= 2:
            result = ks_2samp(filled[-1], filled[0])
            ks, p_value = float(result.statistic), float(result.pvalue)
        for label, group in zip(labels, groups, strict=True):
            quantiles = np.quantile(group, [0.05, 0.25, 0.5, 0.75, 0.95]) if len(group) else np.full(5, np.nan)
            rows.append((str(name), label, len(group), *quantiles, ks, p_value))
    return pd.DataFrame(rows, columns=["motif", "bin", "n", "q5", "q25", "median", "q75", "q95", "ks", "p_value"])


def spatial_frequency_df(
    data: AnnData | MuData,
    key: str = _keys.MODEL,
    *,
    trajectory: str | None = None,
    motifs: Sequence[str] | None = None,
    min_energy: float = HIT_ENERGY,
    share: float = _SHARE,
    mod: str = _keys.ATAC,
) -> pd.DataFrame:
    """Return how often each motif has a hit at each position, in the peaks that open and close most (METHOD section 9).

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model and sequences.
    key, trajectory, mod
        As in `model`.
    motifs
        Names; ``None`` takes all.
    min_energy
        Least local energy (0-10) of a hit.
    share
        Of the modelled peaks at either end of dAP.

    Returns
    -------
    DataFrame, one row per motif and 20 bp: motif, position (bp from the centre of the peak), top, bottom (hits per peak
    and 20 bp among the peaks with the highest and the lowest dAP).

    Raises
    ------
    KeyError
        If there is no model or motif of that name.
    ValueError
        If `share` is not in (0, 0.5] or `min_energy` not in (0, 10].

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.get.spatial_frequency_df(adata).columns.tolist()
    ['motif', 'position', 'top', 'bottom']
    """
    if not 0 < share <= 0.5:
        msg = f"share must lie in (0, 0.5], got {share}."
        raise ValueError(msg)
    if not 0 < min_energy <= 10:
        msg = f"min_energy must lie in (0, 10], got {min_energy}."
        raise ValueError(msg)
    fitted, pbms, used, dap = _modelled(get_adata(data, mod), key, trajectory, motifs)
    names = [str(name) for name in pbms.motifs.names]
    codes = codes_of_width(sequences_of(get_adata(data, mod)), fitted.width)
    order = used[np.argsort(dap, kind="stable")]
    n = max(int(share * len(order)), 1)
    n_bins = fitted.width // _POSITION_BIN
    starts = np.arange(fitted.width)
    middle = [sum(span) / 2 for span in informative_spans(pbms.motifs)]
    counts = {label: np.zeros((len(names), n_bins)) for label in ("top", "bottom")}
    for label, rows in (("top", order[-n:]), ("bottom", order[:n])):
        # one motif at a time: local energies of all would be large
        for i in range(len(names)):
            per_start = _hits(pbms.take(np.array([i])), codes[rows], min_energy)
            at = np.clip((starts + middle[i]) // _POSITION_BIN, 0, n_bins - 1).astype(int)
            counts[label][i] = np.bincount(at, weights=per_start, minlength=n_bins) / n
    position = (np.arange(n_bins) + 0.5) * _POSITION_BIN - fitted.width / 2
    return pd.DataFrame(
        {
            "motif": np.repeat(np.array(names, dtype=object), n_bins),
            "position": np.tile(position, len(names)),
            "top": counts["top"].ravel(),
            "bottom": counts["bottom"].ravel(),
        }
    )


def _hits(pbm: PBMSet, codes: np.ndarray, min_energy: float) -> np.ndarray:
    """Return at each start how many sequences have a window of this local energy (0-10) of the only motif."""
    forward, reverse = (strand[:, 0] for strand in pbm.local_energies(codes))
    low, high = pbm.energy_low, pbm.energy_high
    # both strands together add at most 1 to the stronger: most windows need no logarithm
    least = low + (high - low) * min_energy / 10 - 1.001
    row, start = np.nonzero(np.fmax(forward, reverse) >= least)
    both = np.logaddexp2(forward[row, start], reverse[row, start])
    return np.bincount(start[scale(both, low, high) >= min_energy], minlength=codes.shape[1])


def _modelled(
    adata: AnnData, key: str, trajectory: str | None, motifs: Sequence[str] | None
) -> tuple[TrajectoryModel, PBMSet, np.ndarray, np.ndarray]:
    """Return the model, the motifs asked for, and the positions and dAP of the modelled peaks."""
    fitted = trajectory_model(adata, key, trajectory)
    table = peak_results(adata, key, trajectory)
    used = np.flatnonzero(modelled(table))
    dap = table[_keys.DAP].to_numpy(dtype=np.float64)[used]
    return fitted, fitted.pbms.take(_positions(fitted, motifs)), used, dap


def _positions(fitted: TrajectoryModel, motifs: Sequence[str] | None) -> np.ndarray:
    """Return the positions of motifs by name."""
    return np.arange(len(fitted.pbms)) if motifs is None else motif_positions(fitted, motifs)
