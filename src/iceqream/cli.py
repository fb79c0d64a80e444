"""The command line: ``iceqream demo``, ``fit``, ``predict``, ``variants``, ``report``, thin over the functions."""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iceqream import _keys
from iceqream._core.messages import examples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from mudata import MuData

_DEMO_PEAKS = 4000
_QUICK_PEAKS = 1500
_LIBRARIES = ("jaspar", "hocomoco", "library")
"""Functions of `iceqream.motifs` that need no argument."""
_REFINE = {"yes": True, "no": False, "cv": "cv"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    Parameters
    ----------
    arguments
        Words after the program's name; ``None`` takes those of the process.

    Returns
    -------
    0, or 2 if the input was refused (the reason is printed to standard error).
    """
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO if options.verbose else logging.WARNING, format="%(name)s: %(message)s")
    try:
        options.run(options)
    except (ValueError, KeyError, TypeError, OSError, ImportError) as error:
        # errors of the system begin with a number
        said = error.args[0] if error.args and isinstance(error.args[0], str) else error
        print(f"iceqream {options.command}: {said}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    from iceqream import __version__
    from iceqream.inference.options import FitOptions
    from iceqream.report import DEFAULT_LOCI

    defaults = FitOptions()
    parser = argparse.ArgumentParser(
        prog="iceqream", description="Models of chromatin accessibility from DNA sequence."
    )
    parser.add_argument("--version", action="version", version=f"iceqream {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    demo = commands.add_parser(
        "demo", help="simulate peaks with known motifs, fit a model and compare it with the truth"
    )
    demo.add_argument("-o", "--out", type=Path, default=Path("demo_output"), help="folder for pictures and the h5ad")
    demo.add_argument("--quick", action="store_true", help=f"{_QUICK_PEAKS} peaks instead of {_DEMO_PEAKS}")
    demo.add_argument("--seed", type=int, default=0, help="seed of the simulation")
    demo.set_defaults(run=_demo)

    fit = commands.add_parser("fit", help="fit a model to sequences and a table of access probabilities")
    fit.add_argument("sequences", type=Path, help="FASTA with one sequence per peak, all of the same width")
    fit.add_argument(
        "probabilities", type=Path, help="table (tsv or csv): one row per peak, one column per state, in [0, 1]"
    )
    fit.add_argument("--start", help="column of the start state")
    fit.add_argument("--end", help="column of the end state")
    fit.add_argument(
        "--trajectory",
        action="append",
        type=_trajectory,
        metavar="NAME=START:END",
        help="a trajectory of a manifold, instead of --start and --end; two or more, which share their motifs",
    )
    fit.add_argument(
        "-o",
        "--out",
        type=Path,
        required=True,
        help="folder for the model, tables, pictures and data.h5ad, which 'iceqream report' and Python read",
    )
    fit.add_argument(
        "--motifs",
        type=_motifs,
        help="motif library: a file (MEME, JASPAR, HOMER, TRANSFAC, table), or one of "
        f"{', '.join(_LIBRARIES)} (those installed, pooled); default: jaspar (2026, vertebrates)",
    )
    fit.add_argument(
        "--split", help="column of the table with 'train' and 'test'; default: a fifth is held out at random"
    )
    fit.add_argument("--peaks", help="column of the table with 1 for peaks to model")
    fit.add_argument("--width", type=int, help="use the central bp of the sequences; default: all")
    fit.add_argument("--max-motifs", type=int, help="motifs at most, with --trajectory of each trajectory by itself; "
                     f"default: {defaults.max_motifs}")  # fmt: skip
    fit.add_argument("--n-motifs", type=int, help="common motifs at most, with --trajectory; default: folds decide")
    fit.add_argument(
        "--learning",
        choices=["drafts", "clusters"],
        help="how motifs are learned: two models joined, or clusters of library motifs (the paper); "
        f"default: {defaults.learning}",
    )
    fit.add_argument(
        "--refine",
        choices=list(_REFINE),
        help="whether motifs, spatial curves and coefficients are learned together; cv: if folds are better with it; "
        "default: yes",
    )
    fit.add_argument(
        "--size-folds",
        type=int,
        help="folds that choose the number of motifs, with --learning drafts; 0 keeps --max-motifs; "
        f"default: {defaults.size_folds}",
    )
    fit.add_argument("--seed", type=int, default=0, help="seed of the split and the cross-validation folds")
    fit.set_defaults(run=_fit)

    predict = commands.add_parser("predict", help="predict dAP of sequences with a saved model")
    predict.add_argument("model", type=Path, help="model written by 'iceqream fit', or the save of a model")
    predict.add_argument("sequences", type=Path, help="FASTA, sequences at least as wide as the model's")
    predict.add_argument("--pad", action="store_true", help="fill up shorter sequences with N around their centre")
    predict.add_argument("-o", "--out", type=Path, help="tsv to write; default: standard output")
    predict.set_defaults(run=_predict)

    variants = commands.add_parser("variants", help="predict what variants do, and name the motifs behind it")
    variants.add_argument("data", type=Path, help="model written by 'iceqream fit', or h5ad, zarr or h5mu with a model")
    variants.add_argument("variants", type=Path, help="VCF or BCF (plain or bgzipped), or BED with alleles")
    variants.add_argument("--genome", type=Path, required=True, help="FASTA (plain or bgzipped) or 2bit")
    variants.add_argument("--peaks", type=Path, help="BED of peaks; default: those of the data, if these have any")
    variants.add_argument(
        "--around",
        choices=["peak", "variant"],
        help="score the sequences of peaks, or windows around the variants; default: peaks where there are any",
    )
    variants.add_argument("--sample", help="sample of the VCF whose phased variants are put together, by haplotype")
    variants.add_argument("--only-passed", action="store_true", help="leave out records that a filter marks")
    variants.add_argument("--key", default=_keys.MODEL, help="key of the model in the data; default: iq")
    variants.add_argument("--trajectory", help="trajectory of a manifold; default: all")
    variants.add_argument("--mod", default=_keys.ATAC, help="modality of an h5mu that holds the peaks; default: atac")
    variants.add_argument(
        "-o", "--out", type=Path, required=True,
        help="tsv to write; OUT.motifs.tsv with all motifs and OUT.skipped.tsv are written beside it",
    )  # fmt: skip
    variants.set_defaults(run=_variants)

    report = commands.add_parser("report", help="write a report of a fitted model as one HTML page")
    report.add_argument("data", type=Path, help="h5ad, zarr or h5mu with a fitted model")
    report.add_argument("-o", "--out", type=Path, required=True, help="folder for index.html")
    report.add_argument("--key", help="key of the model; default: the only one, or iq")
    report.add_argument("--trajectory", help="trajectory of a manifold")
    report.add_argument(
        "--loci",
        nargs="+",
        help="peaks or coordinates to draw, or how many of those that open and close most clearly; default: "
        f"{DEFAULT_LOCI} of each",
    )
    report.add_argument("--mod", default=_keys.ATAC, help="modality of an h5mu that holds the peaks; default: atac")
    report.set_defaults(run=_report)
    for command in (demo, fit, predict, variants, report):
        command.add_argument("-v", "--verbose", action="store_true", help="log what is filtered and why")
    return parser


def _demo(options: argparse.Namespace) -> None:
    import iceqream as iq

    began = time.perf_counter()
    _check_folder(options.out)
    n_peaks = _QUICK_PEAKS if options.quick else _DEMO_PEAKS
    print(f"Simulating {n_peaks} peaks of 500 bp in 4 states with 6 planted motifs ...")
    adata = iq.datasets.simulated_trajectory(n_peaks=n_peaks, rng=options.seed)
    iq.pp.tss_distance(adata, adata.uns["tss"])
    library = iq.motifs.jaspar()
    print(f"Fitting S1 -> S4 with {len(library)} motifs of JASPAR 2026 ...")
    iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, rng=options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    adata.write_h5ad(options.out / "demo.h5ad")
    _write_results(adata, options.out)
    truth = iq.datasets.recovered_motifs(adata)
    truth.to_csv(options.out / "recovered_motifs.tsv", sep="\t")
    print(f"\nPlanted motifs and what the model found:\n{truth.round(2).to_string()}\n")
    print(f"{int(truth['recovered'].sum())} of {len(truth)} planted motifs recovered with the right sign")
    print(f"{time.perf_counter() - began:.0f} s; results are in {options.out}/")


def _fit(options: argparse.Namespace) -> None:
    from anndata import AnnData

    import iceqream as iq
    from iceqream._files import existing
    from iceqream.genome import read_fasta

    for path in (options.sequences, options.probabilities, options.motifs):
        if isinstance(path, Path):
            existing(path)
    ends = _ends(options)
    states = list(dict.fromkeys(state for pair in ends.values() for state in pair))
    table = _table(options.probabilities)
    wanted = [
        *states,
        *([options.split] if options.split else []),
        *([options.peaks] if options.peaks else []),
    ]
    missing = [column for column in wanted if column not in table.columns]
    if missing:
        turned = set(missing) <= set(table.index.astype(str))
        hint = " They are rows: transpose the table, one row per peak." if turned else ""
        msg = (
            f"{options.probabilities} lacks the column(s) {', '.join(missing)}; its {len(table.columns)} columns are "
            f"{examples(table.columns)}.{hint}"
        )
        raise KeyError(msg)
    adata = AnnData(_numeric(table[states], options.probabilities).T.to_numpy(dtype=np.float32))
    adata.obs_names, adata.var_names = states, table.index.astype(str)
    adata.layers["ap"] = adata.X
    if options.split:
        adata.var["split"] = pd.Categorical(table[options.split].astype(str))
    peaks = None if options.peaks is None else table[options.peaks].to_numpy() == 1
    sequences = read_fasta(options.sequences)
    iq.pp.sequences(adata, sequences=sequences, width=options.width or len(next(iter(sequences.values()))))
    arguments = {
        "motifs": getattr(iq.motifs, options.motifs)() if isinstance(options.motifs, str) else options.motifs,
        "peaks": peaks,
        "min_tss_distance": None,
        "split": "split" if options.split else 0.2,
        "rng": options.seed,
        "max_motifs": options.max_motifs,
        "learning": options.learning,
        "refine": _REFINE.get(options.refine),
        "size_folds": options.size_folds,
    }
    _check_folder(options.out)
    if options.trajectory:
        iq.tl.fit_manifold(adata, ends, n_motifs=options.n_motifs, **arguments)
    else:
        iq.tl.fit_trajectory(adata, options.start, options.end, **arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    adata.write_h5ad(options.out / "data.h5ad")
    _write_results(adata, options.out, _keys.MANIFOLD if options.trajectory else _keys.MODEL)
    print(f"results are in {options.out}/")


def _check_folder(out: Path) -> None:
    """Refuse a folder that cannot be made, before any work is done."""
    there = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not there.is_dir():
        msg = f"-o {out}: {there} is a file, not a folder"
        raise ValueError(msg)
    if not os.access(there, os.W_OK):
        msg = f"-o {out}: {there} cannot be written to"
        raise ValueError(msg)


def _ends(options: argparse.Namespace) -> dict[str, tuple[str, str]]:
    """Return start and end state of each trajectory by name; of one alone the name is empty."""
    one, several = [options.start, options.end], options.trajectory or []
    if several and (any(one) or len(several) < 2):
        msg = "a manifold has two or more --trajectory NAME=START:END and no --start and --end"
        raise ValueError(msg)
    if options.n_motifs is not None and not several:
        msg = "--n-motifs is the number of common motifs of two or more --trajectory; of one: --max-motifs"
        raise ValueError(msg)
    if not several and not all(one):
        msg = "give --start and --end, or two or more --trajectory NAME=START:END"
        raise ValueError(msg)
    names = [name for name, _ in several]
    if len(set(names)) < len(names):
        msg = f"two trajectories have the same name: {examples(names)}"
        raise ValueError(msg)
    return dict(several) if several else {"": (options.start, options.end)}


def _trajectory(said: str) -> tuple[str, tuple[str, str]]:
    """Return name, start and end state of ``NAME=START:END``; the name becomes part of file names."""
    name, _, states = said.partition("=")
    start, _, end = states.partition(":")
    if not (name and start and end) or ":" in end or Path(name).name != name:
        msg = f"{said!r} is not NAME=START:END (a name without slashes, states without colons)"
        raise argparse.ArgumentTypeError(msg)
    return name, (start, end)


def _motifs(said: str) -> str | Path:
    """Return the name of a library, or the path of a file (which comes first)."""
    return said if said in _LIBRARIES and not Path(said).exists() else Path(said)


def _table(path: Path) -> pd.DataFrame:
    """Read a table of any usual separator, with the first column as index."""
    from iceqream._files import read_text, reading

    text = read_text(path)
    with reading(path, "a table (tsv or csv)"):
        return pd.read_csv(io.StringIO(text), sep=None, engine="python", index_col=0)


def _numeric(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    from iceqream._files import numbers

    values = table.apply(numbers)
    wrong = (values.isna() & table.notna()).to_numpy()
    if wrong.any():
        row, column = map(int, np.argwhere(wrong)[0])
        # the first line holds the names of the columns
        msg = f"{path}, line {row + 2}: {table.columns[column]!r} is {table.iloc[row, column]!r}, not a number"
        raise ValueError(msg)
    return values


def _predict(options: argparse.Namespace) -> None:
    import iceqream as iq
    from iceqream._files import target
    from iceqream.genome import read_fasta

    if options.out is not None:
        target(options.out)
    model = iq.models.load(options.model)
    sequences = read_fasta(options.sequences)
    predicted = model.predict(sequences, pad=options.pad)
    # of a manifold, a column per trajectory
    columns = {"predicted_dap": predicted} if isinstance(predicted, np.ndarray) else predicted
    table = pd.DataFrame(columns).set_axis(pd.Index(list(sequences), name="sequence"))
    text = table.to_csv(sep="\t", float_format="%.6g")
    if options.out is None:
        sys.stdout.write(text)
    else:
        options.out.write_text(text)


def _variants(options: argparse.Namespace) -> None:
    import iceqream as iq
    from iceqream._files import existing, target

    out = target(options.out)
    found = iq.tl.variant_effects(
        iq.models.load(options.data) if options.data.suffix == ".h5" else _data(options.data),
        options.variants,
        genome=options.genome,
        around=options.around,
        peaks=None if options.peaks is None else existing(options.peaks),
        haplotypes=options.sample,
        only_passed=options.only_passed,
        key=options.key,
        trajectory=options.trajectory,
        mod=options.mod,
    )
    ending = "".join(out.suffixes[-2:]) if out.suffix in {".gz", ".bgz"} else out.suffix
    stem = out.name.removesuffix(ending)
    for path, table in (
        (out, found.table),
        (out.with_name(f"{stem}.motifs{ending}"), found.motifs),
        (out.with_name(f"{stem}.skipped{ending}"), found.skipped),
    ):
        table.to_csv(path, sep="\t", index=False, float_format="%.6g")
    print(found)


def _report(options: argparse.Namespace) -> None:
    import matplotlib as mpl

    import iceqream as iq
    from iceqream._anndata import get_adata
    from iceqream._stored_models import stored_keys
    from iceqream.report import DEFAULT_LOCI

    mpl.use("Agg")
    data = _data(options.data)
    keys = stored_keys(get_adata(data, options.mod))
    key = options.key or (keys[0] if len(keys) == 1 else _keys.MODEL)
    loci = options.loci or DEFAULT_LOCI
    if isinstance(loci, list) and len(loci) == 1 and loci[0].isdigit():
        loci = int(loci[0])
    page = iq.html_report(data, options.out, key=key, trajectory=options.trajectory, loci=loci, mod=options.mod)
    print(f"the report is {page}")


def _data(path: Path) -> AnnData | MuData:
    import anndata
    import mudata

    from iceqream._files import reading

    if not path.exists():
        msg = f"There is no file {path}."
        raise FileNotFoundError(msg)
    if path.suffix == ".h5":
        msg = f"{path} is a model without data: give the data.h5ad that 'iceqream fit' wrote beside it."
        raise ValueError(msg)
    with reading(path, "h5ad, zarr or h5mu; is the file complete?"):
        if path.suffix == ".h5mu":
            return mudata.read_h5mu(path)
        return anndata.read_zarr(path) if path.is_dir() else anndata.read_h5ad(path)


def _write_results(adata: AnnData, out: Path, key: str = "iq") -> None:
    """Write model, tables and pictures of a fit, and print its R2; of a manifold, pictures of each trajectory."""
    import matplotlib as mpl

    import iceqream as iq
    from iceqream._stored_models import trajectories_of

    mpl.use("Agg")
    iq.get.model(adata, key).save(out / "model.h5")
    iq.get.motifs_df(adata, key).to_csv(out / "motifs.tsv", sep="\t")
    iq.get.coefs_df(adata, key).to_csv(out / "coefficients.tsv", sep="\t")
    iq.get.predictions_df(adata, key).to_csv(out / "predictions.tsv", sep="\t", index_label="peak")
    iq.get.levels_df(adata, key).to_csv(out / "levels.tsv", sep="\t")
    model = iq.get.model(adata, key)
    if isinstance(model, iq.models.ManifoldModel) and len(model.pbms):
        iq.get.homogenization_df(model).to_csv(out / "homogenization.tsv", sep="\t", index=False)
        iq.pl.manifold_heatmap(model, save=out / "manifold_heatmap.png")
        iq.pl.homogenization(model, save=out / "homogenization.png")
    for name, one in trajectories_of(adata, key).items():
        suffix = "" if name is None else f"_{name}"
        iq.pl.prediction_scatter(adata, key, trajectory=name, save=out / f"prediction_scatter{suffix}.png")
        if len(one.pbms):
            iq.pl.response_curves(adata, key=key, trajectory=name, save=out / f"response_curves{suffix}.png")
        print(
            f"{one.states[0]} -> {one.states[1]}: {len(one.pbms)} motifs; "
            f"R2 {one.stats['r2_train']:.3f} on {one.stats['n_train']} training peaks, "
            f"{one.stats['r2_test']:.3f} on {one.stats['n_test']} held-out peaks"
        )


if __name__ == "__main__":
    sys.exit(main())
