"""Sites embedded in sequences at chosen places, and how far two of them lie apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._anndata import get_adata, sequences_of
from iceqream._core.messages import did_you_mean, examples
from iceqream._core.sequence import decode, encode, reverse_complement
from iceqream._core.threads import threads
from iceqream._stored_models import trajectory_model
from iceqream.inference.attribution import term_changes
from iceqream.models import ManifoldModel, TrajectoryModel
from iceqream.motifs.pbm import codes_of_width
from iceqream.motifs.similarity import DEFAULT_TRIM_BITS
from iceqream.tl._mutation_inputs import mutation_inputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from iceqream._sequences import Sequences
    from iceqream._stored_models import Source

DEFAULT_DISTANCES = (2, 5, 10, 20, 40, 60, 80, 100, 150)
DEFAULT_SEQUENCES = 100
STRANDS = ("++", "+-", "-+", "--")
_DNA = frozenset("ACGTacgt")


def insert_sites(
    data: Source,
    sequences: Sequences | None = None,
    sites: Sequence[tuple[Any, ...]] = (),
    *,
    peaks: Any = None,
    draw: bool = False,
    features: Mapping[str, Any] | None = None,
    rng: int | np.random.Generator = 0,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Write sites into sequences at chosen places and predict them before and after.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a model, or a `iceqream.models.TrajectoryModel`.
    sequences
        Sequences to write into, as `iceqream.models.TrajectoryModel.predict` takes them.
    sites
        (what, position) or (what, position, strand) each: the name of a motif of the model (its consensus, without
        uninformative ends) or DNA; its first base in the sequence of the model's width, 0-based; ``"+"`` or ``"-"``.
        Later ones are written over earlier ones.
    peaks
        Peaks of the data to write into instead, as in `fit_trajectory`.
    draw
        Whether sites of motifs are drawn from their PSSM, another one for each sequence, rather than the consensus.
    features
        Values of features that are not computed from sequence, for `sequences`.
    rng
        Seed or generator of what is drawn.
    key, trajectory, mod
        As in `iceqream.get.model`.
    n_jobs
        Threads; the result does not depend on it.

    Returns
    -------
    DataFrame, one row per sequence (index: its name): sequence (with the sites), dap_before, dap_after, effect (their
    difference), and a column ``change_<motif>`` for each motif that is written: what it adds to the change of the
    linear predictor, logit units.

    Raises
    ------
    KeyError
        If there is no model or peak of that name.
    ValueError
        If a site is neither a motif nor DNA, does not fit into the sequence, or its strand is neither + nor -.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> table = iq.tl.insert_sites(adata, peaks=[0, 1], sites=[("GATA", 240, "+")])
    >>> table["sequence"].iloc[0][240:246] == table["sequence"].iloc[1][240:246]
    True
    """
    model = trajectory_model(data, key, trajectory, mod)
    if len(sites) == 0:
        msg = "No sites were given: sites=[('GATA', 240, '+'), ('TTGCGCAA', 260)]."
        raise ValueError(msg)
    placed = [_site(model, site) for site in sites]
    inputs = mutation_inputs(data, model, peaks, sequences, features, mod=mod)
    generator = np.random.default_rng(rng)
    changed = inputs.codes.copy()
    for what, position, strand in placed:
        write_site(changed, model, what, np.full(len(changed), position), strand, generator if draw else None)
    with threads(n_jobs):
        before, after = (model.values(codes, inputs.features) for codes in (inputs.codes, changed))
    table = pd.DataFrame({"sequence": decode(changed)}, index=pd.Index(inputs.names, name="name"))
    table["dap_before"], table["dap_after"] = model.predict_values(before), model.predict_values(after)
    table["effect"] = table["dap_after"] - table["dap_before"]
    changes, names = term_changes(model, before, after), [str(name) for name in model.motif_names]
    for name in dict.fromkeys(what for what, _, _ in placed if what in names):
        table[f"change_{name}"] = changes[:, names.index(name)]
    return table


def spacing_scan(
    data: Source,
    first: str,
    second: str,
    *,
    distances: Iterable[int] = DEFAULT_DISTANCES,
    strands: Sequence[str] = STRANDS,
    sequences: Sequences | None = None,
    n_sequences: int = DEFAULT_SEQUENCES,
    scale: Literal["logit", "dap"] = "logit",
    features: Mapping[str, Any] | None = None,
    rng: int | np.random.Generator = 0,
    key: str = _keys.MODEL,
    trajectory: str | None = None,
    mod: str = _keys.ATAC,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Predict what two sites do together, at every distance and orientation, in many backgrounds.

    Both are written around the centre of each sequence, the first one to the left. What they do beyond the sum of
    either alone is in the pairs of the model, in energies that add up (two sites of one motif), in sites that arise
    where they touch, and in spatial curves. Pairs of IQ models themselves know neither distance nor orientation:
    whether these matter in the peaks is what `iceqream.tl.interaction_support` asks.

    Parameters
    ----------
    data
        AnnData (states x peaks) or MuData with a model, or a `iceqream.models.TrajectoryModel`.
    first, second
        Names of motifs of the model (their consensus), or DNA.
    distances
        bp between the end of the first and the start of the second, from 0 on.
    strands
        Of the first and the second: ``"++"``, ``"+-"``, ``"-+"``, ``"--"``.
    sequences
        Backgrounds, as `iceqream.models.TrajectoryModel.predict` takes them; ``None`` draws them, with the
        dinucleotides of the data's peaks, or all letters alike where there are no data.
    n_sequences
        Backgrounds that are drawn.
    scale
        ``"logit"``: of the linear predictor; ``"dap"``: of predicted dAP, which saturates.
    features
        Values of features that are not computed from sequence, one per background.
    rng
        Seed or generator of the backgrounds.
    key, trajectory, mod
        As in `iceqream.get.model`.
    n_jobs
        Threads; the result does not depend on it.

    Returns
    -------
    DataFrame, one row per strands and distance: strands, distance (bp), n (backgrounds), effect and effect_se (both
    sites less none: mean over backgrounds and its standard error), first and second (either alone, at the same place),
    beyond and beyond_se (effect less the sum of both).

    Raises
    ------
    KeyError
        If there is no model under the key.
    ValueError
        If a site is neither a motif nor DNA, both do not fit into the sequence, or strands or scale are others.

    Examples
    --------
    >>> import iceqream as iq
    >>> adata = iq.datasets.simulated_trajectory(n_peaks=600, rng=0)
    >>> library = iq.datasets.simulated_motifs()
    >>> iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None, max_motifs=8, size_folds=0)
    >>> iq.tl.spacing_scan(adata, "GATA", "PU.1", distances=[10, 50], strands=["++"], n_sequences=5).shape
    (2, 9)
    """
    model = trajectory_model(data, key, trajectory, mod)
    if scale not in {"logit", "dap"}:
        msg = f"scale must be 'logit' or 'dap', got {scale!r}."
        raise ValueError(msg)
    unknown = [pair for pair in strands if pair not in STRANDS]
    if unknown or len(strands) == 0:
        msg = f"strands are among {', '.join(STRANDS)}; got {examples(unknown) or 'none'}."
        raise ValueError(msg)
    names = [_checked(model, what) for what in (first, second)]
    lengths = [len(_letters(model, what)) for what in names]
    apart = sorted({int(distance) for distance in distances})
    if not apart or apart[0] < 0 or sum(lengths) + apart[-1] > model.width:
        msg = (
            f"Sites of {lengths[0]} and {lengths[1]} bp can lie 0 to {model.width - sum(lengths)} bp apart in "
            f"{model.width} bp; got {examples(apart[:1] + apart[-1:]) or 'no distance'}."
        )
        raise ValueError(msg)
    generator = np.random.default_rng(rng)
    given = _backgrounds(data, model, n_sequences, generator, mod) if sequences is None else sequences
    inputs = mutation_inputs(model, model, None, given, features, mod=mod)
    n, rows = len(inputs.codes), []

    def predicted(written: list[tuple[str, int, str]]) -> np.ndarray:
        codes = inputs.codes.copy()
        for what, position, strand in written:
            write_site(codes, model, what, np.full(n, position), strand, None)
        eta = model.linear_predictor(model.values(codes, inputs.features))
        return model.dap_of(eta) if scale == "dap" else eta

    with threads(n_jobs):
        none = predicted([])
        for pair in strands:
            for distance in apart:
                start = (model.width - sum(lengths) - distance) // 2
                one = (names[0], start, pair[0])
                other = (names[1], start + lengths[0] + distance, pair[1])
                both, alone, second_alone = (predicted(sites) - none for sites in ([one, other], [one], [other]))
                beyond = both - alone - second_alone
                error = [of.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan for of in (both, beyond)]
                rows.append((pair, distance, n, both.mean(), error[0], alone.mean(), second_alone.mean(),
                             beyond.mean(), error[1]))  # fmt: skip
    columns = ["strands", "distance", "n", "effect", "effect_se", "first", "second", "beyond", "beyond_se"]
    return pd.DataFrame(rows, columns=columns)


def write_site(
    codes: np.ndarray,
    model: TrajectoryModel,
    what: str,
    position: np.ndarray,
    strand: str,
    rng: np.random.Generator | None,
) -> None:
    """Write a site into sequences (n x width) at a position each; a generator draws sites of motifs."""
    site = np.repeat(_letters(model, what)[None], len(codes), axis=0)
    if rng is not None and what in [str(name) for name in model.motif_names]:
        pssm = _trimmed(model, what)
        cumulative = np.cumsum(pssm / pssm.sum(axis=1, keepdims=True), axis=1)
        u = rng.random((len(codes), len(pssm), 1))
        site = np.minimum((cumulative[None] < u).sum(axis=2), 3).astype(np.uint8)
    if strand == "-":
        site = reverse_complement(site)
    codes[np.arange(len(codes))[:, None], position[:, None] + np.arange(site.shape[1])] = site


def _site(model: TrajectoryModel, site: tuple[Any, ...]) -> tuple[str, int, str]:
    if isinstance(site, str) or not 2 <= len(site) <= 3:
        msg = f"A site is (motif or DNA, position) or (motif or DNA, position, strand); got {site!r}."
        raise ValueError(msg)
    what, position, strand = _checked(model, str(site[0])), int(site[1]), str(site[2]) if len(site) == 3 else "+"
    if strand not in {"+", "-"}:
        msg = f"The strand of a site is '+' or '-', got {strand!r}."
        raise ValueError(msg)
    length = len(_letters(model, what))
    if position < 0 or position + length > model.width:
        msg = f"{what!r} of {length} bp at position {position} does not lie within the {model.width} bp."
        raise ValueError(msg)
    return what, position, strand


def _checked(model: TrajectoryModel, what: str) -> str:
    names = [str(name) for name in model.motif_names]
    if what not in names and (not what or not _DNA.issuperset(what)):
        msg = f"{what!r} is neither a motif of the model ({examples(names)}) nor DNA.{did_you_mean(what, names)}"
        raise ValueError(msg)
    return what


def _letters(model: TrajectoryModel, what: str) -> np.ndarray:
    """Return the site of a motif (its consensus), or DNA, as codes."""
    if what in [str(name) for name in model.motif_names]:
        return _trimmed(model, what).argmax(axis=1).astype(np.uint8)
    return encode(what)[0]


def _trimmed(model: TrajectoryModel, what: str) -> np.ndarray:
    motif = model.pbms.motifs[[what]].trim(DEFAULT_TRIM_BITS)
    return motif.matrix(0)


def _backgrounds(data: Source, model: TrajectoryModel, n: int, rng: np.random.Generator, mod: str) -> np.ndarray:
    """Draw sequences whose letters follow one another as in the peaks, or at random where there are none."""
    if n < 1:
        msg = f"n_sequences must be at least 1, got {n}."
        raise ValueError(msg)
    if isinstance(data, TrajectoryModel | ManifoldModel) or _keys.SEQUENCE not in get_adata(data, mod).varm:
        return rng.integers(0, 4, (n, model.width)).astype(np.uint8)
    peaks = codes_of_width(sequences_of(get_adata(data, mod)), model.width)
    known = (peaks[:, 1:] < 4) & (peaks[:, :-1] < 4)
    pairs = 4 * peaks[:, :-1][known].astype(np.int64) + peaks[:, 1:][known]
    counts = np.bincount(pairs, minlength=16).reshape(4, 4) + 1.0
    cumulative = np.cumsum(counts / counts.sum(axis=1, keepdims=True), axis=1)
    codes = np.empty((n, model.width), dtype=np.uint8)
    codes[:, 0] = rng.choice(4, p=counts.sum(axis=1) / counts.sum(), size=n)
    for j in range(1, model.width):
        codes[:, j] = np.minimum((cumulative[codes[:, j - 1]] < rng.random((n, 1))).sum(axis=1), 3)
    return codes
