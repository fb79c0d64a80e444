"""Messages name what is near."""

import pytest

from iceqream._core.messages import did_you_mean, known_names


def test_names_that_are_near():
    known = ["CEBP TTGCGCAAT", "CEBP.2 and more", "GATA", "E-box"]
    assert did_you_mean("gatta", known) == " Did you mean 'GATA'?"
    assert did_you_mean("cebp", known) == " Did you mean 'CEBP TTGCGCAAT' or 'CEBP.2 and more'?"
    assert did_you_mean("PU.1", known) == did_you_mean("", known) == ""


def test_known_names_are_listed():
    assert known_names("a", ["a", "b"], "no") == ["a"]
    assert known_names(["b", "a"], ["a", "b"], "no") == ["b", "a"]
    with pytest.raises(KeyError, match=r"There is no motif x, y; there is a, b, c, \.\.\.\.  Look\."):
        known_names(["x", "a", "y"], "abcd", "There is no motif", hint="  Look.")
    with pytest.raises(KeyError, match=r"There is no motif x; there is none\."):
        known_names("x", [], "There is no motif")
