"""Fit the response functions of a model again, or add pairs of terms to it."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from iceqream import _keys
from iceqream._core.messages import examples
from iceqream._core.threads import threads
from iceqream._progress import progress_bar
from iceqream._stored_models import replace_trajectories
from iceqream.inference import FitOptions
from iceqream.inference.filtering import residual_r2 as exact_residual_r2
from iceqream.inference.pairs import add_interactions as join_interactions
from iceqream.inference.peaks import ModelledPeaks
from iceqream.models.interactions import Interactions
from iceqream.tl._fitted import Fitted, changed, each_fitted, to_change, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from mudata import MuData

    from iceqream._core.energy import Mode

logger = logging.getLogger(__name__)


def add_interactions(
    data: AnnData | MuData,
    *,
    min_coefficient: float = FitOptions.min_anchor_coefficient,
    max_interactions: int | None = None,
    min_correlation: float = FitOptions.min_interaction_correlation,
    expand: bool = False,
    passes: int = 1,
    heredity: bool = FitOptions.heredity,
    pair_penalty: float = FitOptions.pair_penalty,
    only_if_better: bool = False,
    lambda_: float | Literal["cv"] = FitOptions.lambda_,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    key_added: str | None = None,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    rng: int | np.random.Generator = 0,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Add products of terms to a fitted model and refit everything (METHOD section 6, level 5).

    Terms with weight in the model are anchors. Pairs of anchor motifs, and of anchor features and anchor motifs
    (dinucleotides excluded), enter as products scaled to [0, 1] and explain what the terms alone leave: they are
    penalised more strongly, and leave again where they, or one of their terms alone, get no weight. Interactions that
    the model has are replaced.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model.
    min_coefficient
        Absolute coefficient that an anchor also needs in a linear model of the energies, per unit of energy (the
        R package's choice is 0.001).
    max_interactions
        Pairs at most, by correlation of the product with dAP; ``None`` is ten per motif and feature.
    min_correlation
        Pairs below this fraction of the best one's correlation are dropped (the R package's choice is 1/8).
    expand
        Whether the products pass through the four response functions.
    passes
        The pairs are added in so many passes, each ranked by what the passes before left unexplained.
    heredity
        Whether a pair enters only beside weight of both its terms alone.
    pair_penalty
        How many times as strongly pairs are penalised.
    only_if_better
        Add them only if they lower the held-out deviance in five folds of the training peaks.
    lambda_
        Penalty; ``"cv"`` chooses it by cross-validation inside the training peaks.
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
        Seed or generator of the folds.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``uns[key_added]`` (the model, with one more row in its levels) and
    ``varm[key_added]`` (pred).

    Raises
    ------
    KeyError
        If there is no fit under the key.
    ValueError
        If a number makes no sense, or a changed trajectory of a manifold would have no key of its own.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, interactions=False, max_motifs=8)
    >>> iq.tl.add_interactions(adata)
    >>> iq.get.interactions_df(adata).columns.tolist()
    ['first', 'second', 'coefficient', 'effect', 'effect_se', 'residual_r2']
    """
    fit = to_change(data, key, mod, trajectory=trajectory, key_added=key_added, copy=copy)
    options = replace(
        fit.options,
        lambda_=lambda_,
        interactions="cv" if only_if_better else True,
        min_anchor_coefficient=min_coefficient,
        max_interactions=max_interactions,
        min_interaction_correlation=min_correlation,
        expand_interactions=expand,
        interaction_passes=passes,
        heredity=heredity,
        pair_penalty=pair_penalty,
    )
    options.check()
    generator = np.random.default_rng(rng)
    # later refits follow the same rules
    rules = {"heredity": heredity, "pair_penalty": float(pair_penalty)}
    fit = replace(fit, model=replace(fit.model, params={**fit.model.params, **rules}))
    with threads(n_jobs):
        joined = join_interactions(
            fit.model, fit.modelled_values, fit.peaks, options, lambda_=fit.lambda_, rng=generator
        )
        if joined is None:
            joined = changed(fit, interactions=Interactions.none())
    before, after = len(fit.model.interactions), len(joined[0].interactions)
    if before:
        logger.warning("%d interactions take the place of %d", after, before)
    write(fit, *joined, "add_interactions")
    return fit.data if copy else None


def refit(
    data: AnnData | MuData,
    *,
    lambda_: float | Literal["cv"] | None = None,
    features: bool | Sequence[str] = True,
    mode: Mode | None = None,
    response: str | np.ndarray | None = None,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    key_added: str | None = None,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    rng: int | np.random.Generator = 0,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Fit the coefficients of a model again, with its motifs as they are.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model.
    lambda_
        Penalty; ``"cv"`` chooses it by five-fold cross-validation inside the training peaks, ``None`` keeps the old
        one.
    features
        Whether the features stay, or the names of those that do.
    mode
        ``"max"``: energies of the best window instead of the sum over windows (paper eq. 8), scaled anew as in the fit;
        ``"sum"`` back again; ``None`` keeps what is.
    response
        Another response to learn, one value per peak in place of dAP: a numeric column of ``var``, or an array.
        Split and modelled peaks stay.
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
        Seed or generator of the folds.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``uns[key_added]`` (the model, with one more row in its levels) and
    ``varm[key_added]`` (pred).

    Raises
    ------
    KeyError
        If there is no fit under the key, or the column or a feature is missing.
    ValueError
        If the response has missing values in modelled peaks, or does not vary, or a
        changed trajectory of a manifold would have no key of its own.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.tl.refit(adata, features=False, key_added="motifs_only")
    >>> len(iq.get.model(adata, "motifs_only").features)
    0
    """
    if mode not in {None, "sum", "max"}:
        msg = f"mode must be 'sum', 'max' or None, got {mode!r}."
        raise ValueError(msg)
    fit = to_change(data, key, mod, trajectory=trajectory, key_added=key_added, copy=copy)
    peaks = fit.peaks if response is None else _with_response(fit, response)
    pbms, n = fit.model.pbms, len(fit.model.pbms)
    kept = np.concatenate([np.arange(n), n + _kept_features(fit, features)])
    with threads(n_jobs):
        values = fit.modelled_values[:, kept]
        interactions = fit.model.interactions.without_terms(kept)
        if mode is not None and mode != pbms.mode:
            pbms = fit.scaled(replace(pbms, mode=mode))
            values = np.hstack([pbms.normalized_energies(fit.codes[fit.rows]), values[:, n:]])
        model, regression = changed(
            fit,
            pbms=pbms,
            features=fit.model.features.take(kept[n:] - n),
            interactions=interactions,
            values=values,
            peaks=peaks,
            lambda_=lambda_,
            rng=rng,
        )
    write(fit, model, regression, "refit", peaks=peaks)
    return fit.data if copy else None


def residual_r2(
    data: AnnData | MuData,
    *,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Compute what each motif, feature and interaction is worth: the R2 that its removal costs.

    The model is fitted again without the term (and without the interactions it takes part in), on all training peaks
    and to convergence; the residual R2 is the loss of R2 on these peaks.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model.
    key
        Key of ``uns`` where the model is.
    trajectory
        Name of one trajectory of a manifold (`iceqream.get.model`); ``None`` takes all.
    mod
        Modality of a MuData that holds the peaks.
    n_jobs
        Threads; the result does not depend on it.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``residual_r2`` of ``uns[key]``, shown by `iceqream.get.motifs_df`,
    `iceqream.get.coefs_df` and `iceqream.get.interactions_df`.

    Raises
    ------
    KeyError
        If there is no fit under the key, or no such trajectory.
    ValueError
        If a trajectory is named where there is but one.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.tl.residual_r2(adata)
    >>> bool((iq.get.motifs_df(adata)["residual_r2"] > -1e-3).all())
    True
    """
    fits = each_fitted(data, key, mod, trajectory=trajectory, copy=copy)
    worth = {}
    for name, fit in fits.items():
        n_parts = len(fit.model.terms) + len(fit.model.interactions)
        title = "residual R2" if name is None else f"residual R2, {name}"
        with threads(n_jobs), progress_bar(n_parts, title, "term") as bar:
            found = exact_residual_r2(
                fit.model,
                fit.modelled_values,
                fit.peaks,
                lambda_=fit.lambda_,
                options=fit.options,
                advance=bar.update,
            )
        worth[name or trajectory] = replace(fit.model, residual_r2=found)
    fit = next(iter(fits.values()))
    replace_trajectories(fit.adata, key, worth)
    return fit.data if copy else None


def _with_response(fit: Fitted, response: str | np.ndarray) -> ModelledPeaks:
    if isinstance(response, str):
        if response not in fit.adata.var:
            msg = f"response={response!r} is not a column of var; it has {examples(fit.adata.var.columns)}."
            raise KeyError(msg)
        response = fit.adata.var[response].to_numpy(dtype=np.float64)
    values = np.asarray(response, dtype=np.float64)
    if values.shape != (fit.adata.n_vars,):
        msg = f"The response needs one value per peak ({fit.adata.n_vars}), got shape {values.shape}."
        raise ValueError(msg)
    values = values[fit.rows]
    missing = ~np.isfinite(values)
    if missing.any():
        names = fit.adata.var_names[fit.rows[missing]]
        msg = f"{len(names)} modelled peak(s) have no response, for instance {examples(names)}."
        raise ValueError(msg)
    if np.ptp(values[fit.peaks.is_train]) == 0:
        msg = f"The response is {values[0]:g} in every training peak."
        raise ValueError(msg)
    return ModelledPeaks(values, fit.peaks.is_train, fit.peaks.weights)


def _kept_features(fit: Fitted, features: bool | Sequence[str]) -> np.ndarray:  # noqa: FBT001
    names = [str(name) for name in fit.model.features.names]
    if isinstance(features, bool):
        return np.arange(len(names)) if features else np.array([], dtype=np.int64)
    unknown = [name for name in features if name not in names]
    if unknown:
        msg = f"The model has no feature {examples(unknown)}; it has {', '.join(names) or 'none'}."
        raise KeyError(msg)
    return np.array([i for i, name in enumerate(names) if name in set(features)], dtype=np.int64)
