"""Constants of the inference: the one home of their defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from iceqream._core.messages import examples
from iceqream.motifs._energies import DEFAULT_PSEUDO_PROBABILITY

if TYPE_CHECKING:
    from iceqream._core.normalization import Scheme


@dataclass(frozen=True)
class FitOptions:
    """Constants of the inference, with the defaults of METHOD section 6."""

    max_motifs: int = 30
    """Physical binding models at most; fewer than this many motifs at level 1 halve `min_correlation`."""
    min_correlation: float = 0.05
    """Level 1: smallest absolute correlation of energy and dAP."""
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
    normalization: Scheme = "reference"
    """How energies are scaled to 0-10 (METHOD section 3)."""
    pseudo_probability: float = DEFAULT_PSEUDO_PROBABILITY
    """Added to every probability of a PSSM before renormalisation."""

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
            "min_coefficient must not be negative": self.min_coefficient >= 0,
            "lambda_ must be 'cv' or a number that is not negative": _is_penalty(self.lambda_),
            "l1_ratio must lie in [0, 1]": 0 <= self.l1_ratio <= 1,
            "selection_lambda must be 'cv' or a number that is not negative": _is_penalty(self.selection_lambda),
            "consolidation must be 'pssm', 'kmer' or 'none'": self.consolidation in {"pssm", "kmer", "none"},
            "normalization must be 'reference' or 'paper'": self.normalization in {"reference", "paper"},
            "pseudo_probability must not be negative": self.pseudo_probability >= 0,
        }
        broken = [rule for rule, holds in rules.items() if not holds]
        if broken:
            msg = f"{examples(broken)} (options: {self})."
            raise ValueError(msg)


def _is_penalty(value: object) -> bool:
    return value == "cv" or (isinstance(value, int | float) and value >= 0)
