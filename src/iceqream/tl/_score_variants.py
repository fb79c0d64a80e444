"""Agreement of predicted effects of variants with measured ones."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream._core.messages import did_you_mean, examples
from iceqream.inference.variant_scores import FEWEST, VariantScores, variant_scores

if TYPE_CHECKING:
    from iceqream.inference.variant_effects import VariantEffects

logger = logging.getLogger(__name__)

DEFAULT_RESAMPLES = 500
_YES = ("true", "yes", "1", "1.0")
_NO = ("false", "no", "0", "0.0")


def score_variants(
    data: pd.DataFrame | VariantEffects,
    effect: str = "effect",
    label: str | None = None,
    *,
    significant: str | None = None,
    group: str | None = None,
    block: str | None = None,
    n_resamples: int = DEFAULT_RESAMPLES,
    rng: int | np.random.Generator = 0,
) -> VariantScores:
    """Score predicted effects of variants against measured ones: allelic imbalance, eQTL, reporter assays.

    Parameters
    ----------
    data
        Table with a row per variant, or what `iceqream.tl.variant_effects` returned, its table joined with the
        measurements. A variant in several peaks has a row in each: give its name as `block`, or keep one.
    effect
        Column of predicted effects.
    label
        Column of measured effects: numbers whose sign is the direction (of the same allele as the prediction).
    significant
        Column of yes and no: whether the variant is known to have an effect, or is one of a set of interest (the others
        are controls; that these are alike in frequency and distance to genes is up to the user). The direction and
        size of measured effects are then compared among these alone.
    group
        Column whose values are scored each by itself, such as the cell type, the study or the trajectory.
    block
        Column that says which rows are not independent of each other (variants in linkage, of one peak, of one gene):
        intervals then come from resamples of whole blocks.
    n_resamples
        Resamples for standard errors and intervals.
    rng
        Seed or generator of the resamples.

    Returns
    -------
    VariantScores
        ``table``: correlations, agreement of direction, AUROC and AUPRC with 95 % intervals, per group; ``curve``:
        agreement among the variants with the largest predicted effects. `iceqream.pl.score_variants` draws it.

    Raises
    ------
    KeyError
        If there is no such column.
    ValueError
        If neither `label` nor `significant` is given, a column holds no numbers (or no yes and no), or fewer than three
        rows are left.

    Examples
    --------
    >>> import iceqream as iq, numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> effect = rng.normal(size=400)
    >>> table = pd.DataFrame({"effect": effect, "log2_ratio": effect + rng.normal(size=400)})
    >>> iq.tl.score_variants(table, label="log2_ratio").table["spearman"].round(2).tolist()
    [0.72]
    """
    table = data if isinstance(data, pd.DataFrame) else data.table
    if label is None and significant is None:
        msg = "Name a column of measurements: label='log2_ratio' (numbers), or significant='is_qtl' (yes or no)."
        raise ValueError(msg)
    if n_resamples < 2:
        msg = f"n_resamples must be at least 2, got {n_resamples}."
        raise ValueError(msg)
    wanted = [name for name in (effect, label, significant, group, block) if name is not None]
    missing = [name for name in wanted if name not in table]
    if missing:
        known = [str(name) for name in table.columns]
        near = did_you_mean(missing[0], known)
        msg = f"The table lacks the column(s) {', '.join(missing)}; it has {examples(known)}.{near}"
        raise KeyError(msg)
    used = pd.DataFrame({"group": "all" if group is None else table[group].to_numpy()}, index=table.index)
    used["effect"] = _numbers(table[effect])
    if label is not None:
        used["measured"] = _numbers(table[label])
    if significant is not None:
        used["significant"] = _yes_or_no(table[significant])
    if block is not None:
        used["block"] = table[block].to_numpy()
    whole = used.notna().all(axis=1).to_numpy()
    if not whole.all():
        gaps = used.isna().sum()
        said = ", ".join(f"{int(n)} without {name}" for name, n in gaps[gaps > 0].items())
        logger.warning("%d of %d rows have missing values and are left out (%s)", (~whole).sum(), len(used), said)
    used = used[whole].reset_index(drop=True)
    if len(used) < FEWEST:
        msg = f"{len(used)} of {len(table)} rows have all that is needed; {FEWEST} are the least that can be scored."
        raise ValueError(msg)
    used["group"] = used["group"].astype(str)
    if significant is not None:
        used["significant"] = used["significant"].astype(bool)
    return variant_scores(used, n_resamples, np.random.default_rng(rng))


def _numbers(column: pd.Series) -> np.ndarray:
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    wrong = np.isnan(values) & column.notna().to_numpy()
    if wrong.any():
        msg = f"Column {column.name!r} holds {examples(column[wrong].unique())}, which are no numbers."
        raise ValueError(msg)
    return np.where(np.isfinite(values), values, np.nan)


def _yes_or_no(column: pd.Series) -> Any:
    said = column.astype(str).str.lower()
    known = column.notna()
    wrong = known & ~said.isin([*_YES, *_NO])
    if wrong.any():
        msg = f"Column {column.name!r} holds {examples(column[wrong].unique())}; it must say yes or no (True, False)."
        raise ValueError(msg)
    return said.isin(_YES).astype(object).where(known, None).to_numpy()
