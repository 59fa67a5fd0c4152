"""Downloads against a server that cuts, changes, lies and fails: what has the final name is always whole and right."""

import errno
import hashlib
import os
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circuits import CurvesError
from tests.faulty_server import Cut, FaultyServer
from weights import DownloadError
from weights.download import TRIES, download

CONTENT = bytes(range(256)) * 2000  # 512,000 bytes: several chunks
OTHER = CONTENT[::-1]


def sha256(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("weights.download.PAUSE", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server():
    server = FaultyServer()
    server.files["/net"], server.etags["/net"] = CONTENT, '"one"'
    yield server
    server.close()


def get(server, folder, content=CONTENT):
    return download(f"{server.url}/net", folder / "net", sha256(content))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_download_arrives_whole_and_leaves_nothing_else(server, tmp_path):
    assert get(server, tmp_path / "new folder").read_bytes() == CONTENT
    assert names(tmp_path / "new folder") == ["net"]


@pytest.mark.parametrize("checksum", [f"sha1:{hashlib.sha1(CONTENT).hexdigest()}", sha256(CONTENT)[:15]])
def test_sha1_and_first_digits_are_checksums_too(server, tmp_path, checksum):
    download(f"{server.url}/net", tmp_path / "net", checksum)
    server.files["/net"] = OTHER
    with pytest.raises(DownloadError, match=checksum):
        download(f"{server.url}/net", tmp_path / "other", checksum)


def test_a_cut_connection_is_resumed_where_it_broke(server, tmp_path):
    server.faults = [Cut(100_000), Cut(50_000)]
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert [request.start for request in server.requests] == [None, 100_000, 150_000]
    assert [request.if_range for request in server.requests] == [None, '"one"', '"one"']


def test_what_came_before_an_interruption_is_used_by_the_next_run(server, tmp_path):
    server.faults = [Cut(100_000), *[503] * TRIES]
    with pytest.raises(DownloadError, match="503"):
        get(server, tmp_path)
    assert (tmp_path / "net.part").read_bytes() == CONTENT[:100_000]
    assert not (tmp_path / "net").exists()
    server.requests.clear()
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert [request.start for request in server.requests] == [100_000]
    assert names(tmp_path) == ["net"]


def test_a_killed_download_is_resumed(server, tmp_path):
    server.faults = [Cut(200_000, hold=True)]
    code = "import sys, pathlib, weights.download as d; d.download(sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3])"
    arguments = [sys.executable, "-c", code, f"{server.url}/net", str(tmp_path / "net"), sha256(CONTENT)]
    process = subprocess.Popen(arguments, cwd=Path(__file__).parent.parent)
    part, end = tmp_path / "net.part", time.monotonic() + 30
    while (not part.exists() or part.stat().st_size < 150_000) and time.monotonic() < end:
        time.sleep(0.01)
    process.kill()
    process.wait()
    arrived = part.stat().st_size
    assert 150_000 <= arrived < len(CONTENT)
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.requests[-1].start == arrived


def test_a_server_without_ranges_starts_anew(server, tmp_path):
    server.ranges = False
    server.faults = [Cut(100_000)]
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert len(server.requests) == 2


def test_a_server_without_ranges_that_always_cuts_is_given_up(server, tmp_path):
    server.ranges = False
    server.faults = [Cut(100_000)] * 50
    with pytest.raises(DownloadError, match=server.url):
        get(server, tmp_path)
    assert len(server.requests) == TRIES + 1  # the first got further than nothing


@pytest.mark.parametrize("heeds_if_range", [True, False])
def test_a_file_that_changed_in_between_is_fetched_anew(server, tmp_path, heeds_if_range):
    server.faults = [Cut(100_000), *[503] * TRIES]
    with pytest.raises(DownloadError):
        get(server, tmp_path)
    server.files["/net"], server.etags["/net"], server.heeds_if_range = OTHER, '"two"', heeds_if_range
    assert get(server, tmp_path, OTHER).read_bytes() == OTHER


@pytest.mark.parametrize("tag", [None, 'W/"weak"'])
def test_without_a_strong_tag_a_download_is_resumed_all_the_same(server, tmp_path, tag):
    server.etags["/net"] = tag
    server.faults = [Cut(100_000)]
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert [(request.start, request.if_range) for request in server.requests] == [(None, None), (100_000, None)]


def test_a_part_longer_than_the_file_is_dropped(server, tmp_path):
    (tmp_path / "net.part").write_bytes(CONTENT + b"more")
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert [request.start for request in server.requests] == [len(CONTENT) + 4, None]


def test_a_part_that_is_whole_needs_no_server(server, tmp_path):
    (tmp_path / "net.part").write_bytes(CONTENT)
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.requests == []


def test_a_part_of_something_else_is_found_out_and_deleted(server, tmp_path):
    (tmp_path / "net.part").write_bytes(OTHER[:1000])
    server.etags["/net"] = None
    with pytest.raises(DownloadError, match="checksum"):
        get(server, tmp_path)
    assert names(tmp_path) == []
    assert get(server, tmp_path).read_bytes() == CONTENT


def test_wrong_content_is_refused_and_deleted(server, tmp_path):
    server.files["/net"] = CONTENT[:-1] + b"!"
    with pytest.raises(DownloadError, match=f"{server.url}/net gave has not the expected checksum .* deleted"):
        get(server, tmp_path)
    assert names(tmp_path) == []


def test_a_busy_server_is_asked_again(server, tmp_path):
    server.faults = [500, 429, 503]
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert len(server.requests) == 4


def test_a_missing_file_is_asked_for_once(server, tmp_path):
    del server.files["/net"]
    with pytest.raises(DownloadError, match=f"cannot download {server.url}/net .*404 Not Found"):
        get(server, tmp_path)
    assert len(server.requests) == 1
    assert names(tmp_path) == []


def test_no_server_at_all(server, tmp_path):
    server.close()
    with pytest.raises(DownloadError, match=f"cannot download {server.url}/net \\(.*[Cc]onnect"):
        get(server, tmp_path)


@pytest.mark.parametrize("failure", [404, 503, "content", "disk"])
def test_a_file_that_is_there_outlives_a_failed_download(server, tmp_path, monkeypatch, failure):
    (tmp_path / "net").write_bytes(b"good")
    server.faults = [failure] * TRIES if isinstance(failure, int) else []
    if failure == "content":
        server.files["/net"] = OTHER
    if failure == "disk":
        fill_disk(monkeypatch, after=100)
    with pytest.raises(CurvesError):
        get(server, tmp_path)
    assert (tmp_path / "net").read_bytes() == b"good"


def fill_disk(monkeypatch, after):
    """Let no more than about `after` bytes be written to any .part file."""
    opened = Path.open

    def open_on_full_disk(path, mode="r", *args, **kwargs):
        file = opened(path, mode, *args, **kwargs)
        if mode != "ab":
            return file
        write = file.write

        class Full:
            def __enter__(self):
                return self

            def __exit__(self, *exc):
                file.close()

            def write(self, chunk):
                room = after - file.tell()
                write(chunk[: max(room, 0)])
                if room < len(chunk):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            tell = file.tell

        return Full()

    monkeypatch.setattr(Path, "open", open_on_full_disk)


def test_a_full_disk_is_said_and_the_download_goes_on_later(server, tmp_path, monkeypatch):
    with monkeypatch.context() as full:
        fill_disk(full, after=150_000)
        with pytest.raises(CurvesError, match=f"cannot write {tmp_path}/net: No space left on device; free some space"):
            get(server, tmp_path)
    assert not (tmp_path / "net").exists()
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.requests[-1].start == 150_000


def test_a_folder_that_cannot_be_written_to_is_said(server, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(CurvesError, match=r"cannot write .*/file/net: .*; free some space or name another folder"):
        get(server, tmp_path / "file")


def test_a_wrong_proxy_setting_is_said(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "nonsense://127.0.0.1:1")
    with pytest.raises(DownloadError, match="proxy"):
        get(server, tmp_path)


def test_progress_is_shown_on_a_terminal_only(server, tmp_path, monkeypatch, capsys):
    get(server, tmp_path)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("rich.console.Console.is_terminal", True)
    get(server, tmp_path / "again")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "net" in shown.err
    assert "kB" in shown.err


@pytest.mark.parametrize("ranges", [True, False])
def test_progress_counts_up_to_the_whole_also_after_a_cut(server, tmp_path, monkeypatch, ranges):
    reports = []
    monkeypatch.setattr("weights.download._progress", lambda _: nullcontext(lambda *report: reports.append(report)))
    server.ranges, server.faults = ranges, [Cut(100_000)]
    get(server, tmp_path)
    assert {total for _, total in reports} == {len(CONTENT)}
    assert reports[-1] == (len(CONTENT), len(CONTENT))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 3000), max_size=3), ranges=st.booleans(), tagged=st.booleans())
def test_cut_anywhere_the_bytes_are_the_same(server, tmp_path_factory, cuts, ranges, tagged):
    content = CONTENT[:2500]
    server.files["/net"], server.etags["/net"] = content, '"tag"' if tagged else None
    server.ranges, server.faults = ranges, [Cut(cut) for cut in cuts]
    folder = tmp_path_factory.mktemp("cut")
    assert get(server, folder, content).read_bytes() == content
    assert names(folder) == ["net"]
