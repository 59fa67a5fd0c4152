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
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    images = small.write_images(tmp_path_factory.mktemp("images"))
    report = evals.compare({"<b>real": small.network(), "edited": small.edited()}, tests=[small.TEST], images=images)
    page = report.save(folder)
    return browse(page, tmp_path_factory.mktemp("profile"))


def test_all_figures_are_drawn(drawn):
    dom, _ = drawn
    assert 'data-drawn="yes"' in dom
    assert dom.count('class="hm"') == 2 * 8  # a heat map for each direction of each network
    assert dom.count('class="scatterlayer') >= 2  # a polar chart for each network
    assert len(re.findall(r'class="trace scatter [^"]*"', dom)) == 2 * 8


def test_the_console_is_silent(drawn):
    # The page's own policy forbids every request; a forbidden one would be an error here.
    _, errors = drawn
    assert not re.findall(r"CONSOLE.*", errors)


def test_a_request_would_be_noticed(drawn, tmp_path):
    dom, _ = drawn
    page = tmp_path / "asks.html"
    page.write_text(dom.replace("</body>", '<img src="https://example.org/x.png"></body>'), encoding="utf-8")
    assert re.findall(r"CONSOLE.*Content Security Policy", browse(page, tmp_path / "profile")[1])
