"""What a model is compared with: simpler and other models of the same peaks, each a few lines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from iceqream.inference import variants as of_arrays
from iceqream.inference.screening import Screened, screen
from iceqream.models.interactions import Interactions
from iceqream.tl._fitted import changed

if TYPE_CHECKING:
    from collections.abc import Callable

    from iceqream.inference.screening import Screen
    from iceqream.models import TrajectoryModel
    from iceqream.motifs import MotifSet
    from iceqream.motifs.pbm import PBMSet
    from iceqream.tl._fitted import Fitted

IQ = "iq"


class Predicted(NamedTuple):
    """What a model says of the modelled peaks."""

    dap: np.ndarray
    n_terms: int


@dataclass(frozen=True, eq=False)
class Setting:
    """A fitted model with its split, the library, and a seed."""

    fit: Fitted
    library: MotifSet
    seed: int

    @cached_property
    def screened(self) -> Screen:
        """The motifs of the library that correlate with dAP in training."""
        fit, options = self.fit, self.fit.options
        one = Screened(fit.rows, fit.peaks, options.support(int(fit.peaks.is_train.sum())))
        return screen(fit.codes, [one], self.library, options)[0][0]

    @property
    def n_motifs(self) -> int:
        """Number of the model's motifs."""
        return len(self.fit.model.pbms)

    @property
    def features(self) -> np.ndarray:
        """Features' values of the modelled peaks, 0-10."""
        return self.fit.modelled_values[:, self.n_motifs :]

    def beside_features(self, energies: np.ndarray) -> np.ndarray:
        """Return energies and features as one matrix."""
        return np.hstack([energies, self.features])


class Variant(NamedTuple):
    """One of the models that are compared."""

    label: str
    """In words."""
    lacks: Callable[[TrajectoryModel], str]
    """Says what a model would need for it to make sense; empty if nothing."""
    predicted: Callable[[Setting], Predicted]


def _nothing(_: TrajectoryModel) -> str:
    return ""


def _motifs(model: TrajectoryModel) -> str:
    return "" if len(model.pbms) else "the model has no motifs"


def _features(model: TrajectoryModel) -> str:
    return "" if len(model.features) else "the model has no features"


def _both(model: TrajectoryModel) -> str:
    return _motifs(model) or _features(model)


def _pairs(model: TrajectoryModel) -> str:
    return "" if len(model.interactions) else "the model has no interactions"


def _sums(model: TrajectoryModel) -> str:
    said = "" if model.pbms.mode == "sum" else "the model's energies are those of the best site already"
    return _motifs(model) or said


def _start(model: TrajectoryModel) -> str:
    known = model.pbms.start is not None
    return _motifs(model) or ("" if known else "what the motifs were before refinement is not known")


def _xgboost(model: TrajectoryModel) -> str:
    return _motifs(model) or ("" if of_arrays.has_xgboost() else "xgboost is not installed")


def _database(s: Setting) -> Predicted:
    values = s.features
    if s.n_motifs:
        values = s.beside_features(of_arrays.best_motifs(s.screened, s.features, s.fit.peaks, s.n_motifs))
    return Predicted(of_arrays.linear(values, s.fit.peaks), values.shape[1])


def _clusters(s: Setting) -> Predicted:
    values = s.features
    if s.n_motifs:
        rng = np.random.default_rng(s.seed)
        energies = of_arrays.cluster_representatives(
            s.library, s.screened, s.features, s.fit.peaks, s.n_motifs, s.fit.options, rng
        )
        values = s.beside_features(energies)
    return Predicted(of_arrays.linear(values, s.fit.peaks), values.shape[1])


def _features_alone(s: Setting) -> Predicted:
    return Predicted(of_arrays.linear(s.features, s.fit.peaks), s.features.shape[1])


def _linear(s: Setting) -> Predicted:
    values = s.fit.modelled_values
    return Predicted(of_arrays.linear(values, s.fit.peaks), values.shape[1])


def _additive(s: Setting) -> Predicted:
    values = s.fit.modelled_values
    return Predicted(of_arrays.additive(values, s.fit.peaks), values.shape[1])


def _boosted(s: Setting) -> Predicted:
    values = s.fit.modelled_values
    return Predicted(of_arrays.boosted(values, s.fit.peaks, s.seed), values.shape[1])


def _boosted_by_xgboost(s: Setting) -> Predicted:
    values = s.fit.modelled_values
    return Predicted(of_arrays.boosted_by_xgboost(values, s.fit.peaks, s.seed), values.shape[1])


def _iq(s: Setting) -> Predicted:
    return _said(s.fit.model, s.fit.modelled_values)


def _without_pairs(s: Setting) -> Predicted:
    return _refitted(s, s.fit.model.pbms, s.fit.modelled_values, interactions=Interactions.none())


def _without_features(s: Setting) -> Predicted:
    motifs = np.arange(s.n_motifs)
    interactions = s.fit.model.interactions.without_terms(motifs)
    values = s.fit.modelled_values[:, motifs]
    return _refitted(s, s.fit.model.pbms, values, interactions=interactions)


def _best_sites(s: Setting) -> Predicted:
    return _with_motifs(s, replace(s.fit.model.pbms, mode="max"))


def _unrefined(s: Setting) -> Predicted:
    return _with_motifs(s, s.fit.model.pbms.start or s.fit.model.pbms)


def _with_motifs(s: Setting, pbms: PBMSet) -> Predicted:
    """Return the predictions of a model with other motifs in the place of its own, pairs of terms as they are."""
    pbms = s.fit.scaled(pbms) if s.n_motifs else pbms
    values = s.beside_features(pbms.normalized_energies(s.fit.codes[s.fit.rows]))
    train = s.fit.peaks.is_train
    interactions = s.fit.model.interactions.scaled_to(values[train], s.fit.options.support(int(train.sum())))
    return _refitted(s, pbms, values, interactions=interactions)


def _refitted(s: Setting, pbms: PBMSet, values: np.ndarray, *, interactions: Interactions) -> Predicted:
    """Return the predictions of a model refitted to other terms, the penalty chosen as in the fit."""
    if values.shape[1] == 0:
        # in a fold that found no motif; then the linear model predicts the mean
        return Predicted(of_arrays.linear(values, s.fit.peaks), 0)
    features = s.fit.model.features
    model, _ = changed(
        s.fit,
        pbms=pbms,
        features=features.take(np.arange(values.shape[1] - len(pbms))),
        interactions=interactions,
        values=values,
        lambda_="cv" if isinstance(s.fit.options.lambda_, str) else None,
        rng=s.seed,
    )
    return _said(model, values)


def _said(model: TrajectoryModel, values: np.ndarray) -> Predicted:
    return Predicted(model.predict_values(values), len(model.terms) + len(model.interactions))


VARIANTS: dict[str, Variant] = {
    "features": Variant("features alone, linear", _features, _features_alone),
    "database": Variant("best motifs of the library, linear", _motifs, _database),
    "clusters": Variant("best motif of each cluster, linear", _motifs, _clusters),
    "pbm_linear": Variant("the model's motifs, linear", _motifs, _linear),
    "gam": Variant("the model's motifs, additive (GAM)", _motifs, _additive),
    "boosting": Variant("the model's motifs, boosted trees", _motifs, _boosted),
    "xgboost": Variant("the model's motifs, XGBoost", _xgboost, _boosted_by_xgboost),
    "iq_no_features": Variant("IQ without features", _both, _without_features),
    "iq_unrefined": Variant("IQ, motifs before refinement", _start, _unrefined),
    "iq_max": Variant("IQ, best site of each motif", _sums, _best_sites),
    "iq_no_pairs": Variant("IQ without pairs", _pairs, _without_pairs),
    IQ: Variant("IQ", _nothing, _iq),
}
"""From the simplest one on; all but the first three stand on the model's motifs."""
