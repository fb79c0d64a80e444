"""Sites on the genome: every number is that of the locus plot, and files read back are the same."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import iceqream as iq
from iceqream.inference.sites import strongest_apart
from iceqream.models.interactions import Interactions
from iceqream.motifs.sites import Sites


def contributions(adata, peak):
    table = iq.get.local_contributions_df(adata, peak)
    return {name: part.reset_index(drop=True) for name, part in table.groupby("motif", sort=False)}


def test_sites_are_the_windows_of_the_locus_plot(full):
    assert len(iq.get.model(full).interactions)
    peaks = full.var_names[[3, 40, 100, 333]]
    table = iq.tl.motif_sites(full, min_energy=6, overlapping=True, peaks=list(peaks))
    start = full.var["start"]
    for peak in peaks:
        for name, part in contributions(full, peak).items():
            want = part[part["energy"] >= 6]
            of = table[(table["peak"] == peak) & (table["motif"] == name)]
            np.testing.assert_array_equal(of["start"] - start[peak], want["position"])
            np.testing.assert_allclose(of["energy"], want["energy"], rtol=1e-6)
            np.testing.assert_allclose(of["response"], want["response"], atol=1e-6)
    assert (table["chrom"] == full.var.loc[table["peak"], "chrom"].to_numpy()).all()
    lengths = dict(zip(*(getattr(iq.get.model(full).pbms.motifs, what) for what in ("names", "lengths")), strict=True))
    assert (table["end"] - table["start"]).tolist() == [lengths[name] for name in table["motif"]]
    assert set(table["strand"]) == {"+", "-"}
    curves = iq.get.model(full).pbms.spatial
    one = table.iloc[0]
    i, place = list(lengths).index(one["motif"]), one["start"] - start[one["peak"]]
    want = curves.weights[i][(place - curves.start) // curves.bin_size] / curves.weights[i].mean()
    assert one["spatial_weight"] == pytest.approx(want)


def test_of_overlapping_windows_the_strongest_stays():
    start, energy = np.array([0, 3, 8, 20, 0, 2]), np.array([8.0, 9.0, 8.5, 8.1, 9.0, 9.0])
    sequence, motif = np.array([0, 0, 0, 0, 1, 1]), np.zeros(6, dtype=int)
    sites = Sites(sequence, motif, start, np.ones(6), energy)
    assert strongest_apart(sites, np.array([5])).tolist() == [1, 2, 3, 4]
    # neighbours that the strongest leaves out do not leave out theirs
    assert strongest_apart(sites, np.array([6])).tolist() == [1, 3, 4]


def test_genes_are_those_of_the_site_or_of_the_peak(full):
    few = list(full.var_names[:200])
    of_peak = iq.tl.motif_sites(full, peaks=few)
    assert of_peak["gene"].tolist() == full.var.loc[of_peak["peak"], "tss_gene"].astype(str).tolist()
    of_site = iq.tl.motif_sites(full, peaks=few, genes=full.uns["tss"])
    assert (of_site["gene"] == of_peak["gene"]).mean() > 0.95
    off = (of_site["tss_distance"].abs() - of_peak["tss_distance"].abs()).abs()[of_site["gene"] == of_peak["gene"]]
    assert off.max() <= 250


def test_a_bed_file_reads_back(full, tmp_path):
    table = iq.tl.motif_sites(full, ["GATA", "PU.1"], save=tmp_path / "sites.bed")
    assert (tmp_path / "sites.bed").read_text().startswith("track name=")
    bed = pd.read_csv(tmp_path / "sites.bed", sep="\t", header=None, skiprows=1)
    ordered = table.sort_values(["chrom", "start", "end", "motif"], kind="stable")
    np.testing.assert_array_equal(bed[1], ordered["start"])
    assert bed[3].tolist() == ordered["motif"].tolist()
    np.testing.assert_allclose(bed[4] / 100, ordered["energy"], atol=0.0051)
    assert (bed[8] == "192,57,43").tolist() == (ordered["response"] >= 0).tolist()
    assert not list(tmp_path.glob("*.part"))


def test_a_bigwig_reads_back_as_the_locus_plot(full, tmp_path):
    pybigtools = pytest.importorskip("pybigtools")
    iq.tl.contribution_track(full, tmp_path / "model.bw")
    with pybigtools.open(str(tmp_path / "model.bw")) as file:
        for peak in (3, 40, 100, 333):
            want = sum(part["site_response"].to_numpy() for part in contributions(full, peak).values())
            chrom, start, end = (full.var[name].iloc[peak] for name in ("chrom", "start", "end"))
            values = np.nan_to_num(np.asarray(file.values(str(chrom), int(start), min(int(end), file.chroms()[chrom]))))
            np.testing.assert_allclose(values, want[: len(values)], atol=2e-6)


def test_bases_of_overlapping_peaks_are_the_nearest_ones(full, tmp_path):
    pybigtools = pytest.importorskip("pybigtools")
    two = full[:, [3, 40]].copy()
    two.var["chrom"] = "chr9"
    two.var["start"], two.var["end"] = [1000, 1200], [1500, 1700]
    two.var_names = ["chr9:1000-1500", "chr9:1200-1700"]
    iq.tl.contribution_track(two, tmp_path / "model.bw")
    with pybigtools.open(str(tmp_path / "model.bw")) as file:
        found = np.nan_to_num(np.asarray(file.values("chr9", 1000, 1700)))
    first, second = (sum(part["site_response"].to_numpy() for part in contributions(two, k).values()) for k in (0, 1))
    np.testing.assert_allclose(found[:350], first[:350], atol=2e-6)
    np.testing.assert_allclose(found[350:], second[150:], atol=2e-6)


def test_manifolds_places_and_mistakes(full, manifold, fitted, tmp_path, without_motifs):
    table = iq.tl.motif_sites(manifold, key="iq_manifold", trajectory="early", peaks=[0, 1, 2])
    assert set(table["motif"]) <= set(iq.get.model(manifold, "iq_manifold", trajectory="early").motif_names)
    bare = full[:, :5].copy()
    bare.var = bare.var.drop(columns=["chrom", "start", "end"]).set_axis([f"p{i}" for i in range(5)])
    relative = iq.tl.motif_sites(bare)
    assert "chrom" not in relative
    assert relative["end"].max() <= 500
    with pytest.raises(ValueError, match="min_energy lies above 0 and up to 10, got 11"):
        iq.tl.motif_sites(full, min_energy=11)
    with pytest.raises(ValueError, match="p0"):
        iq.tl.motif_sites(bare, save=tmp_path / "x.bed")
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        iq.tl.motif_sites(full, save=tmp_path / "none" / "x.bed")
    with pytest.raises(KeyError, match="Did you mean 'GATA'"):
        iq.tl.motif_sites(full, "GATAX")
    with pytest.raises(ValueError, match="The model has no motifs"):
        iq.tl.motif_sites(without_motifs)


def lopsided(model):
    """The model with a motif of which only the first part says something."""
    pssm = model.pbms.motifs.pssm.copy()
    length = int(model.pbms.motifs.lengths[0])
    pssm[0, length - 3 : length] = 0.25
    motifs, shift = replace(model.pbms.motifs, pssm=pssm), np.zeros(len(model.pbms))
    shift[0] = 4  # what is left says less: its best sites are to reach the top of the scale
    low, high = model.pbms.energy_low - shift, model.pbms.energy_high - shift
    return replace(model, pbms=replace(model.pbms, motifs=motifs, energy_low=low, energy_high=high))


def test_sites_of_either_strand_cover_their_own_bases(full, tmp_path):
    """The track of a sequence is the mirrored track of its reverse complement, for motifs with one blank end too."""
    model = lopsided(iq.get.model(full))
    both = full[:, [3, 4]].copy()
    both.var_names = ["chr1:1000-1500", "chr1:3000-3500"]
    both.var["chrom"] = "chr1"
    both.var["start"], both.var["end"] = [1000, 3000], [1500, 3500]
    local = model.pbms.take(np.array([0])).normalized_local_energies(full.varm["sequence"])[:, 0]
    codes = full.varm["sequence"][[int(np.nanmax(local, axis=1).argmax())] * 2].copy()
    codes[1] = 3 - codes[0, ::-1]
    both.varm["sequence"] = codes
    # pairs know the curves, and these the strand of the genome; a motif's own response does not
    nothing = np.array([])
    alone = replace(
        model, interactions=Interactions.none(), effects=nothing, residual_r2=nothing, effect_errors=nothing
    )
    both.uns["iq"] = alone.to_uns()
    name = str(model.motif_names[0])
    tables = [iq.get.local_contributions_df(both, i, motifs=[name]) for i in (0, 1)]
    assert tables[0]["site_energy"].max() > 1
    for column in ("site_response", "site_energy", "weight"):
        one, other = (table[column].to_numpy() for table in tables)
        np.testing.assert_allclose(one, other[::-1], atol=1e-5)
    pybigtools = pytest.importorskip("pybigtools")
    path = iq.tl.contribution_track(both, tmp_path / "both.bw")
    with pybigtools.open(str(path)) as file:
        one, other = (np.nan_to_num(file.values("chr1", start, start + 500)) for start in (1000, 3000))
    np.testing.assert_allclose(one, other[::-1], atol=1e-5)
    assert np.abs(one).max() > 0.01


def test_a_track_that_fails_leaves_the_old_file(full, tmp_path, monkeypatch):
    pytest.importorskip("pybigtools")
    path = iq.tl.contribution_track(full, tmp_path / "good.bw", peaks=[1, 2, 3])
    before = path.read_bytes()
    model = iq.get.model(full)
    strongest = np.nanmax(model.pbms.normalized_local_energies(full.varm["sequence"])[:, 0], axis=1)
    with pytest.raises(ValueError, match="would be empty"):
        iq.tl.contribution_track(full, path, str(model.motif_names[0]), peaks=[int(strongest.argmin())])

    def broken(*_arguments):
        yield "chr1", 100, 200, 1.0
        msg = "in the middle"
        raise RuntimeError(msg)

    monkeypatch.setattr("iceqream.tl._motif_sites._runs", broken)
    with pytest.raises(RuntimeError, match="in the middle"):
        iq.tl.contribution_track(full, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["good.bw"]
