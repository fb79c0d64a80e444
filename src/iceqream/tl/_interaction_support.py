"""Which pairs of motifs do together more or less than both alone, and where their sites lie (fig. 3H-L)."""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING, Literal

import numpy as np

from iceqream import _keys
from iceqream._anndata import get_adata, profiles_at_hand
from iceqream._core.messages import examples
from iceqream._core.pair_contrasts import AdditiveFit
from iceqream._core.response import design
from iceqream._core.threads import threads
from iceqream._stored_models import check_no_model, trajectory_model
from iceqream.inference import interaction_support as _support
from iceqream.models.trajectory import check_has_motifs, motif_positions
from iceqream.motifs.similarity import DEFAULT_PRIOR, DEFAULT_TRIM_BITS, compared
from iceqream.motifs.sites import best_sites
from iceqream.tl._fitted import fitted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from anndata import AnnData
    from mudata import MuData

    from iceqream.models import TrajectoryModel
    from iceqream.tl._fitted import Fitted

    Pairs = Literal["model"] | Iterable[tuple[str, str]] | None

logger = logging.getLogger(__name__)

STRONG = 8.0
_ALL = slice(None)
_SAME = 1e-4
"""Largest difference of dAP between the fit and the layer that is rounding."""
ODDS_OF_ACCESS, ODDS_OF_DAP = "log odds of accessibility", "log odds of dAP scaled to 0-1"


def interaction_support(
    data: AnnData | MuData,
    pairs: Pairs = None,
    *,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    min_energy: float = STRONG,
    distances: Sequence[float] = _support.DEFAULT_DISTANCES,
    n_permutations: int = 10_000,
    key_added: str = _keys.INTERACTION_SUPPORT,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
    rng: int | np.random.Generator = 0,
    copy: bool = False,
) -> AnnData | MuData | None:
    """Ask the peaks whether pairs of motifs interact, and whether distance and orientation of their sites matter.

    Modelled peaks (training and held-out, all weighing the same) are parted by the energies of two motifs: both strong,
    the first alone, the second alone, neither. Three questions are tested, each with a false discovery rate over all
    pairs:

    *Interaction.* What both add beyond both alone, as a difference of log odds of accessibility: in the end state minus
    in the start state. On the scale of dAP itself, both - first - second + neither is negative for nearly any two
    motifs that open (and positive for two that close), because accessibility ends at 1: that difference is in the table
    too (``contrast_dap``), and is no evidence of antagonism. For each state the access probability is fitted to all
    terms of the model without pairs, on the log odds, and through a cubic of their sum, which takes up what saturates
    in all motifs alike, such as estimates that are cut at 1. The null is that the residuals, given the terms and given
    which motifs are strong, do not depend on both being strong: residuals (of both states together) are permuted
    among peaks with similar fitted probabilities, and the contrast divided by its standard error is compared. Where
    the access probabilities of the states are not in the data any more, the log odds are of dAP scaled to 0-1, and
    shared saturation is taken up by the cubic alone (``params["scale"]`` says which). Where nearly all peaks with both
    are open, or closed, the contrast is large with a larger error, although the test may see it. Motifs that are
    modelled badly (several weak sites taken for a strong one) bend the cubic too, and pairs at its upper end then seem
    to interact: the table has the contrast without the cubic beside it, and what agrees in both is the safer finding.

    *Distance.* Among peaks whose best sites of both motifs reach `min_energy`: whether dAP beyond the additive model
    depends on the distance between the sites' centres. What the energies of the two sites and their
    distances from the middle of the peak explain (linearly, of the latter squares as well) is taken out of both first:
    sites that are close to each other are close to the middle, too. The statistic is the largest difference, by its
    error, between near and far sites over all ends of bins; what is left is shuffled among these peaks.

    *Orientation.* The same for the order and the strands of the two sites, each of the four against all others, and the
    same strand against opposite ones; not for motifs that are their own reverse complement.

    Where the two best sites overlap by half of the shorter motif or more (edges below 0.1 bits do not count), one place
    serves both motifs, as alike motifs do. Such peaks are counted and take no part in the group of both, nor in
    distances and orientations.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a fitted model and the sequences.
    pairs
        Pairs of names of motifs; ``"model"``: those that interact in the model; ``None``: all.
    key, trajectory
        Key of the model, and of a manifold the trajectory.
    min_energy
        Energy of a strong motif and of a strong site, above 0 and up to 10.
    distances
        Upper ends of the bins of distances, bp, ascending; the first begins at 0, farther sites are in none.
    n_permutations
        At most; a test ends early where it cannot become significant.
    key_added
        Key of ``uns``.
    mod
        Modality of a MuData that holds the peaks.
    n_jobs
        Threads; the result does not depend on it.
    rng
        Seed or generator of the permutations.
    copy
        Whether to return a changed copy.

    Returns
    -------
    ``None``, or the changed copy. Writes ``uns[key_added]``; `iceqream.get.interaction_support_df` makes tables of it
    and says what each number is.

    Raises
    ------
    KeyError
        If there is no model, sequences or motif of that name.
    ValueError
        If a pair is none of two motifs, the model has fewer than two motifs or no pair of them, or a number makes no
        sense.

    Notes
    -----
    METHOD section 9 and figs. 3H-L of the paper, whose one-sided Kolmogorov-Smirnov tests stand beside. These compare
    distributions of dAP and are significant as well where two motifs merely add up.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs(decoys=False)
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=6, size_folds=0)
    >>> iq.tl.interaction_support(adata, n_permutations=500)
    >>> iq.get.interaction_support_df(adata).columns.tolist()[:2]
    ['first', 'second']
    """
    edges = _checked(min_energy, distances, n_permutations)
    model = trajectory_model(get_adata(data, mod), key, trajectory)
    chosen = _pairs_of(model, pairs)
    check_no_model(data, key_added, mod)
    fit = fitted(data, key, mod, trajectory=trajectory, copy=copy)
    seed = int(np.random.default_rng(rng).integers(2**62))
    with threads(n_jobs):
        strong, places = strong_motifs(fit, min_energy)
        scale, span, responses = _responses(fit)
        columns = design(fit.modelled_values)
        fits = [AdditiveFit.of(sign, y, columns, fit.lambda_) for sign, y in responses]
        motifs = model.pbms.motifs
        likeness = _support.palindromes(motifs)
        found = _support.support(
            chosen, strong, places, fit.peaks.dap, fits, columns, likeness > _support.PALINDROME, edges=edges,
            n_permutations=n_permutations, seed=seed,
        )  # fmt: skip
    trimmed = motifs.trim(DEFAULT_TRIM_BITS)
    alike = compared(trimmed, trimmed, "cosine", "both", DEFAULT_PRIOR)[0]
    for name in ("distance_residual", "distance_effect", "orientation_residual", "orientation_effect"):
        found[name] = span * found[name]
    in_model = {frozenset(pair) for pair in _in_model(model).tolist()}
    fit.adata.uns[key_added] = {
        "kind": _keys.INTERACTION_SUPPORT,
        "motif_names": np.array([str(name) for name in model.motif_names], dtype=object),
        "palindromic": likeness,
        "first": chosen[:, 0],
        "second": chosen[:, 1],
        "in_model": np.array([frozenset(pair) in in_model for pair in chosen.tolist()]),
        "similarity": alike[chosen[:, 0], chosen[:, 1]],
        "distances": edges,
        **found,
        "params": {
            "key": key,
            "trajectory": trajectory or "",
            "min_energy": float(min_energy),
            "n_permutations": int(n_permutations),
            "n_peaks": len(fit.rows),
            "scale": scale,
            "rng": rng if isinstance(rng, int) else -1,
        },
    }
    _say(found, scale)
    return fit.data if copy else None


def strong_motifs(
    fit: Fitted, min_energy: float, motifs: np.ndarray | slice = _ALL
) -> tuple[np.ndarray, _support.SitePlaces]:
    """Return which motifs are strong in each modelled peak (bool, n x motifs), and where their best sites lie."""
    pbms = fit.model.pbms.take(np.arange(len(fit.model.pbms))[motifs])
    strong = fit.modelled_values[:, : len(fit.model.pbms)][:, motifs] >= min_energy
    sites = best_sites(pbms, fit.codes[fit.rows])
    return strong, _support.SitePlaces.of(sites, pbms.motifs, min_energy, pbms.width)


def _checked(min_energy: float, distances: Sequence[float], n_permutations: int) -> np.ndarray:
    if not 0 < min_energy <= 10:
        msg = f"Energies are scaled to 0-10; min_energy lies above 0 and up to 10, got {min_energy!r}."
        raise ValueError(msg)
    edges = np.asarray(distances, dtype=np.float64)
    if edges.ndim != 1 or len(edges) < 2 or not (np.diff(np.concatenate([[0.0], edges])) > 0).all():
        msg = f"distances must be two or more ascending numbers above 0, the upper ends of bins in bp; got {distances}."
        raise ValueError(msg)
    if n_permutations < 1:
        msg = f"n_permutations must be at least 1, got {n_permutations}."
        raise ValueError(msg)
    return edges


def _in_model(model: TrajectoryModel) -> np.ndarray:
    """Return the pairs of motifs that interact in a model, int64, k x 2."""
    pairs = np.column_stack([model.interactions.first, model.interactions.second])
    return np.sort(pairs[(pairs < len(model.pbms)).all(axis=1)], axis=1)


def _pairs_of(model: TrajectoryModel, pairs: Pairs) -> np.ndarray:
    """Return positions of the motifs of each pair, each pair once, int64, k x 2."""
    check_has_motifs(model)
    if pairs is None:
        chosen = np.array(list(itertools.combinations(range(len(model.pbms)), 2)), dtype=np.int64).reshape(-1, 2)
    elif isinstance(pairs, str):
        if pairs != "model":
            msg = f"pairs are 'model', or pairs of names such as [('GATA', 'FOX')]; got {pairs!r}."
            raise ValueError(msg)
        chosen = _in_model(model)
    else:
        given = [(pair,) if isinstance(pair, str) else tuple(pair) for pair in pairs]
        wrong = [pair for pair in given if len(pair) != 2 or pair[0] == pair[1]]
        if wrong:
            msg = f"A pair is two names of motifs, such as ('GATA', 'FOX'); {len(wrong)} are none: {examples(wrong)}."
            raise ValueError(msg)
        positions = motif_positions(model, [name for pair in given for name in pair]).reshape(-1, 2)
        once = {frozenset(pair): pair for pair in reversed(positions.tolist())}
        chosen = np.array(list(reversed(once.values())), dtype=np.int64).reshape(-1, 2)
    if len(chosen) == 0:
        msg = f"There is no pair of motifs to look at: the model has {len(model.pbms)} motif(s)" + (
            " and no interaction between two of them; pairs=None takes all pairs." if pairs == "model" else "."
        )
        raise ValueError(msg)
    return chosen


def _responses(fit: Fitted) -> tuple[str, float, list[tuple[float, np.ndarray]]]:
    """Return the scale of contrasts, what a difference of 1 is in dAP, and the responses with their signs."""
    params = fit.model.params
    groupby = params.get("groupby")
    layer = str(params.get("layer") or _keys.ACCESS_PROBABILITY)
    start, end = profiles_at_hand(fit.adata, fit.model.states, groupby=groupby, layer=layer)
    low, high = fit.peaks.dap_range
    instead = (ODDS_OF_DAP, high - low, [(1.0, fit.peaks.response)])
    if end is None or (start is None and fit.model.states[0] != _keys.CLOSED):
        logger.warning("the access probabilities of %s are not in the data: contrasts are of dAP scaled to 0-1",
                       examples(fit.model.states))  # fmt: skip
        return instead
    signed = [(1.0, end), (-1.0, start)] if start is not None else [(1.0, end)]
    responses = [(sign, profile[fit.rows].astype(np.float64)) for sign, profile in signed]
    dap = np.sum([sign * y for sign, y in responses], axis=0)
    if np.abs(dap - fit.peaks.dap).max() > _SAME:
        logger.warning("dAP of the fit is not that of layer %r: contrasts are of dAP scaled to 0-1", layer)
        return instead
    return ODDS_OF_ACCESS, 1.0, responses


def _say(found: dict[str, np.ndarray], scale: str) -> None:
    few = int(np.isnan(found["interaction_p"]).sum())
    if few:
        logger.info("%d of %d pairs have fewer than %d peaks with both and are not tested", few,
                    len(found["interaction_p"]), _support.FEWEST)  # fmt: skip
    overlapping = int((found["n_overlapping"] > 0).sum())
    if overlapping:
        logger.info("%d pairs have best sites that are one place in some peaks, %d at most: these are left out",
                    overlapping, found["n_overlapping"].max())  # fmt: skip
    logger.info("interactions are differences of %s", scale)
