"""Every picture of a simulated model, of blood cells and of two loci: seconds, size as PDF, one contact sheet per set.

``python benchmarks/pictures.py OUT`` draws the simulation; ``--shared SHARED`` the real data too (data/heme16,
data/heart, data/genome). ``--docs docs/images`` writes the pictures of the documentation.
"""

import argparse
import logging
import time
from pathlib import Path

import anndata as ad
import matplotlib as mpl
import numpy as np
import pandas as pd
from heme16 import load
from PIL import Image

import iceqream as iq

mpl.use("agg")
SHEET_COLUMNS, SHEET_WIDTH = 4, 900
REPORT = "model_report"


def simulated():
    """A simulated trajectory from raw counts to a model, and a locus that opens."""
    adata = iq.datasets.simulated_trajectory(n_peaks=4000, rng=0)
    adata.layers.pop("ap")
    iq.pp.access_probability(adata, keep_steps=True)
    iq.tl.fit_trajectory(adata, "S1", "S4", min_tss_distance=None)
    iq.tl.residual_r2(adata)
    return adata


def simulated_manifold():
    """Three simulated trajectories with one set of motifs, peaks and RNA, and the questions across lineages."""
    mdata = iq.datasets.simulated_manifold_multiome(n_peaks=2000, rng=0)
    iq.tl.fit_manifold(mdata, mdata["atac"].uns["trajectories"], groupby="state", min_tss_distance=None)
    iq.tl.cluster_peaks(mdata, 6, groupby="state")
    iq.tl.motif_enrichment(mdata, key="iq_manifold")
    iq.tl.motif_activity(mdata, key="iq_manifold")
    iq.tl.tf_expression(mdata)
    return mdata


def simulated_grammar():
    """A simulation in which distance, orientation and number of sites matter, and what one asks of its model."""
    adata = iq.datasets.simulated_grammar(rng=0)
    library = iq.datasets.simulated_motifs(grammar=True)
    iq.tl.fit_trajectory(adata, "S1", "S4", motifs=library, min_tss_distance=None)
    iq.tl.partial_dependence(adata)
    iq.tl.low_affinity(adata)
    iq.tl.interaction_support(adata)
    iq.tl.compare_models(adata, motifs=library)
    return adata


def blood(shared):
    """HSC to erythroid progenitors."""
    adata = load(shared)
    iq.tl.fit_trajectory(adata, "HSC", "Ery", peaks="open_HSC_Ery", split="split", min_tss_distance=None)
    iq.tl.residual_r2(adata)
    return adata


def heart(shared):
    """Fibroblast to cardiomyocyte on the first 10 Mb of chr1: few peaks, but coverage along the genome."""
    folder = shared / "data" / "heart"
    cells = ad.read_h5ad(folder / "heart_lv_cells_x_ccres_chr1_chr2.h5ad", backed="r")
    states = iq.pp.pseudobulk(cells, "broad", min_cells=500)
    iq.pp.access_probability(states)
    peaks = pd.read_csv(folder / "peaks500_chr1_0_10Mb.tsv.gz", sep="\t").set_index("peak_name")
    adata = states[:, states.var_names.isin(peaks.index)].copy()
    iq.pp.sequences(adata, sequences=peaks.loc[adata.var_names, "sequence"].tolist())
    both = np.asarray(adata[["Fibroblast", "Cardiomyocyte"]].X.sum(axis=0)).ravel() >= 10
    iq.tl.fit_trajectory(adata, "Fibroblast", "Cardiomyocyte", peaks=both, min_tss_distance=None)
    return adata


def genes_of(shared):
    """Protein-coding genes of chr22 and the first 10 Mb of chr1; the files are 1-based."""
    folder = shared / "data" / "genome"
    tables = [pd.read_csv(folder / f"hg38_{what}_chr22_chr1first10Mb.tsv.gz", sep="\t")
              for what in ("transcripts", "exons")]  # fmt: skip
    transcripts, exons = (table[table["gene_type"] == "protein_coding"].copy() for table in tables)
    for table in (transcripts, exons):
        table["start"] -= 1
    exons = exons.rename(columns={"gene_name": "gene"})[["chrom", "start", "end", "strand", "gene"]]
    return iq.Genes(iq.Genes.read(transcripts).tss, exons)


def best_locus(adata, inside):
    """The peak whose change is largest, among those of the mask, where model and data agree."""
    table = adata.varm["iq"]
    agree = np.where(np.sign(table["dap"]) == np.sign(table["pred"]), table[["dap", "pred"]].abs().min(axis=1), -1.0)
    return str(adata.var_names[np.argmax(np.where(inside, agree, -1.0))])


def pictures_of_model(adata):
    """Name and drawing of each picture of a model."""
    names = ["levels", "prediction_scatter", "prediction_boxplot", "residual_r2", "response_curves", "energy_boxplot",
             "spatial_curves", "spatial_frequency", "logos", "motif_heatmap", "interaction_network"]  # fmt: skip
    out = {name: (lambda path, name=name: getattr(iq.pl, name)(adata, save=path)) for name in names}
    out[REPORT] = lambda path: iq.pl.model_report(adata, save=path)
    return out


def pictures_of_states(adata):
    """Name and drawing of each picture of access probabilities."""
    first, last = adata.obs_names[0], adata.obs_names[-1]
    return {
        "normalization": lambda path: iq.pl.normalization(adata, last, first, save=path),
        "constitutive": lambda path: iq.pl.constitutive(adata, save=path),
        "ap_scatter": lambda path: iq.pl.ap_scatter(adata, first, last, min_dap=0.3, save=path),
        "total_ap": lambda path: iq.pl.total_ap(adata, save=path),
    }


def pictures_of_manifold(data):
    """Name and drawing of each picture of a manifold."""
    first, second = iq.get.model(data, "iq_manifold").names[:2]
    return {
        "manifold_heatmap": lambda path: iq.pl.manifold_heatmap(data, save=path),
        "homogenization": lambda path: iq.pl.homogenization(data, save=path),
        "trajectory_scatter": lambda path: iq.pl.trajectory_scatter(data, first, second, save=path),
        "cluster_heatmap": lambda path: iq.pl.cluster_heatmap(data, groupby="state", save=path),
        "tf_expression": lambda path: iq.pl.tf_expression(data, color="state", save=path),
    }


def pictures_of_questions(adata):
    """Name and drawing of each picture of what one asks of a model."""
    planted = [("FOX", "TEAD"), ("POU", "RUNX"), ("GATA", "CEBP")]
    return {
        "partial_dependence": lambda path: iq.pl.partial_dependence(adata, n_motifs=8, save=path),
        "low_affinity": lambda path: iq.pl.low_affinity(adata, save=path),
        "interaction_support": lambda path: iq.pl.interaction_support(adata, planted, save=path),
        "compare_models": lambda path: iq.pl.compare_models(adata, save=path),
    }


def pictures_of_changes(adata, site):
    """Name and drawing of each picture of changed sequences."""
    one = iq.tl.mutagenesis(adata, [site])
    strongest = np.sort(one.table["start"].to_numpy() - one.places["start"].iloc[0])
    middle = int(np.median(strongest))
    region = (max(middle - 60, 0), min(middle + 60, 500))
    pairs = iq.tl.dependency_map(adata, site, region=region)
    shares = iq.tl.saturation_summary(adata)
    designed = iq.tl.design(adata, target="max", n_mutations=10, method="beam", rng=1)
    return {
        "mutagenesis": lambda path: iq.pl.mutagenesis(one, save=path),
        "dependency_map": lambda path: iq.pl.dependency_map(pairs, save=path),
        "saturation_summary": lambda path: iq.pl.saturation_summary(shares, save=path),
        "design": lambda path: iq.pl.design(designed, save=path),
    }


def draw(label, pictures, folder):
    """Draw each picture as PDF and PNG, report seconds and megabytes, and make the contact sheet."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = []
    for name, picture in pictures.items():
        path = folder / f"{label}_{name}.pdf"
        began = time.perf_counter()
        picture(path)
        seconds = time.perf_counter() - began
        picture(path.with_suffix(".png"))
        print(f"{label:10s} {name:22s} {seconds:6.2f} s {path.stat().st_size / 1e6:6.2f} MB")
        pages += sorted(folder.glob(f"{path.stem}_[0-9]*.png")) if name == REPORT else [path.with_suffix(".png")]
    images = [Image.open(page).convert("RGB") for page in pages]
    images = [image.resize((SHEET_WIDTH, round(image.height * SHEET_WIDTH / image.width))) for image in images]
    rows = [images[i : i + SHEET_COLUMNS] for i in range(0, len(images), SHEET_COLUMNS)]
    heights = [max(image.height for image in row) + 40 for row in rows]
    sheet = Image.new("RGB", (SHEET_COLUMNS * (SHEET_WIDTH + 40), sum(heights)), "white")
    for row, top in zip(rows, np.cumsum([0, *heights]), strict=False):
        for column, image in enumerate(row):
            sheet.paste(image, (column * (SHEET_WIDTH + 40) + 20, int(top) + 20))
    sheet.save(folder / f"sheet_{label}.png")


def write_for_docs(pictures, folder):
    """Write the simulation's pictures for the documentation, small enough to look at on a page."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        picture(folder / f"{name}.png")
        if name == REPORT:
            pages = sorted(folder.glob(f"{REPORT}_[0-9]*.png"))
            pages[1].replace(folder / f"{REPORT}.png")
            for page in (pages[0], *pages[2:]):
                page.unlink()
        path = folder / f"{name}.png"
        image = Image.open(path).convert("RGB")
        image.thumbnail((1400, 1400))
        image.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--shared", type=Path)
    parser.add_argument("--docs", type=Path)
    given = parser.parse_args()
    logging.getLogger("iceqream").setLevel("ERROR")
    adata = simulated()
    site = best_locus(adata, np.ones(adata.n_vars, dtype=bool))

    def locus(path):
        iq.pl.iq_plot(adata, site, genes=adata.uns["tss"], save=path)

    pictures = {**pictures_of_model(adata), **pictures_of_states(adata), "iq_plot": locus}
    of_manifold = pictures_of_manifold(simulated_manifold())
    of_questions = pictures_of_questions(simulated_grammar())
    of_changes = pictures_of_changes(adata, site)
    if given.docs is not None:
        write_for_docs({**pictures, **of_manifold, **of_questions, **of_changes}, given.docs)
    draw("simulated", pictures, given.out)
    draw("manifold", of_manifold, given.out)
    draw("grammar", of_questions, given.out)
    draw("changes", of_changes, given.out)
    began = time.perf_counter()
    page = iq.html_report(adata, given.out / "html")
    print(f"simulated  html_report            {time.perf_counter() - began:6.2f} s {page.stat().st_size / 1e6:6.2f} MB")
    if given.shared is None:
        return
    folder, genes = given.shared / "data", genes_of(given.shared)
    cells = blood(given.shared)
    chr22 = best_locus(cells, cells.var_names.str.startswith("chr22:"))
    brain = {"brain (ATAC)": folder / "genome" / "MFG_brain_ATAC.hg38.chr22.bw"}
    loci = {
        "iq_plot_states": lambda path: iq.pl.iq_plot(
            cells, chr22, genes=genes, states=["HSC", "MPP", "Ery"], save=path
        ),
        "iq_plot_chr22": lambda path: iq.pl.iq_plot(cells, chr22, genes=genes, coverage=brain, save=path),
        "iq_plot_gene": lambda path: iq.pl.iq_plot(cells, "TRIOBP", genes=genes, save=path),
        "iq_plot_no_peak": lambda path: iq.pl.iq_plot(
            cells, "chr22:30,000,000-30,000,500", genes=genes, genome=folder / "genome" / "hg38.chr22.fa.gz", save=path
        ),
        "iq_plot_many_rows": lambda path: iq.pl.iq_plot(cells, chr22, genes=genes, energy_threshold=5, save=path),
    }
    draw("heme16", {**pictures_of_model(cells), **loci}, given.out)

    muscle = heart(given.shared)
    elements = pd.read_csv(folder / "genome" / "hg38_gerp_elements_chr1first10Mb.bed.gz", sep="\t", header=None,
                           names=["chrom", "start", "end", "p"])  # fmt: skip
    elements["score"] = -np.log10(elements["p"].clip(lower=1e-300))
    middle = ((muscle.var["start"] + muscle.var["end"]) // 2).to_numpy()
    near = np.searchsorted(np.sort(elements["start"]), [middle - 200, middle + 200])
    chr1 = best_locus(muscle, (middle < 3_050_000) & (near[1] > near[0]))
    tracks = {name: folder / "heart" / f"cutsites150_{name}.chr1_0_3.157Mb.bw"
              for name in ("Fibroblast", "Endothelial", "Cardiomyocyte")}  # fmt: skip
    two = {name: tracks[name] for name in ("Fibroblast", "Cardiomyocyte")}
    draw(
        "heart",
        {
            "iq_plot_chr1": lambda path: iq.pl.iq_plot(
                muscle, chr1, coverage=two, genes=genes, conservation=elements, save=path
            ),
            "iq_plot_three": lambda path: iq.pl.iq_plot(
                muscle, chr1, coverage=tracks, genes=genes, conservation=elements, width=200, energy_threshold=6,
                mark={"centre": int(middle[list(muscle.var_names).index(chr1)])}, save=path,
            ),
        },
        given.out,
    )  # fmt: skip


if __name__ == "__main__":
    main()
