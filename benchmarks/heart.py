"""Human heart nuclei: pseudobulks, access probabilities, models, and fragments against the count matrix.

``python benchmarks/heart.py SHARED`` where SHARED holds data/heart. Elements are 400 bp, sequences 500 bp; coverage
around the elements exists on chr1:0-3.157 Mb only, so the regional step is skipped.
"""

import argparse
import resource
import time
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd

import iceqream as iq

CELLS = "heart_lv_cells_x_ccres_chr1_chr2.h5ad"


def pseudobulks(cells: ad.AnnData) -> ad.AnnData:
    """Return counts and access probabilities of the cell types."""
    states = iq.pp.pseudobulk(cells, "broad", min_cells=500)
    iq.pp.access_probability(states)
    return states


def with_sequences(states: ad.AnnData, folder: Path) -> ad.AnnData:
    """Return the elements whose sequences are given (chr1:0-10 Mb), with them."""
    peaks = pd.read_csv(folder / "peaks500_chr1_0_10Mb.tsv.gz", sep="\t").set_index("peak_name")
    small = states[:, states.var_names.isin(peaks.index)].copy()
    iq.pp.sequences(small, sequences=peaks.loc[small.var_names, "sequence"].tolist())
    return small


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    folder = parser.parse_args().shared / "data" / "heart"
    cells = ad.read_h5ad(folder / CELLS, backed="r")
    began = time.perf_counter()
    states = pseudobulks(cells)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{cells.shape} -> {states.shape} in {time.perf_counter() - began:.1f} s, peak memory {memory:.2f} GiB")
    print(states.uns["ap"]["params"], dict(zip(states.obs_names, states.uns["ap"]["factor"].round(2), strict=True)))

    small = with_sequences(states, folder)
    for start, end in (("Fibroblast", "Cardiomyocyte"), ("Endothelial", "Macrophage")):
        both = np.asarray(small[[start, end]].X.sum(axis=0)).ravel() >= 10
        iq.tl.fit_trajectory(small, start, end, peaks=both, min_tss_distance=None, key_added=end)
        print(iq.get.model(small, end))
        print(iq.get.motifs_df(small, end)[["match", "effect", "correlation"]].head(8).round(3).to_string())

    table = cells.obs[["broad"]].dropna()
    inside = states.var_names[(states.var["chrom"] == "chr1") & (states.var["end"] < 3_157_000)]
    chosen = states[:, inside].copy()
    began = time.perf_counter()
    counted = iq.pp.read_fragments(folder / "fragments_chr1_0_3.157Mb.tsv.gz", table["broad"], peaks=chosen)
    counted = counted[chosen.obs_names]
    # copies of mitochondrial sequence: their reads are in the matrix and were taken out of the fragments
    nuclear = ~chosen.var_names.isin(["chr1:633824-634224"])
    for label, kept in (("all elements", slice(None)), ("without chr1:633824-634224", nuclear)):
        x, y = counted.X[:, kept], chosen.X[:, kept]
        r = {name: round(float(np.corrcoef(x[i], y[i])[0, 1]), 3) for i, name in enumerate(chosen.obs_names)}
        total = np.corrcoef(x.sum(axis=0), y.sum(axis=0))[0, 1]
        print(f"fragments against the matrix, {label}: r = {total:.3f}, per type {r}")
    print(f"{time.perf_counter() - began:.1f} s for {len(inside)} elements")


if __name__ == "__main__":
    main()
