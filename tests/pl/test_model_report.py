"""The report on paper."""

from dataclasses import replace

import pytest

import iceqream as iq


def test_the_report_has_a_row_for_each_motif(full, tmp_path):
    pages = iq.pl.model_report(full, rows_per_page=4, show=False)
    n = len(iq.get.model(full).pbms)
    dropped = iq.get.dropped_motifs_df(full)
    foot = next(text.get_text() for text in pages[0].texts if text.get_text().startswith("Dropped motifs"))
    assert f"{dropped.index[0]} ({dropped['reason'].iloc[0]})" in foot
    assert len(pages) == 1 + -(-n // 4)
    # every row of every page is filled, and pages alike
    rows = [len(page.axes) // 6 for page in pages[1:]]
    assert max(rows) - min(rows) <= 1
    titles = [ax.get_title() for page in pages[1:] for ax in page.axes[::6]]
    assert titles == iq.get.motifs_df(full).index.tolist()
    iq.pl.model_report(full, save=tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").stat().st_size < 2e6
    iq.pl.model_report(full, motifs=iq.get.model(full).motif_names[:2], save=tmp_path / "report.png")
    assert {path.name for path in tmp_path.glob("*.png")} == {"report_1.png", "report_2.png"}
    with pytest.raises(ValueError, match="rows_per_page"):
        iq.pl.model_report(full, rows_per_page=0)


def test_motifs_without_effect_get_no_row(full, caplog):
    model, idle = iq.get.model(full), 1
    effects = model.effects.copy()
    effects[idle] = 0
    name = str(model.motif_names[idle])
    full.uns["iq"] = replace(model, effects=effects).to_uns()
    with caplog.at_level("INFO", logger="iceqream"):
        pages = iq.pl.model_report(full, title="mine", show=False)
    assert "1 motifs have no effect" in caplog.text
    assert name not in [ax.get_title() for page in pages[1:] for ax in page.axes]
    texts = [text.get_text() for text in pages[0].texts]
    assert texts[0] == "mine"
    assert any(f"Without effect, and without a row: {name}" in text for text in texts)
    (page,) = iq.pl.model_report(full, motifs=[name], show=False)[1:]
    assert page.get_size_inches()[1] < 4  # one row makes a low page


def test_doubt_is_a_banner(full):
    model = iq.get.model(full)
    stats = model.stats | {"r2_test_low": -0.01, "r2_test_high": 0.02}
    full.uns["iq"] = replace(model, stats=stats).to_uns()
    first = iq.pl.model_report(full, motifs=model.motif_names[:1], show=False)[0]
    assert any("does not differ from 0" in text.get_text() for text in first.texts)


def test_models_of_older_versions_are_reported(old, tmp_path):
    data, paired = old
    pages = iq.pl.model_report(data, show=False)
    texts = [text.get_text() for page in pages[1:] for ax in page.axes for text in ax.texts]
    assert sum("without pairs" in text for text in texts) == len(paired)
    assert not any("nan" in text for text in texts)
    assert iq.html_report(data, tmp_path).read_text().count("without pairs</small>") == len(paired)
