"""The whole inference at full size: wall time and peak memory per level.

``python benchmarks/full_size.py SHARED [--peaks 100000] [--library 21862] [--clusters 50]`` where SHARED holds
data/heme16, data/motifs and golden/heme16. The real peaks are drawn with replacement and every tenth base of a copy is
replaced at random, so that no two peaks are alike and the signal stays.
"""

import argparse
import logging
import resource
import time
from pathlib import Path

import numpy as np
from heme16 import load

import iceqream as iq
from iceqream.models import FitOptions

MUTATED = 0.1


class Clock(logging.Handler):
    """Prints what the package logs, with the time since the start and the peak memory."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.began = time.perf_counter()

    def emit(self, record):
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{time.perf_counter() - self.began:7.0f} s {memory:5.2f} GiB  {record.getMessage()}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--peaks", type=int, default=100_000)
    parser.add_argument("--library", type=int, default=21_862)
    parser.add_argument("--clusters", type=int, default=50)
    options = parser.parse_args()
    adata = load(options.shared)
    library = iq.motifs.read(options.shared / "data" / "motifs" / "motif_db_21862.tsv.gz")[: options.library]
    rng = np.random.default_rng(0)
    source = np.flatnonzero(adata.var["open_HSC_Ery"].to_numpy())
    drawn = rng.choice(source, options.peaks)
    codes = adata.varm["sequence"][drawn].copy()
    mutated = rng.random(codes.shape, dtype=np.float32) < MUTATED
    codes[mutated] = rng.integers(0, 4, int(mutated.sum()), dtype=np.uint8)
    dap = (adata["Ery"].layers["ap"] - adata["HSC"].layers["ap"])[0, drawn].astype(float)
    dap = np.clip(dap + rng.normal(0, 0.05, len(dap)), -1, 1)
    # copies of one peak stay on one side of the split
    train = np.isin(drawn, rng.permutation(source)[: round(0.8 * len(source))])
    logger = logging.getLogger("iceqream")
    logger.setLevel(logging.INFO)
    logger.addHandler(Clock())
    logger.info("%d peaks, %d motifs", len(codes), len(library))
    fit = FitOptions.preset("default", max_motifs=options.clusters)
    cpu = time.process_time()
    model = iq.models.fit_trajectory(codes, dap, motifs=library, train=train, options=fit, progress=False)
    logger.info("done; %.0f s of CPU time", time.process_time() - cpu)
    print(model.levels.round(3).to_string())
    print(model.stats)


if __name__ == "__main__":
    main()
