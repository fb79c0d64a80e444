"""A manifold of blood cells: what one set of motifs does to the prediction of held-out peaks, and what it costs.

``python benchmarks/manifold.py SHARED --states Mono Ery B CD4 GMP-A --splits given 1 2 3 4``

HSC to each state, peaks open in either; a split is shared by all trajectories (``given``, the seed of a random fifth of
all peaks, or ``chr22``). Printed per level: R2 of held-out peaks, mean over trajectories and splits, numbers of motifs,
and the paired difference to the trajectories' own models with the same pairs or without, with its standard error over
splits (corrected for their overlap, Nadeau and Bengio 2003) and over trajectories. ``--motifs`` names a library or a
file. ``--times`` also fits every trajectory by itself and prints both times.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from data_sets import HELD_OUT, load

import iceqream as iq
from iceqream._core.comparison import paired_difference
from iceqream.models import FitOptions

LEVELS = ("own", "own interactions", "homogenized", "full", "refined", "interactions")
_BASE = {"homogenized": "own", "full": "own", "refined": "own", "interactions": "own interactions"}


def masks(split: str, data) -> np.ndarray:
    """Return the training mask over all peaks."""
    if split == "given":
        return data.given
    if split.isdigit():
        n = len(data.dap)
        train = np.ones(n, dtype=bool)
        train[np.random.default_rng(int(split)).permutation(n)[: round(HELD_OUT * n)]] = False
        return train
    return data.chrom != split


def run(shared: Path, states: list[str], split: str, motifs, options: FitOptions, *, alone: bool) -> pd.DataFrame:
    """Fit one manifold; return a row per trajectory and level."""
    data = {state: load(state, shared) for state in states}
    first = data[states[0]]
    train = masks(split, first)
    began = time.perf_counter()
    model = iq.models.fit_manifold(
        first.codes, {state: one.dap for state, one in data.items()}, motifs=motifs, train=train, options=options,
        modelled={state: one.modelled for state, one in data.items()}, progress=False,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    rows = []
    for state in states:
        levels = model[state].levels.set_index("level")
        for level in LEVELS:
            # what a trajectory has no row for did not change it
            at = level if level in levels.index else {"own interactions": "own", "refined": "full"}.get(level)
            row = levels.loc[at] if at is not None else levels.iloc[-1]
            rows.append((split, state, level, row["motifs"], row["r2_test"], row["r2_train"]))
    table = pd.DataFrame(rows, columns=["split", "state", "level", "motifs", "r2_test", "r2_train"])
    single = float("nan")
    if alone:
        began = time.perf_counter()
        for one in data.values():
            iq.models.fit_trajectory(one.codes, one.dap, motifs=motifs, modelled=one.modelled, train=train,
                                     options=options, progress=False)  # fmt: skip
        single = time.perf_counter() - began
    return table.assign(common=len(model.pbms), own=len(model.members), seconds=seconds, seconds_alone=single)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of each level, and its paired difference to the own models."""
    wide = table.pivot_table("r2_test", ["split", "state"], "level")
    out = table.groupby("level")[["r2_test", "r2_train", "motifs"]].mean().loc[list(LEVELS)]
    for level, base in _BASE.items():
        difference = wide[level] - wide[base]
        by_split, by_state = difference.groupby("split").mean(), difference.groupby("state").mean()
        out.loc[level, "difference"] = difference.mean()
        if len(by_split) > 1:
            n = np.ones(len(by_split))
            out.loc[level, "se_splits"] = paired_difference(by_split.to_numpy(), HELD_OUT * n, (1 - HELD_OUT) * n).se
        if len(by_state) > 1:
            out.loc[level, "se_states"] = by_state.std() / np.sqrt(len(by_state))
    return out


def main() -> None:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--states", nargs="+", default=["Mono", "Ery", "B", "CD4", "GMP-A"])
    parser.add_argument("--splits", nargs="+", default=["given"])
    parser.add_argument("--motifs", default="jaspar")
    parser.add_argument("--preset", default="default")
    parser.add_argument("--times", action="store_true")
    options = parser.parse_args()
    named = getattr(iq.motifs, options.motifs, None)
    motifs = named() if named is not None else iq.motifs.read(options.motifs)
    # longer ones leave no room for positions in 500 bp
    motifs = motifs[np.flatnonzero(motifs.lengths <= 440)]
    tables = []
    for split in options.splits:
        constants = FitOptions.preset(options.preset)
        tables.append(run(options.shared, options.states, split, motifs, constants, alone=options.times))
        one = tables[-1]
        final = one[one["level"] == "interactions"].set_index("state")["r2_test"]
        print(f"{split}: {one['own'].iloc[0]} motifs of their own, {one['common'].iloc[0]} common; "
              f"{one['seconds'].iloc[0]:.0f} s, one by one {one['seconds_alone'].iloc[0]:.0f} s; "
              f"{final.round(3).to_dict()}", flush=True)  # fmt: skip
    print(summary(pd.concat(tables)).round(4).to_string())


if __name__ == "__main__":
    main()
