"""A small HTTP server on this machine that fails on demand, to test downloads against."""

import contextlib
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Cut:
    """Announce the whole, send this many bytes of it, then drop the connection (or hold it, sending nothing)."""

    after: int
    hold: bool = False


@dataclass(frozen=True)
class Request:
    path: str
    start: int | None
    if_range: str | None


class FaultyServer:
    """Serves `files`; each request uses up one of `faults`: a Cut, or an HTTP status to answer with."""

    def __init__(self):
        self.files = {}
        self.etags = {}
        self.faults = []
        self.ranges = True  # answers Range requests
        self.heeds_if_range = True
        self.requests = []
        self._stop = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_GET(self):
                self.close_connection = True
                with contextlib.suppress(ConnectionError):
                    server._answer(self)

        self._httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._httpd.daemon_threads = True
        threading.Thread(target=self._httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._httpd.server_port}"

    def close(self):
        self._stop.set()
        self._httpd.shutdown()
        self._httpd.server_close()

    def _answer(self, handler):
        wanted = handler.headers.get("Range")
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else None
        if_range = handler.headers.get("If-Range")
        self.requests.append(Request(handler.path, start, if_range))
        fault = self.faults.pop(0) if self.faults else None
        content, etag = self.files.get(handler.path), self.etags.get(handler.path)
        if isinstance(fault, int) or content is None:
            return self._head(handler, fault if isinstance(fault, int) else 404, {"Content-Length": "0"})
        if not self.ranges or (self.heeds_if_range and if_range and if_range != etag):
            start = None
        headers = {"ETag": etag} if etag else {}
        headers["Content-Type"] = "text/html" if handler.path.endswith("/") else "application/octet-stream"
        if start is not None and start >= len(content):
            return self._head(handler, 416, {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"})
        if start is not None:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        body = content[start or 0 :]
        self._head(handler, 200 if start is None else 206, headers | {"Content-Length": str(len(body))})
        handler.wfile.write(body[: fault.after] if isinstance(fault, Cut) else body)
        handler.wfile.flush()
        while isinstance(fault, Cut) and fault.hold and not self._stop.is_set():
            time.sleep(0.01)
        return None

    @staticmethod
    def _head(handler, status, headers):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
