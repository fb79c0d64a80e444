"""Level 5: products of two terms (METHOD section 6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from iceqream._core.normalization import supported_range
from iceqream._core.response import N_RESPONSES, design, responses, slopes

if TYPE_CHECKING:
    from collections.abc import Sequence

_TOP = 10.0
_BLOCK = 64
"""Pairs whose products are held at once while only numbers of them are wanted."""


@dataclass(frozen=True, eq=False)
class Interactions:
    """Pairs of terms whose product enters the model.

    The value of a pair is the product of two terms' values (0-10), scaled to [0, 1] by stored constants and clipped.
    """

    first: np.ndarray
    """int64, k: position among the model's terms."""
    second: np.ndarray
    """int64, k."""
    low: np.ndarray
    """float64, k: product that is mapped to 0."""
    high: np.ndarray
    """float64, k: product that is mapped to 1."""
    coefficients: np.ndarray
    """float64, k x 1, or k x 4 response functions of ten times the value, logit units."""

    @classmethod
    def none(cls) -> Interactions:
        """Return no interaction at all."""
        nothing = np.array([], dtype=np.int64)
        return cls(nothing, nothing, np.array([]), np.array([]), np.empty((0, 1)))

    @classmethod
    def of(cls, pairs: np.ndarray, values: np.ndarray, *, expand: bool, support: int = 1) -> Interactions:
        """Return pairs (k x 2) with constants from `values` (n x terms) and coefficients of 0.

        `support` rows at least reach either end of the scale of a product.
        """
        ends = [supported_range(_products(values, *pairs[block].T), support) for block in pair_blocks(len(pairs))]
        low, high = (np.concatenate(part) for part in zip(*ends, strict=True))
        return cls(pairs[:, 0], pairs[:, 1], low, high, np.zeros((len(pairs), N_RESPONSES if expand else 1)))

    def __len__(self) -> int:
        return len(self.first)

    def scaled_to(self, values: np.ndarray, support: int) -> Interactions:
        """Return the pairs with constants from `values` (n x terms), as in `of`; the coefficients stay."""
        if len(self) == 0:
            return self
        pairs = np.column_stack([self.first, self.second])
        fresh = Interactions.of(pairs, values, expand=self.expanded, support=support)
        return replace(self, low=fresh.low, high=fresh.high)

    @property
    def expanded(self) -> bool:
        """Whether the values pass through the four response functions."""
        return self.coefficients.shape[1] > 1

    def names(self, terms: Sequence[str] | np.ndarray) -> np.ndarray:
        """Return ``first:second`` for each pair."""
        pairs = zip(self.first, self.second, strict=True)
        return np.array([f"{terms[a]}:{terms[b]}" for a, b in pairs], dtype=object)

    def take(self, keep: np.ndarray) -> Interactions:
        """Return some of the pairs."""
        return Interactions(*(part[keep] for part in vars(self).values()))

    def with_coefficients(self, coefficients: np.ndarray) -> Interactions:
        """Return the pairs with other coefficients."""
        return replace(self, coefficients=coefficients.reshape(self.coefficients.shape))

    def involve(self, term: int) -> np.ndarray:
        """Return which pairs a term takes part in, bool, k."""
        return (self.first == term) | (self.second == term)

    def between(self, terms: np.ndarray) -> np.ndarray:
        """Return the positions of the pairs of which both terms are among `terms` (a mask over all terms)."""
        return np.flatnonzero(terms[self.first] & terms[self.second])

    def without_terms(self, kept: np.ndarray) -> Interactions:
        """Return the pairs of the terms that stay (`kept`: their old positions), with positions among these."""
        position = {int(old): new for new, old in enumerate(kept)}
        keep = np.isin(self.first, kept) & np.isin(self.second, kept)
        left = self.take(np.flatnonzero(keep))
        first, second = ([position[int(i)] for i in part] for part in (left.first, left.second))
        return replace(left, first=np.array(first, dtype=np.int64), second=np.array(second, dtype=np.int64))

    def products(self, terms: np.ndarray) -> np.ndarray:
        """Return the product of each pair's values, float64, n x k, unscaled, from the terms' values (n x terms)."""
        return _products(terms, self.first, self.second)

    def values(self, terms: np.ndarray) -> np.ndarray:
        """Return the value of each pair, float64, n x k, 0-1, from the terms' values (n x terms)."""
        return self._scaled(self.products(terms))

    def columns(self, terms: np.ndarray) -> np.ndarray:
        """Return what enters the regression, n x k or n x (4 k)."""
        values = self.values(terms)
        return design(_TOP * values) if self.expanded else values

    def contributions(self, terms: np.ndarray) -> np.ndarray:
        """Return what each pair adds to the linear predictor, float64, n x k."""
        return self.added_by(self.products(terms))

    def added_by(self, products: np.ndarray) -> np.ndarray:
        """Return what each pair adds to the linear predictor for products of two values, float64, n x k."""
        values = self._scaled(products)
        if self.expanded:
            return np.einsum("nkr,kr->nk", responses(_TOP * values), self.coefficients)
        return values * self.coefficients[:, 0]

    def slopes(self, terms: np.ndarray) -> np.ndarray:
        """Return the derivative of what the pairs add by each term's value, float64, n x terms."""
        out = np.zeros(terms.shape)
        for k in range(len(self)):
            pair = self.take(np.array([k]))
            product, span = pair.products(terms)[:, 0], float(pair.high[0] - pair.low[0])
            if span <= 0:
                continue
            value = (product - pair.low[0]) / span
            if self.expanded:
                by_value = _TOP * slopes(_TOP * value) @ pair.coefficients[0]
            else:
                by_value = np.full(len(terms), pair.coefficients[0, 0])
            by_product = np.where((value > 0) & (value < 1), by_value / span, 0.0)
            first, second = int(pair.first[0]), int(pair.second[0])
            out[:, first] += by_product * terms[:, second]
            out[:, second] += by_product * terms[:, first]
        return out

    def gains(self, products: np.ndarray) -> np.ndarray:
        """Return what each pair adds beyond what it adds where one of its terms is 0, float64, n x k."""
        return self.added_by(products) - self.added_by(np.zeros((1, len(self))))

    def gains_of(self, term: int, values: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Return what the pairs of one term add at other values of it, given the other terms.

        Parameters
        ----------
        term
            Position among the model's terms.
        values
            Values of the term: k for all rows of `others`, or n x k.
        others
            Values of all terms, n x terms.

        Returns
        -------
        float64, n x k, the sum over the pairs; 0 where the value is 0.
        """
        pairs = self.take(np.flatnonzero(self.involve(term)))
        partners = np.where(pairs.first == term, pairs.second, pairs.first)
        products = np.asarray(values, dtype=np.float64)[..., None] * others[:, None, partners]
        shape = products.shape[:2]
        return pairs.gains(products.reshape(shape[0] * shape[1], len(pairs))).sum(axis=1).reshape(shape)

    def _scaled(self, products: np.ndarray) -> np.ndarray:
        span = self.high - self.low
        shifted = products - self.low
        shifted *= np.divide(1.0, span, out=np.zeros_like(span), where=span > 0)
        return np.clip(shifted, 0.0, 1.0, out=shifted)


def pair_blocks(n: int) -> list[np.ndarray]:
    """Return the positions of `n` pairs in blocks whose products may be held at once."""
    return np.array_split(np.arange(n), max(-(-n // _BLOCK), 1))


def _products(values: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return values[:, first].astype(np.float64) * values[:, second]
