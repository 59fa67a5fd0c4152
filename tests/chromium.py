"""A real browser for tests: Chromium driven through its DevTools protocol on a pipe, with real keys and downloads."""

import json
import os
import shutil
import subprocess
import time

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe",
)  # fmt: skip

KEYS = {"ArrowLeft": 37, "ArrowRight": 39, "Enter": 13, "Tab": 9}


class Browser:
    """One page of a headless Chromium; use it as a context manager.

    Args:
        profile: folder for its profile: what a page keeps there is found again by the next browser with it.
    """

    def __init__(self, profile):
        self.errors = []
        self._number = 0
        ours, theirs = os.pipe(), os.pipe()  # it reads from 3 and writes to 4
        command = f'exec 3<&{ours[0]} 4>&{theirs[1]}; exec "$@"'
        self._process = subprocess.Popen(
            ["bash", "-c", command, "-", CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(ours[0], theirs[1]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(ours[0])
        os.close(theirs[1])
        self._out, self._in = os.fdopen(ours[1], "wb", 0), os.fdopen(theirs[0], "rb")
        self._session = None
        targets = self.send("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self._session = self.send("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.send(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._session = None
        self.send("Browser.close")
        self._process.wait(timeout=30)
        self._out.close()
        self._in.close()

    def send(self, method, **parameters):
        """Call a method of the protocol and give its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._out.write(json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != self._number:
            self._notice(answer)
        assert "error" not in answer, (method, answer["error"])
        return answer["result"]

    def open(self, path):
        """Show a file, and wait until its scripts have run."""
        self.send("Page.navigate", url=path.as_uri())
        self.until(f"document.readyState === 'complete' && location.href === {json.dumps(path.as_uri())}")

    def run(self, script):
        """The value of an expression in the page."""
        found = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, script, seconds=20):
        """Wait for an expression to be true."""
        end = time.monotonic() + seconds
        while not self.run(script):
            assert time.monotonic() < end, script
            time.sleep(0.05)

    def press(self, key):
        """Press and release a key, as a keyboard does."""
        known = {"key": key, "windowsVirtualKeyCode": KEYS.get(key) or (ord(key.upper()) if key.isalnum() else 0)}
        text = {} if key in KEYS else {"text": key}
        self.send("Input.dispatchKeyEvent", type="keyDown", **known, **text)
        self.send("Input.dispatchKeyEvent", type="keyUp", **known)

    def type(self, text):
        """Type into what has the focus."""
        for letter in text:
            self.press(letter)

    def _receive(self):
        content = bytearray()
        while (byte := self._in.read(1)) != b"\0":
            assert byte, "the browser ended"
            content += byte
        return json.loads(content)

    def _notice(self, event):
        if event.get("method") in {"Runtime.exceptionThrown", "Log.entryAdded"}:
            self.errors.append(event["params"])
