"""One PWM regression (k-mer screen included) against the public Python port pyprego, and how time and memory grow.

``python benchmarks/prego.py SHARED [--grow N]``: golden case s500 (4,270 x 500 bp) and 10,000 real
peaks (heme16, Ery - HSC), the same input for both in one run on free cores; the best of five of ours, of two of theirs.
``--grow`` times ours on bootstrapped and mutated real peaks instead.
"""

import argparse
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

import iceqream as iq
from iceqream._core.correlation import r2
from iceqream._core.sequence import decode, encode

sys.path.insert(0, str(Path(__file__).parent))
from heme16 import load


def timed(function, repeats):
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - began)
    return min(times), result


def compare(name, codes, response):
    strings = decode(codes)
    iq.motifs.regress(codes[:500], response[:500], min_correlation=0.01)  # compile
    for threads in (1, 2):
        seconds, ours = timed(
            lambda threads=threads: iq.motifs.regress(codes, response, n_jobs=threads, min_correlation=0.04), 5
        )
        print(
            f"{name}: {len(codes)} x {codes.shape[1]} bp, {threads} thread(s): {seconds:.3f} s, "
            f"R2 {ours.r2[0, 0]:.4f}, {ours.seeds[0]}"
        )
    strict, greedy = timed(lambda: iq.motifs.regress(codes, response, max_joint_moves=1, min_correlation=0.04), 3)
    print(f"  one move an iteration: {strict:.3f} s, R2 {greedy.r2[0, 0]:.4f}")
    try:
        import pyprego
    except ImportError:
        print("  pyprego is not installed: no comparison")
        return
    theirs, result = timed(
        lambda: pyprego.regress_pwm(
            strings, response, multi_kmers=False, match_with_db=False, kmer_sequence_length=300, min_kmer_cor=0.04
        ),
        2,
    )
    predicted = np.asarray(result.pred)
    print(f"  pyprego: {theirs:.3f} s, R2 {r2(predicted, response):.4f}; ratio {theirs / seconds:.1f}")


def grow(codes, response, n):
    rng = np.random.default_rng(0)
    rows = rng.integers(0, len(codes), n)
    big = codes[rows]
    mutated = rng.random(big.shape) < 0.02
    big[mutated] = rng.integers(0, 4, int(mutated.sum()))
    target = response[rows] + rng.normal(0, 0.02, n)
    iq.motifs.regress(codes[:500], response[:500], min_correlation=0.01)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds, result = timed(lambda: iq.motifs.regress(big, target, min_correlation=0.04), 2)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{n} x {codes.shape[1]} bp: {seconds:.2f} s, {len(result.history)} iterations, R2 {result.r2[0, 0]:.4f}; "
        f"peak memory {peak / 2**20:.2f} GiB ({before / 2**20:.2f} before)"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--grow", type=int, help="number of sequences")
    options = parser.parse_args()
    adata = load(options.shared)
    ap = adata.to_df()
    real, dap = adata.varm["sequence"], (ap.loc["Ery"] - ap.loc["HSC"]).to_numpy(dtype=np.float64)
    if options.grow:
        grow(real, dap, options.grow)
        return
    synth = options.shared / "golden" / "synth"
    peaks = pd.read_csv(synth / "peak_sequences.tsv.gz", sep="\t")
    scores = pd.read_csv(synth / "atac_scores.tsv.gz", sep="\t", index_col=0)
    compare("s500", encode(peaks["seq500"].tolist()), (scores["bin4"] - scores["bin1"]).to_numpy())
    compare("heme16", real[:10_000], dap[:10_000])


if __name__ == "__main__":
    main()
