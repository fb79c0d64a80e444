import numpy as np
import pytest

import iceqream as iq


@pytest.fixture(scope="module")
def manifold():
    return iq.datasets.simulated_manifold(n_peaks=3000, rng=0)


def test_states_branch_from_one_stem(manifold):
    assert manifold.obs_names.tolist() == ["stem", *(f"{b}{i}" for b in "ABC" for i in (1, 2, 3))]
    assert manifold.obs["branch"].tolist() == ["stem"] + ["A"] * 3 + ["B"] * 3 + ["C"] * 3
    assert {name: list(ends) for name, ends in manifold.uns["trajectories"].items()} == {
        "A": ["stem", "A3"], "B": ["stem", "B3"], "C": ["stem", "C3"],
    }  # fmt: skip
    ap = manifold.to_df("ap_true").loc[:, ~manifold.var["constitutive"].to_numpy()]
    opened = np.array([ap.loc[f"{b}3"] - ap.loc["stem"] for b in "ABC"])
    r = np.corrcoef(opened)[np.triu_indices(3, 1)]
    assert (r < 0.5).all()  # measured: 0.37 at most; different peaks open
    assert (opened > 0.4).mean(axis=1).min() > 0.1


def test_effects_are_what_the_motifs_add_between_the_stem_and_the_ends(manifold):
    truth, activity = manifold.uns["truth"], manifold.obsm["activity_true"]
    assert activity.min() == 0
    np.testing.assert_allclose((activity[[3, 6, 9]] - activity[0]).T, truth["effects"], atol=1e-12)
    np.testing.assert_allclose(activity[1], activity[0] + truth["effects"][:, 0] / 3, atol=1e-12)
    used = ~manifold.var["constitutive"].to_numpy()
    occupancy = manifold.varm["occupancy"][used].astype(float)
    ap = manifold.layers["ap_true"][:, used].astype(float)
    eta = np.log(ap / (1 - ap))
    both = (occupancy[:, 0] * occupancy[:, 5])[:, None]
    X = np.column_stack([np.ones(used.sum()), occupancy, both])
    slopes = np.linalg.lstsq(X, (eta[[3, 6, 9]] - eta[0]).T, rcond=None)[0]
    # residuals have a standard deviation of 0.35, occupancies one of about 0.3: standard errors are near 0.03
    np.testing.assert_allclose(slopes[1:9], truth["effects"], atol=0.15)
    np.testing.assert_allclose(slopes[9], [1.5, 0.0, 0.0], atol=0.4)


def test_shared_and_private_motifs(manifold):
    truth = manifold.uns["truth"]
    acting = (truth["effects"] != 0).sum(axis=1)
    assert np.bincount(acting).tolist() == [0, 3, 3, 2]
    assert (truth["effects"].min(axis=1) * truth["effects"].max(axis=1) < 0).sum() == 2
    library = iq.datasets.simulated_motifs(manifold=True)
    assert len(library) == 30
    assert library.names[library.metadata["planted"].to_numpy()].tolist() == truth["motifs"].tolist()


def test_a_manifold_keeps_its_seed_and_what_it_writes(manifold, tmp_path):
    from anndata import read_h5ad

    again = iq.datasets.simulated_manifold(n_peaks=3000, rng=np.random.default_rng(0))
    assert (again.X == manifold.X).all()
    manifold.write_h5ad(tmp_path / "manifold.h5ad")
    back = read_h5ad(tmp_path / "manifold.h5ad")
    assert sorted(back.uns["truth"]) == sorted(manifold.uns["truth"])
    for name, value in manifold.uns["truth"].items():
        assert (np.asarray(back.uns["truth"][name]) == np.asarray(value)).all()
    assert list(back.uns["trajectories"]["B"]) == ["stem", "B3"]


def test_too_small_manifolds_are_refused():
    with pytest.raises(ValueError, match="at least 100 peaks"):
        iq.datasets.simulated_manifold(n_peaks=10)
