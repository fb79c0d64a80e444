import anndata as ad
import mudata as md
import numpy as np
import pytest

import iceqream as iq

OPTIONS = {"n_motifs": 2, "kmer_width": 200, "progress": False}


def test_discovery_between_states_finds_planted_motifs(simulated, library):
    found = iq.tl.discover_motifs(simulated, start="S1", end="S4", library=library, **OPTIONS)
    planted = library[library.metadata["planted"].to_numpy()]
    alike = iq.motifs.similarity(found.motifs.trim(), planted, method="pearson", prior=0.0)
    # the first motif of a response with six takes some of several; measured: 0.72 (SPI1) and 0.84 (TEAD4)
    assert (alike.max(axis=1) > 0.65).all()
    assert set(alike.columns[alike.to_numpy().argmax(axis=1)]) == {"Spi1_MA0080.7", "TEAD4_MA0809.3"}
    stored = simulated.uns["discovered_motifs"]
    assert stored["params"]["n_peaks"] > 500
    again = iq.get.discovered_motifs(simulated)
    codes = simulated.varm["sequence"]
    assert (again.normalized_energies(codes) == found.normalized_energies(codes)).all()
    assert again.motifs.metadata["seed"].str.len().min() >= 8


def test_round_trip_of_discovered_motifs(simulated, library, tmp_path):
    found = iq.tl.discover_motifs(simulated, start="S1", end="S4", library=library, **OPTIONS)
    simulated.write_h5ad(tmp_path / "x.h5ad")
    again = iq.get.discovered_motifs(ad.read_h5ad(tmp_path / "x.h5ad"))
    codes = simulated.varm["sequence"]
    assert (again.normalized_energies(codes) == found.normalized_energies(codes)).all()


def test_models_residual_and_training_peaks(fitted, library):
    by_dap = iq.tl.discover_motifs(fitted, library=library, **OPTIONS)
    table = fitted.varm["iq"]
    used = (table["split"] == "train") & (table["dap"].abs() >= 0.1)
    assert fitted.uns["discovered_motifs"]["params"]["n_peaks"] == used.sum()
    codes = fitted.varm["sequence"]
    direct = iq.motifs.regress(codes[used.to_numpy()], table["dap"].to_numpy(dtype=float)[used], **OPTIONS)
    np.testing.assert_allclose(direct.pbms.motifs.pssm, by_dap.motifs.pssm, atol=1e-12)
    iq.tl.discover_motifs(
        fitted, "residual", library=library, min_correlation=0.02, key_added="left", n_motifs=1, n_jobs=1
    )
    assert iq.get.discovered_motifs(fitted, "left").motifs.lengths.tolist() == [15]


def test_any_response_and_mudata(simulated, library):
    simulated.var["signal"] = simulated.varm["occupancy"][:, 0]
    simulated.var.loc[simulated.var_names[:100], "signal"] = np.nan
    mdata = md.MuData({"atac": simulated})
    by_name = iq.tl.discover_motifs(mdata, "signal", n_motifs=1, library=library, kmer_width=200)
    assert by_name.motifs.names.tolist() == ["GATA"]
    assert mdata["atac"].uns["discovered_motifs"]["params"]["n_peaks"] == 1400
    values = simulated.varm["occupancy"][:, :2]
    both = iq.tl.discover_motifs(simulated, values, n_motifs=1, library=library)
    assert simulated.uns["discovered_motifs"]["r2"].shape == (1, 2)
    assert len(both) == 1


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((), {}, KeyError, "no fitted model under 'iq'"),
        (("residual",), {"start": "S1"}, ValueError, "both start and end"),
        (("nope",), {}, KeyError, "neither 'dap', 'residual' nor a numeric column"),
        ((np.zeros(3),), {}, ValueError, "one row per peak"),
        ((), {"start": "S1", "end": "S4", "min_dap": 0.9}, ValueError, "at least 200 are needed"),
        ((), {"start": "S1", "end": "S9"}, KeyError, "state 'S9'"),
    ],
)
def test_wrong_input_is_named(simulated, library, arguments, options, error, message):
    with pytest.raises(error, match=message):
        iq.tl.discover_motifs(simulated, *arguments, library=library, **options)
    assert "discovered_motifs" not in simulated.uns


def test_missing_motifs_are_named(simulated):
    with pytest.raises(KeyError, match=r"run iq\.tl\.discover_motifs"):
        iq.get.discovered_motifs(simulated)
