"""Numbers of the reference's several-trajectory functions (golden/manifold); skipped where the folder is absent.

The blocks are checked, not the whole fit: what the reference's unconverged regressions chose cannot agree.
"""

import gzip

import numpy as np
import pandas as pd
import pytest

import iceqream as iq
from iceqream._core.cluster import cluster_columns
from iceqream._core.correlation import correlation_matrix, r2
from iceqream._core.energy import SpatialCurves
from iceqream._core.normalization import energy_range, scale
from iceqream._core.regression import logistic
from iceqream._core.response import RESPONSES, responses
from iceqream._core.sequence import encode

TRAJECTORIES = {"m1": "Mono", "m2": "Ery", "m3": "B"}
N_MOTIFS, MIN_CORRELATION, MIN_DAP = 15, 0.6, 0.1
VARIANTS = ("multi_split", "multi_k15")


@pytest.fixture(scope="module")
def manifold(shared):
    """Reader of a table; one row per peak in the order of ``peaks`` where the table has names of peaks."""

    def read(name: str) -> pd.DataFrame:
        paths = [shared / "golden" / "manifold" / f"{name}.tsv{ending}" for ending in ("", ".gz")]
        table = pd.read_csv(next(path for path in paths if path.exists()), sep="\t")
        if "peak" in table and set(peaks["peak_name"]) == set(table["peak"]):
            return table.set_index("peak").loc[peaks["peak_name"]]
        return table

    peaks = pd.read_csv(shared / "golden" / "manifold" / "peaks.tsv.gz", sep="\t")
    return read


@pytest.fixture(scope="module")
def peaks(manifold):
    return manifold("peaks")


@pytest.fixture(scope="module")
def is_train(peaks):
    return (peaks["split"] == "train").to_numpy()


@pytest.fixture(scope="module")
def dap(peaks):
    return peaks[[f"dAP_{name}" for name in TRAJECTORIES.values()]].to_numpy()


@pytest.fixture(scope="module")
def used(dap, is_train):
    """Which training peaks PREGO learns from."""
    return (np.abs(dap[is_train]) > MIN_DAP).any(axis=1)


@pytest.fixture(scope="module")
def codes(shared):
    """Sequences of all 10,728 peaks."""
    with gzip.open(shared / "data" / "heme16" / "sequences_500bp.fa.gz", "rt") as file:
        return encode(["".join(record.split("\n")[1:]) for record in file.read().split(">")[1:]])


@pytest.fixture(scope="module")
def pooled(manifold, is_train):
    """Energies of the 29 PBMs of the single models on the training peaks; the filter by bits had dropped one."""
    tables = [
        manifold(f"pbm_energies_single_{name}").drop(columns="type").add_prefix(f"{model}.")
        for model, name in TRAJECTORIES.items()
    ]
    return pd.concat(tables, axis=1).drop(columns="m1.HOMER.Tbet").loc[is_train]


def dissolved(labels, correlation):
    """The reference's rule: a cluster that agrees too little falls into single motifs."""
    labels = labels.copy()
    for k in range(labels.max() + 1):
        members = np.flatnonzero(labels == k)
        block = correlation[np.ix_(members, members)]
        if len(members) > 1 and block[np.triu_indices(len(members), 1)].mean() < MIN_CORRELATION:
            labels[members] = labels.max() + 1 + np.arange(len(members))
    return labels


@pytest.mark.parametrize(("variant", "n"), [("multi_split", 22), ("multi_k15", 15)])
def test_partition(manifold, pooled, variant, n):
    labels = cluster_columns(pooled.to_numpy(), N_MOTIFS)
    if variant == "multi_split":
        labels = dissolved(labels, correlation_matrix(pooled.to_numpy()))
    want = manifold(f"cluster_map_{variant}").set_index("feat").loc[pooled.columns, "clust"]
    assert len(set(zip(labels, want, strict=True))) == len(set(labels)) == want.nunique() == n


def test_clusters_are_cut_in_two_and_never_within_what_agrees(pooled):
    columns = pooled.to_numpy()
    labels = cluster_columns(columns, N_MOTIFS, MIN_CORRELATION)
    correlation = correlation_matrix(columns)
    # the reference has 22 by its rule and tears these three ETS motifs of three trajectories apart
    assert labels.max() + 1 == 20
    ets = [
        pooled.columns.get_loc(name) for name in ("m1.HOMER.EWSERG_fusion", "m2.HOMER.Elk4", "m3.HOMER.EWSERG_fusion")
    ]
    assert len(set(labels[ets])) == 1
    for k in range(labels.max() + 1):
        block = correlation[np.ix_(labels == k, labels == k)]
        assert len(block) == 1 or block[np.triu_indices(len(block), 1)].mean() >= MIN_CORRELATION
    # every motif chosen twice, as by two trajectories
    for min_correlation in (MIN_CORRELATION, 0.99):
        twice = cluster_columns(np.hstack([columns, columns]), N_MOTIFS, min_correlation)
        assert (twice[: columns.shape[1]] == twice[columns.shape[1] :]).all()


@pytest.mark.parametrize("variant", VARIANTS)
def test_peaks_used_and_targets(manifold, peaks, is_train, used, variant):
    targets = manifold(f"targets_{variant}")
    assert (targets["peak"].to_numpy() == peaks["peak_name"][is_train].to_numpy()).all()
    assert used.sum() == 2326
    assert (targets["used"].to_numpy() == used).all()
    members = manifold(f"cluster_map_{variant}")
    for (cluster, model), rows in members.groupby(["clust_name", "model"]):
        energies = manifold(f"pbm_energies_single_{TRAJECTORIES[model]}").loc[is_train, rows["motif"]].to_numpy()
        coefficients = manifold(f"coefs_before_{TRAJECTORIES[model]}").set_index("variable").loc[rows["motif"]]
        got = np.einsum("nmr,mr->n", responses(energies), coefficients[list(RESPONSES)].to_numpy())
        # the table has seven digits, the energies six; measured: 5.4e-7
        np.testing.assert_allclose(got, targets[f"{cluster}|{model}"], atol=6e-7)


# curves of one motif, pssm and curve of several; ours less the reference's mean R2 over the targets, measured:
# -0.0002 to 0.0029, but 0.117 (ZNF528, where the reference stops early) and -0.006 (ZKSCAN1, whose energy comes from a
# few repeats: the reference lets factors fall below our 0.001); 0.0001 to 0.0005 with several targets
LOWEST = {"m2.SCENIC.homer__GCACAYAGTAGGKCY_ZKSCAN1": -0.007}


@pytest.mark.parametrize("variant", VARIANTS)
def test_regression_on_several_targets(manifold, peaks, is_train, used, codes, variant):
    training = codes[peaks["row"].to_numpy()[is_train]][used]
    targets = manifold(f"targets_{variant}")[used]
    pssms, curves = manifold(f"pssms_{variant}"), manifold(f"spats_{variant}")
    for cluster, rows in manifold(f"prego_objective_{variant}").groupby("cluster", sort=False):
        response = targets[[f"{cluster}|{model}" for model in rows["model"]]].to_numpy()
        alone = rows["optimised"].iloc[0] == "curve"
        pssm = pssms.loc[pssms["motif"] == cluster, list("ACGT")].to_numpy()
        result = iq.motifs.regress(
            training, response, motif=pssm if alone else None, optimize_pwm=not alone, kmer_width=None, progress=False
        )
        difference = result.scores[0] / len(rows) - rows["objective_mean_r2"].iloc[0]
        assert difference >= LOWEST.get(cluster, -0.0005), cluster
        if not alone:
            assert result.seeds[0] == curves.loc[curves["motif"] == cluster, "seed"].iloc[0].strip("*")
            assert difference > 0


@pytest.fixture(scope="module")
def exact(manifold, peaks, codes):
    """Energies of the PBMs of a run on the peaks of this problem, scaled on all 10,728.

    The reference scores [29, 470), one base off its fit: the last base is in the last bin.
    """

    def of(run: str) -> pd.DataFrame:
        motifs = iq.motifs.MotifSet.from_long_table(manifold(f"pssms_{run}"))
        table = manifold(f"spats_{run}").pivot_table(index="motif", columns="bin", values="factor").loc[motifs.names]
        weights = np.repeat(table.to_numpy(), np.diff([*table.columns, 441]), axis=1)
        energies = iq.motifs.energies(codes, motifs, spatial=SpatialCurves(weights, start=29, bin_size=1))
        scaled = scale(energies, *energy_range(energies, quantile=1.0, floor=-7.0))
        return pd.DataFrame(scaled[peaks["row"]], peaks["peak_name"], motifs.names)

    return of


RUNS = {"multi_split": "multi_split_common", "multi_k15": "multi_k15_common"} | {
    f"single_{name}": f"single_{name}" for name in TRAJECTORIES.values()
}


@pytest.mark.parametrize("run", list(RUNS))
def test_energies_of_the_motifs(manifold, is_train, exact, run):
    got = exact(run)
    want = manifold(f"pbm_energies_{RUNS[run]}")[got.columns]
    # measured: 3.1e-4 (float32 there); the reference's held-out energies are off by up to 1.4
    np.testing.assert_allclose(got[is_train], want[is_train], atol=4e-4)


@pytest.mark.parametrize("name", list(TRAJECTORIES.values()))
@pytest.mark.parametrize("model", ["single", "multi_split_distilled", "multi_split_full"])
def test_predictions(manifold, peaks, is_train, exact, model, name):
    run = f"single_{name}" if model == "single" else "multi_split"
    coefficients = manifold(f"coefs_{model}_{name}").set_index("variable")[list(RESPONSES)]
    intercept = manifold(f"intercept_{model}_{name}")["intercept"].iloc[0]
    r2s = manifold("r2_single" if model == "single" else "r2_multi_split").set_index(["model", "trajectory"])
    want = r2s.loc[(model.replace("split_", "split:"), name)]
    observed = peaks[f"dAP_{name}"].to_numpy()
    features = manifold("sequence_features")
    for energies, held_out in (
        (manifold(f"pbm_energies_{RUNS[run]}"), "r2_test"),
        (exact(run), "r2_test_exact_energies"),
    ):
        values = energies.join(features)[coefficients.index].to_numpy()
        predicted = logistic(intercept + np.einsum("nfr,fr->n", responses(values), coefficients.to_numpy()))
        # measured: 2e-8 with the stored energies, 1.0e-6 with ours
        for peaks_of, column in ((is_train, "r2_train"), (~is_train, held_out)):
            assert r2(predicted[peaks_of], observed[peaks_of]) == pytest.approx(want[column], abs=2e-6)
