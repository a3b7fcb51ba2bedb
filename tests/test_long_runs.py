"""Ctrl-C ends a long run in its middle: an op, a program, a step of a fit."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

PREAMBLE = """
import json, os, signal, threading, time
import numpy as np
import fastnn
from fastnn import nn
from fastnn._core import engine

def interrupt_when(ready):
    def wait():
        while not ready():
            pass
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=wait, daemon=True).start()

def spent(seconds):
    until = time.process_time() + seconds
    return lambda: time.process_time() > until

def bits(arrays):
    return b"".join(np.asarray(a).tobytes() for a in arrays)
"""
OP = """
a, b = np.full({a}, 0.5, "f4"), np.ones({b}, "f4")
out = np.full({out}, np.nan, "f4")
call = lambda: engine.call(engine.OPS["{op}"], (out, a{more}), {dims}, {attrs}, {threads})
interrupt_when(lambda: not np.isnan(out.flat[0]))
try:
    call()
    print(json.dumps("finished"))
except KeyboardInterrupt:
    left = int(np.isnan(out).sum())
    call()
    print(json.dumps([left > 0, int(np.isnan(out).sum())]))
"""
PRODUCT = dict(op="matmul", a="(2800, 2800)", b="(2800, 2800)", out="(2800, 2800)",
               more=", b, None, None", dims="()", attrs="(0, 0)")  # fmt: skip
FIT = """
fastnn.set_num_threads({threads})
fastnn.manual_seed(0)
model = nn.Sequential(nn.Linear(700, 1500), nn.ReLU(), nn.Linear(1500, 1500), nn.ReLU(),
                      nn.Linear(1500, 1))
optimizer = fastnn.optim.Adam(model.parameters())
trainer = fastnn.Trainer(model, nn.MSELoss(), optimizer)
x, y = np.ones(({rows}, 700), "f4"), np.ones(({rows}, 1), "f4")
kept = []

class AfterTheFirst(fastnn.callbacks.Callback):
    def on_epoch_end(self, epoch, logs):
        kept.append(bits(model.state_dict().values()))
        if epoch == 0:
            interrupt_when(spent(0.1))

try:
    trainer.fit(x, y, epochs=3, batch_size={rows}, callbacks=[AfterTheFirst()], verbose=0)
    print(json.dumps("finished"))
except KeyboardInterrupt:
    same = bits(model.state_dict().values()) == kept[0]
    trainer.fit(x[:64], y[:64], epochs=1, batch_size=32, verbose=0)
    print(json.dumps([len(kept), same, bits(model.state_dict().values()) != kept[0]]))
"""


def ran(code: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + code], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.long
@pytest.mark.parametrize("threads", [1, 2])
def test_a_product_is_cut_short_and_then_whole(threads: int) -> None:
    assert ran(OP.format(threads=threads, **PRODUCT)) == [True, 0]


@pytest.mark.long
def test_an_op_in_tiles_is_cut_short() -> None:
    size = "(3_000_000,)"
    many = dict(op="ndtri", a=size, b="1", out=size, more="", dims="()", attrs="()", threads=1)
    assert ran(OP.format(**many)) == [True, 0]


@pytest.mark.long
def test_a_sort_of_one_row_is_cut_short() -> None:
    code = """
x = np.random.default_rng(0).random(4_000_000, "f4")
order = np.full(x.shape, -1)
call = lambda: engine.call(engine.OPS["argsort"], (order, x), (1, x.size), (0,), 1)
is_sorted = lambda: bool((np.diff(x[order]) >= 0).all())
interrupt_when(lambda: order[0] != -1)
try:
    call()
    print(json.dumps("finished"))
except KeyboardInterrupt:
    cut = not is_sorted()
    call()
    print(json.dumps([cut, is_sorted()]))
"""
    assert ran(code) == [True, True]


@pytest.mark.long
@pytest.mark.parametrize("threads", [1, 2])
def test_a_fit_is_as_before_the_step(threads: int) -> None:
    assert ran(FIT.format(threads=threads, rows=4000)) == [1, True, True]


@pytest.mark.long
def test_a_handler_of_the_users_lets_the_run_finish() -> None:
    own = "signal.signal(signal.SIGINT, lambda *_: None)\n"
    assert ran(own + OP.format(threads=1, **PRODUCT)) == "finished"


@pytest.mark.long
def test_another_thread_runs_on() -> None:
    code = """
other = np.full((2000, 2000), np.nan, "f4")
x = np.ones((2000, 2000), "f4")
wanted = np.empty_like(other)
engine.call(engine.OPS["matmul"], (wanted, x, x, None, None), (), (0, 0), 1)
thread = threading.Thread(target=lambda: [
    engine.call(engine.OPS["matmul"], (other, x, x, None, None), (), (0, 0), 1) for _ in range(4)])
thread.start()
"""
    check = "thread.join(); assert (other == wanted).all()\n"
    assert ran(code + OP.format(threads=1, **PRODUCT) + check) == [True, 0]
