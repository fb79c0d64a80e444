"""Inference of the model of a manifold from arrays: trajectories one by one, then their common motifs."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._core.messages import about, examples
from iceqream._core.threads import threads
from iceqream._progress import progress_bar
from iceqream._sequences import check_informative, read_codes
from iceqream.inference.cluster_levels import ClusterInference
from iceqream.inference.draft_levels import DraftsInference, screened_libraries
from iceqream.inference.homogenization import SAME
from iceqream.inference.inputs import check_library, checked_weights, modelled_rows
from iceqream.inference.manifold_levels import TrajectoryPeaks
from iceqream.inference.options import FitOptions
from iceqream.inference.peaks import ModelledPeaks
from iceqream.inference.shared_model import check_common, common_fit, features_of_peaks, with_common_motifs
from iceqream.inference.sizes import held_out_parts
from iceqream.motifs import as_motif_set

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from iceqream._sequences import Sequences
    from iceqream.inference.levels import Inference
    from iceqream.models.manifold import ManifoldModel
    from iceqream.models.trajectory import TrajectoryModel
    from iceqream.motifs import MotifSet
    from iceqream.motifs.libraries import Library
    from iceqream.motifs.pbm import PBMSet

logger = logging.getLogger(__name__)

_SCREEN_BYTES = 2 * 2**30
"""Energies of screened motifs that are held at once, of several trajectories."""


def fit_manifold(
    sequences: Sequences,
    dap: Mapping[str, np.ndarray],
    *,
    motifs: Library | None = None,
    features: Mapping[str, np.ndarray] | None = None,
    feature_ranges: Mapping[str, tuple[float, float]] | None = None,
    composition: bool | Sequence[str] = True,
    modelled: Mapping[str, np.ndarray] | None = None,
    train: np.ndarray | float = 0.8,
    weights: np.ndarray | None = None,
    n_motifs: int | None = None,
    same: float = SAME,
    refine_common: bool = True,
    options: FitOptions | None = None,
    states: Mapping[str, tuple[str, str]] | None = None,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    rng: int | np.random.Generator = 0,
    progress: bool = True,
) -> ManifoldModel:
    """Learn one set of motifs for several trajectories: arrays in, model out.

    Parameters
    ----------
    sequences, motifs, features, feature_ranges, composition, mod, n_jobs, progress
        As in `fit_trajectory`.
    dap
        For each trajectory by name, the change of access probability per sequence, in [-1, 1].
    modelled
        For each trajectory a boolean mask of the sequences to model; ``None`` models all in each.
    train
        Boolean mask of the training sequences, of all trajectories, or the fraction to draw at random.
    weights
        Weight of each sequence in every regression; ``None`` weighs all equally. Each trajectory counts alike,
        whatever the number of its peaks.
    n_motifs
        Common motifs at most; ``None`` lets folds of the training peaks decide.
    same
        Mean correlation of energies above which motifs of several trajectories are one.
    refine_common
        Whether the common motifs are refined together, where the folds find that better.
    options
        Constants of the inference of each trajectory.
    states
        Names of the start and end state of each trajectory.
    rng
        Seed or generator of the random split and of the folds.

    Returns
    -------
    ManifoldModel
        The ``levels`` of each trajectory say how well its own model predicts, how well it does with the common motifs
        that took the place of its own (homogenized), with all of them (full), and in the end.

    Raises
    ------
    ValueError
        As in `fit_trajectory`, for any of the trajectories, which is named; if there are fewer than two.
    TypeError
        If the sequences or motifs are of no form that is read.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> ap, library = adata.layers["ap"], iq.datasets.simulated_motifs()
    >>> changes = {"early": ap[1] - ap[0], "late": ap[3] - ap[1]}
    >>> quick = iq.models.FitOptions(size_folds=0, refine=False)
    >>> model = iq.models.fit_manifold(
    ...     adata.varm["sequence"], changes, motifs=library, options=quick, progress=False
    ... )
    >>> model.names
    ('early', 'late')
    """
    options = options or FitOptions()
    options.check()
    _check_names(dap, modelled, states)
    check_common(n_motifs, same)
    library = as_motif_set(motifs)
    codes = read_codes(sequences, mod=mod)
    check_informative(codes)
    check_library(library, codes.shape[1])
    generator = np.random.default_rng(rng)
    train = _shared_split(train, len(codes), generator)
    rows, peaks = {}, {}
    for name, change in dap.items():
        with about(f"Trajectory {name!r}"):
            mask = None if modelled is None else modelled[name]
            rows[name], is_train = modelled_rows(codes, np.asarray(change, dtype=np.float64), mask, train, generator)
            of_rows = checked_weights(weights, len(codes), rows[name], is_train)
        peaks[name] = ModelledPeaks(np.asarray(change, dtype=np.float64)[rows[name]], is_train, of_rows)
    every = np.unique(np.concatenate(list(rows.values())))
    told = {name: (states or {}).get(name, ("start", name)) for name in dap}
    trajectories = [TrajectoryPeaks(n, told[n], np.searchsorted(every, rows[n]), peaks[n]) for n in dap]
    given = {"given": features or {}, "composition": composition, "ranges": feature_ranges or {}}
    with threads(n_jobs):
        parts = _shared_parts(trajectories, len(every), options, generator)
        runs = _runs(codes, rows, trajectories, parts, options, generator, **given)
        own = _own_models(runs, [one.name for one in trajectories], library, progress=progress)
        of_runs, lambdas = _own_motifs(runs, own, parts)
        model = with_common_motifs(
            common_fit(codes, every, trajectories, options, **given),
            own,
            of_runs,
            lambdas,
            parts if len(of_runs) > 1 else [],
            library,
            n_motifs=n_motifs,
            same=same,
            refine=refine_common,
            rng=generator,
            progress=progress,
        )
    params: dict[str, Any] = {**vars(options), "rng": rng if isinstance(rng, int) else None}
    of_trajectories = {name: replace(one, params=params) for name, one in model.trajectories.items()}
    common = {"n_motifs": n_motifs, "same": float(same), "refine_common": refine_common}
    logger.info("%r", model)
    return replace(model, params={**params, **common}, trajectories=of_trajectories)


def _runs(
    codes: np.ndarray,
    rows: Mapping[str, np.ndarray],
    trajectories: Sequence[TrajectoryPeaks],
    parts: Sequence[np.ndarray],
    options: FitOptions,
    rng: np.random.Generator,
    **given: Any,
) -> list[DraftsInference | ClusterInference]:
    """Return the inference of each trajectory by itself; its folds hold out the same peaks as those of the others."""
    runs: list[DraftsInference | ClusterInference] = []
    for one, seed in zip(trajectories, rng.integers(2**63, size=len(trajectories)), strict=True):
        scaling, values = features_of_peaks(codes, rows[one.name], one.peaks.is_train, options, **given)
        inference = DraftsInference if options.learning == "drafts" else ClusterInference
        run = inference(
            codes, rows[one.name], one.peaks, scaling, values, options, one.states, np.random.default_rng(int(seed)),
            progress=False,
        )  # fmt: skip
        if isinstance(run, DraftsInference):
            run.parts = [np.flatnonzero(np.isin(one.rows, part)) for part in parts]
        runs.append(run)
    return runs


def _own_models(
    runs: Sequence[DraftsInference | ClusterInference], names: Sequence[str], library: MotifSet, *, progress: bool
) -> list[TrajectoryModel]:
    """Return the model of each trajectory by itself; a library is screened against several of them at once."""
    own: list[TrajectoryModel] = []
    together = _together(runs, len(library))
    with progress_bar(len(runs), "trajectories", "model", show=progress) as bar:
        for t, (name, run) in enumerate(zip(names, runs, strict=True)):
            bar.set_postfix_str(name)
            drafts = [one for one in runs[t : t + together] if isinstance(one, DraftsInference)]
            if t % together == 0 and drafts:
                for of, at_hand in zip(drafts, screened_libraries(drafts, library, progress=False), strict=True):
                    of.at_hand = at_hand
            logger.info("trajectory %s: %s -> %s", name, *run.states)
            own.append(run.infer(library))
            bar.update(1)
    return own


def _own_motifs(
    runs: Sequence[DraftsInference | ClusterInference], own: Sequence[TrajectoryModel], parts: Sequence[np.ndarray]
) -> tuple[list[list[PBMSet]], list[float]]:
    """Return the motifs of each run of each trajectory, runs x trajectories, and the penalties of their models."""
    of_folds = [run.joined_as.motifs for run in runs if isinstance(run, DraftsInference)]
    if len(of_folds) == len(runs) and parts:
        return [list(of) for of in zip(*of_folds, strict=True)], [float(m.stats["lambda_"]) for m in own]
    return [[model.pbms for model in own]], [float(model.stats["lambda_"]) for model in own]


def _together(runs: Sequence[Inference], n_library: int) -> int:
    """Return how many trajectories are screened at once, as memory bears: their energies are held until they learn."""
    largest = max(len(run.rows) for run in runs) * 2 * min(n_library, runs[0].options.max_screened) * 4
    return int(np.clip(_SCREEN_BYTES // largest, 1, len(runs)))


def _shared_split(train: np.ndarray | float, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return the mask of training sequences, drawn where a fraction is given."""
    if not isinstance(train, int | float):
        return np.asarray(train)
    if not 0 < train <= 1:
        msg = f"The training fraction must lie in (0, 1], got {train}."
        raise ValueError(msg)
    drawn = np.zeros(n, dtype=bool)
    drawn[rng.permutation(n)[: round(train * n)]] = True
    return drawn


def _shared_parts(
    trajectories: Sequence[TrajectoryPeaks], n: int, options: FitOptions, rng: np.random.Generator
) -> list[np.ndarray]:
    """Return the training peaks that each fold holds out, the same in all trajectories."""
    if options.learning != "drafts" or not options.size_folds:
        return []
    counted = np.zeros(n, dtype=bool)
    for one in trajectories:
        counted[one.rows[one.peaks.training_weights > 0]] = True
    rows = np.flatnonzero(counted)
    # so many as the trajectory with the fewest peaks needs
    fewest = min(int((one.peaks.training_weights > 0).sum()) for one in trajectories)
    n_parts = len(held_out_parts(fewest, options.size_folds, np.random.default_rng(0)))
    labels = rng.permutation(np.arange(len(rows)) % options.size_folds)
    return [rows[labels == k] for k in range(n_parts)]


def _check_names(
    dap: Mapping[str, np.ndarray],
    modelled: Mapping[str, np.ndarray] | None,
    states: Mapping[str, tuple[str, str]] | None,
) -> None:
    """Refuse fewer than two trajectories, and what is given for some of them only or for others."""
    if not hasattr(dap, "items"):
        msg = f"dap must be a dictionary of arrays by the name of the trajectory, got {type(dap).__name__}."
        raise TypeError(msg)
    if len(dap) < 2:
        msg = f"A manifold needs at least two trajectories, got {examples(dap) or 'none'}. One: iq.tl.fit_trajectory."
        raise ValueError(msg)
    nameless = [repr(name) for name in dap if not isinstance(name, str)]
    if nameless:
        msg = f"Names of trajectories are text, got {examples(nameless)}."
        raise TypeError(msg)
    for what, given in (("modelled", modelled), ("states", states)):
        missing = [name for name in dap if given is not None and name not in given]
        unknown = [name for name in given or () if name not in dap]
        if missing or unknown:
            msg = (
                f"{what} must name the trajectories {', '.join(dap)}; missing: {examples(missing) or 'none'}, unknown: "
                f"{examples(unknown) or 'none'}."
            )
            raise KeyError(msg)
