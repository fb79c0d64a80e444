"""Constants of the inference: the one home of their defaults and of the presets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from iceqream._core.messages import examples
from iceqream._core.regression import DEFAULT_LAMBDA
from iceqream.motifs._energies import DEFAULT_PSEUDO_PROBABILITY

if TYPE_CHECKING:
    from iceqream._core.normalization import Scheme

Preset = Literal["default", "paper", "reference"]

_LARGEST_SHARE = 20
"""At most one training peak in so many lies beyond either end of a scale."""


@dataclass(frozen=True)
class FitOptions:
    """Constants of the inference, METHOD section 6; `FitOptions.preset` gives the paper's and the R package's."""

    max_motifs: int = 30
    """Clusters, and so physical binding models, at most; fewer than this many motifs at level 1 halve
    `min_correlation`."""
    min_correlation: float = 0.05
    """Level 1: smallest absolute correlation of energy and dAP."""
    max_screened: int = 2000
    """Level 1: motifs that go on at most, the best by absolute correlation. Bounds memory and the time of level 2."""
    n_denovo: int = 0
    """Level 0: motifs found by PREGO in the training peaks, added to the library."""
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
        """Return the least number of training peaks at either end of a scale."""
        return max(1, min(self.min_support, n_train // _LARGEST_SHARE))

    @classmethod
    def preset(cls, name: Preset = "default", **options: Any) -> FitOptions:
        """Return the constants of a preset, some of them replaced.

        Parameters
        ----------
        name
            ``"default"``: penalties by cross-validation, spatial curves learned from dAP, calibrated predictions, pairs
            beside their terms. ``"paper"``: 50 clusters,
            penalties of 1e-5, eq. 3 for the energies, interactions from 0.001. ``"reference"``: the R package
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
        return chosen

    def check(self) -> None:
        """Refuse values that make no sense.

        Raises
        ------
        ValueError
            With the option and its value.
        """
        rules = {
            "max_motifs must be at least 1": self.max_motifs >= 1,
            "min_correlation must lie in [0, 1)": 0 <= self.min_correlation < 1,
            "max_screened must be at least max_motifs": self.max_screened >= self.max_motifs,
            "n_denovo must not be negative": self.n_denovo >= 0,
            "min_coefficient must not be negative": self.min_coefficient >= 0,
            "lambda_ must be 'cv' or a number that is not negative": _is_penalty(self.lambda_),
            "l1_ratio must lie in [0, 1]": 0 <= self.l1_ratio <= 1,
            "selection_lambda must be 'cv' or a number that is not negative": _is_penalty(self.selection_lambda),
            "consolidation must be 'pssm', 'kmer' or 'none'": self.consolidation in {"pssm", "kmer", "none"},
            "curve_passes must not be negative": self.curve_passes >= 0,
            "second_consolidation must be at least 1": self.second_consolidation is None
            or self.second_consolidation >= 1,
            "min_cluster_correlation must lie in [-1, 1]": -1 <= self.min_cluster_correlation <= 1,
            "min_bits must not be negative": self.min_bits >= 0,
            "min_residual_r2 must lie in [0, 1)": 0 <= self.min_residual_r2 < 1,
            "interactions must be True, False or 'cv'": self.interactions in {True, False, "cv"},
            "pair_penalty must be at least 1": self.pair_penalty >= 1,
            "min_support must be at least 1": self.min_support >= 1,
            "min_anchor_coefficient must not be negative": self.min_anchor_coefficient >= 0,
            "max_interactions must be at least 1": self.max_interactions is None or self.max_interactions >= 1,
            "min_interaction_correlation must lie in [0, 1]": 0 <= self.min_interaction_correlation <= 1,
            "interaction_passes must be at least 1": self.interaction_passes >= 1,
            "normalization must be 'reference' or 'paper'": self.normalization in {"reference", "paper"},
            "pseudo_probability must not be negative": self.pseudo_probability >= 0,
        }
        broken = [rule for rule, holds in rules.items() if not holds]
        if broken:
            msg = f"{examples(broken)} (options: {self})."
            raise ValueError(msg)


PUBLISHED_FIT: dict[str, Any] = {"heredity": False, "pair_penalty": 1.0, "min_support": 1, "calibrated": False}
"""What the paper and the R package do, and what this package did before it had these constants."""
_PUBLISHED: dict[str, Any] = {
    "max_screened": 30_000,
    "lambda_": DEFAULT_LAMBDA,
    "selection_lambda": DEFAULT_LAMBDA,
    "curve_passes": 0,
    "interactions": True,
    **PUBLISHED_FIT,
}
_PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "paper": {
        **_PUBLISHED,
        "max_motifs": 50,
        "min_anchor_coefficient": 0.001,
        "normalization": "paper",
    },
    "reference": {**_PUBLISHED, "consolidation": "kmer", "min_anchor_coefficient": 0.01},
}


def _is_penalty(value: object) -> bool:
    return value == "cv" or (isinstance(value, int | float) and value >= 0)
