"""The playground's server, its command, and the files of its page."""

from __future__ import annotations

import _thread
import http.client
import json
import re
import socket
import struct
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browser import running
from playground_nets import ACTIVATIONS, HEAD, LOSSES, OPTIMIZERS, SCHEDULES, Net

import fastnn
from fastnn import playground
from fastnn._core.engine import PlayNet
from fastnn.cli import main
from fastnn.playground import Playground, columns_of
from fastnn.playground.nets import MOST_NETS, Nets
from fastnn.playground.server import MOST_BYTES, _Handler

PAGE = Path(fastnn.__file__).parent / "playground/page"

# ---- the server ----


@pytest.fixture
def server() -> Iterator[Playground]:
    with running(Playground(0)) as made:
        yield made


Answer = tuple[int, bytes, http.client.HTTPMessage]


def ask(server: Playground, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, given)
    answer = connection.getresponse()
    found = answer.status, answer.read(), answer.headers
    connection.close()
    return found


def post(server: Playground, path: str, body: bytes = b"", **headers: str) -> Answer:
    return ask(server, "POST", path, body, **{"X_Fastnn_Token": server.token, **headers})


def body_of(net: Net) -> bytes:
    return struct.pack("d", len(net.numbers) // 8) + net.numbers + net.data


def test_a_page_trains_a_net(server: Playground) -> None:
    net = Net()
    status, number, _ = post(server, "/new", body_of(net))
    assert status == 200
    status, frame, _ = post(server, f"/frame?net={int(number)}&steps=20&grid=1")
    play = PlayNet(net.numbers, net.data)
    assert (status, frame) == (200, play.frame(20, True))
    assert post(server, f"/trace?net={int(number)}&row=3")[1] == play.trace(3)
    assert post(server, f"/free?net={int(number)}")[:2] == (200, b"")
    assert post(server, f"/frame?net={int(number)}&steps=20&grid=1")[0] == 404


def test_the_files_of_the_page(server: Playground) -> None:
    for path in sorted(PAGE.iterdir()):
        if path.name == "begin.json":  # a static copy's
            continue
        status, body, headers = ask(server, "GET", f"/{path.name}")
        assert (status, body) == (200, path.read_bytes())
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert headers["Content-Type"].split(";")[0] != "application/octet-stream"
    assert ask(server, "GET", "/")[1] == (PAGE / "index.html").read_bytes()
    status, begin, _ = ask(server, "GET", "/begin.json", X_Fastnn_Token=server.token)
    assert (status, json.loads(begin)) == (200, {"engine": "native"})
    assert not any(server.token.encode() in body for body in server.files.values())


OUTSIDE = ["/../server.py", "/..%2fserver.py", "/%2e%2e/server.py", "//etc/passwd", "/page/main.js"]


@pytest.mark.parametrize("path", [*OUTSIDE, "/table.csv", "/engine.wasm", "/page"])
def test_no_other_file_is_served(server: Playground, path: str) -> None:
    assert ask(server, "GET", path, X_Fastnn_Token=server.token)[0] == 404


def test_only_this_machine_is_served(server: Playground) -> None:
    assert server.server_address[0] == "127.0.0.1"


def test_who_is_refused(server: Playground) -> None:
    """Another site's name that leads here, another site's page, who does not know the token."""
    body = body_of(Net())
    for headers in (
        {"Host": "evil.example"},
        {"Host": f"127.0.0.1:{server.server_port + 1}"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"X_Fastnn_Token": "guessed"},
        {"X_Fastnn_Token": ""},
        {"X_Fastnn_Token": server.token[:-1]},
    ):
        assert post(server, "/new", body, **headers)[0] == 403, headers
    token = {"X_Fastnn_Token": server.token}
    for path in ("/begin.json", "/table.csv"):
        assert ask(server, "GET", path, Host="evil.example", **token)[0] == 403
        assert ask(server, "GET", path, Origin="http://evil.example", **token)[0] == 403
        assert ask(server, "GET", path)[0] == 403  # another user of the machine
    assert post(server, "/new", body, Origin=f"http://{server.hosts[0]}")[0] == 200
    assert post(server, "/new", body, Host=f"localhost:{server.server_port}")[0] == 200


@pytest.mark.parametrize(
    "path, body, status",
    [
        ("/new", b"", 400),
        ("/new", struct.pack("d", np.nan), 400),
        ("/new", struct.pack("d", 3), 400),
        ("/new", struct.pack("d", 1) + bytes(8), 400),
        ("/frame?net=1&steps=1&grid=0", b"", 404),
        ("/frame?net=one&steps=1&grid=0", b"", 400),
        ("/frame", b"", 404),
        ("/frame?net=1&steps=-1&grid=0", b"", 400),
        ("/frame?net=1&steps=100000000&grid=0", b"", 400),
        ("/trace?net=1&row=-1", b"", 400),
        ("/shutdown", b"", 404),
    ],
)
def test_wrong_calls(server: Playground, path: str, body: bytes, status: int) -> None:
    found, text, _ = post(server, path, body)
    assert found == status and text


def test_a_body_has_an_end(server: Playground) -> None:
    assert post(server, "/new", b"", Content_Length="9999999999")[0] == 413
    assert post(server, "/new", b"", Content_Length=str(MOST_BYTES + 1))[0] == 413
    assert post(server, "/new", b"", Content_Length="-1")[0] == 413
    assert post(server, "/new", b"", Content_Length="9" * 5000)[0] == 413


def test_old_nets_are_dropped() -> None:
    nets, body = Nets(), body_of(Net(units=(1,)))
    numbers = [nets.create(body) for _ in range(MOST_NETS)]
    nets.frame(numbers[0], 0, False)  # it is in use
    nets.create(body)
    nets.frame(numbers[0], 0, False)
    with pytest.raises(KeyError, match="make it again"):
        nets.frame(numbers[1], 0, False)


def spoken(server: Playground, raw: str, seconds: float = 5) -> bytes:
    """What the server answers to those bytes until it ends the connection."""
    with socket.create_connection(server.server_address, timeout=seconds) as connection:
        connection.sendall(raw.replace("{host}", server.hosts[0]).replace("\n", "\r\n").encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


RAW = {  # a request as its bytes, and the codes of the answers to it
    "no address": ("GET http://[ HTTP/1.1\nHost: {host}\nConnection: close\n\n", ["404"]),
    "no call": ("POST http://[ HTTP/1.0\nContent-Length: 0\n\n", ["403"]),
    "a GET with a body": ("GET /no HTTP/1.1\nHost: {host}\nContent-Length: 5\n\nGET /", ["404"]),
    "a name in capitals": ("GET / HTTP/1.0\nHost: LOCALHOST:{port}\n\n", ["200"]),
    "no name": ("GET / HTTP/1.0\n\n", ["403"]),
    "no token": ("POST /new HTTP/1.0\nHost: {host}\nContent-Length: 3\n\nabc", ["403"]),
}  # fmt: skip


@pytest.mark.parametrize("name", RAW)
def test_requests_of_no_browser(
    server: Playground, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    raw, codes = RAW[name]
    said = spoken(server, raw.replace("{port}", str(server.server_port)))
    assert re.findall(rb"HTTP/1.1 (\d+)", said) == [code.encode() for code in codes]
    assert capsys.readouterr().err == ""  # no thread has failed


def test_who_says_nothing_is_left(server: Playground, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a request that does not go on keeps a thread, nor a body that does not come."""
    assert _Handler.timeout
    monkeypatch.setattr(_Handler, "timeout", 0.1)
    call = "POST /new HTTP/1.1\nHost: {host}\nX-Fastnn-Token: " + server.token
    for raw in ("GET / HT", call + "\nContent-Length: 9\n\nabc"):
        assert spoken(server, raw) == b""


def test_many_connections_at_once_wait_for_nothing(server: Playground) -> None:
    begun = time.monotonic()
    idle = [socket.create_connection(server.server_address) for _ in range(100)]
    assert ask(server, "GET", "/")[0] == 200
    assert time.monotonic() - begun < 12  # 16 s, if five may wait
    for connection in idle:
        connection.close()


def test_a_browser_of_the_terminal_gets_the_page(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It returns when it has been closed; until then the server must answer."""
    got: list[int] = []

    def browse(url: str) -> None:
        with urllib.request.urlopen(url, timeout=10) as answer:
            got.append(answer.status)
        _thread.interrupt_main()  # Ctrl-C

    monkeypatch.setattr(playground.server.webbrowser, "open", browse)
    with pytest.raises(KeyboardInterrupt):
        playground.serve(0)
    assert got == [200]


# ---- a table, and the command ----


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_table_of_the_command_line(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,b,c,kind\n1,2,3,x\n4,5,6,y\n")
    assert columns_of(path)[2:] == ("a", "b", "kind")
    assert columns_of(path, target="a")[2:] == ("b", "c", "a")
    assert columns_of(path, x="c", y="a")[2:] == ("c", "a", "kind")
    assert columns_of(path, y="a")[2:] == ("b", "a", "kind")
    with pytest.raises(ValueError, match=r"--x: expected one of a, b, c, kind, got 'd'"):
        columns_of(path, x="d")
    with pytest.raises(ValueError, match="three columns"):
        columns_of(write(tmp_path / "u.csv", "a,b\n1,2\n"))
    (tmp_path / "v.csv").write_bytes(b"a,b,c\n\xff,1,2\n")
    with pytest.raises(ValueError, match="UTF-8"):
        columns_of(str(tmp_path / "v.csv"))
    with Playground(0, columns_of(path)) as server:
        begin = json.loads(server.files["/begin.json"])
        assert {"table": "t.csv", "x": "a", "y": "b", "target": "kind"}.items() <= begin.items()
        assert server.files["/table.csv"].decode() == Path(path).read_text()


@pytest.mark.parametrize(
    "words, code",
    [
        (["--port", "70000"], 2),
        (["--port", "-1"], 2),
        (["--data", "no-such.csv"], 2),
        (["--x", "a"], 2),
    ],
)
def test_wrong_usage(words: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["playground", "--no-browser", *words]) == code
    assert re.search("|".join(words), capsys.readouterr().err)


def test_a_port_that_is_taken(server: Playground, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["playground", "--no-browser", "--port", str(server.server_port)]) == 1
    said = capsys.readouterr().err
    assert f"--port {server.server_port}" in said and "--port 0 takes any that is free" in said


# ---- the page's files ----


def test_the_page_needs_nothing_from_elsewhere() -> None:
    for path in PAGE.iterdir():
        text = path.read_text()
        assert len(text.splitlines()) <= 400, path.name
        outside = [word for word in ("http:", "https:", "//cdn") if word in text]
        assert not outside or path.name == "icon.svg", path.name
        assert "innerHTML =" not in text.replace('$("weight").innerHTML = hint', "")
    assert sum(p.stat().st_size for p in PAGE.iterdir()) < 120_000  # a third of it when packed


def test_the_page_and_the_engine_count_alike() -> None:
    """The page's lists are in the order of the engine's enums."""
    settings, net = ((PAGE / name).read_text() for name in ("settings.js", "net.js"))
    for title, names in (
        ("ACTIVATIONS", ACTIVATIONS),
        ("LOSSES", LOSSES),
        ("SCHEDULES", SCHEDULES),
    ):
        body = re.search(rf"export const {title} = \{{(.*?)\n\}};", settings, re.S)[1]
        body = re.sub(r"\{.*?\}", "", body)
        assert re.findall(r"(\w+):", body) == list(names)
    for row, optimizer in enumerate(OPTIMIZERS):
        assert re.search(rf"\n  {optimizer}: \{{ label: [^,]*, row: {row},", settings)
    assert f"HEAD = {HEAD};" in net
