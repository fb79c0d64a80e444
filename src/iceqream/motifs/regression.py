"""De-novo motifs: PWMs with spatial curves that explain a response (METHOD section 7)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._core import prego
from iceqream._core.correlation import r2 as squared_correlation
from iceqream._core.energy import SpatialCurves
from iceqream._core.messages import examples
from iceqream._core.normalization import energy_range
from iceqream._core.sequence import centre
from iceqream._core.threads import threads
from iceqream._progress import progress_bar
from iceqream._sequences import check_informative, read_codes
from iceqream.motifs._motif_set import Motif, MotifSet
from iceqream.motifs.kmers import DEFAULT_K, DEFAULT_MAX_GAP, DEFAULT_MIN_CORRELATION, as_targets
from iceqream.motifs.pbm import PBM, PBMSet
from iceqream.motifs.seeds import (
    LETTER_PROBABILITY,
    best_candidate,
    best_pattern,
    candidate_patterns,
    fit_energies,
    given_pwm,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iceqream._core.energy import Strands
    from iceqream._core.prego import Objective
    from iceqream._sequences import Sequences

logger = logging.getLogger(__name__)

DEFAULT_LENGTH = 15
DEFAULT_KMER_WIDTH = 300
MIN_SEQUENCES = 20


@dataclass(frozen=True, eq=False)
class MotifRegression:
    """Motifs that explain a response, the first found first.

    Parameters
    ----------
    pbms
        The motifs: PSSM, spatial curve (sums to 1), energy scale over the sequences given. No pseudo-probability is
        added.
    seeds
        Pattern that each started from ("" for a given PSSM).
    energies
        float32, sequences x motifs, log2.
    response
        float64, sequences x targets.
    prediction
        float64, sequences x targets: the linear model of all motifs' energies.
    r2
        float64, motifs x targets: squared correlation of each motif's energy with the response.
    r2_combined
        float64, targets: squared correlation of `prediction` with the response.
    scores
        float64, motifs: final objective (on the linear energy, for later motifs against the residual).
    history
        One row per iteration: motif, iteration, step size, score.
    ks
        For a response of two values: statistic and p-value of the two-sided Kolmogorov-Smirnov test of the first
        motif's energies.
    candidates
        With several seeds: pattern, k-mer r2, held-out score of each.
    """

    pbms: PBMSet
    seeds: list[str]
    energies: np.ndarray
    response: np.ndarray
    prediction: np.ndarray
    r2: np.ndarray
    r2_combined: np.ndarray
    scores: np.ndarray
    history: pd.DataFrame
    ks: tuple[float, float] | None = None
    candidates: pd.DataFrame | None = None

    @property
    def pbm(self) -> PBM:
        """The first motif."""
        return self.pbms[0]

    def __repr__(self) -> str:
        found = examples(f"{c} (R2 {r.max():.3f})" for c, r in zip(self.pbms.motifs.consensus(), self.r2, strict=True))
        return f"MotifRegression of {len(self.pbms)} motif(s) on {len(self.response)} sequences: {found}"


def regress(
    sequences: Sequences,
    response: np.ndarray,
    *,
    motif: str | Motif | MotifSet | np.ndarray | None = None,
    n_motifs: int = 1,
    n_candidates: int = 1,
    motif_length: int = DEFAULT_LENGTH,
    objective: Objective = "r2",
    target_weights: Sequence[float] | None = None,
    strands: Strands = "both",
    optimize_pwm: bool = True,
    optimize_spatial: bool = True,
    symmetric: bool = True,
    bin_size: int | None = None,
    n_bins: int | None = None,
    min_probability: float = prego.MIN_PROBABILITY,
    min_improvement: float = prego.MIN_IMPROVEMENT,
    steps: tuple[float, ...] = prego.STEPS,
    spatial_steps: tuple[float, ...] = prego.SPATIAL_STEPS,
    max_joint_moves: int = prego.MAX_JOINT_MOVES,
    k: int = DEFAULT_K,
    max_gap: int = DEFAULT_MAX_GAP,
    min_correlation: float = DEFAULT_MIN_CORRELATION,
    kmer_width: int | None = DEFAULT_KMER_WIDTH,
    kmer_sample: int | None = None,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    rng: int | np.random.Generator = 0,
    progress: bool = True,
) -> MotifRegression:
    """Learn PWMs and their spatial curves from a response: PREGO (METHOD section 7).

    The k-mer that correlates best with the response becomes a PWM; then single positions and spatial factors move, by
    smaller and smaller steps, as long as the objective improves. The objective is judged on the linear energy.

    Parameters
    ----------
    sequences
        Sequences of equal length, in any form of `iceqream.motifs.energies`.
    response
        One value per sequence, or n x targets.
    motif
        Where to start instead of a k-mer screen: a pattern such as ``"TGA*TCA"``, or a PSSM (matrix length x 4,
        motif, set of one).
    n_motifs
        Motifs to find, one after the other: each next one explains the response less its running mean (100
        neighbours) along the prediction so far.
    n_candidates
        With more than one, as many k-mers (6 to 8 letters, none within one edit of another) are tried on nine tenths
        of the sequences and the one with the best held-out score is used.
    motif_length
        Positions of a PWM that starts from a k-mer, bp.
    objective
        ``"r2"``, or ``"ks"`` for a response of two values: the one-sided Kolmogorov-Smirnov statistic.
    target_weights
        Weight of each target in the objective.
    strands
        ``"both"`` or ``"forward"``.
    optimize_pwm, optimize_spatial
        What may change.
    symmetric
        Whether the spatial curve is symmetric around the centre.
    bin_size, n_bins
        Spatial bins, bp; ``None``: 40 bp (a third of short sequences), and the largest odd number that fits, centred.
    min_probability
        Lowest probability of a letter.
    min_improvement
        Improvement of an iteration below which the next, smaller step is used.
    steps, spatial_steps
        Step sizes in turn, for probabilities and spatial factors.
    max_joint_moves
        Positions that may move in one iteration as long as that beats the best one alone; 1 is the R package's rule.
    k, max_gap, min_correlation
        Of the k-mer screen (`screen_kmers`); the threshold is halved once when nothing passes.
    kmer_width
        The screen uses the central `kmer_width` bp; ``None`` all.
    kmer_sample
        The screen uses this many sequences, drawn at random; ``None`` all.
    mod
        Modality of a MuData that holds the peaks.
    n_jobs
        Threads; the result does not depend on it.
    rng
        Seed or generator of the sample and the held-out part.
    progress
        Whether to show a progress bar for several motifs or candidates.

    Returns
    -------
    MotifRegression

    Raises
    ------
    ValueError
        For missing values, a constant response, sequences that are all the same or all N, fewer than 20 sequences, a
        motif longer than 50 bp or the sequences, no k-mer above half the threshold, or ``"ks"`` with a response that
        has not two values.
    TypeError
        If the sequences are of no form that is read.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1000, rng=0)
    >>> response = adata.varm["occupancy"][:, 0]
    >>> result = iq.motifs.regress(adata.varm["sequence"], response, kmer_width=200)
    >>> bool(result.r2[0, 0] > 0.4)
    True
    """
    codes = read_codes(sequences, mod=mod)
    targets = as_targets(response, len(codes))
    _check_regression(codes, targets, objective, strands, n_motifs, n_candidates)
    check_informative(codes)
    generator = np.random.default_rng(rng)
    start, size, number = prego.spatial_bins(codes.shape[1], bin_size, n_bins)
    region = np.ascontiguousarray(codes[:, start : start + size * number])
    given = None if motif is None else given_pwm(motif, motif_length)
    longest = motif_length if given is None else len(given[1])
    if longest > min(prego.MAX_LENGTH, region.shape[1]):
        msg = (
            f"A motif of {longest} bp is too long: at most {prego.MAX_LENGTH} bp and the {region.shape[1]} bp under "
            "the spatial curve."
        )
        raise ValueError(msg)
    settings = {
        "objective": objective,
        "target_weights": None if target_weights is None else np.asarray(target_weights, dtype=np.float64),
        "both_strands": strands == "both",
        "optimize_pwm": optimize_pwm,
        "optimize_spatial": optimize_spatial,
        "symmetric": symmetric,
        "steps": steps,
        "spatial_steps": spatial_steps,
        "min_probability": min_probability,
        "min_improvement": min_improvement,
        "max_joint_moves": max_joint_moves,
    }
    uniform = np.full(number, 1.0 / number)
    screened = codes if kmer_width is None else centre(codes, min(kmer_width, codes.shape[1]))
    sample = np.arange(len(codes))
    if kmer_sample is not None and kmer_sample < len(codes):
        sample = np.sort(generator.permutation(len(codes))[:kmer_sample])

    fits, seeds, tables = [], [], []
    energy_columns: list[np.ndarray] = []
    current = targets
    many = n_motifs > 1 or n_candidates > 1
    with threads(n_jobs), progress_bar(n_motifs, "regress", "motif", show=progress and many) as bar:
        for number_found in range(n_motifs):
            if number_found > 0:
                prediction = _linear_prediction(np.column_stack(energy_columns), targets)
                current = np.column_stack(
                    [prego.smoothed_residual(targets[:, t], prediction[:, t]) for t in range(targets.shape[1])]
                )
            if given is not None and number_found == 0:
                seed, pwm = given
            elif n_candidates > 1:
                patterns = candidate_patterns(screened[sample], current[sample], n_candidates, max_gap, min_correlation)
                seed, table = best_candidate(
                    patterns, region, current, uniform, size, motif_length, settings, generator
                )
                tables.append(table.assign(motif=number_found))
                pwm = prego.seed_pwm(seed, motif_length, letter_probability=LETTER_PROBABILITY)
            else:
                seed = best_pattern(screened[sample], current[sample], k, max_gap, min_correlation)
                pwm = prego.seed_pwm(seed, motif_length, letter_probability=LETTER_PROBABILITY)
            fit = prego.optimize(region, current, pwm, uniform, size, **settings)  # type: ignore[arg-type]
            fits.append(fit)
            seeds.append(seed)
            energy_columns.append(fit_energies(codes, fit, start, size, both_strands=strands == "both"))
            bar.update()
    return _result(fits, seeds, np.column_stack(energy_columns), targets, tables, start, size, codes.shape[1], steps)


def _result(
    fits: list[prego.PregoFit],
    seeds: list[str],
    energies: np.ndarray,
    targets: np.ndarray,
    tables: list[pd.DataFrame],
    start: int,
    bin_size: int,
    width: int,
    steps: tuple[float, ...],
) -> MotifRegression:
    motifs = MotifSet.from_dict(
        {f"motif_{i + 1}": fit.probabilities for i, fit in enumerate(fits)}, pd.DataFrame({"seed": seeds})
    )
    low, high = energy_range(energies)
    prediction = _linear_prediction(energies, targets)
    curves = SpatialCurves(np.vstack([fit.spatial for fit in fits]), start, bin_size)
    history = pd.concat(
        [
            pd.DataFrame(
                {
                    "motif": i,
                    "iteration": np.arange(len(fit.history)),
                    "step": np.asarray(steps)[fit.history[:, 0].astype(int)],
                    "score": fit.history[:, 1],
                }
            )
            for i, fit in enumerate(fits)
        ],
        ignore_index=True,
    )
    n_targets = targets.shape[1]
    r2 = np.array([[squared_correlation(e, targets[:, t]) for t in range(n_targets)] for e in energies.T])
    combined = np.array([squared_correlation(prediction[:, t], targets[:, t]) for t in range(n_targets)])
    return MotifRegression(
        PBMSet(motifs, curves, low, high, width, pseudo_probability=0.0),
        seeds,
        energies,
        targets,
        prediction,
        r2,
        combined,
        np.array([fit.score for fit in fits]),
        history,
        _ks_test(energies[:, 0], targets),
        pd.concat(tables, ignore_index=True) if tables else None,
    )


def _ks_test(energies: np.ndarray, targets: np.ndarray) -> tuple[float, float] | None:
    from scipy.stats import ks_2samp

    values = np.unique(targets[:, 0])
    if len(values) != 2:
        return None
    test = ks_2samp(energies[targets[:, 0] == values[1]], energies[targets[:, 0] == values[0]])
    return float(test.statistic), float(test.pvalue)


def _linear_prediction(energies: np.ndarray, targets: np.ndarray) -> np.ndarray:
    X = np.column_stack([np.ones(len(energies)), energies.astype(np.float64)])
    solution, *_ = np.linalg.lstsq(X, targets, rcond=None)
    return X @ solution


def _check_regression(
    codes: np.ndarray, targets: np.ndarray, objective: str, strands: str, n_motifs: int, n_candidates: int
) -> None:
    if len(codes) < MIN_SEQUENCES:
        msg = f"{len(codes)} sequences are too few for a regression: {MIN_SEQUENCES} at least."
        raise ValueError(msg)
    constant = np.flatnonzero(np.ptp(targets, axis=0) == 0)
    if len(constant):
        msg = f"The response is constant (target {examples(constant)})."
        raise ValueError(msg)
    if objective not in {"r2", "ks"} or strands not in {"both", "forward"} or min(n_motifs, n_candidates) < 1:
        msg = (
            "objective must be 'r2' or 'ks', strands 'both' or 'forward', n_motifs and n_candidates at least 1; got "
            f"{objective!r}, {strands!r}, {n_motifs} and {n_candidates}."
        )
        raise ValueError(msg)
    if objective == "ks" and (targets.shape[1] != 1 or len(np.unique(targets)) != 2 or n_motifs > 1):
        msg = "objective='ks' needs one response of two values and looks for one motif: use 'r2'."
        raise ValueError(msg)
