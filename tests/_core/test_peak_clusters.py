"""Clusters that are there are found, numbered by what they resemble, and the same in any order of threads."""

import numpy as np
import pytest

from iceqream._core import peak_clusters
from iceqream._core.cluster import leaf_order
from iceqream._core.peak_clusters import in_order, k_means, silhouettes


@pytest.fixture
def blobs(rng):
    centres = np.array([[0.0, 0, 0, 9], [5, 5, 0, 0], [5, 2, 3, 0], [0, 9, 9, 0]])
    truth = np.repeat(np.arange(4), [50, 80, 100, 150])
    return centres[truth] + 0.2 * rng.normal(size=(380, 4)), truth


def test_clusters_are_found(blobs):
    values, truth = blobs
    labels = k_means(values, 4, np.random.default_rng(0))
    assert all(len(np.unique(labels[truth == k])) == 1 for k in range(4))
    assert (k_means(values, 4, np.random.default_rng(0)) == labels).all()
    scores = silhouettes(values, [2, 3, 4, 6], np.random.default_rng(0))
    assert scores.argmax() == 2


def test_a_sample_starts_and_all_end(blobs, monkeypatch):
    values, truth = blobs
    monkeypatch.setattr(peak_clusters, "SAMPLE", 100)
    labels = k_means(values, 4, np.random.default_rng(0))
    assert all(len(np.unique(labels[truth == k])) == 1 for k in range(4))


def test_neighbours_are_alike_and_the_larger_end_is_first(blobs):
    values, truth = blobs
    for shuffled in (truth, np.array([2, 0, 3, 1])[truth]):
        numbers = in_order(shuffled, values)
        of = [int(numbers[truth == k][0]) for k in range(4)]
        assert abs(of[1] - of[2]) == 1
        sizes = np.bincount(numbers)
        assert sizes[0] > sizes[-1]
        # whatever the clusters were called
        assert (numbers == in_order(truth, values)).all()


def test_leaves_of_a_line_are_in_line(rng):
    place = rng.permutation(30)
    order = place[leaf_order(place[:, None].astype(float))]
    assert (np.diff(order) == 1).all() or (np.diff(order) == -1).all()
    assert leaf_order(np.zeros((2, 3))).tolist() == [0, 1]
