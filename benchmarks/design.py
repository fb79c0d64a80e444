"""Designed sequences where the truth is known: does the simulation do what the model says?

``python benchmarks/design.py`` fits a simulated trajectory, designs sequences for targets across its range in each way,
and asks the simulation for their true dAP; beside them, random mutations as many.
"""

import time

import numpy as np
from scipy.stats import pearsonr

import iceqream as iq

STARTS, MUTATIONS = 5, 15


def main():
    adata = iq.datasets.simulated_trajectory(n_peaks=4000, rng=0)
    iq.tl.fit_trajectory(adata, "S1", "S4", min_tss_distance=None)
    model = iq.get.model(adata)
    print(model)
    rng = np.random.default_rng(0)
    low, high = np.quantile(model.predict(adata), [0.02, 0.98])
    targets = np.linspace(low, high, 12)
    for method in ("greedy", "beam", "annealing"):
        began = time.perf_counter()
        found = [
            iq.tl.design(adata, target=t, n_mutations=MUTATIONS, n_random=STARTS, method=method, rng=i)
            for i, t in enumerate(targets)
        ]
        seconds = (time.perf_counter() - began) / (len(targets) * STARTS)
        sequences = [text for one in found for text in one.sequences["sequence"]]
        table = np.concatenate([one.sequences[["dap_start", "dap", "reached", "n_mutations"]] for one in found])
        predicted, reached = table[:, 1].astype(float), table[:, 2].astype(bool)
        true = iq.datasets.simulated_dap(adata, sequences)
        starts = [text for one in found for text in one.sequences["start"]]
        changed = iq.datasets.simulated_dap(adata, sequences) - iq.datasets.simulated_dap(adata, starts)
        asked = predicted - table[:, 0].astype(float)
        mutations, off = table[:, 3].astype(float).mean(), np.abs(true - predicted).mean()
        print(
            f"{method}: {reached.mean():.0%} reached, {mutations:.1f} mutations, {seconds:.2f} s each; true and "
            f"predicted dAP r {pearsonr(true, predicted)[0]:.3f}, their changes r {pearsonr(changed, asked)[0]:.3f}, "
            f"true dAP off by {off:.3f} in the mean"
        )
    codes = np.array([np.frombuffer(text.encode(), np.uint8) for text in starts])
    codes = np.searchsorted(np.frombuffer(b"ACGT", np.uint8), codes).astype(np.uint8)
    mutated = codes.copy()
    for row in mutated:
        at = rng.choice(len(row), MUTATIONS, replace=False)
        row[at] = (row[at] + rng.integers(1, 4, MUTATIONS)) % 4
    truly = iq.datasets.simulated_dap(adata, mutated) - iq.datasets.simulated_dap(adata, codes)
    said = model.predict(mutated) - model.predict(codes)
    print(f"{MUTATIONS} random mutations: true dAP changes by {np.abs(truly).mean():.3f} in the mean "
          f"(designs {np.abs(changed).mean():.3f}), r with the prediction {pearsonr(truly, said)[0]:.3f}")  # fmt: skip
    best = iq.tl.design(adata, target="max", n_mutations=MUTATIONS, n_random=STARTS, method="beam")
    true = iq.datasets.simulated_dap(adata, best.sequences["sequence"].tolist())
    print(f"as open as possible: predicted {best.sequences['dap'].mean():.3f}, true {true.mean():.3f}; the highest of "
          f"{adata.n_vars} peaks {iq.datasets.simulated_dap(adata, adata).max():.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
