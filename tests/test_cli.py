import subprocess
import sys

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from mudata import MuData

import iceqream as iq
from iceqream._core.sequence import decode
from iceqream.cli import main


@pytest.fixture
def inputs(simulated, library, tmp_path):
    names = simulated.var_names
    (tmp_path / "peaks.fa").write_text(
        "".join(f">{n}\n{s}\n" for n, s in zip(names, decode(simulated.varm["sequence"]), strict=True))
    )
    table = pd.DataFrame(simulated.layers["ap"].T, index=names, columns=simulated.obs_names)
    table["split"] = np.where(np.arange(len(table)) % 5 == 0, "test", "train")
    table["open"] = (np.arange(len(table)) < 1200).astype(int)
    table.to_csv(tmp_path / "ap.tsv", sep="\t")
    iq.motifs.write(library, tmp_path / "motifs.meme")
    return tmp_path


def test_fit_and_predict_from_files(inputs, capsys):
    fit = ["fit", str(inputs / "peaks.fa"), str(inputs / "ap.tsv"), "--start", "S1", "--end", "S4"]
    options = [
        "--motifs",
        str(inputs / "motifs.meme"),
        "--split",
        "split",
        "--peaks",
        "open",
        "--max-motifs",
        "6",
        "-o",
        str(inputs / "out"),
    ]
    assert main(fit + options) == 0
    assert "R2" in capsys.readouterr().out
    files = {p.name for p in (inputs / "out").iterdir()}
    assert files == {
        "model.h5", "motifs.tsv", "coefficients.tsv", "predictions.tsv", "levels.tsv", "prediction_scatter.png",
        "response_curves.png", "data.h5ad",
    }  # fmt: skip
    predictions = pd.read_csv(inputs / "out" / "predictions.tsv", sep="\t", index_col=0)
    assert (predictions["split"].value_counts() == pd.Series({"train": 960, "unused": 300, "test": 240})).all()
    predict = ["predict", str(inputs / "out" / "model.h5"), str(inputs / "peaks.fa")]
    assert main([*predict, "-o", str(inputs / "p.tsv")]) == 0
    again = pd.read_csv(inputs / "p.tsv", sep="\t", index_col=0)
    np.testing.assert_allclose(again["predicted_dap"], predictions["pred"], atol=2e-6)
    assert main(predict) == 0
    assert capsys.readouterr().out.startswith("sequence\tpredicted_dap\n")


def test_ways_of_learning_reach_the_fit(inputs, capsys):
    fit = ["fit", str(inputs / "peaks.fa"), str(inputs / "ap.tsv"), "--start", "S1", "--end", "S4", "--motifs",
           str(inputs / "motifs.meme"), "--max-motifs", "3", "-o"]  # fmt: skip
    for options, want in (
        (["--refine", "no", "--size-folds", "0"], {"learning": "drafts", "refine": False, "size_folds": 0}),
        (["--learning", "clusters", "--refine", "yes", "--motifs", "jaspar"], {"learning": "clusters", "refine": True}),
    ):
        out = inputs / options[1]
        assert main([*fit, str(out), *options]) == 0
        model = iq.models.TrajectoryModel.load(out / "model.h5")
        assert {name: model.params[name] for name in want} == want
        n_library = len(iq.motifs.jaspar() if "jaspar" in options else iq.motifs.read(inputs / "motifs.meme"))
        assert model.stats["n_library"] == n_library
    wrong = str(inputs / "wrong")
    assert main([*fit, wrong, "--learning", "clusters", "--size-folds", "3"]) == 2
    assert "size_folds would change nothing with learning='clusters'" in capsys.readouterr().err
    assert main([*fit, wrong, "--size-folds", "1"]) == 2
    assert "size_folds must be 0 or at least 2" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*fit, wrong, "--refine", "maybe"])
    assert "choose from" in capsys.readouterr().err
    assert not (inputs / "wrong").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "none.fa", "ap.tsv", "--start", "S1", "--end", "S4", "-o", "out"], "no file"),
        (["fit", "peaks.fa", "ap.tsv", "--start", "S1", "--end", "S4", "--motifs", "jasper", "-o", "out"], "no file"),
        (["fit", "peaks.fa", "ap.tsv", "--start", "S1", "--end", "S9", "-o", "out"], "ap.tsv lacks the column(s) S9"),
        (
            ["fit", "peaks.fa", "ap.tsv", "--start", "S1", "--end", "S4", "-o", "out", "--width", "900"],
            "central 900 bp",
        ),
        (["predict", "none.h5", "peaks.fa"], "no model at"),
    ],
)
def test_wrong_input_ends_with_a_message_not_a_traceback(inputs, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(inputs)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (inputs / "out").exists()


def test_damaged_files_and_turned_tables_end_with_one_line(inputs, capsys, monkeypatch):
    monkeypatch.chdir(inputs)
    table = pd.read_csv("ap.tsv", sep="\t", index_col=0)
    table.T.to_csv("turned.tsv", sep="\t")
    table.assign(S1="x").to_csv("words.tsv", sep="\t")
    (inputs / "bytes.tsv").write_bytes(b"peak\tS1\tS4\np\t0.1\t\xff\n")
    (inputs / "half.h5ad").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(200))
    (inputs / "empty.fa").write_text("")
    for words, message in (
        (["fit", "peaks.fa", "turned.tsv"], "They are rows: transpose the table"),
        (["fit", "peaks.fa", "words.tsv"], "words.tsv, line 2: 'S1' is 'x', not a number"),
        (["fit", "peaks.fa", "bytes.tsv"], "bytes.tsv, line 2: this is no UTF-8 text"),
        (["report", "half.h5ad"], "half.h5ad cannot be read as h5ad"),
    ):
        states = ["--start", "S1", "--end", "S4"] if words[0] == "fit" else []
        assert main([*words, *states, "-o", "out"]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert len(error) < 400
    assert main(["predict", "half.h5ad", "empty.fa", "-o", str(inputs / "none" / "p.tsv")]) == 2
    assert "There is no folder" in capsys.readouterr().err


def test_demo_recovers_what_was_planted(tmp_path, capsys):
    assert main(["demo", "--quick", "-o", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "6 of 6 planted motifs recovered" in out
    adata = ad.read_h5ad(tmp_path / "demo.h5ad")
    assert iq.get.model(adata).stats["r2_test"] > 0.5
    assert pd.read_csv(tmp_path / "recovered_motifs.tsv", sep="\t")["recovered"].all()


def test_the_package_runs_as_a_module():
    said = subprocess.run([sys.executable, "-m", "iceqream", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout == f"iceqream {iq.__version__}\n"


def test_manifolds_are_fitted_predicted_and_reported(inputs, capsys):
    fit = ["fit", str(inputs / "peaks.fa"), str(inputs / "ap.tsv"), "--motifs", str(inputs / "motifs.meme"),
           "--max-motifs", "4", "--size-folds", "0", "--refine", "no", "-o", str(inputs / "out")]  # fmt: skip
    two = ["--trajectory", "one=S1:S4", "--trajectory", "back again=S4:S1"]
    assert main([*fit, *two]) == 0
    said = capsys.readouterr().out
    assert "S1 -> S4: " in said
    assert "S4 -> S1: " in said
    model = iq.models.load(inputs / "out" / "model.h5")
    assert model.names == ("one", "back again")
    predictions = pd.read_csv(inputs / "out" / "predictions.tsv", sep="\t", index_col=0)
    motifs = pd.read_csv(inputs / "out" / "motifs.tsv", sep="\t", index_col=0)
    assert list(predictions["trajectory"].unique()) == list(motifs["trajectory"].unique()) == ["one", "back again"]
    for picture in ("prediction_scatter", "response_curves"):
        assert (inputs / "out" / f"{picture}_one.png").stat().st_size > 1000
        assert (inputs / "out" / f"{picture}_back again.png").exists()
    for file in ("manifold_heatmap.png", "homogenization.png", "homogenization.tsv"):
        assert (inputs / "out" / file).exists()
    levels = pd.read_csv(inputs / "out" / "levels.tsv", sep="\t")
    assert levels.groupby("trajectory")["level"].last().unique().tolist() == ["interactions"]
    # the only model of the data needs no key
    assert main(["report", str(inputs / "out" / "data.h5ad"), "-o", str(inputs / "report")]) == 0
    assert "Manifold of 2 trajectories" in (inputs / "report" / "index.html").read_text()
    assert main(["report", str(inputs / "out" / "model.h5"), "-o", str(inputs / "report")]) == 2
    assert "is a model without data: give the data.h5ad" in capsys.readouterr().err
    out = inputs / "p.tsv"
    assert main(["predict", str(inputs / "out" / "model.h5"), str(inputs / "peaks.fa"), "-o", str(out)]) == 0
    again = pd.read_csv(out, sep="\t", index_col=0)
    assert again.columns.tolist() == ["one", "back again"]
    for name, part in predictions.groupby("trajectory"):
        np.testing.assert_allclose(again[name], part["pred"], atol=2e-6)


def test_reports_of_a_trajectory_name_it(manifold, tmp_path, capsys):
    manifold.write_h5ad(tmp_path / "data.h5ad")
    report = ["report", str(tmp_path / "data.h5ad"), "-o", str(tmp_path / "out"), "--key", "iq_manifold"]
    # without a name: the manifold's page, with a folder for each trajectory
    assert main(report) == 0
    assert "Manifold of 2 trajectories" in (tmp_path / "out" / "index.html").read_text()
    assert {path.name for path in (tmp_path / "out").iterdir() if path.is_dir()} == {"early", "to_S4_late"}
    assert main([*report, "--trajectory", "late"]) == 2
    assert "Did you mean 'to S4/late'" in capsys.readouterr().err
    assert main([*report, "--trajectory", "to S4/late"]) == 0
    assert "S2 → S4" in (tmp_path / "out" / "index.html").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--start", "S1", "--end", "S4", "--n-motifs", "3"], "common motifs of two or more --trajectory"),
        (["--start", "S1"], "give --start and --end, or two or more --trajectory"),
        (["--trajectory", "a=S1:S4"], "a manifold has two or more --trajectory"),
        (["--trajectory", "a=S1:S4", "--trajectory", "b=S4:S1", "--end", "S4"], "and no --start and --end"),
        (["--trajectory", "a=S1:S4", "--trajectory", "a=S4:S1"], "two trajectories have the same name"),
        (["--trajectory", "a=S1:S4", "--trajectory", "b=S1:S9"], "lacks the column(s) S9"),
    ],
)
def test_trajectories_that_make_no_manifold_are_refused(inputs, capsys, words, message):
    fit = ["fit", str(inputs / "peaks.fa"), str(inputs / "ap.tsv"), "-o", str(inputs / "out")]
    assert main([*fit, *words]) == 2
    assert message in capsys.readouterr().err
    assert not (inputs / "out").exists()
    for wrong in ("a=S1", "S1:S4", "a/b=S1:S4", "a=S1:S4:S2"):
        with pytest.raises(SystemExit):
            main([*fit, "--trajectory", wrong])
    assert "is not NAME=START:END" in capsys.readouterr().err


def test_a_fit_that_finds_no_motif_is_written_as_well(inputs, capsys, rng):
    table = pd.read_csv(inputs / "ap.tsv", sep="\t", index_col=0)
    table["noise"] = rng.permutation(table["S4"].to_numpy())
    table.to_csv(inputs / "ap.tsv", sep="\t")
    fit = ["fit", str(inputs / "peaks.fa"), str(inputs / "ap.tsv"), "--motifs", str(inputs / "motifs.meme"),
           "--start", "S1", "--end", "noise", "--max-motifs", "4", "-o"]  # fmt: skip
    assert main([*fit, str(inputs / "out")]) == 0
    assert "S1 -> noise" in capsys.readouterr().out
    assert (inputs / "out" / "data.h5ad").exists()
    # a file where the folder should be is refused before the fit
    assert main([*fit, str(inputs / "ap.tsv")]) == 2
    assert "is a file, not a folder" in capsys.readouterr().err
    assert main([*fit, str(inputs / "ap.tsv" / "deeper")]) == 2
    assert "is a file, not a folder" in capsys.readouterr().err


def test_reports_of_a_mudata_name_the_modality(fitted, tmp_path, capsys):
    MuData({"peaks": fitted}).write(tmp_path / "data.h5mu")
    report = ["report", str(tmp_path / "data.h5mu"), "-o", str(tmp_path / "out")]
    assert main(report) == 2
    assert "no modality 'atac'" in capsys.readouterr().err
    assert main([*report, "--mod", "peaks"]) == 0
    assert (tmp_path / "out" / "index.html").exists()


def test_variants_are_scored_from_files(fitted, tmp_path, capsys):
    model = iq.get.model(fitted)
    model.save(tmp_path / "model.h5")
    text = "".join(np.random.default_rng(0).choice(list("ACGT"), 3000))
    (tmp_path / "genome.fa").write_text(f">chr1\n{text}\n")
    (tmp_path / "peaks.bed").write_text("chr1\t1000\t1500\n")
    other = ["A" if base != "A" else "C" for base in text]
    lines = ["##fileformat=VCFv4.2", "##contig=<ID=chr1>", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    lines += [f"chr1\t{at + 1}\trs{at}\t{text[at]}\t{other[at]}\t.\t.\t." for at in (1200, 1250, 2500)]
    (tmp_path / "v.vcf").write_text("\n".join(lines) + "\n")
    words = ["variants", str(tmp_path / "model.h5"), str(tmp_path / "v.vcf"), "--genome", str(tmp_path / "genome.fa")]
    out = tmp_path / "effects.tsv"
    assert main([*words, "--peaks", str(tmp_path / "peaks.bed"), "-o", str(out)]) == 0
    assert "2 variants" in capsys.readouterr().out
    table = pd.read_csv(out, sep="\t")
    assert table["id"].tolist() == ["rs1200", "rs1250"]
    changed = text[1000:1200] + other[1200] + text[1201:1500]
    want = model.predict([changed, text[1000:1500]])
    # six digits are written
    assert table["effect"].iloc[0] == pytest.approx(want[0] - want[1], abs=1e-6)
    assert pd.read_csv(tmp_path / "effects.skipped.tsv", sep="\t")["reason"].tolist() == ["in no peak"]
    assert len(pd.read_csv(tmp_path / "effects.motifs.tsv", sep="\t")) >= 2
    assert main([*words, "--around", "variant", "-o", str(out)]) == 0
    assert len(pd.read_csv(out, sep="\t")) == 3
    assert main([*words, "-o", str(tmp_path / "none" / "effects.tsv")]) == 2
    words[2] = str(tmp_path / "missing.vcf")
    assert main([*words, "-o", str(out)]) == 2
