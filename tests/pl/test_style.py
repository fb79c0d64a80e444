"""What all pictures share: files, and baseline images."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import iceqream as iq

BASELINE = Path(__file__).parent / "baseline"


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_every_picture_is_saved(fitted, tmp_path, suffix):
    for name in ("prediction_scatter", "logos", "response_curves"):
        path = tmp_path / f"{name}.{suffix}"
        assert getattr(iq.pl, name)(fitted, save=path) is None
        assert 5_000 < path.stat().st_size < 2_000_000
    if suffix == "svg":
        assert ">GATA</text>" in (tmp_path / "logos.svg").read_text()


def _picture_of_logos(path):
    axes = iq.pl.logos(iq.datasets.simulated_motifs(decoys=False), ncols=3, show=False)
    axes[0].figure.savefig(path, dpi=40)


def _picture_of_genes(path):
    from iceqream.pl._locus_tracks import draw_genes

    tss = pd.DataFrame(
        {"chrom": "chr1", "position": [100, 900, 950], "strand": [1, -1, 1], "gene": ["A1", "LONG2", "C3"]}
    )
    exons = pd.DataFrame({"chrom": "chr1", "start": [100, 300, 700], "end": [150, 400, 900], "strand": [1, 1, -1],
                          "gene": ["A1", "A1", "LONG2"]})  # fmt: skip
    figure, ax = plt.subplots(figsize=(5, 1.2))
    draw_genes(ax, iq.Genes(tss, exons), "chr1", 0, 2000)
    figure.savefig(path, dpi=100)


@pytest.mark.parametrize("draw", [_picture_of_logos, _picture_of_genes])
def test_pictures_look_as_they_did(draw, tmp_path):
    from matplotlib.testing.compare import compare_images

    name = f"{draw.__name__.removeprefix('_picture_of_')}.png"
    draw(tmp_path / name)
    # root mean square of 0-255: other versions of matplotlib hint letters differently
    assert compare_images(str(BASELINE / name), str(tmp_path / name), tol=12) is None
