"""The thread team: how many threads, where they come from, and what they do when nothing is to do.

tests/c/teams.c has the protocol under stress; test_threads.py forks, signals and Python's threads.
"""

from __future__ import annotations

import os

import pytest
from test_threads import in_process

from fastnn._core import engine
from fastnn._support import threads

PROVIDERS = [name for name in ("openmp", "pthreads") if name == "pthreads" or engine.openmp_cpus()]

# ---- how many ----

LIMITS: dict[str, tuple[dict[str, str], int]] = {  # environment, threads on 8 CPUs
    "nothing": ({}, 8),
    "OpenMP's": ({"OMP_NUM_THREADS": "2"}, 2),
    "OpenMP's of each level": ({"OMP_NUM_THREADS": "3,2"}, 3),
    "OpenMP's, more than CPUs": ({"OMP_NUM_THREADS": "64"}, 8),
    "OpenMP's, nonsense": ({"OMP_NUM_THREADS": "all"}, 8),
    "OpenMP's, huge": ({"OMP_NUM_THREADS": "9" * 5000, "OMP_THREAD_LIMIT": "1" * 5000}, 8),
    "OpenMP's, many zeros": ({"OMP_NUM_THREADS": "0" * 5000 + "3"}, 3),
    "OpenMP's, 0": ({"OMP_NUM_THREADS": "0"}, 8),
    "OpenMP's limit": ({"OMP_THREAD_LIMIT": "4"}, 4),
    "both": ({"OMP_NUM_THREADS": "6", "OMP_THREAD_LIMIT": "4"}, 4),
    "ours": ({"FASTNN_NUM_THREADS": "5"}, 5),
    "ours, more than CPUs": ({"FASTNN_NUM_THREADS": "9"}, 9),
    "ours before OpenMP's": ({"FASTNN_NUM_THREADS": "5", "OMP_NUM_THREADS": "1"}, 5),
    "ours, empty": ({"FASTNN_NUM_THREADS": " ", "OMP_NUM_THREADS": "1"}, 1),
}


@pytest.mark.parametrize("case", LIMITS)
def test_how_many(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment, want = LIMITS[case]
    monkeypatch.setattr(threads, "available_cpus", lambda: 8)
    for name in ("FASTNN_NUM_THREADS", "OMP_NUM_THREADS", "OMP_THREAD_LIMIT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert threads._threads_of_environment() == want


def test_a_wrong_number_falls_back_to_openmps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "available_cpus", lambda: 8)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("FASTNN_NUM_THREADS", "many")
    with pytest.warns(UserWarning, match=r"FASTNN_NUM_THREADS: expected .*got 'many'; using 3"):
        assert threads._threads_of_environment() == 3


# ---- where from ----

SAME = """
fastnn.set_num_threads(1)
want = bits(fitted())
fastnn.set_num_threads(2)
found.update(same=bits(fitted()) == want, team=fastnn._support.threads.team_provider())
from fastnn._core import engine
found["helpers"] = engine.team_counts()["helpers"]
"""


@pytest.mark.parametrize("provider", PROVIDERS)
def test_providers_give_the_same_bits(provider: str) -> None:
    """Whatever OpenMP is told of how to wait, and wherever it puts its threads."""
    busy = {"OMP_WAIT_POLICY": "active", "GOMP_SPINCOUNT": "infinite", "OMP_PROC_BIND": "true"}
    found, err = in_process(SAME, FASTNN_TEAM=provider, **busy)
    assert found == {"same": True, "team": provider, "helpers": 1} and err == ""


@pytest.mark.long
@pytest.mark.skipif("openmp" not in PROVIDERS, reason="a build without OpenMP")
def test_openmp_gives_fewer_threads() -> None:
    """One: the caller works alone, at every run, and asks once."""
    found, _ = in_process(SAME, FASTNN_TEAM="openmp", OMP_THREAD_LIMIT="1", OMP_STACKSIZE="1M")
    assert found == {"same": True, "team": "openmp", "helpers": 0}


@pytest.mark.long
def test_a_stack_that_libgomp_cannot_have() -> None:
    found, err = in_process(SAME, FASTNN_TEAM="", OMP_STACKSIZE="100000G")
    assert found == {"same": True, "team": "pthreads", "helpers": 1} and err == ""


@pytest.mark.long
def test_an_unknown_provider_is_named() -> None:
    code = "found['team'] = fastnn._support.threads.team_provider()"
    found, err = in_process(code, FASTNN_TEAM="tbb")
    assert found == {"team": PROVIDERS[0]}
    assert f"FASTNN_TEAM: expected openmp or pthreads, got 'tbb'; using {PROVIDERS[0]}" in err


# ---- what they do ----

ASLEEP = """
import time
from fastnn._core import engine
fitted()

def states():
    tasks = [t for t in os.listdir("/proc/self/task") if int(t) != os.getpid()]
    return [open(f"/proc/self/task/{t}/stat").read().rpartition(")")[2].split()[0] for t in tasks]

while engine.team_counts()["naps"] == 0 or set(states()) != {"S"}:
    os.sched_yield()  # for ever, if one of them does not go to sleep: the test runs out of time
before = engine.team_counts()
trainer = fitted()
after = engine.team_counts()
found["works"] = after["pieces"] > before["pieces"]
while engine.team_counts()["naps"] == before["naps"] or set(states()) != {"S"}:
    os.sched_yield()
found["helpers"] = after["helpers"]
"""


@pytest.mark.long
@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="reads /proc")
@pytest.mark.parametrize("provider", PROVIDERS)
def test_idle_threads_sleep(provider: str) -> None:
    """Even where OpenMP is told to wait actively."""
    found, _ = in_process(ASLEEP, FASTNN_TEAM=provider, OMP_WAIT_POLICY="active")
    assert found == {"works": True, "helpers": 1}


@pytest.mark.long
def test_runs_at_once_share_the_threads() -> None:
    """Eight Python threads with a limit of two: one helper in all, and the bits of one thread."""
    found, _ = in_process(
        """
        from concurrent.futures import ThreadPoolExecutor
        from fastnn._core import engine
        model = make().model
        want = model.predict(x).tobytes()
        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda i: model.predict(x).tobytes(), range(64)))
        a, b = fastnn.randn(300, 300), fastnn.randn(300, 300)
        want_product = (a @ b).numpy().tobytes()
        with ThreadPoolExecutor(8) as pool:
            products = list(pool.map(lambda i: (a @ b).numpy().tobytes(), range(64)))
        found["same"] = set(got) == {want} and set(products) == {want_product}
        found["helpers"] = engine.team_counts()["helpers"]
        """
    )
    assert found == {"same": True, "helpers": 1}


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_forked_child_has_a_team_of_its_own(provider: str) -> None:
    """By pthreads, as what libgomp was doing at the fork is not known; grandchildren too."""
    found, err = in_process(
        """
        from fastnn._core import engine
        want = bits(fitted())

        def check():
            helpers = engine.team_counts()["helpers"]
            fine = helpers == 0 and bits(fitted()) == want and engine.team_provider() == "pthreads"
            return fine and engine.team_counts()["helpers"] == 1

        child = os.fork()
        if child == 0:
            grandchild = os.fork() if check() else -1
            if grandchild == 0:
                os._exit(0 if check() else 4)
            code = os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1])
            os._exit(code if grandchild > 0 else 3)
        found["code"] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        found["parent"] = bits(fitted()) == want
        """,
        FASTNN_TEAM=provider,
    )
    assert found == {"code": 0, "parent": True} and err == ""
