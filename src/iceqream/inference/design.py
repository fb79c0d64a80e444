"""Sequences that are changed step by step towards a requested prediction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from iceqream._core.sequence import UNKNOWN, decode
from iceqream._core.substitutions import N_LETTERS
from iceqream.inference.substitutions import own_values, predict_columns, substitution_values

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    import pandas as pd

    from iceqream.models import ManifoldModel, TrajectoryModel

Method = Literal["greedy", "beam", "annealing"]

IUPAC = {
    "A": "A", "C": "C", "G": "G", "T": "T", "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC",
    "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT",
}  # fmt: skip
"""Letters that stand for several bases."""
_NEVER = np.inf
_GAIN = 1e-9
"""A step must lower the loss by more."""
_IDLE = 5e-4
"""Loss, dAP, that a change may gain and still do nothing."""


@dataclass(frozen=True, eq=False)
class Goal:
    """What predictions should become."""

    columns: np.ndarray
    """int64: columns of the predictions (trajectories) that count."""
    values: np.ndarray
    """float64: dAP to reach; inf and -inf: as high and as low as possible."""
    tolerance: float
    """Distance from a value that is as good as none."""

    def loss(self, predicted: np.ndarray) -> np.ndarray:
        """Return what is to be lowered, from predictions whose last axis are the trajectories."""
        total = np.zeros(predicted.shape[:-1])
        for column, value in zip(self.columns, self.values, strict=True):
            one = predicted[..., column]
            total += np.abs(one - value) if np.isfinite(value) else -np.sign(value) * one
        return total

    def reached(self, predicted: np.ndarray) -> bool:
        """Return whether all values are reached; never where one is to be as high or low as possible."""
        off = np.abs(predicted[self.columns] - self.values)
        return bool((off <= self.tolerance).all())


@dataclass(frozen=True, eq=False)
class Constraints:
    """What a designed sequence must be like. Where a start breaks a rule, no step may break it further."""

    gc: tuple[float, float] | None = None
    """Least and largest GC content, 0-1."""
    max_homopolymer: int | None = None
    """Longest run of one base."""
    forbidden: tuple[str, ...] = ()
    """Sites that must not arise on either strand, in letters that may stand for several bases."""
    fixed: np.ndarray = field(default_factory=lambda: np.array([], dtype=np.int64))
    """Positions that keep their base."""
    max_energy: Mapping[int, float] = field(default_factory=dict)
    """Energies, 0-10, that motifs (by position in the model) must not exceed."""

    def allowed(self, codes: np.ndarray, values: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Return which substitutions keep the rules, bool, n x width x 4.

        Parameters
        ----------
        codes
            uint8, n x width.
        values
            Terms' values of their substitutions, n x width x 4 x terms.
        own
            Terms' values of the sequences, n x terms.
        """
        letters = np.arange(N_LETTERS)
        ok = (codes[:, :, None] != letters) & (codes[:, :, None] != UNKNOWN)
        ok[:, self.fixed] = False
        if self.gc is not None:
            low, high = self.gc
            is_gc = (codes == 1) | (codes == 2)
            known = (codes != UNKNOWN).sum(axis=1)[:, None, None]
            before = is_gc.sum(axis=1)[:, None, None] / known
            after = before + (((letters == 1) | (letters == 2)) - is_gc[:, :, None].astype(int)) / known
            off_before, off = (np.maximum(low - of, 0) + np.maximum(of - high, 0) for of in (before, after))
            ok &= off <= off_before + _GAIN
        if self.max_homopolymer is not None:
            before, after = runs(codes)
            ok &= before + after + 1 <= self.max_homopolymer
        for site in self.forbidden:
            ok &= ~arising(codes, site)
        for motif, limit in self.max_energy.items():
            ok &= values[..., motif] <= np.maximum(limit, own[:, None, None, motif])
        return ok

    def broken(self, codes: np.ndarray) -> np.ndarray:
        """Return how many of the rules of letters a sequence breaks, int64, n."""
        broken = np.zeros(len(codes), dtype=np.int64)
        if self.gc is not None:
            content = ((codes == 1) | (codes == 2)).mean(axis=1)
            broken += (content < self.gc[0]) | (content > self.gc[1])
        if self.max_homopolymer is not None:
            before, after = runs(codes)
            own = codes[:, :, None] == np.arange(N_LETTERS)
            broken += np.where(own, before + after + 1, 0).max(axis=(1, 2)) > self.max_homopolymer
        for site in self.forbidden:
            broken += contains(codes, site)
        return broken


def runs(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how often each letter is repeated just before and just after each position, int64, n x width x 4 each."""
    n, width = codes.shape
    is_letter = codes[:, :, None] == np.arange(N_LETTERS)
    before, after = (np.zeros((n, width, N_LETTERS), dtype=np.int64) for _ in range(2))
    for j in range(1, width):
        before[:, j] = np.where(is_letter[:, j - 1], before[:, j - 1] + 1, 0)
        k = width - 1 - j
        after[:, k] = np.where(is_letter[:, k + 1], after[:, k + 1] + 1, 0)
    return before, after


def site_letters(site: str) -> np.ndarray:
    """Return which bases a site takes at each position, bool, length x 4."""
    return np.array([[base in IUPAC[letter] for base in "ACGT"] for letter in site.upper()])


def contains(codes: np.ndarray, site: str) -> np.ndarray:
    """Return which sequences hold a site on either strand, bool, n."""
    found = np.zeros(len(codes), dtype=bool)
    for _, wrong in _mismatches(codes, site):
        found |= (wrong == 0).any(axis=1)
    return found


def arising(codes: np.ndarray, site: str) -> np.ndarray:
    """Return which substitutions make a site on either strand, bool, n x width x 4."""
    out = np.zeros((*codes.shape, N_LETTERS), dtype=bool)
    for pattern, wrong in _mismatches(codes, site):
        n_windows = wrong.shape[1]
        for k in range(len(pattern)):
            at = slice(k, k + n_windows)
            fits = _fits(pattern[k], codes[:, at])
            out[:, at] |= (wrong - ~fits == 0)[:, :, None] & pattern[k]
    return out


def _mismatches(codes: np.ndarray, site: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the pattern of each strand, and how many bases of each window differ from it, n x windows."""
    forward = site_letters(site)
    reverse = forward[::-1, ::-1]
    patterns = [forward] if np.array_equal(forward, reverse) else [forward, reverse]
    n_windows = max(codes.shape[1] - len(forward) + 1, 0)
    found = []
    for pattern in patterns:
        wrong = np.zeros((len(codes), n_windows), dtype=np.int64)
        for k in range(len(pattern) if n_windows else 0):
            wrong += ~_fits(pattern[k], codes[:, k : k + n_windows])
        found.append((pattern, wrong))
    return found


def _fits(letters: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return which bases are among some letters (an N is among none)."""
    return np.append(letters, False)[codes]


class Step(NamedTuple):
    """One substitution on the way."""

    position: int
    letter: int
    """Code of the new base."""
    predicted: np.ndarray
    """Of each trajectory, after it."""
    loss: float


@dataclass(frozen=True, eq=False)
class _Candidate:
    codes: np.ndarray  # 1 x width
    steps: tuple[Step, ...]
    predicted: np.ndarray  # of each trajectory
    loss: float


class Evolved(NamedTuple):
    """How a sequence was changed."""

    start: np.ndarray
    """uint8, width."""
    end: np.ndarray
    """uint8, width."""
    before: np.ndarray
    """Predictions of the start, of each trajectory."""
    after: np.ndarray
    """Of the end."""
    steps: tuple[Step, ...]


@dataclass(frozen=True, eq=False)
class Search:
    """A search from one sequence: in every step all single substitutions of each candidate are predicted."""

    model: TrajectoryModel | ManifoldModel
    start: np.ndarray
    """uint8, width."""
    features: Mapping[str, np.ndarray]
    """Values of features that are not computed from sequence, 1 each."""
    goal: Goal
    constraints: Constraints
    n_mutations: int
    """Positions at most that differ from the start; a position may change again."""

    def greedy(self, beam: int) -> Evolved:
        """Go on with the best `beam` sequences of each step, until none is better than the best before.

        Where the beam ends early, the way of the single best steps may lead further: it is tried as well.
        """
        found = [self._climbed(self._first(), size) for size in {1, beam}]
        return self._evolved(min(found, key=lambda one: (one.loss, len(one.steps))))

    def annealing(self, n_steps: int, temperature: tuple[float, float], rng: np.random.Generator) -> Evolved:
        """Draw a substitution with a probability of exp(-loss / temperature), which falls from step to step.

        The best sequence that was come by loses the changes that do nothing, and takes the best steps from there.
        """
        now = best = self._first()
        for heat in np.geomspace(*temperature, num=n_steps):
            if self._is_reached(best):
                break
            predicted, loss = self._scored(now.codes)
            if not np.isfinite(loss).any():
                break
            odds = np.exp(-(loss - loss.min()) / heat).ravel()
            now = _after([now], predicted, loss, int(rng.choice(len(odds), p=odds / odds.sum())))
            if now.loss < best.loss - _GAIN:
                best = now
        return self._evolved(self._climbed(self._without_idle(best), 1))

    def _first(self) -> _Candidate:
        _, values = next(substitution_values(self.model, self.start[None], self.features))
        predicted = predict_columns(self.model, own_values(self.start[None], values))[0]
        return _Candidate(self.start[None], (), predicted, float(self.goal.loss(predicted)))

    def _is_reached(self, candidate: _Candidate) -> bool:
        return self.goal.reached(candidate.predicted)

    def _climbed(self, first: _Candidate, beam: int) -> _Candidate:
        best, now, seen = first, [first], {first.codes.tobytes()}
        while not self._is_reached(best):
            codes = np.concatenate([one.codes for one in now])
            predicted, loss = self._scored(codes)
            chosen = _best_new(loss, codes, seen, beam)
            if not chosen:
                break
            now = [_after(now, predicted, loss, place) for place in chosen]
            ahead = min(now, key=lambda one: one.loss)
            if ahead.loss >= best.loss - _GAIN:
                break
            best = ahead
        return best

    def _without_idle(self, candidate: _Candidate) -> _Candidate:
        """Take back changes, the least useful first, as long as that costs next to nothing."""
        while True:
            changed = np.flatnonzero(candidate.codes[0] != self.start)
            predicted, loss = self._scored(candidate.codes)
            back = loss[0, changed, self.start[changed]] if len(changed) else np.array([_NEVER])
            if back.min() > candidate.loss + _IDLE:
                return candidate
            position = int(changed[back.argmin()])
            place = np.ravel_multi_index((0, position, int(self.start[position])), loss.shape)
            candidate = _after([candidate], predicted, loss, int(place))

    def _scored(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return predictions (n x width x 4 x trajectories) and losses of substitutions, inf for what is forbidden."""
        given = {name: np.repeat(values, len(codes)) for name, values in self.features.items()}
        found, ok = [], []
        for block, values in substitution_values(self.model, codes, given):
            rows = codes[block]
            of_all = predict_columns(self.model, values.reshape(-1, values.shape[-1]))
            found.append(of_all.reshape(*values.shape[:-1], -1))
            ok.append(self.constraints.allowed(rows, values, own_values(rows, values)))
        predicted, allowed = np.concatenate(found), np.concatenate(ok)
        differs, other = codes != self.start, self.start[None, :, None] != np.arange(N_LETTERS)
        n_after = differs.sum(axis=1)[:, None, None] - differs[:, :, None] + other
        return predicted, np.where(allowed & (n_after <= self.n_mutations), self.goal.loss(predicted), _NEVER)

    def _evolved(self, best: _Candidate) -> Evolved:
        before = self._first().predicted
        return Evolved(self.start, best.codes[0], before, best.predicted, best.steps)


def _best_new(loss: np.ndarray, codes: np.ndarray, seen: set[bytes], size: int) -> list[int]:
    """Return the places of the best substitutions that lead to sequences not seen before, and note these."""
    flat = loss.ravel()
    # a sequence is reached from as many candidates as there are at most
    n_looked = min(len(flat), size * (len(codes) + 1) + len(seen))
    order = np.argpartition(flat, n_looked - 1)[:n_looked]
    order = order[np.argsort(flat[order], kind="stable")]
    chosen: list[int] = []
    for place in order.tolist():
        if len(chosen) == size or not np.isfinite(flat[place]):
            break
        row, position, letter = np.unravel_index(place, loss.shape)
        changed = codes[row].copy()
        changed[position] = letter
        if changed.tobytes() not in seen:
            seen.add(changed.tobytes())
            chosen.append(place)
    return chosen


def _after(now: list[_Candidate], predicted: np.ndarray, loss: np.ndarray, place: int) -> _Candidate:
    """Return the candidate that one substitution leads to, by its place in the losses."""
    row, position, letter = map(int, np.unravel_index(place, loss.shape))
    changed = now[row].codes.copy()
    changed[0, position] = letter
    after, value = predicted[row, position, letter], float(loss[row, position, letter])
    return _Candidate(changed, (*now[row].steps, Step(position, letter, after, value)), after, value)


@dataclass(frozen=True, eq=False)
class Design:
    """Designed sequences, and the way to them.

    Parameters
    ----------
    sequences
        One row per start (index: its name): start, sequence (strings), n_mutations (positions that differ), dap_start
        and dap (predicted; of a manifold ``dap_start_<trajectory>`` and ``dap_<trajectory>`` for each), reached
        (whether the requested dAP was reached; ``None`` where it was to be as high or low as possible).
    trace
        One row per step: name, step (from 1), position (0-based in the sequence), ref, alt, dap (after it; of a
        manifold one column per trajectory), loss, and the motif behind it, as in the table of
        `iceqream.tl.variant_effects` (of a manifold for the trajectory that the step changed most, which is named).
    model
        What predicted them.
    """

    sequences: pd.DataFrame
    trace: pd.DataFrame
    model: TrajectoryModel | ManifoldModel

    def __repr__(self) -> str:
        reached = self.sequences["reached"]
        known = reached.notna()
        said = (
            f", {int(reached[known].astype(bool).sum())} of {int(known.sum())} reached what was asked"
            if known.any()
            else ""
        )
        mean = self.sequences["n_mutations"].mean() if len(self.sequences) else 0.0
        return f"Design of {len(self.sequences)} sequences: {mean:.1f} mutations in the mean{said}"

    def to_fasta(self, path: str | PathLike[str]) -> None:
        """Write the designed sequences to a FASTA file, by name."""
        from iceqream._files import target

        text = [f">{name}\n{sequence}\n" for name, sequence in self.sequences["sequence"].items()]
        target(path).write_text("".join(text))


def columns_of(model: TrajectoryModel | ManifoldModel) -> list[str]:
    """Return what predictions of a model are called: by trajectory, or the empty name alone."""
    names: Any = getattr(model, "names", None)
    return [""] if names is None else [str(name) for name in names]


def as_text(codes: np.ndarray) -> str:
    """Return one sequence as a string."""
    return decode(codes[None])[0]
