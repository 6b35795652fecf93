"""A headless Chromium for tests of pages, spoken to by its DevTools protocol over two
pipes: nothing is installed for it but the browser.

On Debian, `apt-get install chromium-headless-shell` is enough. The environment variable
PAPERS_BROWSER names another.
"""

import base64
import json
import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any, Self

NAMES = ("chromium-headless-shell", "chromium", "google-chrome", "chrome")
PATIENCE = 300  # seconds of a browser's life
MISSING = (
    "no browser: install one (Debian: apt-get install chromium-headless-shell), or "
    "name it in PAPERS_BROWSER"
)


def found() -> str:
    """The browser's command; "" if there is none."""
    names = [os.environ.get("PAPERS_BROWSER", ""), *NAMES]
    paths = [path for name in names if name and (path := shutil.which(name))]
    return next(iter(paths), "")


class Browser:
    """One tab of a browser that runs. A context manager: leaving it ends the browser.

    profile: an empty folder, for what the browser writes.
    """

    def __init__(self, command: str, profile: Path) -> None:
        ours, theirs = (
            os.pipe(),
            os.pipe(),
        )  # of each: where one reads, where one writes
        options = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
        options += ("--remote-debugging-pipe", f"--user-data-dir={profile}")
        shell = f'exec "$@" 3<&{theirs[0]} 4>&{ours[1]}'
        self._process = subprocess.Popen(
            ["bash", "-c", shell, "bash", command, *options, "about:blank"],
            pass_fds=(theirs[0], ours[1]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        # A browser that hangs ends the test that waits for it.
        self._patience = threading.Timer(PATIENCE, self._process.kill)
        self._patience.start()
        os.close(theirs[0])
        os.close(ours[1])
        self._read = open(ours[0], "rb")  # noqa: SIM115
        self._write = open(theirs[1], "wb", buffering=0)  # noqa: SIM115
        self._count = 0
        self._session: dict[str, str] = {}
        pages = self._ask("Target.getTargets")["targetInfos"]
        tab = next(page["targetId"] for page in pages if page["type"] == "page")
        attached = self._ask("Target.attachToTarget", targetId=tab, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        self._ask("Page.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._patience.cancel()
        self._process.kill()
        self._process.wait()
        self._read.close()
        self._write.close()

    def open(self, path: Path, width: int, *, dark: bool = False, script: bool = True):
        """Shows a page, `width` pixels wide; without JavaScript if not `script`."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1}
        self._ask("Emulation.setDeviceMetricsOverride", mobile=False, **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])
        self._ask("Emulation.setScriptExecutionDisabled", value=not script)
        self._ask("Page.navigate", url=path.resolve().as_uri())
        self._wait_for("Page.loadEventFired")

    def value(self, script: str) -> Any:
        """What a JavaScript expression is on the page, as JSON has it."""
        answer = self._ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def move(self, x: float, y: float, kind: str = "mouseMoved") -> None:
        """Moves the mouse, or else by `kind` "mousePressed", "mouseReleased"."""
        button = "none" if kind == "mouseMoved" else "left"
        place = {"x": x, "y": y, "button": button, "clickCount": 1}
        self._ask("Input.dispatchMouseEvent", type=kind, **place)

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """A screenshot as PNG; `whole`: of all the page, not of the window alone."""
        answer = self._ask("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        self._write.write(json.dumps(message | self._session).encode() + b"\0")
        while (answer := self._next()).get("id") != self._count:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def _wait_for(self, event: str) -> None:
        while self._next().get("method") != event:
            pass

    def _next(self) -> dict[str, Any]:
        text = bytearray()
        while (byte := self._read.read(1)) != b"\0":
            assert byte, "the browser has ended"
            text += byte
        return json.loads(text)
