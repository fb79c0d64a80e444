"""Effects of every single substitution of sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._core.sequence import LETTERS
from iceqream._core.substitutions import N_LETTERS
from iceqream._core.threads import threads
from iceqream._progress import progress_bar
from iceqream._stored_models import trajectory_model
from iceqream.inference.mutagenesis import Mutagenesis, explained_substitutions
from iceqream.inference.sites import SITE_ENERGY
from iceqream.inference.substitutions import substitution_predictions
from iceqream.tl._mutation_inputs import mutation_inputs
from iceqream.tl._resampled_models import DEFAULT_BOOTSTRAPS, resampled_models

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iceqream._sequences import Sequences
    from iceqream._stored_models import Source
    from iceqream.models import TrajectoryModel
    from iceqream.tl._mutation_inputs import MutationInputs

DEFAULT_TOP = 10
_BLOCK = 64
"""Sequences between two steps of the progress bar."""


def mutagenesis(
    data: Source,
    peaks: Any = None,
    *,
    sequences: Sequences | None = None,
    n_top: int = DEFAULT_TOP,
    min_energy: float = SITE_ENERGY,
    features: Mapping[str, Any] | None = None,
    n_bootstraps: int = DEFAULT_BOOTSTRAPS,
    rng: int | np.random.Generator = 0,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
) -> Mutagenesis:
    """Predict every single substitution of sequences: saturation mutagenesis in the computer.

    Exact, and quick because only the windows that a substitution changes are computed anew.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a model and sequences, or a `iceqream.models.TrajectoryModel`.
    peaks
        Peaks to change, as in `fit_trajectory`, in the order of the data; ``None`` takes all (16 KB a peak of 500 bp).
    sequences
        Sequences to change instead, as `iceqream.models.TrajectoryModel.predict` takes them.
    n_top
        Substitutions of each sequence that are listed with the motif behind them, the strongest first.
    min_energy
        Energy, 0-10, from which a window is called a site in the list.
    features
        Values of features that are not computed from sequence, for `sequences`.
    n_bootstraps
        Fits to resamples of the training peaks, from which the effects in the list have their standard error; 0 leaves
        it out. Needs data that hold the fit.
    rng
        Seed or generator of the resamples.
    key, trajectory, mod
        As in `iceqream.get.model`.
    n_jobs
        Threads; the result does not depend on it.

    Returns
    -------
    Predicted dAP of the sequences, the effects (n x 4 x width), attributions as tangermeme defines them, and the table
    of the strongest substitutions: peak, chrom, start, end (of the base, 0-based, half-open; without chrom and relative
    to the sequence where there are no coordinates), ref, alt, dap_ref and dap_alt (predicted), effect, effect_se (given
    the motifs), and of the motif behind it what the table of `iceqream.tl.variant_effects` says.

    Raises
    ------
    KeyError
        If there is no model or peak of that name, or no sequences.
    ValueError
        If `n_top` is negative, no sequence is left, one is too short or N throughout, or a feature is missing.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> found = iq.tl.mutagenesis(adata, [0, 1])
    >>> found.effects.shape
    (2, 4, 500)
    """
    if n_bootstraps < 0 or n_bootstraps == 1:
        msg = f"n_bootstraps must be 0, or at least 2, got {n_bootstraps}."
        raise ValueError(msg)
    if n_top < 0:
        msg = f"n_top must not be negative, got {n_top}."
        raise ValueError(msg)
    model = trajectory_model(data, key, trajectory, mod)
    inputs = mutation_inputs(data, model, peaks, sequences, features, mod=mod)
    n = len(inputs.codes)
    reference, effects = np.empty(n), np.empty((n, N_LETTERS, model.width))
    with threads(n_jobs), progress_bar(n, "substitutions", "sequence") as bar:
        for first in range(0, n, _BLOCK):
            block = slice(first, min(first + _BLOCK, n))
            given = {name: values[block] for name, values in inputs.features.items()}
            found = substitution_predictions(model, inputs.codes[block], given)
            reference[block] = found.reference[:, 0]
            effects[block] = found.predicted[:, 0] - found.reference[:, :1, None]
            bar.update(block.stop - first)
        refits = resampled_models(data, model, key, trajectory, mod, n_bootstraps if n_top else 0, rng)[0]
        table = _strongest(model, refits, inputs, reference, effects, max(n_top, 1), min_energy)
    if n_top == 0:
        table = table.iloc[:0]
    return Mutagenesis(inputs.names, inputs.codes, inputs.places, reference, effects, table, model, inputs.features)


def _strongest(
    model: TrajectoryModel,
    refits: list[TrajectoryModel],
    inputs: MutationInputs,
    reference: np.ndarray,
    effects: np.ndarray,
    n_top: int,
    min_energy: float,
) -> pd.DataFrame:
    """Return the strongest substitutions of each sequence, with the motif behind each."""
    n, _, width = effects.shape
    own = np.arange(N_LETTERS)[None, :, None] == inputs.codes[:, None, :]
    size = np.where(own, -1.0, np.abs(effects)).reshape(n, -1)
    n_top = min(n_top, (N_LETTERS - 1) * width)
    order = np.argsort(-size, axis=1, kind="stable")[:, :n_top]
    rows = np.repeat(np.arange(n), n_top)
    letter, position = np.divmod(order.ravel(), width)
    codes = inputs.codes[rows]
    given = {name: values[rows] for name, values in inputs.features.items()}
    said = explained_substitutions(model, codes, position, letter, given, min_energy)
    origin = np.zeros(len(rows), dtype=np.int64) if inputs.places is None else inputs.places["start"].to_numpy()[rows]
    table = pd.DataFrame({"peak": inputs.names[rows]})
    if inputs.places is not None:
        table["chrom"] = inputs.places["chrom"].to_numpy()[rows]
    table["start"], table["end"] = position + origin, position + origin + 1
    table["ref"], table["alt"] = (np.array(list(LETTERS))[of] for of in (codes[np.arange(len(rows)), position], letter))
    table["dap_ref"], table["effect"] = reference[rows], effects[rows, letter, position]
    table.insert(table.columns.get_loc("effect"), "dap_alt", table["dap_ref"] + table["effect"])  # type: ignore[arg-type]
    if refits:
        changed = codes.copy()
        changed[np.arange(len(rows)), position] = letter
        before, after = (model.values(of, given) for of in (codes, changed))
        again = [fit.predict_values(after) - fit.predict_values(before) for fit in refits]
        table["effect_se"] = np.std(again, axis=0, ddof=1)
    for name, values in said.items():
        table[name] = values
    for name in ("site_start", "site_end"):
        table[name] = (table[name] + origin).round().astype("Int64")
    return table
