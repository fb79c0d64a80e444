"""Pictures of changed sequences: what they draw is what the results say; names and bars do not touch."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import iceqream as iq
from iceqream.pl._mutagenesis import strongest_region
from iceqream.pl._names import text_points
from iceqream.pl._sequence_sites import packed_rows


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def found(request):
    return iq.tl.mutagenesis(request.getfixturevalue("_full"), [3, 7], n_bootstraps=0)


def test_the_region_is_where_effects_are_largest(found):
    first, last = strongest_region(found.importance[0], 100)
    assert last - first == 100
    sums = [np.square(found.importance[0][i : i + 100]).sum() for i in range(401)]
    assert first == int(np.argmax(sums))
    assert strongest_region(np.ones(30), 100) == (0, 30)


def test_letters_are_as_high_as_their_attributions(found):
    axes = iq.pl.mutagenesis(found, 1, region=(200, 240), show=False)
    origin = int(found.places["start"].iloc[1])
    assert axes["logo"].get_xlim() == (200 + origin, 240 + origin)
    letters = axes["logo"].collections[0].get_paths()
    heights = [path.vertices[:, 1][np.abs(path.vertices[:, 1]).argmax()] for path in letters]
    shown = found.attributions[1].sum(axis=0)[200:240]
    np.testing.assert_allclose(heights, shown[shown != 0], rtol=1e-9)
    image = axes["effects"].images[0].get_array()
    np.testing.assert_array_equal(image, found.effects[1][:, 200:240])
    top, bottom = (axes["sequence"].patches[i].get_data()[0] for i in (1, 2))
    np.testing.assert_array_equal(top, found.effects[1].max(axis=0))
    np.testing.assert_array_equal(bottom, found.effects[1].min(axis=0))


def test_sequences_are_found_by_name_and_regions_checked(found):
    iq.pl.mutagenesis(found, str(found.names[1]), show=False)
    with pytest.raises(KeyError, match="number 2"):
        iq.pl.mutagenesis(found, 2, show=False)
    with pytest.raises(KeyError, match="chr9"):
        iq.pl.mutagenesis(found, "chr9:1-2", show=False)
    for region in ((490, 510), (0, 300), (20, 20)):
        with pytest.raises(ValueError, match="region"):
            iq.pl.mutagenesis(found, 0, region=region, show=False)


def test_names_and_bars_of_sites_do_not_touch():
    rng = np.random.default_rng(0)
    start = rng.integers(0, 480, 40)
    sites = pd.DataFrame({"motif": rng.choice(["GATA", "NR AGGTCA", "E-box CAGGTG"], 40), "start": start})
    sites["end"] = start + rng.integers(6, 20, 40)
    points = 0.9
    rows = packed_rows(sites, points)
    for row in range(rows.max() + 1):
        part = sites[rows == row].sort_values("start")
        middle = (part["start"] + part["end"]) / 2 * points
        wide = np.maximum((part["end"] - part["start"]) * points, [text_points(name, 6.5) for name in part["motif"]])
        left, right = (middle - wide / 2).to_numpy(), (middle + wide / 2).to_numpy()
        assert (left[1:] > right[:-1]).all()


def test_a_map_marks_pairs_that_do_not_overlap(full):
    found = iq.tl.dependency_map(full, 5, min_energy=4)
    axes = iq.pl.dependency_map(found, n_pairs=3, show=False)
    np.testing.assert_array_equal(axes["map"].images[0].get_array(), found.dependence)
    frames = [patch.get_bbox() for patch in axes["map"].patches]
    assert len(frames) == min(3, len(found.pairs))
    for i, one in enumerate(frames):
        for other in frames[i + 1 :]:
            assert not one.overlaps(other) or one.x1 <= other.x0 or other.x1 <= one.x0 or one.y1 <= other.y0
    with pytest.raises(ValueError, match="n_pairs"):
        iq.pl.dependency_map(found, n_pairs=-1, show=False)


def test_shares_are_drawn_as_bars(full):
    table = iq.tl.saturation_summary(full, n_peaks=10)
    ax = iq.pl.saturation_summary(table, n_motifs=3, show=False)
    widths = np.array([bar.get_width() for bar in ax.patches]).reshape(2, 3).sum(axis=0)
    np.testing.assert_allclose(widths, 100 * table["share"].head(3))
    with pytest.raises(ValueError, match="lacks share"):
        iq.pl.saturation_summary(table.drop(columns="share"), show=False)


def test_steps_of_a_design_are_those_of_its_trace(full, branches):
    found = iq.tl.design(full, target="max", n_mutations=5, n_random=2)
    axes = iq.pl.design(found, 1, show=False)
    trace = found.trace[found.trace["name"] == "random_2"]
    line = axes["steps"].lines[0].get_ydata()
    np.testing.assert_allclose(line, [found.sequences["dap_start"].iloc[1], *trace["dap"]])
    said = [text.get_text() for text in axes["steps"].texts]
    assert said == [motif or "composition" for motif in trace["motif"]]
    with pytest.raises(KeyError, match="random_3"):
        iq.pl.design(found, "random_3", show=False)
    names = iq.get.model(branches, "iq_manifold").names
    of_all = iq.tl.design(branches, target={names[0]: "max"}, key="iq_manifold", n_mutations=2)
    drawn = iq.pl.design(of_all, show=False)["steps"]
    assert [text.get_text() for text in drawn.get_legend().get_texts()] == list(names)


def test_scans_have_a_line_per_orientation(full):
    scan = iq.tl.spacing_scan(full, "GATA", "GATA", distances=[5, 40], strands=["++", "+-"], n_sequences=4)
    axes = iq.pl.spacing_scan(scan, show=False)
    np.testing.assert_allclose(axes[1].lines[1].get_ydata(), scan["beyond"][:2])
    assert len(axes[0].get_legend().get_texts()) == 2
