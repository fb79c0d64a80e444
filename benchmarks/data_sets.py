"""The data that defaults are decided on, as arrays, by name, and their splits.

- ``Mono``, or any other population: HSC -> Mono of data/heme16; ``GMP-A:Mono`` another start. Peaks that are open in
  either; the given split is the one of the R reference.
- ``synth``: the artificial genome of golden/synth with the reference's motifs, features and split.
- ``simulated``, ``simulated:N`` or ``simulated:N:SEED``: `iceqream.datasets.simulated_trajectory`, 4,000 peaks and
  seed 0 unless said; no given split.
- ``heart:Fibroblast:Cardiomyocyte``: two cell types of data/heart, chr1:0-10 Mb; no given split.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import anndata as ad
import numpy as np
import pandas as pd

import iceqream as iq
from iceqream._core.messages import did_you_mean
from iceqream._sequences import read_codes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from iceqream.motifs import MotifSet

HELD_OUT = 0.2
_START = "HSC"
_ARTIFICIAL = ("synth", "simulated")


@dataclass(frozen=True, eq=False)
class DataSet:
    """Sequences (uint8, peaks x width) with dAP, and what else a fit is given."""

    name: str
    codes: np.ndarray
    dap: np.ndarray
    chrom: np.ndarray
    modelled: np.ndarray
    given: np.ndarray | None = None
    """Training mask."""
    features: Mapping[str, np.ndarray] = field(default_factory=dict)
    motifs: MotifSet | None = None
    """Its own library; ``None``: JASPAR."""

    def permuted(self, rng) -> DataSet:
        """Return the set with dAP shuffled among the modelled peaks: nothing is left to explain."""
        dap = self.dap.copy()
        dap[self.modelled] = rng.permutation(dap[self.modelled])
        return replace(self, dap=dap)

    def splits(self, wanted: str) -> dict[str, np.ndarray]:
        """Return training masks by name; empty where the set has no such split.

        ``given``; a number, the seed of a random fifth that is held out; ``5-fold``; or chromosomes to hold out
        (``chr22`` or ``chr1,chr2``).
        """
        if wanted == "given":
            return {} if self.given is None else {wanted: self.given}
        rows = np.flatnonzero(self.modelled)
        if wanted.isdigit():
            train = np.ones(len(self.dap), dtype=bool)
            train[np.random.default_rng(int(wanted)).permutation(rows)[: round(HELD_OUT * len(rows))]] = False
            return {wanted: train}
        if wanted.endswith("-fold"):
            k = int(wanted.removesuffix("-fold"))
            fold = np.zeros(len(self.dap), dtype=np.int64)
            fold[np.random.default_rng(0).permutation(rows)] = np.arange(len(rows)) % k
            return {f"{wanted}:{i + 1}": fold != i for i in range(k)}
        train = ~np.isin(self.chrom, wanted.split(","))
        return {wanted: train} if 0 < train[rows].sum() < len(rows) else {}


def load(name: str, shared: Path) -> DataSet:
    """Return a data set by name.

    Raises
    ------
    ValueError
        If there is none of that name; the message lists the names.
    """
    kind, *rest = name.split(":")
    if not _is_name(kind, rest):
        msg = f"There is no data set {name!r}; there are {_names()}."
        raise ValueError(msg + did_you_mean(kind, [*_blood(), *_ARTIFICIAL, "heart"]))
    if kind == "synth":
        return _synth(shared)
    if kind == "simulated":
        n, seed = (int(rest[i]) if len(rest) > i else (4000, 0)[i] for i in range(2))
        adata = iq.datasets.simulated_trajectory(n_peaks=n, rng=seed)
        return _contrast(name, adata, "S1", "S4", np.ones(adata.n_vars, dtype=bool))
    if kind == "heart":
        adata = _heart(shared)
        return _contrast(name, adata, *rest, np.asarray(adata[rest].X.sum(axis=0)).ravel() >= 10)
    adata = _heme16(shared)
    start, end = (kind, *rest) if rest else (_START, kind)
    return _contrast(name, adata, start, end, (adata[[start, end]].X > 0).any(axis=0), adata.var["split"] == "train")


def _is_name(kind: str, rest: list[str]) -> bool:
    if kind == "synth":
        return not rest
    if kind == "simulated":
        return len(rest) <= 2 and all(part.isdigit() for part in rest)
    if kind == "heart":
        return len(rest) == 2
    return {kind, *rest} <= {*_blood(), _START} and len({_START, kind} if not rest else {kind, *rest}) == 2


def _blood() -> list[str]:
    import heme16

    return [state for state in heme16.STATES if state != _START]


def _names() -> str:
    heart = "heart:CELL_TYPE:CELL_TYPE"
    return f"{', '.join(_blood())} (from {_START}; START:END for others), synth, simulated[:N[:SEED]] and {heart}"


def _contrast(name, adata, start, end, modelled, given=None) -> DataSet:
    first, last = (np.asarray(adata[state].layers["ap"], dtype=np.float64).ravel() for state in (start, end))
    chrom = adata.var_names.str.split(r"[:_]", regex=True).str[0].to_numpy()
    given = None if given is None else given.to_numpy()
    return DataSet(name, np.asarray(adata.varm["sequence"]), last - first, chrom, modelled, given)


def _synth(shared: Path) -> DataSet:
    import synth

    sequences, dap, train, features, motifs = synth.load(shared)
    names = pd.read_csv(shared / "golden" / "synth" / "peak_sequences.tsv.gz", sep="\t", usecols=["peak_name"])
    chrom = names["peak_name"].str.split("_").str[0].to_numpy()
    return DataSet("synth", read_codes(sequences), dap, chrom, np.ones(len(dap), dtype=bool), train, features, motifs)


@lru_cache
def _heme16(shared: Path):
    import heme16

    return heme16.load(shared)


@lru_cache
def _heart(shared: Path):
    import heart

    folder = shared / "data" / "heart"
    return heart.with_sequences(heart.pseudobulks(ad.read_h5ad(folder / heart.CELLS, backed="r")), folder)
