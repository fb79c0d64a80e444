"""Joint refinement: PSSMs, spatial curves and responses of all motifs, learned together from what the model predicts.

The objective is the model's own: the fractional deviance of the training peaks with an L1 penalty on the coefficients.
In turn, the coefficients are fitted with the motifs as they are (a convex problem, solved to its end), and the motifs
take steps down the gradient of the deviance (Adam, on parts of the peaks) with the coefficients as they are. What keeps
the motifs from learning noise by heart: each PSSM is pulled towards where it started, as if by a number of further
peaks (Kullback-Leibler divergence per position); the curves are smooth and symmetric; few passes are made.

Several responses may share the motifs: each has coefficients of its own, and the deviances are added.
"""

from __future__ import annotations

import copy
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import log_softmax, softmax

from iceqream._core import energy as _energy
from iceqream._core import prego
from iceqream._core.energy import BACKGROUND, SpatialCurves
from iceqream._core.energy_gradient import energy_gradient
from iceqream._core.normalization import TOP, Scheme, energy_range, scale
from iceqream._core.regression import fit_logistic, logistic
from iceqream._core.response import N_RESPONSES, responses, slopes
from iceqream.inference.consolidation import most_informative
from iceqream.inference.design_matrix import columns, penalty_factors
from iceqream.models.interactions import Interactions
from iceqream.motifs import MotifSet
from iceqream.motifs.pbm import PBMSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iceqream._core.regression import LogisticFit
    from iceqream.inference.options import FitOptions
    from iceqream.inference.peaks import ModelledPeaks

logger = logging.getLogger(__name__)

STEPS = 30
"""Steps after motifs joined, at least, and at least one pass through all peaks: many more learn noise (measured on four
contrasts)."""
BATCH = 512
"""Peaks of a step."""
_RATE = 0.05
"""Of the steps, in units of log probability and log weight."""
_MEMORY = (0.9, 0.99)
_LEAST = 1e-8
_SMALLEST_PROBABILITY = 1e-3
"""Of a PSSM at the start, and of a spatial weight relative to 1: a logarithm must exist."""


class JointFit:
    """Motifs and their responses that are learned together.

    Parameters
    ----------
    codes
        Sequences, uint8, n x width.
    response
        float64, n x responses, 0-1.
    weights
        float64, n x responses: 0 where a peak does not count for a response. Peaks that count for one at least are the
        training peaks; they set the 0-10 scale of the energies.
    features
        float32, n x features, 0-10.
    options
        Constants: pssm_pull, curve_smoothness, l1_ratio, normalization, pseudo_probability, min_support, pair_penalty.
    rng
        Generator of the order in which the peaks come.
    """

    def __init__(
        self,
        codes: np.ndarray,
        response: np.ndarray,
        weights: np.ndarray,
        features: np.ndarray,
        *,
        options: FitOptions,
        rng: np.random.Generator,
    ) -> None:
        self.codes, self.response, self.features, self.options, self.rng = codes, response, features, options, rng
        self.weights = weights / weights.sum(axis=0)
        self.training = np.flatnonzero((weights > 0).any(axis=1))
        self.support = options.support(len(self.training))
        self.start, self.bin_size, self.n_bins = prego.spatial_bins(codes.shape[1], None, None)
        self.region = slice(self.start, self.start + self.bin_size * self.n_bins)
        self.names: list[str] = []
        self.lengths = np.empty(0, dtype=np.int64)
        self.prior = np.empty((0, 1, 4))
        """Log probabilities where the motifs started, motifs x longest length x 4."""
        self.logits = np.empty((0, 1, 4))
        self.curves = np.empty((0, self.n_bins))
        """Logarithms of the spatial weights, up to a constant per motif."""
        self.first_curves = self.curves
        self.energy_values = np.empty((len(codes), 0), dtype=np.float32)
        self.low, self.high = np.empty(0), np.empty(0)
        self.pairs = [Interactions.none()] * response.shape[1]
        self.fits: list[LogisticFit] = []
        self._steps = np.empty(0)
        self._moments = [np.zeros_like(part) for part in (self.logits, self.logits, self.curves, self.curves)]

    def __len__(self) -> int:
        return len(self.lengths)

    def copy(self) -> JointFit:
        """Return a fit that can be changed without this one; it draws from the same generator."""
        return copy.copy(self)

    def add(self, motifs: MotifSet, curves: SpatialCurves | None = None) -> None:
        """Let motifs join, with spatial curves on any bins (uniform if ``None``)."""
        matrices = [motifs.matrix(i) for i in range(len(motifs))]
        longest = min(prego.MAX_LENGTH, self.bin_size * self.n_bins)
        n_long = sum(len(matrix) > longest for matrix in matrices)
        if n_long:
            logger.info("%d motif(s) longer than %d bp are cut to their most informative part", n_long, longest)
        matrices = [most_informative(matrix, longest) for matrix in matrices]
        lengths = np.array([len(matrix) for matrix in matrices], dtype=np.int64)
        padded = max(int(lengths.max(initial=1)), self.prior.shape[1])
        new = np.full((len(matrices), padded, 4), BACKGROUND)
        for i, matrix in enumerate(matrices):
            floored = np.maximum(matrix, _SMALLEST_PROBABILITY)
            new[i, : len(matrix)] = floored / floored.sum(axis=1, keepdims=True)
        flat = np.ones((len(matrices), self.n_bins))
        if curves is not None:
            flat = resampled(curves, self.start, self.bin_size, self.n_bins)
        flat = np.maximum(flat / flat.sum(axis=1, keepdims=True), _SMALLEST_PROBABILITY / self.n_bins)
        blank = np.log(BACKGROUND)
        self.names = [*self.names, *map(str, motifs.names)]
        self.lengths = np.concatenate([self.lengths, lengths])
        self.prior = np.concatenate([_longer(self.prior, padded, blank), np.log(new)])
        self.logits = np.concatenate([_longer(self.logits, padded, blank), np.log(new)])
        self.curves = np.concatenate([self.curves, np.log(flat)])
        self._steps = np.concatenate([self._steps, np.zeros(len(matrices))])
        self.first_curves = np.concatenate([self.first_curves, np.log(flat)])
        nothing = np.zeros((len(matrices), padded, 4))
        self._moments = [
            *(np.concatenate([_longer(part, padded, 0.0), nothing]) for part in self._moments[:2]),
            *(np.concatenate([part, np.zeros_like(flat)]) for part in self._moments[2:]),
        ]
        self.rescale()

    @property
    def probabilities(self) -> np.ndarray:
        """PSSMs, float64, motifs x longest length x 4 (0.25 beyond a motif's length)."""
        return softmax(self.logits, axis=2)

    @property
    def spatial(self) -> SpatialCurves:
        """Spatial curves; each sums to 1."""
        return SpatialCurves(softmax(self.curves, axis=1), self.start, self.bin_size)

    @property
    def terms(self) -> np.ndarray:
        """Values of the motifs and features, n x terms, 0-10."""
        return np.hstack([self.energy_values, self.features])

    def pbms(self) -> PBMSet:
        """Return the motifs as they are now, with what they started from."""
        names = np.array(self.names, dtype=object)
        now, first = (MotifSet(names, p, self.lengths) for p in (self.probabilities, np.exp(self.prior)))
        pseudo_probability = self.options.pseudo_probability
        pbms = PBMSet(now, self.spatial, self.low, self.high, self.codes.shape[1], pseudo_probability)
        return pbms.started_from(first, replace(self.spatial, weights=softmax(self.first_curves, axis=1)))

    def energies(self, codes: np.ndarray) -> np.ndarray:
        """Return the energies of sequences, float32, n x motifs, log2."""
        probabilities = _energy.with_pseudo_probability(self.probabilities, self.options.pseudo_probability)
        return _energy.energies(codes, probabilities, self.lengths, spatial=self.spatial)

    def rescale(self) -> None:
        """Compute the energies anew and learn their 0-10 scale, and that of pairs, on the training peaks."""
        energies = self.energies(self.codes)
        scheme: Scheme = self.options.normalization
        self.low, self.high = energy_range(energies[self.training], scheme=scheme, support=self.support)
        self.energy_values = scale(energies, self.low, self.high)
        terms = self.terms[self.training]
        self.pairs = [pairs.scaled_to(terms, self.support) for pairs in self.pairs]

    def refit(self, lambdas: Sequence[float]) -> None:
        """Fit the coefficients of each response with the motifs as they are."""
        terms, fits = self.terms[self.training], []
        for t, (lambda_, pairs) in enumerate(zip(lambdas, self.pairs, strict=True)):
            X = columns(terms, pairs)
            start = self.fits[t] if self.fits and len(self.fits[t].coefficients) == X.shape[1] else None
            fits.append(
                fit_logistic(
                    X,
                    self.response[self.training, t],
                    lambda_=lambda_,
                    l1_ratio=self.options.l1_ratio,
                    weights=self.weights[self.training, t],
                    factors=penalty_factors(terms.shape[1], pairs, self.options.pair_penalty),
                    start=start,
                )
            )
        n = N_RESPONSES * terms.shape[1]
        self.fits = fits
        self.pairs = [p.with_coefficients(f.coefficients[n:]) for p, f in zip(self.pairs, fits, strict=True)]

    def linear_predictors(self) -> np.ndarray:
        """Return the linear predictor of each peak and response, float64, n x responses."""
        terms = self.terms
        return np.column_stack(
            [f.linear_predictor(columns(terms, p)) for f, p in zip(self.fits, self.pairs, strict=True)]
        )

    def residuals(self) -> np.ndarray:
        """Return the response less its prediction, float64, n x responses."""
        return self.response - logistic(self.linear_predictors())

    def learn(self, lambdas: Sequence[float], passes: int | None = None) -> None:
        """Take steps through all training peaks, then fit the scale and the coefficients anew; so many times."""
        if len(self) == 0:  # a fold in which no motif varies
            return
        n = len(self.training)
        for _ in range(default_passes(n) if passes is None else passes):
            offsets = self._offsets()
            for rows in np.array_split(self.rng.permutation(self.training), _n_parts(n)):
                self._step(*self.gradient(rows, offsets))
            self.rescale()
            self.refit(lambdas)

    def objective(self, rows: np.ndarray) -> float:
        """Return what `gradient` is the gradient of, with the scale and the coefficients as they are."""
        values = scale(self.energies(self.codes[rows]).astype(np.float64), self.low, self.high)
        terms = np.hstack([values, self.features[rows]])
        eta = np.column_stack(
            [f.linear_predictor(columns(terms, p)) for f, p in zip(self.fits, self.pairs, strict=True)]
        )
        share = len(self.training) / len(rows)
        loss = share * (self.weights[rows] * (np.logaddexp(0.0, eta) - self.response[rows] * eta)).sum()
        divergence = (self.probabilities * (log_softmax(self.logits, axis=2) - self.prior)).sum()
        steps = np.diff(log_softmax(self.curves, axis=1), axis=1)
        pulls = self.options.pssm_pull * divergence + self.options.curve_smoothness * (steps**2).sum() / self.n_bins
        return float(loss + pulls / len(self.training))

    def gradient(self, rows: np.ndarray, offsets: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the derivatives of the objective on some peaks by the logits and by the logarithms of the curves."""
        offsets = self._offsets() if offsets is None else offsets
        n = len(self.training)
        codes, n_motifs = self.codes[rows], len(self)
        energies = self.energies(codes).astype(np.float64)
        values = scale(energies, self.low, self.high)
        span = self.high - self.low
        per_energy = np.divide(TOP, span, out=np.zeros_like(span), where=span > 0)
        inside = (values > 0) & (values < TOP)
        expanded, steep = responses(values), slopes(values)
        terms = np.hstack([values, self.features[rows]])
        by_value = np.zeros_like(values)
        for t, (fit, pairs) in enumerate(zip(self.fits, self.pairs, strict=True)):
            coefficients = fit.coefficients[: N_RESPONSES * n_motifs].reshape(n_motifs, N_RESPONSES)
            eta = offsets[rows, t] + np.einsum("nmr,mr->n", expanded, coefficients)
            slope = np.einsum("nmr,mr->nm", steep, coefficients)
            if len(pairs):
                eta = eta + pairs.contributions(terms).sum(axis=1)
                slope = slope + pairs.slopes(terms)[:, :n_motifs]
            residual = self.weights[rows, t] * (logistic(eta) - self.response[rows, t])
            by_value += n / len(rows) * residual[:, None] * slope
        odds = _energy.with_pseudo_probability(self.probabilities, self.options.pseudo_probability) / BACKGROUND
        by_log_odds, by_log_weights = energy_gradient(
            np.ascontiguousarray(codes[:, self.region]),
            odds,
            self.lengths,
            self.spatial.weights,
            self.bin_size,
            by_value * inside * per_energy,
        )
        return self._by_logits(by_log_odds / odds), self._by_curves(by_log_weights)

    def _by_logits(self, by_odds: np.ndarray) -> np.ndarray:
        probabilities, n = self.probabilities, len(self.training)
        by_probability = by_odds / BACKGROUND / (1 + 4 * self.options.pseudo_probability)
        divergence = log_softmax(self.logits, axis=2) - self.prior
        by_probability += self.options.pssm_pull / n * divergence
        inner = (probabilities * by_probability).sum(axis=2, keepdims=True)
        inside = np.arange(self.logits.shape[1])[None, :] < self.lengths[:, None]
        return probabilities * (by_probability - inner) * inside[:, :, None]

    def _by_curves(self, by_log_weights: np.ndarray) -> np.ndarray:
        weights, n = self.spatial.weights, len(self.training)
        out = by_log_weights - weights * by_log_weights.sum(axis=1, keepdims=True)
        steps = np.diff(self.curves, axis=1) * 2 * self.options.curve_smoothness / self.n_bins / n
        out[:, 1:] += steps
        out[:, :-1] -= steps
        return out

    def _offsets(self) -> np.ndarray:
        """Return what the intercept and the features add, n x responses."""
        first = N_RESPONSES * len(self)
        last = first + N_RESPONSES * self.features.shape[1]
        X = columns(self.features, Interactions.none())
        return np.column_stack([fit.intercept + X @ fit.coefficients[first:last] for fit in self.fits])

    def _step(self, by_logits: np.ndarray, by_curves: np.ndarray) -> None:
        """Move the motifs (Adam); curves stay symmetric."""
        self._steps = self._steps + 1
        by_curves = (by_curves + by_curves[:, ::-1]) / 2
        fast, slow = _MEMORY
        mean_logits, square_logits, mean_curves, square_curves = self._moments
        changes = []
        moments = []
        for gradient, mean, square in (
            (by_logits, mean_logits, square_logits),
            (by_curves, mean_curves, square_curves),
        ):
            mean = fast * mean + (1 - fast) * gradient
            square = slow * square + (1 - slow) * gradient**2
            # of each motif from when it joined
            steps = self._steps.reshape(-1, *[1] * (gradient.ndim - 1))
            size = np.sqrt(square / (1 - slow**steps)) + _LEAST
            changes.append(_RATE * mean / (1 - fast**steps) / size)
            moments += [mean, square]
        self.logits, self.curves = self.logits - changes[0], self.curves - changes[1]
        self._moments = moments


def joint_fit(
    codes: np.ndarray,
    features: np.ndarray,
    peaks: ModelledPeaks,
    options: FitOptions,
    rng: np.random.Generator,
    held_out: np.ndarray | None = None,
) -> JointFit:
    """Return a fit without motifs on the training peaks; it does not learn from those at the positions `held_out`."""
    training = np.flatnonzero(peaks.is_train)
    weights = peaks.training_weights[training]
    if held_out is not None:
        weights[held_out] = 0.0
    return JointFit(
        codes[training],
        peaks.response[training, None],
        weights[:, None],
        features[training],
        options=options,
        rng=rng,
    )


def resampled(curves: SpatialCurves, start: int, bin_size: int, n_bins: int) -> np.ndarray:
    """Return spatial curves on other bins: of each the mean weight of its positions, float64, motifs x bins."""
    n_known = curves.weights.shape[1]
    if (curves.start, curves.bin_size, n_known) == (start, bin_size, n_bins):
        return curves.weights
    bins = (start + np.arange(bin_size * n_bins) - curves.start) // curves.bin_size
    inside = (bins >= 0) & (bins < n_known)
    weights = np.where(inside, curves.weights[:, np.clip(bins, 0, n_known - 1)], 0.0)
    return weights.reshape(len(weights), n_bins, bin_size).mean(axis=2)


def default_passes(n_peaks: int) -> int:
    """Return the number of passes through so many peaks that makes `STEPS` steps, one at least."""
    return -(-STEPS // _n_parts(n_peaks))


def _n_parts(n_peaks: int) -> int:
    return max(round(n_peaks / BATCH), 1)


def _longer(array: np.ndarray, length: int, fill: float) -> np.ndarray:
    """Return motifs x positions x 4 with more positions."""
    return np.pad(array, ((0, 0), (0, length - array.shape[1]), (0, 0)), constant_values=fill)
