"""Saturation mutagenesis: exactness and speed against predictions of whole sequences; what matters on real blood peaks.

``python benchmarks/mutagenesis.py SHARED [--model ERY.h5ad]`` where SHARED holds data/heme16, data/genome and
golden/heme16. Without a model HSC -> Ery is fitted first.
"""

import argparse
import time
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from heme16 import load
from scipy.stats import ttest_1samp

import iceqream as iq

FAMILIES = ("GATA", "ETS")


def fitted(shared: Path) -> ad.AnnData:
    adata = load(shared)
    iq.tl.fit_trajectory(adata, "HSC", "Ery", motifs=iq.motifs.jaspar(), peaks="open_HSC_Ery", split="split", min_tss_distance=None)  # fmt: skip  # noqa: E501
    return adata


def against_brute_force(adata: ad.AnnData) -> None:
    model, peaks = iq.get.model(adata), np.arange(100)
    codes = adata.varm["sequence"][peaks]
    iq.tl.mutagenesis(adata, peaks[:2])
    began = time.perf_counter()
    found = iq.tl.mutagenesis(adata, peaks)
    exact = time.perf_counter() - began
    rows, positions = np.divmod(np.repeat(np.arange(codes.size), 4), codes.shape[1])
    changed = codes[rows]
    letters = np.tile(np.arange(4), codes.size)
    changed[np.arange(len(rows)), positions] = letters
    other = letters != codes[rows, positions]
    began = time.perf_counter()
    predicted = model.predict(changed[other])
    brute = time.perf_counter() - began
    want = predicted - model.predict(codes)[rows[other]]
    error = np.abs(found.effects[rows[other], letters[other], positions[other]] - want).max()
    print(f"{other.sum():,} substitutions of 100 peaks: {exact:.2f} s, by predictions of whole sequences {brute:.2f} s "
          f"({brute / exact:.1f} x); largest difference {error:.1e}")  # fmt: skip
    began = time.perf_counter()
    iq.tl.dependency_map(adata, 0)
    print(f"dependency map of 500 bp: {time.perf_counter() - began:.2f} s")


def inside_sites(adata: ad.AnnData) -> None:
    """Rank substitutions inside sites of two families in the peaks of chr22."""
    peaks = np.flatnonzero((adata.var_names.str.startswith("chr22:")) & adata.var["open_HSC_Ery"].to_numpy())
    found = iq.tl.mutagenesis(adata, peaks, n_top=20)
    names = [str(name) for name in iq.get.model(adata).motif_names]
    for family in FAMILIES:
        of = [name for name in names if name.split(".")[0] == family]
        part = found.table[found.table["motif"].isin(of) & found.table["site"].isin(["lost", "weakened"])]
        ranked = part.loc[part["effect"].abs().sort_values(ascending=False).index]
        opens = (ranked["effect"] > 0).mean()
        print(f"{family}: {len(ranked)} of the strongest 20 substitutions of {len(peaks)} peaks weaken a site; "
              f"{opens:.0%} of them raise dAP")  # fmt: skip
        columns = ["peak", "start", "ref", "alt", "effect", "motif", "site_ref", "site_alt", "strand"]
        print(ranked[columns].head(5).round(3).to_string(index=False))


def conservation(adata: ad.AnnData, shared: Path, rng: np.random.Generator) -> None:
    """Compare how often bases that matter and others lie in conserved elements, within peaks."""
    elements = pd.read_csv(
        shared / "data" / "genome" / "hg38_gerp_elements_chr1first10Mb.bed.gz", sep="\t", header=None,
        names=["chrom", "start", "end", "p"],
    )  # fmt: skip
    conserved = np.zeros(10_000_000, dtype=bool)
    for start, end in zip(elements["start"], elements["end"], strict=True):
        conserved[start:end] = True
    on = (adata.var_names.str.startswith("chr1:")) & adata.var["open_HSC_Ery"].to_numpy()
    found = iq.tl.mutagenesis(adata, np.flatnonzero(on), n_top=0)
    start = found.places["start"].to_numpy()
    within = conserved[np.minimum(start[:, None] + np.arange(500), len(conserved) - 1)]
    importance = found.importance
    both = within.any(axis=1) & ~within.all(axis=1)
    print(f"{both.sum()} of {len(both)} peaks of chr1:0-10 Mb lie in conserved elements in part")

    def difference(importance: np.ndarray) -> np.ndarray:
        top = importance >= np.quantile(importance, 0.95, axis=1, keepdims=True)
        share = [np.where(mask, within, 0).sum(axis=1) / mask.sum(axis=1) for mask in (top, ~top)]
        return (share[0] - share[1])[both]

    own = difference(importance)
    # the centre of peaks matters more and is conserved more: another peak's profile has that as well
    others = np.mean([difference(importance[rng.permutation(len(importance))]) for _ in range(20)], axis=0)
    for name, values in (("same peak", own), ("beyond another peak's profile", own - others)):
        error = values.std(ddof=1) / np.sqrt(len(values))
        print(f"in conserved elements, the 5 % of bases that matter most less the rest, {name}: "
              f"{values.mean():+.4f} +- {error:.4f}, p {ttest_1samp(values, 0).pvalue:.1e}")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--model", type=Path, help="h5ad of heme16 with a fitted model of HSC -> Ery")
    options = parser.parse_args()
    adata = fitted(options.shared) if options.model is None else ad.read_h5ad(options.model)
    print(iq.get.model(adata))
    against_brute_force(adata)
    began = time.perf_counter()
    table = iq.tl.saturation_summary(adata, "open_HSC_Ery")
    print(f"1,000 peaks in {time.perf_counter() - began:.1f} s\n{table.head(8).round(3).to_string()}")
    inside_sites(adata)
    conservation(adata, options.shared, np.random.default_rng(0))


if __name__ == "__main__":
    main()
