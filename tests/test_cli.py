import subprocess
import sys

import anndata as ad
import numpy as np
import pandas as pd
import pytest

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
        "model.h5", "motifs.tsv", "coefficients.tsv", "predictions.tsv", "prediction_scatter.png",
        "response_curves.png",
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
