"""One wording of R2."""

from iceqream.pl._scores import r2_text


def test_r2_comes_with_its_interval_where_there_is_one():
    stats = {"r2_test": 0.137, "r2_train": 0.2}
    assert r2_text(stats, "test") == "$R^2$ = 0.137"
    stats |= {"r2_test_low": 0.1, "r2_test_high": 0.18}
    assert r2_text(stats, "test", symbol="R²") == "R² = 0.137 (95 %: 0.100 to 0.180)"
    assert r2_text(stats, "train") == "$R^2$ = 0.200"
    # of other peaks than the model's, the interval is not known
    assert r2_text(stats, "test", 0.3) == "$R^2$ = 0.300"
