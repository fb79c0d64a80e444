"""Judge the whole inference on held-out folds."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import fields
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import coordinates, prepare, sequences_of
from iceqream._core.correlation import r2, r2_interval
from iceqream._core.messages import examples
from iceqream._groups import group_labels
from iceqream.inference import FitOptions
from iceqream.inference.inputs import check_library
from iceqream.motifs import as_motif_set
from iceqream.tl._fit_inputs import features_of, fit_options, peak_weights_of
from iceqream.tl._fit_trajectory import fit_trajectory

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

logger = logging.getLogger(__name__)

DEFAULT_FOLDS = 5
_SCRATCH = "_iceqream_fold"
_ARGUMENTS = frozenset(signature(fit_trajectory).parameters)
_CONSTANTS = frozenset(field.name for field in fields(FitOptions))
_COMPARED = frozenset({"preset", "motifs", "features", "weights"})
"""What may differ between compared fits beside the constants: not which peaks, nor their dAP."""


def cross_validate(
    data: AnnData | MuData,
    start: str,
    end: str,
    *,
    folds: int | str = "chrom",
    n_folds: int = DEFAULT_FOLDS,
    compare: Mapping[str, Mapping[str, Any]] | None = None,
    mod: str = _keys.ATAC,
    rng: int | np.random.Generator = 0,
    key_added: str = _keys.CROSS_VALIDATION,
    copy: bool = False,
    **options: Any,
) -> AnnData | MuData | None:
    """Predict every peak by a model that has not seen it: the whole inference, from the screen on, once per fold.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData, as for `iceqream.tl.fit_trajectory`.
    start, end
        Two states.
    folds
        ``"chrom"``: whole chromosomes, shared out so that folds are of similar size; a number: as many random folds; or
        a column of ``var`` with the fold of each peak (missing: unused).
    n_folds
        Number of folds by chromosome; with fewer chromosomes each is a fold.
    compare
        Two or more sets of options by name, each fitted to the same folds: constants of the inference, preset, motifs,
        features or weights, which replace those of `options`. `iceqream.get.comparison_df` tells how the others differ
        from the first.
    mod
        Modality of a MuData that holds the peaks.
    rng
        Seed or generator of random folds and of the fits.
    key_added
        Key of ``varm`` and ``uns``.
    copy
        Whether to return a changed copy.
    **options
        Further arguments of `iceqream.tl.fit_trajectory`, except split.

    Returns
    -------
    ``None``, or the changed copy. Writes ``varm[key_added]`` (DataFrame: dap, pred (held-out; NaN for peaks that are
    not modelled), fold) and ``uns[key_added]`` (DataFrame, one row per fold: r2, its 95 % interval r2_low and r2_high,
    n_peaks, n_motifs). With `compare` there is a ``pred_<name>`` for each set of options instead of pred, and a row
    for each set and fold, with the set's name in a column options.

    Raises
    ------
    KeyError, ValueError, TypeError
        As in `iceqream.tl.fit_trajectory`.
    ValueError
        If there are fewer than two folds, or `compare` holds fewer than two sets or a name that is empty or has a
        slash.
    TypeError
        If a set of `compare` would change which peaks are modelled, or holds something that is no option.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.cross_validate(adata, "S1", "S4", folds=2, motifs=library, min_tss_distance=None, max_motifs=8)
    >>> adata.uns["iq_cv"].columns.tolist()
    ['r2', 'r2_low', 'r2_high', 'n_peaks', 'n_motifs']

    Do few motifs predict as well?

    >>> options = {"eight motifs": {"max_motifs": 8}, "few motifs": {"max_motifs": 4}}
    >>> iq.tl.cross_validate(
    ...     adata, "S1", "S4", folds=2, compare=options, motifs=library, min_tss_distance=None, key_added="few"
    ... )
    >>> iq.get.comparison_df(adata, "few").columns.tolist()
    ['r2', 'n_motifs', 'difference', 'se', 'low', 'high']
    """
    if "split" in options:
        msg = "cross_validate splits by folds=...; leave split out."
        raise TypeError(msg)
    data, adata = prepare(data, mod, copy=copy)
    # the fits see the peaks alone, the groups may be elsewhere in a MuData
    groups = options.get("groupby")
    labels = None if groups is None else group_labels(data, groups, mod)
    generator = np.random.default_rng(rng)
    fold = fold_labels(adata, folds, n_folds, generator)
    names = [str(name) for name in pd.unique(pd.Series(fold).dropna())]
    if len(names) < 2:
        msg = f"Cross-validation needs two folds or more, found {names}. Use folds=5 for random ones."
        raise ValueError(msg)
    sets = _option_sets(adata, compare, options)
    seed = int(generator.integers(2**31))
    predicted = {column: np.full(adata.n_vars, np.nan, dtype=np.float32) for column in sets}
    dap = np.full(adata.n_vars, np.nan, dtype=np.float32)
    rows: dict[str, list[dict[str, Any]]] = {column: [] for column in sets}
    for name in names:
        split = np.where(pd.isna(fold), "unused", np.where(fold == name, "test", "train"))
        for column, given in sets.items():
            work = adata.copy()
            work.var[_SCRATCH] = pd.Categorical(split)
            fit_trajectory(
                work, start, end, **{**given, "split": _SCRATCH, "groupby": labels, "rng": seed, "key_added": _SCRATCH}
            )
            table, model = work.varm[_SCRATCH], work.uns[_SCRATCH]
            test = (table[_keys.SPLIT] == "test").to_numpy()
            predicted[column][test], dap[test] = table[_keys.PREDICTION][test], table[_keys.DAP][test]
            rows[column].append(_scores(predicted[column][test], dap[test], len(model["motif_names"])))
            logger.info("fold %s: R2 of %s %.3f on %d peaks", name, column, rows[column][-1]["r2"], test.sum())
    adata.varm[key_added] = pd.DataFrame(
        {_keys.DAP: dap, **predicted, "fold": pd.Categorical(fold, categories=names)}, index=adata.var_names
    )
    result = pd.concat([pd.DataFrame(rows[column], index=pd.Index(names)) for column in sets])
    if compare is not None:
        result.insert(0, _keys.OPTIONS, np.repeat(list(compare), len(names)).astype(object))
    adata.uns[key_added] = result
    return data if copy else None


def _scores(predicted: np.ndarray, dap: np.ndarray, n_motifs: int) -> dict[str, Any]:
    low, high = r2_interval(predicted, dap)
    score = r2(predicted, dap)
    return {"r2": score, "r2_low": low, "r2_high": high, "n_peaks": len(dap), "n_motifs": n_motifs}


def _option_sets(
    adata: AnnData, compare: Mapping[str, Mapping[str, Any]] | None, options: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return what a fit is given, checked, by the column of its prediction."""
    if compare is None:
        return {_keys.PREDICTION: _checked(adata, options)}
    if not isinstance(compare, Mapping) or len(compare) < 2:
        msg = (
            f"compare names two or more sets of options, got {compare!r}. The defaults are an empty one: "
            'compare={"default": {}, "few motifs": {"max_motifs": 15}}.'
        )
        raise (ValueError if isinstance(compare, Mapping) else TypeError)(msg)
    bad = [name for name in compare if not isinstance(name, str) or not name or "/" in name]
    if bad:
        msg = f"Names of sets of options are texts without '/' (HDF5 cannot keep it), got {examples(map(repr, bad))}."
        raise ValueError(msg)
    for name, given in compare.items():
        if not isinstance(given, Mapping):
            msg = f"compare[{name!r}] must be a dictionary of options, got {type(given).__name__}."
            raise TypeError(msg)
        fixed = [option for option in given if option in _ARGUMENTS - _CONSTANTS - _COMPARED]
        if fixed:
            msg = (
                f"compare[{name!r}] would change {examples(fixed)}: models are compared on the same peaks. Give it to "
                "cross_validate itself, for all sets."
            )
            raise TypeError(msg)
    return {f"{_keys.PREDICTION}_{name}": _checked(adata, {**options, **given}) for name, given in compare.items()}


def _checked(adata: AnnData, options: dict[str, Any]) -> dict[str, Any]:
    """Return arguments of a fit with the library read; refuse before any fit what one of them would refuse."""
    constants = {name: value for name, value in options.items() if name not in _ARGUMENTS - _CONSTANTS}
    fit_options(options.get("preset", "default"), constants, fit_trajectory)
    features_of(adata, options.get("features", True))
    peak_weights_of(adata, options.get("weights"))
    library = as_motif_set(options.get("motifs"))
    check_library(library, sequences_of(adata).shape[1])
    return {**options, "motifs": library}


def fold_labels(adata: AnnData, folds: int | str, n_folds: int, rng: np.random.Generator) -> np.ndarray:
    """Return the fold of each peak as a string, or None where it takes no part."""
    n = adata.n_vars
    if isinstance(folds, int):
        if folds < 2:
            msg = f"Cross-validation needs two folds or more, got folds={folds}."
            raise ValueError(msg)
        return rng.permutation(np.arange(n) % folds).astype(str).astype(object)
    if folds != _keys.CHROM:
        if folds not in adata.var:
            msg = f"folds={folds!r} is neither 'chrom', a number, nor a column of var."
            raise KeyError(msg)
        column = adata.var[folds]
        return column.astype(str).where(column.notna(), None).to_numpy(dtype=object)
    chrom = coordinates(adata)["chrom"].to_numpy().astype(str)
    present, counts = np.unique(chrom, return_counts=True)
    size = np.zeros(min(n_folds, len(present)), dtype=np.int64)
    chosen = {}
    # the largest chromosomes first, each to the fold that is smallest so far
    for i in np.argsort(-counts, kind="stable"):
        chosen[present[i]] = int(size.argmin())
        size[chosen[present[i]]] += counts[i]
    label = [",".join(sorted(c for c, k in chosen.items() if k == fold)) for fold in range(len(size))]
    return np.array([label[chosen[c]] for c in chrom], dtype=object)
