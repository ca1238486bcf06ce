"""A Chromium that is driven by its DevTools protocol: a page at a chosen width, in a colour scheme, and what went wrong."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import websocket

PATIENCE = 60.0


@dataclass
class Page:
    """What a page that was opened looks like, and its troubles: messages of its console, requests that failed."""

    troubles: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)


class DevTools:
    """One tab of the browser."""

    def __init__(self, address: str) -> None:
        self._socket = websocket.create_connection(address, timeout=PATIENCE, suppress_origin=True)
        self._last = 0
        self._events: list[dict[str, Any]] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        self._socket.close()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == self._last:
                assert "error" not in message, (method, message["error"])
                result: dict[str, Any] = message["result"]
                return result
            self._events.append(message)

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression in the page; a promise's is awaited."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def open(self, address: str, *, width: int, height: int = 900, scheme: str = "light") -> Page:
        """Open an address and wait until it has loaded."""
        # Not `mobile`: such a view zooms out until a page fits that is too wide.
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self._events.clear()
        assert "errorText" not in self.call("Page.navigate", url=address)
        self.until("document.readyState === 'complete'")
        return self.seen()

    def until(self, condition: str) -> None:
        """Wait until a JavaScript expression holds."""
        end = time.monotonic() + PATIENCE
        while not self.run(condition):
            assert time.monotonic() < end, f"the page never came to: {condition}"
            time.sleep(0.05)

    def seen(self) -> Page:
        """What was asked for and what went wrong since the page was opened."""
        page = Page()
        for event in self._events:
            parameters = event.get("params", {})
            match event["method"]:
                case "Network.requestWillBeSent":
                    page.addresses.append(parameters["request"]["url"])
                case "Network.loadingFailed" if not parameters.get("canceled"):
                    page.troubles.append(parameters["errorText"])
                case "Network.responseReceived" if parameters["response"]["status"] >= 400:
                    page.troubles.append(f"{parameters['response']['status']} {parameters['response']['url']}")
                case "Runtime.exceptionThrown":
                    page.troubles.append(parameters["exceptionDetails"]["text"])
                case "Runtime.consoleAPICalled" if parameters["type"] in ("error", "warning", "assert"):
                    page.troubles.append(str([one.get("value") for one in parameters["args"]]))
                case "Log.entryAdded" if parameters["entry"]["level"] in ("error", "warning"):
                    page.troubles.append(parameters["entry"]["text"])
        return page

    def picture(self, path: Path, *, whole: bool = True) -> None:
        answer = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))


@contextmanager
def devtools(chromium: str, profile: Path) -> Iterator[DevTools]:
    """A browser with one tab; it ends with the context."""
    command = [
        chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars",
        f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            browser = next(line.split()[-1] for line in process.stderr if line.startswith("DevTools listening on"))
            socket = websocket.create_connection(browser, timeout=PATIENCE, suppress_origin=True)
            socket.send(json.dumps({"id": 1, "method": "Target.getTargets"}))
            (tab,) = [one for one in json.loads(socket.recv())["result"]["targetInfos"] if one["type"] == "page"]
            socket.close()
            tools = DevTools(f"{browser.partition('/devtools/')[0]}/devtools/page/{tab['targetId']}")
            yield tools
            tools.close()
        finally:
            process.terminate()
            process.stderr.close()
