"""Pages in a real browser, where one is: nothing is wider than a telephone, and every figure is drawn."""

from __future__ import annotations

import html as escaping
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.report import html, render
from harness.report.contents import gather
from harness.tests import reports

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NARROW, WIDE = 360, 1280
"""Widths of the windows in which pages are read, in pixels."""
READING = """<!doctype html><title>Reading</title><body><script>
const read = async (page, width) => {
  const frame = document.createElement("iframe");
  frame.width = width; frame.height = 800; frame.src = page;
  document.body.append(frame);
  await new Promise(done => frame.onload = done);
  const there = frame.contentDocument, images = [...there.images];
  images.forEach(image => image.loading = "eager");
  await Promise.all(images.map(image => image.decode().catch(() => 0)));
  return [page, width, there.documentElement.scrollWidth, images.filter(i => !i.naturalWidth).length];
};
(async () => {
  const told = [];
  for (const page of PAGES) for (const width of WIDTHS) told.push(await read(page, width));
  const out = document.createElement("pre"); out.id = "told"; out.textContent = JSON.stringify(told);
  document.body.replaceChildren(out);
})();
</script>"""


@pytest.mark.skipif(BROWSER is None, reason="there is no chromium here")
@pytest.mark.timeout(120)
def test_pages_fit_narrow_windows_and_their_figures_are_drawn(tmp_path: Path) -> None:
    report = reports.report(*reports.every_kind())
    render.write(report, tmp_path)
    pages = list(html.pages(gather([report])))
    wrapper = READING.replace("PAGES", json.dumps(pages)).replace("WIDTHS", json.dumps([NARROW, WIDE]))
    (tmp_path / "reading.html").write_text(wrapper)
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--dump-dom")
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    command = [
        str(BROWSER),
        *flags,
        "--virtual-time-budget=60000",
        profile,
        f"file://{tmp_path}/reading.html",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told = re.search(r'<pre id="told">(.*?)</pre>', done.stdout)
    assert told is not None, done.stderr[-500:]
    seen = json.loads(escaping.unescape(told[1]))
    assert len(seen) == 2 * len(pages)
    assert [row for row in seen if row[2] > row[1]] == []
    assert [row for row in seen if row[3]] == []
