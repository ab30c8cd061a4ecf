"""The page in a real browser, where one is installed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from reverie.reports.html import render_report
from reverie.testing.patience import PATIENCE_SECONDS
from tests.reports.dream_samples import NOON, support_desk

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
# A page in a frame of a telephone's width says how wide it really is.
FRAME = """<iframe id="page" src="report.html" width="375" height="800"></iframe><p id="width"></p>
<script>page.onload = () => { width.textContent = page.contentDocument.documentElement.scrollWidth }</script>"""


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
def test_nothing_sticks_out_of_a_narrow_screen(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(render_report(*support_desk(), generated_at=NOON), encoding="utf-8")
    (tmp_path / "frame.html").write_text(FRAME, encoding="utf-8")
    switches = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    switches += ["--disable-component-update", "--disable-sync", "--allow-file-access-from-files", "--dump-dom"]
    command = [str(BROWSER), *switches, f"--user-data-dir={tmp_path / 'profile'}", f"file://{tmp_path}/frame.html"]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True)
    width = re.search(r'<p id="width">(\d+)</p>', finished.stdout)
    assert width is not None
    assert 300 < int(width[1]) <= 375
