"""What the playground's page makes without a browser: programs, tables, links. Runs its modules in
Node.js; check_playground_torch.py runs the programs for PyTorch."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playground_nets import frame_of

from fastnn._core.engine import PlayNet
from fastnn.playground import columns_of

SCRIPT = Path(__file__).parent / "playground_page.mjs"


def ask(*requests: tuple[Any, ...]) -> list[Any]:
    """The answers of the page's modules to (call, ...arguments)."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node.js: `apt install nodejs`")
    done = subprocess.run(
        [node, SCRIPT], input=json.dumps(requests), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


# ---- the program that a page gives away ----

# One net for each optimizer, activation, loss, schedule and data set at least.
LINKS = {
    "defaults": "",
    "spiral": "data=spiral&layers=8+8&optimizer=adam&lr=0.01&percent=70",
    "adamw": "optimizer=adamw&own.beta1=0.8&l2=0.01&layers=3&activation=relu&schedule=steps"
    "&period=2",
    "rmsprop": "loss=cross_entropy&optimizer=rmsprop&own.momentum=0.5&lr=0.003&schedule=cosine"
    "&period=4&data=xor&seed=999999",
    "nesterov": "problem=regression&data=plane&loss=absolute&optimizer=nesterov&l1=0.0001&layers=",
    "rprop": "activation=sin&optimizer=rprop&lr=0.01&schedule=warmup&period=3&features=x1+x2x2"
    "&batch=200",
    "lion": "optimizer=lion&lr=0.001&l2=0.01&activation=gelu&schedule=exponential&factor=0.99",
    "adagrad": "optimizer=adagrad&activation=sigmoid&noise=20&batch=7&own.lr_decay=0.01",
    "nadam": "optimizer=nadam&lr=0.01&activation=linear&features=x1+x2+x1x1+x2x2+x1x2+sinx1+sinx2",
    "l1": "l1=0.001&l2=0.01&own.momentum=0.9&lr=0.01&problem=regression&data=hills",
    "few rows": "optimizer=adam&l1=0.001&data=gauss&percent=10&batch=200&seed=0",
    "drawn": "data=drawn&drawn=8AEA_gDwAfAA_gEAAQ",
}


@pytest.mark.long
@pytest.mark.parametrize("name", LINKS)
def test_the_program_has_the_losses_of_the_page(name: str, tmp_path: Path) -> None:
    """To the last bit that it prints: from the page's first weights, in its order of the rows."""
    (made,) = ask(("net", LINKS[name]))
    numbers, data = (base64.b64decode(made[part]) for part in ("numbers", "data"))
    rows = made["table"].count(",0\n")
    page = frame_of(PlayNet(numbers, data).frame(5 * math.ceil(rows / made["batch"]), False))
    assert (page.epoch, page.status) == (5, 0)
    code = made["fastnn"].replace("range(100)", "range(5)")
    assert code != made["fastnn"]
    (tmp_path / "playground.csv").write_text(made["table"])
    said = io.StringIO()
    with contextlib.chdir(tmp_path), contextlib.redirect_stdout(said):
        exec(compile(code, name, "exec"), {})
    assert said.getvalue() == f"test loss {page.test_loss:.6g}\n"


# ---- tables, links, points drawn by hand ----

HEAD = b"a,b,kind\n"
PAIRS = b"1,5,no\n3,4,yes\n" * 3
# A file, and what is found of it: the inputs of its first two rows, or a word of the error.
FILES: dict[str, tuple[bytes, Any]] = {
    "plain": (HEAD + PAIRS, [[-5, 5], [5, -5]]),
    "semicolons": (b"a;b;kind\n" + PAIRS.replace(b",", b";"), [[-5, 5], [5, -5]]),
    "tabs": (b"a\tb\tkind\n" + PAIRS.replace(b",", b"\t"), [[-5, 5], [5, -5]]),
    "decimal commas": (b"a;b;kind\n1,5;2;u\n2,5;,5;v\n" * 3, [[-5, 5], [5, -5]]),
    "line ends of a Mac of old": ((HEAD + PAIRS).replace(b"\n", b"\r"), [[-5, 5], [5, -5]]),
    "line ends of Windows": ((HEAD + PAIRS).replace(b"\n", b"\r\n"), [[-5, 5], [5, -5]]),
    "a mark of order": (b"\xef\xbb\xbf" + HEAD + PAIRS, [[-5, 5], [5, -5]]),
    "UTF-16": ((HEAD + PAIRS).decode().encode("utf-16"), [[-5, 5], [5, -5]]),
    "a quote within a cell": (HEAD + b'1,5,2" pipe\n3,4,3" pipe\n' * 2, [[-5, 5], [5, -5]]),
    "quoted cells": (HEAD + b'"1","5","a, ""b""\nc"\n3,4,d\n' * 2, [[-5, 5], [5, -5]]),
    "two columns of a name": (b"a,a,kind\n" + PAIRS, [[-5, 5], [5, -5]]),
    "names that are numbers": (b"2,1,0\n" + PAIRS, [[-5, 5], [5, -5]]),
    "a column without a name": (b",b,kind\n" + PAIRS, [[-5, 5], [5, -5]]),
    "names of JavaScript's own": (b"__proto__,constructor,kind\n" + PAIRS, [[-5, 5], [5, -5]]),
    "gaps": (HEAD + b"NA,5,no\n,4,no\n" + PAIRS, [[-5, 5], [5, -5]]),
    "short and long rows": (HEAD + b"1,5\n1,5,no,9\n3,4,yes\n" * 2, [[-5, 5], [5, -5]]),
    "numbers near the largest": (HEAD + b"-1e308,0,no\n1e308,1,yes\n" * 2, [[-5, -5], [5, 5]]),
    "a column that is all the same": (HEAD + b"7,0,no\n7,1,yes\n" * 2, [[0, -5], [0, 5]]),
    "hexadecimal": (HEAD + b"0x10,1,no\n0b1,2,yes\n" * 3, "a: expected a column of numbers"),
    "text": (HEAD + b"u,v,w\n" * 4, "a: expected a column of numbers"),
    "empty": (b"", "a header, three columns and four rows"),
    "a header alone": (HEAD, "a header, three columns and four rows"),
    "one row": (HEAD + b"1,2,x\n", "a header, three columns and four rows"),
    "two columns": (b"a,b\n" + b"1,2\n" * 5, "a header, three columns and four rows"),
    "few whole rows": (HEAD + b"1,2,x\n" * 3 + b"1,,x\n", "four complete rows"),
    "Latin-1": (b"a,b,gr\xfc\xdfe\n" + PAIRS, "UTF-8"),
    "no text": (bytes(range(256)), "UTF-8"),
}  # fmt: skip


def test_tables_as_they_come() -> None:
    asked = [
        ("table", base64.b64encode(raw).decode(), None, "classification")
        for raw, _ in FILES.values()
    ]
    for (name, (_, want)), found in zip(FILES.items(), ask(*asked)):
        if isinstance(want, str):
            assert want in found["error"], name
        else:
            assert "error" not in found, (name, found)
            assert [[p["x"], p["y"]] for p in found["points"][:2]] == want, name


def test_the_command_reads_the_headers_that_the_page_reads(tmp_path: Path) -> None:
    """Or says in words why not; of two columns of one name it wants to know which."""
    for name, (raw, want) in FILES.items():
        path = tmp_path / "t.csv"
        path.write_bytes(raw)
        if raw[:2] in (b"\xff\xfe", b"\x00\x01") or name == "two columns of a name":
            with pytest.raises(ValueError, match=r"UTF-8|names of their own"):
                columns_of(str(path))
        elif isinstance(want, str):
            with contextlib.suppress(ValueError):  # what is wrong below the header the page says
                assert len(columns_of(str(path))) == 5
        else:
            assert columns_of(str(path)).target in ("kind", "0"), name


def test_what_is_said_of_a_table() -> None:
    body = "".join(f"{i},{i % 7},{i % 6}\n" for i in range(3000))
    raw = base64.b64encode(b"a,b,c\n" + body.encode()).decode()
    classes, numbers, other = ask(
        ("table", raw, None, "classification"),
        ("table", raw, None, "regression"),
        ("table", base64.b64encode(HEAD + PAIRS).decode(), [1, 0, 2], "classification"),
    )
    assert classes["words"] == "2,000 of 3,000 rows. c: 0 is negative; positive: every other."
    assert {p["label"] for p in classes["points"]} == {-1, 1}
    assert numbers["words"] == "2,000 of 3,000 rows."
    assert len({p["label"] for p in numbers["points"]}) == 6
    assert other["words"] == "6 of 6 rows. kind: no is negative; positive: yes."
    assert other["points"][0] == {"x": 5, "y": -5, "label": -1}


# A link, and what a setting of it is: something that the page's fields can show.
FORGED = {
    "speed=500": ("speed", 100), "speed=0": ("speed", 1), "speed=1e9": ("speed", 1000),
    "noise=3": ("noise", 5), "noise=-1": ("noise", 0), "percent=33": ("percent", 30),
    "percent=99": ("percent", 90), "batch=2.5": ("batch", 3), "seed=1e30": ("seed", 999999),
    "lr=1e400": ("lr", 0.03), "lr=-1": ("lr", 0), "lr=": ("lr", 0.03),
    "dropout=1": ("dropout", 0.9),
    "layers=1e9+-5+2.7+NaN": ("layers", [8, 1, 3, 1]), "features=": ("features", ["x1"]),
    "data=constructor": ("data", "circle"), "optimizer=__proto__": ("optimizer", "sgd"),
    "own.momentum=abc": ("own", {"momentum": 0}), "own.momentum=5": ("own", {"momentum": 0.999}),
    "problem=regression&loss=cross_entropy": ("loss", "squared"),
    "problem=regression&data=circle": ("data", "plane"), "hideTest=2": ("hideTest", False),
}  # fmt: skip


def test_forged_links() -> None:
    for (name, want), (found, _) in zip(FORGED.values(), ask(*(("settings", h) for h in FORGED))):
        assert found[name] == want, name


def test_a_link_holds_the_very_points_that_were_drawn() -> None:
    places = ask(*(("toPlace", x / 7) for x in range(-50, 50)))
    points = [{"x": x, "y": -x, "label": 1 - 2 * (i % 2)} for i, x in enumerate(places)]
    assert ask(("drawn", points)) == [points]
