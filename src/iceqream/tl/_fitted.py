"""A fitted model together with the peaks it was fitted on, and how a changed model is written back."""

from __future__ import annotations

import logging
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import get_adata, prepare, sequences_of
from iceqream._stored_models import peak_results, stored_trajectories, trajectory_model, write_trajectory
from iceqream.inference import FitOptions
from iceqream.inference.design_matrix import columns, penalty_factors
from iceqream.inference.final_fit import fit_responses, penalty, summarized
from iceqream.inference.inputs import MIN_PEAKS
from iceqream.inference.options import PUBLISHED_FIT
from iceqream.inference.peaks import ModelledPeaks, scaling_set
from iceqream.models.levels import LEVEL_COLUMNS
from iceqream.models.trajectory import motif_positions
from iceqream.motifs.pbm import codes_of_width

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from anndata import AnnData
    from mudata import MuData

    from iceqream._core.regression import LogisticFit
    from iceqream.models import TrajectoryModel
    from iceqream.models.features import FeatureScaling
    from iceqream.models.interactions import Interactions
    from iceqream.motifs import PBMSet

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Fitted:
    """What later steps need of a fit."""

    data: AnnData | MuData
    adata: AnnData
    model: TrajectoryModel
    codes: np.ndarray
    """All sequences, of the model's width."""
    rows: np.ndarray
    """Positions of the modelled peaks."""
    peaks: ModelledPeaks
    values: np.ndarray
    """Terms' values of all peaks."""
    table: pd.DataFrame
    """dap, pred, split (and weight) of all peaks."""
    key_added: str
    """Where the changed model goes."""

    @property
    def modelled_values(self) -> np.ndarray:
        """Terms' values of the modelled peaks."""
        return self.values[self.rows]

    @property
    def lambda_(self) -> float:
        """Penalty of the fit."""
        return float(self.model.stats["lambda_"])

    @property
    def options(self) -> FitOptions:
        """Constants of the fit; models of older versions have those of the publications where they lack one."""
        known = {field.name for field in fields(FitOptions)}
        given = {name: value for name, value in self.model.params.items() if name in known}
        return FitOptions(**PUBLISHED_FIT | given)

    def scaled(self, pbms: PBMSet) -> PBMSet:
        """Return motifs with their 0-10 scale learned as in the fit."""
        options = self.options
        peaks = scaling_set(self.codes, self.codes[self.rows], self.peaks.is_train, options)
        return pbms.scaled_to(peaks, options.normalization, options.support(int(self.peaks.is_train.sum())))

    def positions(self, motifs: Iterable[str]) -> np.ndarray:
        """Return the positions of motifs by name, each once."""
        return np.array(list(dict.fromkeys(motif_positions(self.model, motifs))), dtype=np.int64)


def fitted(
    data: AnnData | MuData,
    key: str,
    mod: str,
    *,
    trajectory: str | None = None,
    copy: bool = False,
) -> Fitted:
    """Take a fitted model, or one trajectory of a manifold, and its peaks out of the data."""
    model = trajectory_model(get_adata(data, mod), key, trajectory)
    data, adata = prepare(data, mod, copy=copy)
    table = peak_results(adata, key, trajectory)
    if _keys.SPLIT not in table:
        msg = f"There is no fit under {key!r}, only predictions: run iq.tl.fit_trajectory first."
        raise KeyError(msg)
    split = table[_keys.SPLIT].astype(str).to_numpy()
    rows = np.flatnonzero(split != "unused")
    weights = table[_keys.WEIGHT].to_numpy(dtype=np.float64)[rows] if _keys.WEIGHT in table else None
    n_train = int((split == "train").sum())
    if n_train < MIN_PEAKS:
        msg = f"{n_train} training peaks of the fit under {key!r} are here; at least {MIN_PEAKS} are needed."
        raise ValueError(msg)
    peaks = ModelledPeaks(table[_keys.DAP].to_numpy(dtype=np.float64)[rows], split[rows] == "train", weights)
    fitted_on = int(model.stats.get("n_train", n_train))
    if n_train != fitted_on:
        logger.warning("%d of the %d training peaks of the fit are here: what is computed is of these", n_train,
                       fitted_on)  # fmt: skip
    codes = codes_of_width(sequences_of(adata), model.width)
    return Fitted(data, adata, model, codes, rows, peaks, model.values(adata), table, key)


def each_fitted(
    data: AnnData | MuData, key: str, mod: str, *, trajectory: str | None, copy: bool
) -> dict[str | None, Fitted]:
    """Take all trajectories of a manifold out of the data, by name; where it is one that is there or named, as None."""
    names = stored_trajectories(get_adata(data, mod), key) if trajectory is None else ()
    trajectory_model(get_adata(data, mod), key, names[0] if names else trajectory)
    data, _ = prepare(data, mod, copy=copy)
    if not names:
        return {None: fitted(data, key, mod, trajectory=trajectory)}
    return {name: fitted(data, key, mod, trajectory=name) for name in names}


def to_change(
    data: AnnData | MuData,
    key: str,
    mod: str,
    *,
    trajectory: str | None,
    key_added: str | None,
    copy: bool,
) -> Fitted:
    """Take a fitted model out of the data that is to be changed, once it is clear where the changed one goes."""
    check_key_added(data, key, mod, trajectory, key_added)
    fit = fitted(data, key, mod, trajectory=trajectory, copy=copy)
    return replace(fit, key_added=key_added or key)


def check_key_added(data: AnnData | MuData, key: str, mod: str, trajectory: str | None, key_added: str | None) -> None:
    """Refuse to change one trajectory of a manifold where all of them are.

    Raises
    ------
    KeyError, ValueError
        As of the reader.
    ValueError
        If the changed trajectory has no key of its own.
    """
    trajectory_model(get_adata(data, mod), key, trajectory)
    if trajectory is not None and key_added in {None, key}:
        msg = "A trajectory of a manifold shares its motifs; say where the changed model goes, key_added=..."
        raise ValueError(msg)


def changed(
    fit: Fitted,
    *,
    pbms: PBMSet | None = None,
    features: FeatureScaling | None = None,
    interactions: Interactions | None = None,
    values: np.ndarray | None = None,
    peaks: ModelledPeaks | None = None,
    lambda_: float | Literal["cv"] | None = None,
    rng: int | np.random.Generator = 0,
) -> tuple[TrajectoryModel, LogisticFit]:
    """Refit a model after a change of its terms or peaks.

    `values` are those of the new terms in the modelled peaks; what is not given stays, the penalty too.
    """
    model = fit.model
    peaks = fit.peaks if peaks is None else peaks
    interactions = model.interactions if interactions is None else interactions
    values = fit.modelled_values if values is None else values
    options = fit.options
    if lambda_ == "cv":
        factors = penalty_factors(values.shape[1], interactions, options.pair_penalty)
        X, generator = columns(values, interactions), np.random.default_rng(rng)
        lambda_ = penalty("cv", X, peaks, options.l1_ratio, generator, factors)
    return fit_responses(
        model.pbms if pbms is None else pbms,
        model.features if features is None else features,
        interactions,
        values,
        peaks,
        lambda_=fit.lambda_ if lambda_ is None else float(lambda_),
        options=options,
        states=model.states,
    )


def write(
    fit: Fitted,
    model: TrajectoryModel,
    regression: LogisticFit,
    level: str,
    *,
    peaks: ModelledPeaks | None = None,
    dropped: Mapping[str, str] | None = None,
) -> None:
    """Write a changed model and its predictions.

    `level` names the step in the table of levels; `dropped` are the motifs that it took out, with the reason.
    """
    peaks = fit.peaks if peaks is None else peaks
    values = model.values(fit.adata)
    noted = replace(model, stats=fit.model.stats)
    model = summarized(noted, values[fit.rows], peaks, regression, fit.options.pair_penalty)
    stats = model.stats
    counts = (len(model.pbms), len(model.features), len(model.interactions))
    row = dict(zip(LEVEL_COLUMNS, (level, "", *counts, *(stats[name] for name in LEVEL_COLUMNS[-4:])), strict=True))
    levels = pd.concat([fit.model.levels, pd.DataFrame([row])], ignore_index=True)
    model = replace(model, params=fit.model.params, levels=levels, dropped=fit.model.dropped)
    if peaks is fit.peaks:
        # of the fit's folds; they know nothing of another response
        model = replace(model, sizes=fit.model.sizes)
    model = model.with_dropped(level, dropped or {})
    logger.info("%s: %d motifs, %d features, %d interactions, R2 %.3f train, %.3f held out", level, *counts,
                stats["r2_train"], stats["r2_test"])  # fmt: skip
    table = fit.table.copy()
    table[_keys.PREDICTION] = model.predict_values(values).astype(np.float32)
    if peaks is not fit.peaks:
        response = np.full(len(table), np.nan, dtype=np.float32)
        response[fit.rows] = peaks.dap
        table[_keys.DAP] = response
    write_trajectory(fit.adata, fit.key_added, model, table)


def write_unchanged(fit: Fitted, key: str) -> None:
    """Write a model that stays as it is where the changed one was to go, if that is another place."""
    if fit.key_added != key:
        write_trajectory(fit.adata, fit.key_added, fit.model, fit.table)
