"""Motifs against bound sequences: planted sites, places in a genome, real ChIP-seq peaks."""

import logging

import numpy as np
import pandas as pd
import pytest

import iceqream as iq
from iceqream._core.sequence import decode
from iceqream.tl._validate_peaks import _free


@pytest.fixture(scope="module")
def bound(_simulated):
    occupied = _simulated.varm["occupancy"][:, 0] > 0.6
    codes = _simulated.varm["sequence"]
    return codes[occupied], codes[~occupied]


def test_the_factor_that_binds_is_first_and_others_say_nothing(bound, library, fitted):
    peaks, others = bound
    result = iq.tl.validate_peaks(library, peaks, background=others, n_background=1)
    table = result.table
    assert table.index[0] == "GATA1_MA0035.5"
    assert table["auroc"].iloc[0] > 0.85
    assert table["auroc_low"].iloc[0] < table["auroc"].iloc[0] < table["auroc_high"].iloc[0]
    assert table["q"].iloc[0] < 1e-10
    # GC content is matched: nothing else of thirty passes but what GATA's own letters favour
    assert (table["q"] < 1e-3).sum() <= 3
    assert result.gc[0] == pytest.approx(result.gc[1], abs=0.01)
    assert result.expected_auprc == 0.5
    # a model by its own motifs, with their spatial curves, from the data, the model and the PBMs
    model = iq.get.model(fitted)
    of_model = [iq.tl.validate_peaks(one, peaks, background=others, n_background=1).table
                for one in (fitted, model, model.pbms)]  # fmt: skip
    assert of_model[0].index[0].startswith("GATA")
    for other in of_model[1:]:
        pd.testing.assert_frame_equal(of_model[0], other)


def test_places_are_read_from_the_genome(bound, library, tmp_path, rng, caplog):
    peaks = bound[0][:60]
    between = [rng.integers(0, 4, 700).astype(np.uint8) for _ in peaks]
    chromosome = np.concatenate([part for pair in zip(between, peaks, strict=True) for part in pair])
    (tmp_path / "toy.fa").write_text(f">chr1\n{decode(chromosome[None])[0]}\n>chr2\n{'N' * 2000}\n")
    start = 700 + 1200 * np.arange(60)
    table = pd.DataFrame({"chrom": "chr1", "start": start, "end": start + 500})
    settings = {"genome": tmp_path / "toy.fa", "n_background": 1, "match_gc": False}
    with caplog.at_level(logging.INFO, logger="iceqream"):
        result = iq.tl.validate_peaks(library, table, **settings)
    assert "60 peaks, 60 background" in caplog.text
    given = iq.tl.validate_peaks(library, peaks, background=bound[1], match_gc=False)
    np.testing.assert_array_equal(result.peaks, given.peaks)
    assert result.table.index[0] == "GATA1_MA0035.5"
    # narrowPeak: around the summit
    lines = "".join(f"chr1\t{s - 50}\t{s + 520}\tp\t0\t.\t1\t1\t1\t300\n" for s in start)
    (tmp_path / "x.narrowPeak").write_text(lines)
    pbms = iq.motifs.PBMSet.uniform(library, np.zeros(30), np.zeros(30), 500)
    summits = iq.tl.validate_peaks(pbms, tmp_path / "x.narrowPeak", **settings)
    np.testing.assert_array_equal(summits.peaks, result.peaks)


def test_short_sequences_are_filled_up_and_the_rest_said(bound, fitted, caplog):
    peaks, others = bound[0][:, 150:350], bound[1]
    result = iq.tl.validate_peaks(fitted, peaks, background=others, n_background=3)
    assert result.table.index[0].startswith("GATA")
    assert "have no 3 background sequences of their GC content and are left out" in caplog.text
    assert len(result.background) == 3 * len(result.peaks)


def test_mistakes(bound, library, fitted, without_motifs):
    peaks, others = bound
    with pytest.raises(ValueError, match="There is no background: pass genome="):
        iq.tl.validate_peaks(library, peaks)
    with pytest.raises(ValueError, match="n_background must be at least 1, got 0"):
        iq.tl.validate_peaks(library, peaks, background=others, n_background=0)
    with pytest.raises(ValueError, match="peaks are places: pass the genome"):
        iq.tl.validate_peaks(library, "peaks.bed", background=others)
    with pytest.raises(ValueError, match="background have 100 bp, those of the peaks 500"):
        iq.tl.validate_peaks(library, peaks, background=others[:, :100])
    with pytest.raises(ValueError, match="10 peaks and 50 background sequences are left"):
        iq.tl.validate_peaks(library, peaks[:10], background=others[:50], match_gc=False)
    with pytest.raises(ValueError, match="The model has no motifs"):
        iq.tl.validate_peaks(without_motifs, peaks, background=others)
    with pytest.raises(TypeError, match="Sequences are a string"):
        iq.tl.validate_peaks(library, 7, background=others)
    with pytest.raises(KeyError, match="no model in uns"):
        iq.tl.validate_peaks(fitted, peaks, background=others, key="no")


def test_real_ctcf_peaks_have_ctcf_first(shared):
    result = iq.tl.validate_peaks(
        iq.motifs.jaspar(), shared / "data" / "chip" / "Gm12878.CTCF.top500.w200.fa.gz",
        genome=shared / "data" / "genome" / "hg38.chr22.fa.gz", n_background=2,
    )  # fmt: skip
    assert result.table.index[0].startswith("CTCF_")
    # it was 0.97
    assert result.table["auroc"].iloc[0] > 0.95
    assert abs(result.gc[0] - result.gc[1]) < 0.01


def test_the_picture_shows_the_table(bound, library, tmp_path):
    result = iq.tl.validate_peaks(library, bound[0], background=bound[1], n_background=1)
    axes = iq.pl.validate_peaks(result, n_motifs=5, show=False, save=tmp_path / "x.png")
    assert axes[0].get_yticklabels()[0].get_text() == "GATA1_MA0035.5"
    np.testing.assert_allclose(axes[0].lines[1].get_xdata(), result.table["auroc"].iloc[:5])
    assert (tmp_path / "x.png").stat().st_size > 10_000
    assert len(iq.pl.validate_peaks(result, "TEAD4_MA0809.3", show=False)) == 2
    with pytest.raises(KeyError, match="There was no motif nothing"):
        iq.pl.validate_peaks(result, "nothing")
    with pytest.raises(ValueError, match="n_motifs must be at least 1"):
        iq.pl.validate_peaks(result, n_motifs=0)


def test_sequences_of_several_lengths_are_cut_and_filled_up(bound, fitted):
    peaks, others = bound
    texts = decode(peaks)
    mixed = [text[100:-100] if i % 2 else text + "ACGT" for i, text in enumerate(texts)]
    found = iq.tl.validate_peaks(fitted, mixed, background=others, match_gc=False)
    assert found.peaks.shape == (len(texts), len(iq.get.model(fitted).pbms))


def test_background_keeps_off_whole_peaks():
    places = pd.DataFrame({"chrom": "chr1", "start": [1000, 9000, 4000], "end": [4000, 9500, 4500]})
    start = np.array([400, 501, 2500, 3999, 4500, 8400, 8501, 9499, 9500])
    free = _free(places, np.full(len(start), "chr1", dtype=object), start, 500)
    assert free.tolist() == [True, False, False, False, True, True, False, False, True]
    assert _free(places, np.array(["chr2"], dtype=object), np.array([1200]), 500).all()
