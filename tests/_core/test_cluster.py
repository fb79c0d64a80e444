import numpy as np

from iceqream._core.cluster import linked


def test_linked_groups_hold_only_pairs_that_are_alike():
    correlation = np.array([[1, 0.95, 0.9, 0.1], [0.95, 1, 0.8, 0.1], [0.9, 0.8, 1, 0.1], [0.1, 0.1, 0.1, 1.0]])
    nothing = np.zeros((4, 4), dtype=bool)
    # 0 and 2 are alike, but 1, which joined 0 first, and 2 are not
    assert linked(correlation, nothing, 0.85).tolist() == [0, 0, 1, 2]
    assert linked(correlation, nothing, 0.8).tolist() == [0, 0, 0, 1]
    apart = nothing.copy()
    apart[0, 1] = apart[1, 0] = True
    assert linked(correlation, apart, 0.85).tolist() == [0, 1, 0, 2]
    assert linked(correlation, np.ones((4, 4), dtype=bool), -1.0).tolist() == [0, 1, 2, 3]
    assert linked(np.ones((1, 1)), np.zeros((1, 1), dtype=bool), 0.85).tolist() == [0]
    assert linked(np.ones((0, 0)), np.zeros((0, 0), dtype=bool), 0.85).tolist() == []
