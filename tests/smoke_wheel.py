"""Train a tiny net from an installed wheel: NumPy only, no compiler. Run by `make wheel`.

usage: python -I tests/smoke_wheel.py [WHEEL]

SMOKE_PYTHON is the command that starts Python where that is not sys.executable, as in an emulator.
"""

import os
import platform
import shlex
import subprocess
import sys
import sysconfig
import time
from importlib import metadata

import numpy as np

LIMIT = 2_100_000  # docs/decisions/0017; bytes; more than half of them are Python source
PYTHON = shlex.split(os.environ.get("SMOKE_PYTHON", shlex.quote(sys.executable)))
IMPORT_TIME = (
    "import numpy, time; start = time.process_time(); import fastnn;"
    "print(1e3 * (time.process_time() - start))"
)


def check_wheel(path: str) -> None:
    size = os.path.getsize(path)
    print(f"{os.path.basename(path)}: {size / 1e6:.2f} MB")
    assert size < LIMIT, f"the wheel has {size} bytes, the limit is {LIMIT}"


def check_environment() -> None:
    installed = {d.metadata["Name"].lower() for d in metadata.distributions()}
    assert installed - {"pip", "setuptools"} == {"fastnn-cpu", "numpy"}, sorted(installed)
    times = [float(subprocess.check_output([*PYTHON, "-I", "-c", IMPORT_TIME])) for _ in range(5)]
    print(f"import fastnn: {min(times):.0f} ms of CPU more than import numpy")


def check_training() -> None:
    import fastnn
    from fastnn import nn, optim

    fastnn.manual_seed(0)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((512, 16), dtype=np.float32)
    y = (x @ rng.standard_normal((16, 4))).argmax(axis=1)
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))
    trainer = fastnn.Trainer(
        model,
        loss=nn.CrossEntropyLoss(),
        optimizer=optim.Adam(model.parameters(), lr=1e-2),
    )
    start = time.perf_counter()
    history = trainer.fit(x, y, epochs=10, batch_size=64, verbose=0)
    seconds = time.perf_counter() - start
    loss = history.history["loss"]
    print(f"10 epochs of 512 rows: {1e3 * seconds:.0f} ms, loss {loss[0]:.3f} -> {loss[-1]:.3f}")
    assert len(loss) == 10
    assert loss[-1] < 0.5 * loss[0], loss
    assert np.shape(model.predict(x[:5]))[0] == 5
    shape = model[0].weight.shape  # Python 3.14 keeps a tuple's hash inside it
    assert {shape, tuple(shape)} == {(32, 16)}, "a shape is not the same key as a tuple"


def check_playground() -> None:
    from fastnn.playground import Playground

    with Playground() as server:
        assert {"/", "/main.js", "/style.css"} <= set(server.files), "the page is not in the wheel"


def check_gil() -> None:
    """Say what ran; a free-threaded Python must still be one after the import."""
    import fastnn

    free = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    libc = " ".join(platform.libc_ver()).strip()
    libc = "musl" if libc in ("", "libc") else libc  # as Pythons differ in what they call it
    print(
        f"Python {platform.python_version()}, {libc}, {platform.machine()}, {fastnn.isa()}, "
        f"{'without' if not gil else 'with'} GIL"
    )
    assert gil != free, "the import of fastnn has switched the GIL on"


if __name__ == "__main__":
    for wheel in sys.argv[1:]:
        check_wheel(wheel)
    check_environment()
    check_training()
    check_playground()
    check_gil()
    print("the wheel works")
