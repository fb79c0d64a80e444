"""Judge the whole inference on held-out folds."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import coordinates, prepare
from iceqream._core.correlation import r2, r2_interval
from iceqream._groups import group_labels
from iceqream.tl._fit_trajectory import fit_trajectory

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

logger = logging.getLogger(__name__)

DEFAULT_FOLDS = 5
_SCRATCH = "_iceqream_fold"


def cross_validate(
    data: AnnData | MuData,
    start: str,
    end: str,
    *,
    folds: int | str = "chrom",
    n_folds: int = DEFAULT_FOLDS,
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
    n_peaks, n_motifs).

    Raises
    ------
    KeyError, ValueError
        As in `iceqream.tl.fit_trajectory`.
    ValueError
        If there are fewer than two folds.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.cross_validate(adata, "S1", "S4", folds=2, motifs=library, min_tss_distance=None)
    >>> adata.uns["iq_cv"].columns.tolist()
    ['r2', 'r2_low', 'r2_high', 'n_peaks', 'n_motifs']
    """
    if "split" in options:
        msg = "cross_validate splits by folds=...; leave split out."
        raise TypeError(msg)
    data, adata = prepare(data, mod, copy=copy)
    if options.get("groupby") is not None:
        # the fits see the peaks alone, the groups may be elsewhere in a MuData
        options["groupby"] = group_labels(data, options["groupby"], mod)
    generator = np.random.default_rng(rng)
    fold = _folds(adata, folds, n_folds, generator)
    names = [str(name) for name in pd.unique(pd.Series(fold).dropna())]
    if len(names) < 2:
        msg = f"Cross-validation needs two folds or more, found {names}. Use folds=5 for random ones."
        raise ValueError(msg)
    seed = int(generator.integers(2**31))
    predicted = np.full(adata.n_vars, np.nan, dtype=np.float32)
    dap = np.full(adata.n_vars, np.nan, dtype=np.float32)
    rows = []
    for name in names:
        held_out = fold == name
        split = np.where(pd.isna(fold), "unused", np.where(held_out, "test", "train"))
        work = adata.copy()
        work.var[_SCRATCH] = pd.Categorical(split)
        fit_trajectory(work, start, end, split=_SCRATCH, rng=seed, key_added=_SCRATCH, **options)
        table, model = work.varm[_SCRATCH], work.uns[_SCRATCH]
        test = (table[_keys.SPLIT] == "test").to_numpy()
        predicted[test], dap[test] = table[_keys.PREDICTION][test], table[_keys.DAP][test]
        score, (low, high) = r2(predicted[test], dap[test]), r2_interval(predicted[test], dap[test])
        n_motifs = len(model["motif_names"])
        rows.append({"r2": score, "r2_low": low, "r2_high": high, "n_peaks": int(test.sum()), "n_motifs": n_motifs})
        logger.info("fold %s: R2 %.3f on %d peaks", name, score, test.sum())
    adata.varm[key_added] = pd.DataFrame(
        {_keys.DAP: dap, _keys.PREDICTION: predicted, "fold": pd.Categorical(fold, categories=names)},
        index=adata.var_names,
    )
    adata.uns[key_added] = pd.DataFrame(rows, index=pd.Index(names))
    return data if copy else None


def _folds(adata: AnnData, folds: int | str, n_folds: int, rng: np.random.Generator) -> np.ndarray:
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
