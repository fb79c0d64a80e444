"""Decide with: paired differences of two or more sets of options or libraries over data sets and splits.

``python benchmarks/compare.py SHARED --sets Mono Ery B CD4 --splits given 1 2 3 4 --other '{"max_motifs": 15}'``

Options are JSON (fields of FitOptions, and ``preset``), libraries ``own`` (JASPAR, or what comes with a data set), the
name of a function of ``iq.motifs`` (``jaspar``, ``pyprego``) or the path of a motif file. The base and each other are
fitted to the same data, splits and seed; ``--other`` and ``--other-motifs`` take several, matched in order. Data sets
and splits are named as in ``data_sets.py``; a split that a set has not (``given`` of simulated peaks, ``chr22`` of
synth) is left out and said. ``--null`` shuffles dAP among the modelled peaks: nothing is to be found.

Errors. A row's difference is the mean over the splits of a data set. Random splits and folds overlap, so its standard
error is corrected, s^2 (1/k + n_test/n_train) (Nadeau and Bengio, Machine Learning 52, 239-281, 2003): without it two
settings look more different than they are. The row ``all`` is the mean over data sets with two errors: ``se`` over all
pairs of set and split, from the errors of the rows (would other splits of these sets say the same?), and ``se_sets``,
standard deviation of the rows' means over the root of their number (would other sets?). The blood contrasts share HSC
and many peaks, so ``se_sets`` takes them for more independent than they are. Held-out chromosomes are another question
than random splits (chr22 is three fifths of the blood peaks): give them in a run of their own.

From Python: ``table = runs(sets, splits, settings)``, ``paired(table, "base", "other", "r2_test")``.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from data_sets import DataSet, load

import iceqream as iq
from iceqream._core.comparison import paired_difference
from iceqream._core.correlation import r2
from iceqream.models import FitOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from iceqream.motifs import MotifSet

METRICS = ("r2_test", "r2_train", "motifs", "seconds", "slope", "error")


@dataclass(frozen=True, eq=False)
class Settings:
    """What is compared: options and a library (``None``: the data set's own)."""

    name: str
    options: FitOptions
    motifs: MotifSet | None = None

    @classmethod
    def parse(cls, name: str, options: str, motifs: str) -> Settings:
        """Return settings from JSON and the name or path of a library."""
        given = json.loads(options)
        return cls(name, FitOptions.preset(given.pop("preset", "default"), **given), library(motifs))


def library(name: str) -> MotifSet | None:
    """Return a library by name or path; ``own`` is ``None``."""
    if name == "own":
        return None
    return getattr(iq.motifs, name)() if name.isidentifier() else iq.motifs.read(name)


def runs(
    sets: Iterable[DataSet],
    splits: Sequence[str],
    settings: Sequence[Settings],
    *,
    null: bool = False,
    rng: int = 0,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Fit every setting to every split of every data set; one row per fit, in the order of the arguments."""
    return pd.DataFrame(each_run(sets, splits, settings, null=null, rng=rng, n_jobs=n_jobs))


def each_run(sets, splits, settings, *, null=False, rng=0, n_jobs=None) -> Iterator[dict]:
    """Yield the rows of `runs` one by one."""
    for data in sets:
        for wanted in splits:
            masks = data.splits(wanted)
            if not masks:
                print(f"{data.name} has no split {wanted}: left out", flush=True)
            for i, (split, train) in enumerate(masks.items()):
                seed = [rng, i, *wanted.encode()]
                shown = data.permuted(np.random.default_rng(seed)) if null else data
                for one in settings:
                    row = fit(shown, train, one, rng=rng, n_jobs=n_jobs)
                    yield {"set": data.name, "split": split, "settings": one.name, **row}


def fit(data: DataSet, train: np.ndarray, settings: Settings, *, rng: int = 0, n_jobs: int | None = None) -> dict:
    """Fit one model and return its numbers; slope and error are those of the held-out peaks."""
    began = time.perf_counter()
    model = iq.models.fit_trajectory(
        data.codes, data.dap, motifs=data.motifs if settings.motifs is None else settings.motifs,
        features=data.features, modelled=data.modelled, train=train, options=settings.options, rng=rng,
        n_jobs=n_jobs, progress=False,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    predicted = model.predict(data.codes, features=data.features)
    inside, held_out = data.modelled & train, data.modelled & ~train
    p, y = predicted[held_out].astype(float), data.dap[held_out]
    return {
        "r2_test": r2(p, y),
        "r2_train": r2(predicted[inside], data.dap[inside]),
        "motifs": len(model.pbms),
        "seconds": seconds,
        "slope": np.cov(p, y)[0, 1] / p.var(ddof=1) if np.ptp(p) > 0 else np.nan,
        "error": ((p - y) ** 2).mean() / y.var(),
        "n_train": int(inside.sum()),
        "n_test": int(held_out.sum()),
    }


def paired(table: pd.DataFrame, base: str, other: str, metric: str = "r2_test") -> pd.DataFrame:
    """Return the paired differences of a metric, other minus base, with their errors (see above).

    Parameters
    ----------
    table
        As `runs` returns it.
    base, other
        Names of settings.
    metric
        One of `METRICS`.

    Returns
    -------
    DataFrame, one row per data set and ``all``: base, other (means), difference, se, low, high (95 % interval of
    Student's t over the splits; not of ``all``), se_sets (of ``all``), splits.
    """
    rows = {}
    for name, part in table.groupby("set", sort=False):
        a, b = (part[part["settings"] == one].set_index("split") for one in (base, other))
        b = b.loc[a.index]
        result = paired_difference(b[metric] - a[metric], a["n_test"], a["n_train"])
        rows[name] = {
            "base": a[metric].mean(), "other": b[metric].mean(), "difference": result.mean, "se": result.se,
            "low": result.low, "high": result.high, "splits": len(a),
        }  # fmt: skip
    by_set = pd.DataFrame(rows).T.assign(se_sets=np.nan)
    n = len(by_set)
    every = by_set[["base", "other", "difference"]].mean()
    every["se"] = np.sqrt((by_set["se"] ** 2).sum(skipna=False)) / n
    every["se_sets"] = by_set["difference"].std(ddof=1) / np.sqrt(n)
    every["splits"] = by_set["splits"].sum()
    by_set.loc["all"] = every.reindex(by_set.columns)
    return by_set.astype({"splits": int})


def means(table: pd.DataFrame) -> pd.DataFrame:
    """Return the means over splits of every metric and training over held-out R2, per set, and over all sets."""
    by_set = table.groupby(["settings", "set"], sort=False)[list(METRICS)].mean()
    every = by_set.groupby("settings", sort=False).mean()
    every.index = pd.MultiIndex.from_product([every.index, ["all"]], names=by_set.index.names)
    both = pd.concat([by_set, every]).loc[list(dict.fromkeys(table["settings"]))]
    return both.assign(train_over_test=both["r2_train"] / both["r2_test"])


def report(table: pd.DataFrame, names: Sequence[str]) -> str:
    """Return the tables as text: means, then per other setting R2 in full and the differences of the rest."""
    parts = [means(table).round(3).to_string()]
    for other in names[1:]:
        results = {metric: paired(table, names[0], other, metric) for metric in METRICS}
        rest = {
            metric: [f"{d:+.3f} +- {se:.3f}" for d, se in zip(result["difference"], result["se"], strict=True)]
            for metric, result in results.items()
        }
        index = results["r2_test"].index
        parts.append(f"held-out R2, {other} - {names[0]}\n{results['r2_test'].round(4).to_string()}")
        parts.append(f"{other} - {names[0]}, +- se\n{pd.DataFrame(rest, index=index).to_string()}")
    return "\n\n".join(parts)


def matched(options: list[str], motifs: list[str], base: Settings, given: tuple[str, str]) -> list[Settings]:
    """Return the base and the others; where only options or only libraries are given, the rest is the base's."""
    n = max(len(options), len(motifs))
    options, motifs = ((values or [default]) for values, default in zip((options, motifs), given, strict=True))
    options, motifs = (values * n if len(values) == 1 else values for values in (options, motifs))
    if len(options) != len(motifs):
        msg = f"{len(options)} sets of options and {len(motifs)} libraries cannot be matched."
        raise SystemExit(msg)
    names = ["other"] if n == 1 else [f"other{i + 1}" for i in range(n)]
    return [base, *(Settings.parse(*one) for one in zip(names, options[:n], motifs[:n], strict=True))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--sets", nargs="+", default=["Mono", "Ery", "B", "CD4"])
    parser.add_argument("--splits", nargs="+", default=["given"])
    parser.add_argument("--base", default="{}")
    parser.add_argument("--other", nargs="+", default=[])
    parser.add_argument("--motifs", default="own")
    parser.add_argument("--other-motifs", nargs="+", default=[])
    parser.add_argument("--null", action="store_true")
    parser.add_argument("--rng", type=int, default=0)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--out", type=Path, help="table of all fits, written after each of them")
    given = parser.parse_args()
    # warnings of models without worth: the table says it
    logging.getLogger("iceqream").setLevel(logging.ERROR)
    base = Settings.parse("base", given.base, given.motifs)
    settings = matched(given.other, given.other_motifs, base, (given.base, given.motifs))
    for one in settings:
        changed = {k: v for k, v in vars(one.options).items() if v != getattr(FitOptions(), k)}
        print(f"{one.name}: {changed or 'default options'}, {len(one.motifs) if one.motifs else 'own'} motifs")
    try:
        sets = [load(name, given.shared) for name in given.sets]
    except ValueError as error:
        parser.error(str(error))
    # loads the compiled code, so that the first fit is timed like the others
    runs([load("simulated:500", given.shared)], ["1"], [Settings("", FitOptions())])
    rows = []
    for row in each_run(sets, given.splits, settings, null=given.null, rng=given.rng, n_jobs=given.jobs):
        rows.append(row)
        print("{set} {split} {settings}: R2 {r2_test:.3f} ({r2_train:.3f}), {motifs} motifs, {seconds:.0f} s"
              .format(**row), flush=True)  # fmt: skip
        if given.out:
            pd.DataFrame(rows).to_csv(given.out, sep="\t", index=False)
    if not rows:
        msg = "None of the data sets has any of the splits."
        raise SystemExit(msg)
    print("\n" + report(pd.DataFrame(rows), [one.name for one in settings]))


if __name__ == "__main__":
    main()
