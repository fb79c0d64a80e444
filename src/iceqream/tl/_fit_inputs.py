"""What a fit is given, read from the data: constants, peaks, split, features and weights."""

from __future__ import annotations

import logging
from dataclasses import fields
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import coordinates, peak_mask
from iceqream._core.messages import did_you_mean, examples, refuse_data
from iceqream._files import numbers
from iceqream.inference import FitOptions
from iceqream.models.features import SEQUENCE_FEATURES, available_features, stored_features

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from anndata import AnnData

    from iceqream.inference.options import Preset

    _Wanted = tuple[bool | list[str], dict[str, np.ndarray]]

logger = logging.getLogger(__name__)

DEFAULT_MIN_TSS_DISTANCE = 5_000
DEFAULT_HELD_OUT = 0.2


def fit_options(preset: Preset, given: dict[str, Any], function: Callable[..., Any]) -> FitOptions:
    """Return the constants of the inference; refuse what neither they nor the `function` know, and senseless values."""
    known = [field.name for field in fields(FitOptions)]
    unknown = [name for name in given if name not in known]
    if unknown:
        own = [name for name, one in signature(function).parameters.items() if one.kind is one.KEYWORD_ONLY]
        near = did_you_mean(unknown[0], [*own, *known])
        said = near or f" Constants of the inference are {', '.join(known)}."
        msg = f"{function.__name__} has no option {examples(unknown)}.{said}"
        raise TypeError(msg)
    return FitOptions.preset(preset, **given)


def peak_weights_of(adata: AnnData, weights: str | np.ndarray | None) -> np.ndarray | None:
    """Return the weight of each peak, float64, unchecked; ``None`` without."""
    refuse_data(weights, "weights")
    if not isinstance(weights, str):
        return None if weights is None else np.asarray(weights, dtype=np.float64)
    if weights not in adata.var or not pd.api.types.is_numeric_dtype(adata.var[weights]):
        msg = f"weights={weights!r} is not a numeric column of var ({examples(adata.var.columns) or 'none'})."
        raise KeyError(msg)
    return adata.var[weights].to_numpy(dtype=np.float64)


def modelled_peaks(adata: AnnData, peaks: Any, min_tss_distance: int | None) -> np.ndarray:
    """Return the mask of the peaks to model and log what was left out."""
    mask = np.ones(adata.n_vars, dtype=bool)
    if peaks is not None:
        chosen = peak_mask(adata, peaks)
        mask &= chosen
        logger.info("%d of %d peaks chosen by peaks=", mask.sum(), len(mask))
    if min_tss_distance is not None:
        if _keys.TSS_DISTANCE not in adata.var:
            msg = (
                "There is no var['tss_distance']: run iq.pp.tss_distance(adata, 'genes.gtf.gz') first, or pass "
                "min_tss_distance=None to model peaks near start sites as well."
            )
            raise KeyError(msg)
        far = _far(adata, min_tss_distance)
        near = int((mask & ~far).sum())
        if near:
            logger.warning("%d of %d peaks lie within %d bp of a start site and are left out (min_tss_distance)", near,
                           mask.sum(), min_tss_distance)  # fmt: skip
        mask &= far
    if not mask.any():
        msg = f"No peak of {adata.n_vars} is left to model: relax peaks or min_tss_distance."
        raise ValueError(msg)
    return mask


def _far(adata: AnnData, min_tss_distance: int) -> np.ndarray:
    """Return which peaks are farther from a start site; those without a distance are."""
    distance = numbers(adata.var[_keys.TSS_DISTANCE])
    missing = np.isnan(distance)
    if missing.all():
        msg = (
            "var['tss_distance'] has no number: run iq.pp.tss_distance(adata, 'genes.gtf.gz'), or pass "
            "min_tss_distance=None."
        )
        raise ValueError(msg)
    if missing.any():
        logger.warning("%d of %d peaks have no distance to a start site: taken as far", missing.sum(), len(missing))
    return missing | (np.abs(distance) > min_tss_distance)


def split_peaks(
    adata: AnnData, split: float | str | Sequence[str], modelled: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return masks of training and held-out peaks over all peaks."""
    refuse_data(split, "split")
    test = np.zeros(adata.n_vars, dtype=bool)
    if isinstance(split, int | float):
        if not 0 <= split < 1:
            msg = f"The held-out fraction must lie in [0, 1), got {split}."
            raise ValueError(msg)
        rows = np.flatnonzero(modelled)
        test[rng.permutation(rows)[: round(split * len(rows))]] = True
        return ~test, test
    if isinstance(split, str) and split != _keys.CHROM:
        return _split_by_column(adata, split, modelled)
    chrom = coordinates(adata)["chrom"].to_numpy().astype(str)
    present, counts = np.unique(chrom[modelled], return_counts=True)
    if isinstance(split, str):
        if len(present) < 2:
            msg = f"All peaks lie on {present[0]}: a split by chromosome needs two. Use a fraction or a column."
            raise ValueError(msg)
        order = rng.permutation(len(present))
        reached = np.cumsum(counts[order]) / counts.sum()
        held_out = present[order[: max(1, int((reached <= DEFAULT_HELD_OUT).sum()))]]
    else:
        held_out = np.array([str(c) for c in split])
        unknown = held_out[~np.isin(held_out, present)]
        if len(unknown):
            msg = f"No modelled peak lies on {examples(unknown)}, to be held out; there are {examples(present)}."
            raise ValueError(msg)
    logger.info("held out: %s", ", ".join(held_out))
    test = np.isin(chrom, held_out)
    return ~test, test


def _split_by_column(adata: AnnData, split: str, modelled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if split not in adata.var:
        msg = f"split={split!r} is neither a fraction, 'chrom', nor a column of var ({examples(adata.var.columns)})."
        raise KeyError(msg)
    column = adata.var[split]
    if column.dtype == bool:
        train = column.to_numpy()
        return train, ~train
    names = column.astype(str).to_numpy()
    train, test = (names == name for name in _keys.SPLITS[:2])
    if not train.any():
        msg = f"var[{split!r}] marks no peak 'train'; it holds {examples(column.astype(str).unique())}."
        raise ValueError(msg)
    neither = modelled & ~np.isin(names, _keys.SPLITS)
    if neither.any():
        found = examples(np.unique(names[neither]))
        logger.warning(
            "var[%r] is neither train, test nor unused in %d peaks (%s): left out", split, neither.sum(), found
        )
    return train, test


def features_of(adata: AnnData, features: bool | Sequence[str]) -> _Wanted:  # noqa: FBT001
    """Return which sequence features are wanted and the unscaled values of the others."""
    refuse_data(features, "features")
    if features is False:
        return False, {}
    if features is True:
        return True, stored_features(adata)
    wanted = [str(name) for name in features]
    given = available_features(adata, wanted)
    missing = [name for name in wanted if name not in SEQUENCE_FEATURES and name not in given]
    if missing:
        msg = (
            f"Feature {examples(missing)} is neither a sequence feature, in varm['features'], nor a numeric column of "
            "var or of a DataFrame in varm."
        )
        raise KeyError(msg)
    return [name for name in wanted if name in SEQUENCE_FEATURES], given


def result_table(
    dap: np.ndarray, predicted: np.ndarray, is_train: np.ndarray, used: np.ndarray, weights: np.ndarray | None,
    peaks: pd.Index,
) -> pd.DataFrame:  # fmt: skip
    """Return what a fit says of each peak: dap, pred, split (and weight)."""
    category = np.where(is_train & used, "train", np.where(used, "test", "unused"))
    table = pd.DataFrame(
        {
            _keys.DAP: dap.astype(np.float32),
            _keys.PREDICTION: predicted.astype(np.float32),
            _keys.SPLIT: pd.Categorical(category, categories=list(_keys.SPLITS)),
        },
        index=peaks,
    )
    if weights is not None:
        table[_keys.WEIGHT] = weights
    return table


def stored_filters(preset: str, layer: str, min_tss_distance: int | None, split: Any, rng: Any) -> dict[str, Any]:
    """Return how peaks were chosen, as it is kept with a model."""
    return {
        "preset": preset,
        "layer": layer,
        "min_tss_distance": min_tss_distance,
        "split": split if isinstance(split, str | float | int) else ",".join(map(str, split)),
        "rng": rng if isinstance(rng, int) else None,
    }
