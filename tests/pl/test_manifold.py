"""Pictures of a manifold: what is drawn is what the tables say, also of models that are empty, large or old."""

from dataclasses import replace
from itertools import combinations, pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.text import Text

import iceqream as iq
from iceqream.pl._homogenization import LEVELS, shown_levels
from iceqream.pl._label_places import write_labels


@pytest.fixture
def model(branches):
    return iq.get.model(branches, "iq_manifold")


@pytest.fixture
def large(model):
    """Twelve trajectories with long names, the same motifs in each."""
    names = [f"HSC to erythroid progenitor {i}" for i in range(12)]
    some = list(model.trajectories.values())
    members = pd.concat([model.members.assign(trajectory=name) for name in names[:3]], ignore_index=True)
    return replace(
        model,
        trajectories={name: some[i % 3] for i, name in enumerate(names)},
        members=members,
        member_pbms=iq.motifs.PBMSet.concat([model.member_pbms] * 3),
    )


def inside(figure):
    """Whether all texts of a figure lie in it when it is saved tightly, and no two tick labels overlap."""
    figure.canvas.draw()
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            boxes = [t.get_window_extent() for t in axis.get_ticklabels() if t.get_text() and t.get_visible()]
            for one, other in pairwise(boxes):
                shared = min(one.x1, other.x1) - max(one.x0, other.x0), min(one.y1, other.y1) - max(one.y0, other.y0)
                if min(shared) > 1.5:
                    return False
    return True


def test_tables_are_motifs_by_trajectories(branches, model):
    effects = iq.get.manifold_df(branches)
    assert effects.shape == (len(model.pbms), 3)
    for name in model:
        own = iq.get.motifs_df(model[name])["effect"]
        pd.testing.assert_series_equal(effects[name].dropna().sort_index(), own.sort_index(), check_names=False)
    assert (effects.notna().to_numpy() == model.used.T).all()
    with pytest.raises(ValueError, match="quantity must be one of effect, "):
        iq.get.manifold_df(branches, quantity="x")
    alike = iq.get.member_similarity_df(branches)
    table = iq.get.homogenization_df(branches)
    assert alike.shape == (len(table), len(model.pbms))
    for i, row in table.iterrows():
        if row["common"]:
            assert alike.iloc[i][row["common"]] == pytest.approx(row["similarity"])


def test_homogenization_shows_similarities_and_levels(branches, model):
    similarity, strip, levels = iq.pl.homogenization(branches, show=False)
    drawn = np.ma.filled(similarity.images[0].get_array().astype(float), np.nan)
    table = iq.get.member_similarity_df(branches)
    assert np.sort(drawn[np.isfinite(drawn)]) == pytest.approx(np.sort(table.to_numpy().ravel()))
    # a frame for each motif that a common one took the place of
    assert len(similarity.patches) == (model.members["common"] != "").sum()
    assert len(strip.patches) == len(model.members)
    shown = shown_levels(model)
    assert set(shown["level"]) <= set(LEVELS)
    points = np.concatenate(
        [part.get_offsets()[:, 0] for part in levels.collections if isinstance(part, PathCollection)]
        + [np.atleast_1d(line.get_xdata()) for line in levels.lines]
    ).astype(float)
    for value in shown["r2_test"]:
        assert np.isclose(points, value).any()
    assert inside(similarity.figure)


def test_the_heatmap_has_a_cell_for_each_motif_in_use(branches, model):
    ax = iq.pl.manifold_heatmap(branches, show=False)
    assert [label.get_text() for label in ax.get_xticklabels()] == list(model.names)
    rows = [label.get_text() for label in ax.get_yticklabels()]
    assert sorted(rows) == sorted(model.motif_names)
    some = iq.pl.manifold_heatmap(model, rows[:2], quantity="effect_dap", logos=False, show=False)
    assert [label.get_text() for label in some.get_yticklabels()] == rows[:2]
    with pytest.raises(KeyError, match="The manifold has no motif nothing"):
        iq.pl.manifold_heatmap(model, ["nothing"], show=False)


def test_cells_are_coloured_by_effect_hollow_within_two_errors_and_sized_by_residual_r2(model):
    effects, errors = (iq.get.manifold_df(model, quantity=name).to_numpy() for name in ("effect", "effect_se"))
    names = list(model.motif_names)
    used, unsure = np.isfinite(effects), np.abs(effects) < 2 * errors
    assert np.isnan(iq.get.manifold_df(model, quantity="residual_r2")).to_numpy().all()
    (tiles,) = iq.pl.manifold_heatmap(model, names, show=False).collections[:1]
    wide = np.array([np.ptp(path.vertices[:, 0]) for path in tiles.get_paths()])
    assert len(wide) == used.sum()
    np.testing.assert_allclose(wide, np.where(unsure[used], 0.4, 0.94))
    red, _, blue = tiles.get_facecolor()[:, :3].T
    np.testing.assert_array_equal(np.sign(np.round(red - blue, 6)), np.where(unsure, 0, np.sign(effects))[used])
    worth = {
        name: replace(one, residual_r2=np.linspace(0.01, 0.04, len(one.residual_r2))) for name, one in
        model.trajectories.items()
    }  # fmt: skip
    sized = replace(model, trajectories=worth)
    (dots,) = iq.pl.manifold_heatmap(sized, names, show=False).collections[:1]
    wide = np.array([np.ptp(path.vertices[:, 0]) for path in dots.get_paths()])
    r2 = iq.get.manifold_df(sized, quantity="residual_r2").to_numpy()[used]
    # areas are as R2, and the largest dot fills 0.92 of the cell
    np.testing.assert_allclose(wide, 0.92 * np.sqrt(r2 / r2.max()), rtol=1e-6)


def test_labels_of_points_overlap_neither_points_nor_labels(rng):
    _, ax = plt.subplots(figsize=(4, 4))
    x, y = rng.normal(size=(2, 25))
    ax.scatter(x, y)
    ax.figure.canvas.draw()
    names = [f"motif {i}" for i in range(25)]
    without = write_labels(ax, x, y, names, size=7.0, colors=["k"] * 25, color="grey")
    ax.figure.canvas.draw()
    # of the letters themselves, not of the lines that lead to them
    letters = [Text.get_window_extent(text) for text in ax.texts]
    assert len(letters) == 25 - len(without)
    assert len(letters) >= 20
    assert not any(one.overlaps(other) for one, other in combinations(letters, 2))
    at = ax.transData.transform(np.column_stack([x, y]))
    assert not any(box.contains(*point) for box in letters for point in at)


def test_a_scatter_of_two_trajectories(branches, model):
    first, second = model.names[:2]
    ax = iq.pl.trajectory_scatter(branches, first, second, show=False)
    effects = iq.get.manifold_df(model)[[first, second]].dropna(how="all")
    both = effects.dropna()
    points = np.concatenate(
        [np.asarray(part.get_offsets()) for part in ax.collections if isinstance(part, PathCollection)]
    )
    for x, y in both.to_numpy():
        assert np.isclose(points, [x, y]).all(axis=1).any()
    assert len(points) == len(effects)
    for wrong, message in (((first, first), "are both"), ((first, "to X"), "no trajectory 'to X'")):
        with pytest.raises((ValueError, KeyError), match=message):
            iq.pl.trajectory_scatter(branches, *wrong, show=False)


def test_common_motifs_stand_below_their_members(branches, model):
    name = model.members["common"].value_counts().index[0]
    axes = iq.pl.common_motifs(branches, [name], show=False)
    n = (model.members["common"] == name).sum()
    assert len(axes) == n + 1
    assert axes[-1].get_title(loc="left") == name
    with pytest.raises(KeyError, match="nothing"):
        iq.pl.common_motifs(model, ["nothing"], show=False)


def test_large_manifolds_stay_readable(large):
    for draw in (iq.pl.homogenization, iq.pl.manifold_heatmap):
        drawn = draw(large, show=False)
        assert inside((drawn[0] if isinstance(drawn, list) else drawn).figure)
        plt.close("all")
    pages = iq.pl.manifold_report(large, rows_per_page=5, show=False)
    # the whole, the heatmap, and five motifs a page
    assert len(pages) == 2 + -(-len(large.pbms) // 5)


def test_reports_are_written(branches, model, tmp_path):
    iq.pl.manifold_report(branches, save=tmp_path / "report.pdf", show=False)
    assert (tmp_path / "report.pdf").stat().st_size < 3e6
    page = iq.html_report(branches, tmp_path / "page", key="iq_manifold").read_text()
    assert "Manifold of 3 trajectories" in page
    for name in model:
        assert name in page
    assert len(list((tmp_path / "page").glob("*/index.html"))) == 3


def test_one_trajectory_is_no_manifold(fitted, branches):
    for draw in (iq.pl.homogenization, iq.pl.manifold_heatmap, iq.pl.common_motifs, iq.pl.manifold_report):
        with pytest.raises(ValueError, match=r"holds one trajectory, S1 -> S4, not a manifold: run iq\.tl\.fit_manif"):
            draw(fitted, key="iq", show=False)
        with pytest.raises(KeyError, match="no model in uns"):
            draw(branches, key="nothing", show=False)


def test_axes_say_what_they_show(model):
    ax = iq.pl.trajectory_scatter(model, *model.names[:2], show=False)
    assert ax.get_xlabel() == f"effect in {model.names[0]} (logit) ± SE"
