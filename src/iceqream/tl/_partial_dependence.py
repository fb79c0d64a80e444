"""What a motif does in peaks that are otherwise alike."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from iceqream import _keys
from iceqream._core.matched_means import MatchedGroups, shares
from iceqream._core.response import responses
from iceqream._core.sequence import gc_content
from iceqream._core.threads import threads
from iceqream._progress import progress_bar
from iceqream._stored_models import check_no_model
from iceqream.get._motif_tables import ENERGY_BINS, HIT_ENERGY
from iceqream.inference.bootstraps import bootstraps, with_fit
from iceqream.models.trajectory import check_has_motifs
from iceqream.motifs.sites import find_sites
from iceqream.tl._fitted import Fitted, fitted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from mudata import MuData

    from iceqream.models import TrajectoryModel

GRID = np.linspace(0.0, 10.0, 21)
_INTERVAL = (2.5, 97.5)
_MOST_PEAKS = 4000
"""Over which the model's curves are averaged."""
_GC_STRATA, _OTHER_STRATA = 5, 10
_REFERENCE_SHARE = 0.2
"""Of the peaks, that the bins of low energy hold that others are compared with."""
_MOST_SITES = 3


class _Groups(NamedTuple):
    labels: list[str]
    of_peaks: np.ndarray
    reference: int
    position: np.ndarray
    """Where they are drawn: mean energy, or number of sites."""
    energy: float
    """Mean of the reference."""


def partial_dependence(
    data: AnnData | MuData,
    motifs: str | Sequence[str] | None = None,
    *,
    by: Literal["energy", "sites"] = "energy",
    min_energy: float = HIT_ENERGY,
    n_bootstraps: int = 50,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    key_added: str = _keys.PARTIAL_DEPENDENCE,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    rng: int | np.random.Generator = 0,
    progress: bool = True,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Compare peaks with more and less of a motif that are alike in GC content and in all other terms of the model.

    Peaks with much of a motif differ from others in their GC content and in other motifs, so that dAP by energy
    (`iceqream.get.energy_bins_df`) is not the motif's alone. Here every peak is compared with peaks of the lowest
    energy, within strata of GC content (fifths) and of what the model says without the motif (tenths of its linear
    predictor). What is left belongs to the motif, or to something that goes along with it and that the model does not
    know. Beside it stands what the model says: the same comparison of its predictions, and its partial dependence, the
    mean prediction over the peaks if all of them had the same energy.

    ``by="sites"`` compares peaks with one, two and more sites with those without any: whether further sites of the same
    motif (homotypic clusters) add to the first.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model.
    motifs
        Name or names; ``None`` takes all.
    by
        ``"energy"``: groups are bins of energy, the lowest that hold a fifth of the peaks together are the reference.
        ``"sites"``: 0, 1, 2, and 3 or more sites that do not overlap.
    min_energy
        Local energy of a site, with ``by="sites"``.
    n_bootstraps
        Resamples of the training peaks that the coefficients are fitted to for the bands, as in `stability`.
    key, trajectory
        Key of the model, and of a manifold the trajectory.
    key_added
        Key of ``uns``.
    mod
        Modality of a MuData that holds the peaks.
    n_jobs
        Threads; the result does not depend on it.
    rng
        Seed or generator of the bootstraps.
    progress
        Whether to show a bar.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``uns[key_added]``, which `iceqream.get.partial_dependence_df` reads and
    `iceqream.pl.partial_dependence` draws.

    Raises
    ------
    KeyError
        If there is no fit under the key, or no such motif.
    ValueError
        If the model has no motifs, `by` is unknown, `min_energy` lies outside of (0, 10] or `n_bootstraps` is below 2.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.tl.partial_dependence(adata, "GATA", n_bootstraps=5)
    >>> bool(iq.get.partial_dependence_df(adata)["matched"].iloc[-1] > 0.1)
    True
    """
    if by not in {"energy", "sites"}:
        msg = f"by must be 'energy' or 'sites', got {by!r}."
        raise ValueError(msg)
    if not 0 < min_energy <= 10:
        msg = f"Energies are scaled to 0-10; min_energy lies above 0 and up to 10, got {min_energy!r}."
        raise ValueError(msg)
    if n_bootstraps < 2:
        msg = f"n_bootstraps must be at least 2, got {n_bootstraps}."
        raise ValueError(msg)
    check_no_model(data, key_added, mod)
    fit = fitted(data, key, mod, trajectory=trajectory, copy=copy)
    check_has_motifs(fit.model)
    chosen = fit.positions(fit.model.motif_names if motifs is None else [motifs] if isinstance(motifs, str) else motifs)
    with threads(n_jobs):
        groups = [_groups(fit, i, by, min_energy) for i in chosen]
        matched = [_matched(fit, i, one) for i, one in zip(chosen, groups, strict=True)]
        curves, said = [], []
        refits = bootstraps(
            fit.model,
            fit.modelled_values,
            fit.peaks,
            fit.lambda_,
            fit.options,
            n_bootstraps,
            np.random.default_rng(rng),
        )
        some = np.linspace(0, len(fit.rows) - 1, min(len(fit.rows), _MOST_PEAKS)).astype(np.int64)
        with progress_bar(n_bootstraps + 1, "partial dependence", "fit", show=progress) as bar:
            for model in (fit.model, *(with_fit(fit.model, one) for one in refits)):
                predicted = model.predict_values(fit.modelled_values)
                curves.append(_curves(model, chosen, fit.modelled_values[some], [one.energy for one in groups]))
                said.append([one.differences(predicted) for one in matched])
                bar.update(1)
    fit.adata.uns[key_added] = {
        "kind": _keys.PARTIAL_DEPENDENCE,
        **_table(fit, chosen, groups, matched, said),
        "grid": GRID,
        "curve": np.array(curves[0]),
        "curve_interval": np.percentile(curves[1:], _INTERVAL, axis=0),
        "params": {
            "key": key, "trajectory": trajectory or "", "by": by, "min_energy": float(min_energy),
            "n_bootstraps": int(n_bootstraps),
        },
    }  # fmt: skip
    return fit.data if copy else None


def _groups(fit: Fitted, motif: int, by: str, min_energy: float) -> _Groups:
    """Return the groups of the modelled peaks, by energy or by sites of a motif."""
    energies = fit.modelled_values[:, motif].astype(np.float64)
    if by == "energy":
        labels = [f"{low:g}-{high:g}" for low, high in pairwise(ENERGY_BINS)]
        of_peaks = np.clip(np.searchsorted(ENERGY_BINS, energies, side="right") - 1, 0, len(labels) - 1)
        low = np.cumsum(np.bincount(of_peaks, minlength=len(labels))) >= _REFERENCE_SHARE * len(of_peaks)
        first = int(low.argmax())
        labels = [f"0-{ENERGY_BINS[first + 1]:g}", *labels[first + 1 :]]
        of_peaks = np.maximum(of_peaks - first, 0)
        sums = np.bincount(of_peaks, energies, minlength=len(labels))
        counts = np.bincount(of_peaks, minlength=len(labels))
        middle = np.array([np.mean(ENERGY_BINS[first + k : first + k + 2]) for k in range(len(labels))])
        position = np.where(counts > 0, sums / np.maximum(counts, 1), middle)
        return _Groups(labels, of_peaks, 0, position, float(position[0]))
    sites = find_sites(fit.model.pbms.take(np.array([motif])), fit.codes[fit.rows], min_energy)
    counts = _apart(sites.sequence, sites.start, int(fit.model.pbms.motifs.lengths[motif]), len(fit.rows))
    labels = [*map(str, range(_MOST_SITES)), f"{_MOST_SITES} or more"]
    energy = float(energies[counts == 0].mean()) if (counts == 0).any() else 0.0
    return _Groups(labels, np.minimum(counts, _MOST_SITES), 0, np.arange(_MOST_SITES + 1.0), energy)


def _apart(sequence: np.ndarray, start: np.ndarray, length: int, n: int) -> np.ndarray:
    """Return how many sites that do not overlap each sequence has, counted from the left."""
    counts, row, end = np.zeros(n, dtype=np.int64), -1, 0
    for i, first in zip(sequence.tolist(), start.tolist(), strict=True):
        if i != row or first >= end:
            counts[i] += 1
            row, end = i, first + length
    return counts


def _matched(fit: Fitted, motif: int, groups: _Groups) -> MatchedGroups:
    """Match groups in GC content and in what the model says without the motif."""
    without = fit.modelled_values.copy()
    without[:, motif] = 0.0
    gc = gc_content(fit.codes[fit.rows])
    strata = shares(gc, _GC_STRATA) * _OTHER_STRATA + shares(fit.model.linear_predictor(without), _OTHER_STRATA)
    return MatchedGroups.of(groups.of_peaks, strata, len(groups.labels), groups.reference)


def _curves(model: TrajectoryModel, motifs: np.ndarray, values: np.ndarray, references: list[float]) -> np.ndarray:
    """Return the mean prediction if all peaks had the same energy, less that at the reference's, motifs x grid."""
    out = []
    for i, reference in zip(motifs, references, strict=True):
        without = values.copy()
        without[:, i] = 0.0
        own = (responses(GRID) - responses(np.zeros(()))) @ model.coefficients[i]
        eta = model.linear_predictor(without)[:, None] + own + model.interactions.gains_of(int(i), GRID, values)
        mean = model.dap_of(eta).mean(axis=0)
        out.append(mean - np.interp(reference, GRID, mean))
    return np.array(out)


def _table(
    fit: Fitted, chosen: np.ndarray, groups: list[_Groups], matched: list[MatchedGroups], said: list[list[np.ndarray]]
) -> dict[str, np.ndarray]:
    """Return the columns of the table of groups, one row per motif and group."""
    dap, names = fit.peaks.dap, fit.model.motif_names[chosen]
    columns: dict[str, list[np.ndarray]] = {}
    for k, (one, of) in enumerate(zip(groups, matched, strict=True)):
        n = np.bincount(one.of_peaks, minlength=len(one.labels))
        parts = [dap[one.of_peaks == g] for g in range(len(one.labels))]
        model = np.array([row[k] for row in said])
        low, high = np.percentile(model[1:], _INTERVAL, axis=0)
        row = {
            "motif": np.full(len(n), str(names[k]), dtype=object),
            "group": np.array(one.labels, dtype=object),
            "position": one.position,
            "n": n,
            "dap": np.array([part.mean() if len(part) else np.nan for part in parts]),
            "dap_se": np.array([part.std(ddof=1) / np.sqrt(len(part)) if len(part) > 1 else np.nan for part in parts]),
            "n_matched": of.n_matched,
            "matched": of.differences(dap),
            "matched_se": of.errors(dap),
            "model": model[0],
            "model_low": low,
            "model_high": high,
        }
        for name, column in row.items():
            columns.setdefault(name, []).append(column)
    return {name: np.concatenate(parts) for name, parts in columns.items()} | {
        "motif_names": np.array([str(name) for name in names], dtype=object)
    }
