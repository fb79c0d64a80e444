"""Results of changing sequences in the computer: effects of all substitutions, and how they depend on each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream._core.alleles import Edits, alternative_windows
from iceqream._core.sequence import UNKNOWN, decode
from iceqream._core.substitutions import N_LETTERS
from iceqream.inference.attribution import term_changes
from iceqream.inference.sites import site_responses, strongest_apart
from iceqream.inference.substitutions import own_values, substitution_values
from iceqream.inference.variant_effects import explained, site_changes
from iceqream.motifs.sites import Sites, find_sites

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from iceqream.models import TrajectoryModel

_ROWS = 64
"""Sequences with one substitution whose others are predicted at once."""


@dataclass(frozen=True, eq=False)
class Mutagenesis:
    """Effects of every single substitution of sequences.

    Parameters
    ----------
    names
        Of the sequences, n.
    codes
        uint8, n x width: A0 C1 G2 T3 N4.
    places
        chrom, start and end (0-based, half-open) of the sequences; ``None`` where they have no coordinates.
    reference
        float64, n: predicted dAP.
    effects
        float64, n x 4 x width (A, C, G, T): predicted dAP with the letter there, less `reference`; 0 for a sequence's
        own letter.
    table
        The strongest substitutions of each sequence and the motif behind each (`iceqream.tl.mutagenesis`).
    model
        What predicted them.
    features
        Unscaled values of the model's features that are not computed from sequence, n each.
    """

    names: np.ndarray
    codes: np.ndarray
    places: pd.DataFrame | None
    reference: np.ndarray
    effects: np.ndarray
    table: pd.DataFrame
    model: TrajectoryModel
    features: dict[str, np.ndarray] = field(default_factory=dict)

    def __repr__(self) -> str:
        n, _, width = self.effects.shape
        start, end = self.model.states
        return f"Mutagenesis of {n} sequences of {width} bp, {start} -> {end}: {3 * n * width:,} substitutions"

    def __len__(self) -> int:
        return len(self.names)

    @property
    def sequences(self) -> list[str]:
        """The sequences as strings."""
        return decode(self.codes)

    @property
    def hypothetical(self) -> np.ndarray:
        """Effects less their mean over the four letters of each position, float64, n x 4 x width."""
        return self.effects - self.effects.mean(axis=1, keepdims=True)

    @property
    def attributions(self) -> np.ndarray:
        """`hypothetical` at the sequences' own letters and 0 elsewhere, float64, n x 4 x width.

        What the observed base adds against the mean of all four: the convention of tangermeme's saturation mutagenesis.
        """
        own = np.arange(N_LETTERS)[None, :, None] == self.codes[:, None, :]
        return np.where(own, self.hypothetical, 0.0)

    def sites(self, sequence: int, min_energy: float) -> pd.DataFrame:
        """Return the sites of the model's motifs in one sequence, by number (`sites_in`)."""
        given = {name: values[[sequence]] for name, values in self.features.items()}
        return sites_in(self.model, self.codes[[sequence]], given, min_energy)

    @property
    def importance(self) -> np.ndarray:
        """Largest absolute effect at each position, float64, n x width."""
        return np.abs(self.effects).max(axis=1)


@dataclass(frozen=True, eq=False)
class DependencyMap:
    """How substitutions of one sequence depend on each other.

    Parameters
    ----------
    name
        Of the sequence.
    codes
        uint8, width.
    place
        chrom, start and end of the sequence (0-based, half-open); ``None`` where it has no coordinates.
    positions
        int64, k: positions in the sequence that were changed, 0-based.
    dependence
        float64, k x k, symmetric: of the nine pairs of substitutions of two positions, the difference between their
        joint effect and the sum of both effects that is largest in size, signed; 0 on the diagonal.
    effects
        float64, 4 x k: effect of each single substitution.
    scale
        ``"logit"``: of the linear predictor; ``"dap"``: of the predicted dAP.
    sites
        Sites of the model's motifs among the positions (`iceqream.tl.motif_sites`), strongest response first.
    pairs
        Pairs of sites that do not overlap, by the largest dependence of a base of one and a base of the other: first,
        second, first_start, second_start, distance (bp between their centres), dependence.
    model
        What predicted them.
    """

    name: str
    codes: np.ndarray
    place: tuple[str, int, int] | None
    positions: np.ndarray
    dependence: np.ndarray
    effects: np.ndarray
    scale: str
    sites: pd.DataFrame
    pairs: pd.DataFrame
    model: TrajectoryModel

    def __repr__(self) -> str:
        k = len(self.positions)
        where = f"positions {self.positions[0]} to {self.positions[-1]}"
        return f"DependencyMap of {self.name}, {where}: {9 * k * (k - 1) // 2:,} pairs of substitutions, {self.scale}"


def explained_substitutions(
    model: TrajectoryModel,
    codes: np.ndarray,
    position: np.ndarray,
    letter: np.ndarray,
    features: Mapping[str, np.ndarray],
    min_energy: float,
) -> dict[str, np.ndarray]:
    """Return why the predictions of sequences change with one substitution each.

    Parameters
    ----------
    model
        The model.
    codes
        uint8, n x width: the sequences before.
    position, letter
        int64, n: what becomes of one of their bases.
    features
        Values of features that are not computed from sequence, n each.
    min_energy
        From which on a window is a site.

    Returns
    -------
    Columns of n rows (`iceqream.inference.variant_effects.explained`), places relative to the sequence.
    """
    each = np.arange(len(codes))
    edits = Edits(each, position, np.ones_like(position), np.append(each, len(codes)), letter.astype(np.uint8))
    changed = alternative_windows(codes, 0, len(codes), edits)
    before, after = (model.values(of, features) for of in (codes, changed.codes))
    sites = site_changes(model.pbms, codes, changed, each, position, position + 1)
    return explained(model, before, after, sites, min_energy)[0]


def sites_in(
    model: TrajectoryModel, codes: np.ndarray, features: Mapping[str, np.ndarray], min_energy: float
) -> pd.DataFrame:
    """Return sites in one sequence: of windows of a motif that overlap, the strongest.

    Parameters
    ----------
    model
        The model.
    codes
        uint8, 1 x width.
    features
        Values of features that are not computed from sequence, 1 each.
    min_energy
        Above 0, up to 10.

    Returns
    -------
    DataFrame, strongest response first: motif, start, end (in the sequence, half-open), strand, energy (0-10), response
    (logit units, the motif's pairs included).
    """
    columns = ["motif", "start", "end", "strand", "energy", "response"]
    if len(model.pbms) == 0:
        return pd.DataFrame(columns=columns)
    found = find_sites(model.pbms, codes, min_energy)
    found = Sites(*(column[strongest_apart(found, model.pbms.motifs.lengths)] for column in found))
    values = model.values(codes, features) if len(model.interactions) else None
    response = site_responses(model, np.arange(len(model.pbms)), found, values)
    start = found.start.astype(np.int64)
    table = pd.DataFrame(
        {
            "motif": model.motif_names[found.motif].astype(str),
            "start": start,
            "end": start + model.pbms.motifs.lengths[found.motif],
            "strand": np.where(found.strand > 0, "+", "-"),
            "energy": found.energy,
            "response": response,
        }
    )
    return table.iloc[np.argsort(-np.abs(response), kind="stable")].reset_index(drop=True)


def dependence(
    model: TrajectoryModel,
    codes: np.ndarray,
    features: Mapping[str, np.ndarray],
    positions: np.ndarray,
    *,
    dap: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the dependence of all pairs of positions, k x k, and the effects of single substitutions, 4 x k.

    Every sequence with two substitutions is predicted (`DependencyMap.dependence`).

    Parameters
    ----------
    model
        The model.
    codes
        uint8, 1 x width.
    features
        Values of features that are not computed from sequence, 1 each.
    positions
        int64, k, rising.
    dap
        Whether predictions are dAP, or else linear predictors.
    """

    def predicted(values: np.ndarray) -> np.ndarray:
        eta = model.linear_predictor(values.reshape(-1, values.shape[-1])).reshape(values.shape[:-1])
        return model.dap_of(eta) if dap else eta

    _, values = next(substitution_values(model, codes, features))
    start = float(predicted(own_values(codes, values))[0])
    single = predicted(values[0, positions]) - start
    k = len(positions)
    out = np.zeros((k, k))
    for rows in _changed(k, codes[0, positions]):
        first, letter = rows.T
        changed = np.repeat(codes, len(rows), axis=0)
        changed[np.arange(len(rows)), positions[first]] = letter
        # the rows of one block are neighbours: only later positions remain to be paired with them
        rest = np.arange(first[0] + 1, k)
        given = {name: np.repeat(column, len(rows)) for name, column in features.items()}
        for block, both in substitution_values(model, changed, given):
            joint = predicted(both[:, positions[rest]]) - start
            of = first[block]
            beyond = joint - single[of, letter[block]][:, None, None] - single[rest][None]
            largest = np.take_along_axis(beyond, np.abs(beyond).argmax(axis=2)[..., None], axis=2)[..., 0]
            for i, row in zip(of, largest, strict=True):
                later = rest > i
                known = out[i, rest[later]]
                out[i, rest[later]] = np.where(np.abs(row[later]) > np.abs(known), row[later], known)
    return out + out.T, single.T


def _changed(k: int, letters: np.ndarray) -> Iterator[np.ndarray]:
    """Yield blocks of substitutions, position among `k` and new letter, in order of the positions."""
    pairs = [(i, a) for i in range(k) for a in range(N_LETTERS) if a != letters[i] and letters[i] != UNKNOWN]
    for first in range(0, len(pairs), _ROWS):
        yield np.array(pairs[first : first + _ROWS], dtype=np.int64)


def substitution_shares(
    model: TrajectoryModel,
    codes: np.ndarray,
    features: Mapping[str, np.ndarray],
    done: Callable[[int], object],
) -> tuple[np.ndarray, np.ndarray]:
    """Share the effects of all substitutions of sequences among a model's terms.

    Parameters
    ----------
    model, codes, features
        As in `iceqream.inference.substitutions.substitution_predictions`.
    done
        Is told how many sequences were done.

    Returns
    -------
    Two float64 arrays, n x terms: the sum over substitutions of |change of dAP|, shared in proportion to what each term
    adds to the change of the linear predictor; and the part of it from substitutions that lower the term's value.
    """
    shared, lost = (np.zeros((len(codes), len(model.terms))) for _ in range(2))
    for block, values in substitution_values(model, codes, features):
        own = own_values(codes[block], values)
        n_terms = values.shape[-1]
        before = np.broadcast_to(own[:, None, None], values.shape).reshape(-1, n_terms)
        after = values.reshape(-1, n_terms)
        changes = np.abs(term_changes(model, before, after))
        effect = np.abs(model.predict_values(after) - model.predict_values(before))
        total = changes.sum(axis=1)
        # a sequence's own letters change nothing
        changes *= np.divide(effect, total, out=np.zeros_like(effect), where=total > 0)[:, None]
        of_sequence = (len(own), -1, n_terms)
        shared[block] = changes.reshape(of_sequence).sum(axis=1)
        lost[block] = np.where(after < before, changes, 0.0).reshape(of_sequence).sum(axis=1)
        done(len(own))
    return shared, lost
