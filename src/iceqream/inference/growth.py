"""A model grows: the motifs that explain best what it leaves unexplained join, and all are refined together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iceqream._core.columns import moments, products

if TYPE_CHECKING:
    from iceqream.inference.refinement import JointFit
    from iceqream.inference.screening import Screen
    from iceqream.motifs import MotifSet

N_TOGETHER = 4
"""Motifs that join at once, before all are refined."""
_MOST_ALIKE = 0.6
"""Absolute correlation of two motifs' energies above which they do not join together: the second would explain what the
first explains."""
_DUPLICATE = 0.9
"""Absolute correlation with a motif of the model above which a candidate is the same motif."""


class Growth:
    """One model that grows.

    Parameters
    ----------
    fit
        The model, without motifs at first.
    library
        All candidates.
    screened
        Those that passed, with their energies.
    rows
        Positions of the fit's peaks among those of the screen.
    """

    def __init__(self, fit: JointFit, library: MotifSet, screened: Screen, rows: np.ndarray) -> None:
        self.fit, self._library, self._screened, self._rows = fit, library, screened, rows
        self._weights = np.zeros(len(screened.held))
        self._weights[rows] = fit.weights.mean(axis=1)
        self._mean, self._sd = moments(screened.held, self._weights)
        self._open = self._sd[screened.columns] > 0

    def extend(self, n: int) -> int:
        """Let up to `n` motifs join whose energies correlate best with the residuals; return how many did."""
        chosen = self._best(n)
        if chosen:
            self.fit.add(self._library[self._screened.motifs[chosen]])
        return len(chosen)

    def _best(self, n: int) -> list[int]:
        residuals = self.fit.residuals() * self.fit.weights
        # a score statistic: squared correlations, each response weighed by its number of peaks
        strength = np.sqrt(sum(self._correlation(r) ** 2 / np.sum(r**2) for r in residuals.T))
        strength[~self._open] = 0.0
        for known in self.fit.energy_values.T:
            strength[np.abs(self._likeness(known)) > _DUPLICATE] = 0.0
        chosen: list[int] = []
        while len(chosen) < n and strength.max(initial=0.0) > 0:
            best = int(strength.argmax())
            chosen.append(best)
            self._open[best] = False
            energies = self._screened.held[self._rows, self._screened.columns[best]]
            strength[np.abs(self._likeness(energies)) > _MOST_ALIKE] = 0.0
            strength[best] = 0.0
        return chosen

    def _correlation(self, weighted: np.ndarray) -> np.ndarray:
        """Return the covariance of each candidate with a weighted vector over its own standard deviation."""
        columns = self._screened.columns
        vector = np.zeros(len(self._screened.held))
        vector[self._rows] = weighted
        raw = products(self._screened.held, vector, columns) - self._mean[columns] * vector.sum()
        sd = self._sd[columns]
        return np.divide(raw, sd, out=np.zeros_like(raw), where=sd > 0)

    def _likeness(self, values: np.ndarray) -> np.ndarray:
        """Return the correlation of each candidate with values of the fit's peaks."""
        share = self._weights[self._rows] / self._weights.sum()
        centred = values.astype(np.float64) - share @ values
        length = np.sqrt(share @ centred**2)
        return self._correlation(share * centred) / length if length > 0 else np.zeros(len(self._open))
