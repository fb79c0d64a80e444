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


def by_hand(genome: iq.Genome, row) -> str:
    """Put the alternative sequence of a peak together: what lies between the variant and the centre stays there."""
    start = int(row.peak.split(":")[1].split("-")[0])
    letters = np.array(list("ACGTN"))
    text = "".join(letters[genome.sequences([row.chrom], [start - 100], [start + 600])[0]])
    ref, alt, first = row.ref, row.alt, row.pos - 1 - start + 100
    while ref and alt and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while ref and alt and ref[0] == alt[0]:
        ref, alt, first = ref[1:], alt[1:], first + 1
    last, centre = first + len(ref), 350
    if last <= centre:
        return (text[:first] + alt + text[last:centre])[-250:] + text[centre : centre + 250]
    left = text[centre - 250 : min(first, centre)] + text[centre:first]
    return (left + alt + text[last:])[:500]


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
        before = np.array([codes[peak] for peak in found["peak"]])
        after = [by_hand(genome, row) for row in found.itertuples()]
        error = np.abs(found["effect"] - (model.predict(after) - model.predict(before))).max()
        print(f"{len(found)} {what}: strongest {found['effect'].abs().max():.3f}, largest difference from two "
              f"predictions {error:.1e}")  # fmt: skip
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
