"""Memory and time of reading a fragments file: ``python benchmarks/fragments.py [--millions 50]``.

A file of random fragments on 23 chromosomes of 100 Mb, 10,000 barcodes in 20 groups, is written to a temporary folder,
gzipped, and read into coverage on disk.
"""

import argparse
import gzip
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import iceqream as iq

CHROMOSOMES, LENGTH, BARCODES, GROUPS = 23, 100_000_000, 10_000, 20


def write(path: Path, n: int, rng: np.random.Generator) -> None:
    names = np.array([f"BC{i:05d}-1" for i in range(BARCODES)], dtype=object)
    # reads gather in 100,000 places per chromosome, as they do in peaks
    with gzip.open(path, "wt", compresslevel=1) as file:
        for c in range(CHROMOSOMES):
            size = n // CHROMOSOMES
            place = rng.integers(0, LENGTH - 2000, 100_000)
            start = np.sort(np.where(rng.random(size) < 0.5, place[rng.integers(0, len(place), size)] +
                                     rng.integers(0, 500, size), rng.integers(0, LENGTH - 2000, size)))  # fmt: skip
            table = pd.DataFrame({"c": f"chr{c + 1}", "s": start, "e": start + rng.integers(40, 600, size),
                                  "b": names[rng.integers(0, BARCODES, size)], "n": 1})  # fmt: skip
            table.to_csv(file, sep="\t", header=False, index=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", type=float, default=50)
    options = parser.parse_args()
    groups = {f"BC{i:05d}-1": f"group{i % GROUPS}" for i in range(BARCODES)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fragments.tsv.gz"
        write(path, int(options.millions * 1e6), np.random.default_rng(0))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        began = time.perf_counter()
        coverage = iq.pp.read_fragments(path, groups, store=Path(folder) / "coverage.zarr")
        seconds = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        size = path.stat().st_size / 2**30
        print(f"{size:.2f} GiB of fragments read in {seconds:.0f} s, peak memory {after:.2f} GiB ({before:.2f} before)")
        print(coverage, f"{coverage.totals().sum():.0f} cut sites")


if __name__ == "__main__":
    main()
