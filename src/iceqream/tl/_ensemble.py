"""Combine a model's predictions with those of others, and see who explains which peaks (paper fig. 5E)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._core.comparison import N_RESAMPLES, resampled_differences
from iceqream._core.correlation import MIN_PAIRS, r2, r2_interval
from iceqream._core.messages import examples, refuse_data
from iceqream._core.stacking import Stack, cross_fitted, stack, weight_errors
from iceqream._stored_models import check_no_model
from iceqream.tl._fitted import Fitted, fitted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from mudata import MuData

logger = logging.getLogger(__name__)

IQ, ENSEMBLE = "iq", "ensemble"
CLASSES = ("both", "iq", "other", "neither")
"""Who explains a peak."""
DEFAULT_FOLDS = 5
_SHARE = 0.5
"""Of the standard deviation of dAP: the largest error of a peak that is explained."""


def ensemble(
    data: AnnData | MuData,
    predictions: Mapping[str, Any] | pd.DataFrame | str | Sequence[str],
    *,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    stack_on: Literal["test", "train"] = "test",
    out_of_fold: np.ndarray | pd.Series | str | None = None,
    n_folds: int = DEFAULT_FOLDS,
    threshold: float | None = None,
    key_added: str = _keys.ENSEMBLE,
    mod: str = _keys.ATAC,
    rng: int | np.random.Generator = 0,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Combine a model with other predictions of dAP, a deep network's for instance, and tell who explains which peaks.

    The ensemble is a sum of the predictions times weights that are not negative, and an intercept (least squares). It
    is judged on held-out peaks, and by default its few weights are learned there too: in folds, each of which is
    predicted by the weights of the others. On training peaks a model that fits them closely, as deep networks do, would
    take all the weight, unless every prediction there comes from folds that left the peak out. **Predictions for
    held-out peaks must come from models that have not seen them**: of other models this cannot be checked here.

    A peak is explained by a model whose prediction, brought to the scale of dAP by a line in the same folds, is wrong
    by less than `threshold`. Peaks that hardly change are explained by any model, even by the mean: the table says by
    how many of them that is so.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model.
    predictions
        By name, an array with one value per peak, or a Series with the names of the peaks as its index; a DataFrame of
        such columns; or names of numeric columns of ``var``. Any scale will do that grows with dAP.
    key, trajectory
        Key of the model, and of a manifold the trajectory.
    stack_on
        Peaks that the weights are learned on: ``"test"``, the held-out peaks, in folds; ``"train"``, the training
        peaks, as the paper does.
    out_of_fold
        With ``stack_on="train"``, the model's predictions of its training peaks by models that have not seen them, as
        ``data.varm["iq_cv"]["pred"]`` of `iceqream.tl.cross_validate`; an array, a Series or a column of ``var``.
        Without them those of the model itself are taken, and a warning says that it has seen these peaks.
    n_folds
        Random folds of the held-out peaks.
    threshold
        Largest error of a peak that is explained, in units of dAP; ``None`` is half the standard deviation of dAP over
        the held-out peaks.
    key_added
        Key of ``uns`` and ``varm``, and beginning of columns of ``var``.
    mod
        Modality of a MuData that holds the peaks.
    rng
        Seed or generator of folds and resamples.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``uns[key_added]`` (tables: `iceqream.get.ensemble_df`,
    `iceqream.get.error_classes_df`), ``varm[key_added]`` (DataFrame, NaN but for held-out peaks: dap; ensemble, as of
    weights learned without the peak; iq and the other predictions by name, each on the scale of dAP) and for each other
    prediction ``var["<key_added>_<name>"]``, who explains a held-out peak: both, iq, other, neither.

    Raises
    ------
    KeyError
        If there is no fit under the key, or no such column.
    TypeError
        If predictions come in another form.
    ValueError
        If a prediction lacks values of peaks that are needed, has another length or a name that cannot be kept, or too
        few peaks are held out.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> noise = np.random.default_rng(0).normal(size=adata.n_vars)
    >>> iq.tl.ensemble(adata, {"a network": adata.varm["iq"]["dap"] + 0.1 * noise})
    >>> iq.get.ensemble_df(adata).index.tolist()
    ['iq', 'a network', 'ensemble']
    """
    _check_arguments(stack_on, out_of_fold, n_folds, threshold)
    check_no_model(data, key_added, mod)
    fit = fitted(data, key, mod, trajectory=trajectory, copy=copy)
    adata, generator = fit.adata, np.random.default_rng(rng)
    given = _by_name(fit, predictions)
    test, train = fit.rows[~fit.peaks.is_train], fit.rows[fit.peaks.is_train]
    weights = np.ones(adata.n_vars)
    weights[fit.rows] = 1.0 if fit.peaks.weights is None else fit.peaks.weights
    least, counted = MIN_PAIRS * (n_folds if stack_on == "test" else 1), int((weights[test] > 0).sum())
    if counted < least:
        msg = f"{counted} peaks with weight are held out; {least} are needed. Fit with split=0.2, or give fewer folds."
        raise ValueError(msg)
    every = np.column_stack([_own(fit, out_of_fold), *given.values()])
    for name, column in zip(("out_of_fold", *given), every.T, strict=True):
        _check_complete(fit, name, column, test if stack_on == "test" else fit.rows)
    if stack_on == "train" and out_of_fold is None:
        logger.warning("the model has seen the training peaks that the weights are learned on: its weight is too "
                       "large, unless the others have seen them too (out_of_fold=..., or stack_on='test')")  # fmt: skip
    dap = fit.table[_keys.DAP].to_numpy(dtype=np.float64)
    learnt = test if stack_on == "test" else train
    fold = generator.permutation(np.arange(len(test)) % n_folds) if stack_on == "test" else None

    def on_dap(columns: np.ndarray) -> np.ndarray:
        """Return what held-out peaks are predicted to be, by weights that were learned without them."""
        if fold is not None:
            return cross_fitted(columns[test], dap[test], weights[test], fold)
        return stack(columns[train], dap[train], weights[train]).combined(columns[test])

    combined, scaled = on_dap(every), np.column_stack([on_dap(every[:, [k]]) for k in range(every.shape[1])])
    whole = stack(every[learnt], dap[learnt], weights[learnt])
    errors = weight_errors(every[learnt], dap[learnt], weights[learnt], generator, N_RESAMPLES)
    limit = _SHARE * float(dap[test].std()) if threshold is None else float(threshold)
    classes = [_classes(scaled[:, 0], one, dap[test], limit) for one in scaled[:, 1:].T]
    _write_peaks(fit, test, [IQ, *given], combined, scaled, classes, key_added)
    adata.uns[key_added] = {
        "kind": _keys.ENSEMBLE,
        "models": np.array([IQ, *given, ENSEMBLE], dtype=object),
        **_scores(np.column_stack([every[test], combined]), dap[test], generator),
        **_weights_table(whole, errors, every[learnt].std(axis=0) / dap[learnt].std()),
        "intercept": whole.intercept,
        "classes": np.array(CLASSES, dtype=object),
        **_class_table(classes, dap[test], limit),
        "params": {
            "key": key,
            "trajectory": trajectory or "",
            "stack_on": stack_on,
            "in_sample": stack_on == "train" and out_of_fold is None,
            "threshold": limit,
            "n_test": len(test),
        },
    }
    return fit.data if copy else None


def _check_arguments(stack_on: str, out_of_fold: Any, n_folds: int, threshold: float | None) -> None:
    if stack_on not in {"test", "train"}:
        msg = f"stack_on must be 'test' or 'train', got {stack_on!r}."
        raise ValueError(msg)
    if out_of_fold is not None and stack_on == "test":
        msg = "out_of_fold is of training peaks: it is used with stack_on='train' alone."
        raise ValueError(msg)
    if n_folds < 2:
        msg = f"n_folds must be at least 2, got {n_folds}."
        raise ValueError(msg)
    if threshold is not None and not (np.isfinite(threshold) and threshold > 0):
        msg = f"threshold must be a number above 0, got {threshold!r}."
        raise ValueError(msg)


def _own(fit: Fitted, out_of_fold: Any) -> np.ndarray:
    """Return the model's predictions, in training those of models that have not seen the peak, where they are given."""
    own = fit.table[_keys.PREDICTION].to_numpy(dtype=np.float64, copy=True)
    if out_of_fold is not None:
        train = fit.rows[fit.peaks.is_train]
        own[train] = _values(fit, "out_of_fold", out_of_fold)[train]
    return own


def _by_name(fit: Fitted, predictions: Any) -> dict[str, np.ndarray]:
    """Return the other predictions, float64, one value per peak."""
    refuse_data(predictions, "predictions")
    if isinstance(predictions, str):
        predictions = [predictions]
    if isinstance(predictions, Mapping | pd.DataFrame):
        taken = dict(predictions.items())
    elif isinstance(predictions, list | tuple) and all(isinstance(name, str) for name in predictions):
        taken = {name: name for name in predictions}
    else:
        msg = (
            "predictions are a dictionary of arrays or Series by name, a DataFrame, or names of columns of var; got "
            f"{type(predictions).__name__}."
        )
        raise TypeError(msg)
    bad = [name for name in taken if not isinstance(name, str) or not name or "/" in name]
    if bad or not taken:
        msg = f"Predictions have names without '/' (HDF5 cannot keep it), got {examples(map(repr, bad)) or 'none'}."
        raise ValueError(msg)
    own = [name for name in taken if name in {IQ, ENSEMBLE, _keys.DAP}]
    if own:
        msg = f"A prediction cannot be called {examples(own)}, which is the name of another column."
        raise ValueError(msg)
    return {name: _values(fit, name, values) for name, values in taken.items()}


def _values(fit: Fitted, name: str, values: Any) -> np.ndarray:
    """Return a prediction as one value per peak, NaN where it has none."""
    adata = fit.adata
    if isinstance(values, str):
        if values not in adata.var or not pd.api.types.is_numeric_dtype(adata.var[values]):
            msg = f"{values!r} is not a numeric column of var ({examples(adata.var.columns) or 'none'})."
            raise KeyError(msg)
        values = adata.var[values].to_numpy()
    if isinstance(values, pd.Series) and not values.index.equals(adata.var_names):
        if not values.index.is_unique:
            twice = values.index[values.index.duplicated()].unique()
            msg = f"Prediction {name!r} has several values of {len(twice)} peak(s): {examples(twice)}."
            raise ValueError(msg)
        if not values.index.isin(adata.var_names).any():
            msg = (
                f"Prediction {name!r} is of none of the peaks: its index holds {examples(values.index)}, the peaks are "
                f"{examples(adata.var_names)}."
            )
            raise ValueError(msg)
        values = values.reindex(adata.var_names)
    out = np.asarray(values, dtype=np.float64)
    if out.shape != (adata.n_vars,):
        msg = f"Prediction {name!r} needs one value per peak ({adata.n_vars}), got shape {out.shape}."
        raise ValueError(msg)
    return out


def _check_complete(fit: Fitted, name: str, values: np.ndarray, needed: np.ndarray) -> None:
    missing = needed[~np.isfinite(values[needed])]
    if len(missing):
        peaks = fit.adata.var_names[missing]
        msg = (
            f"Prediction {name!r} has no finite value for {len(missing)} of {len(needed)} peaks that are needed, for "
            f"instance {examples(peaks)}."
        )
        raise ValueError(msg)


def _classes(own: np.ndarray, other: np.ndarray, dap: np.ndarray, limit: float) -> np.ndarray:
    """Return the position in `CLASSES` of each peak."""
    by_own, by_other = (np.abs(one - dap) < limit for one in (own, other))
    return np.select([by_own & by_other, by_own, by_other], [0, 1, 2], 3)


def _scores(predicted: np.ndarray, dap: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return R2 of each prediction, the ensemble last, and differences to the first and of the last, with errors."""
    low, high = np.array([r2_interval(one, dap) for one in predicted.T]).T
    to_own = resampled_differences(predicted, dap, 0, rng)
    to_all = resampled_differences(predicted, dap, predicted.shape[1] - 1, rng)
    return {
        "r2": np.array([r2(one, dap) for one in predicted.T]),
        "r2_low": low,
        "r2_high": high,
        "difference": np.array([one.mean for one in to_own]),
        "se": np.array([one.se for one in to_own]),
        "gain": np.array([-one.mean + 0.0 for one in to_all]),
        "gain_se": np.array([one.se for one in to_all]),
    }


def _weights_table(found: Stack, errors: np.ndarray, ratio: np.ndarray) -> dict[str, np.ndarray]:
    """Return the weights with errors, as they are and per standard deviation; the ensemble has none."""
    columns = {
        "weight": found.weights,
        "weight_se": errors,
        "standardized": found.weights * ratio,
        "standardized_se": errors * ratio,
    }
    return {name: np.append(values, np.nan) for name, values in columns.items()}


def _class_table(classes: list[np.ndarray], dap: np.ndarray, limit: float) -> dict[str, np.ndarray]:
    """Return numbers and mean dAP of each class, arrays of other predictions x classes."""
    by_mean = np.abs(dap - dap.mean()) < limit
    shape = (len(classes), len(CLASSES))
    out = {name: np.full(shape, np.nan) for name in ("mean_dap", "mean_dap_se", "mean_size")}
    counts, flat = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for i, of_one in enumerate(classes):
        for k in range(len(CLASSES)):
            inside = of_one == k
            n = counts[i, k] = int(inside.sum())
            flat[i, k] = int(by_mean[inside].sum())
            if n:
                out["mean_dap"][i, k], out["mean_size"][i, k] = dap[inside].mean(), np.abs(dap[inside]).mean()
            if n > 1:
                out["mean_dap_se"][i, k] = dap[inside].std(ddof=1) / np.sqrt(n)
    return {"n_peaks": counts, "n_by_mean": flat, **out}


def _write_peaks(
    fit: Fitted,
    test: np.ndarray,
    names: list[str],
    combined: np.ndarray,
    scaled: np.ndarray,
    classes: list[np.ndarray],
    key_added: str,
) -> None:
    """Write predictions and classes of the held-out peaks."""
    adata = fit.adata
    table = {_keys.DAP: fit.table[_keys.DAP].to_numpy()}
    for name, column in zip((ENSEMBLE, *names), (combined, *scaled.T), strict=True):
        values = np.full(adata.n_vars, np.nan, dtype=np.float32)
        values[test] = column
        table[name] = values
    adata.varm[key_added] = pd.DataFrame(table, index=adata.var_names)
    for name, of_one in zip(names[1:], classes, strict=True):
        codes = np.full(adata.n_vars, -1)
        codes[test] = of_one
        adata.var[f"{key_added}_{name}"] = pd.Categorical.from_codes(codes, categories=pd.Index(CLASSES))
