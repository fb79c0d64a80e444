"""The model of one trajectory: what was learned, standing alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._core.messages import known_names
from iceqream._core.regression import logistic
from iceqream._core.response import N_RESPONSES, partial_responses, responses
from iceqream._files import reading
from iceqream._sequences import given_sequences
from iceqream.models.features import FeatureScaling, available_features, model_features
from iceqream.models.interactions import Interactions
from iceqream.models.levels import LEVEL_COLUMNS, SIZE_COLUMNS, doubt, r2_text
from iceqream.models.serialization import load, save, trajectory_parts, trajectory_to_dict
from iceqream.motifs.pbm import PBM, PBMSet, codes_of_width

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from os import PathLike

    from iceqream._sequences import Sequences
    from iceqream.models.manifold import ManifoldModel

    Part: TypeAlias = Literal["total", "own", "pairs"]


QUANTILES = np.linspace(0.0, 1.0, 21)
"""Of each term's values in the training peaks, kept with the model."""
_AT_ZERO = responses(np.zeros(()))
"""The response functions of the value 0."""
DROPPED_COLUMNS = ("motif", "level", "reason")


def check_has_motifs(model: TrajectoryModel | ManifoldModel) -> None:
    """Refuse a model without motifs where these are what is asked for."""
    if len(model.pbms) == 0:
        msg = (
            "The model has no motifs: none lowers the deviance of held-out peaks (iq.get.model(data).sizes). Either "
            "the sequences do not explain dAP, or these are too few peaks to tell."
        )
        raise ValueError(msg)


def motif_positions(model: TrajectoryModel, motifs: str | Iterable[str]) -> np.ndarray:
    """Return the positions of a model's motifs by name, int64.

    Raises
    ------
    KeyError
        If the model lacks a motif.
    ValueError
        If it has none at all.
    """
    check_has_motifs(model)
    position = {str(name): i for i, name in enumerate(model.motif_names)}
    names = known_names(motifs, position, "The model has no motif", hint=" iq.get.motifs_df lists all.")
    return np.array([position[name] for name in names], dtype=np.int64)


def term_values(
    pbms: PBMSet,
    scaling: FeatureScaling,
    sequences: Sequences,
    features: Mapping[str, Any] | None,
    *,
    pad: bool,
    mod: str,
) -> np.ndarray:
    """Return the normalised energies and scaled features of sequences, float32, n x terms, 0-10."""
    given = {str(name): np.asarray(v, dtype=np.float64) for name, v in (features or {}).items()}
    taken = given_sequences(sequences, mod)
    if taken.adata is not None:
        given = available_features(taken.adata, scaling.names) | given
    codes = codes_of_width(taken, pbms.width, pad=pad)
    wrong = [f"{name} has shape {v.shape}" for name, v in given.items() if v.shape != (len(codes),)]
    if wrong:
        msg = f"Each feature needs one value per sequence ({len(codes)}): {', '.join(wrong[:3])}."
        raise ValueError(msg)
    return np.hstack([pbms.normalized_energies(codes), model_features(scaling, codes, given)])


@dataclass(frozen=True, eq=False)
class TrajectoryModel:
    """How the accessibility of an element changes between two states, from its sequence.

    Terms are the motifs, then the features; each enters through four response functions of its value on 0-10 (paper
    eq. 4), and pairs of them may interact. The prediction is a logistic function of the sum, on the scale of dAP: 0 and
    1 are the smallest and the largest dAP of the training peaks, as in the response that was fitted.

    Parameters
    ----------
    pbms
        The motifs as physical binding models.
    features
        Other features and their scaling.
    coefficients
        float64, terms x 4 response functions (`iceqream.models.RESPONSES`).
    intercept
        Of the linear predictor.
    probability_range, dap_range
        Probabilities and the dAP that they are mapped to: (0, 1) and the smallest and largest dAP of the training
        peaks. Models fitted with ``calibrated=False`` have the smallest and largest fitted probability of the training
        peaks instead of 0 and 1, which stretches the predictions.
    states
        Names of the start and end state.
    params, stats
        Options of the fit and its results (r2_train, r2_test, numbers of peaks and motifs per level), plain numbers
        and strings.
    interactions
        Pairs of terms whose product enters.
    levels
        One row per level of the inference and per later change: motifs, features, interactions, r2_train, r2_test.
    residual_r2
        R2 on training peaks that each term costs when it is removed (`iceqream.tl.residual_r2`); NaN where unknown.
    effects
        Of each term and interaction on the modelled peaks: standard deviation of what the linear predictor loses when
        the term's value is set to 0, its pairs included (of a pair: of what it adds), logit units, with the sign of its
        direction (of a pair: of its coefficient); NaN where unknown.
    own_effects, pair_effects
        Of each term, likewise: of what it adds alone, and of what its pairs add, each with the sign of its own
        direction; NaN where unknown.
    dap_effects
        Of each term: standard deviation of what the predicted dAP loses when the term's value is set to 0, signed as
        its effect; NaN where unknown.
    effect_errors
        Standard error of each of `effects`, given the motifs and the terms with weight; NaN where unknown.
    correlations
        Of each term's value and dAP on the modelled peaks; NaN where unknown.
    quantiles
        Quantiles of each term's values in the training peaks, terms x 21 (0, 5 %, ..., 100 %); NaN where unknown.
    dropped
        One row per motif that a level or a later change dropped: motif, level, reason.
    sizes
        What decided how many motifs stay: for each number of motifs the mean deviance of held-out peaks in folds of the
        training peaks (what the motifs say scaled to the lowest, since with few peaks they exaggerate), the standard
        error of its difference to the lowest, and R2; empty if folds did not decide. The fewest motifs within 2 % of
        what the best size gains stay. It is the fit's: later changes of the motifs keep it as it was, another response
        has none.
    """

    pbms: PBMSet
    features: FeatureScaling
    coefficients: np.ndarray
    intercept: float
    probability_range: tuple[float, float]
    dap_range: tuple[float, float]
    states: tuple[str, str] = ("start", "end")
    params: dict[str, Any] = field(default_factory=dict)
    stats: dict[str, Any] = field(default_factory=dict)
    interactions: Interactions = field(default_factory=Interactions.none)
    levels: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(LEVEL_COLUMNS)))
    residual_r2: np.ndarray = field(default_factory=lambda: np.array([]))
    effects: np.ndarray = field(default_factory=lambda: np.array([]))
    own_effects: np.ndarray = field(default_factory=lambda: np.array([]))
    pair_effects: np.ndarray = field(default_factory=lambda: np.array([]))
    dap_effects: np.ndarray = field(default_factory=lambda: np.array([]))
    effect_errors: np.ndarray = field(default_factory=lambda: np.array([]))
    correlations: np.ndarray = field(default_factory=lambda: np.array([]))
    quantiles: np.ndarray = field(default_factory=lambda: np.array([]))
    dropped: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(DROPPED_COLUMNS)))
    sizes: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(SIZE_COLUMNS)))

    def __post_init__(self) -> None:
        expected = (len(self.pbms) + len(self.features), N_RESPONSES)
        of_all, of_terms = (expected[0] + len(self.interactions),), expected[:1]
        shapes = {
            **dict.fromkeys(("residual_r2", "effects", "effect_errors"), of_all),
            **dict.fromkeys(("own_effects", "pair_effects", "dap_effects", "correlations"), of_terms),
            "quantiles": (*of_terms, len(QUANTILES)),
        }
        for name, shape in shapes.items():
            given = np.shape(getattr(self, name))
            if given[0] == 0:
                object.__setattr__(self, name, np.full(shape, np.nan))
            elif given != shape:
                msg = f"{name} must have the shape {shape}, got {given}."
                raise ValueError(msg)
        if self.coefficients.shape != expected:
            msg = f"The coefficients must have the shape {expected}, got {self.coefficients.shape}."
            raise ValueError(msg)

    def __repr__(self) -> str:
        scores = f", {self.r2_text}" if self.r2_text else ""
        return (
            f"TrajectoryModel {self.states[0]} -> {self.states[1]}: {len(self.pbms)} motifs, "
            f"{len(self.features)} features, {len(self.interactions)} interactions, {self.width} bp{scores}"
        )

    @property
    def r2_text(self) -> str:
        """R2 of training and held-out peaks, the latter with its 95 % interval, as text."""
        return r2_text(self.stats)

    @property
    def doubt(self) -> str:
        """Why the predictions may be worth nothing: held-out R2 may be 0, or is unknown; empty without a reason."""
        return doubt(self.stats)

    @property
    def width(self) -> int:
        """Width of the sequences, bp."""
        return self.pbms.width

    @property
    def motif_names(self) -> np.ndarray:
        """Names of the motifs."""
        return self.pbms.motifs.names

    @property
    def terms(self) -> np.ndarray:
        """Names of the motifs and then of the features."""
        return np.concatenate([self.pbms.motifs.names, self.features.names])

    @property
    def interaction_names(self) -> np.ndarray:
        """Names of the pairs, ``first:second``."""
        return self.interactions.names(self.terms)

    def with_dropped(self, level: str, reasons: Mapping[str, str]) -> TrajectoryModel:
        """Return the model with a note of motifs that a step dropped, by name."""
        rows = [(name, level, reason) for name, reason in reasons.items()]
        noted = pd.DataFrame([*self.dropped.itertuples(index=False), *rows], columns=list(DROPPED_COLUMNS))
        return replace(self, dropped=noted.astype(str))

    def pbm(self, motif: str | int) -> PBM:
        """Return one motif as a stand-alone physical binding model."""
        return self.pbms[motif]

    def values(
        self,
        sequences: Sequences,
        features: Mapping[str, Any] | None = None,
        *,
        pad: bool = False,
        mod: str = _keys.ATAC,
    ) -> np.ndarray:
        """Return the normalised energies and scaled features.

        Parameters
        ----------
        sequences, features, pad, mod
            As in `predict`.

        Returns
        -------
        float32, n x terms, 0-10.

        Raises
        ------
        ValueError, TypeError
            As in `predict`.
        """
        return term_values(self.pbms, self.features, sequences, features, pad=pad, mod=mod)

    def linear_predictor(self, values: np.ndarray) -> np.ndarray:
        """Return the logit of values from `values`, float64, n."""
        # summed row by row: a prediction must not depend on which sequences are predicted with it
        terms = self.intercept + self.partial_responses_of(values).sum(axis=1)
        return terms + self.interactions.contributions(values).sum(axis=1)

    def predict_values(self, values: np.ndarray) -> np.ndarray:
        """Return the predicted dAP of values from `values`, float64, n."""
        return self.dap_of(self.linear_predictor(values))

    def dap_of(self, eta: np.ndarray) -> np.ndarray:
        """Return the predicted dAP of linear predictors, float64."""
        low, high = self.probability_range
        relative = (logistic(eta) - low) / (high - low) if high > low else np.zeros_like(eta)
        return relative * (self.dap_range[1] - self.dap_range[0]) + self.dap_range[0]

    def predict(
        self,
        sequences: Sequences,
        *,
        features: Mapping[str, Any] | None = None,
        pad: bool = False,
        mod: str = _keys.ATAC,
    ) -> np.ndarray:
        """Predict the change of accessibility.

        Parameters
        ----------
        sequences
            A string, a list, an array or a Series of strings, uint8 codes (n x width), Bio.Seq or SeqRecord objects, a
            dictionary by name, the path of a FASTA file, plain or gzipped (a string that ends like one is a path), or
            an AnnData or MuData with ``varm["sequence"]``. Longer ones are cut to the central `width` bp.
        features
            Unscaled values of features that are not computed from sequence; an AnnData brings its own in
            ``varm["features"]``.
        pad
            Whether shorter sequences are filled up with N, as many on either side, so that their centre stays the
            centre. An N scores log2(1/4) in every motif; the flanks count as empty.
        mod
            Modality of a MuData that holds the peaks.

        Returns
        -------
        float64, n: predicted dAP.

        Raises
        ------
        ValueError
            If sequences are too short, not DNA, or a feature is missing.
        KeyError
            If the AnnData has no sequences.
        TypeError
            If the sequences are of no form that is read.

        Examples
        --------
        >>> import iceqream as iq
        >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
        >>> library = iq.datasets.simulated_motifs()
        >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
        >>> model = iq.get.model(adata)
        >>> model.predict("ACGT" * 125).shape
        (1,)
        """
        return self.predict_values(self.values(sequences, features, pad=pad, mod=mod))

    def partial_responses(
        self,
        sequences: Sequences,
        *,
        features: Mapping[str, Any] | None = None,
        pad: bool = False,
        mod: str = _keys.ATAC,
    ) -> pd.DataFrame:
        """Return what each term adds to the linear predictor (METHOD section 9).

        Parameters
        ----------
        sequences, features, pad, mod
            As in `predict`. The names of a Series, dictionary, FASTA, records or peaks become the index.

        Returns
        -------
        DataFrame, float64, n x (terms, then interactions), logit units: the sum of the four response functions times
        their coefficients; the scaled product times its coefficient.

        Raises
        ------
        ValueError, TypeError
            As in `predict`.
        """
        taken = given_sequences(sequences, mod)
        values = self.values(taken, features, pad=pad)
        contribution = np.hstack([self.partial_responses_of(values), self.interactions.contributions(values)])
        return pd.DataFrame(
            contribution, columns=pd.Index(np.concatenate([self.terms, self.interaction_names])), index=taken.names
        )

    def partial_responses_of(self, values: np.ndarray) -> np.ndarray:
        """Return what each term adds to the linear predictor for values from `values`, float64, n x terms."""
        return partial_responses(values, self.coefficients)

    def own_responses_of(self, values: np.ndarray) -> np.ndarray:
        """Return what each term alone adds beyond what it adds at 0, float64, n x terms."""
        return self.partial_responses_of(values) - self.coefficients @ _AT_ZERO

    def pair_responses_of(self, values: np.ndarray) -> np.ndarray:
        """Return what each term's pairs add beyond what they add where the term is 0, float64, n x terms."""
        total = np.zeros((len(values), len(self.terms)))
        gains = self.interactions.gains(self.interactions.products(values))
        for k, pair in enumerate(zip(self.interactions.first, self.interactions.second, strict=True)):
            total[:, list(pair)] += gains[:, [k]]
        return total

    def total_responses(
        self,
        sequences: Sequences,
        *,
        features: Mapping[str, Any] | None = None,
        pad: bool = False,
        mod: str = _keys.ATAC,
    ) -> pd.DataFrame:
        """Return what the linear predictor of each sequence loses when a term is set to 0.

        That is what the term adds alone and what its pairs add, given the sequence's other terms. A pair counts for
        both its terms, so the columns do not sum up to the prediction; those of `partial_responses` do.

        Parameters
        ----------
        sequences, features, pad, mod
            As in `predict`.

        Returns
        -------
        DataFrame, float64, n x terms, logit units.

        Raises
        ------
        ValueError, TypeError
            As in `predict`.
        """
        taken = given_sequences(sequences, mod)
        values = self.values(taken, features, pad=pad)
        total = self.own_responses_of(values) + self.pair_responses_of(values)
        return pd.DataFrame(total, columns=pd.Index(self.terms), index=taken.names)

    def response_curves(self, grid: np.ndarray | None = None, *, part: Part = "total") -> pd.DataFrame:
        """Return each term's response along 0-10, relative to its response at 0.

        Parameters
        ----------
        grid
            Values of the term; ``None`` takes 101 steps.
        part
            ``"own"``: what the term adds alone. ``"pairs"``: what its pairs add, averaged over the values that the
            other term of each pair has in the training peaks. ``"total"``: the sum.

        Returns
        -------
        DataFrame, grid x terms, logit units; the index is the value of the term. NaN where the values of the training
        peaks are not known (models of older versions with pairs, unless ``part="own"``).

        Raises
        ------
        ValueError
            For another part.
        """
        if part not in {"total", "own", "pairs"}:
            msg = f"part must be 'total', 'own' or 'pairs', got {part!r}."
            raise ValueError(msg)
        grid = np.linspace(0, 10, 101) if grid is None else np.asarray(grid, dtype=np.float64)
        curves = np.zeros((len(grid), len(self.terms)))
        if part != "pairs":
            curves += (responses(grid) - _AT_ZERO) @ self.coefficients.T
        if part != "own":
            others = self.quantiles.T
            for i in range(len(self.terms)):
                curves[:, i] += self.interactions.gains_of(i, grid, others).mean(axis=0)
        return pd.DataFrame(curves, index=pd.Index(grid, name="value"), columns=pd.Index(self.terms))

    def local_contributions(
        self,
        sequences: Sequences,
        *,
        features: Mapping[str, Any] | None = None,
        pairs: bool = True,
        pad: bool = False,
        mod: str = _keys.ATAC,
    ) -> np.ndarray:
        """Return the response of each motif to each window (METHOD section 9).

        Parameters
        ----------
        sequences, features, pad, mod
            As in `predict`.
        pairs
            Whether the motif's pairs count, given the sequence's other energies and features.

        Returns
        -------
        float64, n x motifs x width, logit units, relative to energy 0: the four response functions of the window's
        local energy (both strands, stored scale) times the motif's coefficients, and what its pairs would add if this
        were the motif's energy; NaN where the motif would reach past the end.

        Raises
        ------
        ValueError
            As in `predict`.
        """
        taken = given_sequences(sequences, mod)
        values = self.values(taken, features, pad=pad) if pairs and len(self.interactions) else None
        local = self.pbms.normalized_local_energies(taken, pad=pad).astype(np.float64)
        return self.local_responses_of(local, values)

    def local_responses_of(self, local: np.ndarray, values: np.ndarray | None) -> np.ndarray:
        """Return the responses to local energies, n x motifs x width; `values` (n x terms) brings the pairs in."""
        out = np.einsum("nmwr,mr->nmw", responses(local) - _AT_ZERO, self.coefficients[: len(self.pbms)])
        if values is not None:
            for motif in range(local.shape[1]):
                out[:, motif] += self.interactions.gains_of(motif, local[:, motif], values)
        return out

    def to_uns(self) -> dict[str, Any]:
        """Return the model as a flat dictionary of arrays, numbers and strings that h5ad, zarr and h5mu keep."""
        return trajectory_to_dict(self)

    @classmethod
    def from_uns(cls, stored: Mapping[str, Any]) -> TrajectoryModel:
        """Rebuild a model from `to_uns`.

        Raises
        ------
        ValueError
            If the dictionary is no trajectory model, or was written by a newer version.
        """
        return cls(**trajectory_parts(stored))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the model to an HDF5 file (``.h5``) or a zarr folder (``.zarr``); an older one is replaced.

        Raises
        ------
        ValueError
            If the path ends in neither.
        """
        save(self.to_uns(), path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> TrajectoryModel:
        """Read a model written by `save`.

        Raises
        ------
        FileNotFoundError
            If there is nothing at the path.
        ValueError
            If it holds no trajectory model.
        """
        stored = load(path)
        with reading(path, "an iceqream model"):
            return cls.from_uns(stored)
