"""Effects of variants: exactness and speed against two plain predictions.

``python benchmarks/variants.py DATA GENOME [--n 100000]`` where DATA is an h5ad with a fitted model and peaks on the
genome (FASTA), such as heme16 with HSC -> Ery and chromosome 22 of hg38. Peaks of other chromosomes are left out.
"""

import argparse
import time
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd

import iceqream as iq


def drawn(adata: ad.AnnData, genome: iq.Genome, n: int, rng: np.random.Generator, *, indels: bool) -> pd.DataFrame:
    """Variants in peaks, a few of them at the edges."""
    parts = adata.var_names.str.extract(r"^(.+):(\d+)-(\d+)$")
    rows = rng.integers(adata.n_vars, size=n)
    start = parts[1].to_numpy(dtype=np.int64)[rows] + rng.integers(0, 500, n)
    chrom = parts[0].to_numpy(dtype=object)[rows]
    around = genome.sequences(chrom, start, start + 51)
    letters = np.array(list("ACGTN"))
    found = []
    for i in range(n):
        ref = "".join(letters[around[i, : rng.integers(1, 51) if indels and rng.random() < 0.5 else 1]])
        size = int(rng.integers(2, 51)) if indels and len(ref) == 1 else 1
        alt = ref[0] + "".join(rng.choice(letters[:4], size - 1)) if indels else rng.choice(list(set("ACGT") - {ref}))
        found.append((chrom[i], start[i] + 1, ref, alt))
    return pd.DataFrame(found, columns=["chrom", "pos", "ref", "alt"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("genome", type=Path)
    parser.add_argument("--n", type=int, default=100_000)
    options = parser.parse_args()
    adata, genome = ad.read_h5ad(options.data), iq.Genome(options.genome)
    whole, model = adata, iq.get.model(adata)
    adata = adata[:, [name.split(":")[0] in genome.chromosomes for name in adata.var_names]].copy()
    print(model, f"{adata.n_vars} peaks")
    rng = np.random.default_rng(0)
    codes = dict(zip(adata.var_names, adata.varm["sequence"], strict=True))
    for what, indels in (("SNVs", False), ("indels", True)):
        found = iq.tl.variant_effects(adata, drawn(adata, genome, 1000, rng, indels=indels), genome=genome).table
        if not indels:
            first = found["pos"] - 1 - found["peak"].str.extract(r":(\d+)-")[0].astype(int)
            before = np.array([codes[peak] for peak in found["peak"]])
            after = before.copy()
            after[np.arange(len(found)), first] = ["ACGT".index(alt) for alt in found["alt"]]
            error = np.abs(found["effect"] - (model.predict(after) - model.predict(before))).max()
            print(f"{len(found)} {what}: largest difference from two predictions {error:.1e}")
        else:
            # sequences of indels are put together by hand in the tests
            print(f"{len(found)} {what}: strongest {found['effect'].abs().max():.3f}")
    table = drawn(adata, genome, options.n, rng, indels=False)
    indel = rng.random(options.n) < 0.1
    table[indel] = drawn(adata, genome, int(indel.sum()), rng, indels=True).to_numpy()
    iq.tl.variant_effects(adata, table[:100], genome=genome)
    began = time.perf_counter()
    found = iq.tl.variant_effects(adata, table, genome=genome)
    seconds = time.perf_counter() - began
    peaks = np.array([codes[peak] for peak in found.table["peak"]])
    began = time.perf_counter()
    model.predict(peaks)
    model.predict(peaks)
    plain = time.perf_counter() - began
    print(f"{options.n:,} variants, {len(found.table):,} rows: {seconds:.1f} s; two plain predictions of as many "
          f"sequences {plain:.1f} s (ratio {plain / seconds:.2f})")  # fmt: skip
    began = time.perf_counter()
    iq.tl.variant_effects(whole, table, genome=genome, peaks=adata)
    print(f"with standard errors {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
