import numpy as np
import pandas as pd
import pytest

import iceqream as iq
from iceqream._core.energy import SpatialCurves, energies, with_pseudo_probability
from iceqream._core.regression import logistic
from iceqream.datasets.simulation import background
from iceqream.motifs.seeds import within_one_edit

PLANTED = (
    "GATA1_MA0035.5", "Spi1_MA0080.7", "CTCF_MA0139.2", "CEBPA_MA0102.5", "MYOD1_MA0499.3", "HNF1A_MA0046.3",
    "Runx1_MA0002.3", "FOXA2_MA0047.4",
)  # fmt: skip
SPREAD = 40.0


def planted(matrix, seed, shift=0.0, n=3000, width=500):
    """Sequences with sites around the centre (shifted) on both strands, and their noisy occupancy."""
    rng = np.random.default_rng(seed)
    codes = background(n, width, np.zeros(n, dtype=bool), rng)
    length = len(matrix)
    cumulative = np.cumsum(matrix, axis=1)
    rows = np.repeat(np.arange(n), rng.poisson(0.7, n))
    starts = np.clip(rng.normal(width / 2 + shift, SPREAD, len(rows)) - length / 2, 0, width - length).astype(int)
    for row, start in zip(rows, starts, strict=True):
        site = np.minimum((cumulative < rng.random(length)[:, None]).sum(axis=1), 3)
        codes[row, start : start + length] = 3 - site[::-1] if rng.random() < 0.5 else site
    distance = 30 + 40 * np.arange(11) + 20 - width / 2
    curve = np.exp(-0.5 * ((distance - shift) / SPREAD) ** 2) + 1e-3
    probabilities = with_pseudo_probability(matrix, 0.01)[None]
    energy = energies(codes, probabilities, np.array([length]), spatial=SpatialCurves(curve[None], 30, 40))[:, 0]
    return codes, logistic(energy - np.quantile(energy, 0.8)) + rng.normal(0, 0.1, n), distance


@pytest.mark.parametrize("name", PLANTED)
def test_planted_motifs_of_different_information_are_found(name):
    motif = iq.motifs.jaspar("JASPAR2026")[name]
    codes, response, distance = planted(motif.matrix(0), PLANTED.index(name))
    result = iq.motifs.regress(codes, response, kmer_width=200)
    alike = iq.motifs.similarity(result.pbms.motifs.trim(), motif, method="pearson", prior=0.0).iloc[0, 0]
    # measured on 4,000 sequences: 0.937 (Spi1, 14.5 bits) to 0.998 (GATA1, 9.8 bits)
    assert alike > 0.9
    curve = result.pbm.spatial
    assert curve.sum() == pytest.approx(1)
    assert abs(curve @ distance) < 1e-6
    assert curve.argmax() == 5
    assert curve[3:8].sum() > 0.6  # of five bins in eleven; measured: 0.68 (HNF1A) to 0.99


def test_a_curve_off_the_centre_is_found_without_symmetry():
    motif = iq.motifs.jaspar("JASPAR2026")["GATA1_MA0035.5"]
    codes, response, distance = planted(motif.matrix(0), 1, shift=80.0)
    result = iq.motifs.regress(codes, response, symmetric=False)
    assert result.pbm.spatial @ distance == pytest.approx(80.0, abs=20.0)


@pytest.fixture(scope="module")
def two_motifs():
    library = iq.motifs.jaspar("JASPAR2026")
    first = planted(library.matrix("GATA1_MA0035.5"), 3)
    codes, _, _ = planted(library.matrix("TEAD4_MA0809.3"), 4)
    half = codes.copy()
    half[:, 250:] = first[0][:, 250:]
    energy = [
        iq.motifs.energies(half, library[[name]], width=200)[:, 0] for name in ("GATA1_MA0035.5", "TEAD4_MA0809.3")
    ]
    signal = sum(logistic(e - np.quantile(e, 0.8)) for e in energy)
    return half, signal + np.random.default_rng(0).normal(0, 0.1, len(half))


def test_the_second_motif_explains_the_residual_of_the_first(two_motifs):
    codes, response = two_motifs
    result = iq.motifs.regress(codes, response, n_motifs=2, kmer_width=200, progress=False)
    planted_motifs = iq.motifs.jaspar("JASPAR2026")[["GATA1_MA0035.5", "TEAD4_MA0809.3"]]
    alike = iq.motifs.similarity(planted_motifs, result.pbms.motifs.trim(), method="pearson", prior=0.0)
    assert (alike.max(axis=1) > 0.8).all()  # measured: 0.816 (the first takes some of both) and 0.980
    assert set(alike.to_numpy().argmax(axis=1)) == {0, 1}
    assert result.r2_combined[0] > result.r2[:, 0].max() + 0.04  # measured: 0.674 and 0.617
    X = np.column_stack([np.ones(len(codes)), result.energies.astype(float)])
    want = X @ np.linalg.lstsq(X, response, rcond=None)[0]
    np.testing.assert_allclose(result.prediction[:, 0], want, atol=1e-8)
    assert result.history["motif"].unique().tolist() == [0, 1]


def test_energies_r2_and_scale_belong_together(two_motifs):
    codes, response = two_motifs
    result = iq.motifs.regress(codes, response, kmer_width=200)
    np.testing.assert_allclose(result.pbm.energy(codes), result.energies[:, 0], atol=1e-6)
    assert result.r2[0, 0] == pytest.approx(np.corrcoef(result.energies[:, 0], response)[0, 1] ** 2, abs=1e-6)
    normalized = result.pbm.normalized_energy(codes)
    assert normalized.min() == 0
    assert normalized.max() == pytest.approx(10, abs=1e-5)
    assert result.pbms.pseudo_probability == 0


def test_seeds_candidates_and_given_motifs(two_motifs):
    codes, response = two_motifs
    best = iq.motifs.screen_kmers(codes, response, width=200)["kmer"].iloc[0]
    screened = iq.motifs.regress(codes, response, kmer_width=200)
    assert screened.seeds == [best]
    given = iq.motifs.regress(codes, response, motif=best)
    assert (given.pbm.pssm == screened.pbm.pssm).all()
    gata = iq.motifs.jaspar("JASPAR2026")["GATA1_MA0035.5"]
    for start in (gata, next(iter(gata)), gata.matrix(0)):
        result = iq.motifs.regress(codes, response, motif=start)
        assert result.seeds == [""]
        assert result.pbm.pssm.shape == (7, 4)
    several = iq.motifs.regress(codes, response, n_candidates=4, kmer_width=200, progress=False)
    table = several.candidates
    assert len(table) == 4
    assert several.seeds[0] == table.loc[table["held_out_r2"].idxmax(), "kmer"]
    assert several.r2[0, 0] >= screened.r2[0, 0] - 0.02
    sampled = iq.motifs.regress(codes, response, kmer_sample=1500, kmer_width=200, rng=1)
    again = iq.motifs.regress(codes, response, kmer_sample=1500, kmer_width=200, rng=1)
    assert (sampled.pbm.pssm == again.pbm.pssm).all()


def test_forward_strand_only(two_motifs):
    codes, response = two_motifs
    result = iq.motifs.regress(codes, response, strands="forward", kmer_width=200)
    probabilities = result.pbms.motifs.pssm
    want = energies(codes, probabilities, result.pbms.motifs.lengths, strands="forward", spatial=result.pbms.spatial)
    assert (result.energies == want).all()


def test_binary_responses_get_a_ks_test(two_motifs):
    codes, response = two_motifs
    binary = (response > np.median(response)).astype(float)
    result = iq.motifs.regress(codes, binary, kmer_width=200)
    statistic, p_value = result.ks
    assert statistic > 0.3
    assert p_value < 1e-20
    assert iq.motifs.regress(codes, response, kmer_width=200).ks is None


@pytest.mark.parametrize(
    ("a", "b", "near"),
    [("ACGT", "ACGT", True), ("ACGT", "ACTT", True), ("ACGT", "ACG", True), ("CGT", "ACGT", True),
     ("ACGT", "TGCA", False), ("ACGT", "AC", False), ("ACGTA", "CGTAC", False)],
)  # fmt: skip
def test_near_duplicates(a, b, near):
    assert within_one_edit(a, b) is near
    assert within_one_edit(b, a) is near


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"response": np.zeros(3)}, r"one row per sequence \(100\)"),
        ({"response": np.r_[np.nan, np.zeros(99)]}, "response of 1 sequence.*number 0"),
        ({"response": np.ones(100)}, r"constant \(target 0\)"),
        ({"sequences": np.zeros((5, 100), dtype=np.uint8), "response": np.arange(5.0)}, "5 sequences are too few"),
        ({"objective": "auc"}, "objective must be"),
        ({"objective": "ks"}, "two values"),
        ({"strands": "reverse"}, "strands"),
        ({"n_motifs": 0}, "n_motifs"),
        ({"motif": "GATX"}, "made of A, C, G, T"),
        ({"motif": np.full((60, 4), 0.25)}, "motif of 60 bp is too long"),
        ({"motif_length": 90}, "motif of 90 bp is too long"),
        ({"min_correlation": 0.99}, r"No 8-mer reaches \|r\| >= 0.495.*the best has"),
    ],
)
def test_bad_input_is_named(rng, change, message):
    arguments = {
        "sequences": rng.integers(0, 4, (100, 100)).astype(np.uint8),
        "response": rng.normal(size=100),
        **change,
    }
    with pytest.raises(ValueError, match=message):
        iq.motifs.regress(**arguments)


def test_screen_is_a_table(two_motifs):
    codes, response = two_motifs
    table = iq.motifs.screen_kmers(codes, np.column_stack([response, -response]), 7, width=200, both_strands=True)
    assert table.columns.tolist() == ["kmer", "max_r2", "avg_n", "avg_var", "cor_0", "cor_1"]
    assert isinstance(table, pd.DataFrame)
    assert table["max_r2"].is_monotonic_decreasing
    np.testing.assert_allclose(table["cor_0"], -table["cor_1"], atol=1e-12)
    assert (table["cor_0"].abs() >= 0.08).all()
