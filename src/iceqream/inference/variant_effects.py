"""What variants do to predictions, and the motifs behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from iceqream.inference.attribution import term_changes
from iceqream.motifs.sites import BestSites, sites_over

if TYPE_CHECKING:
    import pandas as pd

    from iceqream._core.alleles import Alternatives
    from iceqream.models import TrajectoryModel
    from iceqream.motifs.pbm import PBMSet

SHARE = 0.1
"""Of the largest change of a motif: what others need to be listed."""
MOTIF_COLUMNS = (
    "motif", "motif_change", "energy_ref", "energy_alt", "site_ref", "site_alt", "site_start", "site_end", "strand",
    "site",
)  # fmt: skip
_TEXTS = ("motif", "strand", "site")
_NOTHING = 1e-6
"""Changes of the linear predictor below it are none."""


@dataclass(frozen=True, eq=False)
class VariantEffects:
    """Predictions of both alleles of variants, and the motifs that make the difference.

    Parameters
    ----------
    table
        One row per variant, sequence and trajectory, in the order of the variants: id, chrom, pos (1-based, as in VCF),
        ref, alt (as given), peak (its name; empty where the window lies around the variant), offset (bp of the first
        base that differs from the central base of the window), trajectory (of a manifold), dap_ref and dap_alt
        (predicted), effect (their difference), effect_se (where the fit is at hand: its standard error over fits to
        resamples of the training peaks, given motifs and terms), change (of the linear predictor, logit units),
        feature_change (what features other than motifs add to it, such as GC content), and of the motif with the
        largest change: motif,
        motif_change (logit units, with its share of its pairs: `iceqream.inference.attribution.term_changes`),
        energy_ref and energy_alt (of the whole sequence, 0-10, as in `TrajectoryModel.values`), site_ref and site_alt
        (the best window that overlaps the variant: local energy, 0-10, both strands, without the spatial curve),
        site_start, site_end, strand (of the stronger of the two windows; bp, 0-based, half-open, in coordinates of the
        reference: bases that are inserted have the places of those they replace, or of the base before them) and site:
        ``gained``, ``lost``, ``strengthened``, ``weakened``, or empty where neither energy reaches the threshold or
        both are the same. Where no motif changes, motif is empty. Of haplotypes a row is a haplotype and a sequence:
        id, pos, ref and alt of its variants are joined with commas, and offset is that of the one nearest to the
        centre.
    motifs
        The same columns for every motif whose change is at least a tenth of the row's largest, strongest first.
    skipped
        Variants that were left out: id, chrom, pos, ref, alt, reason.
    """

    table: pd.DataFrame
    motifs: pd.DataFrame
    skipped: pd.DataFrame

    def __repr__(self) -> str:
        counts = [f"{n:,} {reason}" for reason, n in self.skipped["reason"].value_counts().items()]
        left = f"; {len(self.skipped):,} skipped ({', '.join(counts)})" if counts else ""
        best = self.table.iloc[int(self.table["effect"].abs().to_numpy().argmax())] if len(self.table) else None
        strongest = "" if best is None else f", strongest {best['id']} ({self._said(best)})"
        n_variants = self.table[["id", "chrom", "pos", "ref", "alt"]].drop_duplicates().shape[0]
        what = "haplotypes" if "haplotype" in self.table else "variants"
        return f"VariantEffects of {n_variants:,} {what}: {len(self.table):,} rows{strongest}{left}"

    @staticmethod
    def _said(row: pd.Series) -> str:
        of = f" in {row['trajectory']}" if "trajectory" in row else ""
        motif = f", {row['motif']}" + (f" site {row['site']}" if row["site"] else "") if row["motif"] else ""
        return f"{row['effect']:+.3f}{of}{motif}"


class SiteChanges(NamedTuple):
    """The best windows over what differs, of both alleles, n x motifs each."""

    before: np.ndarray
    """float32, 0-10."""
    after: np.ndarray
    """float32, 0-10."""
    start: np.ndarray
    """int64: first base of the stronger of the two, from the reference window's first base."""
    end: np.ndarray
    """int64: the base after its last; not after `start` where there is no window."""
    strand: np.ndarray
    """int8: 1 or -1."""

    def take(self, motifs: np.ndarray) -> SiteChanges:
        """Return those of some motifs."""
        return SiteChanges(*(part[:, motifs] for part in self))


def site_changes(
    pbms: PBMSet,
    reference: np.ndarray,
    alternatives: Alternatives,
    row: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
) -> SiteChanges:
    """Return the best windows over the bases that differ between sequences.

    Parameters
    ----------
    pbms
        Motifs.
    reference
        uint8, n x width.
    alternatives
        The same sequences with edits.
    row
        Sequence of each edit, ascending; every sequence has one.
    start, end
        The bases that each edit removes.
    """
    n, width = reference.shape
    inside_start, inside_end = (np.clip(ends, 0, width) for ends in (start, end))
    before = _best_of_rows(sites_over(pbms, reference, row, inside_start, inside_end), row, n)
    after = _best_of_rows(sites_over(pbms, alternatives.codes, row, alternatives.start, alternatives.end), row, n)
    lengths = pbms.motifs.lengths
    first = np.maximum(after.start, 0).astype(np.int64)
    last = np.minimum(first + lengths - 1, width - 1)
    sequence = np.arange(n)[:, None]
    gained = (after.energy > before.energy) | (before.start < 0)
    begins = np.where(gained, alternatives.source[sequence, first], before.start)
    ends = np.where(gained, alternatives.source[sequence, last] + 1, before.start + lengths)
    none = np.where(gained, after.start, before.start) < 0
    return SiteChanges(
        before.energy, after.energy, np.where(none, -1, begins), np.where(none, -1, ends),
        np.where(gained, after.strand, before.strand),
    )  # fmt: skip


def explained(
    model: TrajectoryModel, before: np.ndarray, after: np.ndarray, sites: SiteChanges, min_energy: float
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the columns of `VariantEffects` that say why a prediction changes.

    Parameters
    ----------
    model
        The model.
    before, after
        Terms' values of both alleles, n x terms.
    sites
        Of the model's motifs.
    min_energy
        From which on a window is a site.

    Returns
    -------
    Columns of n rows, with the strongest motif; and columns of the motifs that are listed, with the ``row`` of each
    and ``site_start`` and ``site_end`` relative to the window.
    """
    changes = term_changes(model, before, after)
    of_motifs = changes[:, : len(model.pbms)]
    size = np.abs(of_motifs)
    row = np.arange(len(changes))
    top = size.argmax(axis=1) if len(model.pbms) else np.full(len(changes), -1)
    largest = size[row, top] if len(model.pbms) else np.zeros(len(changes))
    top = np.where(largest >= _NOTHING, top, -1)
    listed, motif = np.nonzero((size >= SHARE * largest[:, None]) & (top >= 0)[:, None])
    order = np.lexsort((-size[listed, motif], listed))
    listed, motif = listed[order], motif[order]
    whole = {"change": changes.sum(axis=1), "feature_change": changes[:, len(model.pbms) :].sum(axis=1)}

    def columns(row: np.ndarray, motif: np.ndarray) -> dict[str, np.ndarray]:
        if len(model.pbms) == 0:
            texts, unknown = np.full(len(row), "", dtype=object), np.full(len(row), np.nan)
            return {name: texts if name in _TEXTS else unknown for name in MOTIF_COLUMNS}
        none = motif < 0
        at = (row, np.maximum(motif, 0))
        nowhere = none | (sites.end[at] <= sites.start[at])
        values = (of_motifs[at], before[at], after[at], sites.before[at], sites.after[at])
        filled = [np.where(none, np.nan, value) for value in values]
        places = [np.where(nowhere, np.nan, place[at]) for place in (sites.start, sites.end)]
        strand = np.where(nowhere, "", np.where(sites.strand[at] > 0, "+", "-")).astype(object)
        site = np.where(none, "", _classes(sites.before[at], sites.after[at], min_energy))
        names = np.append(model.motif_names.astype(object), "")[motif]
        return dict(zip(MOTIF_COLUMNS, (names, *filled, *places, strand, site), strict=True))

    table = whole | columns(row, top)
    return table, {"row": listed, **{name: value[listed] for name, value in whole.items()}, **columns(listed, motif)}


def _classes(before: np.ndarray, after: np.ndarray, least: float) -> np.ndarray:
    was, is_now = before >= least, after >= least
    classes = [~was & is_now, was & ~is_now, was & is_now & (after > before), was & is_now & (after < before)]
    names = [np.array(name, dtype=object) for name in ("gained", "lost", "strengthened", "weakened")]
    return np.select(classes, names, default=np.array("", dtype=object))


def _best_of_rows(sites: BestSites, row: np.ndarray, n: int) -> BestSites:
    """Return the best of a sequence's queries for each motif."""
    if len(row) == n:
        return sites
    taken = []
    for m in range(sites.energy.shape[1]):
        # where there is no window the start is -1
        order = np.lexsort((-sites.start[:, m], -sites.energy[:, m], row))
        taken.append(order[np.searchsorted(row, np.arange(n))])
    best = np.array(taken, dtype=np.int64).T.reshape(n, -1)
    return BestSites(*(np.take_along_axis(part, best, axis=0) for part in sites))
