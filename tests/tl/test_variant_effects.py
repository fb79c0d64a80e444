"""Effects of variants against two predictions of sequences that are put together by hand; motifs, sites and reasons."""

import numpy as np
import pandas as pd
import pysam
import pytest

import iceqream as iq
from iceqream._core.sequence import decode, encode

N = 40_000
PEAKS = np.arange(300, N - 900, 700)


@pytest.fixture(scope="module")
def model(request):
    return iq.get.model(request.getfixturevalue("_full"))


@pytest.fixture(scope="module")
def chromosome():
    text = "".join(np.random.default_rng(0).choice(list("ACGT"), N))
    return f"{text[:5000]}NNNNN{text[5005:]}"


@pytest.fixture(scope="module")
def genome(chromosome, tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "toy.fa"
    path.write_text(f">chr1\n{chromosome}\n>chr2\n{'ACGT' * 400}\n")
    return iq.Genome(path)


@pytest.fixture(scope="module")
def peaks():
    return pd.DataFrame({"chrom": "chr1", "start": PEAKS, "end": PEAKS + 500})


def alternative(chromosome, start, pos, ref, alt):
    """The window of a peak with one variant: what lies between it and the centre stays in its place."""
    first, last = pos - 1, pos - 1 + len(ref)
    # what both alleles have in common is no change
    while ref and alt and ref[-1] == alt[-1]:
        ref, alt, last = ref[:-1], alt[:-1], last - 1
    while ref and alt and ref[0] == alt[0]:
        ref, alt, first = ref[1:], alt[1:], first + 1
    centre = start + 250
    if last <= centre:
        left = chromosome[:first] + alt
        middle = chromosome[last:centre]
        return (left + middle)[-250:] + chromosome[centre : centre + 250]
    if first >= centre:
        right = alt + chromosome[last:]
        return chromosome[centre - 250 : centre] + (chromosome[centre:first] + right)[:250]
    return chromosome[centre - 250 : first] + (alt + chromosome[last:])[: 500 - (first - centre + 250)]


def drawn(chromosome, rng, n, *, indels):
    """Variants in peaks, at their edges too."""
    rows = []
    while len(rows) < n:
        start = int(rng.choice(PEAKS))
        first = start + int(rng.choice([rng.integers(0, 500), rng.integers(0, 4), rng.integers(496, 500)]))
        size = int(rng.integers(1, 30)) if indels and rng.random() < 0.5 else 1
        ref = chromosome[first : first + size]
        size = int(rng.integers(1, 30)) if indels else 1
        alt = "".join(rng.choice(list("ACGT"), size))
        if indels and rng.random() < 0.7:
            alt = ref[0] + alt[1:]  # as VCF writes them
        if ref != alt and "N" not in ref:
            rows.append(("chr1", first + 1, ref, alt))
    return pd.DataFrame(rows, columns=["chrom", "pos", "ref", "alt"])


@pytest.mark.parametrize("indels", [False, True])
def test_effects_are_the_difference_of_two_predictions(model, chromosome, genome, peaks, indels):
    table = drawn(chromosome, np.random.default_rng(1), 300, indels=indels)
    found = iq.tl.variant_effects(model, table, genome=genome, peaks=peaks).table
    assert len(found) > 250
    starts = found["peak"].str.extract(r":(\d+)-")[0].astype(int)
    columns = [found[name] for name in ("pos", "ref", "alt")]
    texts = [alternative(chromosome, *row) for row in zip(starts, *columns, strict=True)]
    before = model.predict([chromosome[start : start + 500] for start in starts])
    after = model.predict(texts)
    # the very same computation: measured 0
    np.testing.assert_allclose(found["dap_ref"], before, atol=1e-12)
    np.testing.assert_allclose(found["dap_alt"], after, atol=1e-12)
    np.testing.assert_allclose(found["effect"], after - before, atol=1e-12)
    logit = [model.linear_predictor(model.values(of)) for of in ([chromosome[s : s + 500] for s in starts], texts)]
    np.testing.assert_allclose(found["change"], logit[1] - logit[0], atol=1e-9)
    same = found["id"] + found["peak"] == found["id"].shift() + found["peak"].shift()
    assert not same.any()


def test_every_overlapping_peak_has_a_row(model, chromosome, genome):
    close = pd.DataFrame({"chrom": "chr1", "start": [1000, 1200, 9000], "end": [1500, 1700, 9500]})
    table = pd.DataFrame(
        {"chrom": "chr1", "pos": [1301, 4001], "ref": [chromosome[1300], chromosome[4000]], "alt": "T"}
    )
    table["alt"] = ["A" if ref != "A" else "C" for ref in table["ref"]]
    found = iq.tl.variant_effects(model, table, genome=genome, peaks=close)
    assert found.table["peak"].tolist() == ["chr1:1000-1500", "chr1:1200-1700"]
    assert found.table["offset"].tolist() == [50, -150]
    assert found.skipped[["pos", "reason"]].to_numpy().tolist() == [[4001, "in no peak"]]


def test_windows_around_variants(model, chromosome, genome):
    table = drawn(chromosome, np.random.default_rng(2), 20, indels=False)
    found = iq.tl.variant_effects(model, table, genome=genome, around="variant").table
    for row in found.itertuples():
        start = row.pos - 1 - 250
        reference = chromosome[max(start, 0) : start + 500].rjust(500, "N")
        assert row.offset == 0
        np.testing.assert_allclose(row.dap_ref, model.predict(reference)[0], atol=1e-12)


@pytest.mark.parametrize("strand", ["+", "-"])
@pytest.mark.parametrize("offset", [-60, 30])
def test_a_lost_site_is_named_with_its_place(model, strand, offset, tmp_path):
    rng = np.random.default_rng(3)
    text = "".join(rng.choice(list("ACGT"), 1500))
    pssm = model.pbms.motifs[["GATA"]].matrix(0)
    site = decode(pssm.argmax(axis=1).astype(np.uint8)[None])[0]
    written = site if strand == "+" else decode((3 - encode(site))[:, ::-1])[0]
    at = 750 + offset
    text = text[:at] + written + text[at + len(site) :]
    (tmp_path / "g.fa").write_text(f">chr1\n{text}\n")
    # the most informative position
    best = int(pssm.max(axis=1).argmax())
    best = best if strand == "+" else len(site) - 1 - best
    worst = "ACGT"[int(pssm[best if strand == "+" else len(site) - 1 - best].argmin())]
    worst = worst if strand == "+" else "ACGT"[3 - "ACGT".index(worst)]
    table = pd.DataFrame({"chrom": ["chr1"], "pos": [at + best + 1], "ref": [text[at + best]], "alt": [worst]})
    peak = pd.DataFrame({"chrom": ["chr1"], "start": [500], "end": [1000]})
    row = iq.tl.variant_effects(model, table, genome=tmp_path / "g.fa", peaks=peak).table.iloc[0]
    assert row["motif"] == "GATA"
    assert row["site"] in {"lost", "weakened"}
    assert (row["site_start"], row["site_end"], row["strand"]) == (at, at + len(site), strand)
    assert row["site_ref"] == pytest.approx(10, abs=0.01)
    assert row["site_alt"] < 8
    assert row["energy_alt"] < row["energy_ref"]
    assert row["motif_change"] < 0 and row["effect"] < 0  # noqa: PT018
    # the other way round it is gained, with the same numbers
    swapped = text[: at + best] + worst + text[at + best + 1 :]
    (tmp_path / "h.fa").write_text(f">chr1\n{swapped}\n")
    table = table.assign(ref=table["alt"], alt=table["ref"])
    back = iq.tl.variant_effects(model, table, genome=tmp_path / "h.fa", peaks=peak).table.iloc[0]
    assert back["effect"] == pytest.approx(-row["effect"], abs=1e-12)
    assert (back["motif"], back["site"]) == ("GATA", {"lost": "gained", "weakened": "strengthened"}[row["site"]])
    assert (back["site_start"], back["strand"]) == (at, strand)


def test_site_energies_are_those_of_the_windows(model, chromosome, genome, peaks):
    table = drawn(chromosome, np.random.default_rng(4), 40, indels=True)
    found = iq.tl.variant_effects(model, table, genome=genome, peaks=peaks)
    for row in found.motifs[found.motifs["motif"] != ""].head(60).itertuples():
        start = int(row.peak.split(":")[1].split("-")[0])
        k = list(model.motif_names).index(row.motif)
        length = int(model.pbms.motifs.lengths[k])
        local = model.pbms.take(np.array([k])).normalized_local_energies(chromosome[start : start + 500])[0, 0]
        first, last = row.pos - 1 - start, row.pos - 1 - start + len(row.ref)
        over = [local[i] for i in range(max(first - length + 1, 0), min(last, 500 - length + 1))]
        # the alleles share their first base in places: the windows over what differs are among these
        assert row.site_ref <= max(over, default=0) + 1e-4


def test_vcf_files_are_read(model, chromosome, genome, peaks, tmp_path):
    table = drawn(chromosome, np.random.default_rng(5), 30, indels=True).sort_values("pos", kind="stable")
    lines = ["##fileformat=VCFv4.2", f"##contig=<ID=chr1,length={N}>", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    lines += [f"{r.chrom}\t{r.pos}\trs{i}\t{r.ref}\t{r.alt}\t.\tPASS\t." for i, r in enumerate(table.itertuples())]
    plain = tmp_path / "variants.vcf"
    plain.write_text("\n".join(lines) + "\n")
    pysam.tabix_compress(str(plain), str(tmp_path / "variants.vcf.gz"))
    want = iq.tl.variant_effects(model, table, genome=genome, peaks=peaks).table
    for path in (plain, tmp_path / "variants.vcf.gz"):
        got = iq.tl.variant_effects(model, path, genome=genome, peaks=peaks).table
        assert got["id"].str.startswith("rs").all()
        pd.testing.assert_frame_equal(got.drop(columns="id"), want.drop(columns="id"))


def test_reasons_for_skipping(model, chromosome, genome, peaks, tmp_path):
    at = int(PEAKS[1]) + 100
    base = chromosome[at]
    other = "A" if base != "A" else "C"
    rows = [
        (at + 1, base, "<DEL>", "symbolic allele"), (at + 1, base, "*", "symbolic allele"),
        (at + 1, base, base, "alternative allele is the reference allele"),
        (at + 1, base, ".", "no alternative allele"), (at + 1, base, base + "A" * 60, "longer than 50 bp"),
        (at + 1, other, base, "reference allele is not the genome's"),
        (at + 1, base, "R", "letters other than A, C, G, T and N"), (N + 5, "A", "C", "past the end of the chromosome"),
        (at + 1, base, other, ""), (10, chromosome[9], "ACGT"[("ACGT".index(chromosome[9]) + 1) % 4], "in no peak"),
    ]  # fmt: skip
    table = pd.DataFrame([("chr1", pos, ref, alt) for pos, ref, alt, _ in rows], columns=["chrom", "pos", "ref", "alt"])
    table.loc[len(table)] = ("chr7", 5, "A", "C")
    found = iq.tl.variant_effects(model, table, genome=genome, peaks=peaks)
    assert len(found.table) == 1
    want = sorted([*[reason for *_, reason in rows if reason], "chromosome is not in the genome"])
    assert sorted(found.skipped["reason"]) == want


def test_several_alternative_alleles_are_split(model, chromosome, genome, peaks):
    at = int(PEAKS[2]) + 200
    others = [base for base in "ACGT" if base != chromosome[at]]
    table = pd.DataFrame({"chrom": ["chr1"], "pos": [at + 1], "ref": [chromosome[at]], "alt": [",".join(others)]})
    found = iq.tl.variant_effects(model, table, genome=genome, peaks=peaks).table
    assert found["alt"].tolist() == others
    assert (found["dap_ref"] == found["dap_ref"].iloc[0]).all()


def test_another_assembly_is_refused_and_told(model, chromosome, genome, peaks):
    table = drawn(chromosome, np.random.default_rng(6), 200, indels=False)
    for wrong, said in (
        (table.assign(pos=table["pos"] - 1), "0-based"),
        (table.assign(ref=table["alt"], alt=table["ref"]), "swapped"),
        (table.assign(pos=table["pos"] + 17), "assembly"),
    ):
        with pytest.raises(ValueError, match=said):
            iq.tl.variant_effects(model, wrong, genome=genome, peaks=peaks)
    with pytest.raises(ValueError, match="'chr'"):
        iq.tl.variant_effects(model, table.assign(chrom="1"), genome=genome, peaks=peaks)


def test_haplotypes_hold_their_variants_together(model, chromosome, genome, peaks):
    start = int(PEAKS[3])
    first, second = start + 100, start + 300
    table = pd.DataFrame(
        [("chr1", first + 1, chromosome[first : first + 3], chromosome[first], "a"),
         ("chr1", second + 1, chromosome[second], chromosome[second] + "GATAAG", "a"),
         ("chr1", second + 1, chromosome[second], "A" if chromosome[second] != "A" else "C", "b")],
        columns=["chrom", "pos", "ref", "alt", "hap"],
    )  # fmt: skip
    found = iq.tl.variant_effects(model, table, genome=genome, peaks=peaks, haplotypes="hap").table
    assert len(found) == 2
    text = (chromosome[:first] + chromosome[first] + chromosome[first + 3 : start + 250])[-250:]
    text += (chromosome[start + 250 : second + 1] + "GATAAG" + chromosome[second + 1 :])[:250]
    both = found[found["haplotype"] == "a"].iloc[0]
    assert both["dap_alt"] == pytest.approx(model.predict(text)[0], abs=1e-12)
    assert both["pos"] == f"{first + 1},{second + 1}"


def test_phased_genotypes_make_haplotypes(model, chromosome, genome, peaks, tmp_path):
    start = int(PEAKS[4])
    lines = ["##fileformat=VCFv4.2", f"##contig=<ID=chr1,length={N}>",
             '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
             "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tme"]  # fmt: skip
    for i, genotype in enumerate(("0|1", "1|0", "1|1", "0/1", "0|0")):
        at = start + 100 + 20 * i
        other = "A" if chromosome[at] != "A" else "C"
        lines.append(f"chr1\t{at + 1}\trs{i}\t{chromosome[at]}\t{other}\t.\t.\t.\tGT\t{genotype}")
    path = tmp_path / "me.vcf"
    path.write_text("\n".join(lines) + "\n")
    found = iq.tl.variant_effects(model, path, genome=genome, peaks=peaks, haplotypes="me")
    assert sorted(found.table["id"]) == ["rs0,rs2", "rs1,rs2"]
    assert found.skipped.set_index("id")["reason"].to_dict() == {
        "rs3": "heterozygous, not phased",
        "rs4": "not carried",
    }
    with pytest.raises(KeyError, match="you"):
        iq.tl.variant_effects(model, path, genome=genome, peaks=peaks, haplotypes="you")


def test_data_bring_peaks_and_errors_and_stay_as_they_are(full, model, tmp_path):
    codes = full.varm["sequence"]
    order = np.lexsort((full.var["start"], full.var["chrom"].astype(str)))
    with (tmp_path / "g.fa").open("w") as file:
        for chrom in dict.fromkeys(full.var["chrom"].astype(str)):
            rows = [i for i in order if full.var["chrom"].iloc[i] == chrom]
            text = np.full(int(full.var["end"].iloc[rows].max()) + 10, "N", dtype="U1")
            for i in rows:
                text[full.var["start"].iloc[i] : full.var["end"].iloc[i]] = list(decode(codes[[i]])[0])
            file.write(f">{chrom}\n{''.join(text)}\n")
    starts = full.var["start"].to_numpy()
    # neighbours that overlap have overwritten each other's sequences
    lonely = [i for i in range(200) if decode(codes[[i]])[0] == _read(tmp_path / "g.fa", full, i)][:30]
    at = 200
    table = pd.DataFrame(
        {
            "chrom": full.var["chrom"].iloc[lonely].astype(str).to_numpy(),
            "pos": starts[lonely] + at + 1,
            "ref": [decode(codes[[i]])[0][at] for i in lonely],
        }
    )
    table["alt"] = ["A" if ref != "A" else "G" for ref in table["ref"]]
    before = full.copy()
    found = iq.tl.variant_effects(full[:, lonely].copy(), table, genome=tmp_path / "g.fa")
    assert "effect_se" not in found.table  # these are not the peaks of the fit
    peaks = full[:, lonely].copy()
    with_errors = iq.tl.variant_effects(full, table, genome=tmp_path / "g.fa", peaks=peaks, n_bootstraps=5).table
    assert (with_errors["effect_se"] >= 0).all()
    assert with_errors["effect_se"].max() > 0
    np.testing.assert_array_equal(with_errors["effect"], found.table["effect"])
    assert set(full.uns) == set(before.uns)
    assert set(full.varm) == set(before.varm)
    wrong = full[:, lonely].copy()
    wrong.varm["sequence"] = wrong.varm["sequence"][:, ::-1].copy()
    with pytest.raises(ValueError, match=r"varm\['sequence'\]"):
        iq.tl.variant_effects(wrong, table, genome=tmp_path / "g.fa")


def _read(path, adata, i):
    genome = iq.Genome(path)
    row = adata.var.iloc[i]
    return decode(genome.sequences([str(row["chrom"])], [row["start"]], [row["end"]]))[0]


def test_all_trajectories_of_a_manifold(branches, genome, chromosome, peaks):
    manifold = iq.get.model(branches, "iq_manifold")
    table = drawn(chromosome, np.random.default_rng(7), 10, indels=False)
    found = iq.tl.variant_effects(manifold, table, genome=genome, peaks=peaks).table
    assert found["trajectory"].nunique() == len(manifold)
    name = manifold.names[1]
    alone = iq.tl.variant_effects(manifold[name], table, genome=genome, peaks=peaks).table
    part = found[found["trajectory"] == name].drop(columns="trajectory").reset_index(drop=True)
    pd.testing.assert_frame_equal(part, alone)


def test_threads_and_blocks_do_not_matter(model, chromosome, genome, peaks, monkeypatch):
    table = drawn(chromosome, np.random.default_rng(8), 60, indels=True)
    want = iq.tl.variant_effects(model, table, genome=genome, peaks=peaks)
    monkeypatch.setattr("iceqream.tl._variant_effects._BLOCK", 7)
    got = iq.tl.variant_effects(model, table, genome=genome, peaks=peaks, n_jobs=1)
    pd.testing.assert_frame_equal(got.table, want.table)
    pd.testing.assert_frame_equal(got.motifs, want.motifs)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"around": "peaks"}, "around must be"),
        ({"around": "variant", "peaks": pd.DataFrame()}, "Windows are either"),
        ({"min_energy": 11}, "0-10"),
        ({"n_bootstraps": 1}, "n_bootstraps"),
        ({"around": "peak"}, "needs peaks"),
    ],
)
def test_what_cannot_be_scored_is_refused(model, genome, chromosome, arguments, said):
    table = drawn(chromosome, np.random.default_rng(9), 2, indels=False)
    with pytest.raises(ValueError, match=said):
        iq.tl.variant_effects(model, table, genome=genome, **arguments)


def test_planted_sites_are_the_top_variants(full, model):
    """Substitutions at random in peaks with a strong site: those that break it have the largest effects."""
    del full
    rng = np.random.default_rng(10)
    names = [str(name) for name in model.motif_names if name in {"GATA", "TEAD", "CEBP", "PU.1"}]
    labels, sizes, motifs, broken = [], [], [], []
    for name in names:
        site = model.pbms.motifs[[name]].trim(0.5).matrix(0).argmax(axis=1).astype(np.uint8)
        codes = rng.integers(0, 4, (6, 500)).astype(np.uint8)
        codes[:, 245 : 245 + len(site)] = site
        found = iq.tl.mutagenesis(model, sequences=codes, n_top=1500)
        inside = found.table["start"].between(245, 244 + len(site))
        labels.append(inside)
        sizes.append(found.table["effect"].abs())
        top = found.table[inside & (found.table["effect"].abs() > 0.02)]
        motifs.append(top["motif"])
        broken.append(np.full(len(top), name))
    table = pd.DataFrame({"effect": np.concatenate(sizes), "planted": np.concatenate(labels)})
    row = iq.tl.score_variants(table, significant="planted", n_resamples=10).table.loc["all"]
    assert row["auroc"] > 0.95  # measured 0.98
    assert (np.concatenate(motifs) == np.concatenate(broken)).mean() > 0.95


def test_effects_of_a_table_are_scored(model, chromosome, genome, peaks):
    table = drawn(chromosome, np.random.default_rng(11), 50, indels=False)
    found = iq.tl.variant_effects(model, table, genome=genome, peaks=peaks)
    measured = found.table.assign(beta=found.table["effect"] * 2)
    assert iq.tl.score_variants(measured, label="beta", block="peak").table.loc["all", "spearman"] == pytest.approx(1)
