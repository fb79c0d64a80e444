"""Constants of the inference: the one home of their defaults and of the presets."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from iceqream._core.regression import DEFAULT_LAMBDA
from iceqream.motifs._energies import DEFAULT_PSEUDO_PROBABILITY

if TYPE_CHECKING:
    from collections.abc import Callable

    from iceqream._core.normalization import Scheme

Preset = Literal["default", "full", "paper", "reference"]

_LARGEST_SHARE = 20
"""At most one training peak in so many lies beyond either end of a scale."""


@dataclass(frozen=True)
class FitOptions:
    """Constants of the inference, METHOD section 6; `FitOptions.preset` gives the paper's and the R package's."""

    learning: Literal["drafts", "clusters"] = "drafts"
    """How motifs are learned. ``"drafts"``: two models are learned apart from each other, one of clusters of library
    motifs, one that grows by the motifs that explain best what it leaves unexplained; their motifs join, of those alike
    one is left (fused or the strongest, as the folds find better), and as many stay as help in folds. ``"clusters"``: a
    linear model selects motifs, and clusters of them are fused (the paper and the reference)."""
    max_motifs: int = 20
    """Physical binding models at most, and clusters of library motifs. Fewer than this many motifs at level 1 halve
    `min_correlation`."""
    sharpness: float | Literal["auto"] = "auto"
    """Drafts: the energies between a library motif's letters are multiplied by this before a draft grows, since motifs
    measured in vitro are often sharper than binding in the cell. ``"auto"`` takes that of 1, 0.7 and 0.5 whose best
    motifs correlate most with dAP."""
    size_folds: int = 5
    """Drafts: there are as few motifs as nearly reach the lowest held-out deviance in folds of the training peaks, for
    each of which everything is learned anew; none, if that is not better than a model without motifs. The training
    peaks are parted into so many, and parts are held out until they have 2,000 peaks together. 0 keeps
    `max_motifs`."""
    refine: bool | Literal["cv"] = True
    """Whether PSSMs, spatial curves and coefficients of all motifs of a model are learned together: of drafts each
    draft, of clusters once after the weak motifs are dropped (the paper and the reference: no). ``"cv"``: if that
    lowers the held-out deviance in folds of the training peaks; of drafts by comparing the lowest deviance with and
    without (twice the time), of clusters with the best of several pulls and numbers of passes."""
    pssm_pull: float = 5.0
    """Refinement: how strongly PSSMs are held where they started, as so many peaks' worth per position of a PSSM; in a
    draft of clusters, which were fitted to these peaks before, four times as strongly."""
    curve_smoothness: float = 5.0
    """Refinement: how strongly neighbouring bins of a spatial curve are held together, in the same units."""
    min_correlation: float = 0.05
    """Level 1: smallest absolute correlation of energy and dAP."""
    max_screened: int = 2000
    """Level 1: motifs that go on at most, the best by absolute correlation. Bounds memory and the time of level 2."""
    n_denovo: int = 0
    """Level 0: motifs found by PREGO in the training peaks. Beside drafts a draft of their own, which joins if the
    folds are better with it; of clusters added to the library."""
    min_coefficient: float = 0.003
    """Level 2: smallest absolute coefficient per unit of energy."""
    lambda_: float | Literal["cv"] = "cv"
    """Penalty of the final fit; ``"cv"`` takes the lowest held-out deviance in five folds of the training peaks."""
    l1_ratio: float = 1.0
    """1 is the lasso, less an elastic net."""
    selection_lambda: float | Literal["cv"] = "cv"
    """Penalty of level 2. The reference uses `lambda_`, which overfits with hundreds of correlated motifs."""
    consolidation: Literal["pssm", "kmer", "none"] = "pssm"
    """Level 3: fit a new PWM and spatial curve to each cluster, from its strongest PSSM (paper) or from a k-mer
    (reference), or keep the strongest PSSM with a uniform curve."""
    curve_passes: int = 1
    """After level 3 the spatial curves are fitted to dAP in so many passes, each motif to what the others leave
    unexplained (the paper and the reference: 0)."""
    second_consolidation: int | None = None
    """Level 4: clusters of the second consolidation, on partial responses; ``None`` leaves it out."""
    min_cluster_correlation: float = 0.6
    """Level 4: clusters of motifs with a lower mean pairwise correlation are split."""
    min_bits: float = 1.75
    """Level 4: motifs with less information are dropped."""
    min_residual_r2: float = 0.0005
    """Level 4: motifs whose removal costs less R2 on the training peaks are dropped, from the weakest up."""
    interactions: bool | Literal["cv"] = True
    """Level 5: whether pairs of motifs, and of features and motifs, enter; ``"cv"``: if they lower the held-out
    deviance in folds of the training peaks."""
    heredity: bool = True
    """Level 5: a pair enters only beside weight of both its terms alone (the paper and the reference: no)."""
    pair_penalty: float = 1.5
    """Level 5: how many times as strongly pairs are penalised, so that they explain what the terms alone leave (the
    paper and the reference: 1)."""
    min_anchor_coefficient: float = 0.0
    """Level 5: smallest absolute coefficient, per unit of energy in a linear model, of a term that interacts (the
    reference: 0.01, the paper: 0.001)."""
    max_interactions: int | None = None
    """Level 5: pairs at most, the best by correlation; ``None`` is ten per motif and feature."""
    min_interaction_correlation: float = 0.0
    """Level 5: pairs below this fraction of the best one's correlation are dropped (the reference: 1/8, on request)."""
    expand_interactions: bool = False
    """Level 5: whether interactions pass through the four response functions."""
    interaction_passes: int = 1
    """Level 5: the pairs are added in so many passes, each by correlation with what the passes before left over."""
    normalization: Scheme = "reference"
    """How energies are scaled to 0-10 (METHOD section 3)."""
    min_support: int = 30
    """Training peaks that reach either end of a term's scale, at least (5 % of them where they are few): what lies
    beyond is clipped, so that no coefficient rests on a handful of peaks. 1: the scale is that of all sequences, up to
    the largest energy (the paper and the reference)."""
    calibrated: bool = True
    """Whether a prediction is the fitted probability on the scale of dAP, the inverse of how the response was made; if
    not, it is stretched from the range of the fitted probabilities in training (the paper and the reference)."""
    pseudo_probability: float = DEFAULT_PSEUDO_PROBABILITY
    """Added to every probability of a PSSM before renormalisation."""

    def support(self, n_train: int) -> int:
        """Return the least number of training peaks at either end of a scale; above 1 they alone set it."""
        return max(min(self.min_support, 2), min(self.min_support, n_train // _LARGEST_SHARE))

    @classmethod
    def preset(cls, name: Preset = "default", **options: Any) -> FitOptions:
        """Return the constants of a preset, some of them replaced.

        Parameters
        ----------
        name
            ``"default"``: 20 motifs at most out of two refined drafts, their number and the penalties by
            cross-validation, calibrated predictions, pairs beside their terms. ``"paper"``: 50 clusters,
            penalties of 1e-5, eq. 3 for the energies, interactions from 0.001. ``"full"``: the default with 60
            motifs in place of 20, no folds, and fewer pairs, for models that are to predict more than to be read (the
            paper's models of a whole manifold). ``"reference"``: the R package
            iceqream 0.0.8: 30 clusters seeded from k-mers, penalties of 1e-5, interactions from 0.01.
        **options
            Constants to replace; ``None`` keeps the preset's.

        Returns
        -------
        FitOptions

        Raises
        ------
        ValueError
            For another name, or a value that makes no sense.

        Examples
        --------
        >>> from iceqream.models import FitOptions
        >>> FitOptions.preset("paper", max_motifs=40).max_motifs
        40
        """
        if name not in _PRESETS:
            msg = f"preset must be one of {', '.join(map(repr, _PRESETS))}, got {name!r}."
            raise ValueError(msg)
        given = {key: value for key, value in options.items() if value is not None}
        chosen = replace(cls(), **{**_PRESETS[name], **given})
        chosen.check()
        idle = sorted(_OF_DRAFTS & set(given)) if chosen.learning == "clusters" else []
        if idle:
            msg = f"{', '.join(idle)} would change nothing with learning='clusters'. Leave it out, or choose 'drafts'."
            raise ValueError(msg)
        return chosen

    def check(self) -> None:
        """Refuse values that make no sense.

        Raises
        ------
        ValueError
            With each broken option and its value.
        """
        broken = [
            f"{name} must be {rule.text}, got {getattr(self, name)!r}"
            for name, rule in _RULES.items()
            if not rule.holds(getattr(self, name))
        ]
        if not broken and self.max_screened < self.max_motifs:
            broken = [f"max_screened must be at least max_motifs, got {self.max_screened} and {self.max_motifs}"]
        if not broken and self.learning == "drafts" and self.refine == "cv" and self.size_folds == 0:
            broken = ["refine='cv' needs size_folds of at least 2: without folds nothing can be compared"]
        if broken:
            msg = f"{'; '.join(broken)}."
            raise ValueError(msg)


PUBLISHED_FIT: dict[str, Any] = {"heredity": False, "pair_penalty": 1.0, "min_support": 1, "calibrated": False}
"""What the paper and the R package do, and what this package did before it had these constants."""
_PUBLISHED: dict[str, Any] = {
    "learning": "clusters",
    "max_screened": 30_000,
    "lambda_": DEFAULT_LAMBDA,
    "selection_lambda": DEFAULT_LAMBDA,
    "curve_passes": 0,
    "refine": False,
    "interactions": True,
    **PUBLISHED_FIT,
}


_OF_DRAFTS = {"sharpness", "size_folds"}
"""Options that do nothing where clusters are learned."""


class _Rule(NamedTuple):
    text: str
    holds: Callable[[Any], bool]


def _count(least: int) -> _Rule:
    return _Rule(f"at least {least}, a whole number", lambda v: _is_number(v, Integral) and v >= least)


def _number(low: float, high: float = math.inf, *, open_top: bool = False) -> _Rule:
    text = f"a number of at least {low:g}" if high == math.inf else f"in [{low:g}, {high:g}{')' if open_top else ']'}"
    return _Rule(text, lambda v: _is_number(v) and low <= v <= high and not (open_top and v == high))


def _one_of(*values: str) -> _Rule:
    return _Rule(f"one of {', '.join(map(repr, values))}", lambda v: v in values)


def _is_number(value: object, kind: type = Real) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool) and math.isfinite(value)  # type: ignore[arg-type]


_PENALTY = _Rule("'cv' or a number of at least 0", lambda v: v == "cv" or (_is_number(v) and v >= 0))
_FLAG = _Rule("True or False", lambda v: isinstance(v, bool))
_FLAG_OR_CV = _Rule("True, False or 'cv'", lambda v: isinstance(v, bool) or v == "cv")
_COUNT_OR_NONE = _Rule("None or at least 1, a whole number", lambda v: v is None or _count(1).holds(v))
_RULES = {
    "learning": _one_of("drafts", "clusters"),
    "max_motifs": _count(1),
    "sharpness": _Rule("'auto' or a number above 0", lambda v: v == "auto" or (_is_number(v) and v > 0)),
    "size_folds": _Rule("0 or at least 2, a whole number", lambda v: _count(0).holds(v) and v != 1),
    "refine": _FLAG_OR_CV,
    "pssm_pull": _number(0),
    "curve_smoothness": _number(0),
    "min_correlation": _number(0, 1, open_top=True),
    "max_screened": _count(1),
    "n_denovo": _count(0),
    "min_coefficient": _number(0),
    "lambda_": _PENALTY,
    "l1_ratio": _number(0, 1),
    "selection_lambda": _PENALTY,
    "consolidation": _one_of("pssm", "kmer", "none"),
    "curve_passes": _count(0),
    "second_consolidation": _COUNT_OR_NONE,
    "min_cluster_correlation": _number(-1, 1),
    "min_bits": _number(0),
    "min_residual_r2": _number(0, 1, open_top=True),
    "interactions": _FLAG_OR_CV,
    "heredity": _FLAG,
    "pair_penalty": _number(1),
    "min_support": _count(1),
    "calibrated": _FLAG,
    "min_anchor_coefficient": _number(0),
    "max_interactions": _COUNT_OR_NONE,
    "min_interaction_correlation": _number(0, 1),
    "expand_interactions": _FLAG,
    "interaction_passes": _count(1),
    "normalization": _one_of("reference", "paper"),
    "pseudo_probability": _number(0),
}

_PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "full": {"max_motifs": 60, "size_folds": 0, "min_interaction_correlation": 0.125},
    "paper": {
        **_PUBLISHED,
        "max_motifs": 50,
        "min_anchor_coefficient": 0.001,
        "normalization": "paper",
    },
    "reference": {**_PUBLISHED, "max_motifs": 30, "consolidation": "kmer", "min_anchor_coefficient": 0.01},
}
