"""Predicted effects of variants against measured ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest, norm

from iceqream._core.agreement import (
    LEVEL,
    Ranked,
    percentile_interval,
    resampled,
    weighted_agreement,
    weighted_auroc,
    weighted_average_precision,
    weighted_pearson,
    weighted_spearman,
)

SHARES = np.array([0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
"""Of the variants, those with the largest predicted effects."""
OF_MEASURED = ("pearson", "spearman", "sign_agreement")
OF_SIGNIFICANT = ("auroc", "auprc")
FEWEST = 3


@dataclass(frozen=True, eq=False)
class VariantScores:
    """How predicted effects of variants agree with measured ones.

    Parameters
    ----------
    table
        One row per group (index; ``"all"`` where there is one): n (variants), n_significant, and each with ``_se``,
        ``_low`` and ``_high`` (95 % interval): pearson, spearman and sign_agreement (share of variants with the same
        direction) of predicted and measured effects, among the significant variants where these are known, else among
        all, with sign_p (two-sided, against one half); auroc and auprc of the size of the predicted effect for telling
        significant variants from the others, with positives (their share, which is the AUPRC of chance). NaN where
        there is no such measurement.
    curve
        Of the variants with measured effects that have the largest predicted ones: group, share, n, threshold (least
        predicted effect), agreement, low, high.
    variants
        The rows that were used: group, effect, measured, significant (those that are known).
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
        group, effect, and of these what is known: measured, significant (bool), block (of rows that depend on each
        other). Nothing is missing.
    n_resamples, rng
        Resamples of rows or blocks, and generator.
    """
    rows, curves = {}, []
    for group, part in variants.groupby("group", sort=False):
        row, curve = _of_group(part, n_resamples, rng)
        rows[str(group)] = row
        curves.append(curve.assign(group=str(group)))
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("group")
    columns = ["group", "share", "n", "threshold", "agreement", "low", "high"]
    used = variants[[name for name in ("group", "effect", "measured", "significant") if name in variants]]
    return VariantScores(table, pd.concat(curves, ignore_index=True)[columns], used)


def _of_group(part: pd.DataFrame, n_resamples: int, rng: np.random.Generator) -> tuple[dict[str, float], pd.DataFrame]:
    effect = part["effect"].to_numpy(dtype=np.float64)
    blocks = np.unique(part["block"].astype(str), return_inverse=True)[1] if "block" in part else None
    significant = part["significant"].to_numpy(dtype=bool) if "significant" in part else None
    row: dict[str, float] = {"n": len(part), "n_significant": np.nan if significant is None else significant.sum()}
    names = [f"{name}{end}" for name in OF_MEASURED for end in ("", "_se", "_low", "_high")]
    row |= dict.fromkeys([*names, "sign_p"], np.nan)
    curve = pd.DataFrame(columns=["share", "n", "threshold", "agreement", "low", "high"])
    if "measured" in part:
        measured = part["measured"].to_numpy(dtype=np.float64)
        # where it is known that there is an effect, its direction is
        used = np.ones(len(part), dtype=bool) if significant is None else significant
        if used.sum() >= FEWEST:
            of_used = None if blocks is None else np.unique(blocks[used], return_inverse=True)[1]
            found, curve = _measured(effect[used], measured[used], of_used, n_resamples, rng)
            row |= found
    row |= _told_apart(effect, significant, blocks, n_resamples, rng)
    return row, curve


def _measured(
    effect: np.ndarray, measured: np.ndarray, blocks: np.ndarray | None, n_resamples: int, rng: np.random.Generator
) -> tuple[dict[str, float], pd.DataFrame]:
    known = (effect != 0) & (measured != 0)
    agrees = np.sign(effect) == np.sign(measured)
    ranked = Ranked.of(effect), Ranked.of(measured)
    size = np.abs(effect)
    n_top = np.unique(np.maximum(np.rint(SHARES * len(effect)).astype(int), 1))
    order = np.argsort(-size, kind="stable")

    def statistics(weights: np.ndarray) -> np.ndarray:
        # each row belongs to all parts that begin with larger effects
        hits, all_ = (np.cumsum((weights * of)[order])[n_top - 1] for of in (agrees & known, known))
        tops = np.divide(hits, all_, out=np.full(len(n_top), np.nan), where=all_ > 0)
        whole = (
            weighted_pearson(effect, measured, weights),
            weighted_spearman(*ranked, weights),
            weighted_agreement(agrees, known, weights),
        )
        return np.concatenate([whole, tops])

    value = statistics(np.ones(len(effect)))
    error, low, high = percentile_interval(resampled(statistics, blocks, len(effect), n_resamples, rng))
    row: dict[str, float] = {}
    for i, name in enumerate(OF_MEASURED):
        row |= {name: value[i], f"{name}_se": error[i], f"{name}_low": low[i], f"{name}_high": high[i]}
    if known.sum() == 0:
        row["sign_p"] = np.nan
    elif blocks is None:
        row["sign_p"] = binomtest(int((agrees & known).sum()), int(known.sum())).pvalue
        # a share of 1 has no spread among resamples
        row["sign_agreement_low"], row["sign_agreement_high"] = _wilson((agrees & known).sum(), known.sum())
    else:
        # rows of a block are no independent throws
        row["sign_p"] = 2 * norm.sf(abs(value[2] - 0.5) / error[2]) if error[2] > 0 else np.nan
    first = len(OF_MEASURED)
    if blocks is None:
        hits, all_ = (np.cumsum(of[order])[n_top - 1] for of in (agrees & known, known))
        low[first:], high[first:] = np.array([_wilson(*pair) for pair in zip(hits, all_, strict=True)]).T
    curve = {"share": n_top / len(effect), "n": n_top, "threshold": size[order][n_top - 1], "agreement": value[first:]}
    return row, pd.DataFrame({**curve, "low": low[first:], "high": high[first:]})


def _wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the bounds of the 95 % interval of a share, NaN without rows."""
    if n == 0:
        return np.nan, np.nan
    found = binomtest(int(hits), int(n)).proportion_ci(LEVEL, method="wilson")
    return float(found.low), float(found.high)


def _told_apart(
    effect: np.ndarray,
    significant: np.ndarray | None,
    blocks: np.ndarray | None,
    n_resamples: int,
    rng: np.random.Generator,
) -> dict[str, float]:
    row = dict.fromkeys([f"{name}{end}" for name in OF_SIGNIFICANT for end in ("", "_se", "_low", "_high")], np.nan)
    row["positives"] = np.nan if significant is None else significant.mean()
    if significant is None or significant.all() or not significant.any():
        return row
    size, positive = Ranked.of(np.abs(effect)), significant

    def statistics(weights: np.ndarray) -> np.ndarray:
        both = (weighted_auroc, weighted_average_precision)
        return np.array([statistic(size, positive, weights) for statistic in both])

    value = statistics(np.ones(len(effect)))
    error, low, high = percentile_interval(resampled(statistics, blocks, len(effect), n_resamples, rng))
    for i, name in enumerate(OF_SIGNIFICANT):
        row |= {name: value[i], f"{name}_se": error[i], f"{name}_low": low[i], f"{name}_high": high[i]}
    return row
