"""What variants do to the accessibility that a model predicts."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from anndata import AnnData

from iceqream import _keys
from iceqream._anndata import is_mudata
from iceqream._core.alleles import Edits, alternative_windows
from iceqream._core.messages import examples
from iceqream._core.threads import threads
from iceqream._progress import progress_bar
from iceqream._stored_models import any_model
from iceqream._variants import check_reference, encoded, joined_skipped, read_variants
from iceqream.genome import Genome
from iceqream.inference.sites import SITE_ENERGY
from iceqream.inference.variant_effects import VariantEffects, explained, site_changes
from iceqream.models import ManifoldModel, TrajectoryModel
from iceqream.models.features import SEQUENCE_FEATURES
from iceqream.tl._resampled_models import DEFAULT_BOOTSTRAPS, resampled_models
from iceqream.tl._variant_windows import Windows, around_variants, placed, windows_of_peaks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from mudata import MuData

    from iceqream.tl._variant_windows import Rows

    Around: TypeAlias = Literal["peak", "variant"]

logger = logging.getLogger(__name__)

_BLOCK = 4096
"""Rows whose sequences are held at once."""
_PLACES = ("site_start", "site_end")


def variant_effects(
    data: AnnData | MuData | TrajectoryModel | ManifoldModel,
    variants: str | PathLike[str] | pd.DataFrame,
    *,
    genome: Genome | str | PathLike[str],
    around: Around | None = None,
    peaks: AnnData | MuData | pd.DataFrame | str | PathLike[str] | None = None,
    features: Mapping[str, Any] | None = None,
    haplotypes: str | None = None,
    min_energy: float = SITE_ENERGY,
    only_passed: bool = False,
    n_bootstraps: int = DEFAULT_BOOTSTRAPS,
    rng: int | np.random.Generator = 0,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
) -> VariantEffects:
    r"""Predict both alleles of variants, and name the motifs that make the difference.

    A variant is scored in the sequence of each peak that it lies in: the model's width around the peak's centre, as it
    was fitted. The effect equals the difference of `TrajectoryModel.predict` of the two sequences. Alternative
    sequences have the same width: what lies between an insertion or deletion and the centre stays where it is relative
    to the centre, and the sequence is cut, or filled up from the genome, at the other end. Beyond the ends of a
    chromosome there is N.

    Parameters
    ----------
    data
        A model, or AnnData or MuData that hold one.
    variants
        SNVs and indels of up to 50 bp.

        - VCF (plain, gzipped, bgzipped) or BCF file (needs ``iceqream[variants]``).
        - BED file (plain or gzipped): chrom, start, end, name, and the alleles either in columns 5 and 6 (ref, alt) or
          in the name, as ``A>G`` or ``A/G``, also behind an identifier (``rs1:A>G``).
        - Table with chrom, pos (1-based, as in VCF) or start (0-based), ref, alt, and optionally id.

        Alternative alleles are separated by commas. In BED files and tables ``-`` is an empty allele; bases are
        inserted before the one at the position then.
    genome
        FASTA, 2bit or `iceqream.Genome`.
    around
        ``"peak"``: the sequences of peaks. ``"variant"``: the model's width around each variant, wherever it lies.
        ``None`` takes peaks where there are any.
    peaks
        Peaks as AnnData, MuData, table with chrom, start and end, or BED file; ``None`` takes those of the data.
    features
        Unscaled values of features that are not computed from sequence, the same for both alleles: one for all, one
        per peak, or with ``around="variant"`` one per record of the variants. Peaks as AnnData bring their own.
    haplotypes
        Variants of one haplotype are put into a sequence together: column of the table that names the haplotype of
        each, or sample of the VCF, whose phased genotypes (``0|1``) give two (phase sets are not looked at). Needs
        peaks.
    min_energy
        Local energy from which on a window is a site, above 0 and up to 10.
    only_passed
        Whether records of a VCF that a filter marks are skipped.
    n_bootstraps
        Fits to resamples of the training peaks from which effects have their standard error; 0 leaves it out. Needs
        data that hold the fit.
    rng
        Seed or generator of the resamples.
    key, trajectory, mod
        Which model, as in `iceqream.get.model`; all trajectories of a manifold, unless one is named.
    n_jobs
        Threads; the result does not depend on it.

    Returns
    -------
    VariantEffects
        ``table``: one row per variant and peak (and trajectory) with dAP of both alleles, the effect with its standard
        error, and the motif behind it with its energies, site, position and strand. ``motifs``: all motifs with a part
        in it. ``skipped``: variants that were left out and why: symbolic or missing alleles, alleles longer than 50 bp
        or with other letters, reference alleles that are not the genome's, positions outside of it, no peak, no phase.
        Nothing is written to the data.

    Raises
    ------
    KeyError
        If there is no model under the key, or no such sample or column of haplotypes.
    ValueError
        If more than 5 % of the reference alleles (10 at least) are not the genome's, or no chromosome is; if the
        sequences of the peaks are not the genome's; if no variant is left; if a feature is missing; if there are
        neither peaks nor windows around variants; or if the variants cannot be read.
    FileNotFoundError
        If a file does not exist.
    TypeError
        If variants or peaks are of no form that is read.
    ImportError
        If pysam is missing.

    Examples
    --------
    >>> import iceqream as iq, pandas as pd
    >>> from iceqream._core.sequence import decode
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> chromosome = decode(adata.varm["sequence"][:1])[0]
    >>> with open("toy.fa", "w") as file:
    ...     _ = file.write(f">chr1\n{chromosome}\n")
    >>> variants = pd.DataFrame({"chrom": "chr1", "pos": [240], "ref": chromosome[239], "alt": ["A,C,G,T"]})
    >>> found = iq.tl.variant_effects(iq.get.model(adata), variants, genome="toy.fa")
    >>> len(found.table), found.skipped["reason"].tolist()
    (3, ['alternative allele is the reference allele'])
    """
    if around not in {None, "peak", "variant"}:
        msg = f"around must be 'peak' or 'variant', got {around!r}."
        raise ValueError(msg)
    if not 0 < min_energy <= 10:
        msg = f"Energies are scaled to 0-10; min_energy lies above 0 and up to 10, got {min_energy!r}."
        raise ValueError(msg)
    if n_bootstraps < 0 or n_bootstraps == 1:
        msg = f"n_bootstraps must be 0, or at least 2, got {n_bootstraps}."
        raise ValueError(msg)
    model = any_model(data, key, trajectory, mod)
    if peaks is None and around != "variant" and (isinstance(data, AnnData) or is_mudata(data)):
        peaks = data
    if peaks is None and (around == "peak" or haplotypes is not None):
        what = (
            "haplotypes are put into the sequences of peaks" if haplotypes is not None else "around='peak' needs peaks"
        )
        msg = f"There are no peaks, and {what}: pass peaks=..., or data instead of a model."
        raise ValueError(msg)
    if peaks is not None and around == "variant":
        msg = "Windows are either those of peaks or around variants: leave out peaks=... or around='variant'."
        raise ValueError(msg)
    genome = genome if isinstance(genome, Genome) else Genome(genome)
    in_peaks = None if peaks is None else windows_of_peaks(peaks, model, mod)
    given = read_variants(variants, only_passed=only_passed, haplotypes=haplotypes)
    known = _features(model, in_peaks, features, given.n_records)
    given = check_reference(given, genome)
    windows, rows, skipped = (
        around_variants(given.table, model.width)
        if in_peaks is None
        else placed(given.table, in_peaks, model.width, together=haplotypes is not None)
    )
    skipped = joined_skipped([given.skipped, skipped])
    if len(rows) == 0:
        reasons = ", ".join(f"{n} {reason}" for reason, n in skipped["reason"].value_counts().items())
        msg = f"No variant is left to be scored: {reasons}."
        if in_peaks is not None and not set(given.table["chrom"]) & set(in_peaks.chrom):
            msg += (
                f" Variants are on {examples(given.table['chrom'].unique())}, peaks on {examples(set(in_peaks.chrom))}."
            )
        raise ValueError(msg)
    record = None if in_peaks is not None else given.table["record"].to_numpy()[rows.first_variant]
    of_rows = {name: value[rows.window if record is None else record] for name, value in known.items()}
    with threads(n_jobs):
        refits = resampled_models(data, model, key, trajectory, mod, n_bootstraps, rng)
        columns, listed = _scored(model, refits, genome, given.table, windows, rows, of_rows, min_energy)
    table = _described(given.table, windows, rows, columns, model, together=haplotypes is not None)
    motifs = _described(given.table, windows, rows, listed, model, together=haplotypes is not None)
    result = VariantEffects(table, motifs, skipped)
    logger.info("%r", result)
    return result


def _features(
    model: TrajectoryModel | ManifoldModel, peaks: Windows | None, given: Mapping[str, Any] | None, n_records: int
) -> dict[str, np.ndarray]:
    """Return the features that are not computed from sequence, of each peak or record."""
    n = n_records if peaks is None else len(peaks.chrom)
    known = {} if peaks is None else dict(peaks.features)
    for name, value in (given or {}).items():
        array = np.asarray(value, dtype=np.float64)
        if array.shape not in {(), (n,)}:
            what = "record of the variants" if peaks is None else "peak"
            msg = f"features[{name!r}] is one value, or one per {what} ({n}); got the shape {array.shape}."
            raise ValueError(msg)
        of_all = np.broadcast_to(array, (n,))
        known[str(name)] = of_all if peaks is None else of_all[peaks.given]
    missing = [str(name) for name in model.features.names if name not in SEQUENCE_FEATURES and name not in known]
    if missing:
        msg = (
            f"The model uses {len(missing)} feature(s) that cannot be computed from sequence: {examples(missing)}. "
            "Pass features={name: value}, or peaks as AnnData that hold them."
        )
        raise ValueError(msg)
    return {name: known[name] for name in map(str, model.features.names) if name in known}


def _scored(
    model: TrajectoryModel | ManifoldModel,
    refits: list[list[TrajectoryModel]],
    genome: Genome,
    table: pd.DataFrame,
    windows: Windows,
    rows: Rows,
    features: dict[str, np.ndarray],
    min_energy: float,
) -> tuple[list[dict[str, np.ndarray]], list[dict[str, np.ndarray]]]:
    """Return the columns of each trajectory: of all rows, in their order, and of the motifs that are listed."""
    models = [model[name] for name in model] if isinstance(model, ManifoldModel) else [model]
    start, inserted = table["start"].to_numpy(), encoded(table["inserted"])
    removed = table["removed"].str.len().to_numpy(dtype=np.int64)
    order = np.argsort(rows.window, kind="stable")  # windows are sorted by place
    parts: list[list[dict[str, np.ndarray]]] = [[] for _ in models]
    motifs: list[list[dict[str, np.ndarray]]] = [[] for _ in models]
    with progress_bar(len(order), "variants", "row") as bar:
        for begin in range(0, len(order), _BLOCK):
            block = order[begin : begin + _BLOCK]
            used, window = np.unique(rows.window[block], return_inverse=True)
            row, variant = rows.members(block)
            margin = int(np.bincount(row, weights=removed[variant]).max())
            low = windows.start[used]
            wide = genome.sequences(windows.chrom[used], low - margin, low + model.width + margin)
            reference = np.ascontiguousarray(wide[:, margin : margin + model.width])
            windows.check(used, reference, genome)
            position = start[variant] - low[window[row]]
            codes, first = _letters(*inserted, variant)
            edits = Edits(row, position, removed[variant], first, codes)
            changed = alternative_windows(wide[window], margin, len(block), edits)
            of_block = {name: value[block] for name, value in features.items()}
            _, one_of = np.unique(window, return_index=True)
            before = model.values(reference, {name: value[one_of] for name, value in of_block.items()})
            after = model.values(changed.codes, of_block)
            sites = site_changes(model.pbms, reference[window], changed, row, position, position + removed[variant])
            for t, one in enumerate(models):
                terms = model.positions(one) if isinstance(model, ManifoldModel) else np.arange(len(one.terms))
                was, becomes = before[:, terms], after[:, terms]
                of_motifs = sites.take(terms[: len(one.pbms)])
                dap = {"dap_ref": one.predict_values(was)[window], "dap_alt": one.predict_values(becomes)}
                dap["effect"] = dap["dap_alt"] - dap["dap_ref"]
                if refits[t]:
                    again = [fit.predict_values(becomes) - fit.predict_values(was)[window] for fit in refits[t]]
                    dap["effect_se"] = np.std(again, axis=0, ddof=1)
                whole, listed = explained(one, was[window], becomes, of_motifs, min_energy)
                at = listed.pop("row")
                parts[t].append(_on_genome(dap | whole, block, low[window]))
                dap_listed = {name: value[at] for name, value in dap.items()}
                motifs[t].append(_on_genome(dap_listed | listed, block[at], low[window[at]]))
            bar.update(len(block))
    return [_joined(part) for part in parts], [_joined(part) for part in motifs]


def _on_genome(columns: dict[str, np.ndarray], row: np.ndarray, origin: np.ndarray) -> dict[str, np.ndarray]:
    """Return columns with the row of each, and their sites' places on the genome."""
    return columns | {name: columns[name] + origin for name in _PLACES} | {"row": row}


def _letters(codes: np.ndarray, first: np.ndarray, variant: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the inserted bases of some variants one after another, and where each begins."""
    size = first[variant + 1] - first[variant]
    begins = np.concatenate([[0], np.cumsum(size)])
    return codes[np.repeat(first[variant] - begins[:-1], size) + np.arange(begins[-1])], begins


def _joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return columns of blocks as one, in the order of the rows."""
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(whole["row"], kind="stable")
    return {name: column[order] for name, column in whole.items()}


def _described(
    table: pd.DataFrame, windows: Windows, rows: Rows, columns: list[dict[str, np.ndarray]],
    model: TrajectoryModel | ManifoldModel, *, together: bool,
) -> pd.DataFrame:  # fmt: skip
    """Return columns of trajectories as a table, with what the rows are of, by row and trajectory."""
    of_rows = rows.described(table, windows, model.width, together=together)
    frames = []
    for t, of_one in enumerate(columns):
        row = of_one.pop("row")
        frame = pd.DataFrame({name: values[row] for name, values in of_rows.items()})
        if isinstance(model, ManifoldModel):
            frame["trajectory"] = model.names[t]
        frame = frame.assign(**of_one)
        for name in _PLACES:
            frame[name] = frame[name].round().astype("Int64")
        frames.append(frame.set_index(row))
    if len(frames) == 1:
        return frames[0].reset_index(drop=True)
    return pd.concat(frames).sort_index(kind="stable").reset_index(drop=True)
