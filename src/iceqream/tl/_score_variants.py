"""Agreement of predicted effects of variants with measured ones."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream._core.messages import did_you_mean, examples
from iceqream.inference.variant_scores import FEWEST, VariantScores, variant_scores

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    significant: str | Sequence[bool] | np.ndarray | pd.Series | None = None,
    group: str | None = None,
    block: str | None = None,
    weight: str | None = None,
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
        Column of measured effects: numbers whose sign is the direction (of the same allele as the prediction). A column
        of yes and no (or of 1 and 0 alone) is taken as `significant`.
    significant
        Column of yes and no, or a mask with a value per row: whether the variant is known to have an effect, or is one
        of a set of interest (the others are controls; that these are alike in frequency and distance to genes is up to
        the user). The direction and size of measured effects are then compared among these alone; the others need no
        measured effect.
    group
        Column whose values are scored each by itself, such as the cell type, the study or the trajectory.
    block
        Column that says which rows are not independent of each other (variants in linkage, of one peak, of one gene):
        errors, intervals and p then come from resamples of whole blocks, of which a group needs five. With fewer than
        some twenty the intervals are still a little too narrow.
    weight
        Column of weights of the measured effects, such as 1 / error^2, for the correlations (not for directions).
    n_resamples
        Resamples for standard errors.
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
        If neither `label` nor `significant` is given, a column holds no numbers (or no yes and no), weights are
        negative, a mask has other rows than the table, or fewer than three rows are left.
    TypeError
        If `data` is and has no table.

    Examples
    --------
    >>> import iceqream as iq, numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> effect = rng.normal(size=400)
    >>> table = pd.DataFrame({"effect": effect, "log2_ratio": effect + rng.normal(size=400)})
    >>> iq.tl.score_variants(table, label="log2_ratio").table["spearman"].round(2).tolist()
    [0.72]
    """
    table = _table(data)
    if label is None and significant is None:
        msg = "Name a column of measurements: label='log2_ratio' (numbers), or significant='is_qtl' (yes or no)."
        raise ValueError(msg)
    if n_resamples < 2:
        msg = f"n_resamples must be at least 2, got {n_resamples}."
        raise ValueError(msg)
    columns = (effect, label, significant if isinstance(significant, str) else None, group, block, weight)
    _check_columns(table, [name for name in columns if name is not None])
    label, known = _measurements(table, label, significant)
    if weight is not None and label is None:
        msg = f"weight={weight!r} weighs measured effects: pass their column as label, or leave weight out."
        raise ValueError(msg)
    used = pd.DataFrame({"group": "all" if group is None else table[group].to_numpy()}, index=table.index)
    used["effect"] = _numbers(table[effect])
    if label is not None:
        used["measured"] = _numbers(table[label])
    if weight is not None:
        used["weight"] = _weights(table[weight])
        used.loc[used["weight"].isna(), "measured"] = np.nan
    if known is not None:
        used["significant"] = _yes_or_no(known)
    if block is not None:
        used["block"] = table[block].to_numpy()
    used = _complete(used)
    used["group"] = used["group"].astype(str)
    if known is not None:
        used["significant"] = used["significant"].astype(bool)
    return variant_scores(used, n_resamples, np.random.default_rng(rng))


def _table(data: Any) -> pd.DataFrame:
    table = data if isinstance(data, pd.DataFrame) else getattr(data, "table", None)
    if not isinstance(table, pd.DataFrame):
        msg = f"Give a table (pandas.DataFrame) or what iq.tl.variant_effects returned, not a {type(data).__name__}."
        raise TypeError(msg)
    return table


def _check_columns(table: pd.DataFrame, wanted: list[str]) -> None:
    missing = [name for name in wanted if name not in table]
    if missing:
        known = [str(name) for name in table.columns]
        near = did_you_mean(missing[0], known)
        msg = f"The table lacks the column(s) {', '.join(missing)}; it has {examples(known)}.{near}"
        raise KeyError(msg)
    twice = [name for name in wanted if isinstance(table[name], pd.DataFrame)]
    if twice:
        msg = f"The table has several columns {examples(twice)}: rename all but one."
        raise ValueError(msg)


def _measurements(table: pd.DataFrame, label: str | None, significant: Any) -> tuple[str | None, pd.Series | None]:
    """Return the column of measured effects, and which variants have one: what says yes or no is no measured effect."""
    known = None
    if significant is not None:
        known = table[significant] if isinstance(significant, str) else _mask(significant, table)
    if label is None or not _is_yes_or_no(table[label]):
        return label, known
    if known is not None:
        msg = f"Column {label!r} says yes or no, as `significant` does: pass one, or a column of measured effects."
        raise ValueError(msg)
    logger.info("Column %s says yes or no: the sizes of predicted effects are compared, not directions", label)
    return None, table[label]


def _mask(given: Any, table: pd.DataFrame) -> pd.Series:
    """Return a mask as a column; one with an index must have the rows of the table."""
    if isinstance(given, pd.Series) and not given.index.equals(table.index):
        msg = "The index of `significant` is not that of the table: give significant.reindex(table.index), or an array."
        raise ValueError(msg)
    values = pd.Series(given).to_numpy()
    if len(values) != len(table):
        msg = f"`significant` has {len(values)} values for {len(table)} rows."
        raise ValueError(msg)
    return pd.Series(values, index=table.index, name="significant")


def _complete(used: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that can be scored; say which lack what."""
    # a control needs no measured effect
    optional = {"measured", "weight"} if "significant" in used else {"weight"}
    whole = used.drop(columns=optional & set(used)).notna().all(axis=1).to_numpy()
    if not whole.all():
        gaps = used.drop(columns=optional & set(used)).isna().sum()
        said = ", ".join(f"{int(n)} without {name}" for name, n in gaps[gaps > 0].items())
        logger.warning("%d of %d rows have missing values and are left out (%s)", (~whole).sum(), len(used), said)
    kept = used[whole].reset_index(drop=True)
    if "measured" in kept and "significant" in kept:
        positive = kept["significant"].astype(bool)
        lost = int((kept["measured"].isna() & positive).sum())
        if lost:
            logger.warning("%d of %d significant variants have no measured effect: their direction is not compared",
                           lost, int(positive.sum()))  # fmt: skip
    if len(kept) < FEWEST:
        msg = f"{len(kept)} of {len(used)} rows have all that is needed; {FEWEST} are the least that can be scored."
        raise ValueError(msg)
    return kept


def _numbers(column: pd.Series) -> np.ndarray:
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = np.isnan(values) & column.notna().to_numpy()
    if wrong.any():
        msg = f"Column {column.name!r} holds {examples(column[wrong].unique())}, which are no numbers."
        raise ValueError(msg)
    return np.where(np.isfinite(values), values, np.nan)


def _weights(column: pd.Series) -> np.ndarray:
    values = _numbers(column)
    if (values < 0).any():
        msg = f"Column {column.name!r} holds negative weights, such as {examples(values[values < 0])}."
        raise ValueError(msg)
    return values


def _is_yes_or_no(column: pd.Series) -> bool:
    """Return whether a column holds no measured effects but two kinds: true and false, yes and no, or 1 and 0."""
    known = column.dropna()
    if len(known) == 0:
        return False
    if pd.api.types.is_bool_dtype(known):
        return True
    if pd.api.types.is_numeric_dtype(known):
        return set(known.unique()) == {0, 1}
    return bool(known.astype(str).str.lower().isin([*_YES, *_NO]).all())


def _yes_or_no(column: pd.Series) -> Any:
    said = column.astype(str).str.lower()
    known = column.notna()
    wrong = known & ~said.isin([*_YES, *_NO])
    if wrong.any():
        msg = f"Column {column.name!r} holds {examples(column[wrong].unique())}; it must say yes or no (True, False)."
        raise ValueError(msg)
    return said.isin(_YES).astype(object).where(known, None).to_numpy()
