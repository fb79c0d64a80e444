"""Fit the model of a manifold: several trajectories, one set of motifs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sized
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from iceqream import _keys
from iceqream._anndata import check_names, prepare, sequences_of, state_profile
from iceqream._core.messages import about, did_you_mean, examples
from iceqream._groups import group_labels, stored_groups
from iceqream._stored_models import write_manifold
from iceqream.inference import fit_manifold as fit
from iceqream.inference.homogenization import SAME
from iceqream.models.features import stored_ranges
from iceqream.tl._fit_inputs import (
    DEFAULT_HELD_OUT,
    DEFAULT_MIN_TSS_DISTANCE,
    features_of,
    fit_options,
    modelled_peaks,
    peak_weights_of,
    result_table,
    split_peaks,
    stored_filters,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from anndata import AnnData
    from mudata import MuData

    from iceqream._groups import Groups
    from iceqream.inference.options import Preset
    from iceqream.models import ManifoldModel
    from iceqream.motifs.libraries import Library

    _Peaks = str | Sequence[str] | Sequence[int] | np.ndarray | pd.Series | None

logger = logging.getLogger(__name__)

_SAME = {"paper": 0.6, "reference": 0.6}
_N_MOTIFS = {"full": 180}


def fit_manifold(
    data: AnnData | MuData,
    trajectories: Mapping[str, tuple[str | None, str]],
    *,
    groupby: Groups | None = None,
    motifs: Library | None = None,
    n_motifs: int | None = None,
    same: float | None = None,
    refine_common: bool = True,
    layer: str = _keys.ACCESS_PROBABILITY,
    peaks: _Peaks | Mapping[str, _Peaks] = None,
    min_tss_distance: int | None = DEFAULT_MIN_TSS_DISTANCE,
    features: bool | Sequence[str] = True,
    weights: str | np.ndarray | None = None,
    preset: Preset = "default",
    split: float | str | Sequence[str] = DEFAULT_HELD_OUT,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    rng: int | np.random.Generator = 0,
    progress: bool = True,
    key_added: str = _keys.MANIFOLD,
    copy: bool = False,
    **options: Any,
) -> AnnData | MuData | None:
    """Explain several trajectories of one manifold by one set of motifs (paper fig. 4, METHOD section 8).

    Each trajectory is fitted by itself, as by `fit_trajectory`. Motifs of different trajectories whose energies agree
    become one, which is either the one of them that explains best what all of them add, or a new one (PREGO, one target
    per trajectory). All trajectories are fitted to all common motifs, and those leave that cost least R2 over all
    trajectories; how many stay, which way is better, and whether PSSMs and spatial curves are then refined together is
    decided in folds of the training peaks, in each of which everything was learned without the peaks that it holds out.
    In each trajectory the motifs that it does not need leave, and pairs of terms join.

    Motifs, their energies and their names are then the same in all trajectories: effects can be compared.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with ``layers["ap"]`` and ``varm["sequence"]``.
    trajectories
        Start and end state of each trajectory by name, such as ``{"mono": ("HSC", "Mono"), "ery": ("HSC", "Ery")}``.
        A start of ``None`` explains the access probability of the end itself (`fit_state`).
    groupby, motifs, layer, min_tss_distance, features, weights, preset, mod, n_jobs
        As in `fit_trajectory`. Each trajectory counts alike, whatever the number of its peaks.
    n_motifs
        Common motifs at most; ``None`` lets the folds decide (``preset="full"``: 180; ``size_folds=0``, no folds: all
        that some trajectory needs).
    same
        Mean correlation of energies above which motifs of different trajectories are one. ``None`` is 0.85, and with
        the preset of the paper or of the R package their 0.6, which joins factors of different families that share a
        base composition.
    refine_common
        Whether the common motifs are refined together, where the folds find that better.
    peaks
        Peaks to model, as in `fit_trajectory`, or a dictionary of these by trajectory: each may model peaks of its own.
    split
        As in `fit_trajectory`; what is held out is held out in all trajectories.
    rng
        Seed or generator of the split and the folds.
    progress
        Whether to show progress bars.
    key_added
        Key of ``varm`` and ``uns``.
    copy
        Whether to return a changed copy.
    **options
        Further constants of each trajectory's own fit, the fields of `iceqream.models.FitOptions` (max_motifs,
        n_denovo, interactions, ...).

    Returns
    -------
    ``None``, or the changed copy. Writes ``uns[key_added]``, the model (`iceqream.get.model`), and
    ``varm[key_added]``, float32, peaks x trajectories x 3: dap, pred, split (0 train, 1 test, 2 unused), and weight
    if given (`iceqream.get.predictions_df`). Functions that take a model take one trajectory of it:
    ``key="iq_manifold", trajectory="mono"``.

    Raises
    ------
    KeyError, TypeError, ValueError
        As in `fit_trajectory`; if fewer than two trajectories are given, or two have the same states.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=1200, rng=0)
    >>> iq.tl.fit_manifold(
    ...     adata,
    ...     {"early": ("S1", "S3"), "late": ("S2", "S4")},
    ...     motifs=iq.datasets.simulated_motifs(),
    ...     min_tss_distance=None,
    ...     size_folds=0,
    ... )
    >>> iq.get.model(adata, "iq_manifold").names
    ('early', 'late')
    """
    constants = fit_options(preset, dict(options), fit_manifold)
    ends = _checked(trajectories)
    data, adata = prepare(data, mod, copy=copy)
    check_names(adata)
    codes = sequences_of(adata)
    labels = None if groupby is None else group_labels(data, groupby, mod)
    states = dict.fromkeys(state for pair in ends.values() for state in pair if state is not None)
    profiles = {state: state_profile(adata, state, labels=labels, layer=layer) for state in states}
    dap = {n: profiles[end] - (0.0 if start is None else profiles[start]) for n, (start, end) in ends.items()}
    masks = _modelled_by_trajectory(adata, peaks, min_tss_distance, list(ends))
    generator = np.random.default_rng(rng)
    train, test = split_peaks(adata, split, np.any(list(masks.values()), axis=0), generator)
    used = {name: mask & (train | test) for name, mask in masks.items()}
    composition, given = features_of(adata, features)
    peak_weights = peak_weights_of(adata, weights)
    model = fit(
        codes,
        dap,
        motifs=motifs,
        features=given,
        feature_ranges=stored_ranges(adata),
        composition=composition,
        modelled=used,
        train=train,
        weights=peak_weights,
        n_motifs=_N_MOTIFS.get(preset) if n_motifs is None else n_motifs,
        same=_SAME.get(preset, SAME) if same is None else same,
        refine_common=refine_common,
        options=constants,
        states={name: (_keys.CLOSED if start is None else start, end) for name, (start, end) in ends.items()},
        n_jobs=n_jobs,
        rng=generator,
        progress=progress,
    )
    filters = {
        **stored_filters(preset, layer, min_tss_distance, split, rng),
        "groupby": stored_groups(adata, groupby, labels, key_added),
    }
    model = with_params(model, filters)
    if key_added in adata.uns:
        logger.warning("uns[%r] and varm[%r] are replaced", key_added, key_added)
    predicted = model.predict_values(model.values(codes, given))
    tables = {
        name: result_table(dap[name], predicted[:, t], train, used[name], peak_weights, adata.var_names)
        for t, name in enumerate(model)
    }
    write_manifold(adata, key_added, model, tables)
    return data if copy else None


def with_params(model: ManifoldModel, params: Mapping[str, Any]) -> ManifoldModel:
    """Return a model that keeps further constants, in each of its trajectories too."""
    trajectories = {
        name: replace(one, params={**one.params, **params}) for name, one in model.trajectories.items()
    }  # fmt: skip
    return replace(model, params={**model.params, **params}, trajectories=trajectories)


def refuse_same_text(names: Iterable[object]) -> None:
    """Refuse names of trajectories that are the same as text, such as 1 and "1"."""
    texts = [str(name) for name in names]
    twice = [name for name in dict.fromkeys(texts) if texts.count(name) > 1]
    if twice:
        msg = f"Two trajectories are called {examples(twice)}: names are text."
        raise ValueError(msg)


def _checked(trajectories: Mapping[str, tuple[str | None, str]]) -> dict[str, tuple[str | None, str]]:
    """Return start and end state by trajectory."""
    if not isinstance(trajectories, Mapping):
        msg = (
            "trajectories must be a dictionary of start and end states by name, such as {'mono': ('HSC', 'Mono')}, got "
            f"{type(trajectories).__name__}."
        )
        raise TypeError(msg)
    if len(trajectories) < 2:
        msg = (
            f"A manifold needs at least two trajectories, got {examples(trajectories) or 'none'}. One: "
            "iq.tl.fit_trajectory."
        )
        raise ValueError(msg)
    refuse_same_text(trajectories)
    ends: dict[str, tuple[str | None, str]] = {}
    for name, states in trajectories.items():
        if not isinstance(states, Sized) or isinstance(states, str) or len(states) != 2:
            msg = f"Trajectory {name!r} needs a start and an end state, got {states!r}."
            raise ValueError(msg)
        start, end = None if states[0] is None else str(states[0]), str(states[1])
        if start == end:
            msg = f"Trajectory {name!r} starts and ends in {start!r}: name two states."
            raise ValueError(msg)
        ends[str(name)] = (start, end)
    twice = [name for name, states in ends.items() if list(ends.values()).count(states) > 1]
    if twice:
        msg = f"The trajectories {examples(twice)} have the same two states."
        raise ValueError(msg)
    return ends


def _modelled_by_trajectory(
    adata: AnnData, peaks: Any, min_tss_distance: int | None, names: list[str]
) -> dict[str, np.ndarray]:
    """Return the mask of the peaks that each trajectory models."""
    if not isinstance(peaks, Mapping):
        return dict.fromkeys(names, modelled_peaks(adata, peaks, min_tss_distance))
    by_name = {str(name): chosen for name, chosen in peaks.items()}
    missing, unknown = [n for n in names if n not in by_name], [n for n in by_name if n not in names]
    if missing or unknown:
        near = did_you_mean(unknown[0], missing) if unknown else ""
        msg = (
            f"peaks must name the trajectories {', '.join(names)}; missing: {examples(missing) or 'none'}, unknown: "
            f"{examples(unknown) or 'none'}.{near}"
        )
        raise KeyError(msg)
    masks = {}
    for name in names:
        with about(f"Trajectory {name!r}"):
            masks[name] = modelled_peaks(adata, by_name[name], min_tss_distance)
    return masks
