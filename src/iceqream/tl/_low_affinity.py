"""Several weak sites or one strong one."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from iceqream import _keys
from iceqream._core.correlation import r2, r2_interval
from iceqream._core.false_discovery import false_discovery_rates
from iceqream._core.matched_means import MatchedGroups, shares
from iceqream._core.threads import threads
from iceqream._progress import progress_bar
from iceqream._stored_models import check_no_model
from iceqream.inference.low_affinity import explained_more, groups_by_energy, groups_by_sites, refitted
from iceqream.models.trajectory import check_has_motifs
from iceqream.tl._fitted import Fitted, fitted

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

    from iceqream.inference.low_affinity import TwoGroups

logger = logging.getLogger(__name__)

_STRATA = 5
"""Of peaks by the summed energy."""
_FEWEST = 20
"""Peaks of each group, below which nothing is compared."""


def low_affinity(
    data: AnnData | MuData,
    *,
    definition: Literal["energy", "sites"] = "energy",
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    key_added: str = _keys.LOW_AFFINITY,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    progress: bool = True,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Ask whether motifs act through several weak sites or through their best one (paper eqs. 8 and 9, fig. 3B, C).

    The low-affinity score of a motif is the mean dAP of peaks with several weak sites less that of peaks with a single
    strong one, turned round for motifs that close: positive where several weak sites do more. The two groups also
    differ in how much of the motif they have in all, and in whatever else; therefore beside it stands the difference of
    what the model, in which sites add up, leaves unexplained, between peaks of the same energy (fifths): below 0 where
    the best site counts and the sum says too much of weak ones.

    The direct question is put to the model: with the energy of the best site instead of the sum over sites, for one
    motif at a time and for all together, the coefficients are fitted again, and what more (or less) of dAP they explain
    in held-out peaks is given with its standard error.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model.
    definition
        ``"energy"``, as in the publication's notebooks: of peaks in which the energy of the sum or of the best site,
        each on its scale of 0-10, is 7.5 at least, those in which the best site exceeds the sum most (the upper 30 %)
        have a single site, those at least 1 below them several. ``"sites"``, as in its text: a single site of local
        energy 8 or more and no other of 6, or several sites of 6 to 8, which do not overlap.
    key, trajectory
        Key of the model, and of a manifold the trajectory.
    key_added
        Key of ``uns``.
    mod
        Modality of a MuData that holds the peaks.
    n_jobs
        Threads; the result does not depend on it.
    progress
        Whether to show a bar.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``uns[key_added]``, which `iceqream.get.low_affinity_df` reads and
    `iceqream.pl.low_affinity` draws.

    Raises
    ------
    KeyError
        If there is no fit under the key.
    ValueError
        If the model has no motifs, its energies are those of the best site already, or `definition` is unknown.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.tl.low_affinity(adata)
    >>> bool(iq.get.low_affinity_df(adata, part="models")["r2"].loc["sum"] > 0.3)
    True
    """
    if definition not in {"energy", "sites"}:
        msg = f"definition must be 'energy' or 'sites', got {definition!r}."
        raise ValueError(msg)
    check_no_model(data, key_added, mod)
    fit = fitted(data, key, mod, trajectory=trajectory, copy=copy)
    check_has_motifs(fit.model)
    if fit.model.pbms.mode != "sum":
        msg = "The model has the energies of best sites: iq.tl.refit(data, mode='sum', key_added=...) sums them."
        raise ValueError(msg)
    n = len(fit.model.pbms)
    with threads(n_jobs), progress_bar(n + 2, "low affinity", "fit", show=progress) as bar:
        best_pbms = fit.scaled(replace(fit.model.pbms, mode="max"))
        codes = fit.codes[fit.rows]
        best = best_pbms.normalized_energies(codes)
        summed = fit.modelled_values[:, :n]
        by_energy = definition == "energy"
        groups = groups_by_energy(summed, best) if by_energy else groups_by_sites(fit.model.pbms, codes)
        predicted = []
        for taken in ([], *([i] for i in range(n)), list(range(n))):
            values = fit.modelled_values.copy()
            values[:, taken] = best[:, taken]
            # the predictions are those of the values: which PBMs the model keeps does not matter
            predicted.append(refitted(fit.model, fit.model.pbms, values, fit.peaks, fit.lambda_, fit.options))
            bar.update(1)
    test = ~fit.peaks.is_train
    if not test.any():
        logger.warning("no peak is held out: what the best site explains is not known")
    gains = np.array([explained_more(predicted[0][test], one[test], fit.peaks.dap[test]) for one in predicted[1:]])
    fit.adata.uns[key_added] = {
        "kind": _keys.LOW_AFFINITY,
        "motif_names": np.array([str(name) for name in fit.model.motif_names], dtype=object),
        **_compared(fit, groups, predicted[0]),
        **_tested("best_site", gains[:-1]),
        "models": _models(fit, predicted[0], predicted[-1], gains[-1]),
        "params": {"key": key, "trajectory": trajectory or "", "definition": definition, "n_test": int(test.sum())},
    }
    return fit.data if copy else None


def _compared(fit: Fitted, groups: TwoGroups, predicted: np.ndarray) -> dict[str, np.ndarray]:
    """Return the low-affinity score of each motif, and the same of what the model leaves."""
    from scipy.stats import ks_2samp

    dap = fit.peaks.dap
    left = dap - predicted
    rows: list[dict[str, float]] = []
    for m, (several, single) in enumerate(zip(groups.several.T, groups.single.T, strict=True)):
        sign = 1.0 if fit.model.effects[m] >= 0 else -1.0
        row = {"direction": sign, "n_several": int(several.sum()), "n_single": int(single.sum())}
        known = min(row["n_several"], row["n_single"]) >= _FEWEST
        names = ("dap_several", "dap_single", "score", "score_se", "unexplained", "unexplained_se", "ks", "ks_p")
        row |= dict.fromkeys(names, np.nan)
        if known:
            row["dap_several"], row["dap_single"] = float(dap[several].mean()), float(dap[single].mean())
            row["score"], row["score_se"] = _difference(sign * dap[several], sign * dap[single])
            energy = fit.modelled_values[:, m].astype(np.float64)
            row["unexplained"], row["unexplained_se"] = _unexplained(sign * left, several, single, energy)
            test = ks_2samp(dap[several], dap[single])
            row["ks"], row["ks_p"] = float(test.statistic), float(test.pvalue)
        rows.append(row)
    table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    both = np.column_stack([table["unexplained"], table["unexplained_se"]])
    return {**table, "ks_q": false_discovery_rates(table["ks_p"]), **_tested("unexplained", both)}


def _unexplained(left: np.ndarray, several: np.ndarray, single: np.ndarray, energy: np.ndarray) -> tuple[float, float]:
    """Return the difference of what is left between peaks of the same summed energy, and its standard error."""
    rows = np.flatnonzero(several | single)
    strata = shares(energy[rows], _STRATA)
    matched = MatchedGroups.of(several[rows].astype(np.int64), strata, 2, 0)
    return float(matched.differences(left[rows])[1]), float(matched.errors(left[rows])[1])


def _difference(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Return the difference of two means, and its standard error."""
    error = np.sqrt(first.var(ddof=1) / len(first) + second.var(ddof=1) / len(second))
    return float(first.mean() - second.mean()), float(error)


def _tested(name: str, found: np.ndarray) -> dict[str, np.ndarray]:
    """Return values (n x value and standard error) with p and q that they are not 0."""
    from scipy.stats import norm

    value, error = found.reshape(-1, 2).T
    z = np.divide(value, error, out=np.full(len(value), np.nan), where=error > 0)
    # nothing changed
    z = np.where(value == 0, 0.0, z)
    p = 2 * norm.sf(np.abs(z))
    return {name: value, f"{name}_se": error, f"{name}_p": p, f"{name}_q": false_discovery_rates(p)}


def _models(fit: Fitted, summed: np.ndarray, best: np.ndarray, gain: np.ndarray) -> dict[str, np.ndarray]:
    """Return R2 of the model with sums and with best sites, and how they differ."""
    train, test, dap = fit.peaks.is_train, ~fit.peaks.is_train, fit.peaks.dap
    both = (summed, best)
    ends = np.array([r2_interval(one[test], dap[test]) for one in both])
    return {
        "r2_train": np.array([r2(one[train], dap[train]) for one in both]),
        "r2": np.array([r2(one[test], dap[test]) for one in both]),
        "r2_low": ends[:, 0],
        "r2_high": ends[:, 1],
        "gain": np.array([0.0, gain[0]]),
        "gain_se": np.array([0.0, gain[1]]),
    }
