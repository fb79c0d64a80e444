"""De-novo motifs: PWMs with spatial curves that explain a response (METHOD section 7)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream._core import prego
from iceqream._core.correlation import r2 as squared_correlation
from iceqream._core.energy import SpatialCurves
from iceqream._core.energy import energies as compute_energies
from iceqream._core.kmers import screen_kmers as count_kmers
from iceqream._core.messages import examples
from iceqream._core.normalization import energy_range
from iceqream._core.sequence import centre, encode
from iceqream._core.threads import threads
from iceqream._progress import progress_bar
from iceqream.motifs._motif_set import Motif, MotifSet
from iceqream.motifs.pbm import PBM, PBMSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iceqream._core.energy import Strands
    from iceqream._core.prego import Objective

logger = logging.getLogger(__name__)

DEFAULT_LENGTH = 15
DEFAULT_K = 8
DEFAULT_MAX_GAP = 1
DEFAULT_MIN_CORRELATION = 0.08
DEFAULT_KMER_WIDTH = 300
LETTER_PROBABILITY = 0.85
CANDIDATE_KS = (6, 7, 8)
HELD_OUT = 0.1
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


def screen_kmers(
    sequences: str | Sequence[str] | np.ndarray,
    response: np.ndarray,
    k: int = DEFAULT_K,
    *,
    max_gap: int = DEFAULT_MAX_GAP,
    min_correlation: float = DEFAULT_MIN_CORRELATION,
    both_strands: bool = False,
    width: int | None = None,
    same_starts: bool = False,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Correlate the count of every k-mer, with and without a gap, with a response.

    Parameters
    ----------
    sequences
        Sequences of equal length, or uint8 codes n x width.
    response
        One value per sequence, or n x targets.
    k
        Letters, 4 to 9.
    max_gap
        Gaps of 1 to this many positions are tried too, after letter 2 to k - 2; '*' in the pattern.
    min_correlation
        Smallest absolute correlation with any target.
    both_strands
        Whether occurrences on the reverse strand count.
    width
        Use only the central `width` bp.
    same_starts
        Count all patterns, gapped or not, at the starts 0 .. width - k - max_gap only: the R package's rule.
    n_jobs
        Threads; the result does not depend on it.

    Returns
    -------
    DataFrame, one row per pattern that passed, the best first: kmer, max_r2, avg_n and avg_var (mean and variance of
    the count per sequence), and cor_0, cor_1, ... (correlation with each target).

    Raises
    ------
    ValueError
        For k out of range, sequences that are too short, or a response with missing values or of another length.

    Examples
    --------
    >>> import numpy as np, iceqream as iq
    >>> sequences = ["ACGATAAGC", "CCGATAAGG", "ACACACACA", "GTGTGTGTG"]
    >>> iq.motifs.screen_kmers(sequences, np.array([1.0, 1.0, 0.0, 0.0]), k=6, max_gap=0)["kmer"][:2].tolist()
    ['CGATAA', 'GATAAG']
    """
    codes = _codes(sequences, width)
    targets = _targets(response, len(codes))
    with threads(n_jobs):
        found = count_kmers(
            codes,
            targets,
            k,
            max_gap=max_gap,
            min_correlation=min_correlation,
            both_strands=both_strands,
            same_starts=same_starts,
        )
    table = pd.DataFrame({"kmer": found.strings(), "max_r2": found.r2, "avg_n": found.mean, "avg_var": found.variance})
    for t in range(targets.shape[1]):
        table[f"cor_{t}"] = found.correlation[:, t]
    return table


def regress(
    sequences: Sequence[str] | np.ndarray,
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
        Sequences of equal length, or uint8 codes n x width.
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
        For missing values, a constant response, fewer than 20 sequences, a motif longer than 50 bp or the sequences,
        no k-mer above half the threshold, or ``"ks"`` with a response that has not two values.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1000, rng=0)
    >>> response = adata.varm["occupancy"][:, 0]
    >>> result = iq.motifs.regress(adata.varm["sequence"], response, kmer_width=200)
    >>> bool(result.r2[0, 0] > 0.4)
    True
    """
    codes = _codes(sequences, None)
    targets = _targets(response, len(codes))
    _check_regression(codes, targets, objective, strands, n_motifs, n_candidates)
    generator = np.random.default_rng(rng)
    start, size, number = prego.spatial_bins(codes.shape[1], bin_size, n_bins)
    region = np.ascontiguousarray(codes[:, start : start + size * number])
    given = None if motif is None else _given_pwm(motif, motif_length)
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
    prediction = np.repeat(targets.mean(axis=0, keepdims=True), len(targets), axis=0)
    many = n_motifs > 1 or n_candidates > 1
    with threads(n_jobs), progress_bar(n_motifs, "regress", "motif", show=progress and many) as bar:
        for number_found in range(n_motifs):
            if given is not None and number_found == 0:
                seed, pwm = given
            elif n_candidates > 1:
                patterns = _candidate_patterns(
                    screened[sample], current[sample], n_candidates, max_gap, min_correlation
                )
                seed, table = _best_candidate(
                    patterns, region, current, uniform, size, motif_length, settings, generator
                )
                tables.append(table.assign(motif=number_found))
                pwm = prego.seed_pwm(seed, motif_length, letter_probability=LETTER_PROBABILITY)
            else:
                seed = _best_pattern(screened[sample], current[sample], k, max_gap, min_correlation)
                pwm = prego.seed_pwm(seed, motif_length, letter_probability=LETTER_PROBABILITY)
            fit = prego.optimize(region, current, pwm, uniform, size, **settings)  # type: ignore[arg-type]
            curve = SpatialCurves(fit.spatial[None], start, size)
            lengths = np.array([len(fit.probabilities)])
            energies = compute_energies(codes, fit.probabilities[None], lengths, strands=strands, spatial=curve)
            fits.append(fit)
            seeds.append(seed)
            energy_columns.append(energies[:, 0])
            prediction = _linear_prediction(np.column_stack(energy_columns), targets)
            current = np.column_stack(
                [prego.smoothed_residual(targets[:, t], prediction[:, t]) for t in range(targets.shape[1])]
            )
            bar.update()
    return _result(fits, seeds, np.column_stack(energy_columns), targets, prediction, tables, start, size, codes, steps)


def _result(
    fits: list[prego.PregoFit],
    seeds: list[str],
    energies: np.ndarray,
    targets: np.ndarray,
    prediction: np.ndarray,
    tables: list[pd.DataFrame],
    start: int,
    bin_size: int,
    codes: np.ndarray,
    steps: tuple[float, ...],
) -> MotifRegression:
    motifs = MotifSet.from_dict(
        {f"motif_{i + 1}": fit.probabilities for i, fit in enumerate(fits)}, pd.DataFrame({"seed": seeds})
    )
    low, high = energy_range(energies)
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
        PBMSet(motifs, curves, low, high, codes.shape[1], pseudo_probability=0.0),
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


def _best_pattern(codes: np.ndarray, targets: np.ndarray, k: int, max_gap: int, min_correlation: float) -> str:
    for threshold in (min_correlation, min_correlation / 2):
        found = count_kmers(codes, targets, k, max_gap=max_gap, min_correlation=threshold)
        if len(found):
            return found.strings()[0]
        logger.info("no %d-mer reaches |r| >= %g", k, threshold)
    best = count_kmers(codes, targets, k, max_gap=max_gap).r2.max(initial=0.0) ** 0.5
    msg = (
        f"No {k}-mer reaches |r| >= {min_correlation / 2:g} with the response; the best has {best:.3f}. "
        "Lower min_correlation, or give a motif to start from."
    )
    raise ValueError(msg)


def _candidate_patterns(
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
        if not any(_within_one_edit(pattern, other) for other, _ in chosen):
            chosen.append((pattern, r2))
    if not chosen:
        msg = f"No k-mer reaches |r| >= {min_correlation / 2:g} with the response. Lower min_correlation."
        raise ValueError(msg)
    return chosen


def _within_one_edit(a: str, b: str) -> bool:
    """Return whether one substitution, insertion or deletion at most turns one pattern into the other."""
    if abs(len(a) - len(b)) > 1:
        return False
    if len(a) > len(b):
        a, b = b, a
    same = next((i for i in range(len(a)) if a[i] != b[i]), len(a))
    return a[same:] == b[same + 1 :] if len(a) < len(b) else a[same + 1 :] == b[same + 1 :]


def _best_candidate(
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
        curve = SpatialCurves(fit.spatial[None], 0, bin_size)
        lengths = np.array([motif_length])
        strands = "both" if settings["both_strands"] else "forward"
        energies = compute_energies(region[held_out], fit.probabilities[None], lengths, strands=strands, spatial=curve)  # type: ignore[arg-type]
        score = np.mean([squared_correlation(energies[:, 0], targets[held_out, t]) for t in range(targets.shape[1])])
        rows.append((pattern, kmer_r2, fit.score, float(score)))
    table = pd.DataFrame(rows, columns=["kmer", "kmer_r2", "score", "held_out_r2"])
    return str(table["kmer"].iloc[int(table["held_out_r2"].to_numpy().argmax())]), table


def _given_pwm(motif: str | Motif | MotifSet | np.ndarray, motif_length: int) -> tuple[str, np.ndarray]:
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


def _codes(sequences: str | Sequence[str] | np.ndarray, width: int | None) -> np.ndarray:
    codes = encode(sequences)
    return codes if width is None else centre(codes, width)


def _targets(response: np.ndarray, n: int) -> np.ndarray:
    targets = np.asarray(response, dtype=np.float64)
    targets = targets[:, None] if targets.ndim == 1 else targets
    if targets.ndim != 2 or len(targets) != n or targets.shape[1] == 0:
        msg = f"The response needs one row per sequence ({n}), got shape {np.shape(response)}."
        raise ValueError(msg)
    missing = ~np.isfinite(targets).all(axis=1)
    if missing.any():
        shown = examples(np.flatnonzero(missing))
        msg = f"The response of {int(missing.sum())} sequence(s) is missing, for instance number {shown}."
        raise ValueError(msg)
    return targets


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
