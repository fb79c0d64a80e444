"""One library out of all motif databases that are installed, without duplicates."""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from iceqream._core.messages import did_you_mean
from iceqream.motifs._motif_set import MotifSet, unique_names
from iceqream.motifs.databases import DEFAULT_RELEASE, hocomoco, jaspar, pyprego
from iceqream.motifs.families import annotate
from iceqream.motifs.libraries import Library, as_motif_set
from iceqream.motifs.similarity import distinct

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

logger = logging.getLogger(__name__)

DEFAULT_MAX_SIMILARITY = 0.99
COLUMNS = ("tf", "symbol", "family", "tf_class", "source", "release", "licence")
Taxa: TypeAlias = tuple[str, ...] | None


class Source(NamedTuple):
    """A database that an installed package holds."""

    read: Callable[[Taxa], MotifSet]
    """Given taxonomic groups, which only JASPAR has."""
    package: str
    release: str
    licence: str
    """Of the motifs, not of the package."""


def _jaspar(taxa: Taxa) -> MotifSet:
    """Return both collections with all versions, the newest version of each matrix first."""
    every = jaspar(taxon=taxa, collection=("CORE", "UNVALIDATED"), all_versions=True)
    parts = every.metadata["matrix_id"].str.split(".", expand=True)
    version = parts[1].astype(int)
    is_old = (version < version.groupby(parts[0]).transform("max")).to_numpy()
    return every[np.argsort(is_old, kind="stable")]


SOURCES = {
    "jaspar": Source(_jaspar, "pyjaspar", DEFAULT_RELEASE, "CC BY 4.0"),
    "hocomoco": Source(lambda _: hocomoco(), "fp-tools-bio", "v14", "WTFPL"),
    "homer": Source(lambda _: pyprego("HOMER"), "pyprego", "", "GPL-3.0, as HOMER"),
    "jolma": Source(lambda _: pyprego("JOLMA"), "pyprego", "2013", "none stated (Jolma et al. 2013, Cell 152:327)"),
    "hocomoco11": Source(lambda _: pyprego("HOCOMOCO"), "pyprego", "v11", "WTFPL"),
}
"""In order of precedence."""


def library(
    sources: str | Library | list[str | Library] | tuple[str | Library, ...] | None = None,
    *,
    taxon: str | Sequence[str] | None = "vertebrates",
    max_similarity: float | None = DEFAULT_MAX_SIMILARITY,
) -> MotifSet:
    """Pool motif databases into one library, without duplicates.

    ============  ==========================================  ==============  ======================
    source        motifs                                      package         licence of the motifs
    ============  ==========================================  ==============  ======================
    jaspar        JASPAR 2026, all collections and versions   comes along     CC BY 4.0
    hocomoco      HOCOMOCO v14 CORE                           fp-tools-bio    WTFPL (free to use)
    homer         HOMER                                       pyprego         GPL-3.0, that of HOMER
    jolma         HT-SELEX, Jolma et al. 2013                 pyprego         none stated
    hocomoco11    HOCOMOCO v11, human and mouse               pyprego         WTFPL (free to use)
    ============  ==========================================  ==============  ======================

    ``pip install --no-deps fp-tools-bio pyprego`` is enough: only their data files are read.

    Parameters
    ----------
    sources
        Names of the table, MotifSets, paths of motif files or dictionaries of matrices, one or several; where motifs
        are alike, the source named first keeps its own. ``None`` is whatever of the table is installed, in its order;
        the log says what that is. Name them where results must not depend on that.
    taxon
        Taxonomic group or groups of JASPAR; ``None`` takes all. Without vertebrates, ``sources=None`` leaves the other
        databases out, which are of human and mouse.
    max_similarity
        A motif more similar than this to one before it is left out (`similarity`, method cosine, either strand; the log
        counts them). ``None`` or 1 keeps all.

    Returns
    -------
    MotifSet
        Names as in the source (repeated ones get a suffix); metadata tf, symbol, family, tf_class, source, release,
        licence, empty where unknown, and what else a source has. The same motifs in the same order every time.

    Raises
    ------
    ImportError
        If a source is named whose package is not installed, with the command that installs it.
    ValueError
        If a source is unknown, none is given, or `max_similarity` is not between 0 and 1.
    TypeError
        If a source is no library.

    Examples
    --------
    >>> import iceqream as iq
    >>> motifs = iq.motifs.library("jaspar", taxon="urochordates", max_similarity=0.95)
    >>> motifs.metadata["licence"].unique().tolist()
    ['CC BY 4.0']
    """
    taxa = (taxon,) if isinstance(taxon, str) else None if taxon is None else tuple(taxon)
    if max_similarity is not None and not 0 <= max_similarity <= 1:
        msg = f"max_similarity must lie between 0 and 1, or be None, got {max_similarity}."
        raise ValueError(msg)
    cut = 1.0 if max_similarity is None else float(max_similarity)
    if sources is None:
        return _of_databases(None, taxa, cut)
    given = list(sources) if isinstance(sources, list | tuple) else [sources]
    if not given:
        msg = f"sources is empty: name some of {', '.join(SOURCES)}, or give libraries."
        raise ValueError(msg)
    for source in given:
        if isinstance(source, str) and source not in SOURCES and not Path(source).exists():
            msg = f"There is no source and no motif file {source!r}. Sources are {', '.join(SOURCES)}."
            raise ValueError(msg + did_you_mean(source, SOURCES))
    if all(isinstance(source, str) and source in SOURCES for source in given):
        return _of_databases(tuple(given), taxa, cut)
    return _pooled([_read(source, taxa) for source in given], cut)


@lru_cache(maxsize=8)
def _of_databases(names: tuple[str, ...] | None, taxa: Taxa, max_similarity: float) -> MotifSet:
    """Pool named sources, or all whose packages are installed."""
    if names is not None:
        return _pooled([_read(name, taxa) for name in names], max_similarity)
    sets, missing = [], []
    for name in SOURCES:
        if name != "jaspar" and taxa is not None and "vertebrates" not in taxa:
            continue
        try:
            sets.append(_read(name, taxa))
        except ImportError:
            missing.append(name)
    if missing:
        packages = " ".join(dict.fromkeys(SOURCES[name].package for name in missing))
        logger.info("library: without %s (pip install --no-deps %s)", ", ".join(missing), packages)
    return _pooled(sets, max_similarity)


def _read(source: str | Library, taxa: Taxa) -> MotifSet:
    """Return the motifs of a source with all of `COLUMNS`, empty where nothing is known."""
    if isinstance(source, str) and source in SOURCES:
        motifs = SOURCES[source].read(taxa)
        known = {"release": SOURCES[source].release, "licence": SOURCES[source].licence}
    else:
        motifs, known = as_motif_set(source), {}
    table = annotate(motifs).metadata
    ours = {column: table[column].fillna("") if column in table else known.get(column, "") for column in COLUMNS}
    others = [column for column in table if column not in COLUMNS]
    return motifs.rename(motifs.names, table.assign(**ours)[[*COLUMNS, *others]])


def _pooled(sets: list[MotifSet], max_similarity: float) -> MotifSet:
    """Join sets whose names may meet and leave out motifs like one before."""
    names = np.array(unique_names([str(name) for motifs in sets for name in motifs.names]), dtype=object)
    ends = np.cumsum([len(motifs) for motifs in sets])[:-1]
    pooled = MotifSet.concat([motifs.rename(own) for motifs, own in zip(sets, np.split(names, ends), strict=True)])
    kept = distinct(pooled, max_similarity)
    for motifs, of_set in zip(sets, np.split(kept, ends), strict=True):
        logger.info("library: %d motifs of %s, %d like one before", len(motifs), _origin(motifs), (~of_set).sum())
    logger.info("library: %d motifs; %d left out, similarity > %g", kept.sum(), (~kept).sum(), max_similarity)
    return pooled[kept]


def _origin(motifs: MotifSet) -> str:
    """Return sources, releases and licences in words."""
    known = motifs.metadata[["source", "release", "licence"]].drop_duplicates().itertuples(index=False)
    texts = []
    for source, release, licence in known:
        title = release if str(source) in str(release) else f"{source} {release}".strip()
        texts.append(f"{title or 'no known source'} ({licence or 'licence unknown'})")
    return ", ".join(texts)
