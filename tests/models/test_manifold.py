"""The model of a manifold: one motif block, trajectories that are models of their own, and how it is kept."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import iceqream as iq
from iceqream.models import ManifoldModel, TrajectoryModel


@pytest.fixture
def model(branches):
    return iq.get.model(branches, "iq_manifold")


def same(one, other):
    """Whether two trajectories are equal in all that is kept."""
    arrays = ("coefficients", "effects", "own_effects", "pair_effects", "dap_effects", "effect_errors", "correlations",
              "quantiles", "residual_r2")  # fmt: skip
    for name in arrays:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    for name in vars(one.interactions):
        np.testing.assert_array_equal(getattr(one.interactions, name), getattr(other.interactions, name), err_msg=name)
    for name in ("levels", "dropped", "sizes"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name))
    assert one.stats == other.stats
    assert {type(value) for value in one.stats.values()} == {type(value) for value in other.stats.values()}
    assert (one.params, one.states, one.dap_range) == (other.params, other.states, other.dap_range)
    np.testing.assert_array_equal(one.motif_names, other.motif_names)


def test_a_trajectory_is_a_model_of_its_own_on_the_common_motifs(model):
    for name in model:
        one = model[name]
        assert isinstance(one, TrajectoryModel)
        at = [list(model.motif_names).index(motif) for motif in one.motif_names]
        assert at == sorted(at)
        # probabilities are normalised anew whenever motifs are taken: 2e-16 was measured
        np.testing.assert_allclose(one.pbms.motifs.pssm, model.pbms.motifs.pssm[at], rtol=1e-12)
        np.testing.assert_array_equal(one.pbms.spatial.weights, model.pbms.spatial.weights[at])
        np.testing.assert_array_equal(one.pbms.energy_high, model.pbms.energy_high[at])


def test_coefficients_are_stacked(model):
    stacked = model.coefficients
    assert stacked.shape == (3, len(model.pbms) + len(model.features), 4)
    for t, name in enumerate(model):
        of_one = {term: stacked[t, i] for i, term in enumerate(model.terms)}
        for term, row in zip(model[name].terms, model[name].coefficients, strict=True):
            np.testing.assert_array_equal(of_one.pop(term), row)
        assert not np.any(list(of_one.values()))
        assert model.used[t].sum() == len(model[name].pbms)


def test_all_trajectories_are_predicted_at_once(model, branches):
    predicted = model.predict(branches)
    assert predicted.columns.tolist() == list(model.names)
    assert predicted.index.tolist() == branches.var_names.tolist()
    for name in model:
        np.testing.assert_array_equal(predicted[name], model[name].predict(branches))
    assert list(dict(model)) == list(model.keys()) == list(model.names)
    # a single sequence, and any form of it
    alone = model.predict(["ACGT" * 125])
    np.testing.assert_allclose(alone.to_numpy()[0], [model[name].predict("ACGT" * 125)[0] for name in model])


def test_it_is_kept_whole(model, tmp_path):
    for path in (tmp_path / "m.iq.h5", tmp_path / "m.zarr"):
        model.save(path)
        again = ManifoldModel.load(path)
        assert again.names == model.names
        assert (again.params, again.stats) == (model.params, model.stats)
        pd.testing.assert_frame_equal(again.sizes, model.sizes)
        pd.testing.assert_frame_equal(again.members, model.members)
        for now, before in ((again.pbms, model.pbms), (again.member_pbms, model.member_pbms)):
            np.testing.assert_allclose(now.motifs.pssm, before.motifs.pssm, rtol=1e-12)
        for name in model:
            same(again[name], model[name])


def test_a_trajectory_without_motifs_or_pairs_is_kept_too(model, tmp_path):
    first, *others = model.trajectories.items()
    one = first[1]
    unknown = dict.fromkeys(
        ("effects", "own_effects", "pair_effects", "dap_effects", "effect_errors", "correlations", "quantiles",
         "residual_r2"), np.array([]),
    )  # fmt: skip
    nothing = np.array([], dtype=int)
    empty = replace(one, pbms=one.pbms.take(nothing), coefficients=one.coefficients[len(one.pbms) :],
                    interactions=one.interactions.take(nothing), dropped=one.dropped.iloc[:0], **unknown)  # fmt: skip
    changed = replace(model, trajectories={first[0]: empty, **dict(others)}, member_pbms=None)
    again = ManifoldModel.from_uns(changed.to_uns())
    assert len(again[first[0]].pbms) == 0
    assert again.member_pbms is None
    for name in model:
        same(again[name], changed[name])


def test_errors_name_what_is_wrong(model):
    with pytest.raises(KeyError, match=r"no trajectory 'to A'; it has to A/3, to B/3, to C/3.*Did you mean 'to A/3'"):
        model["to A"]
    other = model["to A/3"]
    with pytest.raises(ValueError, match="'x' has motifs or features that the manifold has not"):
        replace(model, pbms=model.pbms.take(np.array([0])), trajectories={"x": other})
    with pytest.raises(ValueError, match="not the model of a manifold: its kind is 'trajectory'"):
        ManifoldModel.from_uns(other.to_uns())
    with pytest.raises(ValueError, match="not a trajectory model: its kind is 'manifold'"):
        TrajectoryModel.from_uns(model.to_uns())
    assert "3 trajectories" in repr(model)
