"""The server of the playground: its own files and a few calls, for this machine alone."""

from __future__ import annotations

import errno
import hmac
import json
import secrets
import sys
import threading
import webbrowser
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from fastnn.playground.nets import Nets
from fastnn.playground.table import Columns

__all__ = ["Playground", "serve"]

ADDRESS = "127.0.0.1"
MOST_BYTES = 8_000_000  # of a request
MOST_DIGITS = len(str(MOST_BYTES))
IDLE_SECONDS = 60  # a connection on which nothing comes is closed
TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
SECRET = "/begin.json", "/table.csv"  # for who knows the token
NO_TOKEN = (
    b"token, host or origin: not those of the page; open the address that `fastnn playground` "
    b"printed when it was started last"
)
# Nothing from elsewhere: the page works without a network.
POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class Playground(ThreadingHTTPServer):
    """A server on 127.0.0.1 with the page's files and the nets that it trains.

    A request must name this server as its host, so that no other site's name leads here. The
    table, and whatever makes or trains nets, is for who knows the token of the address: the page.

    Args:
        port: 0 takes any that is free.
        table: the table that the page begins with, or None.

    Example:
        >>> from fastnn.playground import Playground
        >>> with Playground(0) as server:
        ...     server.url
        'http://127.0.0.1:.../?token=...'
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128  # of 5, a page's many files at once leave some waiting for a second

    def __init__(self, port: int = 0, table: Columns | None = None) -> None:
        self.token: str = secrets.token_urlsafe(24)
        self.nets: Nets = Nets()
        self.table = table
        self.files: dict[str, bytes] = _files(table)
        super().__init__((ADDRESS, port), _Handler)

    @property
    def url(self) -> str:
        """Where the page is, with the token, which the page keeps."""
        return f"http://{ADDRESS}:{self.server_port}/?token={self.token}"

    @property
    def hosts(self) -> tuple[str, str]:
        """The names by which a browser may call the server; it leaves port 80 out."""
        port = "" if self.server_port == 80 else f":{self.server_port}"
        return f"{ADDRESS}{port}", f"localhost{port}"


def _files(table: Columns | None) -> dict[str, bytes]:
    """What is served, by its path: read once, so that no path of a request reaches the disk."""
    page = resources.files("fastnn.playground") / "page"
    files = {f"/{file.name}": file.read_bytes() for file in page.iterdir() if file.is_file()}
    begin = {"engine": "native"}
    if table is not None:
        begin |= {"table": table.name, "x": table.x, "y": table.y, "target": table.target}
        files["/table.csv"] = table.text.encode()
    files["/begin.json"] = json.dumps(begin).encode()
    files["/"] = files["/index.html"]
    return files


class _Handler(BaseHTTPRequestHandler):
    server: Playground
    timeout = IDLE_SECONDS
    protocol_version = "HTTP/1.1"  # one connection for all frames
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one write
    server_version = "fastnn"
    sys_version = ""

    def do_GET(self) -> None:
        """A file of the page."""
        self._end_after_a_body()
        path = self._parts().path
        if not self._host_fits():
            hosts = " or ".join(self.server.hosts)
            text = f"host: expected {hosts}; through a tunnel take the same port at both ends"
            self._answer(HTTPStatus.FORBIDDEN, text.encode())
        elif path in SECRET and not self._comes_from_the_page():
            self._answer(HTTPStatus.FORBIDDEN, NO_TOKEN)
        elif path in self.server.files:
            name = "index.html" if path == "/" else path
            kind = TYPES.get(name.rpartition(".")[2], "application/octet-stream")
            self._answer(HTTPStatus.OK, self.server.files[path], kind)
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"no such file")

    def do_POST(self) -> None:
        """A call of the page: /new, /frame, /trace, /free."""
        length = self._length()
        if length is None:
            self.close_connection = True
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"body: too large, or of no length")
        elif not self._comes_from_the_page():
            while length > 0 and (part := self.rfile.read(min(length, 65536))):
                length -= len(part)  # read, so that the answer arrives, and not kept
            self._answer(HTTPStatus.FORBIDDEN, NO_TOKEN)
        else:
            self._call(self.rfile.read(length))

    def _call(self, body: bytes) -> None:
        nets, parts = self.server.nets, self._parts()
        try:
            given = {key: int(values[-1]) for key, values in parse_qs(parts.query).items()}
            answer: bytes | bytearray
            if parts.path == "/new":
                answer = str(nets.create(body)).encode()
            elif parts.path == "/frame":
                answer = nets.frame(given["net"], given["steps"], bool(given["grid"]))
            elif parts.path == "/trace":
                answer = nets.trace(given["net"], given["row"])
            elif parts.path == "/free":
                nets.free(given["net"])
                answer = b""
            else:
                return self._answer(HTTPStatus.NOT_FOUND, b"no such call")
        except KeyError as error:
            return self._answer(HTTPStatus.NOT_FOUND, str(error.args[0]).encode())
        except (ValueError, OverflowError) as error:
            return self._answer(HTTPStatus.BAD_REQUEST, str(error).encode())
        return self._answer(HTTPStatus.OK, answer)

    def _parts(self) -> SplitResult:
        """Path and query; of what is no address, an empty path, which leads nowhere."""
        try:
            return urlsplit(self.path)
        except ValueError:
            return urlsplit("")

    def _host_fits(self) -> bool:
        return self.headers.get("Host", "").lower() in self.server.hosts

    def _comes_from_the_page(self) -> bool:
        origin, token = self.headers.get("Origin"), self.headers.get("X-Fastnn-Token", "")
        return (
            self._host_fits()
            and (origin is None or origin in [f"http://{host}" for host in self.server.hosts])
            and hmac.compare_digest(token.encode(), self.server.token.encode())
        )

    def _length(self) -> int | None:
        """Of the body; None if it is not said, or too large."""
        digits = self.headers.get("Content-Length", "")
        if not digits.isascii() or not digits.isdigit() or len(digits) > MOST_DIGITS:
            return None
        return int(digits) if int(digits) <= MOST_BYTES else None

    def _end_after_a_body(self) -> None:
        """Nobody reads the body of a GET: what follows it would be taken for a request."""
        if "Content-Length" in self.headers or "Transfer-Encoding" in self.headers:
            self.close_connection = True

    def _answer(
        self, status: HTTPStatus, body: bytes | bytearray, kind: str = "application/octet-stream"
    ) -> None:
        self.send_response(status)
        for name, value in (
            ("Content-Type", kind if status == HTTPStatus.OK else "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", POLICY),
            ("X-Content-Type-Options", "nosniff"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Referrer-Policy", "no-referrer"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Sixty frames a second are no news."""


def serve(port: int = 8377, table: Columns | None = None, *, browser: bool = True) -> None:
    """Serve the playground on 127.0.0.1 until Ctrl-C.

    Args:
        port: default 8377; 0 takes any that is free.
        table: the table that the page begins with, from `columns_of`; default None.
        browser: whether to open the page in the browser, default True.

    Raises:
        OSError: the port is taken.

    Example:
        >>> from fastnn import playground
        >>> with playground.Playground(0) as other:
        ...     playground.serve(other.server_port, browser=False)
        Traceback (most recent call last):
            ...
        OSError: [Errno ...] Address already in use; --port 0 takes any that is free: '--port ...'
    """
    try:
        server = Playground(port, table)
    except OSError as error:
        error.filename = f"--port {port}"
        if error.errno == errno.EADDRINUSE:
            error.strerror = f"{error.strerror}; --port 0 takes any that is free"
        raise
    with server:
        print(f"playground: {server.url} (Ctrl-C ends it)", file=sys.stderr, flush=True)
        if browser:  # on a thread: a browser of the terminal waits for the page until it has it
            threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
        server.serve_forever()
