"""Where a PWM regression starts: from k-mers or from given motifs."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from iceqream._core import prego
from iceqream._core.correlation import r2 as squared_correlation
from iceqream._core.energy import SpatialCurves, Strands
from iceqream._core.energy import energies as compute_energies
from iceqream._core.kmers import screen_kmers as count_kmers
from iceqream.motifs._motif_set import Motif, MotifSet

logger = logging.getLogger(__name__)

LETTER_PROBABILITY = 0.85
CANDIDATE_KS = (6, 7, 8)
HELD_OUT = 0.1


def fit_energies(
    codes: np.ndarray, fit: prego.PregoFit, start: int, bin_size: int, *, both_strands: bool
) -> np.ndarray:
    """Return the energy of a fitted motif with its spatial curve, log2, float32, n (no pseudo-probability)."""
    curve = SpatialCurves(fit.spatial[None], start, bin_size)
    lengths = np.array([len(fit.probabilities)])
    strands: Strands = "both" if both_strands else "forward"
    return compute_energies(codes, fit.probabilities[None], lengths, strands=strands, spatial=curve)[:, 0]


def best_pattern(codes: np.ndarray, targets: np.ndarray, k: int, max_gap: int, min_correlation: float) -> str:
    """Return the pattern that correlates best, or refuse if none reaches half the threshold."""
    # patterns come best first: halving the threshold adds worse ones only
    found = count_kmers(codes, targets, k, max_gap=max_gap, min_correlation=min_correlation / 2)
    if len(found):
        if found.r2[0] < min_correlation**2:
            logger.info("no %d-mer reaches |r| >= %g; the best has %.3f", k, min_correlation, found.r2[0] ** 0.5)
        return found.strings()[0]
    best = count_kmers(codes, targets, k, max_gap=max_gap).r2.max(initial=0.0) ** 0.5
    msg = (
        f"No {k}-mer reaches |r| >= {min_correlation / 2:g} with the response; the best has {best:.3f}. "
        "Lower min_correlation, or give a motif to start from."
    )
    raise ValueError(msg)


def candidate_patterns(
    codes: np.ndarray, targets: np.ndarray, n: int, max_gap: int, min_correlation: float
) -> list[tuple[str, float]]:
    """Return the best patterns of several lengths, none within one edit of a better one."""
    pool: list[tuple[str, float]] = []
    for threshold in (min_correlation, min_correlation / 2):
        for k in CANDIDATE_KS:
            found = count_kmers(codes, targets, k, max_gap=max_gap, min_correlation=threshold)
            pool += list(zip(found.strings(), found.r2.tolist(), strict=True))
        if pool:
            break
    pool.sort(key=lambda item: (-item[1], item[0]))
    chosen: list[tuple[str, float]] = []
    for pattern, r2 in pool:
        if len(chosen) == n:
            break
        if not any(within_one_edit(pattern, other) for other, _ in chosen):
            chosen.append((pattern, r2))
    if not chosen:
        msg = f"No k-mer reaches |r| >= {min_correlation / 2:g} with the response. Lower min_correlation."
        raise ValueError(msg)
    return chosen


def within_one_edit(a: str, b: str) -> bool:
    """Return whether one substitution, insertion or deletion at most turns one pattern into the other."""
    if abs(len(a) - len(b)) > 1:
        return False
    if len(a) > len(b):
        a, b = b, a
    same = next((i for i in range(len(a)) if a[i] != b[i]), len(a))
    return a[same:] == b[same + 1 :] if len(a) < len(b) else a[same + 1 :] == b[same + 1 :]


def best_candidate(
    patterns: list[tuple[str, float]],
    region: np.ndarray,
    targets: np.ndarray,
    uniform: np.ndarray,
    bin_size: int,
    motif_length: int,
    settings: dict,
    rng: np.random.Generator,
) -> tuple[str, pd.DataFrame]:
    """Optimise each pattern on nine tenths of the sequences and return the one with the best score on the rest."""
    held_out = np.zeros(len(region), dtype=bool)
    held_out[rng.permutation(len(region))[: max(1, round(HELD_OUT * len(region)))]] = True
    rows = []
    for pattern, kmer_r2 in patterns:
        pwm = prego.seed_pwm(pattern, motif_length, letter_probability=LETTER_PROBABILITY)
        fit = prego.optimize(region[~held_out], targets[~held_out], pwm, uniform, bin_size, **settings)
        energies = fit_energies(region[held_out], fit, 0, bin_size, both_strands=settings["both_strands"])
        score = np.mean([squared_correlation(energies, targets[held_out, t]) for t in range(targets.shape[1])])
        rows.append((pattern, kmer_r2, fit.score, float(score)))
    table = pd.DataFrame(rows, columns=["kmer", "kmer_r2", "score", "held_out_r2"])
    return str(table["kmer"].iloc[int(table["held_out_r2"].to_numpy().argmax())]), table


def given_pwm(motif: str | Motif | MotifSet | np.ndarray, motif_length: int) -> tuple[str, np.ndarray]:
    """Return the seed ("" for a matrix) and the PWM of a motif to start from."""
    if isinstance(motif, str):
        pattern = motif.upper().replace("N", "*")
        wrong = sorted(set(pattern) - set("ACGT*"))
        if wrong or not pattern:
            msg = f"A seed is made of A, C, G, T and *, got {motif!r}."
            raise ValueError(msg)
        length = max(motif_length, len(pattern))
        return pattern, prego.seed_pwm(pattern, length, letter_probability=LETTER_PROBABILITY)
    if isinstance(motif, MotifSet):
        if len(motif) != 1:
            msg = f"Give one motif to start from, not a set of {len(motif)}."
            raise ValueError(msg)
        return "", motif.matrix(0)
    matrix = motif.pssm if isinstance(motif, Motif) else motif
    return "", MotifSet.from_dict({"given": matrix}).matrix(0)
