"""`import fastnn` is cheap and leaves the process as it was; the metadata says what is true."""

import json
import re
import subprocess
import sys
import textwrap
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import fastnn

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENT_NAME = re.compile(r"[A-Za-z0-9._-]+")


def in_fresh_process(code: str) -> dict:
    """Run code in a new interpreter; it fills the dict `found`."""
    code = f"found = {{}}\n{textwrap.dedent(code)}\nimport json; print(json.dumps(found))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def around_import() -> dict:
    """What can be observed of the process before and after `import fastnn`, NumPy being there."""
    return in_fresh_process(
        """
        import os, signal, sys, threading, warnings
        import json, numpy as np

        def state():
            tiny, epsilon = np.float32(1e-40), np.float64(1e-310)
            return {
                "environment": dict(os.environ),
                "signals": [str(signal.getsignal(s)) for s in sorted(signal.valid_signals())],
                "warnings": [str(f) for f in warnings.filters],
                "numpy errors": np.geterr(),
                "denormals": [float(np.multiply(tiny, 0.5) * 1e30), float(epsilon / 2 * 1e300)],
                "rounding": [(1 / 3).hex(), float(np.divide(1, -3)).hex()],
                "threads": threading.active_count(),
                "recursion limit": sys.getrecursionlimit(),
                "hooks": [str(sys.excepthook), str(sys.displayhook), str(sys.breakpointhook)],
                "directory": os.getcwd(),
                "path": list(sys.path),
            }

        found["before"] = state()
        modules = set(sys.modules)
        import fastnn
        found["after"] = state()
        found["modules"] = sorted(set(sys.modules) - modules)
        found["stdlib"] = sorted(sys.stdlib_module_names)
        """
    )


def test_import_leaves_the_process_as_it_was(around_import):
    assert around_import["after"] == around_import["before"]
    assert all(value > 0 for value in around_import["before"]["denormals"])


def test_import_loads_nothing_but_numpy(around_import):
    loaded = {name.partition(".")[0] for name in around_import["modules"]}
    # Cython keeps its shared types in a module of this name, which it makes up at import.
    loaded = {name for name in loaded if not name.startswith(("_cython_", "cython_runtime"))}
    assert loaded - {"fastnn", "numpy"} <= set(around_import["stdlib"])


def test_import_does_not_load_slow_parts_of_the_standard_library(around_import):
    slow = {"asyncio", "multiprocessing.pool", "unittest", "sqlite3", "tkinter", "http.client"}
    assert not slow & set(around_import["modules"])


LATE = """
fastnn.callbacks fastnn.compiler fastnn.explain fastnn.guards fastnn.info fastnn.io fastnn.mindspore
fastnn.nn fastnn.optim fastnn.plot fastnn.tabular fastnn.train fastnn.utils
""".split()
STANDARD_LATE = "csv dataclasses hashlib json _hashlib".split()


def test_what_a_script_may_do_without_is_loaded_when_asked_for():
    found = in_fresh_process("import sys, fastnn; found['modules'] = sorted(sys.modules)")
    loaded = set(found["modules"])
    assert not loaded & {*LATE, *STANDARD_LATE}
    assert {"fastnn.tensor", "threading"} <= loaded


@pytest.mark.long
def test_late_names_are_there_all_the_same():
    """As attributes, by dir() and by `from`, before and after they are loaded."""
    found = in_fresh_process(
        f"""
        import sys, fastnn
        from importlib import import_module
        late = {LATE}
        late.remove("fastnn.tabular")  # a module to be imported by its path
        homes = [name.rpartition(".") for name in late]
        found["listed"] = [m for p, _, m in homes if m not in dir(import_module(p))]
        found["early"] = [name for name in late if name in sys.modules]
        found["same"] = [
            name for name, (p, _, m) in zip(late, homes)
            if getattr(import_module(p), m) is sys.modules[name]
        ]
        from fastnn import Trainer, compile, save
        from fastnn.optim.lr_scheduler import StepLR
        from fastnn.io import save as io_save
        found["names"] = save is io_save is fastnn.save and Trainer is fastnn.train.Trainer
        found["schedule"] = fastnn.optim.lr_scheduler.StepLR is StepLR
        stars = {{}}
        exec("from fastnn import *", stars)
        found["stars"] = sorted(set(fastnn.__all__) - set(stars))
        """
    )
    assert found == {
        "listed": [],
        "early": [],
        "same": [name for name in LATE if name != "fastnn.tabular"],
        "names": True,
        "schedule": True,
        "stars": [],
    }


def test_computing_leaves_floating_point_control_alone():
    """Kernels flush denormals to zero; NumPy in the same thread must not afterwards."""
    found = in_fresh_process(
        """
        import numpy as np, fastnn
        x = fastnn.tensor(np.ones((8, 8), np.float32))
        found["product"] = float((x @ x).numpy().sum())
        found["denormal"] = float(np.multiply(np.float64(1e-310), 0.5) * 1e300)
        """
    )
    assert found == {"product": 512.0, "denormal": pytest.approx(5e-11)}


def test_version_has_one_source():
    if not any(metadata.distributions(name="fastnn-cpu")):
        pytest.skip("fastnn is read from its folder, not installed")
    assert fastnn.__version__ == metadata.version("fastnn-cpu")


def test_numpy_is_the_only_dependency_at_run_time():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert [REQUIREMENT_NAME.match(d)[0] for d in project["dependencies"]] == ["numpy"]


def test_makefile_installs_what_the_build_requires():
    """The Makefile repeats the list, because it builds without isolation."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needed = config["build-system"]["requires"] + config["project"]["dependencies"]
    makefile = (ROOT / "Makefile").read_text()
    assert [r for r in needed if f'"{r}"' not in makefile] == []


def test_makefile_cross_compiles_with_the_flags_of_the_build():
    """The Makefile repeats them, because setup.py builds for this machine alone."""
    build = (ROOT / "setup.py").read_text()
    lists = re.findall(r"^(?:COMMON|OURS) = \[(.*?)\]", build, re.M | re.S)
    flags = re.search(r"^CROSS_FLAGS := (.*)", (ROOT / "Makefile").read_text(), re.M)
    assert flags[1].split() == re.findall(r'"(.*?)"', " ".join(lists)) != []


@pytest.mark.long
def test_an_sdist_has_what_git_has(tmp_path):
    pytest.importorskip("extension_helpers")
    if not (ROOT / ".git").exists():
        pytest.skip("of a checkout alone")
    make = [sys.executable, "setup.py", "-q", "egg_info", "--egg-base", tmp_path]
    subprocess.run(make, cwd=ROOT, capture_output=True, check=True)
    held = set((tmp_path / "fastnn_cpu.egg-info/SOURCES.txt").read_text().splitlines())
    known = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert [n for n in known if n not in held and not n.startswith(".git")] == []


@pytest.mark.long
@pytest.mark.parametrize("flag", ["-ffast-math", "-Ofast", "-march=native", "-flto=thin -Ofast"])
def test_unsafe_flags_are_taken_out_of_the_environment(flag, tmp_path):
    pytest.importorskip("extension_helpers")
    pytest.importorskip("setuptools", minversion="77")
    code = f"""
    import os, sys
    os.environ["CFLAGS"] = os.environ["LDFLAGS"] = "-g {flag}"
    sys.argv = ["setup.py", "--version"]
    import contextlib, io, runpy
    with contextlib.redirect_stdout(io.StringIO()):
        runpy.run_path("setup.py", run_name="__main__")
    found["flags"] = [os.environ["CFLAGS"], os.environ["LDFLAGS"]]
    """
    for flags in in_fresh_process(code)["flags"]:
        assert flags.split() in (["-g"], ["-g", "-flto=thin"])
