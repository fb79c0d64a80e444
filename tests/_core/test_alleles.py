"""Alternative windows and the best windows over what differs, against the slow way."""

import numpy as np
import pytest

from iceqream._core.alleles import Edits, alternative_windows, best_windows_over
from iceqream._core.energy import window_log_odds


def edits_of(window, position, removed, inserted):
    first = np.concatenate([[0], np.cumsum([len(codes) for codes in inserted])]).astype(np.int64)
    columns = (np.array(column, dtype=np.int64) for column in (window, position, removed))
    return Edits(*columns, first, np.concatenate([np.empty(0, np.uint8), *inserted]).astype(np.uint8))


def slow(around, margin, edits):
    """One window's alternative, base by base: lists of (code, source) left and right of the base that stays."""
    width = len(around) - 2 * margin
    centre = width // 2
    bases = [[(int(code), i - margin, -1)] for i, code in enumerate(around)]
    split = centre
    for e, (position, removed, inserted) in enumerate(edits):
        if position + removed > centre:
            split = min(split, position)
        at = position + margin
        for i in range(removed):
            bases[at + i] = []
        new = [(int(code), position + min(j, removed - 1), e) for j, code in enumerate(inserted)]
        # before the base at the place: it belongs to the edit's side
        bases[at] = new + bases[at]
    left = [item for group in bases[: split + margin] for item in group]
    right = [item for group in bases[split + margin :] for item in group]
    # what is inserted just before the split ends left of it
    while right and right[0][2] >= 0 and edits[right[0][2]][0] + edits[right[0][2]][1] <= centre:
        left.append(right.pop(0))
    whole = left + right
    origin = len(left) - split
    taken = [whole[i] if 0 <= i < len(whole) else None for i in range(origin, origin + width)]
    codes = [item[0] for item in taken]
    return np.array(codes), np.array([item[1] for item in taken]), [item[2] for item in taken]


@pytest.mark.parametrize("width", [1, 8, 31, 60])
def test_alternative_windows_against_lists(rng, width):
    for _ in range(60):
        margin = 40
        around = rng.integers(0, 5, (3, width + 2 * margin)).astype(np.uint8)
        rows, position, removed, inserted = [], [], [], []
        for row in range(3):
            at = int(rng.integers(-6, width))
            for _ in range(rng.integers(1, 5)):
                size = int(rng.integers(0, 6))
                # those that change the window; what is inserted must not stand where the last ended
                if at + size > 0 and at < width and (size or at > 0):
                    rows.append(row)
                    position.append(at)
                    removed.append(size)
                    inserted.append(rng.integers(0, 4, int(rng.integers(0 if size else 1, 6))).astype(np.uint8))
                at += size + int(rng.integers(1, 10))
        edits = edits_of(rows, position, removed, inserted)
        found = alternative_windows(around, margin, 3, edits)
        for row in range(3):
            of = [e for e in range(len(rows)) if rows[e] == row]
            codes, source, which = slow(around[row], margin, [(position[e], removed[e], inserted[e]) for e in of])
            np.testing.assert_array_equal(found.codes[row], codes)
            np.testing.assert_array_equal(found.source[row], source)
            for k, e in enumerate(of):
                inside = [i for i, edit in enumerate(which) if edit == k]
                assert list(range(found.start[e], found.end[e])) == inside


def test_nothing_to_replace_gives_the_window(rng):
    around = rng.integers(0, 5, (4, 26)).astype(np.uint8)
    found = alternative_windows(around, 3, 4, edits_of([], [], [], []))
    np.testing.assert_array_equal(found.codes, around[:, 3:-3])
    np.testing.assert_array_equal(found.source, np.tile(np.arange(20), (4, 1)))


def test_best_windows_over_bases_against_all_windows(rng):
    codes = rng.choice(5, (6, 40), p=[0.24, 0.24, 0.24, 0.24, 0.04]).astype(np.uint8)
    lengths = np.array([1, 5, 9, 40])
    matrices = np.full((4, 40, 4), 0.25)
    for m, length in enumerate(lengths):
        matrices[m, :length] = rng.dirichlet(np.full(4, 0.5), length)
    row = np.repeat(np.arange(6), 5)
    start = np.tile([0, 0, 17, 20, 39], 6)
    end = np.tile([0, 3, 17, 26, 40], 6)
    score, first, strand = best_windows_over(codes, row, start, end, matrices, lengths)
    for q in range(len(row)):
        for m, length in enumerate(lengths):
            forward, reverse = (one[row[q]].astype(float) for one in window_log_odds(codes, matrices[m, :length]))
            # a window of both sides of a point, or of one base at least
            starts = [i for i in range(40 - length + 1) if i < end[q] and i + length > start[q]]
            if not starts:
                assert (score[q, m], first[q, m]) == (-np.inf, -1)
                continue
            both = np.logaddexp2(forward, reverse)[starts]
            # float32 against float64; it was 3e-6
            assert score[q, m] == pytest.approx(both.max(), abs=2e-5)
            assert first[q, m] == starts[both.argmax()]
            assert strand[q, m] == (-1 if reverse[first[q, m]] > forward[first[q, m]] else 1)
