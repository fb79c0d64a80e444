"""Inference of a trajectory model from arrays (METHOD sections 5 and 6)."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from iceqream._core.correlation import r2
from iceqream._core.messages import examples
from iceqream._core.normalization import energy_range
from iceqream._core.regression import (
    DEFAULT_LAMBDA,
    LogisticFit,
    cross_validate,
    fit_logistic,
    largest_lambda,
    logistic,
)
from iceqream._core.response import N_RESPONSES, design
from iceqream._core.sequence import encode
from iceqream._core.threads import threads
from iceqream._progress import progress_bar
from iceqream.models.consolidation import Selection, cluster_selection, fuse_clusters, keep_strongest
from iceqream.models.features import SEQUENCE_FEATURES, FeatureScaling, sequence_features
from iceqream.models.options import FitOptions
from iceqream.models.screening import screen
from iceqream.models.trajectory import TrajectoryModel
from iceqream.motifs import MotifSet, jaspar, match
from iceqream.motifs.pbm import PBMSet
from iceqream.motifs.similarity import DEFAULT_TRIM_BITS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


logger = logging.getLogger(__name__)

MIN_PEAKS = 100
"""Fewer training peaks than this are refused."""
_FOLDS = 5
_PATH_LENGTH = 8
_PATH_RATIO = 0.02


def fit_trajectory(
    sequences: Sequence[str] | np.ndarray,
    dap: np.ndarray,
    *,
    motifs: MotifSet | None = None,
    features: Mapping[str, np.ndarray] | None = None,
    composition: bool | Sequence[str] = True,
    modelled: np.ndarray | None = None,
    train: np.ndarray | float = 0.8,
    options: FitOptions | None = None,
    states: tuple[str, str] = ("start", "end"),
    n_jobs: int | None = None,
    rng: int | np.random.Generator = 0,
    progress: bool = True,
) -> TrajectoryModel:
    """Learn a model of dAP from sequences: arrays in, model out.

    Levels (METHOD section 6): the library is screened by correlation with dAP; a linear model selects motifs;
    clusters of correlated motifs become one physical binding model each; their response functions and the features
    are fitted together.

    Parameters
    ----------
    sequences
        Sequences of equal width (strings, or uint8 codes n x width). All of them set the scale of the energies.
    dap
        Change of access probability per sequence, in [-1, 1]; only values of `modelled` sequences are used.
    motifs
        The library; ``None`` takes the vertebrate motifs of JASPAR 2026.
    features
        Further features: one unscaled value per sequence and name. Scaled to 0-10 by their 5 % and 95 % quantiles.
    composition
        Whether GC content and the 16 dinucleotide frequencies are features, or the names of those that are
        (``gc_content``, ``AA``, ..., ``TT``).
    modelled
        Boolean mask of the sequences to model; ``None`` models all.
    train
        Boolean mask of the training sequences, or the fraction to draw at random.
    options
        Constants of the inference.
    states
        Names of the start and end state, kept with the model.
    n_jobs
        Threads; ``None`` uses numba's setting. The result does not depend on it.
    rng
        Seed or generator of the random split and of the folds.
    progress
        Whether to show a progress bar.

    Returns
    -------
    TrajectoryModel
        ``stats`` holds r2_train and r2_test (squared correlation of predicted and observed dAP), the number of peaks,
        the motifs left after each level, and the KKT residual of the final fit.

    Raises
    ------
    ValueError
        For missing values, constant dAP, too few training peaks (100), or an empty library.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> ap = adata.layers["ap"]
    >>> model = iq.models.fit_trajectory(
    ...     adata.varm["sequence"], ap[3] - ap[0], motifs=iq.datasets.simulated_motifs(), progress=False
    ... )
    >>> model.width
    500
    """
    options = options or FitOptions()
    options.check()
    codes = encode(sequences)
    generator = np.random.default_rng(rng)
    dap = np.asarray(dap, dtype=np.float64)
    rows, is_train = _rows(codes, dap, modelled, train, generator)
    y_all = dap[rows]
    scaling, feature_values = _features(codes, rows, features or {}, composition)
    library = jaspar() if motifs is None else motifs
    _check_library(library, codes.shape[1])

    total = len(library) + 3  # screened motifs and the levels after them
    with threads(n_jobs), progress_bar(total, "level 1: screening", "motif", show=progress) as bar:
        screened = screen(
            codes,
            rows,
            is_train,
            y_all,
            library,
            min_correlation=options.min_correlation,
            max_motifs=options.max_motifs,
            scheme=options.normalization,
            pseudo_probability=options.pseudo_probability,
            advance=bar.update,
        )
        bar.set_description("level 2: selecting")
        y, dap_range = _scaled_response(y_all, is_train)
        keep, coefficients, selection_lambda = select_motifs(
            screened.values[is_train], feature_values[is_train], y[is_train], options, generator
        )
        selection = Selection(
            library[screened.motifs[keep]],
            screened.values[:, keep],
            coefficients,
            screened.energy_low[keep],
            screened.energy_high[keep],
        )
        bar.update()
        bar.set_description("level 3: consolidating")
        clusters = cluster_selection(selection, options.max_motifs)
        bar.total += int(clusters.max())  # one step a cluster instead of one for all
        pbms = _consolidated(selection, clusters, codes, rows, is_train, options, bar.update)
        pbms = _named(pbms, library)
        bar.set_description("final fit")
        values = np.hstack([pbms.normalized_energies(codes[rows]), feature_values])
        model, fit = _final_fit(pbms, scaling, values, y, is_train, dap_range, options, states, generator)
        bar.update()

    predicted = model.predict_values(values)
    stats = {
        "r2_train": r2(predicted[is_train], y_all[is_train]),
        "r2_test": r2(predicted[~is_train], y_all[~is_train]),
        "n_train": int(is_train.sum()),
        "n_test": int((~is_train).sum()),
        "n_library": len(library),
        "n_screened": len(screened.motifs),
        "n_selected": len(selection.motifs),
        "n_motifs": len(pbms),
        "screen_threshold": screened.threshold,
        "selection_lambda": selection_lambda,
        "lambda_": fit.lambda_,
        "kkt": fit.kkt,
        "converged": fit.converged,
    }
    logger.info("R2 %.3f on training peaks, %.3f held out", stats["r2_train"], stats["r2_test"])
    params: dict[str, Any] = {**vars(options), "rng": rng if isinstance(rng, int) else None}
    return replace(model, stats=stats, params=params)


def select_motifs(
    values: np.ndarray, features: np.ndarray, y: np.ndarray, options: FitOptions, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, float]:
    """Level 2: a linear model of raw energies keeps the motifs with weight (METHOD section 6).

    A first fit of the motifs alone keeps |beta| >= `min_coefficient` (all when none is), a second one with the
    features keeps beta != 0 (all when none is).

    Parameters
    ----------
    values
        Normalised energies, training peaks x motifs.
    features
        Scaled features, training peaks x features.
    y
        Response in [0, 1].
    options
        Constants; ``selection_lambda="cv"`` takes the penalty with the lowest held-out deviance in five random folds.
    rng
        Generator of the folds.

    Returns
    -------
    Positions of the motifs kept, their coefficients per unit of energy, and the penalty.
    """
    X = values.astype(np.float64)
    lambda_ = _penalty(options.selection_lambda, X, y, options, rng)
    first = fit_logistic(X, y, lambda_=lambda_, l1_ratio=options.l1_ratio)
    keep = np.flatnonzero(np.abs(first.coefficients) >= options.min_coefficient)
    if len(keep) == 0:
        logger.info("level 2: no |beta| >= %g, all %d motifs go on", options.min_coefficient, X.shape[1])
        keep = np.arange(X.shape[1])
    second = fit_logistic(np.hstack([X[:, keep], features]), y, lambda_=lambda_, l1_ratio=options.l1_ratio)
    coefficients = second.coefficients[: len(keep)]
    used = coefficients != 0
    if not used.any():
        coefficients, used = first.coefficients[keep], np.ones(len(keep), dtype=bool)
    logger.info("level 2: %d of %d motifs kept at lambda %.2g", used.sum(), X.shape[1], lambda_)
    return keep[used], coefficients[used], lambda_


def _penalty(
    wanted: float | Literal["cv"], X: np.ndarray, y: np.ndarray, options: FitOptions, rng: np.random.Generator
) -> float:
    """Return the penalty itself, or the one with the lowest held-out deviance."""
    if not isinstance(wanted, str):
        return float(wanted)
    top = largest_lambda(X, y, l1_ratio=options.l1_ratio)
    lambdas = np.geomspace(top, max(top * _PATH_RATIO, DEFAULT_LAMBDA), _PATH_LENGTH)
    folds = rng.permutation(np.arange(len(y)) % _FOLDS)
    return cross_validate(X, y, list(lambdas), folds, l1_ratio=options.l1_ratio).best


def _consolidated(
    selection: Selection,
    clusters: np.ndarray,
    codes: np.ndarray,
    rows: np.ndarray,
    is_train: np.ndarray,
    options: FitOptions,
    advance: Callable[[int], object],
) -> PBMSet:
    """Level 3: one physical binding model per cluster, its energies scaled over all sequences."""
    if options.consolidation == "none":
        advance(int(clusters.max()) + 1)
        return keep_strongest(selection, clusters, codes.shape[1], options.pseudo_probability)
    motifs, curves = fuse_clusters(
        selection,
        clusters,
        codes[rows],
        is_train,
        seed=options.consolidation,
        pseudo_probability=options.pseudo_probability,
        advance=advance,
    )
    nothing = np.zeros(len(motifs))
    unscaled = PBMSet(motifs, curves, nothing, nothing, codes.shape[1], options.pseudo_probability)
    low, high = energy_range(unscaled.energies(codes), scheme=options.normalization)
    return replace(unscaled, energy_low=low, energy_high=high)


def _final_fit(
    pbms: PBMSet,
    scaling: FeatureScaling,
    values: np.ndarray,
    y: np.ndarray,
    is_train: np.ndarray,
    dap_range: tuple[float, float],
    options: FitOptions,
    states: tuple[str, str],
    rng: np.random.Generator,
) -> tuple[TrajectoryModel, LogisticFit]:
    X = design(values[is_train])
    lambda_ = _penalty(options.lambda_, X, y[is_train], options, rng)
    fit = fit_logistic(X, y[is_train], lambda_=lambda_, l1_ratio=options.l1_ratio)
    if not fit.converged:
        logger.warning("the final fit has a KKT residual of %.2g (lambda %.2g)", fit.kkt, lambda_)
    coefficients = fit.coefficients.reshape(-1, N_RESPONSES)
    model = TrajectoryModel(pbms, scaling, coefficients, fit.intercept, (0.0, 1.0), dap_range, states)
    probability = logistic(model.linear_predictor(values[is_train]))
    return replace(model, probability_range=(float(probability.min()), float(probability.max()))), fit


def _scaled_response(dap: np.ndarray, is_train: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    low, high = float(dap[is_train].min()), float(dap[is_train].max())
    return np.clip((dap - low) / (high - low), 0.0, 1.0), (low, high)


def _named(pbms: PBMSet, library: MotifSet) -> PBMSet:
    """Name each PBM after the most similar motif of the library; the map stays in the motifs' metadata."""
    found = match(pbms.motifs, library, trim_bits=DEFAULT_TRIM_BITS)
    metadata = pbms.motifs.metadata.assign(match=found["match"], similarity=found["similarity"])
    named = MotifSet(found["name"].to_numpy(), pbms.motifs.pssm, pbms.motifs.lengths, metadata)
    return replace(pbms, motifs=named)


def _rows(
    codes: np.ndarray,
    dap: np.ndarray,
    modelled: np.ndarray | None,
    train: np.ndarray | float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the modelled rows and which of them are for training."""
    n = len(codes)
    if dap.shape != (n,):
        msg = f"dap must have one value per sequence ({n}), got shape {dap.shape}."
        raise ValueError(msg)
    mask = np.ones(n, dtype=bool) if modelled is None else np.asarray(modelled)
    if mask.shape != (n,) or mask.dtype != bool:
        msg = f"modelled must be a boolean mask of {n} values, got {mask.dtype} of shape {mask.shape}."
        raise ValueError(msg)
    rows = np.flatnonzero(mask)
    missing = ~np.isfinite(dap[rows])
    if missing.any():
        msg = f"{int(missing.sum())} modelled sequence(s) have no dAP, for instance number {examples(rows[missing])}."
        raise ValueError(msg)
    if isinstance(train, int | float):
        if not 0 < train <= 1:
            msg = f"The training fraction must lie in (0, 1], got {train}."
            raise ValueError(msg)
        is_train = np.zeros(len(rows), dtype=bool)
        is_train[rng.permutation(len(rows))[: round(train * len(rows))]] = True
    else:
        train = np.asarray(train)
        if train.shape != (n,) or train.dtype != bool:
            msg = f"train must be a fraction or a boolean mask of {n} values, got {train.dtype} of shape {train.shape}."
            raise ValueError(msg)
        is_train = train[rows]
    n_train = int(is_train.sum())
    if n_train < MIN_PEAKS:
        msg = (
            f"{n_train} training peaks are left of {n}; at least {MIN_PEAKS} are needed. Relax the filters "
            "(min_tss_distance, peaks) or the split."
        )
        raise ValueError(msg)
    if np.ptp(dap[rows][is_train]) == 0:
        msg = f"dAP is {dap[rows][0]:g} in every training peak: the two states do not differ."
        raise ValueError(msg)
    return rows, is_train


def _features(
    codes: np.ndarray,
    rows: np.ndarray,
    given: Mapping[str, np.ndarray],
    composition: bool | Sequence[str],  # noqa: FBT001
) -> tuple[FeatureScaling, np.ndarray]:
    """Return the scaling (learned on all sequences) and the scaled values of the modelled rows."""
    names: list[str] = []
    columns: list[np.ndarray] = []
    wanted = SEQUENCE_FEATURES if composition is True else tuple(composition or ())
    unknown = [name for name in wanted if name not in SEQUENCE_FEATURES]
    if unknown:
        msg = f"These are not sequence features: {examples(unknown)}. They are {', '.join(SEQUENCE_FEATURES)}."
        raise ValueError(msg)
    if wanted:
        names += wanted
        columns += list(sequence_features(codes)[:, [SEQUENCE_FEATURES.index(name) for name in wanted]].T)
    for name, values in given.items():
        column = np.asarray(values, dtype=np.float64)
        if column.shape != (len(codes),):
            msg = f"Feature {name!r} needs one value per sequence ({len(codes)}), got shape {column.shape}."
            raise ValueError(msg)
        if name in names:
            msg = f"Feature {name!r} is computed from the sequences already: give it another name."
            raise ValueError(msg)
        missing = ~np.isfinite(column)
        if missing.any():
            logger.warning("feature %r: %d missing value(s) replaced by 0", name, missing.sum())
            column = np.where(missing, 0.0, column)
        names.append(name)
        columns.append(column)
    if not names:
        return FeatureScaling.none(), np.empty((len(rows), 0), dtype=np.float32)
    matrix = np.column_stack(columns)
    scaling = FeatureScaling.fit(np.array(names, dtype=object), matrix)
    constant = scaling.low == scaling.high
    if constant.any():
        logger.warning("%d constant feature(s) left out: %s", constant.sum(), examples(scaling.names[constant]))
        scaling, matrix = scaling.take(~constant), matrix[:, ~constant]
    return scaling, scaling.scale(matrix[rows])


def _check_library(library: MotifSet, width: int) -> None:
    if len(library) == 0:
        msg = "The motif library is empty."
        raise ValueError(msg)
    too_long = library.lengths > width
    if too_long.any():
        msg = (
            f"{int(too_long.sum())} motif(s) are longer than the sequences ({width} bp): "
            f"{examples(library.names[too_long])}. Leave them out, or use wider sequences."
        )
        raise ValueError(msg)
