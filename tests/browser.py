"""A headless Chromium for the playground's tests, and both of its back ends."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest

from fastnn.playground import Playground

Server = TypeVar("Server", bound=ThreadingHTTPServer)

ROOT = Path(__file__).parents[1]
STATIC = ROOT / "build/playground"
NAMES = "chromium", "chromium-browser", "google-chrome"
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)


def needs_browser() -> None:
    """Skip where there is none, and say what to install."""
    pytest.importorskip("playwright.sync_api", reason="needs `pip install playwright`")
    if CHROMIUM is None:
        pytest.skip("needs a Chromium: `apt install chromium`")


def static_page() -> Path:
    """The folder that `make playground` makes."""
    if shutil.which("emcc") is None:
        pytest.skip("needs emscripten: `apt install emscripten`")
    subprocess.run(["make", "playground"], cwd=ROOT, check=True, capture_output=True)
    return STATIC


@contextmanager
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    alone = ["--no-sandbox"] if os.geteuid() == 0 else []  # root has none
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=alone)
        yield browser
        browser.close()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """A server that answers, until the end of the block."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def served(backend: str) -> Iterator[str]:
    """The address of the page with one of its back ends, native or wasm."""
    server: ThreadingHTTPServer
    if backend == "native":
        server = Playground(0)
    else:
        server = ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Quiet, directory=str(static_page()))
        )
    with running(server):
        yield getattr(server, "url", f"http://127.0.0.1:{server.server_port}/")


def wait_until(page: Any, expression: str, seconds: float = 20) -> None:
    """Until a JavaScript expression is true; what is not there yet makes it false. Not by
    wait_for_function, which the page's policy, no code from text, forbids."""
    for _ in range(int(seconds * 20)):
        if page.evaluate(f"() => {{ try {{ return {expression} }} catch {{ return false }} }}"):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"not within {seconds} s: {expression}")


def opened(page: Any, url: str) -> Any:
    """Go to the page and wait for its first frame; errors of its scripts are the test's."""
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("console", lambda m: m.type == "error" and page.faults.append(m.text))
    page.goto("about:blank")
    page.goto(url)
    wait_until(page, "!!(window.playground && playground.frame)")
    page.evaluate(
        """() => {  // what the engine was last given
          const {engine} = playground, create = engine.create.bind(engine);
          window.sent = [];
          engine.create = (numbers, data) => {
            sent.push([...numbers]);
            return create(numbers, data);
          };
        }"""
    )
    return page
