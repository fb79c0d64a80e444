"""The report on paper."""

import pytest

import iceqream as iq


def test_the_report_has_a_row_for_each_motif(full, tmp_path):
    pages = iq.pl.model_report(full, rows_per_page=4, show=False)
    n = len(iq.get.model(full).pbms)
    dropped = iq.get.dropped_motifs_df(full)
    foot = next(text.get_text() for text in pages[0].texts if text.get_text().startswith("Dropped motifs"))
    assert f"{dropped.index[0]} ({dropped['reason'].iloc[0]})" in foot
    assert len(pages) == 1 + -(-n // 4)
    titles = [ax.get_title() for page in pages[1:] for ax in page.axes[::6]]
    assert titles == iq.get.motifs_df(full).index.tolist()
    iq.pl.model_report(full, save=tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").stat().st_size < 2e6
    iq.pl.model_report(full, motifs=iq.get.model(full).motif_names[:2], save=tmp_path / "report.png")
    assert {path.name for path in tmp_path.glob("*.png")} == {"report_1.png", "report_2.png"}
    with pytest.raises(ValueError, match="rows_per_page"):
        iq.pl.model_report(full, rows_per_page=0)
