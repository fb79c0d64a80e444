"""What each motif adds to each state or metacell."""

from __future__ import annotations

import logging
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._anndata import check_layer, dense, get_adata, peak_mask, prepare, sequences_of
from iceqream._core.messages import examples
from iceqream._core.ridge import PENALTIES, ridge_many
from iceqream._core.sequence import centre
from iceqream._core.threads import threads
from iceqream._stored_models import check_no_model
from iceqream.get._model_motifs import model_motifs
from iceqream.models.features import SEQUENCE_FEATURES, available_features, sequence_features

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

    from iceqream.models.features import FeatureScaling

logger = logging.getLogger(__name__)

DEFAULT_FOLDS = 5


def motif_activity(
    data: AnnData | MuData,
    *,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    layer: str = _keys.ACCESS_PROBABILITY,
    peaks: Any = None,
    covariates: bool = True,
    n_folds: int = DEFAULT_FOLDS,
    key_added: str = _keys.MOTIF_ACTIVITY,
    mod: str = _keys.ATAC,
    rng: int | np.random.Generator = 0,
    n_jobs: int | None = None,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Estimate what each motif adds to the accessibility of each row: of every state or metacell.

    The access probabilities of a row, as deviations from the mean over all rows, are regressed over the peaks on the
    energies of the model's motifs, all motifs together: a motif is active in a row if peaks with more of it are more
    accessible there than in the average row. What GC content, dinucleotides and the other features of the model explain
    is taken out first, and what the average row explains: a shallow row is less accessible wherever others are, at CTCF
    sites for instance. The regression is a ridge with one penalty for all rows, which predicts held-out peaks best;
    energies are standardised, so that an activity is the change of access probability per standard deviation of the
    motif's energy. Activities of a motif sum to 0 over the rows: of data with one abundant type the average row is of
    this type.

    `iceqream.get.motif_activity` makes an AnnData of rows x motifs with the embeddings of the data, which scanpy draws:
    ``sc.pl.umap(iq.get.motif_activity(data), color="GATA", cmap="RdBu_r", vcenter=0)``.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model and sequences. The rows need not be those that the model
        was fitted on.
    key, trajectory
        Key of the model, and of a manifold the trajectory (``None``: all its motifs).
    layer
        Access probabilities.
    peaks
        Peaks to learn from, as in `iceqream.tl.fit_trajectory`; ``None`` takes all.
    covariates
        Whether sequence composition, the model's other features and the average row are taken out.
    n_folds
        Random folds of the peaks in which the penalty is chosen and R2 is measured.
    key_added
        Key of ``obsm`` and ``uns``, and how the columns of ``obs`` begin.
    mod
        Modality of a MuData that holds the peaks.
    rng
        Seed or generator of the folds.
    n_jobs
        Threads that compute energies; the result does not depend on it.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``obsm[key_added]`` (float32, rows x motifs), ``obsm[key_added + "_se"]``
    (standard errors, robust to unequal variances; without the bias of the penalty), ``obs[key_added + "_r2"]`` and
    ``obs[key_added + "_r2_covariates"]`` (of the deviations of held-out peaks, by all and by the covariates alone;
    below 0 where the mean predicts better; NaN for a row that does not deviate) and ``uns[key_added]`` (motif_names,
    params).

    Raises
    ------
    KeyError
        If there is no such model or layer, or no sequences.
    ValueError
        If there are fewer than two rows or too few peaks, or a feature of the model is not in the data.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, preset="paper")
    >>> iq.tl.motif_activity(adata)
    >>> iq.get.motif_activity_df(adata)["GATA"].is_monotonic_increasing
    True
    """
    if not isinstance(n_folds, Integral) or isinstance(n_folds, bool) or n_folds < 2:
        msg = f"n_folds must be a whole number of at least 2, got {n_folds!r}."
        raise ValueError(msg)
    pbms, features = model_motifs(data, key, trajectory, mod)
    adata = get_adata(data, mod)
    check_layer(adata, layer)
    codes = sequences_of(adata)
    given = _given_features(adata, features) if covariates else {}
    used, mean = _usable(adata, layer, peaks, given)
    n_terms = len(pbms) + (len(SEQUENCE_FEATURES) + len(given) + 1 if covariates else 0)
    if adata.n_obs < 2 or len(used) < max(2 * n_terms, n_folds):
        msg = (
            f"{len(used)} peaks and {adata.n_obs} row(s) do not tell the activity of {len(pbms)} motifs beside "
            f"{n_terms - len(pbms)} covariates: two rows and {max(2 * n_terms, n_folds)} peaks are needed."
        )
        raise ValueError(msg)
    check_no_model(data, key_added, mod)
    data, adata = prepare(data, mod, copy=copy)
    values: Any = adata.layers[layer]
    width = min(pbms.width, codes.shape[1])

    def deviations(rows: slice) -> np.ndarray:
        return (dense(values[rows])[:, used] - mean[used]).T

    with threads(n_jobs):
        energies = pbms.normalized_energies(codes[used])
        taken_out = np.empty((len(used), 0))
        if covariates:
            others = [column[used] for column in given.values()]
            taken_out = np.column_stack([sequence_features(centre(codes[used], width)), *others, mean[used]])
        fold = np.random.default_rng(rng).permutation(len(used)) % n_folds
        found = ridge_many(energies, taken_out, deviations, adata.n_obs, fold)
    _say(found.penalty, found.r2, found.r2_covariates, len(used))
    adata.obsm[key_added] = found.coefficients.astype(np.float32)
    adata.obsm[key_added + _keys.ERROR] = found.errors.astype(np.float32)
    adata.obs[key_added + _keys.ACTIVITY_R2] = found.r2
    adata.obs[key_added + _keys.ACTIVITY_R2_COVARIATES] = found.r2_covariates
    adata.uns[key_added] = {
        "kind": _keys.MOTIF_ACTIVITY,
        "motif_names": np.array([str(name) for name in pbms.motifs.names], dtype=object),
        "params": {
            "key": key,
            "trajectory": trajectory or "",
            "layer": layer,
            "covariates": bool(covariates),
            "n_peaks": len(used),
            "n_folds": int(n_folds),
            "penalty": found.penalty,
        },
    }
    return data if copy else None


def _given_features(adata: AnnData, features: FeatureScaling) -> dict[str, np.ndarray]:
    """Return the features of the model that are not computed from sequence, float64 per peak."""
    wanted = [str(name) for name in features.names if name not in SEQUENCE_FEATURES]
    found = available_features(adata, wanted)
    missing = [name for name in wanted if name not in found]
    if missing:
        msg = (
            f"{len(missing)} feature(s) of the model are neither in varm['features'] nor columns of var: "
            f"{examples(missing)}. Add them, or pass covariates=False."
        )
        raise ValueError(msg)
    return {name: np.asarray(found[name], dtype=np.float64) for name in wanted}


def _usable(adata: AnnData, layer: str, peaks: Any, given: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the peaks to learn from, and the mean access probability of every peak."""
    mask = np.ones(adata.n_vars, dtype=bool) if peaks is None else peak_mask(adata, peaks)
    mean = np.asarray(adata.layers[layer].mean(axis=0, dtype=np.float64)).ravel()
    known = np.isfinite(mean)
    for column in given.values():
        known &= np.isfinite(column)
    left = mask & ~known
    if left.any():
        logger.warning("%d of %d peaks have missing values and are left out, for instance %s", left.sum(), mask.sum(),
                       examples(adata.var_names[left]))  # fmt: skip
    return np.flatnonzero(mask & known), mean


def _say(penalty: float, r2: np.ndarray, r2_covariates: np.ndarray, n_peaks: int) -> None:
    known = np.isfinite(r2)
    if not known.any():
        logger.warning("the rows do not differ: all activities are 0")
        return
    middle, without = float(np.median(r2[known])), float(np.median(r2_covariates[known]))
    logger.info("activities from %d peaks, penalty %.2g per peak: R2 of held-out peaks %.3f in the median row "
                "(covariates alone: %.3f)", n_peaks, penalty, middle, without)  # fmt: skip
    if penalty == PENALTIES[-1] or middle <= without:
        logger.warning("the motifs explain nothing of held-out peaks in most rows (median R2 %.4f, covariates alone "
                       "%.4f): activities mean little", middle, without)  # fmt: skip
