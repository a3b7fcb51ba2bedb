"""Threads, processes and signals around the engine (R20, R21, R22, R24)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_trainer import fields

import fastnn
from fastnn import nn, optim
from fastnn._core import engine
from fastnn._support import threads
from fastnn.tensor import Tensor
from fastnn.train import batch_order

ROOT = Path(__file__).resolve().parents[1]
HANG = 120  # seconds; only a hang takes so long
# From Python 3.12 on any fork beside threads warns; that it works is what is tested.
FORKS = "ignore:This process:DeprecationWarning"

# What subprocesses begin with: a net that the engine gives several threads.
WIDE = """
import json, os, signal, sys, threading
import numpy as np
import fastnn
from fastnn import nn, optim

def make():
    fastnn.manual_seed(5)
    layers = nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
    model = nn.Sequential(*layers)
    return fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=1e-3))

rng = np.random.default_rng(1)
x, y = rng.normal(size=(512, 64)).astype(np.float32), rng.integers(0, 10, 512)

def bits(trainer):
    return [p.detach().numpy().tobytes() for p in trainer.model.parameters()]

def fitted():
    trainer = make()
    trainer.fit(x, y, epochs=2, batch_size=256, verbose=0)
    return trainer

found = {}
"""


def in_process(code: str, **environment: str) -> tuple[dict[str, Any], str]:
    """What code in a new interpreter put into `found`, and its stderr."""
    code = f"{WIDE}\n{textwrap.dedent(code)}\nprint(json.dumps(found))"
    done = subprocess.run(
        [sys.executable, "-W", FORKS, "-c", code],
        capture_output=True,
        text=True,
        timeout=HANG,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "FASTNN_NUM_THREADS": "2", **environment},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


# ---- how many ----

CGROUPS: dict[str, tuple[dict[str, str], int]] = {  # files, CPUs of the 8 there are
    "none": ({}, 8),
    "no limit": ({"cpu.max": "max 100000\n"}, 8),
    "two": ({"cpu.max": "200000 100000\n"}, 2),
    "more than there are": ({"cpu.max": "6400000 100000\n"}, 8),
    "less than one": ({"cpu.max": "10000 100000\n"}, 1),
    "one and a half": ({"cpu.max": "160000 100000\n"}, 2),
    "nonsense": ({"cpu.max": "lots\n"}, 8),
    "no numbers": ({"cpu.max": "a b\n"}, 8),
    "no period": ({"cpu.max": "100000 0\n"}, 8),
    "version 1": ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
    "version 1, none": ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
    "half of version 1": ({"cpu/cpu.cfs_quota_us": "300000\n"}, 8),
}


@pytest.mark.parametrize("case", CGROUPS)
def test_available_cpus(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, want = CGROUPS[case]
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(threads, "_CGROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    assert threads.available_cpus() == want


def test_available_cpus_without_affinity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_CGROUP", tmp_path)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    for count, want in ((5, 5), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        assert threads.available_cpus() == want


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_one_cpu_means_one_thread() -> None:
    found, _ = in_process(
        """
        import subprocess
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        code = "import fastnn; print(fastnn.num_threads())"
        found["threads"] = int(subprocess.check_output([sys.executable, "-c", code]))
        """,
        FASTNN_NUM_THREADS="",
    )
    assert found == {"threads": 1}


@pytest.mark.every(5)
@pytest.mark.parametrize("text", ["3", " 3 ", "1024", "", "0", "-1", "1025", "two", "2.0"])
def test_num_threads_of_the_environment(text: str) -> None:
    """A bad value is named in one warning, and does not stop the import."""
    found, err = in_process(
        "found.update(n=fastnn.num_threads(), cpus=fastnn._support.threads.available_cpus())",
        FASTNN_NUM_THREADS=text,
    )
    if text.strip().isdigit() and 1 <= int(text) <= 1024:
        assert (found["n"], err) == (int(text), "")
    else:
        assert found["n"] == found["cpus"]
        warning = f"UserWarning: FASTNN_NUM_THREADS: expected an integer in 1..1024, got '{text}'"
        assert (warning in err) == bool(text) and bool(err) == bool(text)


@pytest.mark.every(5)
@pytest.mark.parametrize("name", engine.isas())
def test_isa_of_the_environment(name: str) -> None:
    assert in_process("found['isa'] = fastnn.isa()", FASTNN_ISA=name)[0] == {"isa": name}


OTHERS = sorted({"avx2", "avx512", "avx512_vnni", "avx512_bf16", "neon"} - set(engine.isas()))


@pytest.mark.parametrize("name", ["mmx", *OTHERS])
def test_isa_that_is_not_there(name: str) -> None:
    code = f"import os; os.environ['FASTNN_ISA'] = {name!r}\nimport fastnn"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=HANG, cwd=ROOT
    )
    assert done.returncode == 1
    which = ", which this machine does not run" if name in OTHERS else ""
    names = ", ".join(engine.isas())
    assert f"ValueError: isa: expected one of {names}, got {name!r}{which}\n" in done.stderr


@pytest.mark.parametrize("n", [0, -2, 10**6, 1025, 2**64, 1.0, "2", None, True, [1]])
def test_set_num_threads_refuses(n: Any) -> None:
    before, error = fastnn.num_threads(), ValueError if type(n) is int else TypeError
    with pytest.raises(error, match=r"^threads: expected an integer"):
        fastnn.set_num_threads(n)
    assert fastnn.num_threads() == before


# ---- fork ----


@pytest.mark.long
def test_a_forked_child_fits_and_predicts() -> None:
    """After a fit on several threads, whose pool the child does not have; the same bits as here."""
    found, stderr = in_process(
        """
        trainer = fitted()
        want, z = bits(trainer), trainer.model.predict(x).tobytes()
        for run in range(3):
            child = os.fork()
            if child == 0:
                same = trainer.model.predict(x).tobytes() == z and bits(fitted()) == want
                trainer.fit(x, y, batch_size=256, verbose=0)  # programs of before the fork
                os._exit(0 if same else 3)
            found[run] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            found[f"parent {run}"] = int(bits(fitted()) != want)
        """
    )
    assert set(found.values()) == {0} and len(found) == 6
    assert stderr == ""


@pytest.mark.long
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_pool_of_processes(method: str, tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(
        WIDE + "\ndef job(i):\n    import hashlib\n"
        "    return hashlib.sha256(b''.join(bits(fitted()))).hexdigest()\n"
    )
    found, _ = in_process(
        f"""
        import multiprocessing
        sys.path.insert(0, {str(tmp_path)!r})
        import job
        found["want"] = job.job(0)
        with multiprocessing.get_context({method!r}).Pool(2) as pool:
            found["got"] = pool.map(job.job, range(4))
        """,
        PYTHONWARNINGS="ignore",
    )
    assert found["got"] == [found["want"]] * 4


# ---- Python threads ----


def run_together(jobs: list[Any]) -> list[BaseException]:
    """Run each job in a thread of its own; what they raised."""
    raised: list[BaseException] = []
    gate = threading.Barrier(len(jobs))

    def work(job: Any) -> None:
        try:
            gate.wait(HANG)
            job()
        except BaseException as error:
            raised.append(error)

    workers = [threading.Thread(target=work, args=(job,), daemon=True) for job in jobs]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(HANG)
            assert not worker.is_alive(), "a thread hangs"
    finally:
        sys.setswitchinterval(interval)
    return raised


def small_trainer(width: int = 32) -> fastnn.Trainer:
    fastnn.manual_seed(9)
    model = nn.Sequential(nn.Linear(6, width), nn.ReLU(), nn.Linear(width, 3))
    return fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01))


DATA = np.random.default_rng(2).normal(size=(200, 6)).astype(np.float32)
LABELS = (DATA[:, 0] > 0).astype(np.int64) + (DATA[:, 1] > 0)


def test_predict_while_another_thread_fits() -> None:
    """Every result is finite; the fit ends up where it does when alone."""
    alone, together, epochs = small_trainer(), small_trainer(), []
    running, enough = threading.Event(), threading.Event()
    together.model.predict(DATA)  # recorded here: one recording at a time

    def watch(epoch: int, logs: dict[str, float]) -> bool:
        running.set()
        epochs.append(epoch)
        return enough.is_set()

    def fit() -> None:
        fastnn.manual_seed(4)
        try:
            together.fit(DATA, LABELS, epochs=10**6, verbose=0, callbacks=[watch])
        finally:
            running.set()

    def predict() -> None:
        try:
            assert running.wait(HANG)
            for _ in range(300):
                assert np.isfinite(together.model.predict(DATA)).all()
        finally:
            enough.set()

    assert run_together([fit, predict]) == []
    fastnn.manual_seed(4)
    alone.fit(DATA, LABELS, epochs=len(epochs), verbose=0)
    assert fields(alone) == fields(together)


# ---- floating-point mode ----


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_denormals_are_zero_inside_and_live_outside(dtype: str) -> None:
    """Weights that decay to nothing become 0, not denormals; NumPy's arithmetic keeps its own."""
    tiny = float(np.finfo(dtype).tiny)
    with fastnn.no_grad():
        model = nn.Sequential(nn.Linear(4, 4)).to(dtype)
        model[0].weight.fill_(tiny * 1.5)
        model[0].bias.fill_(0.0)
    optimizer = optim.SGD(model.parameters(), lr=0.5, weight_decay=1.0)  # halves them
    trainer = fastnn.Trainer(model, nn.MSELoss(), optimizer)
    trainer.fit(np.zeros((8, 4)), np.zeros((8, 4)), verbose=0)
    assert not model[0].weight.detach().numpy().any()
    half = np.full(3, tiny, dtype) * np.asarray(0.5, dtype)
    assert (half > 0).all() and (half < tiny).all() and (half + half == tiny).all()


# ---- Ctrl-C ----

MOMENTS = {  # what the fit does when it says that it has begun, and C or Python runs on
    "the loop begins": """
        begin = fastnn.train.loop.Loop.start
        def start(self, *span):
            begin(self, *span)
            say_go()
        fastnn.train.loop.Loop.start = start
        """,
    "epochs one by one": "options['callbacks'] = [lambda epoch, logs: epoch == 2 and say_go()]",
    "validation": """
        options["validation_data"] = np.repeat(x, 8, 0), np.repeat(y, 8)
        options["callbacks"] = [lambda epoch, logs: epoch == 1 and say_go()]
        """,
}


@pytest.mark.long
@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c(moment: str) -> None:
    """The model is as after a finished step, and the next fit goes on."""
    code = """
        trainer, options = make(), {}
        told = []
        def say_go():
            if not told:
                told.append(True)
                os.write(1, b"go\\n")
        MOMENT
        try:
            trainer.fit(x, y, epochs=10**9, batch_size=64, verbose=0, **options)
        except KeyboardInterrupt:
            found["interrupted"] = True
        found["finite"] = bool(np.isfinite(np.frombuffer(b"".join(bits(trainer)), "f4")).all())
        losses = trainer.history.history.get("loss", [])
        found["figures"] = len(trainer.history.epoch) == len(losses)
        found["modes"] = all(m.training for m in trainer.model.modules())
        steps = {entry["step"] for entry in trainer.optimizer.state_dict()["state"].values()}
        found["whole steps"] = len(steps) <= 1 and sum(steps) >= 8 * len(losses)
        trainer.fit(x, y, batch_size=64, verbose=0)
        after = trainer.optimizer.state_dict()["state"][0]["step"]
        found["goes on"] = after == sum(steps) + 8
        print(json.dumps(found))
        """
    code = textwrap.dedent(code).replace("MOMENT", textwrap.dedent(MOMENTS[moment]).strip())
    with subprocess.Popen(
        [sys.executable, "-c", WIDE + code],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "FASTNN_NUM_THREADS": "2"},
    ) as child:
        try:
            assert child.stdout is not None and child.stdout.readline() == "go\n"
            child.send_signal(signal.SIGINT)
            out, _ = child.communicate(timeout=HANG)
        finally:
            child.kill()  # or leaving this block waits for it
    names = ["interrupted", "finite", "figures", "modes", "whole steps", "goes on"]
    assert json.loads(out) == dict.fromkeys(names, True)


@pytest.mark.parametrize("call", [1, 2, 4])
def test_ctrl_c_while_the_step_is_recorded(call: int) -> None:
    """In the loss (1: of the first step, 2: of the smaller last one), or after the update (4)."""
    trainer = small_trainer()
    trainer.fit(DATA[:48], LABELS[:48], batch_size=24, verbose=0)
    before = fields(trainer)

    def interrupt(*_: Any) -> Tensor:
        if call != 2 or len(_[0]) < 32:
            signal.raise_signal(signal.SIGINT)
        return nn.CrossEntropyLoss()(*_)

    if call < 4:
        trainer.loss = nn.CrossEntropyLoss()
        trainer.loss.forward = interrupt
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(DATA, LABELS, verbose=0, metrics=[interrupt] if call == 4 else [])
    after = fields(trainer)
    if call == 2:  # all steps before that one were made, and nothing of it
        full = small_trainer()
        full.fit(DATA[:48], LABELS[:48], batch_size=24, verbose=0)
        order = batch_order(len(DATA), trainer.seed, 0)[: len(DATA) // 32 * 32]
        full.fit(DATA[order], LABELS[order], shuffle=False, verbose=0)
        before = fields(full)
    assert all(after[name] == before[name] for name in ("weights", "state", "modes"))
    assert fastnn.is_grad_enabled()
    trainer.loss = nn.CrossEntropyLoss()
    trainer.fit(DATA, LABELS, verbose=0)
    assert fields(trainer)["weights"] != before["weights"]
