"""Names of genes do not run into each other."""

import matplotlib.pyplot as plt
import pandas as pd

import iceqream as iq
from iceqream.pl._locus_genes import MAX_GENE_ROWS, draw_genes, place_genes


def _genes(positions):
    names = [f"GENE{i}-AS1" for i in range(len(positions))]
    tss = pd.DataFrame({"chrom": "chr1", "position": positions, "strand": [1, -1] * (len(positions) // 2),
                        "gene": names})  # fmt: skip
    return iq.Genes(tss, pd.DataFrame(columns=["chrom", "start", "end", "strand", "gene"]))


def test_genes_without_room_are_counted(caplog):
    genes = _genes([500 + i for i in range(12)] + [5000, 9990])
    near = place_genes(genes, "chr1", 0, 10_000, 500)
    placed, without = near.placed, near.without
    assert len(placed) + len(without) == 14
    assert near.n_rows == MAX_GENE_ROWS
    # a gene at the edge has its name inside
    last = next(gene for gene in placed if gene.site == 9990)
    assert last.text < 9990
    figure, ax = plt.subplots(figsize=(500 / 72 / 0.775, 2))
    with caplog.at_level("INFO", logger="iceqream"):
        draw_genes(ax, near)
    assert f"{len(without)} genes of chr1:0-10000 have no room" in caplog.text
    assert ax.texts[-1].get_text() == f"and {len(without)} more genes"
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text()]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])


def test_an_empty_region_says_so():
    ax = plt.subplots()[1]
    draw_genes(ax, place_genes(_genes([500, 600]), "chr1", 10_000, 20_000, 500))
    assert ax.texts[0].get_text() == "no gene in this region"
