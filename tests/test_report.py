"""The report as a page."""

import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

import iceqream as iq


def test_html_report_is_self_contained(full, tmp_path):
    model = iq.get.model(full)
    # a long name stays whole in the tables; a doubt is a banner
    long = "SMAD2::SMAD3::SMAD4_HUMAN.H11MO.0.B"
    names = np.array([long, *model.motif_names[1:]], dtype=object)
    pbms = replace(model.pbms, motifs=replace(model.pbms.motifs, names=names))
    stats = model.stats | {"r2_test_low": -0.01, "r2_test_high": 0.02}
    residual = np.full_like(model.residual_r2, np.nan)
    full.uns["iq"] = replace(model, pbms=pbms, stats=stats, residual_r2=residual).to_uns()
    path = iq.html_report(full, tmp_path / "report")
    text = path.read_text()
    assert "<p class='banner'>" in text
    assert ">residual R²<" not in text  # a column without a value is left out
    for name in iq.get.model(full).motif_names:
        assert f"<b>{name}</b>" in text
    n = len(iq.get.model(full).pbms)
    assert text.count("<svg class='logo'") == n
    assert text.count("<svg class='curve'") == 2 * n
    for name, row in iq.get.dropped_motifs_df(full).iterrows():
        assert f"<td data-value='{name}'>{name}</td>" in text
        assert f">{row['reason']}<" in text
    assert "src='http" not in text
    assert text.count("data:image/png;base64") >= 7
    full.write_h5ad(tmp_path / "x.h5ad")
    from iceqream.cli import main

    assert main(["report", str(tmp_path / "x.h5ad"), "-o", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "index.html").exists()
    assert main(["report", str(tmp_path / "nope.h5ad"), "-o", str(tmp_path / "again")]) == 2


def test_html_report_works_in_a_browser(full, tmp_path):
    browser = next((b for b in ("chromium", "chromium-browser", "google-chrome") if shutil.which(b)), None)
    if browser is None:
        pytest.skip("no Chromium is installed")
    path = iq.html_report(full, tmp_path)
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", path.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    table = iq.get.motifs_df(full)
    assert dom.count('<svg class="logo"') == len(table)
    assert _first_column(dom) == table.index.tolist()
    # a click on a heading of numbers puts the largest first, another the smallest
    for clicks, order in ((1, table["bits"].sort_values(ascending=False)), (2, table["bits"].sort_values())):
        click = "document.querySelectorAll('th.number button')[3].click();" * clicks
        path.write_text(path.read_text().replace("</body>", f"<script>{click}</script></body>"))
        dom = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
        path.write_text(path.read_text().replace(f"<script>{click}</script>", ""))
        assert _first_column(dom) == order.index.tolist()


def _first_column(dom):
    body = dom.split("<tbody>")[1].split("</tbody>")[0]
    return re.findall(r"<tr><td data-value=\"([^\"]+)\"", body)


def test_a_file_is_no_folder_for_the_report(full, tmp_path):
    path = tmp_path / "report"
    path.write_text("mine")
    with pytest.raises(ValueError, match=r"report is a file, not a folder"):
        iq.html_report(full, path / "deeper")
    assert path.read_text() == "mine"


def test_loci_are_drawn_with_their_sites_and_links(full, tmp_path):
    full.uns["sequence"]["params"]["genome"] = "hg38.fa.gz"
    locus = full.var_names[40]
    text = iq.html_report(full, tmp_path, loci=[locus, 3]).read_text()
    place = f"{full.var['chrom'].iloc[40]}:{full.var['start'].iloc[40] + 1 - 2000}-{full.var['end'].iloc[40] + 2000}"
    assert f"hgTracks?db=hg38&amp;position={place}'>UCSC browser, hg38" in text
    assert f"alt='locus {locus}'" in text
    sites = iq.tl.motif_sites(full, peaks=[locus])
    part = text.split(f"<h3>{locus}")[1].split("<h3>")[0]
    assert part.count("<tr>") == len(sites) + 1
    for start in sites["start"]:
        assert f"data-value='{float(start)}'" in part
    # by default those that open and close most clearly, in data and model
    table = iq.get.predictions_df(full)
    text = iq.html_report(full, tmp_path).read_text()
    names = re.findall("<h3>(.*?)</h3>", text)
    assert len(names) == 2
    assert (table.loc[names[0], ["dap", "pred"]] > 0.2).all()
    assert (table.loc[names[1], ["dap", "pred"]] < 0).all()
    assert (table.loc[names, "split"] == "test").all()
    assert "<h2>Loci" not in iq.html_report(full, tmp_path, loci=0).read_text()
    with pytest.raises(KeyError, match="nowhere"):
        iq.html_report(full, tmp_path, loci="nowhere")
    with pytest.raises(ValueError, match="loci is a number of at least 0"):
        iq.html_report(full, tmp_path, loci=-1)
