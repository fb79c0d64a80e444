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


@pytest.fixture(scope="module")
def multiome():
    return iq.datasets.simulated_manifold_multiome(n_peaks=300, n_metacells=120, rng=0)


def test_metacells_lie_along_the_branches(multiome):
    atac, rna = multiome["atac"], multiome["rna"]
    assert (atac.shape, rna.shape) == ((120, 300), (120, 600))
    assert (atac.obs_names == rna.obs_names).all()
    assert sorted(set(multiome.obs["branch"])) == ["A", "B", "C", "stem"]
    ends = [state for ends in atac.uns["trajectories"].values() for state in ends]
    assert set(ends) <= set(multiome.obs["state"])
    assert (multiome.obs["time"][multiome.obs["state"] == "stem"] <= 1 / 6).all()
    effects = dict(zip(atac.uns["truth"]["trajectories"], atac.uns["truth"]["effects"].T, strict=True))
    for name, effect in effects.items():
        on = (multiome.obs["branch"] == name).to_numpy()
        slope = np.polyfit(multiome.obs["time"][on], atac.obsm["activity_true"][on], 1)[0]
        np.testing.assert_allclose(slope, effect, atol=1e-12)


def test_one_gene_of_each_family_is_expressed_as_the_motif_acts(multiome):
    rna, activity = multiome["rna"], multiome["atac"].obsm["activity_true"]
    share = np.log1p(1e4 * rna.X / rna.X.sum(axis=1, keepdims=True))
    motifs = iq.datasets.simulated_motifs(manifold=True).metadata
    for i, (motif, gene) in enumerate(zip(*(rna.uns["truth"][name] for name in ("motifs", "genes")), strict=True)):
        family = (rna.var["motif"] == motif).to_numpy()
        r = np.array([np.corrcoef(share[:, j], activity[:, i])[0, 1] for j in np.flatnonzero(family)])
        genes = rna.var_names[family]
        assert genes[r.argmax()] == gene
        # measured: 0.86 at least; 0.39 at most in size
        assert r.max() > 0.8
        assert np.abs(np.sort(r)[:-1]).max() < 0.5
        assert rna.var.loc[gene, "follows"] == motif
        assert (rna.X[:, family].mean(axis=0) > 1).all()
        assert motifs.loc[motif, "family"] == iq.motifs.annotate(motif_named(genes[1])).metadata["family"].iloc[0]
    named_otherwise = [g for m, g in zip(*rna.uns["truth"].values(), strict=True) if not m.upper().startswith(g)]
    assert named_otherwise == ["POU2F2", "TEAD1", "FOXO1"]


def motif_named(name):
    return iq.motifs.MotifSet.from_dict({name: np.full((6, 4), 0.25)})


def test_expression_shows_the_branches(multiome):
    rna = multiome["rna"]
    share = np.log1p(1e4 * rna.X / rna.X.sum(axis=1, keepdims=True))
    u, s, _ = np.linalg.svd(share - share.mean(axis=0), full_matrices=False)
    variance = s**2 / (s**2).sum()
    # three programmes of trajectories and one of the stem, which they mirror
    assert variance[:3].min() > 3 * variance[4]
    late = (multiome.obs["time"] > 0.5).to_numpy()
    branch = multiome.obs["branch"].to_numpy()[late]
    position = (u * s)[late, :3]
    distances = np.linalg.norm(position[:, None] - position[None], axis=2) + 1e9 * np.eye(len(position))
    assert (branch[distances.argmin(axis=1)] == branch).all()


def test_a_multiome_keeps_its_seed_and_what_it_writes(multiome, tmp_path):
    import mudata

    again = iq.datasets.simulated_manifold_multiome(n_peaks=300, n_metacells=120, rng=0)
    assert (again["rna"].X == multiome["rna"].X).all()
    assert (again["atac"].X == multiome["atac"].X).all()
    multiome.write_h5mu(tmp_path / "manifold.h5mu")
    back = mudata.read_h5mu(tmp_path / "manifold.h5mu")
    assert back["rna"].var["follows"].tolist() == multiome["rna"].var["follows"].tolist()
    assert back["rna"].uns["truth"]["genes"].tolist() == multiome["rna"].uns["truth"]["genes"].tolist()
    with pytest.raises(ValueError, match="30 metacells and 100 genes"):
        iq.datasets.simulated_manifold_multiome(n_metacells=20)
