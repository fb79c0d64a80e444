"""Compared options as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from iceqream import _keys
from iceqream._anndata import get_adata
from iceqream._core.comparison import paired_difference
from iceqream._core.messages import examples

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData


def comparison_df(
    data: AnnData | MuData,
    key: str = _keys.CROSS_VALIDATION,
    *,
    reference: str | None = None,
    mod: str = _keys.ATAC,
) -> pd.DataFrame:
    """Return how held-out R2 differs between sets of options that were fitted to the same folds.

    The differences are taken fold by fold. The training sets of folds overlap, so the standard error is corrected: with
    variance s^2 of the differences over k folds it is the root of s^2 (1/k + n_test / n_train) (Nadeau and Bengio,
    Machine Learning 52, 239-281, 2003). With few folds the interval is wide; ten random folds tell more than three
    chromosomes.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData.
    key
        Key of ``uns`` where `iceqream.tl.cross_validate` wrote a comparison.
    reference
        The set of options that the others are compared with; ``None`` is the first.
    mod
        Modality of a MuData that holds the peaks.

    Returns
    -------
    DataFrame, one row per set of options: r2 and n_motifs (means over the folds), difference (of r2, from the
    reference), its standard error se and 95 % interval low to high (Student's t; zeros for the reference itself).

    Raises
    ------
    KeyError
        If there is no comparison under the key, or no such set of options in it.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> options = {"eight motifs": {"max_motifs": 8}, "few motifs": {"max_motifs": 2}}
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.cross_validate(adata, "S1", "S4", compare=options, motifs=library, min_tss_distance=None)
    >>> bool(iq.get.comparison_df(adata).loc["few motifs", "difference"] < 0)
    True
    """
    adata = get_adata(data, mod)
    table = adata.uns.get(key)
    if not isinstance(table, pd.DataFrame) or _keys.OPTIONS not in table:
        msg = f"There is no comparison in uns[{key!r}]; run iq.tl.cross_validate(..., compare={{...}}) first."
        raise KeyError(msg)
    sets = {str(name): part for name, part in table.groupby(_keys.OPTIONS, sort=False, observed=True)}
    first = next(iter(sets)) if reference is None else reference
    if first not in sets:
        msg = f"reference={first!r} is no compared set of options; they are {examples(sets)}."
        raise KeyError(msg)
    base, rows = sets[first], []
    n_test = base["n_peaks"].to_numpy()
    for part in sets.values():
        differences = part["r2"].to_numpy() - base["r2"].to_numpy()
        result = paired_difference(differences, n_test, n_test.sum() - n_test)
        means = {"r2": part["r2"].mean(), "n_motifs": part["n_motifs"].mean(), "difference": result.mean}
        rows.append({**means, "se": result.se, "low": result.low, "high": result.high})
    return pd.DataFrame(rows, index=pd.Index(sets, name=_keys.OPTIONS))
