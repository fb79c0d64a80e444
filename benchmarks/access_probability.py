"""Memory and time of access probabilities and TF-IDF of many states.

``python benchmarks/access_probability.py [--method regional] [--states 1000] [--peaks 300000] [--reads 20]``: Poisson
counts of gamma-distributed peaks, `reads` in the mean peak (0.5 makes shallow rows). One method a process, so that the
peak of the resident memory is its own.
"""

import argparse
import resource
import time

import anndata as ad
import numpy as np

import iceqream as iq


def states(n_states, n_peaks, reads):
    rng = np.random.default_rng(0)
    strength = rng.gamma(0.7, 1, n_peaks)
    counts = np.empty((n_states, n_peaks), dtype=np.float32)
    for row in counts:
        row[:] = rng.poisson(strength * reads)
    adata = ad.AnnData(counts)
    adata.var_names = [f"chr1:{1000 * i}-{1000 * i + 500}" for i in range(n_peaks)]
    adata.var["regional_counts"] = rng.gamma(2, 100, n_peaks)
    adata.var["strong"] = strength > np.quantile(strength, 0.95)
    return adata


def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", choices=["regional", "paper", "tfidf"], default="regional")
    parser.add_argument("--states", type=int, default=1000)
    parser.add_argument("--peaks", type=int, default=300_000)
    parser.add_argument("--reads", type=float, default=20.0)
    options = parser.parse_args()
    adata = states(options.states, options.peaks, options.reads)
    before, began, cpu = memory(), time.perf_counter(), time.process_time()
    if options.method == "tfidf":
        iq.pp.tfidf(adata, probability=True, constitutive="strong")
    else:
        given = {"constitutive": "strong"} if options.method == "paper" else {}
        iq.pp.access_probability(adata, method=options.method, **given)
    print(
        f"{options.method}, {options.states} x {options.peaks}: matrix {adata.X.nbytes / 2**30:.2f} GiB, "
        f"{memory() - before:.2f} GiB more at the peak, {time.perf_counter() - began:.1f} s "
        f"({time.process_time() - cpu:.1f} s of processor time)"
    )


if __name__ == "__main__":
    main()
