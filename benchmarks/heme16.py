"""Fit HSC -> Mono and HSC -> Ery on 10,728 real blood-cell peaks: held-out R2, wall time, peak memory, motifs.

``python benchmarks/heme16.py SHARED`` where SHARED holds data/heme16 and golden/heme16. The access probabilities, the
split and the choice of peaks are those given to the R reference; its figures are printed beside ours.
"""

import argparse
import resource
import time
from pathlib import Path

import anndata as ad
import pandas as pd

import iceqream as iq

STATES = ["HSC", "MPP", "LMPP", "GMP-A", "Mono", "Ery", "B", "CD4"]


def load(shared: Path) -> ad.AnnData:
    """Return the access probabilities with sequences, split and open peaks."""
    table = pd.read_csv(shared / "golden" / "heme16" / "ap.tsv.gz", sep="\t").set_index("peak_name", drop=True)
    adata = ad.AnnData(table[STATES].T.to_numpy(dtype="float32"))
    adata.obs_names, adata.var_names = STATES, table.index.astype(str)
    adata.layers["ap"] = adata.X
    adata.var["split"] = table["split"].to_numpy()
    for end in ("Mono", "Ery", "B", "CD4"):
        adata.var[f"open_HSC_{end}"] = table[f"open_HSC_{end}"].to_numpy() == 1
    iq.pp.sequences(adata, sequences=read_fasta(shared / "data" / "heme16" / "sequences_500bp.fa.gz"))
    return adata


def read_fasta(path: Path) -> dict[str, str]:
    import gzip

    with gzip.open(path, "rt") as file:
        records = (record.split("\n") for record in file.read().split(">")[1:])
        return {name: "".join(lines) for name, *lines in records}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    options = parser.parse_args()
    adata = load(options.shared)
    began = time.perf_counter()
    library = iq.motifs.jaspar()
    print(f"{len(library)} motifs read in {time.perf_counter() - began:.1f} s")
    for end in ("Mono", "Ery"):
        for repeat in ("first, compiling", "again"):
            began = time.perf_counter()
            iq.tl.fit_trajectory(
                adata,
                "HSC",
                end,
                motifs=library,
                peaks=f"open_HSC_{end}",
                split="split",
                min_tss_distance=None,
                key_added=end,
            )
            print(f"HSC -> {end}, {repeat}: {time.perf_counter() - began:.1f} s")
        path = options.shared / "golden" / "heme16" / f"stats_HSC_{end}.tsv"
        reference = pd.read_csv(path, sep="\t", index_col=0)["v"]
        model = iq.get.model(adata, end)
        print(
            f"{model}\n  stats: {model.stats}\n  R reference: train {reference['r2_train']:.3f}, held out "
            f"{reference['r2_test']:.3f}, {reference['secs_fit']:.0f} s"
        )
        print(iq.get.motifs_df(adata, end).head(12)[["match", "effect", "correlation"]].round(3).to_string())
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
