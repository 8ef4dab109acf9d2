"""A page in headless Chromium, asked through its DevTools protocol over two pipes: no driver, no socket."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any


@dataclass
class Tab:
    """One open page. The protocol: https://chromedevtools.github.io/devtools-protocol."""

    to: IO[bytes]
    back: IO[bytes]
    session: str = ""
    asked: int = 0
    waiting: bytes = field(default=b"", repr=False)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What the browser answers; events in between are passed over.

        Raises:
            RuntimeError: with the browser's message where it refuses, or that it has ended.
        """
        self.asked += 1
        message = {"id": self.asked, "method": method, "params": parameters}
        message |= {"sessionId": self.session} if self.session else {}
        self.to.write(json.dumps(message).encode() + b"\0")
        self.to.flush()
        while True:
            answer = json.loads(self._message())
            if answer.get("id") == self.asked:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return dict(answer["result"])

    def _message(self) -> bytes:
        while b"\0" not in self.waiting:
            more = self.back.read1(1 << 16)  # type: ignore[attr-defined]
            if not more:
                raise RuntimeError("the browser has ended")
            self.waiting += more
        message, _, self.waiting = self.waiting.partition(b"\0")
        return message

    def run(self, script: str) -> Any:
        """The value of an expression in the page; a promise is waited for."""
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key: str, code: int, text: str = "") -> None:
        """A key of the keyboard, down and up; ``code`` is its Windows key code."""
        named = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.ask("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **named)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **named)

    def heard(self) -> list[dict[str, Any]]:
        """What a screen reader is given: the nodes of the accessibility tree in reading order, ignored ones left out.

        Each has ``role``, ``name`` and its properties (``level``, ``focusable``, ``expanded``) by name.
        """
        nodes = self.ask("Accessibility.getFullAXTree")["nodes"]
        by_id = {node["nodeId"]: node for node in nodes}
        found: list[dict[str, Any]] = []
        open_ = [node["nodeId"] for node in nodes if "parentId" not in node][::-1]
        while open_:
            node = by_id[open_.pop()]
            open_ += [child for child in node.get("childIds", ())[::-1] if child in by_id]
            if not node["ignored"]:
                told = {name: (node.get(name) or {}).get("value", "") for name in ("role", "name")}
                found.append(told | {each["name"]: each["value"].get("value") for each in node.get("properties", ())})
        return found


#: Becomes the browser, which reads from file descriptor 3 and writes to 4.
_START = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)


@contextmanager
def opened(chromium: str, page: Path) -> Iterator[Tab]:
    """The page, loaded; the browser ends with the block."""
    (read, to), (back, write) = _pipe(), _pipe()
    command = [
        *(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
        *("--disable-component-update", "--remote-debugging-pipe", f"--user-data-dir={page.parent / 'profile'}"),
    ]
    started = [sys.executable, "-c", _START, str(read), str(write), *command]
    with (
        subprocess.Popen(started, pass_fds=(read, write), stderr=subprocess.DEVNULL) as browser,
        os.fdopen(to, "wb") as sink,
        os.fdopen(back, "rb") as source,
    ):
        os.close(read)
        os.close(write)
        try:
            tab = Tab(sink, source)
            target = tab.ask("Target.createTarget", url="about:blank")["targetId"]
            tab.session = tab.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            tab.ask("Page.navigate", url=page.as_uri())
            tab.run("new Promise(done => document.readyState == 'complete' ? done() : addEventListener('load', done))")
            tab.ask("Accessibility.enable")
            yield tab
        finally:
            browser.kill()


def _pipe() -> tuple[int, int]:
    """Two ends out of the way of the numbers that the browser wants."""
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return moved[0], moved[1]
