"""How well motifs tell bound sequences from others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream._core.discrimination import discrimination, interval
from iceqream._core.false_discovery import false_discovery_rates

if TYPE_CHECKING:
    from iceqream.motifs._motif_set import MotifSet

FALSE_POSITIVES = 0.05


@dataclass(frozen=True, eq=False)
class PeakValidation:
    """Energies of motifs in bound sequences and in a background.

    Parameters
    ----------
    table
        One row per motif, best first: auroc with the bounds of its 95 % interval (DeLong's standard error, logit
        scale), auprc (average precision) with its 95 % interval (binomial, logit scale), recall (share of the peaks
        above 95 % of the background), ks, p (Kolmogorov-Smirnov, one-sided: more energy in peaks), q (Benjamini and
        Hochberg over the motifs).
    peaks, background
        Energies, log2, float32, sequences x motifs, in the order of `motifs`.
    motifs
        Names and PSSMs.
    gc
        Mean GC content of peaks and background.
    """

    table: pd.DataFrame
    peaks: np.ndarray
    background: np.ndarray
    motifs: MotifSet
    gc: tuple[float, float]

    def __repr__(self) -> str:
        best = "" if len(self.table) == 0 else f", best {self.table.index[0]} (AUROC {self.table['auroc'].iloc[0]:.3f})"
        return (
            f"PeakValidation of {len(self.motifs)} motifs: {len(self.peaks)} peaks, {len(self.background)} background"
            f"{best}"
        )

    @property
    def expected_auprc(self) -> float:
        """AUPRC of a motif that says nothing: the share of peaks."""
        return len(self.peaks) / (len(self.peaks) + len(self.background))


def validation(motifs: MotifSet, peaks: np.ndarray, background: np.ndarray, gc: tuple[float, float]) -> PeakValidation:
    """Compare energies (sequences x motifs) in peaks and background."""
    from scipy.stats import ks_2samp

    found = discrimination(peaks, background, FALSE_POSITIVES)
    tests = [ks_2samp(a, b, alternative="less", method="asymp") for a, b in zip(peaks.T, background.T, strict=True)]
    p = np.array([float(test.pvalue) for test in tests])
    fewest = min(len(peaks), len(background))
    error = np.sqrt(found.auprc * (1 - found.auprc) / len(peaks))
    table = pd.DataFrame(
        {
            "auroc": found.auroc,
            **dict(zip(("auroc_low", "auroc_high"), interval(found.auroc, found.auroc_error, fewest), strict=True)),
            "auprc": found.auprc,
            **dict(zip(("auprc_low", "auprc_high"), interval(found.auprc, error, len(peaks)), strict=True)),
            "recall": found.recall,
            "ks": [float(test.statistic) for test in tests],
            "p": p,
            "q": false_discovery_rates(p),
        },
        index=pd.Index(motifs.names, name="motif"),
    )
    table = table.iloc[np.argsort(-found.auroc, kind="stable")]
    return PeakValidation(table, peaks, background, motifs, gc)
