"""What held-out R2, its interval and its warning are worth.

``python benchmarks/doubt.py SHARED`` where SHARED holds data/heme16 and golden/heme16:

1. calibration of the predictions on held-out peaks (slope of observed on predicted, bias, error over variance, largest
   absolute prediction) on four blood trajectories, simulated peaks and several splits, motifs without effect, largest
   coefficient;
2. how often a permuted dAP gives no warning;
3. how often the interval holds the R2 that the model has on 8,500 simulated peaks that took no part in the fit.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from heme16 import load

import iceqream as iq
from iceqream._core.correlation import r2

ENDS = ("Mono", "Ery", "B", "CD4")


def fit(adata, end, split, rng, library):
    iq.tl.fit_trajectory(
        adata, "HSC", end, motifs=library, peaks=f"open_HSC_{end}", split=split, min_tss_distance=None, rng=rng,
        key_added="model",
    )  # fmt: skip
    return iq.get.model(adata, "model"), adata.varm["model"]


def calibration(adata, library, n_splits: int) -> pd.DataFrame:
    rows = []
    for end in ENDS:
        for k in range(n_splits):
            model, table = fit(adata, end, "split" if k == 0 else 0.2, k, library)
            rows.append({"set": end, "split": k, **scores(model, table)})
    for k in range(n_splits):
        simulated = iq.datasets.simulated_trajectory(n_peaks=4000, rng=k)
        iq.tl.fit_trajectory(simulated, "S1", "S4", motifs=library, min_tss_distance=None, rng=k)
        rows.append({"set": "simulated", "split": k, **scores(iq.get.model(simulated), simulated.varm["iq"])})
    return pd.DataFrame(rows)


def scores(model, table) -> dict[str, float]:
    held_out = (table["split"] == "test").to_numpy()
    dap, pred = (table[name].to_numpy(dtype=float) for name in ("dap", "pred"))
    n = len(model.pbms)
    return {
        "r2": model.stats["r2_test"],
        "low": model.stats["r2_test_low"],
        "high": model.stats["r2_test_high"],
        "r2_train": model.stats["r2_train"],
        "slope": np.cov(pred[held_out], dap[held_out])[0, 1] / pred[held_out].var(ddof=1),
        "bias": (pred - dap)[held_out].mean(),
        "error": ((pred - dap)[held_out] ** 2).mean() / dap[held_out].var(),
        "largest": np.abs(pred).max(),
        "motifs": n,
        "pairs": len(model.interactions),
        "without_effect": int((model.effects[:n] == 0).sum()),
        "largest_coefficient": max(
            np.abs(model.coefficients).max(), np.abs(model.interactions.coefficients).max(initial=0.0)
        ),
    }


def permutations(adata, library, n: int) -> list[str]:
    """Return the held-out R2 of permuted responses that gave no warning."""
    silent = []
    for k in range(n):
        permuted = adata.copy()
        order = np.arange(adata.n_vars)
        rows = np.flatnonzero(adata.var["open_HSC_Mono"])
        order[rows] = np.random.default_rng(k).permutation(rows)
        permuted.layers["ap"] = np.asarray(adata.layers["ap"])[:, order]
        model, _ = fit(permuted, "Mono", "split", k, library)
        if not model.doubt:
            silent.append(model.r2_text)
    return silent


def coverage(n: int) -> tuple[int, float]:
    """Return how many of `n` intervals hold the R2 on the peaks that took no part in the fit, and their mean width."""
    library = iq.datasets.simulated_motifs()
    inside, width = 0, 0.0
    for k in range(n):
        adata = iq.datasets.simulated_trajectory(n_peaks=10_000, rng=k)
        modelled = np.random.default_rng(k).permutation(10_000) < 1500
        iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, peaks=modelled, min_tss_distance=None, rng=k)
        model, table = iq.get.model(adata), adata.varm["iq"][~modelled]
        low, high = model.stats["r2_test_low"], model.stats["r2_test_high"]
        inside += low <= r2(table["pred"].to_numpy(), table["dap"].to_numpy()) <= high
        width += (high - low) / n
    return inside, width


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--permutations", type=int, default=50)
    parser.add_argument("--simulations", type=int, default=100)
    options = parser.parse_args()
    adata, library = load(options.shared), iq.motifs.jaspar()
    if options.splits:
        table = calibration(adata, library, options.splits)
        print(table.round(3).to_string(index=False))
        print(table.drop(columns="split").groupby("set", sort=False).mean().round(3).to_string())
    if options.permutations:
        silent = permutations(adata, library, options.permutations)
        print(f"{options.permutations} permuted responses, {len(silent)} without a warning: {'; '.join(silent)}")
    if options.simulations:
        inside, width = coverage(options.simulations)
        print(f"{inside} of {options.simulations} intervals hold the R2 on new peaks; mean width {width:.3f}")


if __name__ == "__main__":
    main()
