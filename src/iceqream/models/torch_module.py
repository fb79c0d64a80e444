"""The torch module of a model; imported only where torch is wanted (`iceqream.models.to_torch`)."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from iceqream._core.energy import BACKGROUND, with_pseudo_probability
from iceqream._core.messages import examples
from iceqream._core.normalization import TOP
from iceqream.models.features import SEQUENCE_FEATURES
from iceqream.models.manifold import ManifoldModel

if TYPE_CHECKING:
    from iceqream.models.features import FeatureScaling
    from iceqream.models.trajectory import TrajectoryModel
    from iceqream.motifs.pbm import PBMSet

_NEVER = -1e4
"""Logarithm of the weight of a window that does not count: finite, so that no gradient is NaN."""
_MARGIN_BITS = 40.0
"""How far below the lowest energy of the scale all windows with a letter of probability 0 stay together."""
_BLOCK = 2**25
"""Window scores that are held at once."""
_CACHED_BLOCK = 2**21
"""The same on a processor without gradients: what stays in its cache is twice as fast."""


class TorchModel(torch.nn.Module):
    """Predicted dAP of one-hot sequences; made and described by `iceqream.models.to_torch`."""

    def __init__(self, model: TrajectoryModel | ManifoldModel, constants: np.ndarray | None = None) -> None:
        super().__init__()
        if isinstance(model, ManifoldModel):
            heads = {name: Head(one, model.positions(one)) for name, one in model.trajectories.items()}
        else:
            heads = {" -> ".join(model.states): Head(model, np.arange(len(model.terms)))}
        self.width = model.width
        self.outputs = tuple(heads)
        self.terms = tuple(map(str, model.terms))
        self.energies = Energies(model.pbms)
        self.features = Features(model.features, constants)
        self.feature_names = self.features.given
        self.heads = torch.nn.ModuleList(heads.values())

    def forward(self, sequences: torch.Tensor, features: torch.Tensor | None = None) -> torch.Tensor:
        """Return the predicted dAP, n x outputs."""
        values = self.values(sequences, features)
        return torch.stack([head(values) for head in self.heads], dim=1)

    def values(self, sequences: torch.Tensor, features: torch.Tensor | None = None) -> torch.Tensor:
        """Return the normalised energies and scaled features, n x terms, 0-10."""
        if sequences.ndim != 3 or sequences.shape[1] != 4:
            msg = f"Sequences must be one-hot, n x 4 x {self.width}, got the shape {tuple(sequences.shape)}."
            raise ValueError(msg)
        if sequences.shape[2] < self.width:
            msg = (
                f"The sequences have {sequences.shape[2]} bp, not the {self.width} bp that are needed. Pad them with "
                "columns of zeros (N)."
            )
            raise ValueError(msg)
        left = (sequences.shape[2] - self.width) // 2
        known = sequences[:, :, left : left + self.width].to(self.energies.low.dtype)
        return torch.cat([self.energies(known), self.features(known, features)], dim=1)


class Energies(torch.nn.Module):
    """Normalised energies of one-hot sequences, n x motifs.

    The convolution's weights are log odds against 1/4, so that a column of zeros (N) and the positions behind a short
    motif's end add nothing; the 1/4 of each position comes in with the bias.
    """

    def __init__(self, pbms: PBMSet) -> None:
        super().__init__()
        # the package's own errors for motifs that do not fit into the curve, and curves that do not into the sequence
        pbms.energies(np.full((1, pbms.width), 4, dtype=np.uint8))
        self.start, self.stop, self.mode = pbms.spatial.start, pbms.spatial.stop, pbms.mode
        lengths = np.asarray(pbms.motifs.lengths, dtype=np.int64)
        slope = _slope(pbms.energy_low, pbms.energy_high)
        low = np.where(slope > 0, pbms.energy_low, 0.0)
        _keep(self, low=low, slope=slope)
        if len(pbms):
            # the longest motif starts wherever the shortest does, which is masked by its weights
            self.padding = int(lengths.max() - lengths.min())
            weight, bias = _window_weights(pbms, lengths, low)
            _keep(self, weight=weight, bias=bias)

    def forward(self, sequences: torch.Tensor) -> torch.Tensor:
        """Return the energies on the scale of 0-10."""
        if len(self.low) == 0:
            return sequences.new_empty((len(sequences), 0))
        inside = functional.pad(sequences[:, :, self.start : self.stop], (0, self.padding))
        with_gradient = torch.is_grad_enabled() and inside.requires_grad
        at_once = _CACHED_BLOCK if inside.device.type == "cpu" and not with_gradient else _BLOCK
        size = max(at_once // self.bias.numel(), 1)
        if len(inside) <= size:
            energies = self.of_block(inside)
        elif with_gradient:
            energies = torch.cat([checkpoint(self.of_block, part, use_reentrant=False) for part in inside.split(size)])
        else:
            energies = torch.cat([self.of_block(part) for part in inside.split(size)])
        return ((energies - self.low) * self.slope).clamp(0.0, TOP)

    def of_block(self, inside: torch.Tensor) -> torch.Tensor:
        """Return the energies in log2 units of a few sequences, cut to the curve's range and padded."""
        scores = window_sums(inside, self.weight) + self.bias
        if self.mode == "max":
            best = scores.amax(dim=2)
            return torch.maximum(*best.chunk(2, dim=1)) / log(2.0)
        return torch.logaddexp(*scores.logsumexp(dim=2).chunk(2, dim=1)) / log(2.0)


class Features(torch.nn.Module):
    """Scaled features of one-hot sequences, n x features."""

    def __init__(self, scaling: FeatureScaling, constants: np.ndarray | None) -> None:
        super().__init__()
        names = [str(name) for name in scaling.names]
        self.given = tuple(name for name in names if name not in SEQUENCE_FEATURES)
        self.from_sequence = len(self.given) < len(names)
        columns = (*SEQUENCE_FEATURES, *self.given)
        slope = _slope(scaling.low, scaling.high)
        _keep(self, low=np.where(slope > 0, scaling.low, 0.0), slope=slope, constants=constants)
        self.register_buffer("columns", torch.tensor([columns.index(name) for name in names], dtype=torch.int64))

    def forward(self, sequences: torch.Tensor, features: torch.Tensor | None) -> torch.Tensor:
        """Return the features on the scale of 0-10."""
        n = len(sequences)
        if self.from_sequence:
            composition = composition_of(sequences)
        else:
            composition = sequences.new_zeros((n, len(SEQUENCE_FEATURES)))
        raw = torch.cat([composition, self.given_values(n, features)], dim=1)[:, self.columns]
        return ((raw - self.low) * self.slope).clamp(0.0, TOP)

    def given_values(self, n: int, features: torch.Tensor | None) -> torch.Tensor:
        """Return the unscaled values of the features that are not computed from sequence, n x k."""
        k = len(self.given)
        if features is not None:
            if features.shape != (n, k):
                of_which = f" ({examples(self.given)})" if k else ""
                msg = f"The features must be {n} sequences x {k}{of_which}, got the shape {tuple(features.shape)}."
                raise ValueError(msg)
            return features.to(self.low)
        if self.constants is not None:
            return self.constants.expand(n, k)
        if k:
            msg = (
                f"The model uses {k} feature(s) that cannot be computed from sequence: {examples(self.given)}. Pass "
                f"their unscaled values as module(sequences, values), {n} x {k}, or constants as "
                "to_torch(model, features={name: value})."
            )
            raise ValueError(msg)
        return self.low.new_empty((n, 0))


class Head(torch.nn.Module):
    """Predicted dAP of one trajectory from the values of all terms, n."""

    def __init__(self, model: TrajectoryModel, positions: np.ndarray) -> None:
        super().__init__()
        pairs = model.interactions
        self.expanded = pairs.expanded
        least, most = model.probability_range
        span = model.dap_range[1] - model.dap_range[0]
        stretch = span / (most - least) if most > least else 0.0
        _keep(
            self,
            coefficients=model.coefficients,
            intercept=np.array(model.intercept),
            pair_low=pairs.low,
            pair_slope=_slope(pairs.low, pairs.high, top=1.0),
            pair_coefficients=pairs.coefficients,
            probability_low=np.array(least),
            stretch=np.array(stretch),
            dap_low=np.array(model.dap_range[0]),
        )
        for name, index in (("positions", positions), ("first", positions[pairs.first]),
                            ("second", positions[pairs.second])):  # fmt: skip
            self.register_buffer(name, torch.as_tensor(index, dtype=torch.int64))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return the predicted dAP."""
        own = responses(values[:, self.positions]) * self.coefficients
        products = values[:, self.first] * values[:, self.second]
        shared = ((products - self.pair_low) * self.pair_slope).clamp(0.0, 1.0)
        expanded = responses(TOP * shared) if self.expanded else shared[..., None]
        eta = self.intercept + own.sum(dim=(1, 2)) + (expanded * self.pair_coefficients).sum(dim=(1, 2))
        return (torch.sigmoid(eta) - self.probability_low) * self.stretch + self.dap_low


def window_sums(sequences: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the sum of the weights (columns x 4 x length) of each window's letters, n x columns x starts.

    A GPU convolves with factors of 11 bits unless it is told not to, and then again in the backward pass, when nobody
    can tell it any more; its matrix products are exact in float32. On a processor the convolution is faster.
    """
    if sequences.device.type == "cpu":
        return functional.conv1d(sequences, weight)
    return matrix_window_sums(sequences, weight)


def matrix_window_sums(sequences: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return what `window_sums` does, by one matrix product."""
    windows = functional.unfold(sequences[:, :, None], (1, weight.shape[2]))
    return weight.flatten(1) @ windows


def composition_of(sequences: torch.Tensor) -> torch.Tensor:
    """Return GC content and the 16 dinucleotide frequencies, unscaled, n x 17; without N, 0 where all is N."""
    letters = sequences.sum(dim=2)
    gc = (letters[:, 1] + letters[:, 2]) / letters.sum(dim=1).clamp(min=1.0)
    pairs = (sequences[:, :, :-1] @ sequences[:, :, 1:].transpose(1, 2)).flatten(1)
    return torch.cat([gc[:, None], pairs / pairs.sum(dim=1, keepdim=True).clamp(min=1.0)], dim=1)


def responses(values: torch.Tensor) -> torch.Tensor:
    """Return the four response functions (`iceqream.models.RESPONSES`) along a new last axis."""
    steps = [
        2.0 * torch.sigmoid(0.5 * values) - 1.0,
        2.0 * torch.sigmoid(0.5 * (values - 10.0)),
        2.0 * torch.sigmoid(values - 10.0),
        torch.sigmoid(values - 5.0),
    ]
    return torch.stack(steps, dim=-1)


def _keep(module: torch.nn.Module, **arrays: np.ndarray | None) -> None:
    """Register arrays as float32 buffers; ``None`` as none."""
    for name, array in arrays.items():
        module.register_buffer(name, None if array is None else torch.tensor(np.asarray(array), dtype=torch.float32))


def _slope(low: np.ndarray, high: np.ndarray, top: float = TOP) -> np.ndarray:
    """Return what a scale from 0 to `top` multiplies by, 0 where its ends are one."""
    span = np.asarray(high, dtype=np.float64) - low
    return np.divide(top, span, out=np.zeros_like(span), where=span > 0)


def _window_weights(pbms: PBMSet, lengths: np.ndarray, low: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of letters (2 motifs x 4 x longest) and of windows (2 motifs x starts), natural logarithms.

    The forward strand of all motifs comes first, then the reverse; a motif begins at its window's first base on either.
    """
    n, longest = len(lengths), int(lengths.max())
    curves = pbms.spatial
    starts = np.arange(curves.stop - curves.start - int(lengths.min()) + 1)
    with np.errstate(divide="ignore"):
        curve = np.log(curves.weights)[:, starts // curves.bin_size]
        log_odds = np.log(with_pseudo_probability(pbms.motifs.pssm, pbms.pseudo_probability) / BACKGROUND)
    weight = np.zeros((2, n, 4, longest))
    for i, length in enumerate(lengths):
        letters = log_odds[i, :length].copy()
        possible = np.isfinite(letters)
        best = letters.max(axis=1).sum() + np.log(2 * len(starts)) + curve[i].max()
        floor = (low[i] - _MARGIN_BITS) * log(2.0) - best - length * log(BACKGROUND)
        letters[~possible] = min(floor, letters[possible].min())
        weight[0, i, :, :length] = letters.T
        weight[1, i, :, :length] = letters[::-1, ::-1].T
    fits = starts <= (curves.stop - curves.start - lengths)[:, None]
    bias = np.maximum(np.where(fits, curve, _NEVER), _NEVER) + (lengths * log(BACKGROUND))[:, None]
    return weight.reshape(2 * n, 4, longest), np.tile(bias, (2, 1))
