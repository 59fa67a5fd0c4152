"""The report in Chromium: it draws, without errors and without asking the network for anything."""

import re
import shutil
import subprocess

import pytest

import evals
from tests import small

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--virtual-time-budget=30000",
    "--enable-logging=stderr",
)  # fmt: skip

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")


def browse(page, profile):
    """The page after its scripts have run, and what the browser logged."""
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return ended.stdout, ended.stderr


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    images = small.write_images(tmp_path_factory.mktemp("images"))
    found = evals.compare({"<b>real": small.network(), "edited": small.edited()}, tests=[small.TEST], images=images)
    return found.save(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def drawn(report, tmp_path_factory):
    return browse(report, tmp_path_factory.mktemp("profile"))


def test_all_figures_are_drawn(drawn):
    dom, _ = drawn
    assert 'data-drawn="yes"' in dom
    assert dom.count('class="hm"') == 2 * 8  # a heat map for each direction of each network
    assert dom.count('class="scatterlayer') >= 2  # a polar chart for each network
    assert len(re.findall(r'class="trace scatter [^"]*"', dom)) == 2 * 8


POINT_AT_A_UNIT = """
<script>
const opacities = (chart) => chart.data.map((trace) => trace.opacity ?? 1).join(" ");
const waiting = setInterval(() => {
  if (document.documentElement.dataset.drawn !== "yes") return;
  clearInterval(waiting);
  const chart = document.getElementById("radial-1");
  chart.scrollIntoView();
  const line = chart.querySelectorAll("path.js-line")[3];
  const middle = line.getPointAtLength(line.getTotalLength() / 2).matrixTransform(line.getScreenCTM());
  const at = { clientX: middle.x, clientY: middle.y, bubbles: true };
  document.documentElement.dataset.before = opacities(chart);
  document.elementFromPoint(middle.x, middle.y).dispatchEvent(new MouseEvent("mousemove", at));
  setTimeout(() => { document.documentElement.dataset.after = opacities(chart); }, 500);
}, 50);
</script></body>"""


def test_pointing_at_a_unit_isolates_it(report, tmp_path):
    page = tmp_path / "pointed.html"
    page.write_text(report.read_text(encoding="utf-8").replace("</body>", POINT_AT_A_UNIT), encoding="utf-8")
    dom, _ = browse(page, tmp_path / "profile")
    assert 'data-before="1 1 1 1 1 1 1 1"' in dom
    assert sorted(re.search(r'data-after="([^"]*)"', dom)[1].split()) == ["0.1"] * 7 + ["1"]


def test_the_console_is_silent(drawn):
    # The page's own policy forbids every request; a forbidden one would be an error here.
    _, errors = drawn
    assert not re.findall(r"CONSOLE.*", errors)


def test_a_request_would_be_noticed(drawn, tmp_path):
    dom, _ = drawn
    page = tmp_path / "asks.html"
    page.write_text(dom.replace("</body>", '<img src="https://example.org/x.png"></body>'), encoding="utf-8")
    assert re.findall(r"CONSOLE.*Content Security Policy", browse(page, tmp_path / "profile")[1])
