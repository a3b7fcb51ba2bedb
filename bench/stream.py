"""`python -m bench.stream`: a table that memory does not hold, beside one that it does.

Two things. Speed: `Trainer.fit` on arrays and on `open_table` of the same rows in a file of the
page cache, by turns, in one process; the ratio of their rows a second. Memory: a child trains one
epoch on a file of zero pages of `--gigabytes`, and its resident memory is read from /proc while it
does: VmRSS (all), RssAnon (what it allocated, no pages of files), VmHWM (the most that VmRSS was).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from bench import report

BATCH = 256
WANTED = 0.9  # of the speed in memory
BOUND = 500e6  # bytes
EVERY = 0.25  # seconds between two looks at the memory
SHOWN = 12  # of them


def trainer_of(widths: tuple[int, ...]) -> Any:
    import fastnn
    from fastnn import nn, optim

    fastnn.manual_seed(0)
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    return fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))


def zeros(path: Path, shape: tuple[int, ...], dtype: type) -> np.memmap:
    """An array in a file of zero pages, which takes no place on the disk."""
    with open(path, "wb") as file:
        file.truncate(int(np.prod(shape)) * np.dtype(dtype).itemsize)
    return np.memmap(path, dtype, "r", 0, shape)


def table_in(folder: Path, gigabytes: float, width: int) -> tuple[np.memmap, np.memmap]:
    rows = int(gigabytes * 1e9 / 4 / width)
    x = zeros(folder / "x", (rows, width), np.float32)
    return x, zeros(folder / "y", (rows,), np.int64)


def compared(
    folder: Path, gigabytes: float, widths: tuple[int, ...], memory: str, rounds: int
) -> dict[str, dict[str, float]]:
    """Seconds of an epoch by the clock and of the processors, the least of the rounds."""
    from fastnn.io import open_table

    x, y = table_in(folder, gigabytes, widths[0])
    held = np.array(x), np.array(y)
    held[0][...] = np.random.default_rng(0).random(widths[0], np.float32)
    trainers = trainer_of(widths), trainer_of(widths)
    table = open_table(x, y, memory=memory)
    runs: dict[str, Callable[[], Any]] = {
        "in memory": lambda: trainers[0].fit(*held, batch_size=BATCH, verbose=0),
        "open_table": lambda: trainers[1].fit(table, batch_size=BATCH, verbose=0),
    }
    found = {name: {"clock": 1e9, "processors": 1e9} for name in runs}
    for number in range(rounds + 1):
        for name, run in runs.items():
            began, spent = time.perf_counter(), time.process_time()
            run()
            if number:  # the first one reads the file into the cache, and checks it
                own = found[name]
                own["clock"] = min(own["clock"], time.perf_counter() - began)
                own["processors"] = min(own["processors"], time.process_time() - spent)
    return found


def status_of(process: int) -> dict[str, float]:
    """Resident memory of a process, in MB."""
    text = Path(f"/proc/{process}/status").read_text()
    lines = (line.split() for line in text.splitlines())
    return {
        words[0][:-1]: int(words[1]) * 1024 / 1e6
        for words in lines
        if words[0] in ("VmRSS:", "RssAnon:", "VmHWM:")
    }


def one_epoch(folder: Path, gigabytes: float, widths: tuple[int, ...], memory: str) -> None:
    """What the child does."""
    from fastnn.io import open_table

    table = open_table(*table_in(folder, gigabytes, widths[0]), memory=memory)
    table.look()
    trainer = trainer_of(widths)
    began = time.perf_counter()
    trainer.fit(table, batch_size=BATCH, verbose=0)
    print(table.rows / (time.perf_counter() - began), status_of(os.getpid())["VmHWM"])


def curve(
    folder: Path, gigabytes: float, widths: tuple[int, ...], memory: str
) -> tuple[list[list[str]], float, float]:
    """Resident memory of the child over time; its rows a second, and the most it had, in MB."""
    asked = ["--child", str(folder), "--gigabytes", str(gigabytes), "--memory", memory]
    command = [sys.executable, "-m", "bench.stream", *asked, "--net", ",".join(map(str, widths))]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    began, seen = time.perf_counter(), list[tuple[float, dict[str, float]]]()
    while child.poll() is None:
        try:
            seen.append((time.perf_counter() - began, status_of(child.pid)))
        except (OSError, IndexError):
            break
        time.sleep(EVERY)
    said = child.communicate()[0].split()
    if child.returncode:
        raise SystemExit(child.returncode)
    step = max(len(seen) // SHOWN, 1)
    lines = [
        [f"{at:.1f}", *(f"{now.get(name, 0):.0f}" for name in ("VmRSS", "RssAnon", "VmHWM"))]
        for at, now in seen[::step]
    ]
    return lines, float(said[0]), float(said[1])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.stream", description=__doc__)
    add = parser.add_argument
    add("--gigabytes", type=float, default=20.0, help="of the table that memory does not hold (20)")
    add("--fits", type=float, default=2.0, help="gigabytes of the table that it does hold (2)")
    add("--net", default="256,128,10", help="widths of the layers")
    add("--memory", default="64MB", help="as of open_table")
    add("--rounds", type=int, default=3)
    add("--folder", help="where files of zero pages are put for the time; default: a new one")
    add("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    widths = tuple(map(int, options.net.split(",")))
    if options.child:
        one_epoch(Path(options.child), options.gigabytes, widths, options.memory)
        return 0
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        found = compared(folder, options.fits, widths, options.memory, options.rounds)
        rows = options.fits * 1e9 / 4 / widths[0]
        lines = [["", "rows a second", "us of processors a row"]]
        for run, times in found.items():
            lines.append(
                [run, f"{rows / times['clock']:,.0f}", f"{times['processors'] / rows * 1e6:.2f}"]
            )
        ratios = {
            k: found["in memory"][k] / found["open_table"][k] for k in ("clock", "processors")
        }
        print(f"{options.fits:g} GB, net {options.net}, memory {options.memory}")
        print(report.plain(lines))
        print(f"ratio by the clock {ratios['clock']:.2f}, of processors {ratios['processors']:.2f}")
        points, speed, most = curve(folder, options.gigabytes, widths, options.memory)
        print(f"{options.gigabytes:g} GB, one epoch: MB resident")
        print(report.plain([["seconds", "VmRSS", "RssAnon", "VmHWM"], *points]))
        print(f"{speed:,.0f} rows a second, VmHWM {most:.0f} MB")
    good = ratios["clock"] >= WANTED and most * 1e6 < BOUND
    print(f"wanted: ratio >= {WANTED}, VmHWM < {BOUND / 1e6:.0f} MB: {'yes' if good else 'NO'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
