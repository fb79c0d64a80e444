"""Sites of 30 motifs in 100,000 peaks, as a table with a BED file and as a bigWig file: seconds.

``python benchmarks/motif_sites.py [--peaks 100000] [--motifs 30]``
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from anndata import AnnData

import iceqream as iq
from iceqream.models.features import FeatureScaling


def data(n_peaks, n_motifs, rng):
    """Peaks with the sequences of the simulation, each mutated anew, and a model whose coefficients are drawn."""
    codes = iq.datasets.simulated_trajectory(n_peaks=min(n_peaks, 5000), rng=0).varm["sequence"]
    codes = np.tile(codes, (-(-n_peaks // len(codes)), 1))[:n_peaks].copy()
    changed = rng.random(codes.shape) < 0.1
    codes[changed] = rng.integers(0, 4, int(changed.sum()))
    start = 10_000 + 2_000 * np.arange(n_peaks)
    adata = AnnData(np.zeros((2, n_peaks), dtype=np.float32))
    adata.var_names = [f"chr1:{s}-{s + 500}" for s in start]
    adata.varm["sequence"] = codes
    library = iq.datasets.simulated_motifs()[np.arange(n_motifs) % 30]
    pbms = iq.motifs.PBMSet.uniform(library, np.zeros(n_motifs), np.ones(n_motifs), 500).scaled_to(
        codes[:5000], support=50
    )
    model = iq.models.TrajectoryModel(
        pbms, FeatureScaling.none(), rng.normal(0, 0.3, (n_motifs, 4)), 0.0, (0.0, 1.0), (-1.0, 1.0)
    )
    adata.uns["iq"] = model.to_uns()
    return adata


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peaks", type=int, default=100_000)
    parser.add_argument("--motifs", type=int, default=30)
    given = parser.parse_args()
    iq.settings.progress = False
    small = data(500, given.motifs, np.random.default_rng(0))
    with tempfile.TemporaryDirectory() as folder:
        iq.tl.contribution_track(small, Path(folder) / "warm.bw")
        adata = data(given.peaks, given.motifs, np.random.default_rng(0))
        began = time.perf_counter()
        table = iq.tl.motif_sites(adata, save=Path(folder) / "sites.bed")
        print(f"{len(table):,} sites as table and BED: {time.perf_counter() - began:.1f} s")
        began = time.perf_counter()
        iq.tl.contribution_track(adata, Path(folder) / "model.bw")
        size = (Path(folder) / "model.bw").stat().st_size / 1e6
        print(f"bigWig of {size:.0f} MB: {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
