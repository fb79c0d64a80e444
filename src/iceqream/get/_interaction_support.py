"""What peaks say of pairs of motifs, as tables."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._core.false_discovery import false_discovery_rates
from iceqream.get._lineages import stored_answer, texts
from iceqream.inference.interaction_support import FEWEST, GROUPS, ORIENTATIONS, PALINDROME, STRANDS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from anndata import AnnData
    from mudata import MuData

Table = Literal["pairs", "distance", "orientation"]


def interaction_support_df(
    data: AnnData | MuData,
    by: Table = "pairs",
    key: str = _keys.INTERACTION_SUPPORT,
    *,
    mod: str = _keys.ATAC,
) -> pd.DataFrame:
    """Return how the peaks with both motifs of a pair differ from what both motifs do alone.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData.
    by
        ``"pairs"``: one row per pair; ``"distance"``, ``"orientation"``: one row per pair and bin of distances, or
        orientation of the two best sites.
    key
        Key of ``uns`` where `iceqream.tl.interaction_support` wrote.
    mod
        Modality of a MuData that holds the peaks.

    Returns
    -------
    DataFrame. By pairs, the smallest p first:

    first, second, in_model (whether they interact in the model), similarity (of the two motifs, cosine);
    n_both, n_first, n_second, n_neither (peaks where both, one or none is strong), n_shared (peaks where both are
    strong but one place serves both; in no group);
    dap_both, dap_first, dap_second, dap_neither (mean dAP), contrast_dap (both - first - second + neither) and
    contrast_dap_se: negative for two opening motifs as soon as accessibility saturates, no sign of antagonism;
    interaction (the same contrast as a difference of log odds, beside all other terms), interaction_se, interaction_p
    (permutations), interaction_q: positive where both do more (open more, close less) together than alone;
    interaction_plain and interaction_plain_se, the same without the cubic for shared saturation: where it has another
    sign or is small, the interaction rests on that correction;
    ks_first, ks_second (one-sided Kolmogorov-Smirnov p that dAP of both is shifted against that of one alone, on the
    side to which both differ from neither);
    n_sites (peaks with both best sites, apart), n_overlapping (left out: one place serves both);
    distance (bp, such as ``<= 50``: where near and far sites differ most clearly), distance_effect (mean dAP beyond the
    additive model of near sites minus that of far ones), distance_p, distance_q; orientation (one of the four, or
    "same strand"), orientation_effect, orientation_p, orientation_q, likewise; note (why something was not tested).

    q is the false discovery rate (Benjamini and Hochberg) over all pairs tested.

    By distance or orientation: first, second, bin or orientation, n (peaks), dap and dap_se (mean and standard error),
    dap_residual (mean dAP beyond the additive model; its zero is that of all peaks); by distance also ks and ks_p (D
    and p of the one-sided Kolmogorov-Smirnov test of the first bin against this one).

    Raises
    ------
    KeyError
        If there is nothing under the key.
    ValueError
        If there is no such table.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs(decoys=False)
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=6, size_folds=0)
    >>> iq.tl.interaction_support(adata, n_permutations=500)
    >>> iq.get.interaction_support_df(adata, "orientation")["orientation"].unique().tolist()
    ['first before second', 'second before first', 'convergent', 'divergent']
    """
    if by not in get_args(Table):
        msg = f"by must be one of {', '.join(map(repr, get_args(Table)))}, got {by!r}."
        raise ValueError(msg)
    stored = stored_answer(data, key, _keys.INTERACTION_SUPPORT, mod)
    if by == "pairs":
        return _by_pair(stored)
    groups = bins_of(stored) if by == "distance" else list(ORIENTATIONS)
    first, second = _names(stored)
    columns = ("n", "dap", "dap_se", "residual", *(("ks", "ks_p") if by == "distance" else ()))
    return pd.DataFrame(
        {
            "first": np.repeat(first, len(groups)),
            "second": np.repeat(second, len(groups)),
            "bin" if by == "distance" else by: np.tile(np.array(groups, dtype=object), len(first)),
            **{("dap_" if name == "residual" else "") + name: np.asarray(stored[f"{by}_{name}"]).ravel()
               for name in columns},
        }
    )  # fmt: skip


def bins_of(stored: Mapping[str, Any]) -> list[str]:
    """Return the names of the bins of distances, such as ``(0, 20]``."""
    edges = np.concatenate([[0.0], np.asarray(stored["distances"])])
    return [f"({low:g}, {high:g}]" for low, high in pairwise(edges)]


def _names(stored: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    motifs = texts(stored["motif_names"]).to_numpy()
    return motifs[np.asarray(stored["first"])], motifs[np.asarray(stored["second"])]


def _by_pair(stored: Mapping[str, Any]) -> pd.DataFrame:
    first, second = _names(stored)
    n, dap, se = (np.asarray(stored[name]) for name in ("n", "dap", "dap_se"))
    table = {"first": first, "second": second}
    table |= {name: np.asarray(stored[name]) for name in ("in_model", "similarity")}
    table |= {f"n_{group}": n[:, g] for g, group in enumerate(GROUPS)} | {"n_shared": np.asarray(stored["n_aside"])}
    table |= {f"dap_{group}": dap[:, g] for g, group in enumerate(GROUPS)}
    table["contrast_dap"] = dap @ np.array([1.0, -1.0, -1.0, 1.0])
    table["contrast_dap_se"] = np.sqrt((se**2).sum(axis=1))
    for name in ("interaction", "interaction_se", "interaction_p"):
        table[name] = np.asarray(stored[name])
    table["interaction_q"] = false_discovery_rates(table["interaction_p"])
    table |= {"interaction_plain": np.asarray(stored["plain"]), "interaction_plain_se": np.asarray(stored["plain_se"])}
    table |= {name: np.asarray(stored[name]) for name in ("ks_first", "ks_second")}
    table["n_sites"] = np.asarray(stored["orientation_n"]).sum(axis=1)
    table["n_overlapping"] = np.asarray(stored["n_overlapping"])
    within = [f"<= {edge:g}" for edge in np.asarray(stored["distances"])[:-1]]
    for by, groups in (("distance", within), ("orientation", list(STRANDS))):
        best, p = np.asarray(stored[f"{by}_best"]), np.asarray(stored[f"{by}_p"])
        table[by] = np.array(["" if b < 0 else groups[b] for b in best], dtype=object)
        table[f"{by}_effect"] = np.asarray(stored[f"{by}_effect"])
        table[f"{by}_p"], table[f"{by}_q"] = p, false_discovery_rates(p)
    table["note"] = _notes(stored)
    index = pd.Index([f"{a}:{b}" for a, b in zip(first, second, strict=True)], name="interaction")
    return pd.DataFrame(table, index=index).sort_values("interaction_p", kind="stable")


def _notes(stored: Mapping[str, Any]) -> np.ndarray:
    """Return why what was not tested."""
    names = texts(stored["motif_names"])
    palindromic = np.asarray(stored["palindromic"]) > PALINDROME
    notes = []
    for k, pair in enumerate(zip(np.asarray(stored["first"]), np.asarray(stored["second"]), strict=True)):
        reasons = [f"{names[m]} is its own reverse complement: no orientation" for m in pair if palindromic[m]]
        if int(np.asarray(stored["n"])[k, 0]) < FEWEST:
            reasons.insert(0, f"fewer than {FEWEST} peaks with both")
        if np.isnan(np.asarray(stored["distance_p"])[k]):
            reasons.append("too few sites for distances")
        if np.isnan(np.asarray(stored["orientation_p"])[k]) and not palindromic[list(pair)].any():
            reasons.append("too few sites for orientations")
        notes.append("; ".join(reasons))
    return np.array(notes, dtype=object)
