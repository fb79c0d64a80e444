"""Refine a fitted model: motifs, spatial curves and coefficients, learned together."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from iceqream import _keys
from iceqream._core.threads import threads
from iceqream._progress import progress_bar
from iceqream.inference.refined_model import REFINEMENT_STEPS, refined_model, warn_of_others
from iceqream.models.trajectory import check_has_motifs
from iceqream.tl._fitted import to_change, write, write_unchanged

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

logger = logging.getLogger(__name__)


def refine(
    data: AnnData | MuData,
    *,
    pssm_pull: float | Literal["cv"] = "cv",
    curve_smoothness: float | None = None,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    key_added: str | None = None,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    rng: int | np.random.Generator = 0,
    progress: bool = True,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Learn the PSSMs, spatial curves and coefficients of a fitted model together, from what it predicts.

    All motifs take steps down the gradient of the model's own deviance; each PSSM is pulled towards where it started,
    curves stay smooth. In folds of the training peaks, three pulls and up to twice the default steps are judged by the
    deviance of the peaks that are held out; where none lowers it, the model stays as it is, with a warning. (The folds
    err on the careful side: the motifs as they are were learned on all training peaks.) Pairs of terms stay, their
    scale is learned anew. Motifs without weight are dropped, and those that have become like a stronger one (energies
    that correlate above 0.95 and similar PSSMs).

    Names stay; a warning names motifs that became another than they were. `iceqream.pl.refinement` draws both.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model of any preset, edited or not.
    pssm_pull
        How strongly PSSMs are held where they are, as so many peaks' worth per position; ``"cv"`` chooses it and the
        number of passes in folds. A number refines with it in about 30 steps, one pass at least, in any case.
    curve_smoothness
        How strongly neighbouring bins of a spatial curve are held together, in the same units; ``None`` is as in the
        fit.
    key
        Key of ``uns`` and ``varm`` where the model is.
    trajectory
        Name of one trajectory of a manifold (`iceqream.get.model`).
    key_added
        Where the changed model goes; ``None`` replaces the old one. A changed trajectory of a manifold, which shares
        its motifs with others, needs a key of its own.
    mod
        Modality of a MuData that holds the peaks.
    n_jobs
        Threads; the result does not depend on it.
    rng
        Seed or generator of the folds and of the order of the peaks.
    progress
        Whether to show a progress bar.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``uns[key_added]`` (the model, with one more row, "refined", in its levels,
    and the motifs that it started from) and ``varm[key_added]`` (pred).

    Raises
    ------
    KeyError
        If there is no fit under the key.
    ValueError
        If the model has no motifs or takes the best window of each (``mode="max"``), or a number makes no sense, or a
        changed trajectory of a manifold would have no key of its own.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, refine=False)
    >>> iq.tl.refine(adata, pssm_pull=20.0)
    >>> iq.get.levels_df(adata).index[-1]
    'refined'
    """
    fit = to_change(data, key, mod, trajectory=trajectory, key_added=key_added, copy=copy)
    check_has_motifs(fit.model)
    if fit.model.pbms.mode == "max":
        msg = "The model takes the best window of each motif; only sums are refined. Run iq.tl.refit(mode='sum') first."
        raise ValueError(msg)
    options = fit.options
    smoothness = options.curve_smoothness if curve_smoothness is None else curve_smoothness
    # how the motifs were first learned makes no difference here
    options = replace(options, learning="clusters", refine="cv", curve_smoothness=smoothness)
    if not isinstance(pssm_pull, str):
        options = replace(options, refine=True, pssm_pull=pssm_pull)
    elif pssm_pull != "cv":
        msg = f"pssm_pull must be 'cv' or a number of at least 0, got {pssm_pull!r}."
        raise ValueError(msg)
    options.check()
    n, codes = len(fit.model.pbms), fit.codes[fit.rows]
    with threads(n_jobs), progress_bar(REFINEMENT_STEPS, "refining", "pass", show=progress) as bar:
        found = refined_model(
            fit.model,
            codes,
            fit.modelled_values[:, n:],
            fit.peaks,
            options,
            lambda_=fit.lambda_,
            scaled=fit.scaled,
            rng=np.random.default_rng(rng),
            advance=bar.update,
        )
        bar.update(REFINEMENT_STEPS - bar.n)
    if found is None:
        write_unchanged(fit, key)
        return fit.data if copy else None
    warn_of_others(found.model.pbms)
    dropped = {str(fit.model.motif_names[motif]): reason for motif, reason in found.dropped.items()}
    noted = {"refined": True, "refine_pull": found.pull, "refine_passes": found.passes}
    fit = replace(fit, model=replace(fit.model, stats={**fit.model.stats, **noted}))
    write(fit, found.model, found.fit, "refined", dropped=dropped)
    return fit.data if copy else None
