import pytest

import iceqream as iq


@pytest.mark.parametrize("suffix", ["h5", "zarr"])
def test_models_of_both_kinds_are_read_by_one_function(manifold, tmp_path, suffix):
    model = iq.get.model(manifold, "iq_manifold")
    model.save(tmp_path / f"all.{suffix}")
    model["early"].save(tmp_path / f"one.{suffix}")
    every, one = (iq.models.load(tmp_path / f"{name}.{suffix}") for name in ("all", "one"))
    assert every.names == model.names
    assert one.states == ("S1", "S3")
    assert (every.predict(manifold) == model.predict(manifold)).all(axis=None)
    assert (one.predict(manifold) == model["early"].predict(manifold)).all()
    with pytest.raises(ValueError, match=r"not a trajectory model: its kind is 'manifold'. iq.models.load reads"):
        iq.models.TrajectoryModel.load(tmp_path / f"all.{suffix}")
    with pytest.raises(ValueError, match=r"kind is 'trajectory'. iq.models.load reads"):
        iq.models.ManifoldModel.load(tmp_path / f"one.{suffix}")
    with pytest.raises(FileNotFoundError, match="no model at"):
        iq.models.load(tmp_path / "none.h5")
