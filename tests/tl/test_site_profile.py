"""Tracks around sites: known shapes are found again, on either strand, and only at the sites."""

from itertools import pairwise

import numpy as np
import pytest

import iceqream as iq
from iceqream.motifs.sites import Sites
from iceqream.tl._site_profile import _profile

pybigtools = pytest.importorskip("pybigtools")


def write_bigwig(path, sizes, values):
    pybigtools.open(str(path), "w").write(sizes, iter(values))
    return path


@pytest.fixture(scope="module")
def shaped(_fitted, tmp_path_factory):
    """A track that is 1, and 5 from 10 to 19 bp behind the centre of each GATA site, along the motif."""
    adata = _fitted.copy()
    sites = iq.tl.motif_sites(adata, "GATA")
    sizes = {
        str(chrom): int(end) + 3000 for chrom, end in adata.var.groupby("chrom", observed=True)["end"].max().items()
    }
    tracks = {chrom: np.ones(size) for chrom, size in sizes.items()}
    for row in sites.itertuples():
        middle = row.start + (row.end - row.start) // 2
        first = middle + 10 if row.strand == "+" else middle - 19
        tracks[row.chrom][first : first + 10] = 5
    path = tmp_path_factory.mktemp("tracks") / "shape.bw"
    runs = []
    for chrom in sorted(tracks):
        edges = np.flatnonzero(np.diff(tracks[chrom], prepend=np.nan, append=np.nan) != 0)
        runs += [(chrom, int(a), int(b), float(tracks[chrom][a])) for a, b in pairwise(edges)]
    return adata, write_bigwig(path, sizes, runs), len(sites)


def test_shapes_are_found_along_the_motif(shaped):
    adata, path, n_sites = shaped
    iq.tl.site_profile(adata, {"shape": path}, ["GATA", "TEAD"], bin_size=1, reach=60, n_bootstraps=20, progress=False)
    table = iq.get.site_profile_df(adata)
    gata = table[table["motif"] == "GATA"].set_index("position")
    assert (gata["n_sites"] == n_sites).all()
    assert gata["mean"].loc[10:19].min() > 4.5
    # other sites of the peak are near at times
    assert gata["mean"].drop(range(10, 20)).max() < 1.6
    assert gata["control"].max() < 1.6
    assert (gata["low"] <= gata["mean"]).all()
    assert (gata["mean"] <= gata["high"]).all()
    # a factor that does not shape the track
    tead = table[table["motif"] == "TEAD"].set_index("position")
    assert abs(tead["mean"] - tead["control"]).max() < 0.5


def test_bands_hold_the_mean_of_other_peaks(shaped, rng):
    adata, path, _ = shaped
    half = np.arange(adata.n_vars) % 2 == 0
    bands = []
    for chosen in (half, ~half):
        iq.tl.site_profile(adata, path, "GATA", reach=100, peaks=chosen, progress=False, key_added="part")
        bands.append(iq.get.site_profile_df(adata, "part"))
    apart = (bands[0]["mean"] - bands[1]["mean"]).abs()
    error = np.hypot(*((one["high"] - one["low"]) / 3.92 for one in bands))
    # 95 % of the bins were within two standard errors
    assert (apart <= 2 * error + 1e-9).mean() > 0.85


def test_coverage_missing_values_and_chromosomes(shaped, tmp_path, caplog):
    adata, _, _ = shaped
    sizes = {"chr1": 10_000_000}
    sparse = write_bigwig(tmp_path / "sparse.bw", sizes, [("chr1", 0, 20_000, 2.0)])
    iq.tl.site_profile(adata, sparse, "GATA", min_energy=6, progress=False, n_bootstraps=5)
    assert "peaks with sites lie off the track" in caplog.text
    zero = iq.get.site_profile_df(adata)["mean"]
    assert zero.max() < 2
    iq.tl.site_profile(adata, sparse, "GATA", min_energy=6, missing=None, progress=False, n_bootstraps=5)
    assert iq.get.site_profile_df(adata)["mean"].dropna().eq(2).all()
    with pytest.raises(ValueError, match=r"No motif has 10 sites of energy 8 on other\.bw"):
        iq.tl.site_profile(adata, write_bigwig(tmp_path / "other.bw", {"chrX": 9}, [("chrX", 0, 9, 1.0)]), "GATA")


def test_threads_change_nothing_and_mistakes_are_named(shaped, tmp_path):
    adata, path, _ = shaped
    for jobs in (1, 2):
        iq.tl.site_profile(adata, path, "GATA", n_jobs=jobs, key_added=f"jobs{jobs}", n_bootstraps=5, progress=False)
    one, two = (iq.get.site_profile_df(adata, f"jobs{jobs}") for jobs in (1, 2))
    np.testing.assert_array_equal(one["high"], two["high"])
    axes = iq.pl.site_profile(adata, key="jobs1", show=False, save=tmp_path / "x.png")
    assert axes[0].get_title().startswith("GATA (")
    line = next(line for line in axes[0].lines if line.get_label() == "shape.bw")
    np.testing.assert_allclose(line.get_ydata(), one["mean"])
    for words, error, match in (
        ({"reach": 2}, ValueError, "reach must be at least bin_size"),
        ({"min_energy": 0}, ValueError, "min_energy lies above 0"),
        ({"tracks": 3}, TypeError, "tracks is a bigWig file"),
        ({"tracks": {}}, ValueError, "There is no track"),
        ({"tracks": tmp_path / "no.bw"}, FileNotFoundError, "There is no file"),
        ({"motifs": "GATAX"}, KeyError, "Did you mean 'GATA'"),
    ):
        with pytest.raises(error, match=match):
            iq.tl.site_profile(adata, **{"tracks": path, **words})
    with pytest.raises(KeyError, match=r"run iq.tl.site_profile first"):
        iq.get.site_profile_df(adata, "none")
    with pytest.raises(KeyError, match="There is no profile of TEAD"):
        iq.pl.site_profile(adata, "TEAD", key="jobs1")


@pytest.mark.parametrize("bin_size", [1, 2])
@pytest.mark.parametrize("length", [7, 8])
def test_both_strands_have_the_same_base_in_the_middle(length, bin_size):
    """A track that is 1 on the third base of every site, whichever strand the site is on."""
    start, strand = np.array([40, 90, 41, 120]), np.array([1, 1, -1, -1])
    sites = Sites(np.arange(4), np.zeros(4, int), start, strand, np.full(4, 9.0))
    n_bins, regions = 40 // bin_size, {}
    half = (n_bins * bin_size) // 2
    for i, (first, sign) in enumerate(zip(start, strand, strict=True)):
        region = np.zeros(200 + 2 * half, dtype=np.float32)
        region[half + (first + 2 if sign > 0 else first + length - 3)] = 1
        regions[i] = region
    rng = np.random.default_rng(0)
    mean = _profile(sites, np.arange(4), length, regions, n_bins, bin_size, 3, rng)[0]
    at = (half + 2 - length // 2) // bin_size
    assert mean[at] == pytest.approx(1 / bin_size)
    assert np.count_nonzero(mean) == 1
