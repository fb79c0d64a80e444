import itertools

import numpy as np
import pytest

from iceqream._core.kmers import screen_kmers
from iceqream._core.sequence import decode
from iceqream._core.threads import threads


def counted(strings, pattern, starts=None):
    """Occurrences of a pattern with '*', overlapping ones too."""
    length = len(pattern)
    total = []
    for text in strings:
        last = len(text) - length + 1 if starts is None else starts
        windows = (text[i : i + length] for i in range(last))
        total.append(sum("N" not in w and all(p in ("*", c) for p, c in zip(pattern, w, strict=True)) for w in windows))
    return np.array(total)


def patterns(k, max_gap):
    for letters in itertools.product("ACGT", repeat=k):
        text = "".join(letters)
        yield text
        for gap in range(1, max_gap + 1):
            for position in range(2, k - 1):
                yield text[:position] + "*" * gap + text[position:]


@pytest.mark.parametrize("max_gap", [0, 1, 2])
def test_every_pattern_is_counted_exactly(rng, max_gap):
    codes = rng.integers(0, 4, (40, 60)).astype(np.uint8)
    codes[rng.random(codes.shape) < 0.01] = 4
    targets = rng.normal(size=(40, 2))
    found = screen_kmers(codes, targets, 4, max_gap=max_gap)
    strings = decode(codes)
    table = dict(zip(found.strings(), range(len(found)), strict=True))
    for pattern in patterns(4, max_gap):
        counts = counted(strings, pattern)
        if counts.std() == 0:
            assert pattern not in table
            continue
        row = table.pop(pattern)
        assert found.mean[row] == pytest.approx(counts.mean(), abs=1e-12)
        assert found.variance[row] == pytest.approx(counts.var(), abs=1e-12)
        want = [np.corrcoef(counts, targets[:, t])[0, 1] for t in range(2)]
        np.testing.assert_allclose(found.correlation[row], want, atol=1e-12)
    assert not table
    assert (np.diff(found.r2) <= 1e-15).all()


def test_both_strands_add_up(rng):
    codes = rng.integers(0, 4, (50, 40)).astype(np.uint8)
    y = rng.normal(size=(50, 1))
    strings = decode(codes)
    flipped = [s[::-1].translate(str.maketrans("ACGT", "TGCA")) for s in strings]
    found = screen_kmers(codes, y, 5, both_strands=True, min_correlation=0.3)
    assert len(found) > 5
    for i, pattern in enumerate(found.strings()):
        counts = counted(strings, pattern) + counted(flipped, pattern)
        assert found.correlation[i, 0] == pytest.approx(np.corrcoef(counts, y[:, 0])[0, 1], abs=1e-12)


def test_same_starts_is_the_rule_of_the_reference(rng):
    codes = rng.integers(0, 4, (50, 30)).astype(np.uint8)
    y = rng.normal(size=(50, 1))
    found = screen_kmers(codes, y, 4, max_gap=1, same_starts=True)
    for i in range(0, len(found), 50):
        counts = counted(decode(codes), found.strings()[i], starts=30 - 4 - 1 + 1)
        assert found.mean[i] == pytest.approx(counts.mean(), abs=1e-12)


def test_threads_give_the_same(rng):
    codes = rng.integers(0, 4, (300, 80)).astype(np.uint8)
    y = rng.normal(size=(300, 1))
    two = screen_kmers(codes, y, 6, min_correlation=0.1)
    with threads(1):
        one = screen_kmers(codes, y, 6, min_correlation=0.1)
    assert one.strings() == two.strings()
    assert (one.correlation == two.correlation).all()


@pytest.mark.parametrize(
    ("k", "max_gap", "message"),
    [(3, 0, "between 4 and 9"), (10, 0, "between 4 and 9"), (8, 30, "do not fit into 20 bp")],
)
def test_impossible_patterns_are_named(k, max_gap, message):
    with pytest.raises(ValueError, match=message):
        screen_kmers(np.zeros((5, 20), dtype=np.uint8), np.zeros((5, 1)), k, max_gap=max_gap)
