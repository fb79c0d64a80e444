"""The inference on the artificial genome that the R reference was run on: R2, recovered motifs, CPU seconds.

``python benchmarks/synth.py SHARED`` where SHARED holds golden/synth: 4,270 peaks, the reference's split, its 500
motifs and its features (four given ones, GC content, dinucleotides). The reference scaled its bins within the
training and within the held-out peaks; its ``obs`` is what is predicted here. Its run took 610 s of CPU time.
"""

import argparse
import time
from pathlib import Path

import pandas as pd

import iceqream as iq
from iceqream._core.correlation import r2
from iceqream.models import FitOptions

REFERENCE_CPU_SECONDS = 610
PLANTED = ["GATA3_2", "Sox2", "Oct4", "TEAD4", "FOXA1", "Eomes", "CTCF"]


def load(shared: Path):
    """Return sequences, dAP, training mask, given features and motifs of the reference's run."""
    folder = shared / "golden" / "synth"
    peaks = pd.read_csv(folder / "peak_sequences.tsv.gz", sep="\t").set_index("peak_name")
    fit = pd.read_csv(folder / "reference_fit" / "pred.tsv.gz", sep="\t").set_index("peak").loc[peaks.index]
    given = pd.read_csv(folder / "additional_features.tsv.gz", sep="\t").set_index("peak_name").loc[peaks.index]
    motifs = iq.motifs.read(folder / "motif_db_used.tsv.gz")
    features = {name: given[name].to_numpy() for name in given}
    return peaks["seq500"].tolist(), fit["obs"].to_numpy(), (fit["type"] == "train").to_numpy(), features, motifs


def families(model, motifs) -> dict[str, tuple[str, float]]:
    """Return, for each planted motif, the most similar one of the model and the similarity."""
    planted = motifs[[f"HOMER.{name}" for name in PLANTED]]
    table = iq.motifs.similarity(planted, model.pbms.motifs)
    best = table.to_numpy().argmax(axis=1)
    return {
        n: (str(table.columns[b]), float(table.to_numpy()[i, b]))
        for i, (n, b) in enumerate(zip(PLANTED, best, strict=True))
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--preset", default="default")
    options = parser.parse_args()
    sequences, dap, train, features, motifs = load(options.shared)
    for label, interactions in (("first, compiling, without interactions", False), ("without interactions", False),
                                ("with interactions", True), ("interactions by cross-validation", "cv")):  # fmt: skip
        wall, cpu = time.perf_counter(), time.process_time()
        model = iq.models.fit_trajectory(
            sequences, dap, motifs=motifs, features=features, train=train,
            options=FitOptions.preset(options.preset, interactions=interactions), progress=False,
        )  # fmt: skip
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        predicted = model.predict(sequences, features=features)
        print(
            f"{label}: R2 {r2(predicted[train], dap[train]):.3f} train, "
            f"{r2(predicted[~train], dap[~train]):.3f} held out, "
            f"{len(model.pbms)} motifs, {len(model.interactions)} interactions; {wall:.1f} s wall, {cpu:.1f} s CPU: "
            f"{REFERENCE_CPU_SECONDS / cpu:.0f} times less than the reference"
        )
    print(model.levels.round(3).to_string())
    for name, (motif, similarity) in families(model, motifs).items():
        print(f"  {name}: {motif}, similarity {similarity:.2f}")


if __name__ == "__main__":
    main()
