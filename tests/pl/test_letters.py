"""Letters and logos from outlines."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex

from iceqream.pl._letters import draw_logo, letter_heights, unit_letter
from iceqream.pl._style import LETTER_COLORS


def test_letters_fill_the_unit_square():
    for letter in "ACGT":
        vertices = unit_letter(letter).vertices
        np.testing.assert_allclose(vertices.min(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(vertices.max(axis=0), 1, atol=1e-12)


def test_a_logo_is_one_collection_with_the_largest_letter_on_top():
    pssm = np.array([[0.1, 0.2, 0.3, 0.4], [0.0, 1.0, 0.0, 0.0]])
    _, ax = plt.subplots()
    draw_logo(ax, pssm)
    (collection,) = ax.collections
    assert isinstance(collection, PathCollection)
    colors = [to_hex(color).upper() for color in collection.get_facecolors()]
    assert colors == [LETTER_COLORS[letter] for letter in "ACGTC"]
    heights = letter_heights(pssm, "bits")
    tops = [path.vertices[:, 1].max() for path in collection.get_paths()]
    np.testing.assert_allclose(tops, [*np.cumsum(heights[0]), 2.0])
    lefts = [path.vertices[:, 0].min() for path in collection.get_paths()]
    assert np.floor(lefts).tolist() == [0, 0, 0, 0, 1]


def test_heights_are_bits_or_probabilities():
    pssm = np.array([[0.25] * 4, [0.5, 0.5, 0, 0], [0, 0, 0, 1]])
    np.testing.assert_allclose(letter_heights(pssm, "bits").sum(axis=1), [0, 1, 2])
    np.testing.assert_array_equal(letter_heights(pssm, "probability"), pssm)
