"""Motifs of several models that become one: targets, the strongest, fusion."""

import numpy as np
import pytest

import iceqream as iq
from iceqream._core.correlation import r2
from iceqream.inference.homogenization import Members, closest_common, common_motifs
from iceqream.inference.options import FitOptions
from iceqream.motifs import PBMSet


@pytest.fixture(scope="module")
def members(planted, library):
    """GATA1 of two models with different responses, another motif of each; the second GATA1 is blurred."""
    codes, _, _ = planted
    names = ["GATA1_MA0035.5", "FOXA2_MA0047.4", "GATA1_MA0035.5", "Spi1_MA0080.7"]
    sets = []
    for name, blur in zip(names, (1.0, 1.0, 0.4, 1.0), strict=True):
        flat = PBMSet.uniform(library[[name]].sharpened(blur), np.zeros(1), np.zeros(1), 200)
        sets.append(flat.scaled_to(codes, support=30))
    pbms = PBMSet.concat(sets)
    energies = pbms.normalized_energies(codes)
    responses = energies * np.array([0.2, 0.1, -0.3, 0.1]) + np.array([0, 0, 1, 0]) * np.minimum(energies, 4)
    return Members(pbms, np.array([0, 0, 1, 1]), energies, responses.astype(float)), codes


def test_a_target_per_model_with_a_member(members):
    found, _ = members
    targets = found.targets(np.array([0, 1, 2]))
    np.testing.assert_array_equal(targets[:, 0], found.responses[:, 0] + found.responses[:, 1])
    np.testing.assert_array_equal(targets[:, 1], found.responses[:, 2])
    assert found.targets(np.array([3])).shape == (len(found.energies), 1)


def test_alike_motifs_are_one_whatever_their_model(members):
    found, codes = members
    clusters = found.clusters(np.arange(len(codes)), 0.6)
    assert clusters.tolist() == [0, 1, 0, 2]
    # copies never part
    twice = Members(found.pbms.take(np.array([0, 1, 3])), found.owner[[0, 2, 3]], found.energies[:, [0, 0, 3]],
                    found.responses[:, [0, 0, 3]])  # fmt: skip
    assert twice.clusters(np.arange(len(codes)), 1.0 - 1e-9).tolist() == [0, 0, 1]


def test_the_strongest_explains_best_what_all_add(members):
    found, codes = members
    both, rows = np.array([0, 2]), np.arange(0, len(codes), 2)
    targets = found.targets(both)[rows]
    explained = [sum(r2(found.energies[rows, i].astype(float), t) for t in targets.T) for i in both]
    assert found.strongest(both, rows) == both[int(np.argmax(explained))]


def test_fused_motifs_explain_their_targets_at_least_as_well(members):
    found, codes = members
    rows, clusters = np.arange(len(codes)), np.array([0, 1, 0, 2])
    fused, strongest = common_motifs(found, clusters, codes, rows, FitOptions())
    targets = found.targets(np.array([0, 2]))
    score = {}
    for name, pbms in (("fused", fused), ("strongest", strongest)):
        energies = pbms.scaled_to(codes, support=30).normalized_energies(codes).astype(float)
        score[name] = np.mean([r2(energies[:, 0], t) for t in targets.T])
    # PREGO fits the linear energy, and this is that of the log energy: 0.027 below was measured
    assert score["fused"] > score["strongest"] - 0.05
    # clusters of one stay as they are
    for k, member in ((1, 1), (2, 3)):
        np.testing.assert_array_equal(fused.motifs.matrix(k), found.pbms.motifs.matrix(member))
        np.testing.assert_array_equal(fused.spatial.weights[k], found.pbms.spatial.weights[member])
    nothing, same = common_motifs(found, clusters, codes, rows, FitOptions(consolidation="none"))
    assert nothing is same


def test_a_vague_fusion_is_the_strongest_member_instead(members):
    found, codes = members
    clusters = np.array([0, 1, 0, 2])
    fused, strongest = common_motifs(found, clusters, codes, np.arange(len(codes)), FitOptions(min_bits=1000.0))
    for k in range(3):
        np.testing.assert_array_equal(fused.motifs.matrix(k), strongest.motifs.matrix(k))


def test_members_say_what_took_their_place(branches):
    model = iq.get.model(branches, "iq_manifold")
    table = model.members
    own = model.member_pbms
    assert len(table) == len(own)
    codes = branches.varm["sequence"][(branches.varm["iq_manifold"][:, :, 2] == 0).any(axis=1)]
    mine, shared = own.normalized_energies(codes), model.pbms.normalized_energies(codes)
    for i, row in table.iterrows():
        if not row["common"]:
            assert np.isnan(row["correlation"])
            continue
        k = list(model.motif_names).index(row["common"])
        assert row["correlation"] == pytest.approx(np.corrcoef(mine[:, i], shared[:, k])[0, 1], abs=1e-5)
        assert row["similarity"] > 0.7


def test_the_most_alike_takes_the_place_of_what_left(members):
    found, codes = members
    rows = np.arange(len(codes))
    common = found.pbms.take(np.array([0, 1]))
    # the blurred GATA1 has the other in its place; nothing is like Spi1
    assert closest_common(found, common, np.array([0, 1, -1, -1]), codes, rows).tolist() == [0, 1, 0, -1]
    nothing = found.pbms.take(np.array([], dtype=int))
    assert closest_common(found, nothing, np.full(4, -1), codes, rows).tolist() == [-1] * 4
