"""Sequences designed towards a requested change of accessibility."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._core.messages import did_you_mean, examples, known_names
from iceqream._core.sequence import LETTERS, UNKNOWN
from iceqream._core.threads import threads
from iceqream._progress import progress_bar
from iceqream._stored_models import any_model
from iceqream.inference.design import IUPAC, Constraints, Design, Goal, Search, as_text, columns_of
from iceqream.inference.mutagenesis import explained_substitutions
from iceqream.inference.sites import SITE_ENERGY
from iceqream.models import ManifoldModel, TrajectoryModel
from iceqream.tl._mutation_inputs import MutationInputs, mutation_inputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from iceqream._sequences import Sequences
    from iceqream._stored_models import Source
    from iceqream.inference.design import Evolved, Method

logger = logging.getLogger(__name__)

DEFAULT_MUTATIONS = 20
DEFAULT_BEAM = 10
DEFAULT_TOLERANCE = 0.02
DEFAULT_STEPS = 200
DEFAULT_TEMPERATURE = (0.004, 0.0005)
"""First and last, dAP. A sequence of 500 bp has 1,500 substitutions: most do nothing, and would be drawn at a higher
temperature."""
_DRAWS = 200
"""Random sequences that are drawn for each that must keep the constraints."""
_METHODS = ("greedy", "beam", "annealing")
_EXTREMES = {"max": np.inf, "min": -np.inf}


def design(
    data: Source,
    sequence: Sequences | None = None,
    *,
    target: float | str | Mapping[str, float | str],
    peaks: Any = None,
    n_mutations: int = DEFAULT_MUTATIONS,
    method: Method = "greedy",
    tolerance: float = DEFAULT_TOLERANCE,
    gc: tuple[float, float] | None = None,
    max_homopolymer: int | None = None,
    forbidden: str | Sequence[str] = (),
    max_energy: Mapping[str, float] | None = None,
    fixed: Sequence[Any] | np.ndarray = (),
    n_random: int = 1,
    beam: int = DEFAULT_BEAM,
    n_steps: int = DEFAULT_STEPS,
    temperature: tuple[float, float] = DEFAULT_TEMPERATURE,
    features: Mapping[str, Any] | None = None,
    rng: int | np.random.Generator = 0,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
) -> Design:
    """Change sequences step by step until a model predicts what is asked for (directed evolution in the computer).

    In each step all single substitutions are predicted exactly. ``"greedy"`` takes the best; ``"beam"`` goes on with
    the best `beam` sequences; ``"annealing"`` draws one, at random at first and the best ones in the end, which leaves
    places where every single step is for the worse.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a model, or a model, of one trajectory or of a manifold.
    sequence
        One or several sequences to start from, as `iceqream.models.TrajectoryModel.predict` takes them; ``None`` with
        ``peaks=None``: random sequences.
    target
        Predicted dAP to reach, ``"max"`` or ``"min"``; of a manifold by trajectory, ``{"mono": "max", "ery": 0.0}``:
        those that are not named do not count.
    peaks
        Peaks of the data to start from, as in `fit_trajectory`.
    n_mutations
        Positions at most in which a designed sequence differs from its start.
    method
        See above.
    tolerance
        How near to a number predictions have to come; then the search ends.
    gc
        Least and largest GC content, 0-1; a start outside of it may not move further away.
    max_homopolymer
        Longest run of one base, bp.
    forbidden
        Sites that must not arise on either strand, such as those of restriction enzymes; letters may stand for several
        bases (IUPAC).
    max_energy
        Energies of the whole sequence, 0-10, that motifs must not exceed, by name.
    fixed
        Positions that keep their base: numbers, a mask, or pairs (first, one after the last), 0-based.
    n_random
        How many random sequences (with as much G and C as A and T, or the middle of `gc`) there are to start from.
    beam
        Sequences that ``"beam"`` keeps.
    n_steps, temperature
        Steps of ``"annealing"``, and its first and last temperature, dAP.
    features
        Values of features that are not computed from sequence, for `sequence` (or each random sequence).
    rng
        Seed or generator of random sequences and of annealing.
    key, trajectory, mod
        As in `iceqream.get.model`; of a manifold without `trajectory`, `target` names trajectories.
    n_jobs
        Threads; the result does not depend on it.

    Returns
    -------
    Design
        ``sequences`` (start, sequence, dap_start, dap, n_mutations, reached), ``trace`` (each step, with the motif
        behind it), ``to_fasta``. `iceqream.pl.design` draws it. What a start breaks of the constraints stays as it is,
        with a warning: no step makes it worse.

    Raises
    ------
    KeyError
        If there is no model, peak, trajectory or motif of that name.
    ValueError
        If the target lies outside of what the model can predict, a constraint cannot be read, or no random sequence
        keeps the constraints.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> found = iq.tl.design(adata, target="max", n_mutations=3)
    >>> bool(found.sequences["dap"].iloc[0] > found.sequences["dap_start"].iloc[0])
    True
    """
    model = any_model(data, key, trajectory, mod)
    goal = _goal(model, target, tolerance)
    if method not in _METHODS:
        msg = f"method must be one of {', '.join(_METHODS)}, got {method!r}.{did_you_mean(str(method), _METHODS)}"
        raise ValueError(msg)
    for name, value, least in (("n_mutations", n_mutations, 1), ("beam", beam, 1), ("n_steps", n_steps, 1),
                               ("n_random", n_random, 1)):  # fmt: skip
        if value < least:
            msg = f"{name} must be at least {least}, got {value}."
            raise ValueError(msg)
    if not 0 < temperature[1] <= temperature[0]:
        msg = f"temperature must be (first, last) with first >= last > 0, got {temperature!r}."
        raise ValueError(msg)
    constraints = _constraints(model, gc, max_homopolymer, forbidden, max_energy, fixed)
    draw = np.random.default_rng(rng)
    if sequence is None and peaks is None:
        random = _random_sequences(n_random, model.width, constraints, draw)
        inputs = mutation_inputs(model, model, None, random, features, mod=mod)
        inputs = inputs._replace(names=np.array([f"random_{i + 1}" for i in range(n_random)]))
    else:
        inputs = mutation_inputs(data, model, peaks, sequence, features, mod=mod)
    broken = constraints.broken(inputs.codes) > 0
    if broken.any():
        logger.warning("%d of %d sequences break the constraints from the start (%s): no step makes it worse",
                       broken.sum(), len(broken), examples(inputs.names[broken]))  # fmt: skip
    seeds = draw.integers(2**63, size=len(inputs.codes))
    paths = []
    with threads(n_jobs), progress_bar(len(inputs.codes), "design", "sequence") as bar:
        for i, codes in enumerate(inputs.codes):
            given = {name: values[[i]] for name, values in inputs.features.items()}
            search = Search(model, codes, given, goal, constraints, n_mutations)
            if method == "annealing":
                paths.append(search.annealing(n_steps, temperature, np.random.default_rng(int(seeds[i]))))
            else:
                paths.append(search.greedy(beam if method == "beam" else 1))
            bar.update(1)
        trace = _trace(model, inputs, paths)
    return Design(_table(model, inputs, paths, goal), trace, model)


def _goal(
    model: TrajectoryModel | ManifoldModel, target: float | str | Mapping[str, float | str], tolerance: float
) -> Goal:
    if tolerance < 0:
        msg = f"tolerance must not be negative, got {tolerance}."
        raise ValueError(msg)
    names = columns_of(model)
    if isinstance(model, ManifoldModel):
        if isinstance(target, str | float | int):
            msg = f"The model has several trajectories, {', '.join(names)}: say target={{name: dAP}}, or trajectory=..."
            raise ValueError(msg)  # noqa: TRY004
        wanted = dict(target)
        known_names(list(wanted), names, "The manifold has no trajectory")
        models = [model[name] for name in names]
    else:
        if not isinstance(target, str | float | int | np.number):
            msg = f"The model is of one trajectory: target is a number, 'max' or 'min', got {target!r}."
            raise TypeError(msg)
        wanted, models = {"": target}, [model]
    if not wanted:
        msg = "target names no trajectory."
        raise ValueError(msg)
    columns, values = [], []
    for name, value in wanted.items():
        column = names.index(name)
        if isinstance(value, str):
            if value not in _EXTREMES:
                msg = f"target must be a number, 'max' or 'min', got {value!r}."
                raise ValueError(msg)
            number = _EXTREMES[value]
        else:
            number, (low, high) = float(value), models[column].dap_range
            if not low <= number <= high:
                msg = f"The model predicts dAP between {low:.3g} and {high:.3g}; {number:g} cannot be reached."
                raise ValueError(msg)
        columns.append(column)
        values.append(number)
    return Goal(np.array(columns, dtype=np.int64), np.array(values), tolerance)


def _constraints(
    model: TrajectoryModel | ManifoldModel,
    gc: tuple[float, float] | None,
    max_homopolymer: int | None,
    forbidden: str | Sequence[str],
    max_energy: Mapping[str, float] | None,
    fixed: Sequence[Any] | np.ndarray,
) -> Constraints:
    if gc is not None and not (len(gc) == 2 and 0 <= gc[0] <= gc[1] <= 1):
        msg = f"gc is (least, largest) between 0 and 1, got {gc!r}."
        raise ValueError(msg)
    if max_homopolymer is not None and max_homopolymer < 1:
        msg = f"max_homopolymer must be at least 1, got {max_homopolymer}."
        raise ValueError(msg)
    sites = [forbidden] if isinstance(forbidden, str) else [str(site) for site in forbidden]
    wrong = [site for site in sites if not site or any(letter not in IUPAC for letter in site.upper())]
    if wrong:
        msg = f"Forbidden sites are DNA in IUPAC letters; {examples(wrong)} are not."
        raise ValueError(msg)
    limits = dict(max_energy or {})
    names = [str(name) for name in model.motif_names]
    known_names(list(limits), names, "The model has no motif", hint=" iq.get.motifs_df lists all.")
    bad = [f"{name}: {limit}" for name, limit in limits.items() if not 0 <= limit <= 10]
    if bad:
        msg = f"Energies are scaled to 0-10; max_energy has {examples(bad)}."
        raise ValueError(msg)
    energies = {names.index(name): float(limit) for name, limit in limits.items()}
    return Constraints(gc, max_homopolymer, tuple(sites), _positions(fixed, model.width), energies)


def _positions(fixed: Sequence[Any] | np.ndarray, width: int) -> np.ndarray:
    """Return positions that are given as numbers, pairs or a mask."""
    given = np.asarray(fixed)
    if given.dtype == bool:
        if given.shape != (width,):
            msg = f"The mask of fixed positions has the shape {given.shape}; sequences have {width} bp."
            raise ValueError(msg)
        return np.flatnonzero(given)
    if given.size == 0:
        return np.array([], dtype=np.int64)
    if given.dtype.kind not in "iu" or given.ndim > 2 or (given.ndim == 2 and given.shape[1] != 2):
        msg = f"fixed holds positions, pairs (first, one after the last) or a mask; got {fixed!r}."
        raise ValueError(msg)
    pairs = given if given.ndim == 2 else np.column_stack([np.atleast_1d(given), np.atleast_1d(given) + 1])
    outside = pairs[(pairs[:, 0] < 0) | (pairs[:, 1] > width) | (pairs[:, 0] >= pairs[:, 1])]
    if len(outside):
        msg = f"Fixed positions lie within 0 to {width}; found {examples(outside.tolist())}."
        raise ValueError(msg)
    return np.unique(np.concatenate([np.arange(first, last) for first, last in pairs]))


def _random_sequences(n: int, width: int, constraints: Constraints, rng: np.random.Generator) -> np.ndarray:
    """Draw sequences that keep the rules of letters."""
    share = 0.5 if constraints.gc is None else sum(constraints.gc) / 2
    odds = np.array([1 - share, share, share, 1 - share]) / 2
    kept: list[np.ndarray] = []
    for _ in range(_DRAWS):
        drawn = rng.choice(4, p=odds, size=(n, width)).astype(np.uint8)
        kept += list(drawn[constraints.broken(drawn) == 0])
        if len(kept) >= n:
            return np.array(kept[:n])
    msg = (
        f"Of {_DRAWS * n} random sequences {len(kept)} keep the constraints, {n} are needed: widen them, or give "
        "sequences to start from."
    )
    raise ValueError(msg)


def _table(
    model: TrajectoryModel | ManifoldModel, inputs: MutationInputs, paths: list[Evolved], goal: Goal
) -> pd.DataFrame:
    rows: dict[str, Any] = {
        "start": [as_text(path.start) for path in paths],
        "sequence": [as_text(path.end) for path in paths],
        "n_mutations": [int((path.start != path.end).sum()) for path in paths],
    }
    for i, name in enumerate(columns_of(model)):
        end = f"_{name}" if name else ""
        rows[f"dap_start{end}"] = [path.before[i] for path in paths]
        rows[f"dap{end}"] = [path.after[i] for path in paths]
    numbers = np.isfinite(goal.values).all()
    rows["reached"] = [goal.reached(path.after) if numbers else None for path in paths]
    return pd.DataFrame(rows, index=pd.Index(inputs.names, name="name"))


def _trace(model: TrajectoryModel | ManifoldModel, inputs: MutationInputs, paths: list[Evolved]) -> pd.DataFrame:
    """Return one row per step, with the motif behind it."""
    rows, before, changed = [], [], []
    for i, path in enumerate(paths):
        codes, last = path.start.copy(), path.before
        for k, step in enumerate(path.steps):
            before.append(codes.copy())
            ref = LETTERS[codes[step.position]] if codes[step.position] <= UNKNOWN else "N"
            rows.append((i, k + 1, step.position, ref, LETTERS[step.letter], step.loss))
            changed.append((step.predicted, step.predicted - last))
            codes[step.position], last = step.letter, step.predicted
    table = pd.DataFrame(rows, columns=["name", "step", "position", "ref", "alt", "loss"])
    which = table["name"].to_numpy(dtype=np.int64)
    table["name"] = inputs.names[which] if len(table) else table["name"].astype(str)
    names = columns_of(model)
    predicted = np.array([one for one, _ in changed]).reshape(len(table), len(names))
    effect = np.array([one for _, one in changed]).reshape(len(table), len(names))
    for i, name in enumerate(names):
        table[f"dap_{name}" if name else "dap"] = predicted[:, i]
    if len(table) == 0:
        return table
    largest = np.abs(effect).argmax(axis=1)
    table["effect"] = effect[np.arange(len(table)), largest]
    if isinstance(model, ManifoldModel):
        table["trajectory"] = np.array(names)[largest]
    sequences, letters = np.array(before), np.array([LETTERS.index(letter) for letter in table["alt"]])
    parts = []
    for i, name in enumerate(names):
        of = np.flatnonzero(largest == i)
        if len(of) == 0:
            continue
        one = model[name] if isinstance(model, ManifoldModel) else model
        given = {feature: values[which[of]] for feature, values in inputs.features.items()}
        position = table["position"].to_numpy()[of]
        parts.append(
            pd.DataFrame(explained_substitutions(one, sequences[of], position, letters[of], given, SITE_ENERGY), of)
        )
    return table.join(pd.concat(parts))
