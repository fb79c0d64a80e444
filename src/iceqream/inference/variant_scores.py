"""Predicted effects of variants against measured ones."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtr
from scipy.stats import binomtest

from iceqream._core.agreement import (
    Ranked,
    area_interval,
    correlation_interval,
    effective_number,
    quantile,
    resampled,
    resampling_errors,
    share_interval,
    weighted_agreement,
    weighted_auroc,
    weighted_average_precision,
    weighted_pearson,
    weighted_spearman,
)
from iceqream._core.discrimination import discrimination

logger = logging.getLogger(__name__)

SHARES = np.array([0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
"""Of the variants, those with the largest predicted effects."""
OF_MEASURED = ("pearson", "spearman", "sign_agreement")
OF_SIGNIFICANT = ("auroc", "auprc")
FEWEST = 3
FEWEST_BLOCKS = 5
"""Resamples of fewer blocks say nothing of how far they differ."""
_CURVE = ["group", "share", "n", "threshold", "agreement", "low", "high"]
_ENDS = ("", "_se", "_low", "_high")
_FALSE_POSITIVES = 0.05


@dataclass(frozen=True, eq=False)
class VariantScores:
    """How predicted effects of variants agree with measured ones.

    Without blocks of dependent rows AUROC has DeLong's standard error, shares Wilson's interval and the exact binomial
    test; correlations and AUPRC have standard errors from resamples of the rows. With blocks all errors come from
    resamples of whole blocks, shares of directions count as many throws as are as uncertain, and the interval is
    Student's, with as many degrees of freedom as there are blocks less one. Intervals are symmetric on Fisher's z scale
    (correlations) and on the logit scale (areas). Where the groups are told apart without fault, each row (or block) of
    the rarer kind counts as one throw.

    Parameters
    ----------
    table
        One row per group (index; ``"all"`` where there is one): n (variants), n_significant, n_measured (those that the
        direction is compared of), n_blocks, and each with ``_se``, ``_low`` and ``_high`` (95 % interval): pearson,
        spearman and sign_agreement (share of variants with the same direction, of those where neither effect is 0) of
        predicted and measured effects, among the significant variants where these are known, else among all, with
        sign_p (two-sided, against one half); auroc and auprc of the size of the predicted effect for telling
        significant variants from the others, with positives (their share, which is the AUPRC of chance). NaN where
        there is no such measurement, effects are all the same, or (errors and intervals) there are fewer than five
        blocks or two variants of a kind.
    curve
        Of the variants with measured effects that have the largest predicted ones (equal ones together): group, share,
        n, threshold (least predicted effect), agreement, low, high.
    variants
        The rows that were used: group, effect, measured (NaN where not known), significant, those that were given.
    """

    table: pd.DataFrame
    curve: pd.DataFrame
    variants: pd.DataFrame

    def __repr__(self) -> str:
        said = [
            f"{name.replace('_', ' ')} {row[name]:.3f} ({row[f'{name}_low']:.3f} to {row[f'{name}_high']:.3f})"
            for _, row in self.table.head(1).iterrows()
            for name in ("spearman", "sign_agreement", "auroc")
            if np.isfinite(row[name])
        ]
        return f"VariantScores of {len(self.variants):,} variants in {len(self.table)} group(s): {', '.join(said)}"


def variant_scores(variants: pd.DataFrame, n_resamples: int, rng: np.random.Generator) -> VariantScores:
    """Score groups of variants.

    Parameters
    ----------
    variants
        group, effect, and of these what is known: measured (may have NaN), significant (bool), block (of rows that
        depend on each other), weight (of measured effects, for correlations). Nothing else is missing.
    n_resamples, rng
        Resamples of rows or blocks, and generator.
    """
    # the same resamples whatever other groups there are
    seed = int(rng.integers(2**32))
    rows, curves = {}, []
    for group, part in variants.groupby("group", sort=False):
        row, curve = _of_group(part, n_resamples, seed, str(group))
        rows[str(group)] = row
        if len(curve):
            curves.append(curve.assign(group=str(group)))
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("group")
    used = variants[[name for name in ("group", "effect", "measured", "significant") if name in variants]]
    curve = pd.concat(curves, ignore_index=True)[_CURVE] if curves else pd.DataFrame(columns=_CURVE, dtype=float)
    return VariantScores(table, curve, used)


def _of_group(part: pd.DataFrame, n_resamples: int, seed: int, group: str) -> tuple[dict[str, float], pd.DataFrame]:
    effect = part["effect"].to_numpy(dtype=np.float64)
    blocks = _numbered(part["block"].astype(str).to_numpy()) if "block" in part else None
    significant = part["significant"].to_numpy(dtype=bool) if "significant" in part else None
    n_blocks = np.nan if blocks is None else blocks.max() + 1
    row: dict[str, float] = {"n": len(part), "n_significant": np.nan if significant is None else significant.sum()}
    row |= {"n_measured": 0, "n_blocks": n_blocks}
    row |= dict.fromkeys([f"{name}{end}" for name in OF_MEASURED for end in _ENDS], np.nan)
    row["sign_p"] = np.nan
    curve = pd.DataFrame(columns=_CURVE)
    if blocks is not None and n_blocks < FEWEST_BLOCKS:
        logger.warning("Group %s lies in %d block(s), too few for errors and intervals (%d are needed)",
                       group, n_blocks, FEWEST_BLOCKS)  # fmt: skip
    if "measured" in part:
        measured = part["measured"].to_numpy(dtype=np.float64)
        weight = part["weight"].to_numpy(dtype=np.float64) if "weight" in part else np.ones(len(part))
        # where it is known that there is an effect, its direction is
        used = np.isfinite(measured) & (True if significant is None else significant)
        row["n_measured"] = used.sum()
        if used.sum() >= FEWEST:
            of_used = None if blocks is None else _numbered(blocks[used])
            of_measured = effect[used], measured[used], weight[used], of_used
            found, curve = _measured(*of_measured, n_resamples, np.random.default_rng([seed, 0]))
            row |= found
    row |= _told_apart(effect, significant, blocks, n_resamples, np.random.default_rng([seed, 1]))
    return row, curve


def _measured(
    effect: np.ndarray,
    measured: np.ndarray,
    weight: np.ndarray,
    blocks: np.ndarray | None,
    n_resamples: int,
    rng: np.random.Generator,
) -> tuple[dict[str, float], pd.DataFrame]:
    known = (effect != 0) & (measured != 0)
    agrees = known & (np.sign(effect) == np.sign(measured))
    ranked = Ranked.of(effect), Ranked.of(measured)
    size = np.abs(effect)
    order = np.argsort(-size, kind="stable")
    n_top = _parts(size[order])

    def statistics(counts: np.ndarray) -> np.ndarray:
        # each row belongs to all parts that begin with larger effects
        hits, all_ = (np.cumsum((counts * of)[order])[n_top - 1] for of in (agrees, known))
        tops = np.divide(hits, all_, out=np.full(len(n_top), np.nan), where=all_ > 0)
        correlation = weighted_pearson(effect, measured, counts * weight), weighted_spearman(*ranked, counts * weight)
        return np.concatenate([correlation, [weighted_agreement(agrees, known, counts)], tops])

    value = statistics(np.ones(len(effect)))
    n_units = len(effect) if blocks is None else int(blocks.max()) + 1
    if blocks is not None and n_units < FEWEST_BLOCKS:
        error = np.full(len(value), np.nan)
    else:
        error = resampling_errors(resampled(statistics, blocks, len(effect), n_resamples, rng))
    reach = quantile(max(n_units, 2))
    row: dict[str, float] = {}
    for i, name in enumerate(OF_MEASURED[:2]):
        row |= _described(name, value[i], error[i], correlation_interval(value[i], error[i], reach))
    throws = np.array([
        _throws(known[order[:n]], None if blocks is None else blocks[order[:n]], *pair)
        for n, pair in zip([len(order), *n_top], zip(value[2:], error[2:], strict=True), strict=True)
    ])  # fmt: skip
    reach = quantile(None if blocks is None else max(n_units, 2))
    bounds = np.array([share_interval(*pair, reach) for pair in zip(value[2:], throws, strict=True)])
    row |= _described(OF_MEASURED[2], value[2], error[2], bounds[0])
    if blocks is None:
        row["sign_p"] = binomtest(int(agrees.sum()), int(known.sum())).pvalue if known.any() else np.nan
    else:
        # rows of a block are no independent throws
        far = 2 * np.sqrt(throws[0]) * abs(value[2] - 0.5)
        row["sign_p"] = float(2 * stdtr(max(n_units - 1, 1), -far))
    curve = {"share": n_top / len(effect), "n": n_top, "threshold": size[order][n_top - 1], "agreement": value[3:]}
    return row, pd.DataFrame({**curve, "low": bounds[1:, 0], "high": bounds[1:, 1]})


def _parts(size: np.ndarray) -> np.ndarray:
    """Return how many of the largest (in descending order) each part holds; equal ones are never parted."""
    n_top = np.maximum(np.rint(SHARES * len(size)).astype(int), 1)
    return np.unique(np.searchsorted(-size, -size[n_top - 1], side="right"))


def _throws(known: np.ndarray, blocks: np.ndarray | None, share: float, error: float) -> float:
    """Return the number of independent rows of known direction."""
    if blocks is None:
        return float(known.sum())
    return effective_number(share, error, float(known.sum()), len(np.unique(blocks[known])))


def _told_apart(
    effect: np.ndarray,
    significant: np.ndarray | None,
    blocks: np.ndarray | None,
    n_resamples: int,
    rng: np.random.Generator,
) -> dict[str, float]:
    row = dict.fromkeys([f"{name}{end}" for name in OF_SIGNIFICANT for end in _ENDS], np.nan)
    row["positives"] = np.nan if significant is None else significant.mean()
    size = np.abs(effect)
    if significant is None or significant.all() or not significant.any() or np.ptp(size) == 0:
        return row
    ranked, whole = Ranked.of(size), np.ones(len(size))

    def statistics(counts: np.ndarray) -> np.ndarray:
        auroc = np.nan if blocks is None else weighted_auroc(ranked, significant, counts)
        return np.array([auroc, weighted_average_precision(ranked, significant, counts)])

    value = weighted_auroc(ranked, significant, whole), weighted_average_precision(ranked, significant, whole)
    row |= dict(zip(OF_SIGNIFICANT, value, strict=True))
    units = np.arange(len(size)) if blocks is None else blocks
    n_units = int(units.max()) + 1
    n_positive, n_other = (len(np.unique(units[of])) for of in (significant, ~significant))
    if min(n_positive, n_other) < 2 or (blocks is not None and n_units < FEWEST_BLOCKS):
        return row
    errors = resampling_errors(resampled(statistics, blocks, len(size), n_resamples, rng))
    reaches = [quantile(n_units)] * 2
    if blocks is None:
        errors[0] = discrimination(size[significant, None], size[~significant, None], _FALSE_POSITIVES).auroc_error[0]
        reaches[0] = quantile(None)
    throws = min(n_positive, n_other), n_positive
    for name, one, error, reach, n in zip(OF_SIGNIFICANT, value, errors, reaches, throws, strict=True):
        perfect = not 0 < one < 1
        bounds = share_interval(one, n, reach) if perfect else area_interval(one, error, reach)
        row |= _described(name, one, np.nan if perfect else error, bounds)
    return row


def _described(name: str, value: float, error: float, bounds: tuple[float, float] | np.ndarray) -> dict[str, float]:
    return dict(zip([f"{name}{end}" for end in _ENDS], map(float, (value, error, *bounds)), strict=True))


def _numbered(values: np.ndarray) -> np.ndarray:
    return np.unique(values, return_inverse=True)[1]
