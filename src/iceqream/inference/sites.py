"""What a model says of sites: their response, and the contribution of every base."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iceqream._core.response import responses
from iceqream.motifs.sites import informative_spans, mirrored

if TYPE_CHECKING:
    from iceqream.models import TrajectoryModel
    from iceqream.motifs import MotifSet
    from iceqream.motifs.sites import Sites


SITE_ENERGY = 5.0
"""Local energy, 0-10, from which a window is called a site and its response shown."""


def site_responses(model: TrajectoryModel, motifs: np.ndarray, sites: Sites, values: np.ndarray | None) -> np.ndarray:
    """Return the response to each site, logit units, float64 (`TrajectoryModel.local_contributions`).

    Parameters
    ----------
    model
        The model.
    motifs
        Positions in the model of the motifs that the sites are of.
    sites
        Their windows.
    values
        Terms' values of the sequences, n x terms, which bring the pairs in; ``None`` leaves these out.
    """
    at_zero, out = responses(np.zeros(())), np.zeros(len(sites.start))
    for m, term in enumerate(motifs):
        of = np.flatnonzero(sites.motif == m)
        energy = sites.energy[of].astype(np.float64)
        out[of] = (responses(energy) - at_zero) @ model.coefficients[term]
        if values is not None:
            others = values[sites.sequence[of]]
            out[of] += model.interactions.gains_of(int(term), energy[:, None], others)[:, 0]
    return out


def strongest_apart(sites: Sites, lengths: np.ndarray) -> np.ndarray:
    """Return the positions of sites of which none overlaps a stronger one of the same motif."""
    n = len(sites.start)
    fresh = np.ones(n, dtype=bool)
    fresh[1:] = (np.diff(sites.sequence) != 0) | (np.diff(sites.motif) != 0)
    first = np.flatnonzero(fresh)
    size = np.diff(np.append(first, n))
    keep = np.zeros(n, dtype=bool)
    keep[first[size == 1]] = True
    for begin, many in zip(first[size > 1].tolist(), size[size > 1].tolist(), strict=True):
        length = int(lengths[sites.motif[begin]])
        taken: list[int] = []
        order = begin + np.argsort(-sites.energy[begin : begin + many], kind="stable")
        for i in order.tolist():
            start = int(sites.start[i])
            if all(abs(start - other) >= length for other in taken):
                taken.append(start)
                keep[i] = True
    return np.flatnonzero(keep)


def base_contributions(sites: Sites, response: np.ndarray, motifs: MotifSet, n: int, width: int) -> np.ndarray:
    """Return what covers each base, float64, n x width: every site's response, shared by its informative positions.

    Parameters
    ----------
    sites, response
        Sites of n sequences, and the response to each.
    motifs
        The motifs that the sites are of.
    n, width
        Number and width of the sequences.
    """
    steps = np.zeros((n, width + 1))
    spans = informative_spans(motifs)
    both = [[*span, *mirrored(span, int(size))] for span, size in zip(spans, motifs.lengths, strict=True)]
    first, last, first_reverse, last_reverse = np.array(both, dtype=np.int64).reshape(-1, 4).T[:, sites.motif]
    first, last = np.where(sites.strand > 0, (first, last), (first_reverse, last_reverse))
    share = response / (last - first)
    np.add.at(steps, (sites.sequence, sites.start + first), share)
    np.add.at(steps, (sites.sequence, sites.start + last), -share)
    return np.cumsum(steps, axis=1)[:, :width]
