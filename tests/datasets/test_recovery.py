import numpy as np
import pytest

import iceqream as iq
from iceqream.models import PBMSet, TrajectoryModel
from iceqream.models.features import FeatureScaling
from iceqream.motifs import MotifSet


def test_recovered_motifs_say_what_was_missed(fitted, simulated, library):
    assert iq.datasets.recovered_motifs(fitted)["recovered"].all()
    iq.tl.fit_trajectory(simulated, "S1", "S4", motifs=library[np.arange(30) != 0], max_motifs=8)
    table = iq.datasets.recovered_motifs(simulated)
    assert not table.loc["GATA1_MA0035.5", "recovered"]
    assert table["recovered"].sum() == 5
    del fitted.uns["truth"]
    with pytest.raises(KeyError, match="truth"):
        iq.datasets.recovered_motifs(fitted)


@pytest.fixture(scope="module")
def manifold():
    return iq.datasets.simulated_manifold(n_peaks=100, rng=0)


def model_of(motifs: MotifSet, effects: np.ndarray) -> TrajectoryModel:
    """A model whose motifs have these effects and nothing else."""
    n = len(motifs)
    pbms = PBMSet.uniform(motifs, np.zeros(n), np.ones(n), 500)
    features = FeatureScaling(np.array([], dtype=object), np.array([]), np.array([]))
    coefficients = np.zeros((n, 4))
    return TrajectoryModel(
        pbms, features, coefficients, 0.0, (0.0, 1.0), (-1.0, 1.0), effects=effects, dap_effects=effects / 3
    )


@pytest.fixture
def true_models(manifold):
    """Models that share the planted motifs and have the true effects."""
    motifs = iq.datasets.simulated_motifs(decoys=False, manifold=True)
    return {name: model_of(motifs, e) for name, e in zip("ABC", manifold.uns["truth"]["effects"].T, strict=True)}


def test_the_truth_recovers_itself(manifold, true_models):
    table = iq.datasets.recovered_manifold(manifold, true_models)
    assert table.index.names == ["planted", "trajectory"]
    assert table.index.get_level_values("planted").unique().tolist() == manifold.uns["truth"]["motifs"].tolist()
    assert (table["effect"] == table["effect_true"]).all()
    assert (table["effect_true"].to_numpy().reshape(8, 3) == manifold.uns["truth"]["effects"]).all()
    assert table["recovered"].all()
    assert table["in_order"].all()
    assert (table["n_motifs"] == 1).all()
    assert (table["similarity"] > 0.999).all()
    two = iq.datasets.recovered_manifold(manifold, {name: true_models[name] for name in "CA"})
    assert two.loc["Spi1_MA0080.7"].index.tolist() == ["C", "A"]
    assert (two.loc["Spi1_MA0080.7", "rank"] == table.loc["Spi1_MA0080.7", "rank"][["C", "A"]]).all()


def test_what_is_missed_turned_or_torn_apart_is_said(manifold, true_models):
    motifs = iq.datasets.simulated_motifs(decoys=False, manifold=True)
    # GATA1 is missing in B, Runx1 stronger in B than in A, CEBPA acts in C most, EBF1 is another PSSM of the same name
    effects = manifold.uns["truth"]["effects"].copy()
    effects[1, 1], effects[5, 2] = -3.0, 3.0
    softened = motifs.pssm.copy()
    softened[7] = np.where(softened[7] > 0, 0.95 * softened[7] + 0.0125, 0.0)
    soft = MotifSet(motifs.names, softened, motifs.lengths, motifs.metadata)
    without = np.arange(8) != 3
    models = {
        "A": true_models["A"],
        "B": model_of(motifs[np.flatnonzero(without)], effects[without, 1]),
        "C": model_of(soft, effects[:, 2]),
    }
    table = iq.datasets.recovered_manifold(manifold, models)
    assert table[~table["recovered"]].index.tolist() == [
        ("GATA1_MA0035.5", "A"), ("GATA1_MA0035.5", "B"), ("CEBPA_MA0102.5", "C"),
    ]  # fmt: skip
    assert table.loc[("GATA1_MA0035.5", "B"), ["motif", "rank", "effect_dap"]].tolist() == ["", -1, 0.0]
    wrong = table[~table["in_order"]].index.get_level_values("planted").unique()
    assert wrong.tolist() == ["Runx1_MA0002.3", "GATA1_MA0035.5", "CEBPA_MA0102.5"]
    assert table["n_motifs"].groupby(level="planted").first()["EBF1_MA0154.5"] == 2
    assert table["n_motifs"].groupby(level="planted").first().sum() == 9


def test_several_trajectories_are_named(manifold, true_models, fitted):
    with pytest.raises(KeyError, match=r"trajectories A, B, C; got A, D"):
        iq.datasets.recovered_manifold(manifold, {"A": true_models["A"], "D": true_models["B"]})
    with pytest.raises(ValueError, match="two or more"):
        iq.datasets.recovered_manifold(manifold, {"A": true_models["A"]})
    with pytest.raises(ValueError, match="recovered_manifold"):
        iq.datasets.recovered_motifs(manifold)
    with pytest.raises(KeyError, match="trajectories none"):
        iq.datasets.recovered_manifold(fitted, true_models)
