"""PREGO: one PWM and its spatial curve from a response, by greedy moves that share one pass (METHOD section 7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numba
import numpy as np

from iceqream._core.window_products import CHUNK, LETTERS, derivative_moments, update_and_bin

Objective = Literal["r2", "ks"]

STEPS = (0.05, 0.02, 0.01, 0.005)
SPATIAL_STEPS = (0.01, 0.01, 0.01, 0.005)
MIN_PROBABILITY = 0.001
MIN_IMPROVEMENT = 1e-4
MAX_LENGTH = 50
"""Longer motifs would leave the range of float32."""
MAX_JOINT_MOVES = 4
_LOWEST_FACTOR = 1e-3
_REFRESH = 100
"""Products are computed from scratch after this many updates: rounding errors of the ratios add up."""
_MAX_ITERATIONS = 1000
# letters that a move changes: one, or two together
_MOVES = np.array([[1.0 * (i in pair) for i in range(4)] for pair in
                   [(0,), (1,), (2,), (3,), (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]])  # fmt: skip
_MOVES = np.vstack([_MOVES, -_MOVES])


@dataclass(frozen=True)
class PregoFit:
    """A fitted PWM and spatial curve."""

    probabilities: np.ndarray
    """float64, length x 4."""
    spatial: np.ndarray
    """float64, bins; sums to 1."""
    score: float
    """Final value of the objective, on the linear energy."""
    history: np.ndarray
    """float64, iterations x 2: index of the step size, objective after the iteration; the first row is the start."""


def optimize(
    codes: np.ndarray,
    targets: np.ndarray,
    probabilities: np.ndarray,
    spatial: np.ndarray,
    bin_size: int,
    *,
    objective: Objective = "r2",
    target_weights: np.ndarray | None = None,
    both_strands: bool = True,
    optimize_pwm: bool = True,
    optimize_spatial: bool = True,
    symmetric: bool = True,
    steps: tuple[float, ...] = STEPS,
    spatial_steps: tuple[float, ...] = SPATIAL_STEPS,
    min_probability: float = MIN_PROBABILITY,
    min_improvement: float = MIN_IMPROVEMENT,
    max_joint_moves: int = MAX_JOINT_MOVES,
) -> PregoFit:
    """Improve a PWM and its spatial curve until no move helps.

    In turn, the best move of one position (one or two letters up or down by a step) and the best move of one spatial
    factor are made while the objective improves by more than `min_improvement`; then with the next step size.

    Parameters
    ----------
    codes
        uint8, n x region, the part of the sequences under the curve: ``bins * bin_size`` bp.
    targets
        float64, n x t (``"ks"``: one column of 0 and 1).
    probabilities, spatial, bin_size
        Where to start: length x 4, bins, bp.
    objective
        ``"r2"``: sum over targets of the squared correlation with the linear energy. ``"ks"``: Kolmogorov-Smirnov
        statistic, one-sided: energies of the ones above those of the zeros.
    target_weights
        Weight of each target's squared correlation, scaled to a mean of 1.
    both_strands, optimize_pwm, optimize_spatial
        What counts and what changes.
    symmetric
        Whether bins at the same distance from the centre share a factor.
    steps, spatial_steps
        Step sizes in turn, probabilities and factors.
    min_probability, min_improvement
        Lowest probability, smallest improvement of an iteration that goes on with the same step.
    max_joint_moves
        Positions that may move in one iteration, each by its best move, as long as they improve more together than
        the best one alone. 1 is the reference's rule.

    Returns
    -------
    PregoFit
        The same for any number of threads.
    """
    problem = _Problem(
        codes, targets, bin_size, len(spatial), len(probabilities), both_strands, objective, target_weights
    )
    p = _floored(np.asarray(probabilities, dtype=np.float64), min_probability)
    w = np.asarray(spatial, dtype=np.float64) / np.sum(spatial)
    groups = _bin_groups(len(w), symmetric=symmetric)
    problem.refresh(p)
    score = problem.score(w)
    history = [(0.0, score)]
    joint = max_joint_moves
    for phase, (step, spatial_step) in enumerate(zip(steps, spatial_steps, strict=True)):
        for _ in range(_MAX_ITERATIONS):
            before = score
            if optimize_pwm:
                scores, candidates = problem.pwm_moves(p, w, step, min_probability)
                moves = scores.argmax(axis=1)
                gains = scores[np.arange(len(p)), moves]
                order = np.argsort(-gains, kind="stable")
                order = order[gains[order] > score]
                if len(order):
                    best = float(gains[order[0]])
                    together = order[:joint]
                    moved = p.copy()
                    moved[together] = candidates[together, moves[together]]
                    problem.change(p, moved)
                    score = problem.score(w)
                    if len(together) > 1 and score < best:
                        # moves of several positions are judged one by one and can spoil each other
                        alone = p.copy()
                        alone[order[0]] = moved[order[0]]
                        problem.change(moved, alone)
                        moved, score = alone, problem.score(w)
                        joint = max(joint // 2, 1)
                    else:
                        joint = min(joint + 1, max_joint_moves)
                    p = moved
            if optimize_spatial:
                best, moved = problem.best_spatial_move(w, spatial_step, groups)
                if best > score:
                    w, score = moved, best
            history.append((float(phase), score))
            if score - before <= min_improvement:
                break
    return PregoFit(p, w, score, np.array(history))


class _Problem:
    """The data of one regression: window products and what follows from them."""

    def __init__(
        self,
        codes: np.ndarray,
        targets: np.ndarray,
        bin_size: int,
        n_bins: int,
        length: int,
        both_strands: bool,  # noqa: FBT001
        objective: Objective,
        target_weights: np.ndarray | None,
    ) -> None:
        n = len(codes)
        n_targets = targets.shape[1]
        n_windows = codes.shape[1] - length + 1
        n_chunks = -(-n // CHUNK)
        self.codes = np.ascontiguousarray(codes)
        centred = targets - targets.mean(axis=0)
        norm = np.sqrt((centred**2).sum(axis=0))
        self.targets = np.divide(centred, norm, out=np.zeros_like(centred), where=norm > 0)
        self.is_one = targets[:, 0] > targets[:, 0].mean()
        weights = np.ones(n_targets) if target_weights is None else np.asarray(target_weights, dtype=np.float64)
        self.weights = weights / weights.mean()
        self.objective = objective
        self.bin_size = bin_size
        self.bin_of_window = np.arange(n_windows) // bin_size
        self.products = np.empty((n, 2 if both_strands else 1, n_windows), dtype=np.float32)
        self.bins = np.empty((n, n_bins), dtype=np.float32)
        self.bin_chunks = np.empty((n_chunks, n_bins, n_bins + 1 + n_targets))
        self.letter_chunks = np.empty((n_chunks, length, LETTERS, LETTERS + 1 + n_targets))
        self.derivatives = np.empty((n if objective == "ks" else 0, length, LETTERS), dtype=np.float32)
        self.bin_moments = np.empty(0)
        self.n_updates = 0

    def refresh(self, p: np.ndarray) -> None:
        """Compute all window products."""
        self._update(p, np.empty(0, dtype=np.int64), np.empty((0, 4), dtype=np.float32))
        self.n_updates = 0

    def change(self, p: np.ndarray, moved: np.ndarray) -> None:
        """Multiply the window products for the positions that changed."""
        positions = np.flatnonzero((p != moved).any(axis=1))
        self.n_updates += 1
        if self.n_updates >= _REFRESH or 2 * len(positions) > len(p):
            self.refresh(moved)
        else:
            self._update(moved, positions, (moved[positions] / p[positions]).astype(np.float32))

    def _update(self, p: np.ndarray, positions: np.ndarray, ratios: np.ndarray) -> None:
        odds = (4 * p).astype(np.float32)
        update_and_bin(
            self.codes, self.products, odds, positions, ratios, self.bin_size, self.targets, self.bins, self.bin_chunks
        )
        self.bin_moments = self.bin_chunks.sum(axis=0)

    def score(self, w: np.ndarray) -> float:
        """Return the objective of the current products with a spatial curve."""
        if self.objective == "ks":
            return float(_ks(self.bins.astype(np.float64) @ w, self.is_one))
        return float(_r2_of(w, self.bin_moments, len(w), self.weights, len(self.codes)))

    def pwm_moves(
        self, p: np.ndarray, w: np.ndarray, step: float, min_probability: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the score after every move, length x 20, and the position's new probabilities, length x 20 x 4."""
        weights = w[self.bin_of_window].astype(np.float32)
        derivative_moments(self.codes, self.products, p, weights, self.targets, self.letter_chunks, self.derivatives)
        candidates = _candidates(p, step, min_probability)
        if self.objective == "ks":
            return _ks_of_moves(self.derivatives, candidates, self.is_one), candidates
        return _r2_of_moves(candidates, self.letter_chunks.sum(axis=0), self.weights, len(self.codes)), candidates

    def best_spatial_move(self, w: np.ndarray, step: float, groups: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the best score of a move of one factor (with its mirror image) and the new curve."""
        moves = np.concatenate([w + step * groups, w - step * groups])
        moves = np.maximum(moves, _LOWEST_FACTOR)
        moves /= moves.sum(axis=1, keepdims=True)
        if self.objective == "ks":
            scores = np.array([_ks(energies, self.is_one) for energies in moves @ self.bins.astype(np.float64).T])
        else:
            n_bins = len(w)
            scores = np.array([_r2_of(m, self.bin_moments, n_bins, self.weights, len(self.codes)) for m in moves])
        return float(scores.max()), moves[scores.argmax()]


def _floored(p: np.ndarray, min_probability: float) -> np.ndarray:
    p = np.maximum(p, min_probability)
    return p / p.sum(axis=-1, keepdims=True)


def _candidates(p: np.ndarray, step: float, min_probability: float) -> np.ndarray:
    """Return the positions after every move, length x 20 x 4."""
    return _floored(p[:, None, :] + step * _MOVES, min_probability)


def _bin_groups(n_bins: int, *, symmetric: bool) -> np.ndarray:
    """Return the bins that move together, groups x bins."""
    each = np.eye(n_bins)
    if not symmetric:
        return each
    return np.maximum(each, each[:, ::-1])[: (n_bins + 1) // 2]


@numba.njit(cache=True)
def _r2_of(x, moments, size, weights, n):
    """Sum of weighted squared correlations of the targets with the energy x . d, from the moments of d."""
    mean = second = 0.0
    for a in range(size):
        mean += x[a] * moments[a, size]
        for b in range(size):
            second += x[a] * x[b] * moments[a, b]
    variance = second - mean * mean / n
    if variance <= 1e-12 * second:
        return 0.0
    total = 0.0
    for t in range(len(weights)):
        product = 0.0
        for a in range(size):
            product += x[a] * moments[a, size + 1 + t]
        total += weights[t] * product * product / variance
    return total


@numba.njit(cache=True)
def _r2_of_moves(candidates, moments, weights, n):
    """Score every move from the moments of its position's derivatives."""
    length, n_moves = candidates.shape[0], candidates.shape[1]
    scores = np.empty((length, n_moves))
    x = np.ones(LETTERS)
    for j in range(length):
        for move in range(n_moves):
            x[:4] = candidates[j, move]
            scores[j, move] = _r2_of(x, moments[j], LETTERS, weights, n)
    return scores


@numba.njit(cache=True)
def _ks(values, is_one):
    """Return how far the distribution of the ones lies above that of the zeros."""
    order = np.argsort(values)
    ones = is_one.sum()
    zeros = len(is_one) - ones
    below_one = below_zero = 0
    best = 0.0
    for i in range(len(order)):
        if is_one[order[i]]:
            below_one += 1
        else:
            below_zero += 1
        # a step of the distributions ends where the value changes
        if i + 1 == len(order) or values[order[i + 1]] != values[order[i]]:
            best = max(best, below_zero / zeros - below_one / ones)
    return best


@numba.njit(parallel=True, cache=True)
def _ks_of_moves(derivatives, candidates, is_one):
    length, n_moves = candidates.shape[0], candidates.shape[1]
    scores = np.empty((length, n_moves))
    for k in numba.prange(length * n_moves):
        j, move = k // n_moves, k % n_moves
        values = np.empty(len(is_one))
        for s in range(len(is_one)):
            value = np.float64(derivatives[s, j, 4])
            for a in range(4):
                value += candidates[j, move, a] * derivatives[s, j, a]
            values[s] = value
        scores[j, move] = _ks(values, is_one)
    return scores


def seed_pwm(pattern: str, length: int, *, letter_probability: float) -> np.ndarray:
    """Turn a k-mer with '*' for any letter into a PWM, centred, an odd rest on the right.

    Parameters
    ----------
    pattern
        Letters and '*'.
    length
        Positions of the PWM, at least those of the pattern.
    letter_probability
        Probability of a fixed letter.

    Returns
    -------
    float64, length x 4.
    """
    if len(pattern) > length:
        msg = f"The seed {pattern} has {len(pattern)} positions, more than motif_length={length}."
        raise ValueError(msg)
    pwm = np.full((length, 4), 0.25)
    first = (length - len(pattern)) // 2
    for i, letter in enumerate(pattern):
        if letter != "*":
            pwm[first + i] = (1.0 - letter_probability) / 3
            pwm[first + i, "ACGT".index(letter)] = letter_probability
    return pwm


def spatial_bins(width: int, bin_size: int | None, n_bins: int | None) -> tuple[int, int, int]:
    """Return start, bin size and number of bins of a spatial curve: centred, odd, of 40 bp at most by default."""
    size = min(40, width // 3) if bin_size is None else bin_size
    if size < 1 or (n_bins is not None and n_bins * size > width):
        msg = f"{n_bins} bins of {size} bp do not fit into {width} bp."
        raise ValueError(msg)
    most = width // size
    number = (most if most % 2 else most - 1) if n_bins is None else n_bins
    number = max(number, 1)
    return (width - number * size) // 2, size, number


def smoothed_residual(target: np.ndarray, prediction: np.ndarray, neighbours: int = 100) -> np.ndarray:
    """Return the target less its running mean over neighbours in the order of the prediction."""
    order = np.argsort(prediction, kind="stable")
    ordered = target[order]
    n = len(target)
    half = neighbours // 2
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    first = np.maximum(np.arange(n) - half, 0)
    last = np.minimum(np.arange(n) + half, n)
    residual = np.empty(n)
    residual[order] = ordered - (sums[last] - sums[first]) / (last - first)
    return residual


__all__ = ["MAX_LENGTH", "Objective", "PregoFit", "optimize", "seed_pwm", "smoothed_residual", "spatial_bins"]
